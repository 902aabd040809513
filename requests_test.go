package groupkit_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

func TestActor_InviteUsers(t *testing.T) {
	t.Parallel()
	t.Run("that invites nobody anew clears nothing away", func(t *testing.T) {
		t.Parallel()
		eng, clock := grouptest.Setup(t, groupkit.Options{Limits: groupkit.Limits{Invitations: 2}})
		g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: []groupkit.UserID{"bob"}})
		require.NoError(t, grouptest.ErrorOf(eng.System().Mute(t.Context(), g, time.Minute, "bob")))
		require.NoError(t, eng.System().RemoveMember(t.Context(), g, "bob"))
		clock.Advance(time.Minute)
		require.NoError(t, grouptest.ErrorOf(eng.System().Invite(t.Context(), g, "carol")))
		require.NoError(t, grouptest.ErrorOf(eng.System().Invite(t.Context(), g, "dave")))
		before, err := eng.System().Group(t.Context(), g)
		require.NoError(t, err)
		results, err := eng.System().InviteUsers(t.Context(), g, []groupkit.UserID{"carol", "bob"})
		require.NoError(t, err)
		require.NoError(t, results[0].Err)
		require.ErrorIs(t, results[1].Err, groupkit.ErrTooManyInvitations)
		after, err := eng.System().Group(t.Context(), g)
		require.NoError(t, err)
		require.Equal(t, before, after)
	})
	t.Run("approves requests, which have a cause of their own", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{})
		ctx, alice := t.Context(), s.Engine.As("alice")
		require.NoError(t, grouptest.ErrorOf(alice.UpdateGroup(ctx, s.ID, groupkit.GroupUpdate{InviteNeedConfirm: new(false)})))
		require.NoError(t, grouptest.ErrorOf(alice.InviteUsers(ctx, s.ID, grouptest.IDs{"frank", "ivan"})))
		_, log := s.State(t)
		causes := make(map[groupkit.UserID]groupkit.Cause)
		for _, e := range log[len(log)-2:] {
			require.Equal(t, groupkit.MemberJoined, e.Kind)
			causes[e.Users[0]] = e.Cause
		}
		require.Equal(t, map[groupkit.UserID]groupkit.Cause{"frank": groupkit.CauseApproved, "ivan": groupkit.CauseInvited}, causes)
	})
}

func TestActor_Join(t *testing.T) {
	t.Parallel()
	t.Run("again keeps the request", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{})
		before, _ := s.State(t)
		s.Clock.Advance(time.Second)
		outcome, err := s.Engine.As("frank").Join(t.Context(), s.ID)
		require.NoError(t, err)
		require.Equal(t, groupkit.OutcomeRequested, outcome)
		after, _ := s.State(t)
		require.Equal(t, before, after)
	})
	t.Run("asks if the inviter cannot invite any more", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{})
		ctx, system := t.Context(), s.Engine.System()
		require.NoError(t, grouptest.ErrorOf(s.Engine.As("bob").Invite(ctx, s.ID, "ivan")))
		require.NoError(t, system.RemoveMember(ctx, s.ID, "bob"))
		outcome, err := s.Engine.As("ivan").Join(ctx, s.ID)
		require.NoError(t, err)
		require.Equal(t, groupkit.OutcomeRequested, outcome)
		outcome, err = s.Engine.As("grace").Join(ctx, s.ID)
		require.NoError(t, err)
		require.Equal(t, groupkit.OutcomeJoined, outcome, "the owner invited this user")
	})
	t.Run("refuses a user whom the application does not know", func(t *testing.T) {
		t.Parallel()
		eng, _ := grouptest.Setup(t, groupkit.Options{UserExists: func(_ context.Context, u groupkit.UserID) (bool, error) { return u == "alice", nil }})
		g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Public: true})
		require.ErrorIs(t, grouptest.ErrorOf(eng.As("bob").Join(t.Context(), g)), groupkit.ErrUserNotFound)
	})
}

func TestActor_ApproveRequest(t *testing.T) {
	t.Parallel()
	t.Run("refuses a request that has expired", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{RequestTTL: time.Hour})
		s.Clock.Advance(time.Hour)
		require.ErrorIs(t, s.Engine.As("bob").ApproveRequest(t.Context(), s.ID, "frank"), groupkit.ErrRequestNotFound)
		require.ErrorIs(t, s.Engine.As("bob").DeclineRequest(t.Context(), s.ID, "frank"), groupkit.ErrRequestNotFound)
	})
}
