package groupkit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
)

func TestActor_TransferGroup(t *testing.T) {
	t.Parallel()
	t.Run("by the system, who is not the old owner", func(t *testing.T) {
		t.Parallel()
		eng, _ := setup(t, groupkit.Options{})
		g := group(t, eng, groupkit.NewGroup{Owner: "alice", Members: []groupkit.UserID{"bob"}})
		require.NoError(t, eng.System().TransferGroup(t.Context(), g, "bob"))
		for u, want := range map[groupkit.UserID]groupkit.Role{"alice": groupkit.RoleMember, "bob": groupkit.RoleOwner} {
			role, err := eng.System().Role(t.Context(), g, u)
			require.NoError(t, err)
			require.Equal(t, want, role, u)
		}
		verified(t, eng)
	})
}
