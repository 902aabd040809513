package groupkit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit/internal/key"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// listTraces finds what earlier versions left: a trace into a deleted group without a log goes,
// and one of a user whom a cut log does not name any more goes with the next Sweep.
func TestListTraces(t *testing.T) {
	t.Parallel()
	ctx, now := t.Context(), time.UnixMilli(1_700_000_000_000)
	e, err := New(memstore.New(), memblob.New(), &Options{Clock: func() time.Time { return now }, Retention: Retention{MaxAge: time.Minute}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	for _, id := range []GroupID{"cut", "gone", "whole"} {
		if id == "whole" {
			now = now.Add(time.Hour)
			_, err = e.Sweep(ctx)
			require.NoError(t, err)
		}
		_, err = e.System().CreateGroup(ctx, NewGroup{ID: id, Name: "talk", Owner: "alice", Members: []UserID{"bob"}})
		require.NoError(t, err)
		require.NoError(t, e.As("bob").Leave(ctx, id))
		if id == "gone" {
			require.NoError(t, e.System().DeleteGroup(ctx, id))
		}
	}
	trace := func(group string) []byte { return key.UserGroupTrace("bob", group) }
	require.NoError(t, e.update(ctx, func(w store.Writer) error { // as earlier versions left them
		return write(w, []store.Pair{{Key: trace("cut"), Value: []byte{}}, {Key: trace("gone"), Value: []byte{}}})
	}))
	requireTraces := func(want ...bool) {
		t.Helper()
		require.NoError(t, e.view(ctx, func(r store.Reader) error {
			for i, group := range []string{"cut", "gone", "whole"} {
				_, ok, err := r.Get(trace(group))
				require.NoError(t, err)
				require.Equal(t, want[i], ok, group)
			}
			return nil
		}))
	}
	found, err := e.Verify(ctx, VerifyOptions{})
	require.NoError(t, err)
	require.Equal(t, []Violation{{UsersAgree, "gone", "bob", userEntry, "leads to a log that has been removed"}}, found.Violations)
	for range 2 {
		require.NoError(t, e.listTraces(ctx))
		requireTraces(true, false, true)
		found, err = e.Verify(ctx, VerifyOptions{})
		require.NoError(t, err)
		require.Empty(t, found.Violations)
	}
	require.NoError(t, e.As("alice").MuteGroup(ctx, "cut"))
	now = now.Add(time.Hour)
	_, err = e.Sweep(ctx)
	require.NoError(t, err)
	requireTraces(false, false, false)
}

// What was read before the group changed does not count: the user may have come and gone again.
func TestTraceWalk_Stale(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	e, err := New(memstore.New(), memblob.New(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	_, err = e.System().CreateGroup(ctx, NewGroup{ID: "talk", Name: "talk", Owner: "alice"})
	require.NoError(t, err)
	listed := listKeys("talk", "bob")[1]
	require.NoError(t, e.update(ctx, func(w store.Writer) error { return write(w, []store.Pair{{Key: listed, Value: []byte{}}}) }))
	w := &traceWalk{group: "talk"}
	var due []store.Pair
	require.NoError(t, e.view(ctx, func(r store.Reader) (err error) {
		due, _, err = w.next(r)
		return err
	}))
	require.Len(t, due, 1)
	require.NoError(t, e.System().AddMember(ctx, "talk", "bob"))
	require.NoError(t, e.As("bob").Leave(ctx, "talk"))
	require.NoError(t, e.update(ctx, func(tx store.Writer) error {
		stale, err := w.clear(tx, due)
		require.True(t, stale)
		return err
	}))
	require.NoError(t, e.view(ctx, func(r store.Reader) error {
		_, ok, err := r.Get(key.UserGroupTrace("bob", "talk"))
		require.True(t, ok, "the log names bob")
		return err
	}))
}
