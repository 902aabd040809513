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
	limit := r.PageSize()
	var space arena
	key, value := b.first(r)
	for ; key != nil && within(r, key); key, value = b.next(r) {
		if value == nil {
			continue // a nested bucket of the application
		}
		if err := b.sane(key, value); err != nil {
			return nil, false, err
		}
		switch {
		case len(page) == limit:
			return page, true, nil
		case page == nil:
			expected := min(limit, usualPairs)
			page = make([]store.Pair, 0, expected)
			space.next = expected * (len(key) + len(value) + 4)
		}
		pair := space.pair(key, value)
		if !ordered(r, page, key) {
			return nil, false, fmt.Errorf("%w: %s: key %x is out of order", store.ErrCorrupt, b.path, key)
		}
		page = append(page, pair)
	}
	return page, false, nil
}

// usualPairs is how many pairs a page has room for at first, at most.
const usualPairs = 128

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

// ordered reports whether key may follow the page so far. Whoever pages through a
// damaged file must come to an end.
func ordered(r store.Range, page []store.Pair, key []byte) bool {
	if len(page) > 0 {
		order := bytes.Compare(page[len(page)-1].Key, key)
		return order < 0 && !r.Reverse || order > 0 && r.Reverse
	}
	if r.Reverse {
		return r.To == nil || bytes.Compare(key, r.To) < 0
	}
	return bytes.Compare(key, r.From) >= 0
}
