package groupkit_test

import (
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
}
