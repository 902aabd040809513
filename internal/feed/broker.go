// Package feed delivers the events of committed calls to subscribers, in the order in which
// the calls were committed. It does not know what an event is or how it is stored: the caller
// chooses the type, and passes a function that reads stored events.
package feed

import (
	"context"
	"sync"
	"sync/atomic"
)

// A Broker brings the events of committed calls to those who follow a group, or all groups.
//
// Each feed has a position: the first version, or the first number of a call, that has not
// been published yet. What a writer publishes is at that position, or the events before it are
// read from the log. So it does not matter in which order callers learn of their commits, or
// whether they learn of them at all.
//
// A writer calls Publish when a call is durable. A subscriber calls Join, reads where the group
// is, and tells it with Start; then it calls Next.
//
// What must hold:
//
//   - Each position of a feed is published once, in ascending order, and only when it is
//     durable.
//   - Join comes before the position is read. So whatever is committed after that reaches the
//     subscriber.
//   - Subscribers never hold up a writer. While the log is read, at most the turn of one feed
//     is held.
type Broker[E any] struct {
	source Source[E]

	mu      sync.Mutex
	feeds   map[string]*feed[E] // "" is all groups
	pulling bool                // pull is running
	wanted  bool                // a feed is due, and pull has not seen it yet
	closed  bool
	kick    chan struct{} // wakes pull

	tasks     sync.WaitGroup
	following atomic.Int32 // subscribers, so that a writer without any takes no lock
}

// A Source is where events come from.
type Source[E any] struct {
	Background context.Context // when it ends, no subscriber is woken any more
	Read       Log[E]
	Most       int             // how many feeds one call of Read reads
	Failed     func(err error) // is told when Read begins to fail in the background

	// Shared: other processes commit calls too. The broker then looks for them in the log.
	Shared bool

	// Watch calls changed with the groups of such calls, until ctx ends; no groups means that
	// it can be any. After an error it is called again, after nil not. Nil: there is none.
	Watch func(ctx context.Context, changed func(groups []string)) error
}

// A Log reads the stored events of feeds. It returns one part for each.
type Log[E any] func(ctx context.Context, at []Position) ([]Part[E], error)

// A Position is where to read on in a feed.
type Position struct {
	Group  string // "" is all groups
	Next   uint64 // a version of the group; of all groups, the number of a call
	Before uint64 // the end, exclusive, which is durable; 0: what is there
}

// A Part is what a Log has read of a feed, whole calls only.
type Part[E any] struct {
	Events []E
	Next   uint64 // the position after them; with a Before it is always a later one
	More   bool   // there can be more
}

// NewBroker makes a broker.
func NewBroker[E any](s Source[E]) *Broker[E] {
	return &Broker[E]{source: s, feeds: make(map[string]*feed[E]), kick: make(chan struct{}, 1)}
}

// Join adds a subscriber at the end of the feed of a group; "" is all groups.
func (b *Broker[E]) Join(group string) *Subscriber[E] {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.feeds[group]
	if f == nil {
		f = &feed[E]{group: group}
		b.feeds[group] = f
	}
	f.subscribers++
	b.following.Add(1)
	return &Subscriber[E]{broker: b, feed: f, wakeGroup: f.join(), next: f.count.Load()}
}

func (b *Broker[E]) leave(s *Subscriber[E]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.following.Add(-1)
	s.feed.leave(s.wakeGroup)
	if s.feed.subscribers--; s.feed.subscribers == 0 {
		delete(b.feeds, s.feed.group)
	}
}

// Followed reports whether there is any subscriber. Who joins later reads a position after the
// calls that are committed now.
func (b *Broker[E]) Followed() bool { return b.following.Load() > 0 }

// Counts returns the number of subscribers, and of the feeds that they have.
func (b *Broker[E]) Counts() (subscribers, feeds int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int(b.following.Load()), len(b.feeds)
}

// A Call is a durable call.
type Call struct {
	Group       string
	First, Last uint64 // the versions of its events
	Number      uint64 // its number among the calls of all groups; 0 if the store is shared
}

// Publish brings the events of a call, and those before them that have not been published, to
// subscribers. events is called only if someone follows.
func (b *Broker[E]) Publish(ctx context.Context, c Call, events func() []E) {
	one, all := b.followed(c.Group)
	if one != nil && all != nil {
		made := events()
		events = func() []E { return made }
	}
	if one != nil {
		b.publish(ctx, one, c.First, c.Last, events)
	}
	switch {
	case all == nil:
	case b.source.Shared:
		b.want(all) // another process may have a lower number, and not have committed yet
	default:
		b.publish(ctx, all, c.Number, c.Number, events)
	}
}

// followed returns the feed of a group and that of all groups; nil if nobody follows.
func (b *Broker[E]) followed(group string) (one, all *feed[E]) {
	if !b.Followed() {
		return nil, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.feeds[group], b.feeds[""]
}

// publish publishes the events of a call with the positions first to last.
func (b *Broker[E]) publish(ctx context.Context, f *feed[E], first, last uint64, events func() []E) {
	f.turn.Lock()
	defer f.turn.Unlock()
	f.known = max(f.known, last+1)
	if f.next == 0 || last < f.next {
		return // Start reads on to what is known; or it has been published
	}
	if f.next < first && !b.source.Shared {
		b.catchUp(ctx, f, first)
	}
	if f.next != first {
		b.want(f)
		return
	}
	f.add(events(), last+1)
	f.wake(b.source.Background)
}

// catchUp publishes what the log has before a position, as far as it can be read. The caller
// has the turn.
func (b *Broker[E]) catchUp(ctx context.Context, f *feed[E], before uint64) {
	for f.next < before {
		parts, err := b.source.Read(ctx, []Position{{f.group, f.next, before}})
		if err != nil {
			return
		}
		f.add(parts[0].Events, parts[0].Next)
		f.wake(b.source.Background)
	}
}

// Close wakes every subscriber, to find that there will be no more events, and waits for the
// background work. The context of the Source has ended.
func (b *Broker[E]) Close() {
	b.mu.Lock()
	b.closed = true
	for _, f := range b.feeds {
		for _, g := range f.all() {
			g.wake()
		}
	}
	b.mu.Unlock()
	b.tasks.Wait()
}
