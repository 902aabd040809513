package groupkit

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/internal/record"
)

// TestRole has the roles in the order of their ranks, and their stored numbers, which are
// not the same thing.
func TestRole(t *testing.T) {
	t.Parallel()
	ordered := []Role{RoleOutsider, RoleMember, RoleAdmin, RoleOwner}
	require.Len(t, roles, len(ordered))
	for i, role := range ordered {
		for j, other := range ordered {
			require.Equal(t, i < j, role.rank() < other.rank(), "%s below %s", role, other)
		}
	}
	for role, number := range map[Role]uint8{RoleOutsider: 0, RoleMember: 1, RoleAdmin: 2, RoleOwner: 3} {
		require.EqualValues(t, number, role)
	}
	none := Role(len(roles))
	require.Equal(t, RoleOutsider.rank(), none.rank())
	require.Equal(t, "unknown", none.String())
}

// TestRole_HasRoom checks that every role can be stored, and told by the word that
// MaySpeak asks.
func TestRole_HasRoom(t *testing.T) {
	t.Parallel()
	require.Equal(t, record.LastRole, len(roles)-1)
	for role := range Role(len(roles)) {
		for _, st := range []record.Standing{
			{Role: uint8(role)},
			{Role: uint8(role), Mute: &record.Mark{Until: lastExpiry}, Allow: &record.Mark{}, Block: &record.Mark{}},
		} {
			require.Equal(t, role, wordOfStanding(&st).role())
		}
	}
}

// TestGranted has a column of the permission table for every role, and for a role without
// one the least.
func TestGranted(t *testing.T) {
	t.Parallel()
	all := grants{owner: yes, admin: ifOwn, member: ifOpen, outsider: ifAsked}
	for role, want := range map[Role]grant{RoleOwner: yes, RoleAdmin: ifOwn, RoleMember: ifOpen, RoleOutsider: ifAsked, Role(len(roles)): ifAsked} {
		require.Equal(t, want, all.to(role), "%s", role)
	}
	require.Equal(t, no, granted(manageGroup, RoleAdmin))
}
