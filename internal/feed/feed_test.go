package feed

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func numbers(first, last int) (events []int) {
	for n := first; n <= last; n++ {
		events = append(events, n)
	}
	return events
}

func newBroker(background context.Context) *Broker[int] {
	return NewBroker(Source[int]{Background: background})
}

// A subscriber may be as far behind as the queue is long. What it misses beyond that it is
// told once, and it goes on with the oldest event that is left.
func TestFeed_queue(t *testing.T) {
	t.Parallel()
	for _, began := range []int{0, 1, segmentSize - 1, segmentSize, 3*queue + 5} {
		for _, over := range []int{0, 1, segmentSize, 2*queue + 3} {
			b := newBroker(t.Context())
			early := b.Join("g")
			early.feed.add(numbers(1, began), 1)
			s := b.Join("g")
			s.feed.add(numbers(began+1, began+queue+over), 1)
			var heard []int
			for at := 0; ; at++ {
				events, missed, _ := s.Next()
				require.Equal(t, over > 0 && at == 0, missed)
				if len(events) == 0 {
					break
				}
				heard = append(heard, events...)
			}
			require.Equal(t, numbers(began+over+1, began+over+queue), heard)
		}
	}
}

// While a feed is written its readers find what was published, in order. What they hold
// does not change, even when it is no longer in the ring.
func TestFeed_concurrently(t *testing.T) {
	t.Parallel()
	const last = 20 * queue
	b := newBroker(t.Context())
	writer := b.Join("g").feed
	var readers sync.WaitGroup
	for range 4 {
		s := b.Join("g")
		readers.Go(func() {
			for before := 0; before < last; {
				events, missed, wake := s.Next()
				if len(events) == 0 {
					<-wake
					continue
				}
				if missed != (events[0] > before+1) || events[0] <= before {
					t.Errorf("after %d comes %d, missed: %v", before, events[0], missed)
				}
				for i, e := range events {
					if e != events[0]+i {
						t.Errorf("%v", events)
					}
				}
				before = events[len(events)-1]
			}
		})
	}
	for n := 1; n <= last; n++ {
		writer.add([]int{n}, 1)
		writer.wake(t.Context())
	}
	readers.Wait()
}

// Subscribers who find nothing wait for the next event, however many there are, and for the
// end. No goroutine is left when all has been heard.
func TestSubscriber_Next_wake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(t.Context())
		var all sync.WaitGroup
		for range 3*wakeGroupSize + 1 {
			s := b.Join("g")
			require.EqualValues(t, 1, s.Start(1))
			all.Go(func() {
				_, _, wake := s.Next()
				<-wake
				events, missed, wake := s.Next()
				if len(events) != 1 || missed {
					t.Errorf("heard %v, missed: %v", events, missed)
				}
				<-wake
				if events, _, _ := s.Next(); len(events) > 0 {
					t.Errorf("heard %v", events)
				}
				s.Leave()
			})
		}
		synctest.Wait()
		b.Publish(t.Context(), Call{Group: "g", First: 1, Last: 1}, func() []int { return []int{1} })
		synctest.Wait()
		b.Close()
		all.Wait()
		require.Empty(t, b.feeds)
	})
}

// The first time all wake groups are woken at once. While events keep coming they are woken
// one after another with a rest after each, but without one when the queue fills up.
func TestFeed_wakeAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const rest = wakeGroupSize * restPerSubscriber
		b := newBroker(t.Context())
		f := b.Join("g").feed
		for range 2*wakeGroupSize - 1 {
			b.Join("g")
		}
		began := time.Now()
		var woken [2][]time.Duration
		for i, g := range f.wakeGroups {
			go func() {
				for range 3 {
					<-*g.channel.Load()
					woken[i] = append(woken[i], time.Since(began))
				}
			}()
		}
		synctest.Wait()
		f.add(numbers(1, 1), 1)
		f.wake(t.Context())
		time.Sleep(rest / 2)
		f.add(numbers(2, 2), 1)
		f.wake(t.Context())
		time.Sleep(2 * rest) // the first group has been woken again
		f.add(numbers(3, 3+queue/2), 1)
		f.wake(t.Context())
		time.Sleep(3 * rest)
		synctest.Wait()
		require.Equal(t, []time.Duration{0, 2 * rest, 3 * rest}, woken[0])
		require.Equal(t, []time.Duration{0, 3 * rest, 4 * rest}, woken[1])
		require.False(t, f.waking.Load())
	})
}

// A rest ends with the engine.
func TestFeed_rest_ends(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := newBroker(ctx).Join("g")
		s.feed.add(numbers(1, 1), 1)
		s.feed.wake(ctx)
		synctest.Wait()
		require.True(t, s.feed.waking.Load())
		cancel()
		synctest.Wait()
		require.False(t, s.feed.waking.Load())
	})
}

// Subscribers share wake groups, and those that leave make room for others.
func TestFeed_join(t *testing.T) {
	t.Parallel()
	b := newBroker(t.Context())
	var subscribers []*Subscriber[int]
	for range 2*wakeGroupSize + 1 {
		subscribers = append(subscribers, b.Join("g"))
	}
	f := subscribers[0].feed
	require.Len(t, f.wakeGroups, 3)
	for _, s := range subscribers[:wakeGroupSize] {
		s.Leave()
	}
	for range 2*wakeGroupSize - 1 {
		b.Join("g")
	}
	require.Len(t, f.wakeGroups, 3)
	b.Join("g")
	require.Len(t, f.wakeGroups, 4)
}
