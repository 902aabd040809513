package groupkit_test

import (
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

func TestReplay_Stops(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	_, err := groupkit.Replay(s.Engine.As("carol").Events(t.Context(), s.ID, 0))
	require.ErrorIs(t, err, groupkit.ErrRoleTooLow)
	_, err = groupkit.Replay(func(func(groupkit.Event, error) bool) {})
	require.ErrorContains(t, err, "log is empty")
	_, err = groupkit.Replay(nil)
	require.ErrorContains(t, err, "log is nil")
}

// TestReplay_Refuses replays logs that are not whole. The error says what is wrong.
func TestReplay_Refuses(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	_, log := s.State(t)
	changed := func(change func(*groupkit.Event)) []groupkit.Event {
		out := append([]groupkit.Event(nil), log...)
		change(&out[3])
		return out
	}
	for want, events := range map[string][]groupkit.Event{
		"at version 3 (version 1 or a checkpoint)":   log[2:],
		"has version 4 instead of 3":                 append(append([]groupkit.Event(nil), log[:2]...), log[3:]...),
		"has version 2 instead of 3":                 append(append([]groupkit.Event(nil), log[:2]...), log[1:]...),
		"has the unknown kind 99 at version 4":       changed(func(e *groupkit.Event) { e.Kind = 99 }),
		"has the unknown kind 0 at version 4":        changed(func(e *groupkit.Event) { e.Kind = 0 }),
		"begins with \"member joined\" at version 1": {firstOf(log, groupkit.MemberJoined)},
		"has an incomplete checkpoint":               changed(func(e *groupkit.Event) { e.Kind = groupkit.Checkpoint }),
		`of the groups "guild" and "other"`:          changed(func(e *groupkit.Event) { e.Group = "other" }),
	} {
		_, err := groupkit.Replay(logOf(events))
		require.ErrorIs(t, err, groupkit.ErrInvalid, want)
		require.ErrorContains(t, err, want)
	}
}

// firstOf returns the first event of a kind, as if it had the version 1.
func firstOf(log []groupkit.Event, kind groupkit.EventKind) groupkit.Event {
	e := log[slices.IndexFunc(log, func(e groupkit.Event) bool { return e.Kind == kind })]
	e.Version = 1
	return e
}

// logOf is a log of the events.
func logOf(events []groupkit.Event) iter.Seq2[groupkit.Event, error] {
	return func(yield func(groupkit.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// TestReplay_DeletedGroup replays the log of a deleted group while retention takes it away. From a
// log that was read before a cut the rest can be replayed only with its checkpoint.
func TestReplay_DeletedGroup(t *testing.T) {
	t.Parallel()
	eng, clock := grouptest.Setup(t, groupkit.Options{Retention: groupkit.Retention{MaxAge: time.Hour}})
	ctx, system := t.Context(), eng.System()
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: grouptest.IDs{"bob", "carol"}})
	clock.Advance(30 * time.Minute)
	require.NoError(t, system.RemoveMember(ctx, id, "bob"))
	require.NoError(t, system.DeleteGroup(ctx, id))
	swept := func(later time.Duration) []groupkit.Event {
		clock.Advance(later)
		require.NoError(t, grouptest.ErrorOf(eng.Sweep(ctx)))
		return grouptest.MustCollect(t, system.Events(ctx, id, 0))
	}
	whole := swept(0)
	require.Equal(t, groupkit.GroupCreated, whole[0].Kind)
	cut := swept(45 * time.Minute)
	require.Equal(t, groupkit.Checkpoint, cut[0].Kind)
	state, err := groupkit.Replay(logOf(cut))
	require.NoError(t, err)
	require.Equal(t, whole[len(whole)-1].Version, state.Group.Version)
	for want, log := range map[string][]groupkit.Event{
		"log begins with \"member left\" at version 3 (version 1 or a checkpoint)": cut[1:],
		"log is empty": swept(time.Hour),
	} {
		_, err := groupkit.Replay(logOf(log))
		require.ErrorIs(t, err, groupkit.ErrInvalid)
		require.EqualError(t, err, want)
	}
}

// At every version the log so far is the group as it was then.
func TestReplay_EveryVersion(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	var then []groupkit.Snapshot
	transfers := func(v *grouptest.Verb) bool { return v.Op == groupkit.OpTransferGroup } // last: alice invites no more
	var verbs, last []*grouptest.Verb
	for i := range grouptest.Verbs {
		if v := &grouptest.Verbs[i]; transfers(v) {
			last = append(last, v)
		} else {
			verbs = append(verbs, v)
		}
	}
	for _, v := range append(verbs, last...) {
		if v.Op == groupkit.OpDeleteGroup || v.Op == groupkit.OpForgetUser { // which takes names out of the log
			continue
		}
		if _, err := v.Do(s); err == nil {
			snapshot, _ := s.State(t)
			then = append(then, snapshot)
		}
		s.Clock.Advance(time.Second)
	}
	require.Greater(t, len(then), 10)
	for _, snapshot := range then {
		again, err := groupkit.Replay(upTo(s.Engine.System().Events(t.Context(), s.ID, 0), snapshot.Group.Version))
		require.NoError(t, err)
		require.Equal(t, snapshot, again)
	}
}

// upTo cuts a log off after a version.
func upTo(log iter.Seq2[groupkit.Event, error], version uint64) iter.Seq2[groupkit.Event, error] {
	return func(yield func(groupkit.Event, error) bool) {
		for e, err := range log {
			if err == nil && e.Version > version || !yield(e, err) {
				return
			}
		}
	}
}
