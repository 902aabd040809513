package groupkit

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"groupkit/store"
)

// subscriberQueue is how many events a subscriber may be behind before it misses some.
const subscriberQueue = 1024

// ErrMissed is matched by the error of a subscription that was too slow for what
// happened; the cause is a *MissedError.
var ErrMissed = errors.New("events were missed")

// A MissedError tells a subscriber from where to read the log to catch up. The
// subscription goes on after it.
type MissedError struct {
	Group GroupID // "" for a subscription to all groups: compare Versions
	From  uint64  // the first version that was missed; 0 for a subscription to all groups
}

// Error names the group and the version.
func (e *MissedError) Error() string {
	if e.Group == "" {
		return ErrMissed.Error()
	}
	return fmt.Sprintf("%v from version %d of group %q on", ErrMissed, e.From, string(e.Group))
}

// Unwrap returns the sentinel.
func (e *MissedError) Unwrap() error { return ErrMissed }

// A Subscription follows the events of one group, or of all. It hears of an event when
// it is durable, in the order of the Versions for each group. It never holds a writer
// up: one that is more than 1024 events behind is told what it missed. A Subscription
// is used by one goroutine at a time, and closed when it is needed no more.
type Subscription struct {
	actor Actor
	group GroupID
	topic *topic
	next  uint64 // the position in the topic
	after uint64 // the last version seen, of a single group
	batch []Event
	ended error
}

// Subscribe follows the events of a group from now on: those after its present
// Version, which After returns.
//
// The system, the owner and admins may; for a user who ceases to be one the
// subscription ends with the refusal. It refuses with ErrGroupNotFound, ErrBlacklisted,
// ErrNotMember and ErrRoleTooLow.
func (a Actor) Subscribe(ctx context.Context, group GroupID) (*Subscription, error) {
	if a.tx != nil {
		return nil, wrap(OpSubscribe, group, ErrNested)
	}
	s := a.eng.hub.join(a, group)
	err := a.reading(ctx, OpSubscribe, group, nil, func(_ store.Reader, v *look) error {
		s.after = v.head.Version
		return v.may(readLog)
	})
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// SubscribeAll follows the events of all groups from now on.
//
// The system may. It refuses with ErrSystemOnly.
func (a Actor) SubscribeAll(context.Context) (*Subscription, error) {
	if err := a.checkActor(); err != nil {
		return nil, wrap(OpSubscribe, "", err)
	}
	if a.tx != nil || a.eng.atomics.here() {
		return nil, wrap(OpSubscribe, "", ErrNested)
	}
	if a.user != "" {
		return nil, wrap(OpSubscribe, "", about(a.user, ErrSystemOnly))
	}
	return a.eng.hub.join(a, ""), nil
}

// After is the version of the last event seen of a single group, or that the group had
// when the subscription began.
func (s *Subscription) After() uint64 { return s.after }

// Close ends the subscription.
func (s *Subscription) Close() {
	if s.topic != nil {
		s.actor.eng.hub.leave(s.topic)
		s.topic = nil
		s.ended = errors.Join(s.ended, wrap(OpSubscribe, s.group, ErrClosed))
	}
}

// All iterates over the events as they come. After an error that matches ErrMissed it
// goes on; any other error is the last.
func (s *Subscription) All(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			e, err := s.Next(ctx)
			if !yield(e, err) || err != nil && !errors.Is(err, ErrMissed) {
				return
			}
		}
	}
}

// Next waits for the next event. It fails with an error that matches ErrMissed if
// events were missed, and goes on after it; with the error of ctx; with ErrClosed when
// the subscription or the engine is closed; with ErrGroupNotFound after the group was
// deleted; and with the refusal when the actor may not follow the group any more, which
// it looks up when a role has ended and when events were missed.
func (s *Subscription) Next(ctx context.Context) (Event, error) {
	for {
		if s.ended != nil {
			return Event{}, s.ended
		}
		for len(s.batch) > 0 {
			e := s.batch[0]
			s.batch = s.batch[1:]
			if s.group == "" {
				return e, nil
			}
			if e.Version > s.after {
				return s.see(ctx, e)
			}
		}
		if err := s.fill(ctx); err != nil {
			return Event{}, err
		}
	}
}

// see hands out an event of a single group, if the actor may still see it.
func (s *Subscription) see(ctx context.Context, e Event) (Event, error) {
	missed := s.after + 1
	if e.Version > missed || e.Kind == AdminRemoved || e.Kind == OwnerChanged { // perhaps the end of the actor's role
		if err := s.mayStill(ctx); err != nil {
			s.batch = slices.Insert(s.batch, 0, e)
			return Event{}, err
		}
	}
	if e.Version > missed {
		s.batch = slices.Insert(s.batch, 0, e)
		s.after = e.Version - 1
		return Event{}, wrap(OpSubscribe, s.group, &MissedError{s.group, missed})
	}
	s.after = e.Version
	if e.Kind == GroupDeleted {
		s.ended = wrap(OpSubscribe, s.group, ErrGroupNotFound)
	}
	return e, nil
}

// mayStill looks whether the actor may still follow the group. A refusal is the end.
func (s *Subscription) mayStill(ctx context.Context) error {
	if s.actor.user == "" {
		return nil
	}
	err := s.actor.reading(ctx, OpSubscribe, s.group, nil, func(_ store.Reader, v *look) error { return v.may(readLog) })
	if errors.Is(err, ErrForbidden) || errors.Is(err, ErrNotFound) {
		s.ended = err
	}
	return err
}

// fill waits until there are events and takes some.
func (s *Subscription) fill(ctx context.Context) error {
	if s.actor.eng.atomics.here() {
		return wrap(OpSubscribe, s.group, ErrNested) // nothing would come
	}
	for {
		events, next, wake := s.topic.from(s.next)
		missed := next-uint64(len(events)) > s.next
		s.batch, s.next = events, next
		if missed && s.group == "" {
			return wrap(OpSubscribe, "", &MissedError{})
		}
		if len(events) > 0 {
			return nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return wrap(OpSubscribe, s.group, ctx.Err())
		case <-s.actor.eng.background.Done():
			return wrap(OpSubscribe, s.group, ErrClosed)
		}
	}
}

// A topic keeps the last events of one group, or of all, for those who follow it. All
// of them read the same ring, so that one more subscriber costs a writer nothing.
type topic struct {
	group       GroupID
	subscribers int // guarded by the hub

	mu    sync.Mutex
	ring  []Event
	count uint64 // events ever published
	wake  chan struct{}
	stale bool // it is among those with sleepers to wake; guarded by the hub
}

func (t *topic) publish(events []Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range events {
		if len(t.ring) < subscriberQueue {
			t.ring = append(t.ring, e)
		} else {
			t.ring[t.count%subscriberQueue] = e
		}
		t.count++
	}
}

// from returns events from a position on, the position after them, and what tells of
// more if there are none.
func (t *topic) from(at uint64) ([]Event, uint64, <-chan struct{}) {
	const most = 64
	t.mu.Lock()
	defer t.mu.Unlock()
	at = max(at, t.count-uint64(len(t.ring)))
	var events []Event
	for ; at < t.count && len(events) < most; at++ {
		events = append(events, t.ring[at%subscriberQueue])
	}
	return events, at, t.wake
}

// rouse wakes those who wait for events.
func (t *topic) rouse() {
	t.mu.Lock()
	wake := t.wake
	t.wake = make(chan struct{})
	t.mu.Unlock()
	close(wake)
}

// A hub brings the events of committed calls to subscribers, in order for each group.
// Calls on one group are decided one after another, but their callers learn of the
// commit in any order; what comes too early fetches from the log what it overtook.
type hub struct {
	eng *Engine

	mu     sync.Mutex
	topics map[GroupID]*topic // "" is all groups
	groups map[GroupID]*underway
	tokens map[*unit]uint64 // the first version of each call under way

	stale []*topic // those with sleepers to wake

	following atomic.Int32
	rouse     chan struct{}
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
		t = &topic{group: group, wake: make(chan struct{})}
		h.topics[group] = t
	}
	t.subscribers++
	h.following.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	return &Subscription{actor: a, group: group, topic: t, next: t.count}
}

func (h *hub) leave(t *topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.following.Add(-1)
	if t.subscribers--; t.subscribers == 0 {
		delete(h.topics, t.group)
	}
}

// begin notes a call that is about to be written. It runs in the transaction, so that
// of all calls under way on a group the first one noted has the lowest version.
func (h *hub) begin(u *unit) {
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
func (h *hub) end(ctx context.Context, u *unit, committed bool) {
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
func (h *hub) publish(ctx context.Context, u *unit, g *underway, first uint64) {
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
			h.announce(t)
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
	for e, err := range h.eng.System().Events(ctx, group, from) {
		if err != nil || e.Version >= before {
			break
		}
		events = append(events, e)
	}
	return events
}

// announce has the subscribers of a topic woken, on another goroutine: waking many
// takes its time.
func (h *hub) announce(t *topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.stale {
		return
	}
	t.stale = true
	h.stale = append(h.stale, t)
	select {
	case h.rouse <- struct{}{}:
	default:
	}
}

// run wakes subscribers until the engine closes.
func (h *hub) run() {
	for {
		select {
		case <-h.rouse:
		case <-h.eng.background.Done():
			return
		}
		h.mu.Lock()
		stale := h.stale
		h.stale = nil
		for _, t := range stale {
			t.stale = false
		}
		h.mu.Unlock()
		for _, t := range stale {
			t.rouse()
		}
	}
}
