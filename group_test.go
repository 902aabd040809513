package groupkit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

func TestActor_UpdateGroup(t *testing.T) {
	t.Parallel()
	t.Run("to the current values changes nothing", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{})
		before := s.Group(t)
		changed, err := s.Engine.As("alice").UpdateGroup(t.Context(), s.ID, groupkit.GroupUpdate{
			Name: &before.Name, Custom: &before.Custom, MaxUsers: &before.MaxUsers, MembersOnly: &before.MembersOnly,
		})
		require.NoError(t, err)
		require.Empty(t, changed)
		require.Equal(t, before, s.Group(t))
	})
}

func TestActor_CreateGroup(t *testing.T) {
	t.Parallel()
	t.Run("adds or invites the members", func(t *testing.T) {
		t.Parallel()
		eng, _ := grouptest.Setup(t, groupkit.Options{})
		for _, c := range []struct {
			actor   groupkit.Actor
			confirm bool
			members int
		}{{eng.System(), true, 2}, {eng.As("alice"), true, 1}, {eng.As("alice"), false, 2}} {
			g, err := c.actor.CreateGroup(t.Context(), groupkit.NewGroup{
				Name: "night watch", Owner: "alice", Members: grouptest.IDs{"bob"}, InviteNeedConfirm: &c.confirm,
			})
			require.NoError(t, err)
			require.Equal(t, c.members, g.MemberCount)
			invited, err := grouptest.Collect(eng.System().Invitations(t.Context(), g.ID))
			require.NoError(t, err)
			require.Len(t, invited, 2-c.members)
		}
	})
}
