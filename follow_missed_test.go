package groupkit_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/sharedmem"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// requireCheckpoint hears a checkpoint, which says what the group is at its version.
func requireCheckpoint(t *testing.T, s *grouptest.Fixture, sub *groupkit.Follower) groupkit.Event {
	t.Helper()
	e := next(t, sub)
	require.Equal(t, groupkit.Checkpoint, e.Kind)
	require.True(t, e.Last)
	return e
}

// requireWalk hears that everything begins anew, and the state of the groups.
func requireWalk(t *testing.T, sub *groupkit.Follower, groups ...groupkit.GroupID) {
	t.Helper()
	require.Equal(t, groupkit.Event{Kind: groupkit.Checkpoint}, next(t, sub))
	for _, group := range groups {
		e := next(t, sub)
		require.Equal(t, group, e.Group)
		require.Equal(t, groupkit.Checkpoint, e.Kind)
	}
}

// If retention removes something before it is heard, a checkpoint takes its place, on a store of one's
// own too: there a call learns of its commit late.
func TestFollower_MissesWhatIsRemoved(t *testing.T) {
	t.Parallel()
	st := &slowStore{Store: memstore.New()}
	s := grouptest.NewFixtureOver(t, st, memblob.New(), groupkit.Options{Retention: groupkit.Retention{MaxAge: time.Hour}})
	s.Clock.Advance(2 * time.Hour)
	require.NoError(t, grouptest.ErrorOf(s.Engine.Sweep(t.Context()))) // nothing is left that expires
	one, all := follow(t, s, "alice"), followAll(t, s.Engine)
	first := one.Position().Version + 1
	hold, held := st.keep()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Engine.As("alice").MuteGroup(context.Background(), s.ID)
	}()
	<-held
	s.Clock.Advance(2 * time.Hour)
	require.NoError(t, grouptest.ErrorOf(s.Engine.Sweep(t.Context())))
	announce(t, s, "I am heard")
	close(hold)
	<-done
	require.Equal(t, first, requireCheckpoint(t, s, one).Version)
	requireWalk(t, all, s.ID)
	require.Equal(t, s.Group(t).Version, next(t, one).Version)
	for _, sub := range []*groupkit.Follower{one, all} {
		requireSilent(t, sub)
	}
	require.Equal(t, s.Group(t).Version, one.Position().Version)
}

// A process cannot read for a while. A checkpoint takes the place of what others have removed from
// the log by then, even if nothing of the log is left. The end of the group is noticed, too.
func TestFollower_MissesWhatIsRemovedElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data, clock := sharedmem.New(sharedmem.Options{Numbers: true}), grouptest.NewClock()
		opts := groupkit.Options{Clock: clock.Now, Retention: groupkit.Retention{MaxAge: time.Hour}}
		st := &unreadableStore{Store: data.Open()}
		here, err := groupkit.New(st, memblob.New(), &opts)
		require.NoError(t, err)
		defer func() { require.NoError(t, here.Close()) }()
		there := grouptest.NewFixtureOn(t, processes(t, 1, data, opts)[0], clock)
		clock.Advance(2 * time.Hour)
		require.NoError(t, grouptest.ErrorOf(there.Engine.Sweep(t.Context()))) // nothing is left that expires
		away := func(do func()) {
			st.failing.Store(true)
			time.Sleep(time.Second)
			do()
			clock.Advance(2 * time.Hour)
			require.NoError(t, grouptest.ErrorOf(there.Engine.Sweep(t.Context())))
			time.Sleep(time.Minute)
			st.failing.Store(false)
		}
		subs := []*groupkit.Follower{followIn(t, here, there.ID, "alice"), followIn(t, here, there.ID, ""), followAll(t, here)}
		first := subs[0].Position().Version + 1
		away(func() { announce(t, there, "unheard") })
		for _, sub := range subs[:2] {
			require.Equal(t, first, requireCheckpoint(t, there, sub).Version)
		}
		requireWalk(t, subs[2], there.ID)
		require.Equal(t, there.Group(t).Version, subs[0].Position().Version)
		announce(t, there, "heard")
		for _, sub := range subs {
			require.Equal(t, there.Group(t).Version, next(t, sub).Version)
		}
		away(func() { require.NoError(t, there.Engine.As("alice").DeleteGroup(t.Context(), there.ID)) })
		requireWalk(t, subs[2])
		for _, sub := range subs[:2] {
			_, err := sub.Next(t.Context())
			require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
		}
	})
}

// Where the log is damaged, a follower says so and goes on with a checkpoint. The other groups are not
// concerned.
func TestFollower_MissesWhatIsDamaged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data := sharedmem.New(sharedmem.Options{Numbers: true})
		st := &unreadableStore{Store: data.Open()}
		here, err := groupkit.New(st, memblob.New(), nil)
		require.NoError(t, err)
		defer func() { require.NoError(t, here.Close()) }()
		there := grouptest.NewFixtureOn(t, processes(t, 1, data, groupkit.Options{})[0], grouptest.NewClock())
		other := grouptest.CreateGroup(t, there.Engine, groupkit.NewGroup{ID: "other"})
		one, all, beside := followIn(t, here, there.ID, "alice"), followAll(t, here), followIn(t, here, other, "")
		first := one.Position().Version + 1
		st.failing.Store(true)
		for i := range 3 {
			announce(t, there, fmt.Sprint(i))
		}
		require.NoError(t, there.Engine.System().MuteGroup(t.Context(), other))
		require.NoError(t, data.Open().Update(t.Context(), func(w store.Writer) error {
			for _, v := range []uint64{first, first + 2} {
				if err := w.Put(key.Event(string(there.ID), v), []byte(grouptest.Garbage)); err != nil {
					return err
				}
			}
			return nil
		}))
		st.failing.Store(false)
		_, err = one.Next(t.Context())
		require.ErrorIs(t, err, groupkit.ErrCorrupt)
		require.Equal(t, first+2, requireCheckpoint(t, there, one).Version)
		requireWalk(t, all, there.ID, other)
		require.Equal(t, groupkit.GroupMuted, next(t, beside).Kind)
		announce(t, there, "and on")
		require.Equal(t, first+3, next(t, one).Version)
		require.Equal(t, first+3, next(t, all).Version)
	})
}

// A log that does not continue from its checkpoint is damaged. The follower says so once, instead of giving the
// checkpoint again and again, and goes on with the present state.
func TestFollower_DamagedCheckpoint(t *testing.T) {
	t.Parallel()
	at := grouptest.CheckpointKey(key.Header, "")
	moved := func(by int) func(*testing.T, *grouptest.Dataset) {
		return func(t *testing.T, s *grouptest.Dataset) {
			h, err := record.DecodeHeader(s.Get(t, at))
			require.NoError(t, err)
			h.Version = uint64(int(h.Version) + by)
			s.Put(t, at, h.Encode())
		}
	}
	for name, damage := range map[string]func(*testing.T, *grouptest.Dataset){
		"before the log": moved(-1),
		"within the log": moved(1),
		"missing":        func(t *testing.T, s *grouptest.Dataset) { s.Remove(t, at) },
		"unreadable":     func(t *testing.T, s *grouptest.Dataset) { s.Put(t, at, []byte(grouptest.Garbage)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewDataset(t)
			damage(t, s)
			sub, err := s.System().Follow(t.Context(), grouptest.Archive, groupkit.Position{})
			require.NoError(t, err)
			defer sub.Close()
			_, err = sub.Next(t.Context())
			require.ErrorIs(t, err, groupkit.ErrCorrupt)
			require.ErrorContains(t, err, `"archive"`)
			g, err := s.System().Group(t.Context(), grouptest.Archive)
			require.NoError(t, err)
			e := next(t, sub)
			require.Equal(t, groupkit.Checkpoint, e.Kind)
			require.Equal(t, g.Version, e.Version)
			require.True(t, e.Last)
			requireSilent(t, sub)
			require.NoError(t, s.System().MuteGroup(t.Context(), grouptest.Archive))
			require.Equal(t, groupkit.GroupMuted, next(t, sub).Kind)
		})
	}
}
