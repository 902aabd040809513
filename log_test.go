package groupkit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

func TestActor_Events(t *testing.T) {
	t.Parallel()
	t.Run("begin with the given version, also inside of a call", func(t *testing.T) {
		t.Parallel()
		eng, _ := grouptest.Setup(t, groupkit.Options{})
		g, err := eng.System().CreateGroup(t.Context(), groupkit.NewGroup{Name: "night watch", Owner: "alice", Members: grouptest.IDs{"bob"}})
		require.NoError(t, err)
		require.Greater(t, g.Version, uint64(1))
		for from := uint64(1); from <= g.Version+1; from++ {
			log, err := grouptest.Collect(eng.System().Events(t.Context(), g.ID, from))
			require.NoError(t, err)
			require.Len(t, log, int(g.Version+1-from))
			for i, e := range log {
				require.Equal(t, from+uint64(i), e.Version)
			}
		}
	})
	t.Run("of a deleted group are for the system only", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{})
		require.NoError(t, s.Engine.As("alice").DeleteGroup(t.Context(), s.ID))
		require.ErrorIs(t, grouptest.ErrorOf(grouptest.Collect(s.Engine.As("alice").Events(t.Context(), s.ID, 0))), groupkit.ErrGroupNotFound)
		require.NoError(t, grouptest.ErrorOf(grouptest.Collect(s.Engine.System().Events(t.Context(), s.ID, 0))))
	})
}
