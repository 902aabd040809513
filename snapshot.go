package groupkit

import (
	"context"
	"iter"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// A Snapshot is the complete state of a group at one Version. Lists are sorted by user
// ID, files newest first. A snapshot also contains expired entries that were not yet
// removed: compare their times with the current time.
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

// Snapshot returns the complete state of the group at one instant. With the events after
// its Version, an application can keep a copy up to date.
//
// Allowed: owner, admin, system. Returns ErrGroupNotFound if the group does not exist or
// the actor cannot see it, ErrBlacklisted if the actor is on the blacklist, ErrNotMember
// if the actor is not a member, ErrRoleTooLow if the actor is not an admin.
func (a Actor) Snapshot(ctx context.Context, group GroupID) (out Snapshot, err error) {
	err = a.reading(ctx, OpGroup, group, nil, func(r store.Reader, v *access) error {
		if err := v.authorize(readLog); err != nil {
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

// Replay applies the events of a log and returns the resulting state. The log must begin
// with version 1 or with a checkpoint. The complete log gives the result of Snapshot.
// Returns the error of the log, unchanged.
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
		s.advance(&call)
	}
	return s.snapshot(group), nil
}
