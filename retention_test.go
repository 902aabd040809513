package groupkit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// cutting is a Fixture with a long log, which each Sweep cuts.
func cutting(t *testing.T, opts groupkit.Options, calls int) (*grouptest.Fixture, *grouptest.FailingStore) {
	t.Helper()
	st := &grouptest.FailingStore{Store: memstore.New()}
	s := grouptest.NewFixtureOver(t, st, memblob.New(), opts)
	for i := range calls {
		s.Clock.Advance(time.Second)
		require.NoError(t, s.Engine.As("alice").SetAnnouncement(t.Context(), s.ID, fmt.Sprint(i)))
	}
	return s, st
}

func TestRetention_MaxEvents(t *testing.T) {
	t.Parallel()
	s, _ := cutting(t, groupkit.Options{Retention: groupkit.Retention{MaxEvents: 4}}, 10)
	last := s.Group(t).Version
	_, whole := s.State(t)
	require.Len(t, whole, int(last), "only Sweep cuts")
	require.NoError(t, grouptest.ErrorOf(s.Engine.Sweep(t.Context())))
	snapshot, log := s.State(t)
	require.Len(t, log, 5)
	require.Equal(t, groupkit.Checkpoint, log[0].Kind)
	require.Equal(t, last-4, log[0].Version, "it says from which version the log goes on")
	require.Equal(t, whole[last-4:], log[1:])
	again, err := groupkit.Replay(upTo(s.Engine.System().Events(t.Context(), s.ID, 0), last-4))
	require.NoError(t, err)
	require.Equal(t, again, *log[0].Checkpoint)
	require.Equal(t, last, snapshot.Group.Version)
	require.NoError(t, grouptest.ErrorOf(s.Engine.Sweep(t.Context())))
	_, same := s.State(t)
	require.Equal(t, log, same, "there is nothing more to cut")
}

func TestRetention_MaxAge(t *testing.T) {
	t.Parallel()
	s, _ := cutting(t, groupkit.Options{Retention: groupkit.Retention{MaxAge: 3 * time.Second}}, 10)
	require.NoError(t, grouptest.ErrorOf(s.Engine.Sweep(t.Context())))
	_, log := s.State(t)
	require.Len(t, log, 5, "what is as old as MaxAge stays")
	s.Clock.Advance(time.Minute)
	require.NoError(t, grouptest.ErrorOf(s.Engine.Sweep(t.Context())))
	snapshot, log := s.State(t)
	require.Len(t, log, 1, "the checkpoint alone")
	require.Equal(t, snapshot, *log[0].Checkpoint)
	require.NoError(t, s.Engine.As("alice").MuteGroup(t.Context(), s.ID), "it goes on from there")
	replayed(t, s.Engine, s.ID)
	grouptest.RequireVerified(t, s.Engine)
}

// A call with many events goes as a whole, or stays as a whole.
func TestRetention_CallsStayWhole(t *testing.T) {
	t.Parallel()
	for keep := 1; keep < 8; keep++ {
		eng, _ := grouptest.Setup(t, groupkit.Options{Retention: groupkit.Retention{MaxEvents: keep}})
		id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Public: true, MembersOnly: true, Members: grouptest.IDs{"bob"}})
		require.NoError(t, eng.System().AddAdmin(t.Context(), id, "bob"))
		require.NoError(t, eng.System().Allow(t.Context(), id, "bob"))
		require.NoError(t, grouptest.ErrorOf(eng.System().Block(t.Context(), id, groupkit.Forever, "bob")))
		require.NoError(t, grouptest.ErrorOf(eng.Sweep(t.Context())))
		log, err := grouptest.Collect(eng.System().Events(t.Context(), id, 0))
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(log), 1+4, "the four events of the block")
		replayed(t, eng, id)
		grouptest.RequireVerified(t, eng)
	}
}

func TestRetention_DeletedGroup(t *testing.T) {
	t.Parallel()
	s, st := cutting(t, groupkit.Options{Retention: groupkit.Retention{MaxAge: time.Minute, MaxEvents: 6}}, 10)
	ctx := t.Context()
	require.NoError(t, grouptest.ErrorOf(s.Engine.Sweep(ctx)))
	require.NoError(t, s.Engine.As("alice").DeleteGroup(ctx, s.ID))
	_, log := s.State(t)
	require.Equal(t, groupkit.Checkpoint, log[0].Kind)
	require.Empty(t, log[0].Checkpoint.Members, "also before the next Sweep")
	require.NoError(t, grouptest.ErrorOf(s.Engine.Sweep(ctx)))
	_, log = s.State(t)
	require.Len(t, log, 7)
	require.Equal(t, groupkit.Checkpoint, log[0].Kind)
	require.Equal(t, groupkit.GroupDeleted, log[6].Kind)
	again, err := groupkit.Replay(s.Engine.System().Events(ctx, s.ID, 0))
	require.NoError(t, err)
	require.Equal(t, log[6].Version, again.Group.Version)
	require.Empty(t, again.Members, "the checkpoint of a deleted group names no user")
	require.Equal(t, groupkit.Snapshot{Group: groupkit.Group{
		ID: s.ID, Name: "night watch", Public: true, MembersOnly: true, InviteNeedConfirm: true, MaxUsers: 200,
		Created: log[0].Checkpoint.Group.Created, LastModified: log[0].At, Version: log[0].Version,
	}}, *log[0].Checkpoint)
	grouptest.RequireVerified(t, s.Engine)

	s.Clock.Advance(2 * time.Minute)
	require.NoError(t, grouptest.ErrorOf(s.Engine.Sweep(ctx)))
	_, log = s.State(t)
	require.Empty(t, log)
	for k := range grouptest.DumpStore(t, st) {
		require.False(t, strings.HasPrefix(k, "G\x02guild\x00") && !strings.HasSuffix(k, "h"), "%q: the tombstone alone is left", k)
	}
	require.ErrorIs(t, grouptest.ErrorOf(s.Engine.System().CreateGroup(ctx, groupkit.NewGroup{ID: s.ID, Name: "n", Owner: "a"})), groupkit.ErrGroupExists)
	grouptest.RequireVerified(t, s.Engine)
}

// Cut off between its steps, a cut leaves a log that begins a little earlier.
func TestRetention_CutOff(t *testing.T) {
	t.Parallel()
	for steps := 0; ; steps++ {
		s, st := cutting(t, groupkit.Options{Retention: groupkit.Retention{MaxEvents: 2}}, 200)
		st.FailAfter(steps)
		_, err := s.Engine.Sweep(t.Context())
		st.Recover()
		replayed(t, s.Engine, s.ID)
		grouptest.RequireVerified(t, s.Engine)
		if err == nil {
			require.Greater(t, steps, 3)
			return
		}
		require.ErrorIs(t, err, grouptest.ErrFailing)
		require.NoError(t, grouptest.ErrorOf(s.Engine.Sweep(t.Context())))
		_, log := s.State(t)
		require.Len(t, log, 3)
		replayed(t, s.Engine, s.ID)
	}
}

// From whatever version one reads on, what has been cut off is made up for by the
// checkpoint, and nothing else is.
func TestRetention_ReaderFromAnyVersion(t *testing.T) {
	t.Parallel()
	s, _ := cutting(t, groupkit.Options{Retention: groupkit.Retention{MaxEvents: 5}}, 10)
	require.NoError(t, grouptest.ErrorOf(s.Engine.Sweep(t.Context())))
	last := s.Group(t).Version
	for from := uint64(0); from <= last+3; from++ {
		log, err := grouptest.Collect(s.Engine.As("alice").Events(t.Context(), s.ID, from))
		require.NoError(t, err)
		if from <= last-5 {
			require.Equal(t, groupkit.Checkpoint, log[0].Kind, "%d", from)
			require.Equal(t, last-5, log[0].Version)
			log = log[1:]
		}
		first := max(from, last-4)
		require.Len(t, log, int(last+1-min(first, last+1)), "%d", from)
		for i, e := range log {
			require.Equal(t, first+uint64(i), e.Version)
			require.Nil(t, e.Checkpoint)
		}
	}
}

// A reader under whose eyes the log is cut goes on behind the cut.
func TestRetention_ReaderOvertaken(t *testing.T) {
	t.Parallel()
	s, _ := cutting(t, groupkit.Options{Retention: groupkit.Retention{MaxEvents: 7}}, 500)
	cut, checkpoints, last := false, 0, uint64(0)
	for e, err := range s.Engine.System().Events(t.Context(), s.ID, 1) {
		require.NoError(t, err)
		if e.Kind == groupkit.Checkpoint {
			checkpoints++
			require.Greater(t, e.Version, last)
		} else {
			require.Equal(t, last+1, e.Version)
		}
		last = e.Version
		if !cut {
			cut = true
			require.NoError(t, grouptest.ErrorOf(s.Engine.Sweep(t.Context())))
		}
	}
	require.Equal(t, 1, checkpoints)
	require.Equal(t, s.Group(t).Version, last)
}

// Cutting and writing at the same time.
func TestRetention_Concurrently(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{Retention: groupkit.Retention{MaxEvents: 3}})
	ctx := t.Context()
	work := func(fn func(i int) error) func() {
		return func() {
			for i := range 30 {
				if err := fn(i); err != nil {
					t.Error(err)
				}
			}
		}
	}
	grouptest.Concurrently(
		work(func(i int) error { return s.Engine.As("alice").SetAnnouncement(ctx, s.ID, fmt.Sprint(i)) }),
		work(func(int) error { return grouptest.ErrorOf(s.Engine.As("bob").Mute(ctx, s.ID, time.Hour, "carol")) }),
		work(func(int) error { return grouptest.ErrorOf(s.Engine.Sweep(ctx)) }),
		work(func(int) error { return grouptest.ErrorOf(s.Engine.Sweep(ctx)) }),
		work(func(int) error {
			_, err := groupkit.Replay(s.Engine.System().Events(ctx, s.ID, 0))
			return err
		}),
	)
	require.NoError(t, grouptest.ErrorOf(s.Engine.Sweep(ctx)))
	replayed(t, s.Engine, s.ID)
	grouptest.RequireVerified(t, s.Engine)
}

func TestRetention_Options(t *testing.T) {
	t.Parallel()
	for _, r := range []groupkit.Retention{{MaxEvents: -1}, {MaxAge: -1}} {
		_, err := groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{Retention: r})
		require.ErrorIs(t, err, groupkit.ErrInvalid)
		_, ok := errors.AsType[*groupkit.FieldError](err)
		require.True(t, ok)
	}
}
