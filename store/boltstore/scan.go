package boltstore

import (
	"bytes"
	"fmt"
	"runtime/debug"

	"groupkit/store"
	"groupkit/store/internal/overlay"
)

// Scan returns a page of the pairs of r.
func (b *bucket) Scan(r store.Range) (page []store.Pair, more bool, err error) {
	if b.over {
		return nil, false, overlay.Over()
	}
	if b.cursor == nil {
		return nil, false, nil
	}
	defer catch(debug.SetPanicOnFault(true), b.path, &err)
	var space arena
	var previous []byte
	key, value := b.first(r)
	for ; key != nil && within(r, key); key, value = b.next(r) {
		if value == nil {
			continue // a nested bucket of the application
		}
		if err := b.sane(key, value); err != nil {
			return nil, false, err
		}
		if !ordered(r, previous, key) {
			return nil, false, fmt.Errorf("%w: %s: key %x is out of order", store.ErrCorrupt, b.path, key)
		}
		if len(page) == r.PageSize() {
			return page, true, nil
		}
		previous = space.copy(key)
		page = append(page, store.Pair{Key: previous, Value: space.copy(value)})
	}
	return page, false, nil
}

// first moves the cursor to where r begins.
func (b *bucket) first(r store.Range) (key, value []byte) {
	if !r.Reverse {
		return b.cursor.Seek(r.From)
	}
	if r.To == nil {
		return b.cursor.Last()
	}
	if key, _ := b.cursor.Seek(r.To); key == nil {
		return b.cursor.Last()
	}
	return b.cursor.Prev()
}

func (b *bucket) next(r store.Range) (key, value []byte) {
	if r.Reverse {
		return b.cursor.Prev()
	}
	return b.cursor.Next()
}

// within reports whether key, which lies behind where r begins, is before its end.
func within(r store.Range, key []byte) bool {
	if r.Reverse {
		return bytes.Compare(key, r.From) >= 0
	}
	return r.To == nil || bytes.Compare(key, r.To) < 0
}

// ordered reports whether key may follow previous, the key before it in the
// page. Whoever pages through a damaged file must come to an end.
func ordered(r store.Range, previous, key []byte) bool {
	switch {
	case r.Reverse && previous != nil:
		return bytes.Compare(key, previous) < 0
	case r.Reverse:
		return r.To == nil || bytes.Compare(key, r.To) < 0
	case previous != nil:
		return bytes.Compare(key, previous) > 0
	default:
		return bytes.Compare(key, r.From) >= 0
	}
}
