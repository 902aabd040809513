package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// However much of the logs is cut off, what is left leads to the group: the log begins
// with a checkpoint, and goes on without gaps.
func TestRetention(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, d := newClock(), rolled(t)
		opts := narrow(c)
		opts.Retention = oneOf(d, []groupkit.Retention{
			{MaxEvents: 1}, {MaxEvents: 3}, {MaxEvents: 10}, {MaxAge: time.Millisecond}, {MaxAge: time.Minute},
			{MaxEvents: 5, MaxAge: 30 * time.Second},
		})
		p := newTroupe(t, memstore.New(), c, opts)
		defer p.eng.Close()
		for range 3 {
			p.history(t, d, 20)
			require.NoError(t, second(p.eng.Sweep(context.Background())))
			p.sound(t)
			for _, id := range p.groups() {
				p.requireKept(t, id, opts.Retention)
			}
		}
	})
}

// requireKept is about the form of a log that has been cut.
func (p *troupe) requireKept(t require.TestingT, id groupkit.GroupID, keep groupkit.Retention) {
	log, err := collect(p.eng.System().Events(context.Background(), id, 0))
	require.NoError(t, err)
	if len(log) == 0 {
		return // all of it, of a group that was deleted
	}
	require.True(t, log[0].Version == 1 || log[0].Kind == groupkit.Checkpoint, "%+v", log[0])
	cut := log[0].Kind == groupkit.Checkpoint
	if cut {
		require.Equal(t, log[0].Version, log[0].Checkpoint.Group.Version)
		require.Equal(t, log[0].At, log[0].Checkpoint.Group.LastModified)
		log = log[1:]
	}
	at := instantOf(log) // of a call: events of one call have one time, though not only they
	for i, e := range log {
		require.NotEqual(t, groupkit.Checkpoint, e.Kind)
		require.True(t, i == 0 || e.Version == log[i-1].Version+1)
	}
	if keep.MaxAge > 0 && len(log) > 0 {
		require.GreaterOrEqual(t, at.UnixMilli(), p.clock.Now().UnixMilli()-keep.MaxAge.Milliseconds())
	}
	if keep.MaxEvents > 0 && cut && len(log) > keep.MaxEvents {
		beyond := log[:len(log)-keep.MaxEvents+1]
		require.Equal(t, beyond[0].At, beyond[len(beyond)-1].At, "more are kept only where a call would be cut in two")
	}
}

func instantOf(log []groupkit.Event) time.Time {
	if len(log) == 0 {
		return time.Time{}
	}
	return log[0].At
}

// cutting is a stage whose log is long, and cut by each Sweep.
func cutting(t *testing.T, opts groupkit.Options, calls int) (*stage, *failingStore) {
	t.Helper()
	st := &failingStore{Store: memstore.New()}
	s := stagedOn(t, st, memblob.New(), opts)
	for i := range calls {
		s.clock.Advance(time.Second)
		require.NoError(t, s.eng.As("alice").SetAnnouncement(t.Context(), s.id, fmt.Sprint(i)))
	}
	return s, st
}

func TestRetention_MaxEvents(t *testing.T) {
	t.Parallel()
	s, _ := cutting(t, groupkit.Options{Retention: groupkit.Retention{MaxEvents: 4}}, 10)
	last := s.group(t).Version
	_, whole := s.whole(t)
	require.Len(t, whole, int(last), "only Sweep cuts")
	require.NoError(t, second(s.eng.Sweep(t.Context())))
	snapshot, log := s.whole(t)
	require.Len(t, log, 5)
	require.Equal(t, groupkit.Checkpoint, log[0].Kind)
	require.Equal(t, last-4, log[0].Version, "it says from which version the log goes on")
	require.Equal(t, whole[last-4:], log[1:])
	again, err := groupkit.Replay(upTo(s.eng.System().Events(t.Context(), s.id, 0), last-4))
	require.NoError(t, err)
	require.Equal(t, again, *log[0].Checkpoint)
	require.Equal(t, last, snapshot.Group.Version)
	require.NoError(t, second(s.eng.Sweep(t.Context())))
	_, same := s.whole(t)
	require.Equal(t, log, same, "there is nothing more to cut")
}

func TestRetention_MaxAge(t *testing.T) {
	t.Parallel()
	s, _ := cutting(t, groupkit.Options{Retention: groupkit.Retention{MaxAge: 3 * time.Second}}, 10)
	require.NoError(t, second(s.eng.Sweep(t.Context())))
	_, log := s.whole(t)
	require.Len(t, log, 5, "what is as old as MaxAge stays")
	s.clock.Advance(time.Minute)
	require.NoError(t, second(s.eng.Sweep(t.Context())))
	snapshot, log := s.whole(t)
	require.Len(t, log, 1, "the checkpoint alone")
	require.Equal(t, snapshot, *log[0].Checkpoint)
	require.NoError(t, s.eng.As("alice").MuteGroup(t.Context(), s.id), "it goes on from there")
	replayed(t, s.eng, s.id)
	verified(t, s.eng)
}

// A call with many events goes as a whole, or stays as a whole.
func TestRetention_CallsStayWhole(t *testing.T) {
	t.Parallel()
	for keep := 1; keep < 8; keep++ {
		eng, _ := setup(t, groupkit.Options{Retention: groupkit.Retention{MaxEvents: keep}})
		id := group(t, eng, groupkit.NewGroup{Public: true, MembersOnly: true, Members: ids{"bob"}})
		require.NoError(t, eng.System().AddAdmin(t.Context(), id, "bob"))
		require.NoError(t, eng.System().Allow(t.Context(), id, "bob"))
		require.NoError(t, second(eng.System().Block(t.Context(), id, groupkit.Forever, "bob")))
		require.NoError(t, second(eng.Sweep(t.Context())))
		log, err := collect(eng.System().Events(t.Context(), id, 0))
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(log), 1+4, "the four events of the block")
		replayed(t, eng, id)
		verified(t, eng)
	}
}

func TestRetention_DeletedGroup(t *testing.T) {
	t.Parallel()
	s, st := cutting(t, groupkit.Options{Retention: groupkit.Retention{MaxAge: time.Minute, MaxEvents: 6}}, 10)
	ctx := t.Context()
	require.NoError(t, second(s.eng.Sweep(ctx)))
	require.NoError(t, s.eng.As("alice").DeleteGroup(ctx, s.id))
	require.NoError(t, second(s.eng.Sweep(ctx)))
	_, log := s.whole(t)
	require.Len(t, log, 7)
	require.Equal(t, groupkit.Checkpoint, log[0].Kind)
	require.Equal(t, groupkit.GroupDeleted, log[6].Kind)
	again, err := groupkit.Replay(s.eng.System().Events(ctx, s.id, 0))
	require.NoError(t, err)
	require.Equal(t, log[6].Version, again.Group.Version)
	require.NotEmpty(t, again.Members, "as it was when it was deleted")
	verified(t, s.eng)

	s.clock.Advance(2 * time.Minute)
	require.NoError(t, second(s.eng.Sweep(ctx)))
	_, log = s.whole(t)
	require.Empty(t, log)
	for k := range dumped(t, st) {
		require.False(t, strings.HasPrefix(k, "g\x02guild\x00") && !strings.HasSuffix(k, "h"), "%q: the tombstone alone is left", k)
	}
	require.ErrorIs(t, second(s.eng.System().CreateGroup(ctx, groupkit.NewGroup{ID: s.id, Name: "n", Owner: "a"})), groupkit.ErrGroupExists)
	verified(t, s.eng)
}

// Cut off between its steps, a cut leaves a log that begins a little earlier.
func TestRetention_CutOff(t *testing.T) {
	t.Parallel()
	for steps := 0; ; steps++ {
		s, st := cutting(t, groupkit.Options{Retention: groupkit.Retention{MaxEvents: 2}}, 200)
		st.failAfter(steps)
		_, err := s.eng.Sweep(t.Context())
		st.recover()
		replayed(t, s.eng, s.id)
		verified(t, s.eng)
		if err == nil {
			require.Greater(t, steps, 3)
			return
		}
		require.ErrorIs(t, err, errFailing)
		require.NoError(t, second(s.eng.Sweep(t.Context())))
		_, log := s.whole(t)
		require.Len(t, log, 3)
		replayed(t, s.eng, s.id)
	}
}

// From whatever version one reads on, what has been cut off is made up for by the
// checkpoint, and nothing else is.
func TestRetention_ReaderFromAnyVersion(t *testing.T) {
	t.Parallel()
	s, _ := cutting(t, groupkit.Options{Retention: groupkit.Retention{MaxEvents: 5}}, 10)
	require.NoError(t, second(s.eng.Sweep(t.Context())))
	last := s.group(t).Version
	for from := uint64(0); from <= last+3; from++ {
		log, err := collect(s.eng.As("alice").Events(t.Context(), s.id, from))
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
	for e, err := range s.eng.System().Events(t.Context(), s.id, 1) {
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
			require.NoError(t, second(s.eng.Sweep(t.Context())))
		}
	}
	require.Equal(t, 1, checkpoints)
	require.Equal(t, s.group(t).Version, last)
}

// Cutting and writing at the same time.
func TestRetention_Concurrently(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{Retention: groupkit.Retention{MaxEvents: 3}})
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
	atOnce(
		work(func(i int) error { return s.eng.As("alice").SetAnnouncement(ctx, s.id, fmt.Sprint(i)) }),
		work(func(int) error { return second(s.eng.As("bob").Mute(ctx, s.id, time.Hour, "carol")) }),
		work(func(int) error { return second(s.eng.Sweep(ctx)) }),
		work(func(int) error { return second(s.eng.Sweep(ctx)) }),
		work(func(int) error {
			_, err := groupkit.Replay(s.eng.System().Events(ctx, s.id, 0))
			return err
		}),
	)
	require.NoError(t, second(s.eng.Sweep(ctx)))
	replayed(t, s.eng, s.id)
	verified(t, s.eng)
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
