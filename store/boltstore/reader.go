package boltstore

import (
	"fmt"
	"runtime/debug"

	"groupkit/store"
	"groupkit/store/internal/overlay"
)

// A bucket reads one bucket of a bbolt transaction. It returns copies, because the bytes
// of the memory map are valid only during the transaction.
type bucket struct {
	cursor cursor
	levels [3]level // the first space for the cursor
	none   bool     // the bucket does not exist
	path   string
	over   bool
}

// open makes b the reader of the bucket with the name.
func (b *bucket) open(t *tx, name string) (err error) {
	defer catch(debug.SetPanicOnFault(true), t.store.path, &err)
	b.path = t.store.path
	h, ok, err := t.pages.bucket([]byte(name))
	if err != nil {
		return b.damaged(err)
	}
	if b.none = !ok; b.none {
		return nil
	}
	if b.cursor, err = t.pages.cursor(h, t.store.unread[name]); err != nil {
		return b.damaged(err)
	}
	b.cursor.stack = b.levels[:0]
	return nil
}

// end ends b. Every later use returns an error.
func (b *bucket) end() {
	b.over, b.cursor = true, cursor{}
}

// Get returns the value of key and whether key exists.
func (b *bucket) Get(key []byte) (value []byte, ok bool, err error) {
	defer catch(debug.SetPanicOnFault(true), b.path, &err)
	found, err := b.find(key)
	if err != nil || found == nil {
		return nil, false, err
	}
	return append(make([]byte, 0, len(found)), found...), true, nil
}

// GetMany returns one value for each key, nil if the key does not exist.
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

// VisitKeys calls fn with one value for each key, nil if the key does not exist. The
// values are in bbolt's memory map.
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

// find returns the value of key in bbolt's memory map, nil if the key does not exist. A
// nested bucket is not a value. Only the application can have created one.
func (b *bucket) find(key []byte) ([]byte, error) {
	if err := b.check(key); err != nil || b.none {
		return nil, err
	}
	found, err := b.cursor.find(key)
	if err != nil {
		return nil, b.damaged(err)
	}
	if !found {
		return nil, nil
	}
	_, value, flags := b.cursor.entry()
	if flags&bucketFlag != 0 {
		return nil, nil
	}
	return value, b.sane(key, value)
}

// nested reports whether key is a nested bucket.
func (b *bucket) nested(key []byte) (is bool, err error) {
	defer catch(debug.SetPanicOnFault(true), b.path, &err)
	if b.none {
		return false, nil
	}
	found, err := b.cursor.find(key)
	if err != nil || !found {
		return false, err
	}
	_, _, flags := b.cursor.entry()
	return flags&bucketFlag != 0, nil
}

func (b *bucket) damaged(err error) error { return fmt.Errorf("boltstore: %s: %w", b.path, err) }

func (b *bucket) check(key []byte) error {
	if b.over {
		return overlay.Over()
	}
	return overlay.CheckKey(key)
}

// sane refuses sizes that occur only in damaged pages. It is called before bytes are
// copied.
func (b *bucket) sane(key, value []byte) error {
	if len(key) > overlay.MaxKey || len(value) > overlay.MaxValue {
		return fmt.Errorf("%w: %s: record of %d and %d bytes (at most %d and %d)",
			store.ErrCorrupt, b.path, len(key), len(value), overlay.MaxKey, overlay.MaxValue)
	}
	return nil
}

// catch converts a panic in bbolt and a fault in its memory map to an error, and restores
// the handling of faults. bbolt panics when it reads a damaged page. Defer catch only
// around calls of bbolt, never around a function of the caller.
func catch(fault bool, path string, err *error) {
	debug.SetPanicOnFault(fault)
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %s: %v", store.ErrCorrupt, path, p)
	}
}

// catchOwn is catch for code that also calls a function of the caller. While foreign is
// true, a panic belongs to that function and is not caught, unless it is a fault in the
// memory map that the function reads.
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
	next  int // the usual size of the next chunk
}

const smallestChunk, largestChunk = 1 << 6, 1 << 15

// copy returns a copy of b, which is never nil.
func (a *arena) copy(b []byte) []byte {
	a.reserve(len(b))
	start := len(a.chunk)
	a.chunk = append(a.chunk, b...)
	return a.chunk[start:len(a.chunk):len(a.chunk)]
}

// pair returns a pair of copies.
func (a *arena) pair(key, value []byte) store.Pair {
	a.reserve(len(key) + len(value))
	start, middle := len(a.chunk), len(a.chunk)+len(key)
	a.chunk = append(append(a.chunk, key...), value...)
	return store.Pair{Key: a.chunk[start:middle:middle], Value: a.chunk[middle:len(a.chunk):len(a.chunk)]}
}

// reserve makes room for n adjacent bytes.
func (a *arena) reserve(n int) {
	if a.chunk == nil || n > cap(a.chunk)-len(a.chunk) {
		size := max(min(a.next, largestChunk), n, smallestChunk)
		a.chunk, a.next = make([]byte, 0, size), 2*size
	}
}
