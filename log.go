package groupkit

import (
	"context"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
	"iter"
)

// The operation that read the log.
const OpEvents Op = "read events"

// Events iterates over the log of the group from the given version on; 0 and 1
// are the beginning of the log. It ends at the last event that there is when it
// gets there. Where retention has taken the version away it begins with an event of
// kind Checkpoint.
//
// The system, the owner and admins may. The log of a deleted group is open to the
// system alone. It refuses with ErrGroupNotFound, ErrBlacklisted, ErrNotMember
// and ErrRoleTooLow.
func (a Actor) Events(ctx context.Context, group GroupID, from uint64) iter.Seq2[Event, error] {
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
			c, err := checkpointEvent(r, group)
			if err != nil {
				return err
			}
			if c != nil {
				page = append(page, *c)
			}
		}
		for _, p := range pairs {
			events, err := decodeEvents(group, p)
			if err != nil {
				return err
			}
			for _, e := range events {
				if e.Version >= from {
					page = append(page, e)
				}
			}
		}
		return nil
	})
	return page, more, err
}

func (a Actor) mayReadLog(r store.Reader, group GroupID) (*look, error) {
	v, err := a.look(r, group)
	if err != nil {
		return nil, err
	}
	if v.system() && v.exists && v.head.State != record.Live {
		return v, nil
	}
	return v, v.may(readLog)
}

// checkpointEvent is the event that a log which has been cut begins with; nil if the
// log is whole, or gone altogether.
func checkpointEvent(r store.Reader, group GroupID) (*Event, error) {
	_, ok, err := r.Get(append(key.Of(string(group), key.Checkpoint), key.Header))
	if err != nil || !ok {
		return nil, storage(err)
	}
	s, err := loadState(r, key.Of(string(group), key.Checkpoint))
	if err != nil {
		return nil, err
	}
	snapshot := s.snapshot(group)
	return &Event{
		Group: group, Version: s.head.Version, Kind: Checkpoint, At: instant(s.head.Modified), Checkpoint: &snapshot,
	}, nil
}

// decodeEvents takes the record of one call apart.
func decodeEvents(group GroupID, p store.Pair) ([]Event, error) {
	last, err := lastVersion(p.Key)
	if err != nil {
		return nil, err
	}
	call, err := record.DecodeCall(p.Value)
	if err != nil {
		return nil, err
	}
	if uint64(len(call.Events)) > last {
		return nil, record.ErrCorrupt
	}
	events := make([]Event, len(call.Events))
	for i := range call.Events {
		events[i] = publicEvent(group, last-uint64(len(call.Events)-1-i), &call, &call.Events[i])
	}
	return events, nil
}
