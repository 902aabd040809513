package groupkit

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"groupkit/internal/feed"
	"groupkit/store"
)

// A MissedError tells a subscriber from where to read the log to catch up. The
// subscription goes on after it.
type MissedError struct {
	Group GroupID // "" for a subscription to all groups: compare Versions
	From  uint64  // the first version that was missed; 0 for a subscription to all groups
}

// The operation of subscribing.
const OpSubscribe Op = "subscribe"

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
// up: one that is more than 1024 events behind is told what it missed. Where many follow
// what changes all the time they are woken a few at a time, and a thousand of them hear of
// an event within some 20 ms. They share the events: what these point to is not to be
// changed. A Subscription is used by one goroutine at a time, and closed when it is needed
// no more.
type Subscription struct {
	actor Actor
	group GroupID
	feed  *feed.Subscriber[Event] // nil when the subscription is closed
	after uint64                  // the last version seen
	batch []Event
	heard int // of the batch
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
	s := a.subscription(group)
	err := a.reading(ctx, OpSubscribe, group, nil, func(_ store.Reader, v *access) error {
		s.after = v.head.Version
		return v.authorize(readLog)
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
	return a.subscription(""), nil
}

func (a Actor) subscription(group GroupID) *Subscription {
	return &Subscription{actor: a, group: group, feed: a.eng.broker.Join(string(group))}
}

// After is the version of the last event seen of a single group, or that the group had
// when the subscription began.
func (s *Subscription) After() uint64 { return s.after }

// Close ends the subscription.
func (s *Subscription) Close() {
	if s.feed != nil {
		s.feed.Leave()
		s.feed = nil
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
		for s.heard < len(s.batch) {
			e := &s.batch[s.heard]
			if s.group != "" {
				if err := s.see(ctx, e); err != nil {
					return Event{}, err
				}
			}
			s.heard++
			if s.group == "" || e.Version > s.after {
				s.after = e.Version
				return *e, nil
			}
		}
		if err := s.fill(ctx); err != nil {
			return Event{}, err
		}
	}
}

// see refuses an event of a single group if others were missed before it, or if the
// actor may not see it any more.
func (s *Subscription) see(ctx context.Context, e *Event) error {
	missed := s.after + 1
	if e.Version > missed || e.Kind == AdminRemoved || e.Kind == OwnerChanged { // perhaps the end of the actor's role
		if err := s.mayStill(ctx); err != nil {
			return err
		}
	}
	if e.Version > missed {
		s.after = e.Version - 1
		return wrap(OpSubscribe, s.group, &MissedError{s.group, missed})
	}
	if e.Kind == GroupDeleted {
		s.ended = wrap(OpSubscribe, s.group, ErrGroupNotFound)
	}
	return nil
}

// mayStill looks whether the actor may still follow the group. A refusal is the end.
func (s *Subscription) mayStill(ctx context.Context) error {
	if s.actor.user == "" {
		return nil
	}
	err := s.actor.reading(ctx, OpSubscribe, s.group, nil, func(_ store.Reader, v *access) error { return v.authorize(readLog) })
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
		events, missed, wake := s.feed.Next()
		s.batch, s.heard = events, 0
		if missed && s.group == "" {
			return wrap(OpSubscribe, "", &MissedError{})
		}
		if len(events) > 0 {
			return nil
		}
		if s.actor.eng.background.Err() != nil {
			return wrap(OpSubscribe, s.group, ErrClosed)
		}
		select {
		case <-wake: // by an event, or the engine as it closes
		case <-ctx.Done():
			return wrap(OpSubscribe, s.group, ctx.Err())
		}
	}
}

// missedCommits reads events from the log that were committed before another call, whose
// caller learned of its commit first. If they cannot be read subscribers find a gap in the
// versions, and are told.
func (e *Engine) missedCommits(ctx context.Context, group string, from, before uint64) (events []Event) {
	for event, err := range e.System().Events(ctx, GroupID(group), from) {
		if err != nil || event.Version >= before {
			break
		}
		events = append(events, event)
	}
	return events
}
