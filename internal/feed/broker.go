// Package feed delivers the events of committed calls to subscribers, in the order of their
// versions for each group. It does not know what an event is or how it is stored: the caller
// chooses the type, and passes a function that reads stored events.
package feed

import (
	"context"
	"sync"
	"sync/atomic"
)

// A Broker brings the events of committed calls to those who follow a group, or all groups.
// Calls on one group are decided one after another, but their callers learn of the commit
// in any order. A call that is early fetches from the log the events of the calls before it.
//
// A writer calls Begin in its transaction, and End when that has been committed or rolled
// back. A subscriber calls Join, and then Next of what Join returns.
//
// What must hold:
//
//   - Begin is called in the order of the versions of a group, End in any order.
//   - Each version of a group reaches its feed once, after its commit, in ascending order.
//     If the log cannot be read, versions are left out: the subscriber sees a gap.
//   - Subscribers never hold up a writer. While the log is read, only the lock of the
//     group is held.
type Broker[E any] struct {
	background    context.Context // when it ends, no subscriber is woken any more
	missedCommits Log[E]

	mu     sync.Mutex
	feeds  map[string]*feed[E] // "" is all groups
	groups map[string]*inFlight

	following atomic.Int32 // subscribers, so that a writer without any takes no lock
}

// A Log reads the stored events of a group from one version on and before another. The
// broker asks it for those that are durable, and whose own calls have not ended yet. Where
// it fails it returns those that it has read.
type Log[E any] func(ctx context.Context, group string, from, before uint64) []E

// inFlight is a group with calls between Begin and End.
type inFlight struct {
	calls int // guarded by the broker

	mu   sync.Mutex // held to publish, so that calls publish one after another
	next uint64     // the first version that is not published yet
}

// NewBroker makes a broker. It wakes subscribers in the background until ctx ends.
func NewBroker[E any](ctx context.Context, log Log[E]) *Broker[E] {
	return &Broker[E]{background: ctx, missedCommits: log, feeds: make(map[string]*feed[E]), groups: make(map[string]*inFlight)}
}

// Join adds a subscriber at the end of the feed of a group; "" is all groups.
func (b *Broker[E]) Join(group string) *Subscriber[E] {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.feeds[group]
	if f == nil {
		f = new(feed[E])
		b.feeds[group] = f
	}
	f.subscribers++
	b.following.Add(1)
	return &Subscriber[E]{broker: b, group: group, feed: f, wakeGroup: f.join(), next: f.count.Load()}
}

func (b *Broker[E]) leave(s *Subscriber[E]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.following.Add(-1)
	s.feed.leave(s.wakeGroup)
	if s.feed.subscribers--; s.feed.subscribers == 0 {
		delete(b.feeds, s.group)
	}
}

// A Call is a call between Begin and End, with the versions of its events.
type Call struct {
	group       string
	first, last uint64
	flight      *inFlight
}

// Begin notes a call that is about to be written. It runs in the transaction, so that of
// all calls in flight on a group the first one noted has the lowest version.
func (b *Broker[E]) Begin(group string, first, last uint64) Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := b.groups[group]
	if g == nil {
		g = &inFlight{next: first}
		b.groups[group] = g
	}
	g.calls++
	return Call{group, first, last, g}
}

// End ends a call, once. If it was committed its events are published; they are asked for
// only if someone follows.
func (b *Broker[E]) End(ctx context.Context, c Call, committed bool, events func() []E) {
	if committed {
		b.publish(ctx, c, events)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.flight.calls--; c.flight.calls == 0 {
		delete(b.groups, c.group)
	}
}

// InFlight is how many calls are between Begin and End.
func (b *Broker[E]) InFlight() (calls int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, g := range b.groups {
		calls += g.calls
	}
	return calls
}

// publish brings the events of a call, and of the earlier ones it missed, to subscribers.
func (b *Broker[E]) publish(ctx context.Context, c Call, events func() []E) {
	g := c.flight
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.last < g.next {
		return // a later call has published the events of this one
	}
	from := g.next
	g.next = c.last + 1
	one, all := b.feed(c.group), b.feed("")
	if one == nil && all == nil {
		return
	}
	published := events()
	if from < c.first {
		published = append(b.missedCommits(ctx, c.group, from, c.first), published...)
	}
	for _, f := range []*feed[E]{one, all} {
		if f != nil {
			f.publish(published)
			f.wake(b.background)
		}
	}
}

func (b *Broker[E]) feed(group string) *feed[E] {
	if b.following.Load() == 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.feeds[group]
}

// WakeAll wakes every subscriber, to find that there will be no more events.
func (b *Broker[E]) WakeAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.feeds {
		for _, g := range f.all() {
			g.wake()
		}
	}
}
