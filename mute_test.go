package groupkit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

func TestActor_Unmute(t *testing.T) {
	t.Parallel()
	t.Run("refuses a mute that has expired", func(t *testing.T) {
		t.Parallel()
		eng, clock := grouptest.Setup(t, groupkit.Options{})
		g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: grouptest.IDs{"bob"}})
		require.NoError(t, grouptest.ErrorOf(eng.System().Mute(t.Context(), g, time.Minute, "bob")))
		clock.Advance(time.Minute)
		require.ErrorIs(t, eng.System().Unmute(t.Context(), g, "bob"), groupkit.ErrNotMuted)
	})
}
