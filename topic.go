package groupkit

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// subscriberQueue is how many events a subscriber may be behind before it misses some.
	subscriberQueue = 1024

	stripSize = 16
	strips    = subscriberQueue/stripSize + 1

	// benchSize is how many subscribers are woken at once, and restPerSleeper how long
	// there is rest afterwards for each of them, so that waking takes a few parts in a
	// hundred of a processor, however many there are.
	benchSize      = 32
	restPerSleeper = 20 * time.Microsecond
)

// A topic keeps the last events of one group, or of all, for those who follow it. They
// all read the same events, without a lock and without a copy, so that one more
// subscriber costs a writer next to nothing.
type topic struct {
	subscribers int // guarded by the hub

	count   atomic.Uint64 // events ever published
	kept    [strips]atomic.Pointer[strip]
	rousing atomic.Bool

	mu      sync.Mutex // held to publish, and to change the benches
	benches []*bench
}

// A strip is the events from number times stripSize on. What of it has been counted
// does not change any more.
type strip struct {
	number uint64
	events [stripSize]Event
}

// A bench is some subscribers who sleep until the channel is closed, and another put in
// its place.
type bench struct {
	wake   atomic.Pointer[chan struct{}]
	seated int
}

// publish adds events.
func (t *topic) publish(events []Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range events {
		n := t.count.Load()
		slot := &t.kept[n/stripSize%strips]
		if n%stripSize == 0 {
			slot.Store(&strip{number: n / stripSize})
		}
		slot.Load().events[n%stripSize] = e
		t.count.Store(n + 1)
	}
}

// from returns events from a position on, none if there are none yet, and the position
// of the first: a later one if so many have been published that the queue was too short.
func (t *topic) from(at uint64) ([]Event, uint64) {
	for {
		n := t.count.Load()
		at = max(at, n-min(n, subscriberQueue))
		if at == n {
			return nil, at
		}
		s := t.kept[at/stripSize%strips].Load()
		if s.number != at/stripSize {
			continue // it has just been overtaken
		}
		return s.events[at%stripSize : min(stripSize, n-s.number*stripSize)], at
	}
}

// seat finds a place on a bench.
func (t *topic) seat() *bench {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := len(t.benches) - 1; i >= 0; i-- {
		if b := t.benches[i]; b.seated < benchSize {
			b.seated++
			return b
		}
	}
	b := &bench{seated: 1}
	b.wake.Store(new(make(chan struct{})))
	t.benches = append(t.benches, b)
	return b
}

func (t *topic) leave(b *bench) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b.seated--
}

// rouse has the subscribers woken, on another goroutine, if that is not under way.
func (t *topic) rouse(ctx context.Context) {
	if t.rousing.CompareAndSwap(false, true) {
		go t.rouseAll(ctx)
	}
}

// rouseAll wakes the subscribers until there is no more to hear: the first time at once,
// and then, as events keep coming, bench after bench with rests in between.
func (t *topic) rouseAll(ctx context.Context) {
	for busy := false; ; busy = true {
		heard := t.count.Load()
		benches := t.all()
		for _, b := range benches {
			b.rouse()
			if busy {
				t.rest(ctx, heard)
			}
		}
		for range benches {
			if !busy {
				t.rest(ctx, heard)
			}
		}
		t.rousing.Store(false)
		if t.count.Load() == heard || ctx.Err() != nil || !t.rousing.CompareAndSwap(false, true) {
			return
		}
	}
}

func (t *topic) all() []*bench {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.benches
}

func (b *bench) rouse() { close(*b.wake.Swap(new(make(chan struct{})))) }

// rest lets the writers work for a while, unless the queue is filling up.
func (t *topic) rest(ctx context.Context, heard uint64) {
	if t.count.Load()-heard > subscriberQueue/2 {
		return
	}
	select {
	case <-time.After(benchSize * restPerSleeper):
	case <-ctx.Done():
	}
}
