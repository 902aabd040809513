package grouptest

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/boltstore"
)

// A KeptStore outlives the engine that is opened over it.
type KeptStore struct{ store.Store }

func (KeptStore) Close() error { return nil }

func (s KeptStore) Exclusive() bool { return store.Exclusive(s.Store) }

// RunTwice is storetest.Rerun without the dice, for a history that fails has to
// fail again: every function is run twice, as a store may.
func RunTwice(s store.Store) store.Store { return twice{s} }

type twice struct{ store.Store }

func (s twice) Update(ctx context.Context, fn func(store.Writer) error) error {
	_ = s.Store.Update(ctx, func(w store.Writer) error {
		_ = fn(w)
		return errAgain
	})
	return s.Store.Update(ctx, fn)
}

func (s twice) Exclusive() bool { return store.Exclusive(s.Store) }

var errAgain = errors.New("run again")

func NewBolt(t testing.TB) store.Store {
	t.Helper()
	s, err := boltstore.Open(filepath.Join(t.TempDir(), "groups.db"), &boltstore.Options{Durability: boltstore.None})
	require.NoError(t, err)
	return s
}

// A FailingStore fails Updates once it has let some through.
type FailingStore struct {
	store.Store
	mu     sync.Mutex
	left   int
	failed bool
}

func (s *FailingStore) FailAfter(n int) { s.set(n, true) }

func (s *FailingStore) Recover() { s.set(0, false) }

func (s *FailingStore) set(left int, failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left, s.failed = left, failed
}

func (s *FailingStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	s.mu.Lock()
	fails := s.failed && s.left <= 0
	s.left--
	s.mu.Unlock()
	if fails {
		return ErrFailing
	}
	return s.Store.Update(ctx, fn)
}

var ErrFailing = errors.New("the disk is gone")
