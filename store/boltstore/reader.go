package boltstore

import (
	"bytes"
	"fmt"
	"runtime/debug"

	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/internal/overlay"
)

// A bucket reads one bucket of a bbolt transaction. It gives out copies: the
// bytes of the map are gone with the transaction.
type bucket struct {
	cursor *bolt.Cursor // nil: there is no such bucket
	path   string
	over   bool
}

// open makes b the reader of the bucket of that name.
func (b *bucket) open(tx *bolt.Tx, path string, name []byte) (err error) {
	defer catch(debug.SetPanicOnFault(true), path, &err)
	b.path = path
	if found := tx.Bucket(name); found != nil {
		b.cursor = found.Cursor()
	}
	return nil
}

// end makes every later use an error.
func (b *bucket) end() {
	b.over, b.cursor = true, nil
}

// Get returns the value of key, and whether there is one.
func (b *bucket) Get(key []byte) (value []byte, ok bool, err error) {
	defer catch(debug.SetPanicOnFault(true), b.path, &err)
	found, err := b.find(key)
	if err != nil || found == nil {
		return nil, false, err
	}
	return append(make([]byte, 0, len(found)), found...), true, nil
}

// GetMany returns one value a key, nil where there is none.
func (b *bucket) GetMany(keys [][]byte) (values [][]byte, err error) {
	values = make([][]byte, len(keys))
	var space arena
	err = b.VisitKeys(keys, func(i int, value []byte) bool {
		if value != nil {
			values[i] = space.copy(value)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

// VisitKeys shows fn one value a key as it stands in bbolt's map, nil where there is none.
func (b *bucket) VisitKeys(keys [][]byte, fn func(i int, value []byte) bool) (err error) {
	var foreign bool
	defer catchOwn(&foreign, debug.SetPanicOnFault(true), b.path, &err)
	for i, key := range keys {
		value, err := b.find(key)
		if err != nil {
			return err
		}
		foreign = true
		on := fn(i, value)
		foreign = false
		if !on {
			return nil
		}
	}
	return nil
}

// find returns the value of key as it stands in bbolt's map, nil if there is none.
func (b *bucket) find(key []byte) ([]byte, error) {
	if err := b.check(key); err != nil || b.cursor == nil {
		return nil, err
	}
	found, value := b.seek(key)
	if !found {
		return nil, nil
	}
	return value, b.sane(key, value)
}

// seek looks key up. A nested bucket, which only an application can have made,
// is no value.
func (b *bucket) seek(key []byte) (found bool, value []byte) {
	k, v := b.cursor.Seek(key)
	return v != nil && bytes.Equal(k, key), v
}

func (b *bucket) check(key []byte) error {
	if b.over {
		return overlay.Over()
	}
	return overlay.CheckKey(key)
}

// sane refuses the sizes that only a damaged page can give, before they are
// copied.
func (b *bucket) sane(key, value []byte) error {
	if len(key) > overlay.MaxKey || len(value) > overlay.MaxValue {
		return fmt.Errorf("%w: %s: record of %d and %d bytes (at most %d and %d)",
			store.ErrCorrupt, b.path, len(key), len(value), overlay.MaxKey, overlay.MaxValue)
	}
	return nil
}

// catch makes an error of a panic within bbolt, which panics when it meets a
// damaged page, and of a fault within its map, and restores what a fault does.
// It is deferred around calls of bbolt alone, never around a caller's function.
func catch(fault bool, path string, err *error) {
	debug.SetPanicOnFault(fault)
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %s: %v", store.ErrCorrupt, path, p)
	}
}

// catchOwn is catch where a caller's function is called as well: while foreign is set a
// panic is that function's, unless it is a fault within the map, whose bytes it reads.
func catchOwn(foreign *bool, fault bool, path string, err *error) {
	debug.SetPanicOnFault(fault)
	p := recover()
	if p == nil {
		return
	}
	if _, mapped := p.(interface{ Addr() uintptr }); *foreign && !mapped {
		panic(p)
	}
	*err = fmt.Errorf("%w: %s: %v", store.ErrCorrupt, path, p)
}

// An arena copies many small slices into few allocations.
type arena struct {
	chunk []byte
	next  int // the size of the next chunk, as a rule
}

const smallestChunk, largestChunk = 1 << 6, 1 << 15

// copy returns a copy of b, which is never nil.
func (a *arena) copy(b []byte) []byte {
	a.reserve(len(b))
	start := len(a.chunk)
	a.chunk = append(a.chunk, b...)
	return a.chunk[start:len(a.chunk):len(a.chunk)]
}

// pair returns copies of both.
func (a *arena) pair(key, value []byte) store.Pair {
	a.reserve(len(key) + len(value))
	start, middle := len(a.chunk), len(a.chunk)+len(key)
	a.chunk = append(append(a.chunk, key...), value...)
	return store.Pair{Key: a.chunk[start:middle:middle], Value: a.chunk[middle:len(a.chunk):len(a.chunk)]}
}

// reserve makes room for n bytes in one piece.
func (a *arena) reserve(n int) {
	if a.chunk == nil || n > cap(a.chunk)-len(a.chunk) {
		size := max(min(a.next, largestChunk), n, smallestChunk)
		a.chunk, a.next = make([]byte, 0, size), 2*size
	}
}
