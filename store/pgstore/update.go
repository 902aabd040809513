package pgstore

import (
	"context"
	"fmt"

	"groupkit/store"
)

var errReadOnly = fmt.Errorf("pgstore: %w", store.ErrReadOnly)

// View runs fn on a snapshot. fn is run again if the connection is lost.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.call(ctx, func() error {
		t := s.transaction(ctx, viewing)
		defer t.end()
		return t.outcome(fn(reader{t.space("")}))
	})
}

// Update runs fn and commits its writes if fn returns nil. fn is run again after a conflict, or if
// the connection is lost before the commit.
func (s *Store) Update(ctx context.Context, fn func(store.Writer) error) error {
	if s.options.ReadOnly {
		return errReadOnly
	}
	return s.call(ctx, func() error {
		t := s.transaction(ctx, updating)
		defer t.end()
		if err := t.outcome(fn(t.space(""))); err != nil {
			return err
		}
		return s.counts.commit(t)
	})
}

// call makes attempts until one does not have to be made again.
func (s *Store) call(ctx context.Context, attempt func() error) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	first := true
	return again(ctx, s.options.Retry, func() error {
		if !first {
			s.counts.reruns.Add(1)
		}
		first = false
		return attempt()
	})
}
