package groupkit

import (
	"context"

	"groupkit/internal/feed"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// FollowAll follows the events of all groups from a position on: for search indexes, push
// services and copies. It gives every event at least once, and the events of each group in the
// order of their versions. Some can come again after a checkpoint, or when the application goes on from
// a position that it kept before it was interrupted. So pass over an event whose Version is not
// higher than that of the copy, and an event of a group without a copy, unless it is the creation or a
// checkpoint.
//
// If the log does not lead from the position to the present, because retention has removed events
// or because the position belongs to another history, everything begins anew. An event of the kind
// Checkpoint without a Group says so: forget all groups. Then come the checkpoints of all groups, and then
// the events after them. A position within that checkpoint can be kept too.
//
// A Pseudonymized or Repaired that comes after the deletion of its group has no checkpoint after it.
//
// On a shared store, Latest can give events that were committed shortly before. If the store does
// not know the order of its commits (store.Numberer), engines that follow all groups find it out: up to
// five times a second each makes the calls that are under way run again. With Options.ReadOnly an engine
// leaves that to the others: it gives what they have found out, at the latest after 20 seconds.
//
// Allowed: system.
// Returns ErrSystemOnly if the actor is a user, ErrNested inside Atomic, and ErrInvalid if the position is not valid.
func (a Actor) FollowAll(ctx context.Context, from Position) (*Follower, error) {
	return observeOne(ctx, a, OpFollow, "", func(Actor) (*Follower, error) { // as in Follow
		f, err := a.followAll(ctx, from)
		return f, wrap(OpFollow, "", err)
	})
}

func (a Actor) followAll(ctx context.Context, from Position) (*Follower, error) {
	if err := a.checkActor(); err != nil {
		return nil, err
	}
	if err := from.check(true); err != nil {
		return nil, err
	}
	if a.tx != nil || a.eng.atomics.here() {
		return nil, ErrNested
	}
	if a.user != "" {
		return nil, about(a.user, ErrSystemOnly)
	}
	f := &Follower{actor: a, feed: a.eng.broker.Join(""), place: from, reached: from}
	if err := f.startAll(ctx, from); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// startAll finds out where to begin; see start.
func (f *Follower) startAll(ctx context.Context, from Position) error {
	var end uint64
	if err := f.actor.eng.raiseFloor(ctx); err != nil {
		return err
	}
	err := f.actor.view(ctx, func(r store.Reader) (err error) {
		end, err = endOfCommits(r, f.actor.eng.shared)
		return err
	})
	if err != nil {
		return err
	}
	history := f.actor.eng.History()
	switch {
	case from == Latest():
		f.after = end - 1
		f.reach(Position{History: history, Version: f.after})
	case from.History != "" && from.History != history:
		f.walk = new(walk)
	default:
		f.after = from.Version
	}
	if from.Group != "" && from.History == history {
		f.walk = &walk{begun: true, commit: from.Version, group: from.Group}
	}
	f.live = f.feed.Start(end)
	if f.after+1 < f.live {
		return f.synced(ctx)
	}
	return nil
}

// readCommits reads what the logs have up to what the feed gives.
func (f *Follower) readCommits(ctx context.Context) error {
	parts, err := f.actor.eng.readFeeds(ctx, []feed.Position{{Next: f.after + 1, Before: f.live}})
	if err != nil {
		return err
	}
	part := parts[0]
	var call []Event
	for i := range part.Events {
		d := &part.Events[i]
		if d.Kind == 0 { // removed by retention, or damaged
			f.walk = new(walk)
			return nil
		}
		call = append(call, d.Event)
		if d.Last {
			f.takeCall(call, d.commit)
			call = nil
		}
		if f.state != nil {
			return nil
		}
	}
	f.after = max(f.after, part.Next-1)
	if !part.More {
		f.live = min(f.live, f.after+1)
	}
	return nil
}

// A walk gives the states of all groups, one after another, in the order of their keys. The
// events of all groups then continue from where the walk began. So some come again.
type walk struct {
	begun  bool
	commit uint64  // the number of the last call before the walk
	group  GroupID // the last group of which the state was given
}

// readWalk finds the next group, or ends the walk.
func (f *Follower) readWalk(ctx context.Context) error {
	w := f.walk
	if !w.begun {
		return f.beginWalk(ctx)
	}
	group, err := f.actor.nextGroup(ctx, w.group)
	if err != nil {
		return err
	}
	if group != "" {
		f.begin(group)
		return nil
	}
	if err := f.synced(ctx); err != nil {
		return err
	}
	f.after, f.walk = w.commit, nil
	f.reach(Position{History: f.actor.eng.History(), Version: w.commit})
	return nil
}

// beginWalk says that everything begins anew. Who then goes on from there has forgotten all groups, and
// must hear that again: the log may lead from the position before it to the present by then.
func (f *Follower) beginWalk(ctx context.Context) error {
	if err := f.actor.eng.raiseFloor(ctx); err != nil {
		return err
	}
	return f.actor.view(ctx, func(r store.Reader) error {
		end, err := endOfCommits(r, f.actor.eng.shared)
		if err != nil {
			return err
		}
		f.walk = &walk{begun: true, commit: end - 1}
		f.queue, f.reached = nil, Position{History: noHistory}
		f.give(Event{Kind: Checkpoint})
		return nil
	})
}

// nextGroup returns the next group that exists; "" if there is none.
func (a Actor) nextGroup(ctx context.Context, after GroupID) (next GroupID, err error) {
	err = a.view(ctx, func(r store.Reader) error {
		rng := store.Prefix(key.AllGroups())
		rng.Limit = 1
		if after != "" {
			rng.From = store.PrefixEnd(key.Group(string(after)))
		}
		for {
			next = ""
			page, _, err := r.Scan(rng)
			if err != nil || len(page) == 0 {
				return storage(err)
			}
			group, _, _, err := key.CutGroup(page[0].Key)
			if err != nil {
				return err
			}
			value, ok, err := r.Get(key.Of(group, key.Header))
			if err != nil {
				return storage(err)
			}
			if h, err := record.DecodeHeader(value); ok && err == nil && h.State == record.Live {
				next = GroupID(group)
				return nil
			}
			rng.From = store.PrefixEnd(key.Group(group))
		}
	})
	return next, err
}
