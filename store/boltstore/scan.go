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
	var space arena
	more, err = b.Visit(r, func(key, value []byte) bool {
		if page == nil {
			expected := min(r.PageSize(), usualPairs)
			page = make([]store.Pair, 0, expected)
			space.next = expected * (len(key) + len(value) + 4)
		}
		page = append(page, space.pair(key, value))
		return true
	})
	if err != nil {
		return nil, false, err
	}
	return page, more, nil
}

// usualPairs is the maximum initial capacity of a page.
const usualPairs = 128

// Visit calls fn with the pairs of r in bbolt's memory map.
func (b *bucket) Visit(r store.Range, fn func(key, value []byte) bool) (more bool, err error) {
	if b.over {
		return false, overlay.Over()
	}
	if b.none {
		return false, nil
	}
	var foreign, done bool
	defer catchOwn(&foreign, debug.SetPanicOnFault(true), b.path, &err)
	left, previous := r.PageSize(), []byte(nil)
	ok, err := b.first(r)
	for ; ok && err == nil; ok, err = b.next(r) {
		key, value, flags := b.cursor.entry()
		if !within(r, key) {
			return false, nil
		}
		if err := b.sane(key, value); err != nil {
			return false, err
		}
		if !ordered(r, previous, key) {
			return false, fmt.Errorf("%w: %s: key %x is out of order", store.ErrCorrupt, b.path, key)
		}
		previous = key
		if flags&bucketFlag != 0 {
			continue // a nested bucket of the application
		}
		if done || left == 0 {
			return true, nil
		}
		foreign = true
		done = !fn(key, value)
		foreign = false
		left--
	}
	if err != nil {
		return false, b.damaged(err)
	}
	return false, nil
}

// first moves the cursor to the beginning of r.
func (b *bucket) first(r store.Range) (ok bool, err error) {
	if !r.Reverse {
		return b.cursor.seek(r.From)
	}
	if r.To == nil {
		return b.cursor.last()
	}
	if ok, err := b.cursor.seek(r.To); !ok {
		if err != nil {
			return false, err
		}
		return b.cursor.last()
	}
	return b.cursor.previous()
}

func (b *bucket) next(r store.Range) (ok bool, err error) {
	if r.Reverse {
		return b.cursor.previous()
	}
	return b.cursor.next()
}

// within reports whether key, which is not before the beginning of r, is before its end.
func within(r store.Range, key []byte) bool {
	if r.Reverse {
		return bytes.Compare(key, r.From) >= 0
	}
	return r.To == nil || bytes.Compare(key, r.To) < 0
}

// ordered reports whether key can follow previous. Without this check, paging through a
// damaged file might not end.
func ordered(r store.Range, previous, key []byte) bool {
	if previous != nil {
		order := bytes.Compare(previous, key)
		return order < 0 && !r.Reverse || order > 0 && r.Reverse
	}
	if r.Reverse {
		return r.To == nil || bytes.Compare(key, r.To) < 0
	}
	return bytes.Compare(key, r.From) >= 0
}
