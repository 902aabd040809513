package groupkit

import (
	"context"
	"errors"
	"iter"
	"math"

	"groupkit/internal/record"
	"groupkit/store"
)

// The operation of Follow and FollowAll.
const OpFollow Op = "follow"

// Follow follows the events of a group from a position on. Use the zero Position to begin at the
// beginning of the log, [Latest] for what comes from now on, and the position of an earlier
// Follower to go on where it was.
//
// Owner, admins and the system get all events and the complete state. Other members get what
// members can see, from their joining on: the changes of the group, of the announcement, of
// members, admins, owner and files; the mute of the whole group; the deletion; and about mutes and
// the allow list what concerns themselves. They get no reasons except those about themselves, and
// not who did it, except for creation and changes of the group and the announcement, transfers,
// appointed admins, added files, and what users do themselves.
// Event.After is the version of the event given before; the versions between are not shown to the actor.
//
// The follower ends when the right to follow ends. The event that ended it is the last one. Then,
// Next returns the error of the check.
//
// Allowed: members, system. The system can also follow the log of a deleted group to its end,
// unless the position calls for a checkpoint.
// Returns ErrNested inside Atomic, ErrInvalid if the position is not valid, and ErrGroupNotFound, ErrBlacklisted
// or ErrNotMember; see [Actor].
func (a Actor) Follow(ctx context.Context, group GroupID, from Position) (*Follower, error) {
	return observeOne(ctx, a, OpFollow, group, func(Actor) (*Follower, error) { // the actor without the call stays in the follower
		f, err := a.follow(ctx, group, from)
		return f, wrap(OpFollow, group, err)
	})
}

func (a Actor) follow(ctx context.Context, group GroupID, from Position) (*Follower, error) {
	if a.tx != nil {
		return nil, ErrNested
	}
	if err := errors.Join(a.check(group), from.check(false)); err != nil {
		return nil, err
	}
	f := &Follower{actor: a, group: group, feed: a.eng.broker.Join(string(group)), place: from, reached: from}
	if err := f.start(ctx, from); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// start finds out where to begin. It reads the group after it has joined the feed, so that
// nothing that is committed later is missed.
func (f *Follower) start(ctx context.Context, from Position) error {
	var head record.Header
	err := f.actor.view(ctx, func(r store.Reader) error {
		v, err := f.actor.access(r, f.group)
		if err != nil {
			return err
		}
		head = *v.head
		return f.enter(v, from)
	})
	if err != nil {
		return err
	}
	f.live = max(f.live, f.feed.Start(head.Version+1))
	if f.after+1 < f.live || f.state != nil {
		return f.synced(ctx)
	}
	return nil
}

// enter checks the permission and sets where the follower begins.
func (f *Follower) enter(v *access, from Position) error {
	history := f.actor.eng.History()
	f.state, f.after, f.shown = nil, from.Version, from.Version
	f.entered, f.rewritten = 0, v.head.Rewritten
	if v.system() && v.exists && isGone(v.head) {
		if from != (Position{}) && (from.History != history || from.Version < v.head.Rewritten || from.Version >= v.head.Version) {
			return ErrGroupNotFound
		}
		f.refused, f.live = wrap(OpFollow, f.group, ErrGroupNotFound), math.MaxUint64
		return nil
	}
	if err := v.authorize(followGroup); err != nil {
		return err
	}
	f.filter = v.permits(readLog) != nil
	if from != (Position{}) {
		f.entered = v.head.Version
	}
	switch {
	case from == Latest():
		f.after, f.shown = v.head.Version, v.head.Version
		f.reach(Position{History: history, Version: f.after})
	case from == (Position{}) && !f.filter:
	case from.History != history:
		f.after, f.shown = v.head.Version, v.head.Version
		f.begin(f.group)
	case f.filter && from.Version < v.me.JoinVersion: // what happened while the actor was no member is not shown
		f.after = v.head.Version
		f.begin(f.group)
	case from.Version < v.head.Rewritten: // if the right ends before the checkpoint, the log leads on to what says so
		f.begin(f.group)
	}
	return nil
}

// All iterates over the events as they come, as Next returns them. It ends with the first error.
func (f *Follower) All(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			e, err := f.Next(ctx)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Next waits for the next event and returns it.
//
// Returns the error of ctx if ctx ends; the follower then goes on with the next call. So a server
// can send a sign of life from time to time. Returns ErrClosed if the follower or the engine is closed, ErrGroupNotFound after
// the event of the group's deletion, and ErrNested inside Atomic. If the actor has lost the
// permission of Follow, it returns the error of that check. Returns ErrCorrupt once where the log is damaged, and goes on with a
// checkpoint.
func (f *Follower) Next(ctx context.Context) (Event, error) {
	if f == nil || f.feed == nil && f.ended == nil {
		return Event{}, wrap(OpFollow, "", ErrClosed)
	}
	for len(f.queue) == 0 {
		if f.ended != nil {
			return Event{}, f.ended
		}
		if e, ok := f.direct(); ok {
			return e, nil
		}
		if f.actor.eng.atomics.here() { // waiting would block: the transaction holds up all commits
			return Event{}, wrap(OpFollow, f.group, ErrNested)
		}
		if err := f.fill(ctx); err != nil {
			return Event{}, wrap(OpFollow, f.group, err)
		}
	}
	if f.feed == nil {
		return Event{}, f.ended
	}
	g := f.queue[0]
	f.queue = f.queue[1:]
	f.place = g.place
	return g.event, nil
}

// waits reports whether there is nothing to give until something happens.
func (f *Follower) waits() bool {
	return len(f.queue) == 0 && len(f.batch) == 0 && f.state == nil && f.walk == nil && !f.leaving && f.ended == nil && f.after+1 >= f.live
}

// present is Next, but does not wait for what is to come: there is false then.
func (f *Follower) present(ctx context.Context) (e Event, there bool, err error) {
	for len(f.queue) == 0 && f.ended == nil {
		if f.waits() {
			return e, false, nil
		}
		if err := f.fill(ctx); err != nil {
			return e, false, wrap(OpFollow, f.group, err)
		}
	}
	e, err = f.Next(ctx)
	return e, true, err
}

// fill takes the next step towards events: a part of a checkpoint, a page of the log, or what the feed has.
func (f *Follower) fill(ctx context.Context) error {
	switch {
	case f.state != nil:
		return f.readState(ctx)
	case f.walk != nil:
		return f.readWalk(ctx)
	case f.leaving:
		return f.leave(ctx)
	case f.after+1 < f.live && f.group == "":
		return f.readCommits(ctx)
	case f.after+1 < f.live:
		return f.readLog(ctx)
	case len(f.batch) > 0:
		f.takeBatch()
		return nil
	}
	events, missed, wake := f.feed.Next()
	switch {
	case len(events) == 0:
		if f.actor.eng.background.Err() != nil {
			return ErrClosed
		}
		select {
		case <-wake: // there is an event, or the engine is closed
		case <-ctx.Done():
			return ctx.Err()
		}
	case missed: // read the log up to the call to which the next event belongs
		f.actor.eng.meters.missed.Add(1)
		f.call = nil
		f.live = max(f.live, f.number(&events[0])+1)
	}
	f.batch = events
	return nil
}
