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
	if err := b.check(key); err != nil || b.cursor == nil {
		return nil, false, err
	}
	defer catch(debug.SetPanicOnFault(true), b.path, &err)
	found, v := b.seek(key)
	if !found {
		return nil, false, nil
	}
	if err := b.sane(key, v); err != nil {
		return nil, false, err
	}
	return append(make([]byte, 0, len(v)), v...), true, nil
}

// GetMany returns one value a key, nil where there is none.
func (b *bucket) GetMany(keys [][]byte) (values [][]byte, err error) {
	values = make([][]byte, len(keys))
	defer catch(debug.SetPanicOnFault(true), b.path, &err)
	total := 0
	for i, key := range keys {
		if err := b.check(key); err != nil {
			return nil, err
		}
		if b.cursor == nil {
			continue
		}
		found, value := b.seek(key)
		if !found {
			continue
		}
		if err := b.sane(key, value); err != nil {
			return nil, err
		}
		values[i] = value
		total += len(value)
	}
	space := arena{next: total}
	for i, value := range values {
		if value != nil {
			values[i] = space.copy(value)
		}
	}
	return values, nil
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

// An arena copies many small slices into few allocations.
type arena struct {
	chunk []byte
	next  int // the size of the next chunk, as a rule
}

const largestChunk = 1 << 15

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
		size := max(min(a.next, largestChunk), n)
		a.chunk, a.next = make([]byte, 0, size), 2*size
	}
}
