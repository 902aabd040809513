package boltstore

import (
	"context"
	"io"
	"runtime/debug"

	"groupkit/store"
	"groupkit/store/internal/overlay"
)

// View runs fn on one consistent snapshot. Keep it short: a long View prevents bbolt from
// reusing pages and from growing its memory map, so Updates may have to wait for it.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.relax != nil {
		return s.relax.view(fn)
	}
	t, err := s.begin(false)
	if err != nil {
		return err
	}
	defer t.rollback()
	t.reader = reader{bucket: &t.main, tx: t}
	return fn(&t.reader)
}

// Backup writes a copy of the whole file to w, the application's buckets included. It has
// the effect of a View that lasts until the copy is written.
func (s *Store) Backup(ctx context.Context, w io.Writer) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.relax != nil {
		if err := s.relax.sync(ctx); err != nil {
			return err
		}
	}
	t, err := s.begin(false)
	if err != nil {
		return err
	}
	defer t.rollback()
	return t.copyTo(&copying{ctx: ctx, w: w})
}

func (t *tx) copyTo(w *copying) (err error) {
	defer catch(debug.SetPanicOnFault(true), t.store.path, &err)
	if _, err := t.WriteTo(w); w.err == nil {
		return err
	}
	return w.err
}

// copying writes until its context ends. It keeps the error of its writer, because bbolt
// passes it on only as text.
type copying struct {
	ctx context.Context
	w   io.Writer
	err error
}

func (c *copying) Write(p []byte) (n int, err error) {
	if c.err = c.ctx.Err(); c.err == nil {
		n, c.err = c.w.Write(p)
	}
	return n, c.err
}

// A reader is given to the function of a View.
type reader struct {
	*bucket
	tx *tx
}

// BucketReader returns the application's bucket with the name.
func (r *reader) BucketReader(name string) (store.Reader, error) {
	if err := overlay.CheckBucket(name); err != nil {
		return nil, err
	}
	if r.over {
		return nil, overlay.Over()
	}
	return r.tx.bucket(name)
}

// Buckets returns the names of the application's buckets.
func (r *reader) Buckets() ([]string, error) {
	if r.over {
		return nil, overlay.Over()
	}
	return r.tx.buckets()
}
