package groupkit

import (
	"context"

	"groupkit/internal/key"
	"groupkit/store"
)

// A Snapshot is the complete state of a group at one Version. Lists are sorted by user ID,
// except that requests and invitations are in the order in which they came, and files newest
// first. A snapshot also contains expired entries that were not yet
// removed: compare their times with the current time.
type Snapshot struct {
	Group        Group        `json:"group"`
	Announcement Announcement `json:"announcement,omitzero"`
	Members      []Member     `json:"members,omitzero"`
	Mutes        []Mute       `json:"mutes,omitzero"`
	Blacklist    []Block      `json:"blacklist,omitzero"`
	AllowList    []Allowed    `json:"allow_list,omitzero"`
	Requests     []Request    `json:"requests,omitzero"`
	Invitations  []Invitation `json:"invitations,omitzero"`
	Files        []File       `json:"files,omitzero"`
}

// Snapshot returns the complete state of the group at one instant. With the events after
// its Version, an application can keep a copy up to date.
//
// Allowed: owner, admin, system. Returns ErrGroupNotFound if the group does not exist or
// the actor cannot see it, ErrBlacklisted if the actor is on the blacklist, ErrNotMember
// if the actor is not a member, ErrRoleTooLow if the actor is not an admin.
func (a Actor) Snapshot(ctx context.Context, group GroupID) (out Snapshot, err error) {
	err = a.reading(ctx, OpGroup, group, nil, func(r store.Reader, v *access) error {
		out = Snapshot{}
		if err := v.authorize(readLog); err != nil {
			return err
		}
		s, err := loadState(r, key.Group(string(group)), renamingOf(v.head))
		if err != nil {
			return err
		}
		if err := s.requireCustom(group); err != nil {
			return err
		}
		out = s.snapshot(group)
		return nil
	})
	return out, err
}
