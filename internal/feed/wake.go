package feed

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// wakeGroupSize is how many subscribers are woken at once. restPerSubscriber is how
	// long the wakers rest afterwards for each of them, so that waking takes a few percent
	// of a processor, however many there are.
	wakeGroupSize     = 32
	restPerSubscriber = 20 * time.Microsecond
)

// A wakeGroup is some subscribers of one feed who wait on the same channel. To wake them is
// to close it and put a new one in its place. A thousand subscribers woken at once would
// keep the writers from the processors, so a feed wakes one group after another.
//
// What must hold: a subscriber loads the channel before it looks for events, so that no
// event is published unseen between the two.
type wakeGroup struct {
	channel atomic.Pointer[chan struct{}]
	members int // guarded by the feed
}

func (g *wakeGroup) wake() { close(*g.channel.Swap(new(make(chan struct{})))) }

// join finds a wake group with room for one more, or makes one.
func (f *feed[E]) join() *wakeGroup {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.wakeGroups) - 1; i >= 0; i-- {
		if g := f.wakeGroups[i]; g.members < wakeGroupSize {
			g.members++
			return g
		}
	}
	g := &wakeGroup{members: 1}
	g.channel.Store(new(make(chan struct{})))
	f.wakeGroups = append(f.wakeGroups, g)
	return g
}

func (f *feed[E]) leave(g *wakeGroup) {
	f.mu.Lock()
	defer f.mu.Unlock()
	g.members--
}

func (f *feed[E]) all() []*wakeGroup {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.wakeGroups
}

// wake has the subscribers woken, on another goroutine, unless one is at it.
func (f *feed[E]) wake(ctx context.Context) {
	if f.waking.CompareAndSwap(false, true) {
		go f.wakeAll(ctx)
	}
}

// wakeAll wakes the subscribers until nothing new has come: the first time all at once, and
// then, as events keep coming, group after group with rests in between.
func (f *feed[E]) wakeAll(ctx context.Context) {
	for busy := false; ; busy = true {
		heard := f.count.Load()
		groups := f.all()
		for _, g := range groups {
			g.wake()
			if busy {
				f.rest(ctx, heard)
			}
		}
		for range groups {
			if !busy {
				f.rest(ctx, heard)
			}
		}
		f.waking.Store(false)
		if f.count.Load() == heard || ctx.Err() != nil || !f.waking.CompareAndSwap(false, true) {
			return
		}
	}
}

// rest lets the writers work for a while, unless the queue is filling up.
func (f *feed[E]) rest(ctx context.Context, heard uint64) {
	if f.count.Load()-heard > queue/2 {
		return
	}
	select {
	case <-time.After(wakeGroupSize * restPerSubscriber):
	case <-ctx.Done():
	}
}
