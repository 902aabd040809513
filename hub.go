package groupkit

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
)

// A hub brings the events of committed calls to subscribers, in order for each group.
// Calls on one group are decided one after another, but their callers learn of the
// commit in any order; what comes too early fetches from the log what it overtook.
type hub struct {
	background context.Context // of the engine
	log        func(ctx context.Context, group GroupID, from uint64) iter.Seq2[Event, error]

	mu     sync.Mutex
	topics map[GroupID]*topic // "" is all groups
	groups map[GroupID]*underway
	tokens map[*change]uint64 // the first version of each call under way

	following atomic.Int32
}

// underway is a group with calls that are not settled.
type underway struct {
	calls int
	mu    sync.Mutex
	next  uint64 // the first version that no subscriber has heard of
}

// join adds a subscriber at the end of the topic.
func (h *hub) join(a Actor, group GroupID) *Subscription {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[group]
	if t == nil {
		t = new(topic)
		h.topics[group] = t
	}
	t.subscribers++
	h.following.Add(1)
	return &Subscription{actor: a, group: group, topic: t, seat: t.seat(), next: t.count.Load()}
}

func (h *hub) leave(s *Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.following.Add(-1)
	s.topic.leave(s.seat)
	if s.topic.subscribers--; s.topic.subscribers == 0 {
		delete(h.topics, s.group)
	}
}

// begin notes a call that is about to be written. It runs in the transaction, so that
// of all calls under way on a group the first one noted has the lowest version.
func (h *hub) begin(u *change) {
	first := u.head.Version + 1 - uint64(len(u.call.Events))
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.groups[u.id]
	if g == nil {
		g = &underway{next: first}
		h.groups[u.id] = g
	}
	g.calls++
	h.tokens[u] = first
}

// end settles a call: its events are published if it was committed.
func (h *hub) end(ctx context.Context, u *change, committed bool) {
	h.mu.Lock()
	g, first := h.groups[u.id], h.tokens[u]
	delete(h.tokens, u)
	h.mu.Unlock()
	if committed {
		h.publish(ctx, u, g, first)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if g.calls--; g.calls == 0 {
		delete(h.groups, u.id)
	}
}

// publish brings the events of a call, and of those it overtook, to subscribers.
func (h *hub) publish(ctx context.Context, u *change, g *underway, first uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if u.head.Version < g.next {
		return // a call that overtook this one has published its events
	}
	from := g.next
	g.next = u.head.Version + 1
	one, all := h.topic(u.id), h.topic("")
	if one == nil && all == nil {
		return
	}
	var events []Event
	if from < first {
		events = h.overtaken(ctx, u.id, from, first)
	}
	for i := range u.call.Events {
		events = append(events, publicEvent(u.id, first+uint64(i), &u.call, &u.call.Events[i]))
	}
	for _, t := range []*topic{one, all} {
		if t != nil {
			t.publish(events)
			t.rouse(h.background)
		}
	}
}

func (h *hub) topic(group GroupID) *topic {
	if h.following.Load() == 0 {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.topics[group]
}

// overtaken reads events that are durable, and whose own calls are not settled yet. If
// they cannot be read subscribers find a gap in the versions, and are told.
func (h *hub) overtaken(ctx context.Context, group GroupID, from, before uint64) (events []Event) {
	for e, err := range h.log(ctx, group, from) {
		if err != nil || e.Version >= before {
			break
		}
		events = append(events, e)
	}
	return events
}

// close wakes everyone, to find that the engine is closing.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.topics {
		for _, b := range t.all() {
			b.rouse()
		}
	}
}
