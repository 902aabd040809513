package groupkit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
)

// The entries in a user's list of groups contain the role. Entries of older data do not: the role
// is read from the membership, and Verify accepts them.
func TestActor_JoinedGroups_Roles(t *testing.T) {
	t.Parallel()
	s := grouptest.NewStack(t, groupkit.Options{})
	id := grouptest.CreateGroup(t, s.Engine, groupkit.NewGroup{Members: []groupkit.UserID{"bob", "carol"}})
	require.NoError(t, s.As("alice").AddAdmin(t.Context(), id, "bob"))
	requireRoles := func(roles map[groupkit.UserID]groupkit.Role) {
		t.Helper()
		for user, role := range roles {
			joined := grouptest.MustCollect(t, s.As(user).JoinedGroups(t.Context(), user))
			require.Len(t, joined, 1)
			require.Equal(t, role, joined[0].Role, user)
		}
		s.RequireVerified(t)
	}
	roles := map[groupkit.UserID]groupkit.Role{"alice": groupkit.RoleOwner, "bob": groupkit.RoleAdmin, "carol": groupkit.RoleMember}
	requireRoles(roles)
	for user := range roles {
		k := key.UserGroup(string(user), string(id), true)
		n, err := record.DecodeCount(s.Get(t, k))
		require.NoError(t, err)
		require.NotZero(t, n, "%s", user)
		s.Put(t, k, record.EncodeCount(0))
	}
	requireRoles(roles)
	require.NoError(t, s.As("alice").TransferGroup(t.Context(), id, "carol"))
	requireRoles(map[groupkit.UserID]groupkit.Role{"alice": groupkit.RoleMember, "bob": groupkit.RoleAdmin, "carol": groupkit.RoleOwner})
	require.NotZero(t, s.Get(t, key.UserGroup("carol", string(id), true)), "what has changed is written with the role")
}
