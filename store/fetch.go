package store

// A Fetcher is a Reader that reads many keys and many ranges in one round trip. It is optional.
// A store that is reached through a network should have it: the number of round trips decides
// how long a call takes.
type Fetcher interface {
	// Fetch returns one value for each key, as [ManyGetter] does, and one page for each range,
	// as Scan does.
	Fetch(keys [][]byte, ranges []Range) (values [][]byte, pages []Page, err error)
}

// A Page is the result of a Scan.
type Page struct {
	Pairs []Pair
	More  bool
}

// Fetch reads many keys and many ranges. It reads them in one round trip if r is a [Fetcher],
// otherwise with [GetMany] and one Scan after another.
func Fetch(r Reader, keys [][]byte, ranges []Range) (values [][]byte, pages []Page, err error) {
	if f, ok := r.(Fetcher); ok {
		return f.Fetch(keys, ranges)
	}
	if len(keys) > 0 {
		if values, err = GetMany(r, keys); err != nil {
			return nil, nil, err
		}
	}
	for _, g := range ranges {
		var p Page
		if p.Pairs, p.More, err = r.Scan(g); err != nil {
			return nil, nil, err
		}
		pages = append(pages, p)
	}
	return values, pages, nil
}

// A Claimer is a Writer that is told early which keys a transaction is going to write. It is
// optional, and changes nothing but the number of conflicts: a store can lock the keys with
// the next read, so that two transactions that change the same key wait for each other instead
// of failing. Claim makes no round trip of its own.
type Claimer interface {
	Claim(keys ...[]byte)
}

// Claim tells w which keys the transaction is going to write, if w is a [Claimer].
func Claim(w Writer, keys ...[]byte) {
	if c, ok := w.(Claimer); ok {
		c.Claim(keys...)
	}
}
