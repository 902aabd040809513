package groupkit

import (
	"groupkit/internal/record"
)

// A Role is what a user is in a group: owner > admin > member > outsider.
type Role uint8

// The roles. The numbers are part of the stored format, and say nothing about the order.
const (
	RoleOutsider Role = 0
	RoleMember   Role = 1
	RoleAdmin    Role = 2
	RoleOwner    Role = 3
)

// roles are the roles by their stored numbers. A role that is added takes the next number
// and any rank, as ranks are not stored; it also needs a column in the permission table.
var roles = [...]struct {
	name string
	rank int
}{
	RoleOutsider: {"outsider", 0},
	RoleMember:   {"member", 1},
	RoleAdmin:    {"admin", 2},
	RoleOwner:    {"owner", 3},
}

// String names the role in a word.
func (r Role) String() string {
	if int(r) >= len(roles) {
		return "unknown"
	}
	return roles[r].name
}

// rank gives the roles their order; a role that does not exist ranks with outsiders.
func (r Role) rank() int {
	if int(r) >= len(roles) {
		return 0
	}
	return roles[r].rank
}

// An action is what the permission table knows: one line of it.
type action uint8

const (
	none             action = iota // nothing that the table judges
	seeGroup                       // a public group: its details
	seeMembers                     // members, announcement, files, roles of others
	editProfile                    // change name, description, avatar, custom, announcement
	configure                      // change MaxUsers, MembersOnly, AllowInvites, InviteNeedConfirm
	manageGroup                    // delete, transfer, appoint and dismiss admins
	addMember                      // bring in without asking
	invite                         // invite
	answerInvitation               // join, or answer an invitation: a private group is there for who has one
	admit                          // answer join requests, see them and invitations
	moderate                       // remove, block, mute and their opposites; see the lists
	muteGroup                      // mute the whole group, edit the allow list
	readLog                        // read the audit log
	useFiles                       // upload, list, download files
	deleteFile                     // delete a file
	leave                          // leave
)

// A grant is what the table says of an action and a role.
type grant uint8

const (
	no      grant = iota
	yes           // on users: on those of a lower role
	ifOpen        // in a private group with AllowInvites
	ifOwn         // what is the user's own
	ifAsked       // as the option OwnerLeave says
	never         // the system alone
)

// grants is a line of the permission table: a column for each role.
type grants struct{ owner, admin, member, outsider grant }

// permissions says who may do what. The system may do everything; which targets an
// actor reaches is the business of outranks.
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
	useFiles:         {yes, yes, yes, no},
	deleteFile:       {yes, yes, ifOwn, no},
	leave:            {ifAsked, yes, yes, no},
}

// to is the column of the role; the outsider's for a role that has none.
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

// A look is one actor before one group: what every permission check needs.
type look struct {
	exists bool
	head   *record.Header
	user   UserID // "" is the system
	me     *record.Standing
	now    int64
	policy OwnerPolicy

	version *uint64 // what IfVersion said
}

func (l *look) system() bool { return l.user == "" }

// role is the role of the actor; the system has none.
func (l *look) role() Role { return Role(l.me.Role) }

// found refuses a group that is not there for the actor: it does not exist, it
// blacklists the user, or it is private and the user no member.
func (l *look) found() error {
	switch {
	case !l.exists || l.head.State != record.Live:
		return ErrGroupNotFound
	case l.system():
		return nil
	case l.me.Block.Holds(l.now):
		return about(l.user, ErrBlacklisted)
	case !l.head.Public && !l.me.Member():
		return ErrGroupNotFound
	}
	return nil
}

// invited is found for the verbs that are open to who has an invitation: to such
// a user a private group is there.
func (l *look) invited() error {
	err := l.found()
	if err == ErrGroupNotFound && l.exists && l.head.State == record.Live && l.me.Invitation.Holds(l.now) {
		return nil
	}
	return err
}

// may refuses what the permission table does not grant the actor.
func (l *look) may(what action) error {
	if err := l.found(); err != nil {
		return err
	}
	return l.allows(what)
}

// allows is may for a group that is there.
func (l *look) allows(what action) error {
	if l.system() {
		return nil
	}
	switch granted(what, l.role()) {
	case yes, ifOwn:
		return nil
	case ifOpen:
		if !l.head.Public && l.head.AllowInvites {
			return nil
		}
	case never:
		return about(l.user, ErrSystemOnly)
	case ifAsked:
		if l.policy == OwnerSucceed {
			return nil
		}
		return about(l.user, ErrOwner)
	}
	if l.role() == RoleOutsider {
		return about(l.user, ErrNotMember)
	}
	return about(l.user, ErrRoleTooLow)
}

// unchanged refuses a group that is not at the version that IfVersion said.
func (l *look) unchanged() error {
	if l.version != nil && *l.version != l.head.Version {
		return &VersionError{Current: l.head.Version, Want: *l.version}
	}
	return nil
}

// outranks refuses a target whose role is not strictly lower than the actor's.
// Nobody, not even the system, removes, blocks or mutes the owner.
func (l *look) outranks(user UserID, target *record.Standing) error {
	switch {
	case Role(target.Role) == RoleOwner:
		return about(user, ErrOwner)
	case !l.system() && Role(target.Role).rank() >= l.role().rank():
		return about(user, ErrRoleTooLow)
	}
	return nil
}
