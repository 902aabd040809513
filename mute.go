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
	User   UserID
	Until  time.Time // the first instant at which it holds no longer
	By     UserID    // "" is the system
	At     time.Time
	Reason string // what Because said
}

// An Allowed is an entry of a group's allow list: someone who may speak although
// the whole group is muted.
type Allowed struct {
	User   UserID
	By     UserID // "" is the system
	At     time.Time
	Reason string // what Because said
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

// Mutes iterates over the users who are muted now, in the order of their ids. Some
// may have left: a mute stays.
//
// The owner and admins may, and the system. It refuses with ErrGroupNotFound,
// ErrBlacklisted, ErrNotMember and ErrRoleTooLow.
func (a Actor) Mutes(ctx context.Context, group GroupID) iter.Seq2[Mute, error] {
	return each(ctx, a, group, muteList)
}

// MutesPage is one page of Mutes.
func (a Actor) MutesPage(ctx context.Context, group GroupID, page Page) ([]Mute, error) {
	return paged(ctx, a, group, muteList, page)
}

var muteList = listing[Mute]{OpListMutes, moderate, key.Muted, func(e *entry) (Mute, bool) {
	m := e.standing.Mute
	if !m.Holds(e.now) {
		return Mute{}, false
	}
	return muteOf(e.user, m), true
}}

// Mute forbids a member to speak for the duration, of which a part of a
// millisecond rounds up. Muting again replaces the end. A mute survives leaving and
// coming back. The time at which it ends is returned; with Forever, and for what
// would end later, that is 2116-12-31 16:00 UTC, 4638873600000 ms.
//
// The owner may mute admins and members, an admin members, the system both. It
// refuses with ErrInvalid (a duration of 0 or less that is not Forever),
// ErrNotMember, ErrIsOwner, ErrRoleTooLow and ErrListFull (Limits.MaxUsers).
func (a Actor) Mute(ctx context.Context, group GroupID, d time.Duration, user UserID) (time.Time, error) {
	r, err := a.one(ctx, muteUsersVerb, Command{Group: group, Users: []UserID{user}, Duration: d})
	return r.Until, err
}

// MuteUsers is Mute for up to Limits.Batch users; if nobody is muted, the call
// fails with the causes.
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
	until, _ := expiry(c.now, c.cmd.Duration) // the duration has been checked before
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

// Unmute lifts a mute, also of someone who has left.
//
// The owner may unmute admins and lower, an admin members and outsiders, the system
// everyone. It refuses with ErrRoleTooLow and ErrNotMuted.
func (a Actor) Unmute(ctx context.Context, group GroupID, user UserID) error {
	_, err := a.one(ctx, unmuteUsersVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

// UnmuteUsers is Unmute for up to Limits.Batch users; if nobody is unmuted, the
// call fails with the causes.
func (a Actor) UnmuteUsers(ctx context.Context, group GroupID, users []UserID) (Results, error) {
	return a.batch(ctx, unmuteUsersVerb, Command{Group: group, Users: users})
}

var unmuteUsersVerb = verb{op: OpUnmuteUsers, action: moderate, each: alone((*change).unmute)}

func (c *change) unmute(user UserID) error {
	t := c.standingOf(user)
	if Role(t.Role) != RoleOwner { // who is never muted
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

// MuteGroup mutes the whole group: only the owner, admins and users on the allow
// list may speak, until UnmuteGroup. A group that is muted already stays so, and
// nothing is logged.
//
// The owner and admins may, and the system.
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

// UnmuteGroup ends the mute of the whole group; mutes of single users stay.
//
// The owner and admins may, and the system.
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

// AllowList iterates over the users who may speak although the whole group is
// muted, in the order of their ids.
//
// The owner and admins may, and the system. It refuses with ErrGroupNotFound,
// ErrBlacklisted, ErrNotMember and ErrRoleTooLow.
func (a Actor) AllowList(ctx context.Context, group GroupID) iter.Seq2[Allowed, error] {
	return each(ctx, a, group, allowList)
}

// AllowListPage is one page of AllowList.
func (a Actor) AllowListPage(ctx context.Context, group GroupID, page Page) ([]Allowed, error) {
	return paged(ctx, a, group, allowList, page)
}

var allowList = listing[Allowed]{OpAllowList, moderate, key.Allowed, func(e *entry) (Allowed, bool) {
	return allowedOf(e.user, e.standing.Allow), true
}}

// Allow puts a member on the allow list. Leaving takes the member off again.
//
// The owner and admins may, and the system. It refuses with ErrNotMember,
// ErrAlreadyAllowed and ErrListFull (Limits.MaxUsers).
func (a Actor) Allow(ctx context.Context, group GroupID, user UserID) error {
	_, err := a.one(ctx, allowUsersVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

// AllowUsers is Allow for up to Limits.Batch users; if nobody is put on the list,
// the call fails with the causes.
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

// Disallow takes a user off the allow list.
//
// The owner and admins may, and the system. It refuses with ErrNotAllowed.
func (a Actor) Disallow(ctx context.Context, group GroupID, user UserID) error {
	_, err := a.one(ctx, disallowUsersVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

// DisallowUsers is Disallow for up to Limits.Batch users; if nobody is taken off
// the list, the call fails with the causes.
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
