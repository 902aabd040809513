package coherence

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// TestMaySpeak_Coherence records what concurrent callers are told and checks that it
// could have happened one after another: no read after a change that has returned sees
// what was before it, be its answer from the cache or from the store.
func TestMaySpeak_Coherence(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"tiny": 300, "small": 4 << 10, "large": 0} {
		t.Run("memory/"+name, func(t *testing.T) {
			t.Parallel()
			checkCoherence(t, memstore.New(), size, 3000)
		})
		t.Run("bolt/"+name, func(t *testing.T) {
			t.Parallel()
			s, err := boltstore.Open(filepath.Join(t.TempDir(), "groups.db"), &boltstore.Options{Durability: boltstore.None})
			require.NoError(t, err)
			checkCoherence(t, s, size, 1500)
		})
	}
}

const (
	groupUsers = 6 // of a group; the first one is its owner
	groupSlots = 4 // at a time
	clients    = 8 // callers at a time
)

// checkCoherence has witnesses call the engine, and judges what they say.
func checkCoherence(t *testing.T, s store.Store, size, rounds int) {
	fickle := &faultStore{Store: s}
	eng, err := groupkit.New(fickle, memblob.New(), &groupkit.Options{CacheBytes: size, Clock: grouptest.NewClock().Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	c := &history{eng: eng}
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() { c.run(i, rounds) })
	}
	all.Wait()
	require.Empty(t, c.unexpected)
	require.GreaterOrEqual(t, len(c.operations), clients*rounds)
	require.Greater(t, c.asked.Load(), fickle.views.Load()-c.cold.Load(), "some answers come from memory")
	result, info := porcupine.CheckOperationsVerbose(groupModel, c.operations, time.Minute)
	if result != porcupine.Ok {
		path := filepath.Join(t.ArtifactDir(), "history.html")
		require.NoError(t, porcupine.VisualizePath(groupModel, info, path))
		require.Fail(t, "this has not happened one after another", "%v; see %s (go test -artifacts keeps it)", result, path)
	}
	grouptest.RequireVerified(t, eng)
}
