package groupkit

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// Whatever becomes of calls, none is under way when all have returned.
func TestAfterCommit_LeavesNothing(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e, err := New(memstore.New(), memblob.New(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	g, err := e.System().CreateGroup(ctx, NewGroup{Name: "talk", Owner: "alice", Members: []UserID{"bob"}})
	require.NoError(t, err)
	refused := errors.New("refused")
	for _, end := range []func() error{
		func() error { return nil },
		func() error { return refused },
		func() error { panic(refused) },
		func() error { runtime.Goexit(); return nil },
	} {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				defer func() { _ = recover() }()
				_ = e.Atomic(ctx, func(tx *Tx) error {
					_, err := tx.System().Mute(ctx, g.ID, Forever, "bob")
					return errors.Join(err, tx.System().MuteGroup(ctx, g.ID), tx.System().UnmuteGroup(ctx, g.ID), end())
				})
			})
		}
		all.Wait()
		requireSettled(t, e)
	}
	require.NoError(t, e.System().DeleteGroup(ctx, g.ID))
	requireSettled(t, e)
}

// twice is a store that runs every function twice and keeps what the second run wrote.
type twice struct{ *memstore.Store }

func (s twice) Update(ctx context.Context, fn func(store.Writer) error) error {
	again := errors.New("again")
	_ = s.Store.Update(ctx, func(w store.Writer) error { return errors.Join(fn(w), again) })
	return s.Store.Update(ctx, fn)
}

func TestAfterCommit_LeavesNothingOfAnEarlierRun(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	var tick atomic.Int64 // tells one run from the other
	e, err := New(twice{memstore.New()}, memblob.New(), &Options{Clock: func() time.Time { return time.UnixMilli(1e12 + tick.Add(1)) }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	heard, err := e.System().FollowAll(ctx, Latest())
	require.NoError(t, err)
	defer heard.Close()
	g, err := e.System().CreateGroup(ctx, NewGroup{Name: "talk", Owner: "alice", Members: []UserID{"bob"}})
	require.NoError(t, err)
	requireSettled(t, e)
	require.NoError(t, e.Atomic(ctx, func(tx *Tx) error {
		_, err := tx.System().Mute(ctx, g.ID, Forever, "bob")
		return errors.Join(err, tx.System().MuteGroup(ctx, g.ID))
	}))
	requireSettled(t, e)
	for logged, err := range e.System().Events(ctx, g.ID, 1) {
		require.NoError(t, err)
		told, err := heard.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, logged, told)
	}
}

func requireSettled(t *testing.T, e *Engine) {
	t.Helper()
	require.Zero(t, e.words.Pending())
	require.Zero(t, e.atomics.running.Load())
}
