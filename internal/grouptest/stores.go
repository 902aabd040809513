package grouptest

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/internal/sharedmem"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memstore"
)

// A KeptStore stays open when the engine over it is closed.
type KeptStore struct{ store.Store }

func (KeptStore) Close() error { return nil }

func (s KeptStore) Exclusive() bool { return store.Exclusive(s.Store) }

// RunTwice runs the function of every Update and every View twice, as a store may. Unlike
// storetest.Rerun it is not random, so that a history that fails will fail again.
func RunTwice(s store.Store) store.Store { return twice{s} }

type twice struct{ store.Store }

func (s twice) Update(ctx context.Context, fn func(store.Writer) error) error {
	_ = s.Store.Update(ctx, func(w store.Writer) error {
		_ = fn(w)
		return errAgain
	})
	return s.Store.Update(ctx, fn)
}

func (s twice) View(ctx context.Context, fn func(store.Reader) error) error {
	_ = s.Store.View(ctx, fn)
	return s.Store.View(ctx, fn)
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

// NewShared returns an empty store that processes share. It runs about half of all functions twice.
func NewShared() store.Store {
	return sharedmem.New(sharedmem.Options{Seed: rand.Uint64(), Rerun: 0.5, Numbers: true, Notify: true}).Open()
}

// NeedsOwnStore skips a test of what only a store of one's own has: the cache, for example, and the
// numbers of calls.
func NeedsOwnStore(t interface{ Skip(...any) }, why string) {
	if os.Getenv("GROUPKIT_TEST_STORE") == "shared" {
		t.Skip("on a shared store: " + why)
	}
}

// newStore returns an empty store: in memory, or as GROUPKIT_TEST_STORE says, "bolt" in a file of
// bbolt that is never synced, or "shared" in a store that processes share.
func newStore(t TB) store.Store {
	switch os.Getenv("GROUPKIT_TEST_STORE") {
	case "bolt":
	case "shared":
		return NewShared()
	default:
		return memstore.New()
	}
	dir, err := os.MkdirTemp("", "groupkit")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	s, err := boltstore.Open(filepath.Join(dir, "groups.db"), &boltstore.Options{Durability: boltstore.None})
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

func (s *FailingStore) Exclusive() bool { return store.Exclusive(s.Store) }

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
