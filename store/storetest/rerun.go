package storetest

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"

	"groupkit/store"
)

// Rerun returns a store that runs the functions of about half of the Updates and Views of s
// twice, as a store is allowed to do. It discards the writes and the result of the first run.
// Use it to test that the functions given to a store can be run more than once.
func Rerun(s store.Store) store.Store {
	if r, ok := s.(store.Relaxer); ok {
		return relaxedRerun{rerun{s}, r}
	}
	return rerun{s}
}

type rerun struct{ store.Store }

// A relaxedRerun is a rerun whose store is a store.Relaxer.
type relaxedRerun struct {
	rerun
	store.Relaxer
}

var errAgain = errors.New("storetest: run again")

func (s rerun) Update(ctx context.Context, fn func(store.Writer) error) error {
	if rand.IntN(2) == 0 {
		err := s.Store.Update(ctx, func(w store.Writer) error {
			_ = fn(w)
			return errAgain
		})
		if !errors.Is(err, errAgain) {
			return err
		}
	}
	return s.Store.Update(ctx, fn)
}

func (s rerun) View(ctx context.Context, fn func(store.Reader) error) error {
	if rand.IntN(2) == 0 {
		err := s.Store.View(ctx, func(r store.Reader) error {
			_ = fn(r)
			return errAgain
		})
		if !errors.Is(err, errAgain) {
			return err
		}
	}
	return s.Store.View(ctx, fn)
}

func (s rerun) Sizes() store.Sizes { return store.SizesOf(s.Store) }

func (s rerun) Watch(ctx context.Context, changed func(topics []string)) error {
	return store.Watch(ctx, s.Store, changed)
}

func (s rerun) Exclusive() bool { return store.Exclusive(s.Store) }

func (s rerun) Check(ctx context.Context) ([]error, error) { return store.Check(ctx, s.Store) }

func (s rerun) Backup(ctx context.Context, w io.Writer) error {
	return store.Backup(ctx, s.Store, w)
}
