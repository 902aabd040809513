// Package memblob keeps the contents of shared files in memory, for tests and for data
// that can be lost when the process ends.
package memblob

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"groupkit/store"
)

// Blobs is a store.Blobs in memory.
type Blobs struct {
	mu       sync.RWMutex
	contents map[string][]byte // nil after Close; a content never changes
	ids      []string          // the keys of contents, sorted
}

// New returns Blobs without contents.
func New() *Blobs {
	return &Blobs{contents: make(map[string][]byte)}
}

// Put stores all bytes of r under id.
func (b *Blobs) Put(ctx context.Context, id string, r io.Reader) error {
	if err := store.CheckBlobID(id); err != nil {
		return err
	}
	if err := b.check(); err != nil {
		return err
	}
	content, err := io.ReadAll(reader{ctx, r})
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.contents == nil {
		return store.ErrClosed
	}
	if place, ok := slices.BinarySearch(b.ids, id); !ok {
		b.ids = slices.Insert(b.ids, place, id)
	}
	b.contents[id] = content
	return nil
}

// Get opens the content of id for reading.
func (b *Blobs) Get(ctx context.Context, id string) (io.ReadCloser, error) {
	if err := first(ctx.Err(), store.CheckBlobID(id), b.check()); err != nil {
		return nil, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	content, ok := b.contents[id]
	if !ok {
		return nil, fmt.Errorf("%w: %q", store.ErrNoBlob, id)
	}
	return reading{bytes.NewReader(content)}, nil
}

// reading is an open content. It can seek.
type reading struct{ *bytes.Reader }

func (reading) Close() error { return nil }

// Delete removes the content of id.
func (b *Blobs) Delete(ctx context.Context, id string) error {
	if err := first(ctx.Err(), store.CheckBlobID(id), b.check()); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if place, ok := slices.BinarySearch(b.ids, id); ok {
		b.ids = slices.Delete(b.ids, place, place+1)
	}
	delete(b.contents, id)
	return nil
}

// List returns a page of the IDs greater than after.
func (b *Blobs) List(ctx context.Context, after string, limit int) ([]string, bool, error) {
	if err := first(ctx.Err(), b.check()); err != nil {
		return nil, false, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	place, found := slices.BinarySearch(b.ids, after)
	if found {
		place++
	}
	rest := b.ids[place:]
	size := min(len(rest), store.Range{Limit: limit}.PageSize())
	return slices.Clone(rest[:size]), size < len(rest), nil
}

// Close drops the contents.
func (b *Blobs) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.contents, b.ids = nil, nil
	return nil
}

func (b *Blobs) check() error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.contents == nil {
		return store.ErrClosed
	}
	return nil
}

// first returns the first error that is not nil.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A reader reads until its context ends.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
