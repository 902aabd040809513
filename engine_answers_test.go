package groupkit_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/internal/grouptest"
	"groupkit/internal/machinetest"
	"groupkit/store"
	"groupkit/store/boltstore"
)

// The state machine runs on stores of one's own. tests/shared and store/pgstore run it on stores
// that processes share.
func TestEngine_AnswersAsTheModel(t *testing.T) {
	t.Parallel()
	machinetest.Run(t,
		machinetest.Side{Name: "bolt", How: machinetest.Foretold, New: newBolt},
		machinetest.Memory("memory", nil, machinetest.Repeated),
		machinetest.Memory("memory, run twice", grouptest.RunTwice, machinetest.Atomically))
}

// newBolt makes a folder for the database of one history.
func newBolt(t grouptest.TB) func() (store.Store, error) {
	dir, err := os.MkdirTemp("", "groupkit")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return func() (store.Store, error) {
		return boltstore.Open(filepath.Join(dir, "groups.db"), &boltstore.Options{Durability: boltstore.None})
	}
}
