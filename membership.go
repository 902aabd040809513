package groupkit

import (
	"context"
	"iter"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
)

// A Member is a user in a group.
type Member struct {
	User       UserID
	Role       Role
	Joined     time.Time
	AdminSince time.Time // zero for those who are no admin
}

// The operations on members.
const (
	OpAddMembers    Op = "add member"
	OpRemoveMembers Op = "remove member"
	OpListMembers   Op = "list members"
	OpLeave         Op = "leave group"
)

// Members iterates over the members of the group in the order of their ids, the
// owner and admins among them. Whoever is a member from beginning to end is seen
// exactly once.
//
// The system and members may. It refuses with ErrGroupNotFound, ErrBlacklisted
// and ErrNotMember.
func (a Actor) Members(ctx context.Context, group GroupID) iter.Seq2[Member, error] {
	return each(ctx, a, group, memberList)
}

// MembersPage is one page of Members.
func (a Actor) MembersPage(ctx context.Context, group GroupID, page Page) ([]Member, error) {
	return paged(ctx, a, group, memberList, page)
}

var memberList = listing[Member]{OpListMembers, seeMembers, key.Members, func(e *entry) (Member, bool) {
	return publicMember(e), true
}}

// AddMember makes a user a member, whatever the group's flags say.
//
// The system alone may. It refuses with ErrUserNotFound, ErrAlreadyMember,
// ErrBlacklisted, ErrGroupFull (the group's MaxUsers) and ErrTooManyJoined
// (Limits.JoinedGroups).
func (a Actor) AddMember(ctx context.Context, group GroupID, user UserID) error {
	_, err := a.one(ctx, addMembersVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

// AddMembers is AddMember for up to Limits.Batch users. Those who are members
// already, or cannot be added, are reported; the rest join. If nobody joins, the
// call fails with the causes.
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

// refuseNonCandidate refuses to bring in who is unknown, a member or blacklisted.
func (c *change) refuseNonCandidate(user UserID) error {
	if err := c.known(user); err != nil {
		return err
	}
	switch t := c.standingOf(user); {
	case t.Member():
		return about(user, ErrAlreadyMember)
	case t.Block.Holds(c.now):
		return about(user, ErrBlacklisted)
	}
	return nil
}

// addMember makes a member of someone who is none, if there is room for both sides.
// A pending request or invitation ends.
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

func pick(first bool, a, b EventKind) EventKind {
	if first {
		return a
	}
	return b
}

// RemoveMember ends a membership. The user is not blocked, and a mute stays.
//
// The owner may remove admins and members, an admin members, the system both. It
// refuses with ErrNotMember, ErrIsOwner and ErrRoleTooLow.
func (a Actor) RemoveMember(ctx context.Context, group GroupID, user UserID) error {
	_, err := a.one(ctx, removeMembersVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

// RemoveMembers is RemoveMember for up to Limits.Batch users; if nobody is
// removed, the call fails with the causes.
func (a Actor) RemoveMembers(ctx context.Context, group GroupID, users []UserID) (Results, error) {
	return a.batch(ctx, removeMembersVerb, Command{Group: group, Users: users})
}

var removeMembersVerb = verb{
	op: OpRemoveMembers, action: moderate, needs: needs{counts: true}, each: alone((*change).remove),
}

func (c *change) remove(user UserID) error {
	if err := c.refuseUntargetable(user); err != nil {
		return err
	}
	c.endMembership(user, CauseRemoved)
	return nil
}

// endMembership ends a membership with all that hangs on it: the admin role and the entry
// of the allow list.
func (c *change) endMembership(user UserID, how Cause) {
	t := c.standingOf(user)
	if Role(t.Role) == RoleAdmin {
		c.record(AdminRemoved, user)
	}
	c.lift(user, func(kind *markKind) bool { return kind.membersOnly })
	c.recordEvent(record.Event{Kind: uint8(MemberLeft), Cause: uint8(how), Users: []string{string(user)}})
}

// Leave ends the actor's own membership. A mute stays.
//
// Admins and members may; the owner as Options.OwnerLeave says: with OwnerRefuse it
// refuses with ErrIsOwner; with OwnerSucceed the longest-serving admin, else the
// longest-serving member, becomes the owner, and the group is deleted if there is
// no one. It refuses with ErrNotMember, and with ErrInvalid for the system.
func (a Actor) Leave(ctx context.Context, group GroupID) error {
	_, err := a.change(ctx, leaveVerb, Command{Group: group})
	return err
}

var leaveVerb = verb{
	op: OpLeave, action: leave, personal: true,
	needs: needs{counts: true, total: true, leaver: func(c *change) UserID {
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
