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
	return a.one(ctx, Command{Op: OpAddMembers, Group: group, Users: []UserID{user}}, (*unit).startSystem, (*unit).add)
}

// AddMembers is AddMember for up to Limits.Batch users. Those who are members
// already, or cannot be added, are reported; the rest join. If nobody joins, the
// call fails with the causes.
func (a Actor) AddMembers(ctx context.Context, group GroupID, users []UserID) (Results, error) {
	return a.batch(ctx, Command{Op: OpAddMembers, Group: group, Users: users}, (*unit).startSystem, plain((*unit).add))
}

func (u *unit) add(user UserID) error {
	if err := u.welcome(user); err != nil {
		return err
	}
	return u.admit(user, ByAdding)
}

// welcome refuses to bring in who is unknown, a member or blacklisted.
func (u *unit) welcome(user UserID) error {
	if err := u.known(user); err != nil {
		return err
	}
	switch t := u.of(user); {
	case t.Member():
		return about(user, ErrAlreadyMember)
	case t.Block.Holds(u.now):
		return about(user, ErrBlacklisted)
	}
	return nil
}

// admit makes a member of someone who is none, if there is room for both sides.
// A pending request or invitation ends.
func (u *unit) admit(user UserID, how How) error {
	h := &u.state.head
	if h.Members >= h.MaxUsers {
		return about(user, limited(ErrGroupFull, h.MaxUsers, h.Members))
	}
	if n := u.groups[string(user)]; n >= u.limits.JoinedGroups {
		return about(user, limited(ErrTooManyJoined, u.limits.JoinedGroups, n))
	}
	u.expire(user)
	if u.of(user).Request != nil {
		u.emit(pick(how == ByApproval, RequestApproved, RequestCancelled), user)
	}
	if u.of(user).Invitation != nil {
		u.emit(pick(how == ByInvitation, InvitationAccepted, InvitationCancelled), user)
	}
	u.append(record.Event{Kind: uint8(MemberJoined), How: uint8(how), Users: []string{string(user)}})
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
// refuses with ErrNotMember, ErrOwner and ErrRoleTooLow.
func (a Actor) RemoveMember(ctx context.Context, group GroupID, user UserID) error {
	return a.one(ctx, Command{Op: OpRemoveMembers, Group: group, Users: []UserID{user}}, starting(discipline), (*unit).remove)
}

// RemoveMembers is RemoveMember for up to Limits.Batch users; if nobody is
// removed, the call fails with the causes.
func (a Actor) RemoveMembers(ctx context.Context, group GroupID, users []UserID) (Results, error) {
	return a.batch(ctx, Command{Op: OpRemoveMembers, Group: group, Users: users}, starting(discipline), plain((*unit).remove))
}

func (u *unit) remove(user UserID) error {
	if err := u.subject(user); err != nil {
		return err
	}
	u.expel(user, ByRemoval)
	return nil
}

// expel ends a membership with all that hangs on it: the admin role and the entry
// of the allow list.
func (u *unit) expel(user UserID, how How) {
	t := u.of(user)
	if Role(t.Role) == RoleAdmin {
		u.emit(AdminRemoved, user)
	}
	if t.Allow != nil {
		u.emit(MemberDisallowed, user)
	}
	u.append(record.Event{Kind: uint8(MemberLeft), How: uint8(how), Users: []string{string(user)}})
}

// Leave ends the actor's own membership. A mute stays.
//
// Admins and members may; the owner as Options.OwnerLeave says: with OwnerRefuse it
// refuses with ErrOwner; with OwnerSucceed the longest-serving admin, else the
// longest-serving member, becomes the owner, and the group is deleted if there is
// no one. It refuses with ErrNotMember, and with ErrInvalid for the system.
func (a Actor) Leave(ctx context.Context, group GroupID) error {
	_, err := a.change(ctx, Command{Op: OpLeave, Group: group}, a.personal(), func(u *unit) error {
		if err := u.start(leave); err != nil {
			return err
		}
		if u.role() == RoleOwner && u.heir == "" {
			u.dissolve()
			return nil
		}
		if u.role() == RoleOwner {
			u.crown(u.heir)
		}
		u.expel(u.user, ByLeaving)
		return nil
	})
	return err
}
