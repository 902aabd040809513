package groupkit

import (
	"context"
	"errors"

	"groupkit/internal/record"
	"groupkit/store"
)

// direct gives the next event of the feed without the queue, if it is a call by itself that does not change what
// the actor may see: most calls are.
func (f *Follower) direct() (e Event, ok bool) {
	if f.state != nil || f.walk != nil || f.leaving || len(f.call) > 0 || f.after+1 < f.live {
		return e, false
	}
	for len(f.batch) > 0 && !ok {
		d := &f.batch[0]
		number := f.number(d)
		if !d.Last || number <= f.after || f.misses(number) || changesView(d.Kind) {
			return e, false
		}
		if e, ok = f.see(d.Event); ok {
			e = f.following(e, true)
			f.reach(f.seen(number))
		}
		f.after, f.batch = number, f.batch[1:]
	}
	return e, ok
}

// changesView reports whether an event of the kind can change what somebody may see, or leads to a checkpoint.
func changesView(kind EventKind) bool {
	switch kind {
	case 0, GroupDeleted, OwnerChanged, AdminAdded, AdminRemoved, MemberLeft, Checkpoint, Pseudonymized, Repaired:
		return true
	}
	return false
}

// seen returns the position after a call of which the actor was shown what it may see. A member goes on from the
// event that was shown.
func (f *Follower) seen(number uint64) Position {
	if f.filter {
		number = f.shown
	}
	return Position{History: f.actor.eng.History(), Version: number}
}

// takeBatch takes calls from the feed, until there is something to give. It stops where events
// are missing; these are read from the log.
func (f *Follower) takeBatch() {
	for len(f.batch) > 0 && len(f.queue) == 0 && f.state == nil && f.walk == nil && !f.leaving {
		d := &f.batch[0]
		number := f.number(d)
		switch {
		case number <= f.after:
			f.batch = f.batch[1:]
			continue
		case d.Kind == 0 && f.group == "":
			f.batch, f.call = f.batch[1:], nil
			f.walk = new(walk)
			return
		case d.Kind == 0 || f.misses(number):
			f.call, f.live = nil, number+1
			return
		}
		f.call = append(f.call, d.Event)
		f.batch = f.batch[1:]
		if d.Last {
			f.takeCall(f.call, number)
			f.call = nil
		}
	}
}

// misses reports whether events before the number are missing. On a shared store, the numbers of
// all changes have gaps; there the feed itself passes nothing over.
func (f *Follower) misses(number uint64) bool {
	if f.group == "" {
		return !f.actor.eng.shared && len(f.call) == 0 && number > f.after+1
	}
	return number > f.after+1+uint64(len(f.call))
}

// takeCall gives the events of one call, as the actor may see them. The event that ends the right
// to follow is the last one.
func (f *Follower) takeCall(events []Event, number uint64) {
	if events[0].Kind == Checkpoint { // a group was loaded
		f.after = number
		f.begin(events[0].Group)
		return
	}
	var shown []Event
	for _, e := range events {
		if e, ok := f.see(e); ok {
			shown = append(shown, e)
		}
		if f.leaving = f.endsRight(&e); f.leaving {
			break
		}
	}
	f.after = number
	begin := !f.leaving && f.beginsAnew(events)
	for i, e := range shown {
		f.give(f.following(e, i == len(shown)-1 && !begin))
	}
	switch {
	case begin:
		f.begin(events[0].Group)
	case !f.filter || len(shown) > 0:
		f.reach(f.seen(number))
	}
}

// beginsAnew reports whether a checkpoint must follow the events of a call: the log was rewritten,
// or the actor sees something else from now on. What the actor saw before a role that it got while
// it did not follow is not known; so each such event counts.
func (f *Follower) beginsAnew(events []Event) bool {
	me, all := f.actor.user, !f.filter
	for i := range events {
		e := &events[i]
		switch {
		case rewrites(e.Kind):
			if f.group == "" || e.Version > f.rewritten {
				return true
			}
			continue
		case f.group == "" || !names(e, me):
			continue
		case e.Kind == AdminAdded:
			all = true
		case e.Kind == AdminRemoved:
			all = false
		case e.Kind == OwnerChanged:
			all = e.Users[0] == me
		default:
			continue
		}
		if e.Version <= f.entered { // the copy is what the actor saw in another role
			return true
		}
	}
	return all == f.filter
}

// endsRight reports whether the right to follow ends with the event.
func (f *Follower) endsRight(e *Event) bool {
	switch {
	case f.group == "":
		return false
	case e.Kind == GroupDeleted:
		return true
	}
	return e.Kind == MemberLeft && names(e, f.actor.user)
}

// leave ends the follower with the error of the check. If the actor has joined again, it begins anew.
func (f *Follower) leave(ctx context.Context) error {
	err := f.actor.view(ctx, func(r store.Reader) error {
		v, err := f.actor.access(r, f.group)
		if err != nil {
			return err
		}
		return v.authorize(followGroup)
	})
	switch {
	case err == nil:
		f.leaving, f.refused, f.live = false, nil, 0
		f.begin(f.group)
	case errors.Is(err, ErrForbidden) || errors.Is(err, ErrNotFound):
		f.ended = wrap(OpFollow, f.group, err)
		return nil
	}
	return err
}

// readLog reads a page of the log of the group. What it reads lies before an event that is
// durable, or was committed before something that is.
func (f *Follower) readLog(ctx context.Context) error {
	var head record.Header
	var calls [][]delivery
	err := f.actor.eng.view(ctx, func(r store.Reader) (err error) {
		head, calls, err = logAfter(r, f.group, f.after)
		return err
	})
	if err == nil && f.after+1 < f.live && len(calls) == 0 && f.after+1 >= head.First {
		err = corrupt("the log of group %q has no event with version %d", string(f.group), f.after+1)
	}
	cut := err == nil && f.after+1 < head.First
	rewritten := f.after > 0 && f.rewritten < head.Rewritten
	switch {
	case err != nil && classOf(err) != ErrCorrupt:
		return err
	case f.refused != nil && (len(calls) == 0 || cut || rewritten):
		f.ended = f.refused
		return nil
	case err != nil:
		f.begin(f.group)
		return err
	case cut && !f.filter && head.State == record.Live:
		f.beginCut()
		return nil
	case cut || rewritten:
		f.begin(f.group)
		return nil
	}
	if head.Rewritten < f.live { // else what comes from the feed can have been rewritten later
		f.rewritten = max(f.rewritten, head.Rewritten)
	}
	for _, call := range calls {
		if f.state != nil || f.leaving || call[0].Version >= f.live {
			return nil
		}
		f.takeCall(eventsAfter(call, f.after), call[len(call)-1].Version)
	}
	return nil
}
