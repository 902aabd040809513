package groupkit_test

import (
	"iter"
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
	empty, err := groupkit.Replay(func(func(groupkit.Event, error) bool) {})
	require.NoError(t, err)
	require.Equal(t, groupkit.Snapshot{}, empty)
}

// At every version the log so far is the group as it was then.
func TestReplay_EveryVersion(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	var then []groupkit.Snapshot
	for i := range grouptest.Verbs {
		if op := grouptest.Verbs[i].Op; op == groupkit.OpDeleteGroup || op == groupkit.OpForgetUser { // which takes names out of the log
			continue
		}
		if _, err := grouptest.Verbs[i].Do(s); err == nil {
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
