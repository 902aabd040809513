package groupkit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
)

func TestActor_ForgetUser(t *testing.T) {
	t.Parallel()
	t.Run("once, under an idempotency key", func(t *testing.T) {
		t.Parallel()
		eng, _ := setup(t, groupkit.Options{})
		ctx := t.Context()
		first := group(t, eng, groupkit.NewGroup{Members: []groupkit.UserID{"bob"}})
		other := group(t, eng, groupkit.NewGroup{Members: []groupkit.UserID{"bob"}})
		once := eng.System().Once("forget bob")
		require.NoError(t, once.ForgetUser(ctx, "bob", groupkit.ForgetOptions{}), "in two groups")
		joined, err := collect(eng.System().JoinedGroups(ctx, "bob"))
		require.NoError(t, err)
		require.Empty(t, joined)

		require.NoError(t, eng.System().AddMember(ctx, first, "bob"))
		require.NoError(t, once.ForgetUser(ctx, "bob", groupkit.ForgetOptions{}))
		role, err := eng.System().Role(ctx, first, "bob")
		require.NoError(t, err)
		require.Equal(t, groupkit.RoleMember, role, "the call was made already")

		err = once.ForgetUser(ctx, "bob", groupkit.ForgetOptions{Blocks: true})
		require.ErrorIs(t, err, groupkit.ErrKeyReused)
		require.ErrorIs(t, once.AddMember(ctx, other, "bob"), groupkit.ErrKeyReused)
	})
}
