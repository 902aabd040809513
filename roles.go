package groupkit

import (
	"groupkit/internal/record"
)

// A Role is the position of a user in a group. The order is: owner > admin > member >
// outsider.
type Role uint8

// The roles. The numbers are part of the stored format. They do not define the order.
const (
	RoleOutsider Role = 0
	RoleMember   Role = 1
	RoleAdmin    Role = 2
	RoleOwner    Role = 3
)

// roles contains the rank of each role, by stored number. A new role takes the next number
// and any rank, because ranks are not stored. It also needs a word, and a column in the
// permission table.
var roles = [...]int{RoleOutsider: 0, RoleMember: 1, RoleAdmin: 2, RoleOwner: 3}

// String returns the name of the role.
func (r Role) String() string { return name(roleWords.words, int(r)) }

// rank returns the position of the role in the order. An unknown role has the rank of an
// outsider.
func (r Role) rank() int {
	if int(r) >= len(roles) {
		return 0
	}
	return roles[r]
}

// An action is a row of the permission table.
type action uint8

const (
	none             action = iota // not in the permission table
	seeGroup                       // see a public group
	seeMembers                     // see members, roles, announcement and files
	editProfile                    // change name, description, avatar, custom, announcement
	configure                      // change MaxUsers, MembersOnly, AllowInvites, InviteNeedConfirm
	manageGroup                    // delete, transfer, add and remove admins
	addMember                      // add members without their consent
	invite                         // invite
	answerInvitation               // join, accept or decline an invitation; an invited user can see a private group
	admit                          // answer join requests; list requests and invitations
	moderate                       // remove, block, unblock, mute, unmute; see the lists
	muteGroup                      // mute the whole group, change the allow list
	readLog                        // read the audit log
	followGroup                    // follow the group
	useFiles                       // upload, list and read files
	deleteFile                     // delete a file
	leave                          // leave the group
)

// A grant is a cell of the permission table: the permission of one role for one action.
type grant uint8

const (
	no      grant = iota
	yes           // for actions on users: only on users with a lower role
	ifOpen        // only in a private group with AllowInvites
	ifOwn         // only for files of the user
	ifAsked       // depends on Options.OwnerLeave
	never         // only the system
)

// grants is a row of the permission table. It has one column for each role.
type grants struct{ owner, admin, member, outsider grant }

// permissions is the permission table. The system has every permission. outranks checks
// whether the actor can act on a target.
var permissions = [...]grants{
	//            owner  admin  member  outsider
	seeGroup:         {yes, yes, yes, yes},
	seeMembers:       {yes, yes, yes, no},
	editProfile:      {yes, yes, no, no},
	configure:        {yes, no, no, no},
	manageGroup:      {yes, no, no, no},
	addMember:        {never, never, never, never},
	invite:           {yes, yes, ifOpen, no},
	answerInvitation: {yes, yes, yes, yes},
	admit:            {yes, yes, no, no},
	moderate:         {yes, yes, no, no},
	muteGroup:        {yes, yes, no, no},
	readLog:          {yes, yes, no, no},
	followGroup:      {yes, yes, yes, no},
	useFiles:         {yes, yes, yes, no},
	deleteFile:       {yes, yes, ifOwn, no},
	leave:            {ifAsked, yes, yes, no},
}

// to returns the grant for the role. An unknown role has the grant of an outsider.
func (g *grants) to(role Role) grant {
	switch role {
	case RoleOwner:
		return g.owner
	case RoleAdmin:
		return g.admin
	case RoleMember:
		return g.member
	}
	return g.outsider
}

func granted(what action, role Role) grant { return permissions[what].to(role) }

// An access is the state that permission checks need: one actor and one group, as read in
// one transaction. Every read and every change begins with it. The checks of an access do
// not read the store.
type access struct {
	exists bool
	head   *record.Header
	user   UserID // "" for the system
	me     *record.Standing
	now    int64
	policy OwnerPolicy

	version *uint64 // the version given to IfVersion, or nil
}

func (a *access) system() bool { return a.user == "" }

// role returns the role of the actor. The system has no role.
func (a *access) role() Role { return Role(a.me.Role) }

// visible refuses a group that the actor cannot see: the group does not exist, the actor is
// on its blacklist, or the group is private and the actor is not a member.
func (a *access) visible() error {
	switch {
	case !a.exists || a.head.State != record.Live:
		return ErrGroupNotFound
	case a.system():
		return nil
	case a.me.Block.Holds(a.now):
		return about(a.user, &BlockedError{instant(a.me.Block.Until)})
	case !a.head.Public && !a.me.Member():
		return ErrGroupNotFound
	}
	return nil
}

// visibleToInvitee is visible for actions that are open to invited users. A user with a
// pending invitation can see a private group.
func (a *access) visibleToInvitee() error {
	err := a.visible()
	if err == ErrGroupNotFound && a.exists && a.head.State == record.Live && a.me.Invitation.Holds(a.now) {
		return nil
	}
	return err
}

// authorize refuses an action that the permission table does not allow.
func (a *access) authorize(what action) error {
	if err := a.visible(); err != nil {
		return err
	}
	return a.permits(what)
}

// permits is authorize without the check that the actor can see the group.
func (a *access) permits(what action) error {
	if a.system() {
		return nil
	}
	switch granted(what, a.role()) {
	case yes, ifOwn:
		return nil
	case ifOpen:
		if !a.head.Public && a.head.AllowInvites {
			return nil
		}
	case never:
		return about(a.user, ErrSystemOnly)
	case ifAsked:
		if a.policy == OwnerSucceed {
			return nil
		}
		return about(a.user, ErrIsOwner)
	}
	if a.role() == RoleOutsider {
		return about(a.user, ErrNotMember)
	}
	return about(a.user, ErrRoleTooLow)
}

// mayInvite reports whether a user with the standing is allowed to invite. "" is the system.
func mayInvite(h *record.Header, user string, st *record.Standing) bool {
	a := access{head: h, user: UserID(user), me: st}
	return a.permits(invite) == nil
}

// checkVersion refuses a group that is not at the version given to IfVersion.
func (a *access) checkVersion() error {
	if a.version != nil && *a.version != a.head.Version {
		return &VersionError{Current: a.head.Version, Want: *a.version}
	}
	return nil
}

// outranks refuses a target whose role is not lower than the role of the actor. Nobody
// can remove, block or mute the owner, not even the system.
func (a *access) outranks(user UserID, target *record.Standing) error {
	switch {
	case Role(target.Role) == RoleOwner:
		return about(user, ErrIsOwner)
	case !a.system() && Role(target.Role).rank() >= a.role().rank():
		return about(user, ErrRoleTooLow)
	}
	return nil
}
