package groupkit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

func TestActor_Files(t *testing.T) {
	t.Parallel()
	t.Run("newest first, also where uploads overlap", func(t *testing.T) {
		t.Parallel()
		eng, clock := grouptest.Setup(t, groupkit.Options{})
		g, alice := grouptest.CreateGroup(t, eng, groupkit.NewGroup{}), eng.As("alice")
		_, err := alice.UploadFile(t.Context(), g, "slow", grouptest.During(func() {
			clock.Advance(time.Second)
			require.NoError(t, grouptest.ErrorOf(alice.UploadFile(t.Context(), g, "quick", strings.NewReader("quick"))))
			clock.Advance(time.Second)
		}))
		require.NoError(t, err)
		files, err := grouptest.Collect(alice.Files(t.Context(), g))
		require.NoError(t, err)
		require.Len(t, files, 2)
		require.Equal(t, []string{"slow", "quick"}, []string{files[0].Name, files[1].Name}, "in the order in which they were shared")
		grouptest.RequireVerified(t, eng)
	})
}
