package groupkit

import (
	"context"
	"iter"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
)

// A Block is an entry of a group's blacklist.
type Block struct {
	User   UserID
	Until  time.Time // the first instant at which it holds no longer; zero: for good
	By     UserID    // "" is the system
	At     time.Time
	Reason string // what Because said
}

// Blacklist iterates over the users who are blocked now, in the order of their ids.
//
// The owner and admins may, and the system. It refuses with ErrGroupNotFound,
// ErrBlacklisted, ErrNotMember and ErrRoleTooLow.
func (a Actor) Blacklist(ctx context.Context, group GroupID) iter.Seq2[Block, error] {
	return each(ctx, a, group, blacklist)
}

// BlacklistPage is one page of Blacklist.
func (a Actor) BlacklistPage(ctx context.Context, group GroupID, page Page) ([]Block, error) {
	return paged(ctx, a, group, blacklist, page)
}

var blacklist = listing[Block]{OpBlacklist, discipline, key.Blocked, func(e *entry) (Block, bool) {
	m := e.standing.Block
	if !m.Holds(e.now) {
		return Block{}, false
	}
	return Block{User: e.user, Until: instant(m.Until), By: UserID(m.By), At: instant(m.At), Reason: m.Reason}, true
}}

// Block puts a member on the blacklist: the user is a member no longer, sees
// nothing of the group, and cannot come back by any way until unblocked or until
// the block ends. It lasts for the duration, or for good with Forever; a mute
// stays. The time at which it ends is returned, zero if it does not.
//
// The owner may block admins and members, an admin members, the system both; with
// Options.BlockOutsiders all of them outsiders too. It refuses with ErrBlacklisted
// about a user who is blocked already, ErrNotMember, ErrUserNotFound, ErrOwner,
// ErrRoleTooLow and ErrListFull (Limits.MaxGroupSize).
func (a Actor) Block(ctx context.Context, group GroupID, d time.Duration, user UserID) (time.Time, error) {
	cmd := Command{Op: OpBlockUsers, Group: group, Users: []UserID{user}, Duration: d}
	return a.timed(ctx, cmd, func(u *unit) (time.Time, error) { return u.block(d, user) })
}

// BlockUsers is Block for up to Limits.Batch users; if nobody is blocked, the call
// fails with the causes.
func (a Actor) BlockUsers(ctx context.Context, group GroupID, d time.Duration, users []UserID) (Results, error) {
	cmd := Command{Op: OpBlockUsers, Group: group, Users: users, Duration: d}
	return a.timedBatch(ctx, cmd, func(u *unit, user UserID) (r Result, err error) {
		r.Until, err = u.block(d, user)
		return r, err
	})
}

func (u *unit) block(d time.Duration, user UserID) (time.Time, error) {
	if err := u.mayBlock(user); err != nil {
		return time.Time{}, err
	}
	var until int64
	if d != Forever {
		until, _ = expiry(u.now, d) // the duration has been checked before
	}
	u.expire(user)
	if err := u.room(&u.head.Blocked, u.limits.MaxGroupSize, ErrListFull); err != nil {
		return time.Time{}, about(user, err)
	}
	t := u.of(user)
	if t.Member() {
		u.expel(user, ByBlock)
	}
	if t.Request != nil {
		u.emit(RequestCancelled, user)
	}
	if t.Invitation != nil {
		u.emit(InvitationCancelled, user)
	}
	u.append(record.Event{Kind: uint8(MemberBlocked), Users: []string{string(user)}, Until: until})
	return instant(until), nil
}

func (u *unit) mayBlock(user UserID) error {
	t := u.of(user)
	switch {
	case t.Block.Holds(u.now):
		return about(user, ErrBlacklisted)
	case t.Member():
		return u.outranks(user, t)
	case !u.opts.BlockOutsiders:
		return about(user, ErrNotMember)
	}
	return u.known(user)
}

// Unblock takes a user off the blacklist. It makes nobody a member.
//
// The owner and admins may, and the system. It refuses with ErrNotBlacklisted.
func (a Actor) Unblock(ctx context.Context, group GroupID, user UserID) error {
	return a.one(ctx, Command{Op: OpUnblockUsers, Group: group, Users: []UserID{user}}, starting(discipline), (*unit).unblock)
}

// UnblockUsers is Unblock for up to Limits.Batch users; if nobody is unblocked,
// the call fails with the causes.
func (a Actor) UnblockUsers(ctx context.Context, group GroupID, users []UserID) (Results, error) {
	return a.batch(ctx, Command{Op: OpUnblockUsers, Group: group, Users: users}, starting(discipline), plain((*unit).unblock))
}

func (u *unit) unblock(user UserID) error {
	if !u.of(user).Block.Holds(u.now) {
		return about(user, ErrNotBlacklisted)
	}
	u.emit(MemberUnblocked, user)
	return nil
}
