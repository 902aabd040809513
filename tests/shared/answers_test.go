package shared_test

import (
	"math/rand/v2"
	"testing"

	"groupkit/internal/grouptest"
	"groupkit/internal/machinetest"
	"groupkit/internal/sharedmem"
	"groupkit/store"
)

// One engine, and three that take turns, answer as the model on a store that processes share. It
// gives numbers with gaps, runs many functions again, and loses what is announced.
func TestEngine_AnswersAsTheModel(t *testing.T) {
	t.Parallel()
	in := func(o sharedmem.Options) func(grouptest.TB) func() (store.Store, error) {
		return func(grouptest.TB) func() (store.Store, error) {
			o.Seed = rand.Uint64()
			data := sharedmem.New(o)
			return func() (store.Store, error) { return data.Open(), nil }
		}
	}
	machinetest.Run(t,
		machinetest.Side{Name: "shared", How: machinetest.Foretold, New: in(sharedmem.Options{})},
		machinetest.Side{
			Name: "shared by three", Engines: 3, New: in(sharedmem.Options{Rerun: 0.3, Numbers: true, Notify: true, Lose: 0.3}),
			How: machinetest.InTurn(machinetest.Repeated, machinetest.Foretold, machinetest.Atomically, machinetest.Plainly),
		},
		machinetest.Side{
			Name: "answers are lost", Engines: 2, Fails: true, New: in(sharedmem.Options{Rerun: 0.2, Numbers: true, Fault: everyNinth}),
			How: machinetest.InTurn(machinetest.Plainly, machinetest.Repeated, machinetest.Atomically),
		},
		machinetest.Side{ // as little as the limits of the model allow, and no order of commits
			Name: "little at once", Engines: 2, New: in(sharedmem.Options{Rerun: 0.2, Sizes: store.Sizes{Reads: 320, Writes: 1410}}),
			How: machinetest.Plainly,
		})
}

// everyNinth loses the answer to every ninth commit, of which every other one is made.
func everyNinth(n int) sharedmem.Outcome {
	switch n % 18 {
	case 0:
		return sharedmem.UnknownLost
	case 9:
		return sharedmem.UnknownMade
	}
	return sharedmem.Made
}
