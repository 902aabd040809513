package groupkit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// From the position after a call of which the member was shown only a part, it goes on where it was.
func TestFollower_PositionWithinACall(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	carol, err := s.Engine.As("carol").Follow(t.Context(), s.ID, groupkit.Position{})
	require.NoError(t, err)
	defer carol.Close()
	var replica groupkit.Replica
	require.NoError(t, replica.Apply(next(t, carol)))
	require.NoError(t, grouptest.ErrorOf(s.Engine.As("alice").Block(t.Context(), s.ID, time.Hour, "dave")))
	e := next(t, carol)
	require.Equal(t, groupkit.MemberLeft, e.Kind)
	require.NoError(t, replica.Apply(e))
	again, err := s.Engine.As("carol").Follow(t.Context(), s.ID, carol.Position())
	require.NoError(t, err)
	defer again.Close()
	announce(t, s, "and on")
	want := next(t, carol)
	e = next(t, again)
	require.Equal(t, want, e)
	require.NoError(t, replica.Apply(e))
}

// Who is appointed or dismissed before it goes on from a position begins anew, too.
func TestFollower_RoleChangesBetween(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *grouptest.Fixture) error{
		"appointed":   func(s *grouptest.Fixture) error { return s.Engine.As("alice").AddAdmin(t.Context(), s.ID, "carol") },
		"dismissed":   func(s *grouptest.Fixture) error { return s.Engine.As("alice").RemoveAdmin(t.Context(), s.ID, "bob") },
		"transferred": func(s *grouptest.Fixture) error { return s.Engine.As("alice").TransferGroup(t.Context(), s.ID, "dave") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewFixture(t, groupkit.Options{})
			who := map[string]groupkit.UserID{"appointed": "carol", "dismissed": "bob", "transferred": "alice"}[name]
			f := follow(t, s, who)
			announce(t, s, "seen")
			next(t, f)
			from := f.Position()
			f.Close()
			require.NoError(t, change(s))
			again, err := s.Engine.As(who).Follow(t.Context(), s.ID, from)
			require.NoError(t, err)
			defer again.Close()
			version := s.Group(t).Version
			for e := next(t, again); e.Kind != groupkit.Checkpoint; e = next(t, again) {
				require.False(t, e.Version == version && e.Last, "the last event, without a checkpoint")
			}
			require.Equal(t, version, again.Position().Version)
		})
	}
}
