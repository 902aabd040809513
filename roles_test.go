package groupkit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// roles are the roles of users in a group.
func roles(t *testing.T, eng *groupkit.Engine, g groupkit.GroupID, users ...groupkit.UserID) []groupkit.Role {
	t.Helper()
	list := make([]groupkit.Role, len(users))
	for i, u := range users {
		role, err := eng.System().Role(t.Context(), g, u)
		require.NoError(t, err)
		list[i] = role
	}
	return list
}

func TestActor_TransferGroup(t *testing.T) {
	t.Parallel()
	t.Run("by the system, who is not the old owner", func(t *testing.T) {
		t.Parallel()
		eng, _ := grouptest.Setup(t, groupkit.Options{})
		g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "alice", Members: []groupkit.UserID{"bob"}})
		require.NoError(t, eng.System().TransferGroup(t.Context(), g, "bob"))
		require.Equal(t, []groupkit.Role{groupkit.RoleMember, groupkit.RoleOwner}, roles(t, eng, g, "alice", "bob"))
		grouptest.RequireVerified(t, eng)
	})
	t.Run("to an admin who is muted", func(t *testing.T) {
		t.Parallel()
		eng, _ := grouptest.Setup(t, groupkit.Options{})
		g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "alice", Members: []groupkit.UserID{"bob"}})
		require.NoError(t, eng.As("alice").AddAdmin(t.Context(), g, "bob"))
		require.NoError(t, grouptest.ErrorOf(eng.As("alice").Mute(t.Context(), g, time.Hour, "bob")))
		require.NoError(t, eng.As("alice").TransferGroup(t.Context(), g, "bob"))
		require.NoError(t, eng.As("bob").MaySpeak(t.Context(), g))
		got, err := eng.System().Group(t.Context(), g)
		require.NoError(t, err)
		require.Zero(t, got.AdminCount)
		require.Equal(t, groupkit.UserID("bob"), got.Owner)
		grouptest.RequireVerified(t, eng)
	})
}

func TestActor_Leave(t *testing.T) {
	t.Parallel()
	members := []groupkit.UserID{"bob", "carol", "dave", "erin"}
	t.Run("of an owner hands the group to the longest-serving admin", func(t *testing.T) {
		t.Parallel()
		eng, clock := grouptest.Setup(t, groupkit.Options{OwnerLeave: groupkit.OwnerSucceed})
		g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: members})
		for _, u := range []groupkit.UserID{"erin", "dave"} {
			require.NoError(t, eng.As("alice").AddAdmin(t.Context(), g, u))
			clock.Advance(time.Second)
		}
		require.NoError(t, eng.As("alice").Leave(t.Context(), g))
		require.Equal(t, []groupkit.Role{groupkit.RoleOutsider, groupkit.RoleOwner, groupkit.RoleAdmin}, roles(t, eng, g, "alice", "erin", "dave"))
		grouptest.RequireVerified(t, eng)
	})
	t.Run("of an owner hands the group to the longest-serving member", func(t *testing.T) {
		t.Parallel()
		eng, clock := grouptest.Setup(t, groupkit.Options{OwnerLeave: groupkit.OwnerSucceed})
		g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{})
		for _, u := range []groupkit.UserID{"erin", "bob", "carol"} {
			require.NoError(t, eng.System().AddMember(t.Context(), g, u))
			clock.Advance(time.Second)
		}
		require.NoError(t, eng.As("alice").Leave(t.Context(), g))
		require.Equal(t, []groupkit.Role{groupkit.RoleOwner, groupkit.RoleMember}, roles(t, eng, g, "erin", "bob"))
	})
	t.Run("of the last member ends the group", func(t *testing.T) {
		t.Parallel()
		eng, _ := grouptest.Setup(t, groupkit.Options{OwnerLeave: groupkit.OwnerSucceed})
		g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{})
		require.NoError(t, eng.As("alice").Leave(t.Context(), g))
		require.ErrorIs(t, grouptest.ErrorOf(eng.System().Group(t.Context(), g)), groupkit.ErrGroupNotFound)
		grouptest.RequireVerified(t, eng)
	})
}
