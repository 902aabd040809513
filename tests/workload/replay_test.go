package workload_test

import (
	"testing"

	"pgregory.net/rapid"

	"groupkit/internal/grouptest"
	"groupkit/store/memstore"
)

// rapidDice are dice of which rapid knows the throws.
func rapidDice(t *rapid.T) dice {
	return func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "die") }
}

// The log of every group replays to the group, after any history.
func TestReplay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := grouptest.NewClock()
		p := newWorkload(t, memstore.New(), c, narrowOptions(c))
		defer p.eng.Close()
		for range 4 {
			p.run(t, rapidDice(t), 20)
			p.requireSound(t)
		}
	})
}
