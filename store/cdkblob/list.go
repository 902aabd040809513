package cdkblob

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"groupkit/store"
)

// List returns a page of the IDs greater than after. A listing goes on where the List before it has ended. If
// after is not the last ID that a List has returned, the keys before it are read too.
//
// Returns an error that matches store.ErrNotSupported if the bucket does not list in byte order.
func (b *Blobs) List(ctx context.Context, after string, limit int) (ids []string, more bool, err error) {
	if err := b.begin(ctx); err != nil {
		return nil, false, err
	}
	defer b.gate.Leave()
	size := store.Range{Limit: limit}.PageSize()
	l, err := b.list(ctx, after, size+1)
	switch {
	case ctx.Err() != nil:
		return nil, false, ctx.Err()
	case err != nil:
		return nil, false, fmt.Errorf("cdkblob: list: %w", err)
	case len(l.ids) <= size:
		return l.ids, false, nil
	}
	b.pages.remember(l.ids[size-1], l.starts[size-1])
	return l.ids[:size], true, nil
}

// listAttempts is how often a listing is begun, at most.
const listAttempts = 10

// list lists size IDs greater than after, if there are so many. It begins at the beginning if the bucket does not know the
// page any more, and again if the driver reports that something is missing: that of folders does when a file is removed
// meanwhile.
func (b *Blobs) list(ctx context.Context, after string, size int) (l *listing, err error) {
	start := b.pages.of(after)
	for range listAttempts {
		l = &listing{blobs: b, after: after, size: size}
		err = l.read(ctx, start)
		if err == nil || ctx.Err() != nil || start == nil && gcerrors.Code(err) != gcerrors.NotFound {
			break
		}
		start = nil
	}
	return l, err
}

// A listing collects IDs greater than after until it has size of them.
type listing struct {
	blobs  *Blobs
	after  string
	size   int
	ids    []string
	starts [][]byte // the page of each ID: the token from which it was read
	last   string   // the last ID that was read
}

// read reads pages of keys from the one with the token on; nil: the first one.
func (l *listing) read(ctx context.Context, start []byte) error {
	if start == nil {
		start = blob.FirstPageToken
	}
	// The delimiter makes one entry of everything below a prefix that is longer.
	opts := &blob.ListOptions{Prefix: l.blobs.prefix, Delimiter: "/"}
	for len(start) > 0 && len(l.ids) < l.size {
		page, next, err := l.blobs.bucket.ListPage(ctx, start, min(l.size, store.MaxPage), opts)
		if err != nil {
			return err
		}
		for _, object := range page {
			id := strings.TrimPrefix(object.Key, l.blobs.prefix)
			if object.IsDir || store.CheckBlobID(id) != nil {
				continue
			}
			if id <= l.last {
				return fmt.Errorf("%w: the bucket lists %q after %q, which is not the order of bytes", store.ErrNotSupported, id, l.last)
			}
			if l.last = id; id > l.after && len(l.ids) < l.size {
				l.ids, l.starts = append(l.ids, id), append(l.starts, start)
			}
		}
		start = next
	}
	return nil
}

// pages remembers where the last listings ended. A bucket can be listed from its beginning, or from the token of a page,
// but not from a key on. The page of an ID has a token from which everything after the ID comes,
// also what was put in the meantime.
type pages struct {
	mu   sync.Mutex
	ends [16]listed // a ring
	next int
}

type listed struct {
	id    string
	start []byte
}

func (p *pages) remember(id string, start []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ends[p.next] = listed{id, start}
	p.next = (p.next + 1) % len(p.ends)
}

// of returns the token of a page that begins at or before an ID; nil if it is not known.
func (p *pages) of(id string) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, end := range p.ends {
		if id != "" && end.id == id {
			return end.start
		}
	}
	return nil
}
