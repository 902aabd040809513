package groupkit

import (
	"context"
	"iter"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
)

// A Mute is an entry of a group's mute list.
type Mute struct {
	User   UserID    `json:"user"`
	Until  time.Time `json:"until,omitzero"`  // the end; at this instant the user can speak again
	By     UserID    `json:"by,omitzero"`     // who muted the user; "" is the system
	At     time.Time `json:"at,omitzero"`     // when the user was muted
	Reason string    `json:"reason,omitzero"` // from Because
}

// An Allowed is an entry of a group's allow list. The user can speak while the whole group
// is muted.
type Allowed struct {
	User   UserID    `json:"user"`
	By     UserID    `json:"by,omitzero"`     // who put the user on the list; "" is the system
	At     time.Time `json:"at,omitzero"`     // when the user was put on the list
	Reason string    `json:"reason,omitzero"` // from Because
}

// The operations on mutes and the allow list.
const (
	OpMuteUsers     Op = "mute"
	OpUnmuteUsers   Op = "unmute"
	OpListMutes     Op = "list mutes"
	OpMuteGroup     Op = "mute group"
	OpUnmuteGroup   Op = "unmute group"
	OpAllowUsers    Op = "allow"
	OpDisallowUsers Op = "disallow"
	OpAllowList     Op = "list allow list"
)

// Mutes iterates over the users who are muted now, sorted by user ID. Users who have left
// the group are included, because leaving does not end a mute.
//
// Allowed: owner, admin, system.
// Returns ErrGroupNotFound, ErrBlacklisted, ErrNotMember or ErrRoleTooLow; see [Actor].
func (a Actor) Mutes(ctx context.Context, group GroupID) iter.Seq2[Mute, error] {
	return each(ctx, a, group, muteList)
}

// MutesPage returns one page of Mutes, with the same permissions and errors.
func (a Actor) MutesPage(ctx context.Context, group GroupID, page Page) ([]Mute, error) {
	return paged(ctx, a, group, muteList, page)
}

// MutesFrom returns a part of Mutes and the cursor of the next part; see [From]. It has the same
// permissions and errors, and returns ErrInvalid if from is not valid.
func (a Actor) MutesFrom(ctx context.Context, group GroupID, from From) ([]Mute, string, error) {
	return listFrom(ctx, a, group, muteList, from)
}

var muteList = listing[Mute]{OpListMutes, moderate, key.Muted, func(e *entry) (Mute, bool) {
	m := e.standing.Mute
	if !m.Holds(e.now) {
		return Mute{}, false
	}
	return muteOf(e.user, m), true
}}

// Mute forbids a member to speak until the duration has passed. It returns the end of the
// mute. A fraction of a millisecond is rounded up. With Forever the mute ends at 2116-12-31
// 16:00 UTC (4638873600000 ms), and no mute ends later. If the member is already muted, the
// new mute replaces the old one. Leaving the group does not end a mute.
//
// Allowed: owner, admin, system. An admin can mute only plain members.
// Returns ErrInvalid if the duration is 0 or less and not Forever, ErrNotMember if the
// user is not a member, ErrIsOwner if the user is the owner, ErrRoleTooLow if an admin mutes
// an admin, ErrListFull if Limits.ListSize users are muted.
func (a Actor) Mute(ctx context.Context, group GroupID, d time.Duration, user UserID) (time.Time, error) {
	r, err := a.one(ctx, muteUsersVerb, Command{Group: group, Users: []UserID{user}, Duration: d})
	return r.Until, err
}

// MuteUsers is Mute for up to Limits.Batch users; see [Results]. It returns an error if no
// user was muted.
func (a Actor) MuteUsers(ctx context.Context, group GroupID, d time.Duration, users []UserID) (Results, error) {
	return a.batch(ctx, muteUsersVerb, Command{Group: group, Users: users, Duration: d})
}

var muteUsersVerb = verb{
	op: OpMuteUsers, action: moderate, lasts: true, needs: needs{room: muteMark}, each: (*change).mute,
}

func (c *change) mute(user UserID) (Result, error) {
	if err := c.refuseUntargetable(user); err != nil {
		return Result{}, err
	}
	until, _ := expiry(c.now, c.cmd.Duration) // no error: checkCommand checked the duration
	c.expire(user)
	var before int64
	if m := c.standingOf(user).Mute; m != nil {
		before = m.Until
	} else if err := c.makeRoom(muteMark, user); err != nil {
		return Result{}, err
	}
	c.recordEvent(record.Event{Kind: uint8(MemberMuted), Users: []string{string(user)}, Until: until, Before: []int64{before}})
	return Result{Outcome: OutcomeDone, Until: instant(until)}, nil
}

// Unmute ends the mute of a user. The user can be an outsider who was muted as a member.
//
// Allowed: owner, admin, system. An admin cannot unmute an admin.
// Returns ErrRoleTooLow if an admin unmutes an admin, ErrNotMuted if the user is not muted.
func (a Actor) Unmute(ctx context.Context, group GroupID, user UserID) error {
	_, err := a.one(ctx, unmuteUsersVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

// UnmuteUsers is Unmute for up to Limits.Batch users; see [Results]. It returns an error if
// no user was unmuted.
func (a Actor) UnmuteUsers(ctx context.Context, group GroupID, users []UserID) (Results, error) {
	return a.batch(ctx, unmuteUsersVerb, Command{Group: group, Users: users})
}

var unmuteUsersVerb = verb{op: OpUnmuteUsers, action: moderate, each: alone((*change).unmute)}

func (c *change) unmute(user UserID) error {
	t := c.standingOf(user)
	if Role(t.Role) != RoleOwner { // the owner is never muted, so the answer is ErrNotMuted
		if err := c.outranks(user, t); err != nil {
			return err
		}
	}
	if !t.Mute.Holds(c.now) {
		return about(user, ErrNotMuted)
	}
	c.record(MemberUnmuted, user)
	return nil
}

// MuteGroup mutes the whole group until UnmuteGroup. Only the owner, admins and members on
// the allow list can speak. If the group is already muted, the call changes nothing and
// writes no event.
//
// Allowed: owner, admin, system.
// Returns ErrGroupNotFound, ErrBlacklisted, ErrNotMember or ErrRoleTooLow; see [Actor].
func (a Actor) MuteGroup(ctx context.Context, group GroupID) error {
	_, err := a.change(ctx, muteGroupVerb, Command{Group: group})
	return err
}

var muteGroupVerb = verb{op: OpMuteGroup, action: muteGroup, rule: func(c *change) error {
	if !c.head.Muted {
		c.record(GroupMuted)
	}
	return nil
}}

// UnmuteGroup ends the mute of the whole group. Mutes of single users stay. If the group is
// not muted, the call changes nothing and writes no event.
//
// Allowed: owner, admin, system.
// Returns ErrGroupNotFound, ErrBlacklisted, ErrNotMember or ErrRoleTooLow; see [Actor].
func (a Actor) UnmuteGroup(ctx context.Context, group GroupID) error {
	_, err := a.change(ctx, unmuteGroupVerb, Command{Group: group})
	return err
}

var unmuteGroupVerb = verb{op: OpUnmuteGroup, action: muteGroup, rule: func(c *change) error {
	if c.head.Muted {
		c.record(GroupUnmuted)
	}
	return nil
}}

// AllowList iterates over the members on the allow list, sorted by user ID. They can speak
// while the whole group is muted.
//
// Allowed: owner, admin, system.
// Returns ErrGroupNotFound, ErrBlacklisted, ErrNotMember or ErrRoleTooLow; see [Actor].
func (a Actor) AllowList(ctx context.Context, group GroupID) iter.Seq2[Allowed, error] {
	return each(ctx, a, group, allowList)
}

// AllowListPage returns one page of AllowList, with the same permissions and errors.
func (a Actor) AllowListPage(ctx context.Context, group GroupID, page Page) ([]Allowed, error) {
	return paged(ctx, a, group, allowList, page)
}

// AllowListFrom returns a part of AllowList and the cursor of the next part; see [From]. It has the same
// permissions and errors, and returns ErrInvalid if from is not valid.
func (a Actor) AllowListFrom(ctx context.Context, group GroupID, from From) ([]Allowed, string, error) {
	return listFrom(ctx, a, group, allowList, from)
}

var allowList = listing[Allowed]{OpAllowList, moderate, key.Allowed, func(e *entry) (Allowed, bool) {
	return allowedOf(e.user, e.standing.Allow), true
}}

// Allow puts a member on the allow list. The end of the membership removes the member from
// the list.
//
// Allowed: owner, admin, system.
// Returns ErrNotMember if the user is not a member, ErrAlreadyAllowed if the user is on the
// list, ErrListFull if the list has Limits.ListSize entries.
func (a Actor) Allow(ctx context.Context, group GroupID, user UserID) error {
	_, err := a.one(ctx, allowUsersVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

// AllowUsers is Allow for up to Limits.Batch users; see [Results]. It returns an error if no
// user was put on the list.
func (a Actor) AllowUsers(ctx context.Context, group GroupID, users []UserID) (Results, error) {
	return a.batch(ctx, allowUsersVerb, Command{Group: group, Users: users})
}

var allowUsersVerb = verb{op: OpAllowUsers, action: muteGroup, each: alone((*change).allow)}

func (c *change) allow(user UserID) error {
	switch t := c.standingOf(user); {
	case !t.Member():
		return about(user, ErrNotMember)
	case t.Allow != nil:
		return about(user, ErrAlreadyAllowed)
	}
	if err := c.makeRoom(allowMark, user); err != nil {
		return err
	}
	c.record(MemberAllowed, user)
	return nil
}

// Disallow removes a member from the allow list.
//
// Allowed: owner, admin, system.
// Returns ErrNotAllowed if the user is not on the list.
func (a Actor) Disallow(ctx context.Context, group GroupID, user UserID) error {
	_, err := a.one(ctx, disallowUsersVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

// DisallowUsers is Disallow for up to Limits.Batch users; see [Results]. It returns an error
// if no user was removed from the list.
func (a Actor) DisallowUsers(ctx context.Context, group GroupID, users []UserID) (Results, error) {
	return a.batch(ctx, disallowUsersVerb, Command{Group: group, Users: users})
}

var disallowUsersVerb = verb{op: OpDisallowUsers, action: muteGroup, each: alone((*change).disallow)}

func (c *change) disallow(user UserID) error {
	if c.standingOf(user).Allow == nil {
		return about(user, ErrNotAllowed)
	}
	c.record(MemberDisallowed, user)
	return nil
}
