package coherence_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A stallingStore is a store at which a test stops readers and writers.
type stallingStore struct {
	store.Store
	views atomic.Int64

	mu     sync.Mutex
	stalls map[stallPoint]*stall
}

// stallAt stops the next goroutine that passes a point.
func (c *stallingStore) stallAt(at stallPoint) *stall {
	s := &stall{make(chan struct{}), make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stalls[at] = s
	return s
}

func (c *stallingStore) pass(at stallPoint) {
	c.mu.Lock()
	s := c.stalls[at]
	delete(c.stalls, at)
	c.mu.Unlock()
	if s != nil {
		close(s.arrived)
		<-s.released
	}
}

func (c *stallingStore) Exclusive() bool { return true }

func (c *stallingStore) View(ctx context.Context, fn func(store.Reader) error) error {
	if ctx.Value(asking{}) == nil {
		return c.Store.View(ctx, fn)
	}
	c.views.Add(1)
	return c.Store.View(ctx, func(r store.Reader) error {
		c.pass(loaded)
		return fn(r)
	})
}

func (c *stallingStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	err := c.Store.Update(ctx, func(w store.Writer) error {
		defer c.pass(written)
		return fn(w)
	})
	c.pass(committed)
	return err
}

// A stallPoint is where a goroutine can be stopped.
type stallPoint int

const (
	loaded    stallPoint = iota // a reader that has its snapshot, and has read nothing yet
	written                     // a writer before its commit
	committed                   // a writer that has not been told of its commit
)

// A stall stops the next goroutine that passes a point.
type stall struct{ arrived, released chan struct{} }

func (s *stall) wait() { <-s.arrived }

func (s *stall) release() { close(s.released) }

// A conversation is a group in which bob may speak.
type conversation struct {
	*stallingStore
	eng *groupkit.Engine
	id  groupkit.GroupID
}

func (k *conversation) ask() error { return k.askAs("bob") }

func (k *conversation) askAs(user groupkit.UserID) error {
	return k.eng.As(user).MaySpeak(context.WithValue(context.Background(), asking{}, true), k.id)
}

// requireHot checks the answer, and that it comes from the cache.
func (k *conversation) requireHot(t *testing.T, want error) {
	t.Helper()
	require.ErrorIs(t, k.ask(), want)
	before := k.views.Load()
	require.ErrorIs(t, k.ask(), want)
	require.Equal(t, before, k.views.Load(), "it was read from the store again")
}

// requireCold checks the answer, and that it is read from the store each time.
func (k *conversation) requireCold(t *testing.T, want error) {
	t.Helper()
	for range 3 {
		before := k.views.Load()
		require.ErrorIs(t, k.ask(), want)
		require.Equal(t, before+1, k.views.Load(), "it was not read from the store")
	}
}

func newConversation(t *testing.T, s store.Store) *conversation {
	c := &stallingStore{Store: s, stalls: make(map[stallPoint]*stall)}
	eng, err := groupkit.New(&faultStore{Store: c}, memblob.New(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	return &conversation{c, eng, grouptest.CreateGroup(t, eng, groupkit.NewGroup{ID: "talk", Members: []groupkit.UserID{"bob"}})}
}

// asking marks the context of the test's own reads, for the engine reads by itself too.
type asking struct{}

// aside runs fn in a goroutine. wait returns its result.
func aside(fn func() error) (wait func() error) {
	done := make(chan error, 1)
	go func() { done <- fn() }()
	return func() error { return <-done }
}

// speechEnders are changes after which bob may not speak.
var speechEnders = map[string]struct {
	do   func(context.Context, *conversation) error
	then error
}{
	"mute": {func(ctx context.Context, k *conversation) error {
		_, err := k.eng.As("alice").Mute(ctx, k.id, time.Hour, "bob")
		return err
	}, groupkit.ErrMuted},
	"block": {func(ctx context.Context, k *conversation) error {
		_, err := k.eng.As("alice").Block(ctx, k.id, time.Hour, "bob")
		return err
	}, groupkit.ErrBlacklisted},
	"leave":      {func(ctx context.Context, k *conversation) error { return k.eng.As("bob").Leave(ctx, k.id) }, groupkit.ErrNotFound},
	"mute group": {func(ctx context.Context, k *conversation) error { return k.eng.As("alice").MuteGroup(ctx, k.id) }, groupkit.ErrGroupMuted},
	"delete":     {func(ctx context.Context, k *conversation) error { return k.eng.As("alice").DeleteGroup(ctx, k.id) }, groupkit.ErrNotFound},
	"atomic": {func(ctx context.Context, k *conversation) error {
		return k.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
			return errors.Join(tx.As("alice").MuteGroup(ctx, k.id), tx.As("alice").RemoveMember(ctx, k.id, "bob"))
		})
	}, groupkit.ErrNotFound},
}

// overStores runs a test over each store, for each of the speechEnders.
func overStores(t *testing.T, test func(t *testing.T, k *conversation, silence func() error, then error)) {
	t.Parallel()
	for name, s := range speechEnders {
		t.Run(name+"/memory", func(t *testing.T) {
			t.Parallel()
			k := newConversation(t, memstore.New())
			test(t, k, func() error { return s.do(t.Context(), k) }, s.then)
		})
		t.Run(name+"/bolt", func(t *testing.T) {
			t.Parallel()
			b, err := boltstore.Open(filepath.Join(t.TempDir(), "groups.db"), &boltstore.Options{Durability: boltstore.None})
			require.NoError(t, err)
			k := newConversation(t, b)
			test(t, k, func() error { return s.do(t.Context(), k) }, s.then)
		})
	}
}
