package groupkit

import (
	"context"
	"iter"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// A Snapshot is everything that is so of a group at one Version. Its lists are in the
// order of the users' ids, the files newest first. It holds also what has expired and
// has not been cleared away: compare the times.
type Snapshot struct {
	Group        Group
	Announcement Announcement
	Members      []Member
	Mutes        []Mute
	Blacklist    []Block
	AllowList    []Allowed
	Requests     []Request
	Invitations  []Invitation
	Files        []File
}

// Snapshot returns everything that is so of the group, as of one instant. With the
// events after its Version it is a copy that can be kept up to date.
//
// The system, the owner and admins may. It refuses with ErrGroupNotFound,
// ErrBlacklisted, ErrNotMember and ErrRoleTooLow.
func (a Actor) Snapshot(ctx context.Context, group GroupID) (out Snapshot, err error) {
	err = a.reading(ctx, OpGroup, group, nil, func(r store.Reader, v *look) error {
		if err := v.may(readLog); err != nil {
			return err
		}
		s, err := loadState(r, key.Group(string(group)))
		if err == nil {
			out = s.snapshot(group)
		}
		return err
	})
	return out, err
}

// Replay makes the changes that a log tells of, from its beginning, and returns what
// they lead to: the same that Snapshot returns, if the log is the whole one.
func Replay(log iter.Seq2[Event, error]) (Snapshot, error) {
	s := newState()
	var group GroupID
	for e, err := range log {
		if err != nil {
			return Snapshot{}, err
		}
		group = e.Group
		if e.Checkpoint != nil {
			s = e.Checkpoint.state()
			continue
		}
		call := record.Call{Actor: string(e.Actor), At: millisOrZero(e.At), Reason: e.Reason, Events: []record.Event{recordEvent(&e)}}
		s.apply(&call, &call.Events[0])
		s.number(&call)
	}
	return s.snapshot(group), nil
}
