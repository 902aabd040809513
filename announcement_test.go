package groupkit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

func TestActor_SetAnnouncement(t *testing.T) {
	t.Parallel()
	t.Run("to the current text changes nothing", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{})
		require.NoError(t, s.Engine.As("alice").SetAnnouncement(t.Context(), s.ID, "hear, hear"))
		before, _ := s.State(t)
		s.Clock.Advance(1)
		require.NoError(t, s.Engine.As("bob").SetAnnouncement(t.Context(), s.ID, "hear, hear"))
		after, _ := s.State(t)
		require.Equal(t, before, after)
		require.EqualValues(t, "alice", after.Announcement.By)
	})
}
