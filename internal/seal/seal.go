// Package seal adds a checksum to every value of the engine's records.
//
// The store of a record can return bytes that nobody wrote: a disk or a memory chip changes
// them, and bbolt has no checksums. A sealed value ends with a checksum of its key and of the
// bytes before it. Whoever reads the record through a Reader of this package gets ErrBroken
// instead of wrong bytes.
package seal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"groupkit/store"
)

// Size is the number of bytes that a seal adds to a value.
const Size = 4

// ErrBroken: the checksum of a record does not match its key and value. It matches
// store.ErrCorrupt.
var ErrBroken = fmt.Errorf("%w: the checksum of a record does not match", store.ErrCorrupt)

// isPlain reports whether the records with the key are not sealed. This is the number of the
// format: versions that know nothing of seals must be able to read it.
func isPlain(key []byte) bool { return len(key) > 0 && key[0] == '!' }

// castagnoli is the polynomial that processors have an instruction for. It finds every error
// of one bit, and every burst of up to 32 bits.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

// Append appends the value and its seal to b.
func Append(b, key, value []byte) []byte {
	if isPlain(key) {
		return append(b, value...)
	}
	return binary.BigEndian.AppendUint32(append(b, value...), sum(key, value))
}

// Open returns the value of a sealed value. It is a part of sealed, not a copy.
func Open(key, sealed []byte) ([]byte, error) {
	if isPlain(key) {
		return sealed, nil
	}
	end := len(sealed) - Size
	if end < 0 || binary.BigEndian.Uint32(sealed[end:]) != sum(key, sealed[:end]) {
		return nil, fmt.Errorf("%w (key %x)", ErrBroken, key)
	}
	return sealed[:end:end], nil
}

// A Reader reads sealed records of a store. It returns ErrBroken for a record whose seal is
// broken, unless Broken is set.
type Reader struct {
	Store store.Reader

	// Broken, if not nil, is called for each record whose seal is broken. The record is then
	// skipped by Scan and Visit, and does not exist for the other methods.
	Broken func(key []byte, err error)
}

// open opens a value. keep is false for a record that must be skipped.
func (r *Reader) open(key, sealed []byte) (value []byte, keep bool, err error) {
	value, err = Open(key, sealed)
	if err != nil && r.Broken != nil {
		r.Broken(key, err)
		return nil, false, nil
	}
	return value, err == nil, err
}

// Get returns the value of key.
func (r *Reader) Get(key []byte) (value []byte, ok bool, err error) {
	sealed, ok, err := r.Store.Get(key)
	if err != nil || !ok {
		return nil, false, err
	}
	return r.open(key, sealed)
}

// GetMany returns one value for each key; see [store.ManyGetter].
func (r *Reader) GetMany(keys [][]byte) ([][]byte, error) {
	values, err := store.GetMany(r.Store, keys)
	if err != nil {
		return nil, err
	}
	return values, r.openAll(keys, values)
}

// openAll opens the values of keys in place.
func (r *Reader) openAll(keys, values [][]byte) (err error) {
	for i, sealed := range values {
		if sealed == nil {
			continue
		}
		if values[i], _, err = r.open(keys[i], sealed); err != nil {
			return err
		}
	}
	return nil
}

// Fetch returns the values of many keys and the pages of many ranges; see [store.Fetcher].
func (r *Reader) Fetch(keys [][]byte, ranges []store.Range) ([][]byte, []store.Page, error) {
	values, pages, err := store.Fetch(r.Store, keys, ranges)
	if err != nil {
		return nil, nil, err
	}
	if err := r.openAll(keys, values); err != nil {
		return nil, nil, err
	}
	for i, p := range pages {
		if pages[i].Pairs, pages[i].More, err = r.openPage(ranges[i], p.Pairs, p.More); err != nil {
			return nil, nil, err
		}
	}
	return values, pages, nil
}

// Scan returns a page of pairs; see [store.Reader].
func (r *Reader) Scan(g store.Range) (page []store.Pair, more bool, err error) {
	page, more, err = r.Store.Scan(g)
	if err != nil {
		return nil, false, err
	}
	return r.openPage(g, page, more)
}

// openPage opens the page of g. If all its records are skipped it reads on.
func (r *Reader) openPage(g store.Range, page []store.Pair, more bool) ([]store.Pair, bool, error) {
	for {
		if len(page) == 0 {
			return nil, false, nil
		}
		last := page[len(page)-1].Key
		kept := page[:0]
		for _, p := range page {
			var keep bool
			var err error
			if p.Value, keep, err = r.open(p.Key, p.Value); err != nil {
				return nil, false, err
			} else if keep {
				kept = append(kept, p)
			}
		}
		if len(kept) > 0 || !more {
			return kept, more, nil
		}
		g = after(g, last) // a page has at least one pair, unless it is the last
		var err error
		if page, more, err = r.Store.Scan(g); err != nil {
			return nil, false, err
		}
	}
}

// after returns the rest of the range after the key.
func after(g store.Range, key []byte) store.Range {
	if g.Reverse {
		g.To = key
	} else {
		g.From = append(append([]byte(nil), key...), 0)
	}
	return g
}

// Visit calls fn with the pairs of g; see [store.Visitor].
func (r *Reader) Visit(g store.Range, fn func(key, value []byte) bool) (more bool, err error) {
	for {
		var bad error
		var skipped []byte
		visited := false
		more, err = store.Visit(r.Store, g, func(key, sealed []byte) bool {
			value, keep, err := r.open(key, sealed)
			if bad = err; err != nil {
				return false
			}
			if !keep {
				skipped = append(skipped[:0], key...)
				return true
			}
			visited = true
			return fn(key, value)
		})
		if err == nil {
			err = bad
		}
		if err != nil || visited || !more || len(skipped) == 0 {
			return more, err
		}
		g = after(g, skipped) // the caller goes on after the last pair, so there must be one
	}
}

// VisitKeys calls fn with the values of keys; see [store.Visitor].
func (r *Reader) VisitKeys(keys [][]byte, fn func(i int, value []byte) bool) error {
	var bad error
	err := store.VisitKeys(r.Store, keys, func(i int, sealed []byte) bool {
		if sealed == nil {
			return fn(i, nil)
		}
		value, _, err := r.open(keys[i], sealed)
		if bad = err; err != nil {
			return false
		}
		return fn(i, value)
	})
	if err == nil {
		err = bad
	}
	return err
}

// Settled returns the bound of the settled numbers; see [store.Settler].
func (r *Reader) Settled() (uint64, error) { return store.Settled(r.Store) }

// BucketReader returns the application's key space with the name, which is not sealed.
func (r *Reader) BucketReader(name string) (store.Reader, error) {
	return store.BucketReader(r.Store, name)
}

// Buckets returns the names of the application's key spaces; see [store.BucketLister].
func (r *Reader) Buckets() ([]string, error) { return store.Buckets(r.Store) }

// A Writer reads and writes sealed records of a store.
type Writer struct {
	Reader
	store store.Writer
	space []byte // for the value to write; a store does not keep it
}

// NewWriter returns a Writer on w.
func NewWriter(w store.Writer) *Writer {
	return &Writer{Reader: Reader{Store: w}, store: w}
}

// Put seals the value and writes it under key.
func (w *Writer) Put(key, value []byte) error {
	w.space = Append(w.space[:0], key, value)
	return w.store.Put(key, w.space)
}

// Bucket returns the application's key space with the name, which is not sealed.
func (w *Writer) Bucket(name string) (store.Writer, error) { return store.Bucket(w.store, name) }

// Claim tells the store which keys will be written; see [store.Claimer].
func (w *Writer) Claim(keys ...[]byte) { store.Claim(w.store, keys...) }

// Number returns the number of the transaction; see [store.Numberer].
func (w *Writer) Number() (uint64, error) { return store.Number(w.store) }

// Announce announces a topic with the transaction; see [store.Announcer].
func (w *Writer) Announce(topic string) { store.Announce(w.store, topic) }

// Delete removes key.
func (w *Writer) Delete(key []byte) error { return w.store.Delete(key) }
