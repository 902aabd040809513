package groupkit

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"groupkit/internal/feed"
	"groupkit/store"
)

// A MissedError reports that a subscriber was too slow and missed events. It contains the
// version from which to read the log ([Actor.Events]). The subscription then continues. For a
// subscription to all groups both fields are empty: compare the Versions of the groups to find
// out which logs to read.
type MissedError struct {
	Group GroupID
	From  uint64 // the first version that was missed
}

// The operation of Subscribe and SubscribeAll.
const OpSubscribe Op = "subscribe"

// Error returns the sentinel, the version and the group.
func (e *MissedError) Error() string {
	if e.Group == "" {
		return ErrMissed.Error()
	}
	return fmt.Sprintf("%v from version %d of group %q on", ErrMissed, e.From, string(e.Group))
}

// Unwrap returns ErrMissed.
func (e *MissedError) Unwrap() error { return ErrMissed }

// A Subscription follows the events of one group or of all groups. It receives an event when
// the event is durable, and the events of each group in the order of their versions.
//
// A subscription never blocks a writer. A subscriber that falls more than 1024 events behind
// gets a [*MissedError] and continues with newer events. If many subscribers follow a group
// that changes all the time, they are woken in small groups; a thousand subscribers receive an
// event within about 20 ms.
//
// All subscribers share the events: do not change what an event points to. Only one goroutine
// at a time can use a Subscription. Close it when it is no longer needed.
type Subscription struct {
	actor Actor
	group GroupID                 // "" for all groups
	feed  *feed.Subscriber[Event] // nil when the subscription is closed
	after uint64                  // the version of the last event that was returned
	batch []Event
	taken int   // events of the batch that are done
	ended error // what every further call returns; nil while the subscription goes on
}

// Subscribe follows the events of a group that come after its current Version, which After
// returns. If the actor loses the permission, the subscription ends with the error.
//
// Allowed: owner, admin, system.
// Returns ErrNested inside Atomic, and ErrGroupNotFound, ErrBlacklisted,
// ErrNotMember or ErrRoleTooLow; see [Actor].
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
// Allowed: system.
// Returns ErrSystemOnly if the actor is a user, ErrNested inside Atomic.
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

// After returns the version of the last event that Next or All returned. Before the first
// event, it returns the version that the group had when the subscription began, or 0 for a
// subscription to all groups.
func (s *Subscription) After() uint64 { return s.after }

// Close ends the subscription. Every further call of Next returns ErrClosed.
func (s *Subscription) Close() {
	if s.feed != nil {
		s.feed.Leave()
		s.feed = nil
		s.ended = errors.Join(s.ended, wrap(OpSubscribe, s.group, ErrClosed))
	}
}

// All iterates over the events as they come, as Next returns them. It continues after an error
// that matches ErrMissed and ends with any other error.
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

// Next waits for the next event and returns it.
//
// Returns ErrMissed if events were missed; the next call continues after them. Returns the
// error of ctx if ctx ends, ErrClosed if the subscription or the engine is closed,
// ErrGroupNotFound after the event of the group's deletion, and ErrNested inside Atomic. If
// the actor has lost the permission of Subscribe, it returns the error of that check. It
// checks the permission when a role has ended and when events were missed.
func (s *Subscription) Next(ctx context.Context) (Event, error) {
	for {
		if s.ended != nil {
			return Event{}, s.ended
		}
		for s.taken < len(s.batch) {
			e := &s.batch[s.taken]
			if s.group != "" {
				if err := s.see(ctx, e); err != nil {
					return Event{}, err
				}
			}
			s.taken++
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

// see returns an error instead of an event of a single group if events before it were missed,
// or if the actor has lost the permission.
func (s *Subscription) see(ctx context.Context, e *Event) error {
	missed := s.after + 1
	if e.Version > missed || e.Kind == AdminRemoved || e.Kind == OwnerChanged { // the actor can have lost its role
		if err := s.checkPermission(ctx); err != nil {
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

// checkPermission checks that the actor is still allowed to follow the group. If not, the
// subscription ends.
func (s *Subscription) checkPermission(ctx context.Context) error {
	if s.actor.user == "" {
		return nil
	}
	err := s.actor.reading(ctx, OpSubscribe, s.group, nil, func(_ store.Reader, v *access) error { return v.authorize(readLog) })
	if errors.Is(err, ErrForbidden) || errors.Is(err, ErrNotFound) {
		s.ended = err
	}
	return err
}

// fill waits until there are events, and makes them the batch.
func (s *Subscription) fill(ctx context.Context) error {
	if s.actor.eng.atomics.here() {
		return wrap(OpSubscribe, s.group, ErrNested) // waiting would block: the transaction holds up all commits
	}
	for {
		events, missed, wake := s.feed.Next()
		s.batch, s.taken = events, 0
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
		case <-wake: // there is an event, or the engine is closed
		case <-ctx.Done():
			return wrap(OpSubscribe, s.group, ctx.Err())
		}
	}
}

// missedCommits returns the durable events of a group with versions from from to before-1. The
// broker calls it if a call learns of its commit before an earlier call of the same group
// does. If the events cannot be read, subscribers get a MissedError for the gap.
func (e *Engine) missedCommits(ctx context.Context, group string, from, before uint64) (events []Event) {
	for event, err := range e.System().Events(ctx, GroupID(group), from) {
		if err != nil || event.Version >= before {
			break
		}
		events = append(events, event)
	}
	return events
}
