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

// A KeptStore stays open when the engine over it is closed.
type KeptStore struct{ store.Store }

func (KeptStore) Close() error { return nil }

func (s KeptStore) Exclusive() bool { return store.Exclusive(s.Store) }

// RunTwice runs the function of every Update twice, as a store may. Unlike storetest.Rerun it
// is not random, so that a history that fails will fail again.
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

// NewBolt opens a boltstore in a file of its own that is never synced.
func NewBolt(t testing.TB) store.Store {
	t.Helper()
	s, err := boltstore.Open(filepath.Join(t.TempDir(), "groups.db"), &boltstore.Options{Durability: boltstore.None})
	require.NoError(t, err)
	return s
}

// A FailingStore fails all Updates after a number of them.
type FailingStore struct {
	store.Store
	mu     sync.Mutex
	left   int
	failed bool
}

// FailAfter lets n more Updates through.
func (s *FailingStore) FailAfter(n int) { s.set(n, true) }

// Recover ends the failures.
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

// ErrFailing is the error of a FailingStore.
var ErrFailing = errors.New("the disk is gone")
