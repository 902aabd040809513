package groupkit_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
)

func TestActor_GroupsPage(t *testing.T) {
	t.Parallel()
	t.Run("is never longer than its limit, whatever it passes over", func(t *testing.T) {
		t.Parallel()
		eng, clock := setup(t, groupkit.Options{BlockOutsiders: true})
		for i := range 12 {
			id := groupkit.GroupID(fmt.Sprint("g", i))
			group(t, eng, groupkit.NewGroup{ID: id, Public: true})
			if i%3 == 0 {
				_, err := eng.System().Block(t.Context(), id, groupkit.Forever, "bob")
				require.NoError(t, err)
			}
			clock.Advance(1e6)
		}
		for limit := 1; limit < 10; limit++ {
			seen := 0
			for cursor, more := "", true; more; more = cursor != "" {
				page, next, err := eng.As("bob").GroupsPage(t.Context(), limit, cursor)
				require.NoError(t, err)
				require.LessOrEqual(t, len(page), limit)
				seen, cursor = seen+len(page), next
			}
			require.Equal(t, 8, seen)
		}
	})
}
