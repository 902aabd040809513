// Package grouptest holds what the tests of groupkit share: engines in memory with a clock
// that the test sets (Setup), one group in which every verb can succeed (Fixture), a store
// that holds a record of every kind (Dataset), a large group, and stores that fail. Only
// tests import it.
package grouptest

import (
	"cmp"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store/memblob"
)

// Setup opens an engine in memory that reads its time from the clock that it returns.
func Setup(t testing.TB, opts groupkit.Options) (*groupkit.Engine, *Clock) {
	t.Helper()
	c := NewClock()
	opts.Clock = c.Now
	opts.CacheBytes = smallCache(opts.CacheBytes)
	opts.MaxSkew = oneClock(opts.MaxSkew)
	eng, err := groupkit.New(newStore(t), memblob.New(), &opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	return eng, c
}

// smallCache is the default size of the cache: tests open thousands of engines at a time.
func smallCache(cacheBytes int) int { return cmp.Or(cacheBytes, 64<<10) }

// CreateGroup creates a group as the system. Its owner is alice, unless n names another.
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

// IDs are the users of a batch.
type IDs = []groupkit.UserID

// Users returns n users: name-00000, name-00001 and so on.
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

// ActorOf returns the actor of a user; "" is the system.
func ActorOf(scope groupkit.Scope, u groupkit.UserID) groupkit.Actor {
	if u == "" {
		return scope.System()
	}
	return scope.As(u)
}

// ErrorOf drops the result of a call of which only the error matters.
func ErrorOf[T any](_ T, err error) error { return err }

// Either returns a if first is true, else b.
func Either[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// Concurrently runs functions at the same time, and returns when all have returned.
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

// oneClock is the default of Options.MaxSkew: all engines of a test have one clock.
func oneClock(skew time.Duration) time.Duration { return cmp.Or(skew, -1) }
