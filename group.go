package groupkit

import (
	"context"
	"strconv"
	"time"

	"groupkit/internal/record"
)

// A Group is a copy of the details of a group at the time of the read.
type Group struct {
	ID          GroupID `json:"id"`
	Name        string  `json:"name,omitzero"`        // 1 to 128 characters, at least one visible, no control characters
	Description string  `json:"description,omitzero"` // 0 to 512 characters; of control characters only line breaks and tabs
	Avatar      string  `json:"avatar,omitzero"`      // 0 to 1024 characters, as a description
	Custom      string  `json:"custom,omitzero"`      // 0 to 8192 bytes of UTF-8; the engine does not interpret it

	// Public: every user can see the group and join it, except users on its blacklist. A
	// group that is not public is private: it is hidden from outsiders. Public does not
	// change after the creation.
	Public bool `json:"public,omitzero"`

	// MembersOnly applies to public groups: Join creates a join request.
	MembersOnly bool `json:"members_only,omitzero"`

	// AllowInvites applies to private groups: plain members can invite.
	AllowInvites bool `json:"allow_invites,omitzero"`

	// InviteNeedConfirm: an invited user becomes a member only by accepting. Otherwise an
	// invitation makes the user a member at once.
	InviteNeedConfirm bool `json:"invite_need_confirm,omitzero"`

	MaxUsers     int       `json:"max_users,omitzero"` // the owner counts
	Owner        UserID    `json:"owner,omitzero"`
	MemberCount  int       `json:"member_count,omitzero"` // the owner counts
	AdminCount   int       `json:"admin_count,omitzero"`  // the owner does not count
	Muted        bool      `json:"muted,omitzero"`        // the whole group is muted
	Created      time.Time `json:"created,omitzero"`
	LastModified time.Time `json:"last_modified,omitzero"` // the time of the last event
	Version      uint64    `json:"version,omitzero"`       // the number of the last event; each event adds one

	// RequestCount and InvitationCount are the numbers of pending join requests and pending
	// invitations, without expired ones. They are 0 for everyone except owner, admin and system,
	// and in a Snapshot, which contains the requests and invitations.
	RequestCount    int `json:"request_count,omitzero"`
	InvitationCount int `json:"invitation_count,omitzero"`
}

// A NewGroup is the argument of CreateGroup.
type NewGroup struct {
	// ID can be chosen by the system only; see GroupID. Default: a new UUID of version 7.
	ID GroupID `json:"id,omitzero"`

	Name        string `json:"name,omitzero"`
	Description string `json:"description,omitzero"`
	Avatar      string `json:"avatar,omitzero"`
	Custom      string `json:"custom,omitzero"`

	Public       bool `json:"public,omitzero"`
	MembersOnly  bool `json:"members_only,omitzero"`
	AllowInvites bool `json:"allow_invites,omitzero"` // stored as false for a public group

	// InviteNeedConfirm: see Group. Default: true.
	InviteNeedConfirm *bool `json:"invite_need_confirm,omitzero"`

	// MaxUsers is 1 to Limits.MaxUsers (10,000 by default).
	// Default: Limits.DefaultMaxUsers (200 by default).
	MaxUsers int `json:"max_users,omitzero"`

	// Owner is the owner of the group. The system must set it. Default: the acting user.
	Owner UserID `json:"owner,omitzero"`

	// Members are up to Limits.NewMembers (100 by default) users besides the owner. They
	// become members at once if the actor is the system or InviteNeedConfirm is false.
	// Otherwise they are invited.
	Members []UserID `json:"members,omitzero"`
}

// A GroupUpdate contains the fields to change. A nil field is not changed. new(value)
// returns a pointer to a value.
type GroupUpdate struct {
	Name              *string `json:"name,omitzero"`
	Description       *string `json:"description,omitzero"`
	Avatar            *string `json:"avatar,omitzero"`
	Custom            *string `json:"custom,omitzero"`
	MaxUsers          *int    `json:"max_users,omitzero"`
	MembersOnly       *bool   `json:"members_only,omitzero"`
	AllowInvites      *bool   `json:"allow_invites,omitzero"`
	InviteNeedConfirm *bool   `json:"invite_need_confirm,omitzero"`
}

// The operations that make, change and delete groups.
const (
	OpCreateGroup Op = "create group"
	OpUpdateGroup Op = "update group"
	OpDeleteGroup Op = "delete group"
)

// CreateGroup creates a group with its owner and its first members, all or nothing.
//
// Allowed: every user, with itself as the owner; system, with any owner. Only the system can
// choose the ID.
// Returns ErrInvalid with every field that is not valid, ErrSystemOnly if a user chooses the
// ID or another owner, ErrUserNotFound if Options.UserExists does not know a user,
// ErrGroupExists if the ID is taken or belonged to a deleted group, ErrTooManyGroups if
// there are Limits.Groups groups, ErrBatchTooLarge if there are more than Limits.NewMembers
// members, ErrGroupFull if the owner and the members are more than MaxUsers,
// ErrTooManyJoined if the owner or a member is in Limits.JoinedGroups groups,
// ErrTooManyInvitations if more than Limits.Invitations users are invited.
func (a Actor) CreateGroup(ctx context.Context, group NewGroup) (out Group, err error) {
	err = a.observe(ctx, OpCreateGroup, group.ID, 1+len(group.Members), func(a Actor) (err error) {
		out, err = a.createGroup(ctx, group)
		return err
	})
	return out, err
}

func (a Actor) createGroup(ctx context.Context, group NewGroup) (Group, error) {
	group, err := a.complete(group)
	if err != nil {
		return Group{}, wrap(OpCreateGroup, group.ID, err)
	}
	id := group.ID
	if id == "" {
		_, text, err := a.eng.newID()
		if err != nil {
			return Group{}, wrap(OpCreateGroup, "", err)
		}
		id = GroupID(text.String())
	}
	cmd := Command{Group: id, Users: append([]UserID{group.Owner}, group.Members...), New: &group}
	out, err := a.change(ctx, createGroupVerb, cmd)
	return out.group, err
}

var createGroupVerb = verb{
	op: OpCreateGroup, needs: needs{creates: true, known: askUsers, counts: true, total: true},
	rule: (*change).create,
	answer: func(c *change) {
		c.reply.group = publicGroup(c.id, c.head, c.state.custom)
		c.reply.group.InvitationCount = c.head.Invitations
	},
}

// complete checks a new group and sets the defaults of the fields that are empty.
func (a Actor) complete(g NewGroup) (NewGroup, error) {
	if err := a.checkActor(); err != nil {
		return g, err
	}
	l := &a.eng.limits
	if g.Owner == "" {
		g.Owner = a.user
	}
	if g.MaxUsers == 0 {
		g.MaxUsers = l.DefaultMaxUsers
	}
	if g.InviteNeedConfirm == nil {
		g.InviteNeedConfirm = new(true)
	}
	g.AllowInvites = g.AllowInvites && !g.Public
	g.Members = others(g.Owner, g.Members, l.NewMembers+1)
	if len(g.Members) > l.NewMembers {
		return g, limited(ErrBatchTooLarge, l.NewMembers, len(g.Members))
	}
	errs := []error{
		checkName(FieldName, g.Name, l.Name),
		checkText(FieldDescription, g.Description, l.Description),
		checkText(FieldAvatar, g.Avatar, l.Avatar),
		checkCustom(g.Custom, l.Custom),
		l.checkMaxUsers(g.MaxUsers),
		checkUserID(FieldOwner, g.Owner),
	}
	if g.ID != "" {
		errs = append(errs, checkGroupID(g.ID))
	}
	for _, user := range g.Members {
		errs = append(errs, checkUserID(FieldUser, user))
	}
	if err := joinFields(errs); err != nil {
		return g, err
	}
	if a.user != "" && g.ID != "" {
		return g, about(a.user, ErrSystemOnly)
	}
	if a.user != "" && g.Owner != a.user {
		return g, about(a.user, ErrSystemOnly)
	}
	return g, nil
}

// others returns the users without the owner and without duplicates, in order, and not more than
// most of them: the others are not looked at.
func others(owner UserID, users []UserID, most int) []UserID {
	var out []UserID
	start := func(u UserID) UserID { return u[:min(len(u), maxID+1)] } // what is longer is refused later, and is not read to its end
	known := map[UserID]bool{start(owner): true}
	for _, user := range users {
		if len(out) == most {
			break
		}
		if !known[start(user)] {
			known[start(user)] = true
			out = append(out, user)
		}
	}
	return out
}

func (l *Limits) checkMaxUsers(n int) error {
	if n < 1 || n > l.MaxUsers {
		return invalid(FieldMaxUsers, "is %d (1 to %d)", n, l.MaxUsers)
	}
	return nil
}

// create is the rule of CreateGroup.
func (c *change) create() error {
	g := c.cmd.New
	for _, user := range c.cmd.Users {
		if err := c.known(user); err != nil {
			return err
		}
	}
	if c.exists {
		return ErrGroupExists
	}
	if err := c.checkVersion(); err != nil { // a group that does not exist has version 0
		return err
	}
	if most := c.loaded.most; most > 0 && c.loaded.total >= most {
		return limited(ErrTooManyGroups, most, c.loaded.total)
	}
	direct := c.system() || !*g.InviteNeedConfirm
	if direct && 1+len(g.Members) > g.MaxUsers {
		return limited(ErrGroupFull, g.MaxUsers, 1+len(g.Members))
	}
	c.exists = true
	c.recordEvent(record.Event{Kind: uint8(GroupCreated), Users: []string{string(g.Owner)}, Changes: creation(g)})
	if err := c.addMember(g.Owner, CauseCreated); err != nil {
		return err
	}
	for _, user := range g.Members {
		if err := c.bring(user, direct); err != nil {
			return err
		}
	}
	return nil
}

// bring adds or invites a user who is named at the creation of a group.
func (c *change) bring(user UserID, direct bool) error {
	if direct {
		return c.addMember(user, CauseCreated)
	}
	_, err := c.leaveInvitation(user)
	return err
}

// creation returns the fields of a new group as changes from the empty value.
func creation(g *NewGroup) []record.Change {
	var changes []record.Change
	for _, c := range []record.Change{
		{Field: string(FieldName), After: g.Name},
		{Field: string(FieldDescription), After: g.Description},
		{Field: string(FieldAvatar), After: g.Avatar},
		{Field: string(FieldCustom), After: g.Custom},
		{Field: string(FieldPublic), After: strconv.FormatBool(g.Public)},
		{Field: string(FieldMaxUsers), After: strconv.Itoa(g.MaxUsers)},
		{Field: string(FieldMembersOnly), After: strconv.FormatBool(g.MembersOnly)},
		{Field: string(FieldAllowInvites), After: strconv.FormatBool(g.AllowInvites)},
		{Field: string(FieldInviteNeedConfirm), After: strconv.FormatBool(*g.InviteNeedConfirm)},
	} {
		if c.After != "" {
			changes = append(changes, c)
		}
	}
	return changes
}

// UpdateGroup changes fields of a group, all or none, and returns the fields whose value
// changed. If no value changes, there is no event. If AllowInvites is switched off in a private
// group, the pending invitations that plain members made are cancelled.
//
// Allowed: owner, system; an admin only for Name, Description, Avatar and Custom.
// Returns ErrInvalid with every new value that is not valid (see Group; MaxUsers below the number
// of members), ErrRoleTooLow if the actor is not allowed to change one of the fields. A value
// that the field already has is never refused.
func (a Actor) UpdateGroup(ctx context.Context, group GroupID, update GroupUpdate) ([]Field, error) {
	v := updateGroupVerb
	if update.configures() {
		v.action = configure
	}
	out, err := a.change(ctx, v, Command{Group: group, Update: &update})
	return out.changed, err
}

var updateGroupVerb = verb{
	op: OpUpdateGroup, action: editProfile, needs: needs{custom: true, losers: anyoneLoses}, rule: (*change).update,
}

func (c *change) update() error {
	changes := c.cmd.Update.changes(c.head, c.state.custom)
	var errs []error
	for i := range changes {
		errs = append(errs, c.checkField(&changes[i]))
	}
	if err := joinFields(errs); err != nil {
		return err
	}
	for _, x := range changes {
		c.reply.changed = append(c.reply.changed, Field(x.Field))
	}
	if len(changes) > 0 {
		c.recordEvent(record.Event{Kind: uint8(GroupUpdated), Changes: changes})
	}
	return nil
}

// configures reports whether the update contains a field that an admin cannot change.
func (g *GroupUpdate) configures() bool {
	return g.MaxUsers != nil || g.MembersOnly != nil || g.AllowInvites != nil || g.InviteNeedConfirm != nil
}

// checkField checks the new value of a field.
func (c *change) checkField(x *record.Change) error {
	switch field := Field(x.Field); field {
	case FieldName:
		return checkName(field, x.After, c.limits.Name)
	case FieldDescription:
		return checkText(field, x.After, c.limits.Description)
	case FieldAvatar:
		return checkText(field, x.After, c.limits.Avatar)
	case FieldCustom:
		return checkCustom(x.After, c.limits.Custom)
	case FieldMaxUsers:
		n := *c.cmd.Update.MaxUsers
		if n >= 1 && n < c.head.Members {
			return invalid(field, "is %d, but the group has %d members", n, c.head.Members)
		}
		return c.limits.checkMaxUsers(n)
	}
	return nil
}

// changes returns the fields of the update whose values differ from those of the group.
func (g *GroupUpdate) changes(h *record.Header, custom string) (out []record.Change) {
	add := func(field Field, before, after string) {
		if before != after {
			out = append(out, record.Change{Field: string(field), Before: before, After: after})
		}
	}
	for _, t := range []struct {
		field  Field
		before string
		after  *string
	}{{FieldName, h.Name, g.Name}, {FieldDescription, h.Description, g.Description}, {FieldAvatar, h.Avatar, g.Avatar}, {FieldCustom, custom, g.Custom}} {
		if t.after != nil {
			add(t.field, t.before, *t.after)
		}
	}
	if g.MaxUsers != nil {
		add(FieldMaxUsers, strconv.Itoa(h.MaxUsers), strconv.Itoa(*g.MaxUsers))
	}
	for _, b := range []struct {
		field  Field
		before bool
		after  *bool
	}{{FieldMembersOnly, h.MembersOnly, g.MembersOnly}, {FieldAllowInvites, h.AllowInvites, g.AllowInvites}, {FieldInviteNeedConfirm, h.InviteNeedConfirm, g.InviteNeedConfirm}} {
		if b.after != nil {
			add(b.field, strconv.FormatBool(b.before), strconv.FormatBool(*b.after))
		}
	}
	return out
}

// DeleteGroup deletes the group and all its data except the log. The deletion is final, and
// the ID is never used again. The first commit makes the group disappear for everyone. The
// data is then removed in steps, so that other writers do not wait long. If DeleteGroup
// returns nil, all data is removed. If the context ends or the process stops after the first
// commit, the group is deleted although the call may return an error; the rest of the data
// is removed when the engine is opened the next time.
//
// Allowed: owner, system.
// Returns no errors of its own; see [Actor].
func (a Actor) DeleteGroup(ctx context.Context, group GroupID) error {
	_, err := a.change(ctx, deleteGroupVerb, Command{Group: group})
	return err
}

var deleteGroupVerb = verb{op: OpDeleteGroup, action: manageGroup, needs: needs{total: true}, rule: func(c *change) error {
	c.markDeleted()
	return nil
}}
