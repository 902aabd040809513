package groupkit_test

import (
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/store/memstore"
)

// rolled are rapid's dice.
func rolled(t *rapid.T) dice {
	return func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "die") }
}

// The log of every group, replayed, is the group: after any history.
func TestReplay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		p := newTroupe(t, memstore.New(), c, narrow(c))
		defer p.eng.Close()
		for range 4 {
			p.history(t, rolled(t), 20)
			p.sound(t)
		}
	})
}

func TestReplay_Stops(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	_, err := groupkit.Replay(s.eng.As("carol").Events(t.Context(), s.id, 0))
	require.ErrorIs(t, err, groupkit.ErrRoleTooLow)
	empty, err := groupkit.Replay(func(func(groupkit.Event, error) bool) {})
	require.NoError(t, err)
	require.Equal(t, groupkit.Snapshot{}, empty)
}

// At every version the log so far is the group as it was then.
func TestReplay_EveryVersion(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	var then []groupkit.Snapshot
	for i := range verbs {
		if op := verbs[i].op; op == groupkit.OpDeleteGroup || op == groupkit.OpForgetUser { // which takes names out of the log
			continue
		}
		if _, err := verbs[i].do(s); err == nil {
			snapshot, _ := s.whole(t)
			then = append(then, snapshot)
		}
		s.clock.Advance(time.Second)
	}
	require.Greater(t, len(then), 10)
	for _, snapshot := range then {
		again, err := groupkit.Replay(upTo(s.eng.System().Events(t.Context(), s.id, 0), snapshot.Group.Version))
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
