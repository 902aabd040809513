package groupkit

import (
	"context"
	"iter"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// The operations on roles.
const (
	OpAddAdmin      Op = "add admin"
	OpRemoveAdmin   Op = "remove admin"
	OpListAdmins    Op = "list admins"
	OpTransferGroup Op = "transfer group"
	OpRole          Op = "read role"
)

// Role returns the role of a user in the group. A user who is not a member has the role
// RoleOutsider.
//
// Allowed: owner, admin, member, system. A user who can see the group can read its own role.
// Returns ErrGroupNotFound, ErrBlacklisted or ErrNotMember; see [Actor].
func (a Actor) Role(ctx context.Context, group GroupID, user UserID) (role Role, err error) {
	err = a.reading(ctx, OpRole, group, checkUserID(FieldUser, user), func(r store.Reader, v *access) error {
		role = RoleOutsider
		err := v.authorize(seeMembers)
		if user == a.user {
			err = v.visible()
		}
		if err != nil {
			return err
		}
		if user == a.user {
			role = v.role()
			return nil
		}
		st, err := loadStanding(r, group, user)
		role = Role(st.Role)
		return err
	})
	return role, err
}

// Admins iterates over the admins of the group, sorted by user ID. The owner is not
// included.
//
// Allowed: owner, admin, member, system.
// Returns ErrGroupNotFound, ErrBlacklisted or ErrNotMember; see [Actor].
func (a Actor) Admins(ctx context.Context, group GroupID) iter.Seq2[Member, error] {
	return each(ctx, a, group, adminList)
}

// AdminsPage returns one page of Admins, with the same permissions and errors.
func (a Actor) AdminsPage(ctx context.Context, group GroupID, page Page) ([]Member, error) {
	return paged(ctx, a, group, adminList, page)
}

// AdminsFrom returns a part of Admins and the cursor of the next part; see [From]. It has the same
// permissions and errors, and returns ErrInvalid if from is not valid.
func (a Actor) AdminsFrom(ctx context.Context, group GroupID, from From) ([]Member, string, error) {
	return listFrom(ctx, a, group, adminList, from)
}

var adminList = listing[Member]{OpListAdmins, seeMembers, key.Admins, func(l *entry) (Member, bool) {
	return publicMember(l), true
}}

// AddAdmin makes a member an admin.
//
// Allowed: owner, system.
// Returns ErrNotMember if the user is not a member, ErrIsOwner if the user is the owner,
// ErrAlreadyAdmin if the user is an admin, ErrTooManyAdmins if the owner and the admins
// together would be more than Limits.Admins.
func (a Actor) AddAdmin(ctx context.Context, group GroupID, user UserID) error {
	_, err := a.one(ctx, addAdminVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

var addAdminVerb = verb{op: OpAddAdmin, action: manageGroup, each: alone((*change).addAdmin)}

func (c *change) addAdmin(user UserID) error {
	switch t := c.standingOf(user); {
	case !t.Member():
		return about(user, ErrNotMember)
	case Role(t.Role) == RoleOwner:
		return about(user, ErrIsOwner)
	case Role(t.Role) == RoleAdmin:
		return about(user, ErrAlreadyAdmin)
	case c.state.head.Admins+1 >= c.limits.Admins:
		return about(user, limited(ErrTooManyAdmins, c.limits.Admins, c.state.head.Admins+1))
	}
	c.record(AdminAdded, user)
	return nil
}

// RemoveAdmin makes an admin a plain member. If plain members are not allowed to invite, the
// pending invitations that the user made are cancelled.
//
// Allowed: owner, system.
// Returns ErrNotMember if the user is not a member, ErrIsOwner if the user is the owner,
// ErrNotAdmin if the user is a plain member.
func (a Actor) RemoveAdmin(ctx context.Context, group GroupID, user UserID) error {
	_, err := a.one(ctx, removeAdminVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

var removeAdminVerb = verb{op: OpRemoveAdmin, action: manageGroup, needs: needs{losers: usersLose}, each: alone((*change).removeAdmin)}

func (c *change) removeAdmin(user UserID) error {
	switch t := c.standingOf(user); {
	case !t.Member():
		return about(user, ErrNotMember)
	case Role(t.Role) == RoleOwner:
		return about(user, ErrIsOwner)
	case Role(t.Role) != RoleAdmin:
		return about(user, ErrNotAdmin)
	}
	c.record(AdminRemoved, user)
	return nil
}

// TransferGroup makes a member the owner, and the previous owner a plain member. A mute of
// the new owner is lifted. If plain members are not allowed to invite, the pending invitations
// that the previous owner made are cancelled.
//
// Allowed: owner, system.
// Returns ErrNotMember if the user is not a member, ErrIsOwner if the user is already the
// owner.
func (a Actor) TransferGroup(ctx context.Context, group GroupID, to UserID) error {
	_, err := a.one(ctx, transferVerb, Command{Group: group, Users: []UserID{to}})
	return err
}

// transferVerb loads the owner, because the actor can be the system.
var transferVerb = verb{op: OpTransferGroup, action: manageGroup, needs: needs{owner: true, losers: ownerLoses}, each: alone((*change).transfer)}

func (c *change) transfer(to UserID) error {
	switch t := c.standingOf(to); {
	case !t.Member():
		return about(to, ErrNotMember)
	case Role(t.Role) == RoleOwner:
		return about(to, ErrIsOwner)
	}
	c.makeOwner(to)
	return nil
}

// makeOwner makes a member the owner, and the previous owner a plain member. It first ends
// the admin role and the mute of the new owner.
func (c *change) makeOwner(user UserID) {
	c.expire(user)
	if Role(c.standingOf(user).Role) == RoleAdmin {
		c.record(AdminRemoved, user)
	}
	if c.standingOf(user).Mute != nil {
		c.record(MemberUnmuted, user)
	}
	c.recordEvent(record.Event{Kind: uint8(OwnerChanged), Users: []string{string(user), c.state.head.Owner}})
}
