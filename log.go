package groupkit

import (
	"context"
	"iter"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// The operation of Events.
const OpEvents Op = "read events"

// Events iterates over the audit log of the group, beginning with the given version. 0
// and 1 mean the beginning of the log. It ends after the last event. If Sweep has removed
// the version from the log (Options.Retention), the first event has the kind Checkpoint.
//
// Allowed: owner, admin, system. For a deleted group: only system. Returns
// ErrGroupNotFound if the group does not exist or the actor cannot see it, ErrBlacklisted
// if the actor is on the blacklist, ErrNotMember if the actor is not a member,
// ErrRoleTooLow if the actor is not an admin.
func (a Actor) Events(ctx context.Context, group GroupID, from uint64) iter.Seq2[Event, error] {
	return observeEach(ctx, a, OpEvents, group, func(a Actor) iter.Seq2[Event, error] { return a.events(ctx, group, from) })
}

func (a Actor) events(ctx context.Context, group GroupID, from uint64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		from := from
		for {
			page, more, err := a.eventsFrom(ctx, group, from)
			if err != nil {
				yield(Event{}, wrap(OpEvents, group, err))
				return
			}
			for _, e := range page {
				if !yield(e, nil) {
					return
				}
				from = max(from, e.Version+1)
			}
			if !more || len(page) == 0 {
				return
			}
		}
	}
}

// eventsFrom reads one page of the log.
func (a Actor) eventsFrom(ctx context.Context, group GroupID, from uint64) (page []Event, more bool, err error) {
	if err := a.check(group); err != nil {
		return nil, false, err
	}
	err = a.view(ctx, func(r store.Reader) error {
		page = nil
		v, err := a.mayReadLog(r, group)
		if err != nil {
			return err
		}
		all := store.Prefix(key.Of(string(group), key.Events))
		all.From, all.Limit = key.Event(string(group), from), 100
		pairs, m, err := r.Scan(all)
		if err != nil {
			return storage(err)
		}
		more = m
		if from < v.head.First {
			c, err := checkpointEvent(r, group, v.head)
			if err != nil {
				return err
			}
			if c != nil {
				page = append(page, *c)
			}
		}
		for _, p := range pairs {
			call, err := decodeDeliveries(group, renamingOf(v.head), p)
			if err != nil {
				return err
			}
			for _, d := range call {
				if d.Version >= from {
					page = append(page, d.Event)
				}
			}
		}
		return nil
	})
	return page, more, err
}

func (a Actor) mayReadLog(r store.Reader, group GroupID) (*access, error) {
	v, err := a.access(r, group)
	if err != nil {
		return nil, err
	}
	if v.system() && v.exists && isGone(v.head) {
		return v, nil
	}
	return v, v.authorize(readLog)
}

// checkpointEvent returns the first event of a log whose beginning was removed. It
// returns nil if the log is complete or has been removed completely. The checkpoint of a deleted
// group contains only what retention keeps of it.
func checkpointEvent(r store.Reader, group GroupID, h *record.Header) (*Event, error) {
	_, ok, err := r.Get(append(key.Of(string(group), key.Checkpoint), key.Header))
	if err != nil || !ok {
		return nil, storage(err)
	}
	s, err := loadState(r, key.Of(string(group), key.Checkpoint), renamingOf(h))
	if err != nil {
		return nil, err
	}
	if h.State == record.Deleted {
		s = &state{head: withoutUsers(&s.head)}
	} else if err := s.requireCustom(group); err != nil {
		return nil, err
	}
	snapshot := s.snapshot(group)
	return &Event{
		Group: group, Version: s.head.Version, Kind: Checkpoint, At: instant(s.head.Modified), Checkpoint: &snapshot,
		Last: true, // a checkpoint stands for whole calls
	}, nil
}
