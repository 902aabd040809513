package storetest

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"

	"groupkit/store"
)

// Rerun returns s, but the functions of about half of its Updates are run twice,
// as a store may: the writes of the first run, and its outcome, are thrown away.
// Whoever calls a store through it finds out whether its functions stand that.
func Rerun(s store.Store) store.Store { return rerun{s} }

type rerun struct{ store.Store }

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

func (s rerun) Exclusive() bool { return store.Exclusive(s.Store) }

func (s rerun) Backup(ctx context.Context, w io.Writer) error {
	return store.Backup(ctx, s.Store, w)
}
