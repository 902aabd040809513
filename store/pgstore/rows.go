package pgstore

import (
	"bytes"
	"slices"

	"github.com/jackc/pgx/v5"

	"groupkit/store"
)

// rows are the rows of a key space in the database. They are a store.Reader that reads what it is
// asked for in one round trip.
type rows struct {
	t          *transaction
	statements *spaceStatements
	bucket     []any // the last parameter of the statements of a bucket
}

// Get returns the value of key and whether key exists.
func (r rows) Get(key []byte) ([]byte, bool, error) {
	values, err := r.GetMany([][]byte{key})
	if err != nil {
		return nil, false, err
	}
	return values[0], values[0] != nil, nil
}

// GetMany returns one value for each key, nil if the key does not exist.
func (r rows) GetMany(keys [][]byte) ([][]byte, error) {
	values, _, err := r.Fetch(keys, nil)
	return values, err
}

// Scan returns a page of pairs.
func (r rows) Scan(g store.Range) ([]store.Pair, bool, error) {
	_, pages, err := r.Fetch(nil, []store.Range{g})
	if err != nil {
		return nil, false, err
	}
	return pages[0].Pairs, pages[0].More, nil
}

// Fetch reads many keys and many ranges. It also locks what is claimed.
func (r rows) Fetch(keys [][]byte, ranges []store.Range) ([][]byte, []store.Page, error) {
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return nil, nil, err
		}
	}
	values, pages := make([][]byte, len(keys)), make([]store.Page, len(ranges))
	if len(keys)+len(ranges) == 0 {
		return values, pages, nil
	}
	places := make(map[string]int, len(keys)) // where a key is asked for first
	for i := len(keys) - 1; i >= 0; i-- {
		places[string(keys[i])] = i
	}
	err := r.t.run(func(b *pgx.Batch) {
		r.queueKeys(b, keys, func(p store.Pair) {
			if i, ok := places[string(p.Key)]; ok {
				values[i] = p.Value
			}
		})
		for i, g := range ranges {
			r.queueRange(b, g, &pages[i])
		}
	})
	if err != nil {
		return nil, nil, err
	}
	for i, key := range keys {
		if first := places[string(key)]; first < i && values[first] != nil {
			values[i] = append([]byte{}, values[first]...)
		}
	}
	return values, pages, nil
}

// queueKeys reads keys, and locks what is claimed. A claimed key of the engine is read in the same
// statement that locks it.
func (r rows) queueKeys(b *pgx.Batch, keys [][]byte, found func(store.Pair)) {
	claimed := r.t.claimed
	r.t.claimed = nil
	if len(claimed) > 0 {
		collect := func(store.Pair) {}
		if r.bucket == nil {
			collect, keys = found, without(keys, claimed)
		}
		b.Queue(r.t.store.statements.records.lock, claimed).Query(func(rows pgx.Rows) error { return eachPair(rows, collect) })
	}
	if len(keys) > 0 {
		b.Queue(r.statements.get, append([]any{keys}, r.bucket...)...).Query(func(rows pgx.Rows) error { return eachPair(rows, found) })
	}
}

// without returns the keys that are not among others.
func without(keys, others [][]byte) (rest [][]byte) {
	for _, key := range keys {
		if !slices.ContainsFunc(others, func(other []byte) bool { return bytes.Equal(key, other) }) {
			rest = append(rest, key)
		}
	}
	return rest
}

// queueRange reads the pairs of g, and one more, to know whether there are more.
func (r rows) queueRange(b *pgx.Batch, g store.Range, page *store.Page) {
	size := g.PageSize()
	from := g.From
	if from == nil {
		from = []byte{}
	}
	args := []any{from, size + 1}
	if g.To != nil {
		args = append(args, g.To)
	}
	query := r.statements.scan[direction{reverse: g.Reverse, bounded: g.To != nil}]
	b.Queue(query, append(args, r.bucket...)...).Query(func(rows pgx.Rows) error {
		return eachPair(rows, func(p store.Pair) {
			if len(page.Pairs) == size {
				page.More = true
				return
			}
			page.Pairs = append(page.Pairs, p)
		})
	})
}

// eachPair calls fn with the pairs of rows. Their bytes are the caller's.
func eachPair(rows pgx.Rows, fn func(store.Pair)) error {
	for rows.Next() {
		raw := rows.RawValues()
		both := make([]byte, 0, len(raw[0])+len(raw[1]))
		both = append(append(both, raw[0]...), raw[1]...)
		at := len(raw[0])
		fn(store.Pair{Key: both[:at:at], Value: both[at:]})
	}
	return rows.Err()
}
