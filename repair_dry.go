package groupkit

import (
	"bytes"
	"slices"

	"groupkit/internal/seal"
	"groupkit/store"
)

// A dryStore keeps the writes of a repair that is only planned. What is read through it is what the store
// would contain after them.
type dryStore struct {
	pairs []store.Pair // in the order of their keys; a nil value deletes; the others are sealed
}

// write keeps the pairs. A nil value deletes.
func (d *dryStore) write(pairs []store.Pair) {
	for _, p := range pairs {
		if p.Value != nil {
			p.Value = seal.Append([]byte{}, p.Key, p.Value)
		}
		if at, found := d.find(p.Key); found {
			d.pairs[at] = p
		} else {
			d.pairs = slices.Insert(d.pairs, at, p)
		}
	}
}

func (d *dryStore) find(k []byte) (at int, found bool) {
	return slices.BinarySearchFunc(d.pairs, k, func(p store.Pair, k []byte) int { return bytes.Compare(p.Key, k) })
}

// over returns a reader of the store as it would be.
func (d *dryStore) over(r store.Reader) store.Reader { return dryReader{r, d} }

type dryReader struct {
	store.Reader
	dry *dryStore
}

func (r dryReader) Get(k []byte) (value []byte, ok bool, err error) {
	if at, found := r.dry.find(k); found {
		value = r.dry.pairs[at].Value
		return bytes.Clone(value), value != nil, nil
	}
	return r.Reader.Get(k)
}

// Scan reads a page of the store, and puts into it what was written to the same part of the range.
func (r dryReader) Scan(g store.Range) (page []store.Pair, more bool, err error) {
	for {
		stored, more, err := r.Reader.Scan(g)
		if err != nil {
			return nil, false, err
		}
		part := g
		if more { // the page ends here
			last := append(bytes.Clone(stored[len(stored)-1].Key), 0)
			if g.Reverse {
				part.From = last[:len(last)-1]
			} else {
				part.To = last
			}
		}
		page = r.dry.merge(part, stored)
		if limit := g.PageSize(); len(page) > limit {
			return page[:limit], true, nil
		}
		if len(page) > 0 || !more {
			return page, more, nil
		}
		if g.Reverse {
			g.To = part.From
		} else {
			g.From = part.To
		}
	}
}

// merge returns what a range contains that contains the stored pairs.
func (d *dryStore) merge(part store.Range, stored []store.Pair) (page []store.Pair) {
	from, _ := d.find(part.From)
	for _, p := range d.pairs[from:] {
		if part.To != nil && bytes.Compare(p.Key, part.To) >= 0 {
			break
		}
		if p.Value != nil {
			page = append(page, store.Pair{Key: bytes.Clone(p.Key), Value: bytes.Clone(p.Value)})
		}
	}
	for _, p := range stored {
		if _, written := d.find(p.Key); !written {
			page = append(page, p)
		}
	}
	slices.SortFunc(page, func(a, b store.Pair) int {
		if part.Reverse {
			a, b = b, a
		}
		return bytes.Compare(a.Key, b.Key)
	})
	return page
}
