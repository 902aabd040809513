package groupkit

import (
	"context"
	"iter"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
)

// A Member is a user in a group, in any role.
type Member struct {
	User       UserID    `json:"user"`
	Role       Role      `json:"role"`
	Joined     time.Time `json:"joined,omitzero"`      // when the current membership began
	AdminSince time.Time `json:"admin_since,omitzero"` // zero if the member is not an admin
}

// The operations on members.
const (
	OpAddMembers    Op = "add member"
	OpRemoveMembers Op = "remove member"
	OpListMembers   Op = "list members"
	OpLeave         Op = "leave group"
)

// Members iterates over the members of the group, sorted by user ID. The owner and the
// admins are included. A user who is a member throughout is seen exactly once.
//
// Allowed: owner, admin, member, system.
// Returns ErrGroupNotFound, ErrBlacklisted or ErrNotMember; see [Actor].
func (a Actor) Members(ctx context.Context, group GroupID) iter.Seq2[Member, error] {
	return each(ctx, a, group, memberList)
}

// MembersPage returns one page of Members, with the same permissions and errors.
func (a Actor) MembersPage(ctx context.Context, group GroupID, page Page) ([]Member, error) {
	return paged(ctx, a, group, memberList, page)
}

// MembersFrom returns a part of Members and the cursor of the next part; see [From]. It has the same
// permissions and errors, and returns ErrInvalid if from is not valid.
func (a Actor) MembersFrom(ctx context.Context, group GroupID, from From) ([]Member, string, error) {
	return listFrom(ctx, a, group, memberList, from)
}

var memberList = listing[Member]{OpListMembers, seeMembers, key.Members, func(e *entry) (Member, bool) {
	return publicMember(e), true
}}

// AddMember makes a user a member without asking the user. The settings of the group, such
// as MembersOnly and InviteNeedConfirm, do not apply. A pending join request and a pending
// invitation of the user end.
//
// Allowed: system.
// Returns ErrUserNotFound if Options.UserExists does not know the user, ErrAlreadyMember if
// the user is a member, ErrBlacklisted if the user is blocked, ErrGroupFull if the group has
// MaxUsers members, ErrTooManyJoined if the user is in Limits.JoinedGroups groups.
func (a Actor) AddMember(ctx context.Context, group GroupID, user UserID) error {
	_, err := a.one(ctx, addMembersVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

// AddMembers is AddMember for up to Limits.Batch users; see [Results]. It returns an error if
// no user was added.
func (a Actor) AddMembers(ctx context.Context, group GroupID, users []UserID) (Results, error) {
	return a.batch(ctx, addMembersVerb, Command{Group: group, Users: users})
}

var addMembersVerb = verb{
	op: OpAddMembers, action: addMember, needs: needs{known: askUsers, counts: true}, each: alone((*change).add),
}

func (c *change) add(user UserID) error {
	if err := c.refuseNonCandidate(user); err != nil {
		return err
	}
	return c.addMember(user, CauseAdded)
}

// refuseNonCandidate returns an error if the user cannot become a member: the application
// does not know the user, or the user is a member or blocked.
func (c *change) refuseNonCandidate(user UserID) error {
	if err := c.known(user); err != nil {
		return err
	}
	switch t := c.standingOf(user); {
	case t.Member():
		return about(user, ErrAlreadyMember)
	case t.Block.Holds(c.now) && c.permits(moderate) == nil:
		return about(user, &BlockedError{instant(t.Block.Until)})
	case t.Block.Holds(c.now):
		return about(user, &BlockedError{}) // the actor cannot see the blacklist
	}
	return nil
}

// addMember makes a member of a user who passed refuseNonCandidate. It checks the limit of
// the group and the limit of the user. A pending request and a pending invitation end.
func (c *change) addMember(user UserID, how Cause) error {
	h := &c.state.head
	if h.Members >= h.MaxUsers {
		return about(user, limited(ErrGroupFull, h.MaxUsers, h.Members))
	}
	if n := c.groups[string(user)]; n >= c.limits.JoinedGroups {
		return about(user, limited(ErrTooManyJoined, c.limits.JoinedGroups, n))
	}
	c.expire(user)
	if c.standingOf(user).Request != nil {
		c.record(pick(how == CauseApproved, RequestApproved, RequestCancelled), user)
	}
	if c.standingOf(user).Invitation != nil {
		c.record(pick(how == CauseInvited, InvitationAccepted, InvitationCancelled), user)
	}
	c.recordEvent(record.Event{Kind: uint8(MemberJoined), Cause: uint8(how), Users: []string{string(user)}})
	return nil
}

// pick returns a if first is true, otherwise b.
func pick(first bool, a, b EventKind) EventKind {
	if first {
		return a
	}
	return b
}

// RemoveMember ends the membership of a user. It does not block the user. A mute stays. The
// pending invitations that the user made are cancelled.
//
// Allowed: owner, admin, system. An admin can remove only plain members.
// Returns ErrNotMember if the user is not a member, ErrIsOwner if the user is the owner,
// ErrRoleTooLow if an admin removes an admin.
func (a Actor) RemoveMember(ctx context.Context, group GroupID, user UserID) error {
	_, err := a.one(ctx, removeMembersVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

// RemoveMembers is RemoveMember for up to Limits.Batch users; see [Results]. It returns an
// error if no user was removed.
func (a Actor) RemoveMembers(ctx context.Context, group GroupID, users []UserID) (Results, error) {
	return a.batch(ctx, removeMembersVerb, Command{Group: group, Users: users})
}

var removeMembersVerb = verb{
	op: OpRemoveMembers, action: moderate, needs: needs{counts: true, losers: usersLose}, each: alone((*change).remove),
}

func (c *change) remove(user UserID) error {
	if err := c.refuseUntargetable(user); err != nil {
		return err
	}
	c.endMembership(user, CauseRemoved)
	return nil
}

// endMembership ends a membership, and what only a member can have: the admin role and the
// entry of the allow list. It ends these first, so that their events come first.
func (c *change) endMembership(user UserID, how Cause) {
	t := c.standingOf(user)
	if Role(t.Role) == RoleAdmin {
		c.record(AdminRemoved, user)
	}
	c.lift(user, func(kind *markKind) bool { return kind.membersOnly })
	c.recordEvent(record.Event{Kind: uint8(MemberLeft), Cause: uint8(how), Users: []string{string(user)}})
}

// Leave ends the membership of the actor. A mute stays. The pending invitations that the actor
// made are cancelled.
//
// The owner can leave only if Options.OwnerLeave is OwnerSucceed. Then the admin with the
// longest membership becomes the owner, or the member with the longest membership if there
// is no admin. If the owner is the only member, the group is deleted.
//
// Allowed: admin, member; owner with OwnerSucceed.
// Returns ErrIsOwner if the actor is the owner and Options.OwnerLeave is OwnerRefuse,
// ErrNotMember if the actor is not a member, ErrInvalid if the actor is the system.
func (a Actor) Leave(ctx context.Context, group GroupID) error {
	_, err := a.change(ctx, leaveVerb, Command{Group: group})
	return err
}

var leaveVerb = verb{
	op: OpLeave, action: leave, personal: true,
	needs: needs{counts: true, total: true, losers: actorLoses, leaver: func(c *change) UserID {
		if c.policy == OwnerSucceed {
			return c.user
		}
		return ""
	}},
	rule: (*change).leave,
}

func (c *change) leave() error {
	if c.role() == RoleOwner && c.loaded.heir == "" {
		c.markDeleted()
		return nil
	}
	if c.role() == RoleOwner {
		c.makeOwner(c.loaded.heir)
	}
	c.endMembership(c.user, CauseLeft)
	return nil
}
