package groupkit

import (
	"context"
	"slices"
	"strconv"
	"time"

	"groupkit/internal/record"
)

// A Group is a group as it was when it was read.
type Group struct {
	ID          GroupID
	Name        string // 1 to 128 characters
	Description string // 0 to 512 characters
	Avatar      string // 0 to 1024 characters
	Custom      string // 0 to 8192 bytes; the engine never looks inside

	// Public groups can be seen, and joined, by everyone; private ones are hidden
	// from who is no member. It never changes.
	Public bool

	// MembersOnly, in a public group: joining needs approval.
	MembersOnly bool

	// AllowInvites, in a private group: members may invite.
	AllowInvites bool

	// InviteNeedConfirm: who is invited has to accept.
	InviteNeedConfirm bool

	MaxUsers     int // the owner included
	Owner        UserID
	MemberCount  int  // the owner included
	AdminCount   int  // the owner not included
	Muted        bool // the whole group
	Created      time.Time
	LastModified time.Time // of the last event
	Version      uint64    // of the last event: it grows by one with every event
}

// A NewGroup is what CreateGroup makes.
type NewGroup struct {
	// ID is chosen by the engine if it is empty. Only the system chooses one:
	// 1 to 64 bytes of A–Z a–z 0–9 . _ : -
	ID GroupID

	Name, Description, Avatar, Custom string

	Public       bool
	MembersOnly  bool
	AllowInvites bool // stored as false for a public group

	// InviteNeedConfirm is true if it is nil.
	InviteNeedConfirm *bool

	// MaxUsers is Limits.GroupSize (200) if it is zero, and at most
	// Limits.MaxGroupSize (10,000).
	MaxUsers int

	// Owner is the acting user if it is empty; the system has to name one.
	Owner UserID

	// Members are up to Limits.NewMembers (100) users besides the owner. They are
	// members at once if the system names them, or if InviteNeedConfirm is false;
	// otherwise they are invited.
	Members []UserID
}

// A GroupUpdate says which fields change; nil leaves a field as it is.
// new(value) makes the pointers.
type GroupUpdate struct {
	Name, Description, Avatar, Custom *string

	MaxUsers                                     *int
	MembersOnly, AllowInvites, InviteNeedConfirm *bool
}

// The operations that make, change and delete groups.
const (
	OpCreateGroup Op = "create group"
	OpUpdateGroup Op = "update group"
	OpDeleteGroup Op = "delete group"
)

// CreateGroup makes a group, its owner and its first members, all or nothing.
//
// A user may create with itself as owner; the system for any owner, and the system
// alone chooses the id. It refuses with ErrInvalid (every bad field is named),
// ErrSystemOnly, ErrUserNotFound, ErrGroupExists (also for the id of a group that was
// deleted), ErrTooManyGroups, ErrBatchTooLarge (more members than Limits.NewMembers),
// ErrGroupFull (more than MaxUsers), ErrTooManyJoined about the one who is in too many
// groups, and ErrTooManyInvitations.
func (a Actor) CreateGroup(ctx context.Context, group NewGroup) (Group, error) {
	group, err := a.complete(group)
	if err != nil {
		return Group{}, wrap(OpCreateGroup, group.ID, err)
	}
	id := group.ID
	if id == "" {
		text, err := newUUID(a.eng.now())
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
	rule:   (*change).create,
	answer: func(c *change) { c.reply.group = publicGroup(c.id, c.head, c.state.custom) },
}

// complete checks a new group and fills in what was left out.
func (a Actor) complete(g NewGroup) (NewGroup, error) {
	if err := a.checkActor(); err != nil {
		return g, err
	}
	l := &a.eng.limits
	if g.Owner == "" {
		g.Owner = a.user
	}
	if g.MaxUsers == 0 {
		g.MaxUsers = l.GroupSize
	}
	if g.InviteNeedConfirm == nil {
		g.InviteNeedConfirm = new(true)
	}
	g.AllowInvites = g.AllowInvites && !g.Public
	g.Members = others(g.Owner, g.Members)
	if len(g.Members) > l.NewMembers {
		return g, limited(ErrBatchTooLarge, l.NewMembers, len(g.Members))
	}
	errs := []error{
		checkText(FieldName, g.Name, 1, maxName),
		checkText(FieldDescription, g.Description, 0, maxDescription),
		checkText(FieldAvatar, g.Avatar, 0, maxAvatar),
		checkCustom(g.Custom),
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

// others are the users but the owner, each once, in order.
func others(owner UserID, users []UserID) []UserID {
	var out []UserID
	for _, user := range users {
		if user != owner && !slices.Contains(out, user) {
			out = append(out, user)
		}
	}
	return out
}

func (l *Limits) checkMaxUsers(n int) error {
	if n < 1 || n > l.MaxGroupSize {
		return invalid(FieldMaxUsers, "is %d (1 to %d)", n, l.MaxGroupSize)
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
	if err := c.unchanged(); err != nil { // a group that does not exist is at version 0
		return err
	}
	if most := c.limits.Groups; most > 0 && c.loaded.total >= most {
		return limited(ErrTooManyGroups, most, c.loaded.total)
	}
	direct := c.system() || !*g.InviteNeedConfirm
	if direct && 1+len(g.Members) > g.MaxUsers {
		return limited(ErrGroupFull, g.MaxUsers, 1+len(g.Members))
	}
	c.exists = true
	c.recordEvent(record.Event{Kind: uint8(GroupCreated), Users: []string{string(g.Owner)}, Changes: creation(g)})
	if err := c.addMember(g.Owner, ByCreation); err != nil {
		return err
	}
	for _, user := range g.Members {
		if err := c.bring(user, direct); err != nil {
			return err
		}
	}
	return nil
}

// bring makes a member, or invites, at the creation of a group.
func (c *change) bring(user UserID, direct bool) error {
	if direct {
		return c.addMember(user, ByCreation)
	}
	_, err := c.leaveInvitation(user)
	return err
}

// creation is the fields of a new group as changes from nothing.
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

// UpdateGroup changes fields of a group, all or nothing, and returns those whose
// value changed. Nothing is logged if none did.
//
// The owner may change all of them, an admin name, description, avatar and custom,
// the system all. It refuses with ErrInvalid, which names every bad field (besides
// the lengths: a slash in name or description, MaxUsers below the number of
// members), and with ErrRoleTooLow.
func (a Actor) UpdateGroup(ctx context.Context, group GroupID, update GroupUpdate) ([]Field, error) {
	v := updateGroupVerb
	if update.configures() {
		v.action = configure
	}
	out, err := a.change(ctx, v, Command{Group: group, Update: &update})
	return out.changed, err
}

var updateGroupVerb = verb{
	op: OpUpdateGroup, action: editProfile, needs: needs{custom: true},
	check: func(l *Limits, c *Command) error { return c.Update.check(l) },
	rule:  (*change).update,
}

func (c *change) update() error {
	update := c.cmd.Update
	if n := update.MaxUsers; n != nil && *n < c.head.Members {
		return invalid(FieldMaxUsers, "is %d, but the group has %d members", *n, c.head.Members)
	}
	changes := update.changes(c.head, c.state.custom)
	for _, x := range changes {
		c.reply.changed = append(c.reply.changed, Field(x.Field))
	}
	if len(changes) > 0 {
		c.recordEvent(record.Event{Kind: uint8(GroupUpdated), Changes: changes})
	}
	return nil
}

// configures reports whether the update touches what belongs to the owner alone.
func (g *GroupUpdate) configures() bool {
	return g.MaxUsers != nil || g.MembersOnly != nil || g.AllowInvites != nil || g.InviteNeedConfirm != nil
}

func (g *GroupUpdate) check(l *Limits) error {
	var errs []error
	if g.Name != nil {
		errs = append(errs, checkText(FieldName, *g.Name, 1, maxName), checkNoSlash(FieldName, *g.Name))
	}
	if g.Description != nil {
		errs = append(errs, checkText(FieldDescription, *g.Description, 0, maxDescription), checkNoSlash(FieldDescription, *g.Description))
	}
	if g.Avatar != nil {
		errs = append(errs, checkText(FieldAvatar, *g.Avatar, 0, maxAvatar))
	}
	if g.Custom != nil {
		errs = append(errs, checkCustom(*g.Custom))
	}
	if g.MaxUsers != nil {
		errs = append(errs, l.checkMaxUsers(*g.MaxUsers))
	}
	return joinFields(errs)
}

// changes are the fields of the update that differ from the group.
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

// DeleteGroup deletes the group with everything in it, for good: its id is never
// given to another group. From the first moment on it is there for nobody; members,
// lists and files go in steps, between which other calls get their turn, and when
// DeleteGroup returns nil all is gone. If it is cut off, by the end of ctx or of the
// process, the group is gone although an error may be returned, and the rest goes when
// the engine is opened the next time.
//
// The owner may, and the system.
func (a Actor) DeleteGroup(ctx context.Context, group GroupID) error {
	_, err := a.change(ctx, deleteGroupVerb, Command{Group: group})
	return err
}

var deleteGroupVerb = verb{op: OpDeleteGroup, action: manageGroup, needs: needs{total: true}, rule: func(c *change) error {
	c.markDeleted()
	return nil
}}
