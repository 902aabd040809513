package groupkit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// Whoever goes on from a position of another history, or from before the log was rewritten, begins anew.
// Who was dismissed meanwhile gets what members see.
func TestActor_Follow_BeginsAnew(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ctx, alice, system := t.Context(), s.Engine.As("alice"), s.Engine.System()
	require.NoError(t, system.AddMember(ctx, s.ID, "zoe"))
	require.NoError(t, grouptest.ErrorOf(alice.Invite(ctx, s.ID, "yves")))
	at := s.Engine.Position(s.Group(t).Version)
	require.False(t, goOn(t, s, "alice", at, announced(t, s, "one")).Kind == groupkit.Checkpoint)

	at = s.Engine.Position(s.Group(t).Version)
	require.NoError(t, system.ForgetUser(ctx, "zoe", groupkit.ForgetOptions{Pseudonymize: true}))
	e := goOn(t, s, "alice", at, nil)
	require.Equal(t, groupkit.Checkpoint, e.Kind)
	require.Equal(t, s.Group(t).Version, e.Version)

	at = s.Engine.Position(s.Group(t).Version)
	require.NoError(t, s.Engine.RenewHistory(ctx))
	require.NotEqual(t, at.History, s.Engine.History())
	snapshot, _ := s.State(t)
	e = goOn(t, s, "alice", at, nil)
	require.Equal(t, groupkit.Checkpoint, e.Kind)
	require.Equal(t, snapshot, *e.Checkpoint)
	require.NotEmpty(t, e.Checkpoint.Blacklist)

	e = goOn(t, s, "carol", at, nil)
	require.Equal(t, groupkit.Checkpoint, e.Kind)
	snapshot.Blacklist, snapshot.Requests, snapshot.Invitations, snapshot.Mutes, snapshot.AllowList = nil, nil, nil, nil, nil
	snapshot.Group.RequestCount, snapshot.Group.InvitationCount = 0, 0
	require.Equal(t, snapshot, *e.Checkpoint, "carol is a plain member")
}

// goOn is the first event of whoever goes on from a position, after a change.
func goOn(t *testing.T, s *grouptest.Fixture, who groupkit.UserID, at groupkit.Position, change func()) groupkit.Event {
	t.Helper()
	if change != nil {
		change()
	}
	f, err := s.Engine.As(who).Follow(t.Context(), s.ID, at)
	require.NoError(t, err)
	defer f.Close()
	return next(t, f)
}

func announced(t *testing.T, s *grouptest.Fixture, text string) func() {
	return func() {
		s.Clock.Advance(time.Second)
		announce(t, s, text)
	}
}
