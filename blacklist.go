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

// The operations on the blacklist.
const (
	OpBlockUsers   Op = "block"
	OpUnblockUsers Op = "unblock"
	OpBlacklist    Op = "list blacklist"
)

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

var blacklist = listing[Block]{OpBlacklist, moderate, key.Blocked, func(e *entry) (Block, bool) {
	m := e.standing.Block
	if !m.Holds(e.now) {
		return Block{}, false
	}
	return blockOf(e.user, m), true
}}

// Block puts a member on the blacklist: the user is a member no longer, sees
// nothing of the group, and cannot come back by any way until unblocked or until
// the block ends. It lasts for the duration, or for good with Forever; a mute
// stays. The time at which it ends is returned, zero if it does not.
//
// The owner may block admins and members, an admin members, the system both; with
// Options.BlockOutsiders all of them outsiders too. It refuses with ErrBlacklisted
// about a user who is blocked already, ErrNotMember, ErrUserNotFound, ErrIsOwner,
// ErrRoleTooLow and ErrListFull (Limits.MaxUsers).
func (a Actor) Block(ctx context.Context, group GroupID, d time.Duration, user UserID) (time.Time, error) {
	r, err := a.one(ctx, blockUsersVerb, Command{Group: group, Users: []UserID{user}, Duration: d})
	return r.Until, err
}

// BlockUsers is Block for up to Limits.Batch users; if nobody is blocked, the call
// fails with the causes.
func (a Actor) BlockUsers(ctx context.Context, group GroupID, d time.Duration, users []UserID) (Results, error) {
	return a.batch(ctx, blockUsersVerb, Command{Group: group, Users: users, Duration: d})
}

var blockUsersVerb = verb{
	op: OpBlockUsers, action: moderate, lasts: true,
	needs: needs{known: askOutsiders, counts: true, room: blockMark}, each: (*change).block,
}

func (c *change) block(user UserID) (Result, error) {
	if err := c.mayBlock(user); err != nil {
		return Result{}, err
	}
	var until int64
	if c.cmd.Duration != Forever {
		until, _ = expiry(c.now, c.cmd.Duration) // the duration has been checked before
	}
	c.expire(user)
	if err := c.makeRoom(blockMark, user); err != nil {
		return Result{}, err
	}
	if c.standingOf(user).Member() {
		c.endMembership(user, CauseBlocked)
	}
	c.lift(user, func(kind *markKind) bool { return kind.pending })
	c.recordEvent(record.Event{Kind: uint8(MemberBlocked), Users: []string{string(user)}, Until: until})
	return Result{Outcome: OutcomeDone, Until: instant(until)}, nil
}

func (c *change) mayBlock(user UserID) error {
	t := c.standingOf(user)
	switch {
	case t.Block.Holds(c.now):
		return about(user, ErrBlacklisted)
	case t.Member():
		return c.outranks(user, t)
	case !c.opts.BlockOutsiders:
		return about(user, ErrNotMember)
	}
	return c.known(user)
}

// Unblock takes a user off the blacklist. It makes nobody a member.
//
// The owner and admins may, and the system. It refuses with ErrNotBlacklisted.
func (a Actor) Unblock(ctx context.Context, group GroupID, user UserID) error {
	_, err := a.one(ctx, unblockUsersVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

// UnblockUsers is Unblock for up to Limits.Batch users; if nobody is unblocked,
// the call fails with the causes.
func (a Actor) UnblockUsers(ctx context.Context, group GroupID, users []UserID) (Results, error) {
	return a.batch(ctx, unblockUsersVerb, Command{Group: group, Users: users})
}

var unblockUsersVerb = verb{op: OpUnblockUsers, action: moderate, each: alone((*change).unblock)}

func (c *change) unblock(user UserID) error {
	if !c.standingOf(user).Block.Holds(c.now) {
		return about(user, ErrNotBlacklisted)
	}
	c.record(MemberUnblocked, user)
	return nil
}
