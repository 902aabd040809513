package fileblob

import (
	"container/heap"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"groupkit/store"
)

// List returns a page of the IDs greater than after. It reads all file names for every
// page, but keeps only the IDs of the page in memory.
func (b *Blobs) List(ctx context.Context, after string, limit int) ([]string, bool, error) {
	if err := b.use(); err != nil {
		return nil, false, err
	}
	defer b.gate.Leave()
	first := lowest{size: store.Range{Limit: limit}.PageSize() + 1}
	err := b.walk(ctx, func(id string) {
		if id > after {
			first.add(id)
		}
	})
	if err != nil {
		return nil, false, err
	}
	ids := []string(first.ids)
	slices.Sort(ids)
	if len(ids) == first.size {
		return ids[:first.size-1], true, nil
	}
	return ids, false, nil
}

// walk calls fn with every ID, in no defined order.
func (b *Blobs) walk(ctx context.Context, fn func(id string)) error {
	err := eachName(ctx, b.dir, func(name string) error {
		if name == temporary {
			return nil
		}
		return eachName(ctx, filepath.Join(b.dir, name), func(name string) error {
			if id, ok := strings.CutPrefix(name, prefix); ok && store.CheckBlobID(id) == nil {
				fn(id)
			}
			return nil
		})
	})
	if err != nil && ctx.Err() == nil {
		return storage("list", b.dir, err)
	}
	return err
}

// eachName calls fn with each name in dir. If dir does not exist or is not a folder,
// there are no names.
func eachName(ctx context.Context, dir string, fn func(name string) error) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	if info, err := d.Stat(); err != nil || !info.IsDir() {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		names, err := d.Readdirnames(1000)
		for _, name := range names {
			if err := fn(name); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// A lowest keeps a limited number of the lowest IDs that were added.
type lowest struct {
	ids  highestFirst
	size int
}

func (l *lowest) add(id string) {
	switch {
	case len(l.ids) < l.size:
		heap.Push(&l.ids, id)
	case id < l.ids[0]:
		l.ids[0] = id
		heap.Fix(&l.ids, 0)
	}
}

type highestFirst []string

func (h highestFirst) Len() int           { return len(h) }
func (h highestFirst) Less(i, j int) bool { return h[i] > h[j] }
func (h highestFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *highestFirst) Push(id any)       { *h = append(*h, id.(string)) }
func (h *highestFirst) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
