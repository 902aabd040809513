package grouptest

import (
	"cmp"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// Setup opens an engine in memory whose time is the clock that it returns.
func Setup(t testing.TB, opts groupkit.Options) (*groupkit.Engine, *Clock) {
	t.Helper()
	c := NewClock()
	opts.Clock = c.Now
	opts.CacheBytes = smallCache(opts.CacheBytes)
	eng, err := groupkit.New(memstore.New(), memblob.New(), &opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	return eng, c
}

// smallCache is the memory of an engine of which the tests open thousands at a time.
func smallCache(cacheBytes int) int { return cmp.Or(cacheBytes, 64<<10) }

// Every limit at its edge, with the defaults.

// CreateGroup makes a group of alice's.
func CreateGroup(t *testing.T, eng *groupkit.Engine, n groupkit.NewGroup) groupkit.GroupID {
	t.Helper()
	if n.Name == "" {
		n.Name = "night watch"
	}
	if n.Owner == "" {
		n.Owner = "alice"
	}
	g, err := eng.System().CreateGroup(t.Context(), n)
	require.NoError(t, err)
	return g.ID
}

type IDs = []groupkit.UserID

// Users are users by the same name.
func Users(name string, n int) []groupkit.UserID {
	all := make([]groupkit.UserID, n)
	for i := range all {
		all[i] = groupkit.UserID(fmt.Sprintf("%s-%05d", name, i))
	}
	return all
}

func chunks(all []groupkit.UserID, size int) func(func([]groupkit.UserID) bool) {
	return func(yield func([]groupkit.UserID) bool) {
		for ; len(all) > 0; all = all[min(size, len(all)):] {
			if !yield(all[:min(size, len(all))]) {
				return
			}
		}
	}
}

// ActorOf is the actor of a name; "" is the system.
func ActorOf(scope groupkit.Scope, u groupkit.UserID) groupkit.Actor {
	if u == "" {
		return scope.System()
	}
	return scope.As(u)
}

func ErrorOf[T any](_ T, err error) error { return err }

func Either[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// Concurrently runs functions side by side.
func Concurrently(fns ...func()) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for _, fn := range fns {
		all.Go(func() {
			<-start
			fn()
		})
	}
	close(start)
	all.Wait()
}
