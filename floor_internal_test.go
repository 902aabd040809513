package groupkit

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/internal/seal"
	"groupkit/internal/sharedmem"
	"groupkit/store"
)

// The floor is never lowered.
func TestRaiseFloorTo(t *testing.T) {
	t.Parallel()
	s := sharedmem.New(sharedmem.Options{}).Open()
	for _, c := range []struct{ number, want uint64 }{{5, 5}, {7, 7}, {6, 7}, {7, 7}, {0, 7}, {8, 8}} {
		require.NoError(t, s.Update(t.Context(), func(w store.Writer) error { return raiseFloorTo(seal.NewWriter(w), c.number) }))
		require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
			floor, err := readFloor(&seal.Reader{Store: r})
			require.Equal(t, c.want, floor, "after %d", c.number)
			return err
		}))
	}
}
