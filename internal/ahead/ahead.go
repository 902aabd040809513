// Package ahead reads what a call is going to need in one round trip to the store.
//
// The code of a call reads what it needs where it needs it. On a store in this process that
// costs nothing. On a store behind a network each read is a round trip. So a call says at its
// beginning what it will probably read, and its reads are then answered from memory. A read
// that was not foreseen goes to the store: foreseeing changes the time of a call, never its result.
package ahead

import (
	"encoding/binary"

	"groupkit/store"
)

// A Reader remembers what was foreseen. It must not be used after the transaction has written
// something that was foreseen.
type Reader struct {
	under  store.Reader
	values map[string][]byte // nil: the key does not exist
	pages  map[string]store.Page
}

// Over returns a Reader that has foreseen nothing.
func Over(r store.Reader) *Reader {
	return &Reader{under: r, values: make(map[string][]byte), pages: make(map[string]store.Page)}
}

// Foresee reads the keys and ranges in one round trip if r is a Reader of this package. The same
// reads are then answered from memory. For other Readers it does nothing.
func Foresee(r store.Reader, keys [][]byte, ranges ...store.Range) error {
	a, ok := r.(*Reader)
	if !ok {
		return nil
	}
	return a.foresee(keys, ranges)
}

func (r *Reader) foresee(keys [][]byte, ranges []store.Range) error {
	keys = r.unknown(keys)
	var unseen []store.Range
	for _, g := range ranges {
		if _, ok := r.pages[name(g)]; !ok {
			unseen = append(unseen, g)
		}
	}
	if len(keys) == 0 && len(unseen) == 0 {
		return nil
	}
	values, pages, err := store.Fetch(r.under, keys, unseen)
	if err != nil {
		return err
	}
	for i, k := range keys {
		r.values[string(k)] = values[i]
	}
	for i, g := range unseen {
		r.pages[name(g)] = pages[i]
	}
	return nil
}

// unknown returns those keys whose values are not in memory, each once.
func (r *Reader) unknown(keys [][]byte) (unknown [][]byte) {
	seen := make(map[string]bool, len(keys))
	for _, k := range keys {
		if _, ok := r.values[string(k)]; !ok && !seen[string(k)] {
			seen[string(k)] = true
			unknown = append(unknown, k)
		}
	}
	return unknown
}

// name tells ranges apart.
func name(g store.Range) string {
	b := binary.AppendUvarint(nil, uint64(len(g.From)))
	b = append(append(b, g.From...), flag(g.Reverse), flag(g.To == nil))
	b = binary.AppendUvarint(b, uint64(g.PageSize()))
	return string(append(b, g.To...))
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// Get returns the value of key.
func (r *Reader) Get(key []byte) (value []byte, ok bool, err error) {
	if value, known := r.values[string(key)]; known {
		return value, value != nil, nil
	}
	return r.under.Get(key)
}

// GetMany returns the values of keys. It reads those that are not in memory in one round trip.
func (r *Reader) GetMany(keys [][]byte) ([][]byte, error) {
	if err := r.foresee(keys, nil); err != nil {
		return nil, err
	}
	values := make([][]byte, len(keys))
	for i, k := range keys {
		values[i] = r.values[string(k)]
	}
	return values, nil
}

// Scan returns a page of pairs.
func (r *Reader) Scan(g store.Range) (page []store.Pair, more bool, err error) {
	if p, known := r.pages[name(g)]; known {
		return p.Pairs, p.More, nil
	}
	return r.under.Scan(g)
}

// Fetch returns the values of keys and the pages of ranges.
func (r *Reader) Fetch(keys [][]byte, ranges []store.Range) ([][]byte, []store.Page, error) {
	if err := r.foresee(keys, ranges); err != nil {
		return nil, nil, err
	}
	values, err := r.GetMany(keys)
	if err != nil {
		return nil, nil, err
	}
	pages := make([]store.Page, len(ranges))
	for i, g := range ranges {
		pages[i] = r.pages[name(g)]
	}
	return values, pages, nil
}

// Settled returns the bound of the settled numbers; see [store.Settler].
func (r *Reader) Settled() (uint64, error) { return store.Settled(r.under) }

// BucketReader returns the application's key space with the name.
func (r *Reader) BucketReader(name string) (store.Reader, error) {
	return store.BucketReader(r.under, name)
}

// Buckets returns the names of the application's key spaces; see [store.BucketLister].
func (r *Reader) Buckets() ([]string, error) { return store.Buckets(r.under) }
