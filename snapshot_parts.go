package groupkit

import (
	"context"
	"iter"

	"groupkit/store"
)

// SnapshotParts gives what Snapshot gives in parts, in bounded memory, however large the group
// is: events of the kind Checkpoint with the parts 0, 1, 2 …, and between them the events of the group
// that happen meanwhile. The last event is the part for which Event.Last is true. A [Replica] puts the
// parts together, and [Actor.LoadFrom] makes a group of them:
//
//	_, err := backup.System().LoadFrom(ctx, id, eng.System().SnapshotParts(ctx, id), groupkit.LoadOptions{})
//
// If a user is forgotten meanwhile, the parts begin anew, with part 0.
//
// Allowed: owner, admin, system. Returns the errors of [Actor.Snapshot], and ErrNested inside Atomic.
func (a Actor) SnapshotParts(ctx context.Context, group GroupID) iter.Seq2[Event, error] {
	return observeEach(ctx, a, OpSnapshotParts, group, func(a Actor) iter.Seq2[Event, error] { return a.snapshotParts(ctx, group) })
}

func (a Actor) snapshotParts(ctx context.Context, group GroupID) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		f, err := a.followState(ctx, group)
		if err != nil {
			yield(Event{}, wrap(OpSnapshotParts, group, err))
			return
		}
		defer f.Close()
		for {
			e, err := f.Next(ctx)
			if err == nil && f.filter {
				err = wrap(OpSnapshotParts, group, about(a.user, ErrRoleTooLow))
			}
			if err != nil {
				yield(Event{}, err)
				return
			}
			if !yield(e, nil) || e.Kind == Checkpoint && e.Last {
				return
			}
		}
	}
}

// followState returns a follower that begins with the present state.
func (a Actor) followState(ctx context.Context, group GroupID) (*Follower, error) {
	if err := a.check(group); err != nil {
		return nil, err
	}
	if a.tx != nil || a.eng.atomics.here() {
		return nil, ErrNested
	}
	f := &Follower{actor: a, group: group, feed: a.eng.broker.Join(string(group))}
	err := a.view(ctx, func(r store.Reader) error {
		v, err := a.access(r, group)
		if err != nil {
			return err
		}
		f.after, f.rewritten = v.head.Version, v.head.Rewritten
		return v.authorize(readLog)
	})
	if err == nil {
		f.live = f.feed.Start(f.after + 1)
		err = f.synced(ctx)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	f.begin(group)
	return f, nil
}
