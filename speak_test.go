package groupkit_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// TestActor_MaySpeak asks about a group that is muted as a whole, before and after each
// answer is in the cache.
func TestActor_MaySpeak(t *testing.T) {
	t.Parallel()
	eng, clock := grouptest.Setup(t, groupkit.Options{})
	ctx, system := t.Context(), eng.System()
	g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: grouptest.IDs{"admin", "muted admin", "allowed", "muted", "member"}})
	until := clock.Instant().Add(time.Hour)
	require.NoError(t, errors.Join(
		system.AddAdmin(ctx, g, "admin"), system.AddAdmin(ctx, g, "muted admin"), system.Allow(ctx, g, "allowed"),
		grouptest.ErrorOf(system.MuteUsers(ctx, g, time.Hour, grouptest.IDs{"muted admin", "muted"})),
	))
	require.NoError(t, eng.As("member").MaySpeak(ctx, g))
	require.NoError(t, system.MuteGroup(ctx, g))
	require.ErrorIs(t, eng.As("member").MaySpeak(ctx, g), groupkit.ErrGroupMuted)
	for range 2 {
		for _, u := range (grouptest.IDs{"alice", "admin", "allowed"}) {
			require.NoError(t, eng.As(u).MaySpeak(ctx, g), "%s", u)
		}
		for u, want := range map[groupkit.UserID]groupkit.MutedError{
			"member":      {WholeGroup: true},
			"muted":       {}, // nobody knows when the mute of the group ends
			"muted admin": {Until: until},
		} {
			err, ok := errors.AsType[*groupkit.MutedError](eng.As(u).MaySpeak(ctx, g))
			require.True(t, ok, "%s", u)
			require.Equal(t, want, *err, "%s", u)
		}
	}
}
