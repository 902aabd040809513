package feed_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/internal/feed"
)

// An event is a version of a group.
type event struct {
	group   string
	version uint64
}

func versions(group string, first, last uint64) (events []event) {
	for v := first; v <= last; v++ {
		events = append(events, event{group, v})
	}
	return events
}

// newBroker makes a broker over a log that holds every version.
func newBroker(t *testing.T) *feed.Broker[event] {
	return feed.NewBroker(t.Context(), func(_ context.Context, group string, from, before uint64) []event {
		return versions(group, from, before-1)
	})
}

// commit is a call from Begin to End.
func commit(t *testing.T, b *feed.Broker[event], group string, first, last uint64) {
	end(t, b, b.Begin(group, first, last), group, first, last)
}

func end(t *testing.T, b *feed.Broker[event], c feed.Call, group string, first, last uint64) {
	b.End(t.Context(), c, true, func() []event { return versions(group, first, last) })
}

// rest is what a subscriber has not had yet.
func rest(t *testing.T, s *feed.Subscriber[event]) (all []event) {
	for {
		events, missed, _ := s.Next()
		require.False(t, missed)
		if len(events) == 0 {
			return all
		}
		all = append(all, events...)
	}
}

func TestBroker_Join(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	commit(t, b, "g", 1, 3)
	one, all, other := b.Join("g"), b.Join(""), b.Join("h")
	commit(t, b, "g", 4, 5)
	late := b.Join("g")
	commit(t, b, "g", 6, 6)
	commit(t, b, "h", 1, 1)
	require.Equal(t, versions("g", 4, 6), rest(t, one))
	require.Equal(t, versions("g", 6, 6), rest(t, late))
	require.Equal(t, versions("h", 1, 1), rest(t, other))
	require.Equal(t, append(versions("g", 4, 6), versions("h", 1, 1)...), rest(t, all))
	one.Leave()
	commit(t, b, "g", 7, 7)
	require.Equal(t, versions("g", 7, 7), rest(t, late))
	late.Leave()
	commit(t, b, "g", 8, 8)
	again := b.Join("g")
	commit(t, b, "g", 9, 9)
	require.Equal(t, versions("g", 9, 9), rest(t, again))
	require.Equal(t, versions("g", 7, 9), rest(t, all))
}

// A call whose caller learns of the commit before those of earlier ones publishes their
// events too, and they publish nothing any more.
func TestBroker_End_early(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	s := b.Join("g")
	first, second, third := b.Begin("g", 5, 6), b.Begin("g", 7, 7), b.Begin("g", 8, 9)
	require.Equal(t, 3, b.InFlight())
	end(t, b, second, "g", 7, 7)
	require.Equal(t, versions("g", 5, 7), rest(t, s))
	end(t, b, first, "g", 5, 6)
	require.Empty(t, rest(t, s))
	end(t, b, third, "g", 8, 9)
	require.Equal(t, versions("g", 8, 9), rest(t, s))
	require.Zero(t, b.InFlight())
}

// What was not committed is not published, and its versions are those of the next call.
func TestBroker_End_rolledBack(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	s := b.Join("g")
	b.End(t.Context(), b.Begin("g", 1, 3), false, nil)
	require.Zero(t, b.InFlight())
	require.Empty(t, rest(t, s))
	commit(t, b, "g", 1, 2)
	require.Equal(t, versions("g", 1, 2), rest(t, s))
}

// Where the log cannot be read the versions have a gap.
func TestBroker_End_logFails(t *testing.T) {
	t.Parallel()
	b := feed.NewBroker(t.Context(), func(_ context.Context, group string, from, before uint64) []event {
		require.EqualValues(t, 1, from)
		require.EqualValues(t, 4, before)
		return versions(group, 1, 1)
	})
	s := b.Join("g")
	first, second := b.Begin("g", 1, 3), b.Begin("g", 4, 4)
	end(t, b, second, "g", 4, 4)
	end(t, b, first, "g", 1, 3)
	require.Equal(t, []event{{"g", 1}, {"g", 4}}, rest(t, s))
}

// Where nobody follows nothing is made for publishing.
func TestBroker_End_nobody(t *testing.T) {
	t.Parallel()
	b := feed.NewBroker(t.Context(), func(context.Context, string, uint64, uint64) []event {
		t.Error("the log is read")
		return nil
	})
	b.Join("g").Leave()
	other := b.Join("h")
	defer other.Leave()
	first, second := b.Begin("g", 1, 1), b.Begin("g", 2, 2)
	for _, c := range []feed.Call{second, first} {
		b.End(t.Context(), c, true, func() []event {
			t.Error("events are made")
			return nil
		})
	}
}

// Calls on several groups begin in the order of their versions, and end in any order, some
// of them rolled back. Each subscriber hears of each version once, in order.
func TestBroker_concurrently(t *testing.T) {
	t.Parallel()
	const calls = 200
	groups := []string{"g", "h"}
	b := newBroker(t)
	one, all := b.Join("g"), b.Join("")
	var stores [2]sync.Mutex // one transaction at a time on each group
	var last [2]uint64
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			g := w % 2
			for range calls / 4 {
				n := 1 + rand.Uint64N(3)
				stores[g].Lock()
				first := last[g] + 1
				c := b.Begin(groups[g], first, first+n-1)
				if rand.IntN(5) == 0 {
					b.End(t.Context(), c, false, nil)
					stores[g].Unlock()
					continue
				}
				last[g] += n
				stores[g].Unlock()
				end(t, b, c, groups[g], first, first+n-1)
			}
		})
	}
	writers.Wait()
	require.Zero(t, b.InFlight())
	require.Equal(t, versions("g", 1, last[0]), rest(t, one))
	heard := make(map[string][]event)
	for _, e := range rest(t, all) {
		heard[e.group] = append(heard[e.group], e)
	}
	require.Equal(t, map[string][]event{"g": versions("g", 1, last[0]), "h": versions("h", 1, last[1])}, heard)
}
