package groupkit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

func TestActor_Block(t *testing.T) {
	t.Parallel()
	t.Run("that has expired has no effect", func(t *testing.T) {
		t.Parallel()
		eng, clock := grouptest.Setup(t, groupkit.Options{})
		ctx, system := t.Context(), eng.System()
		g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Public: true, Members: grouptest.IDs{"bob"}})
		require.NoError(t, grouptest.ErrorOf(system.Block(ctx, g, time.Minute, "bob")))
		clock.Advance(time.Minute)
		blocked, err := grouptest.Collect(system.Blacklist(ctx, g))
		require.NoError(t, err)
		require.Empty(t, blocked)
		require.ErrorIs(t, system.Unblock(ctx, g, "bob"), groupkit.ErrNotBlacklisted)
		require.ErrorIs(t, eng.As("bob").MaySpeak(ctx, g), groupkit.ErrNotMember)
		require.NoError(t, system.AddMember(ctx, g, "bob"))
		grouptest.RequireVerified(t, eng)
	})
}
