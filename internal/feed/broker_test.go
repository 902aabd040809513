package feed_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"groupkit/internal/feed"
)

func TestBroker_Join(t *testing.T) {
	t.Parallel()
	a := newApp(t, newLog(), nil)
	a.call(t, "g", 3)
	one, all, other := a.follow(t, "g"), a.follow(t, ""), a.follow(t, "h")
	a.call(t, "g", 2)
	late := a.follow(t, "g")
	a.call(t, "g", 1)
	a.call(t, "h", 1)
	require.Equal(t, versions("g", 4, 6), rest(t, one))
	require.Equal(t, versions("g", 6, 6), rest(t, late))
	require.Equal(t, versions("h", 1, 1), rest(t, other))
	require.Equal(t, append(versions("g", 4, 6), versions("h", 1, 1)...), rest(t, all))
	one.Leave()
	a.call(t, "g", 1)
	require.Equal(t, versions("g", 7, 7), rest(t, late))
	late.Leave()
	a.call(t, "g", 1)
	again := a.follow(t, "g")
	a.call(t, "g", 1)
	require.Equal(t, versions("g", 9, 9), rest(t, again))
	require.Equal(t, versions("g", 7, 9), rest(t, all))
	reads, _ := a.log.counts()
	require.Zero(t, reads, "writers bring everything")
}

// A call whose caller learns of the commit before those of earlier ones publishes their
// events too, page by page, and they publish nothing any more.
func TestBroker_Publish_early(t *testing.T) {
	t.Parallel()
	l := newLog()
	l.page = 2
	a := newApp(t, l, nil)
	one, all := a.follow(t, "g"), a.follow(t, "")
	var calls []feed.Call
	for range 6 {
		calls = append(calls, l.commit("g", 2), l.commit("h", 1))
	}
	a.publish(t, calls[8]) // of g
	want := func(n int) (events []event) {
		for i := range n {
			events = append(events, versions(calls[i].Group, calls[i].First, calls[i].Last)...)
		}
		return events
	}
	require.Equal(t, versions("g", 1, 10), rest(t, one))
	require.Equal(t, want(9), rest(t, all))
	reads, _ := l.counts()
	require.Equal(t, 2+4, reads)
	for _, i := range []int{3, 8, 0, 7} {
		a.publish(t, calls[i])
	}
	require.Empty(t, rest(t, one))
	require.Empty(t, rest(t, all))
	a.publish(t, calls[9:]...)
	require.Equal(t, versions("g", 11, 12), rest(t, one))
	require.Equal(t, want(12)[len(want(9)):], rest(t, all))
	reads, _ = l.counts()
	require.Zero(t, reads)
}

// What is published before the subscriber has read where the log ends is in the log, whatever it
// has read.
func TestBroker_Publish_beforeStart(t *testing.T) {
	t.Parallel()
	a := newApp(t, newLog(), nil)
	for _, group := range []string{"g", ""} {
		first := a.log.position(group)
		old, s, late := a.log.commit("g", 1), a.Join(group), a.Join(group)
		a.publish(t, old)
		a.publish(t, a.log.commit("g", 1))
		require.Equal(t, a.log.position(group), s.Start(first+1))
		require.Equal(t, a.log.position(group), late.Start(a.log.position(group)))
		c := a.log.commit("g", 1)
		a.publish(t, c)
		require.Equal(t, versions("g", c.First, c.Last), rest(t, s))
		require.Equal(t, versions("g", c.First, c.Last), rest(t, late))
		s.Leave()
		late.Leave()
	}
}

// Of two who join at once, one has read an earlier position than that at which the feed begins.
func TestSubscriber_Start_again(t *testing.T) {
	t.Parallel()
	a := newApp(t, newLog(), nil)
	early, late := a.Join("g"), a.Join("g")
	before := a.log.position("g")
	a.call(t, "g", 2)
	require.Equal(t, before+2, late.Start(a.log.position("g")))
	require.Equal(t, before+2, early.Start(before))
	a.call(t, "g", 1)
	require.Equal(t, versions("g", 3, 3), rest(t, early))
	require.Equal(t, versions("g", 3, 3), rest(t, late))
}

// Where nobody follows nothing is made for publishing.
func TestBroker_Publish_nobody(t *testing.T) { // not in parallel: it counts allocations
	l := newLog()
	a := newApp(t, l, nil)
	require.False(t, a.Followed())
	a.Join("g").Leave()
	require.False(t, a.Followed())
	publish := func() {
		a.Publish(context.Background(), feed.Call{Group: "g", First: 9, Last: 9, Number: 9}, func() []event {
			t.Error("events are made")
			return nil
		})
	}
	require.Zero(t, testing.AllocsPerRun(100, publish))
	other := a.follow(t, "h")
	defer other.Leave()
	require.True(t, a.Followed())
	publish()
	reads, _ := l.counts()
	require.Zero(t, reads)
}

// Calls on several groups are committed one after another and published in any order. Each
// subscriber hears of each version once, in order; so it is too if there are two processes, some
// calls are never published, and the log fails at times.
func TestBroker_concurrently(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*feed.Source[event]){"own": nil, "shared": shared} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newLog()
				l.page = 7
				apps := []*app{newApp(t, l, func(s *feed.Source[event]) {
					if change != nil {
						change(s)
					}
					s.Read = unsteady(s.Read)
					s.Failed = func(error) {}
				})}
				if change != nil {
					apps = append(apps, newApp(t, l, change))
				}
				concurrently(t, l, apps)
			})
		})
	}
}

// unsteady is a log that fails at times.
func unsteady(read feed.Log[event]) feed.Log[event] {
	return func(ctx context.Context, at []feed.Position) ([]feed.Part[event], error) {
		if rand.IntN(4) == 0 {
			return nil, errBroken
		}
		return read(ctx, at)
	}
}

func concurrently(t *testing.T, l *log, apps []*app) {
	const writers, calls = 8, 60 // each call has two events; the queue holds all of them
	groups := []string{"g", "h"}
	var all sync.WaitGroup
	for _, a := range apps {
		for _, group := range []string{"g", "h", ""} {
			s := a.follow(t, group)
			all.Go(func() {
				want := writers * calls
				if group == "" {
					want = 2 * writers * calls
				}
				events := hear(t, s, want)
				for _, g := range groups {
					if group == g || group == "" {
						assert.True(t, slices.Equal(versions(g, 1, writers*calls), ofGroup(g, events)), "%v", events)
					}
				}
			})
		}
	}
	for w := range writers {
		all.Go(func() {
			var kept []feed.Call
			for i := range calls {
				kept = append(kept, l.commit(groups[w%2], 2))
				if i%4 < 3 {
					continue
				}
				rand.Shuffle(len(kept), func(i, j int) { kept[i], kept[j] = kept[j], kept[i] })
				if len(apps) > 1 {
					kept = kept[1:] // its caller is never told
				}
				apps[w%len(apps)].publish(t, kept...)
				kept = nil
			}
		})
	}
	all.Wait()
}

// hear waits for events.
func hear(t *testing.T, s *feed.Subscriber[event], n int) (all []event) {
	for len(all) < n {
		events, missed, wake := s.Next()
		if missed {
			t.Error("missed some")
			return all
		}
		if all = append(all, events...); len(events) == 0 {
			<-wake
		}
	}
	return all
}
