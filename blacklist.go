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
	User   UserID    `json:"user"`
	Until  time.Time `json:"until,omitzero"`  // the end; at this instant the user is no longer blocked; zero: permanent
	By     UserID    `json:"by,omitzero"`     // who blocked the user; "" is the system
	At     time.Time `json:"at,omitzero"`     // when the user was blocked
	Reason string    `json:"reason,omitzero"` // from Because
}

// The operations on the blacklist.
const (
	OpBlockUsers   Op = "block"
	OpUnblockUsers Op = "unblock"
	OpBlacklist    Op = "list blacklist"
)

// Blacklist iterates over the users who are blocked now, sorted by user ID.
//
// Allowed: owner, admin, system.
// Returns ErrGroupNotFound, ErrBlacklisted, ErrNotMember or ErrRoleTooLow; see [Actor].
func (a Actor) Blacklist(ctx context.Context, group GroupID) iter.Seq2[Block, error] {
	return each(ctx, a, group, blacklist)
}

// BlacklistPage returns one page of Blacklist, with the same permissions and errors.
func (a Actor) BlacklistPage(ctx context.Context, group GroupID, page Page) ([]Block, error) {
	return paged(ctx, a, group, blacklist, page)
}

// BlacklistFrom returns a part of Blacklist and the cursor of the next part; see [From]. It has the same
// permissions and errors, and returns ErrInvalid if from is not valid.
func (a Actor) BlacklistFrom(ctx context.Context, group GroupID, from From) ([]Block, string, error) {
	return listFrom(ctx, a, group, blacklist, from)
}

var blacklist = listing[Block]{OpBlacklist, moderate, key.Blocked, func(e *entry) (Block, bool) {
	m := e.standing.Block
	if !m.Holds(e.now) {
		return Block{}, false
	}
	return blockOf(e.user, m), true
}}

// Block puts a user on the blacklist, for the duration or permanently (Forever). It returns
// the end of the block, or the zero time if the block is permanent. The membership of the
// user ends, and so do a pending join request, a pending invitation, and the pending
// invitations that the user made. Until the block ends the user does not see the group and
// cannot become a member. A mute stays.
//
// Allowed: owner, admin, system. An admin can block only plain members. With
// Options.BlockOutsiders, all of them can block outsiders too.
// Returns ErrInvalid if the duration is 0 or less and not Forever, ErrBlacklisted if the
// user is already blocked, ErrIsOwner if the user is the owner, ErrRoleTooLow if an admin
// blocks an admin, ErrListFull if Limits.ListSize users are blocked. About an outsider it
// returns ErrNotMember without Options.BlockOutsiders, and ErrUserNotFound if
// Options.UserExists does not know the user.
func (a Actor) Block(ctx context.Context, group GroupID, d time.Duration, user UserID) (time.Time, error) {
	r, err := a.one(ctx, blockUsersVerb, Command{Group: group, Users: []UserID{user}, Duration: d})
	return r.Until, err
}

// BlockUsers is Block for up to Limits.Batch users; see [Results]. It returns an error if no
// user was blocked.
func (a Actor) BlockUsers(ctx context.Context, group GroupID, d time.Duration, users []UserID) (Results, error) {
	return a.batch(ctx, blockUsersVerb, Command{Group: group, Users: users, Duration: d})
}

var blockUsersVerb = verb{
	op: OpBlockUsers, action: moderate, lasts: true,
	needs: needs{known: askOutsiders, counts: true, losers: usersLose, room: blockMark}, each: (*change).block,
}

func (c *change) block(user UserID) (Result, error) {
	if err := c.refuseUnblockable(user); err != nil {
		return Result{}, err
	}
	var until int64
	if c.cmd.Duration != Forever {
		until, _ = expiry(c.now, c.cmd.Duration) // no error: checkCommand checked the duration
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

// refuseUnblockable returns an error if the actor cannot block the user.
func (c *change) refuseUnblockable(user UserID) error {
	t := c.standingOf(user)
	switch {
	case t.Block.Holds(c.now):
		return about(user, &BlockedError{instant(t.Block.Until)})
	case t.Member():
		return c.outranks(user, t)
	case !c.opts.BlockOutsiders:
		return about(user, ErrNotMember)
	}
	return c.known(user)
}

// Unblock removes a user from the blacklist. The user does not become a member.
//
// Allowed: owner, admin, system.
// Returns ErrNotBlacklisted if the user is not blocked.
func (a Actor) Unblock(ctx context.Context, group GroupID, user UserID) error {
	_, err := a.one(ctx, unblockUsersVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

// UnblockUsers is Unblock for up to Limits.Batch users; see [Results]. It returns an error
// if no user was unblocked.
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
