package gate_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/internal/gate"
)

func TestGate(t *testing.T) {
	t.Run("closes when all have left", func(t *testing.T) {
		for range 50 {
			var g gate.Gate
			var inside atomic.Int64
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for g.Enter() == nil {
						inside.Add(1)
						inside.Add(-1)
						g.Leave()
					}
				})
			}
			times := 0
			for range 3 {
				all.Go(func() {
					g.Close(func() {
						times++
						if inside.Load() != 0 {
							t.Error("closed with someone inside")
						}
					})
				})
			}
			all.Wait()
			require.Equal(t, 1, times)
			require.ErrorIs(t, g.Enter(), store.ErrClosed)
		}
	})
	t.Run("an empty one closes at once", func(t *testing.T) {
		var g gate.Gate
		closed := false
		g.Close(func() { closed = true })
		require.True(t, closed)
	})
}
