// Package coherence_test checks that MaySpeak, which answers from memory, never gives an
// answer that a change has outdated: random histories of concurrent calls have to be
// linearizable, and readers are stopped at every point where they could bring an old
// answer back.
package coherence_test

import (
	"flag"
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

var rounds = flag.Int("coherence.rounds", 3000, "how many calls each client makes; half as many over bbolt")

// TestMaySpeak_Coherence records a history of concurrent calls and checks that it is
// linearizable: no read that begins after a change has returned sees the state before it,
// whether its answer comes from the cache or from the store.
func TestMaySpeak_Coherence(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"tiny": 300, "small": 4 << 10, "large": 0} {
		t.Run("memory/"+name, func(t *testing.T) {
			t.Parallel()
			checkCoherence(t, memstore.New(), size, *rounds)
		})
		t.Run("bolt/"+name, func(t *testing.T) {
			t.Parallel()
			s, err := boltstore.Open(filepath.Join(t.TempDir(), "groups.db"), &boltstore.Options{Durability: boltstore.None})
			require.NoError(t, err)
			checkCoherence(t, s, size, *rounds/2)
		})
	}
}

const (
	groupUsers = 6 // users of a group; the first one is its owner
	groupSlots = 4 // groups at a time
	clients    = 8 // concurrent callers
)

// checkCoherence lets concurrent clients call the engine and checks their history.
func checkCoherence(t *testing.T, s store.Store, size, rounds int) {
	faulty := &faultStore{Store: s}
	eng, err := groupkit.New(faulty, memblob.New(), &groupkit.Options{CacheBytes: size, Clock: grouptest.NewClock().Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	h := &history{eng: eng}
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() { h.run(i, rounds) })
	}
	all.Wait()
	require.Empty(t, h.unexpected)
	require.GreaterOrEqual(t, len(h.operations), clients*rounds)
	require.Greater(t, h.asked.Load(), faulty.views.Load()-h.cold.Load(), "some answers come from memory")
	result, info := porcupine.CheckOperationsVerbose(groupModel, h.operations, time.Minute+time.Duration(rounds)*10*time.Millisecond)
	if result != porcupine.Ok {
		path := filepath.Join(t.ArtifactDir(), "history.html")
		require.NoError(t, porcupine.VisualizePath(groupModel, info, path))
		require.Fail(t, "the history is not linearizable", "%v; see %s (go test -artifacts keeps it)", result, path)
	}
	grouptest.RequireVerified(t, eng)
}
