package groupkit

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
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

// headerOf is the inverse of publicGroup, but for the custom text.
func headerOf(g *Group) []byte {
	h := record.Header{
		Name: g.Name, Description: g.Description, Avatar: g.Avatar,
		Public: g.Public, MembersOnly: g.MembersOnly, AllowInvites: g.AllowInvites, InviteNeedConfirm: g.InviteNeedConfirm,
		MaxUsers: g.MaxUsers, Owner: string(g.Owner), Members: g.MemberCount, Admins: g.AdminCount, Muted: g.Muted,
		Created: millisOrZero(g.Created), Modified: millisOrZero(g.LastModified), Version: g.Version,
	}
	return h.Encode()
}

func publicGroup(id GroupID, h *record.Header, custom string) Group {
	return Group{
		ID: id, Name: h.Name, Description: h.Description, Avatar: h.Avatar, Custom: custom,
		Public: h.Public, MembersOnly: h.MembersOnly, AllowInvites: h.AllowInvites, InviteNeedConfirm: h.InviteNeedConfirm,
		MaxUsers: h.MaxUsers, Owner: UserID(h.Owner), MemberCount: h.Members, AdminCount: h.Admins, Muted: h.Muted,
		Created: instant(h.Created), LastModified: instant(h.Modified), Version: h.Version,
	}
}

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
	cmd := Command{Op: OpCreateGroup, Group: id, Users: append([]UserID{group.Owner}, group.Members...), New: &group}
	out, err := a.change(ctx, cmd, nil, (*unit).create)
	return out.group, err
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
func (u *unit) create() error {
	g := u.cmd.New
	for _, user := range u.cmd.Users {
		if err := u.known(user); err != nil {
			return err
		}
	}
	if u.exists {
		return ErrGroupExists
	}
	if err := u.unchanged(); err != nil { // a group that does not exist is at version 0
		return err
	}
	if max := u.limits.Groups; max > 0 && u.total >= max {
		return limited(ErrTooManyGroups, max, u.total)
	}
	direct := u.system() || !*g.InviteNeedConfirm
	if direct && 1+len(g.Members) > g.MaxUsers {
		return limited(ErrGroupFull, g.MaxUsers, 1+len(g.Members))
	}
	u.exists = true
	u.append(record.Event{Kind: uint8(GroupCreated), Users: []string{string(g.Owner)}, Changes: creation(g)})
	if err := u.admit(g.Owner, ByCreation); err != nil {
		return err
	}
	for _, user := range g.Members {
		if err := u.bring(user, direct); err != nil {
			return err
		}
	}
	u.answer = func() { u.outcome.group = publicGroup(u.id, u.head, u.state.custom) }
	return nil
}

// bring makes a member, or invites, at the creation of a group.
func (u *unit) bring(user UserID, direct bool) error {
	if direct {
		return u.admit(user, ByCreation)
	}
	_, err := u.offer(user)
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
	out, err := a.change(ctx, Command{Op: OpUpdateGroup, Group: group, Update: &update}, update.check(&a.eng.limits), func(u *unit) error {
		what := describe
		if update.configures() {
			what = configure
		}
		if err := u.start(what); err != nil {
			return err
		}
		if n := update.MaxUsers; n != nil && *n < u.head.Members {
			return invalid(FieldMaxUsers, "is %d, and there are %d members", *n, u.head.Members)
		}
		changes := update.changes(u.head, u.state.custom)
		for _, c := range changes {
			u.outcome.changed = append(u.outcome.changed, Field(c.Field))
		}
		if len(changes) > 0 {
			u.append(record.Event{Kind: uint8(GroupUpdated), Changes: changes})
		}
		return nil
	})
	return out.changed, err
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

// Group returns the details of a group.
//
// The system and members may, and every user who is not blacklisted if the group is
// public. Someone with an invitation into a private group sees ID, Name, Description,
// Avatar and MemberCount; all else is zero. It refuses with ErrGroupNotFound and
// ErrBlacklisted.
func (a Actor) Group(ctx context.Context, group GroupID) (out Group, err error) {
	err = a.reading(ctx, OpGroup, group, nil, func(r store.Reader, v *look) error {
		out, err = details(r, group, v)
		return err
	})
	return out, err
}

// details is the group as the actor may see it.
func details(r store.Reader, group GroupID, v *look) (Group, error) {
	if err := v.invited(); err != nil {
		return Group{}, err
	}
	if v.found() != nil {
		h := v.head
		return Group{ID: group, Name: h.Name, Description: h.Description, Avatar: h.Avatar, MemberCount: h.Members}, nil
	}
	custom, err := loadCustom(r, group, v.head)
	return publicGroup(group, v.head, custom), err
}

func loadCustom(r store.Reader, group GroupID, h *record.Header) (string, error) {
	if !h.HasCustom {
		return "", nil
	}
	value, _, err := r.Get(key.Of(string(group), key.Custom))
	return string(value), storage(err)
}

// GroupDetails returns the details of up to Limits.Details groups in one call: those
// that are there, as Group returns them, and the ids of those that are not, both in
// the order of ids. An id named twice is answered once.
//
// Everyone may; a group that the actor may not see is one of the missing. It refuses
// with ErrBatchTooLarge, and with ErrInvalid if there are no ids.
func (a Actor) GroupDetails(ctx context.Context, ids []GroupID) (found []Group, missing []GroupID, err error) {
	if err := a.checkDetails(ids); err != nil {
		return nil, nil, wrap(OpGroup, "", err)
	}
	err = a.view(ctx, func(r store.Reader) error {
		found, missing = nil, nil
		for i, id := range ids {
			if slices.Contains(ids[:i], id) {
				continue
			}
			g, err := a.detail(r, id)
			switch {
			case errors.Is(err, ErrGroupNotFound), errors.Is(err, ErrBlacklisted):
				missing = append(missing, id)
			case err != nil:
				return about("", err)
			default:
				found = append(found, g)
			}
		}
		return nil
	})
	return found, missing, wrap(OpGroup, "", err)
}

func (a Actor) checkDetails(ids []GroupID) error {
	if err := a.checkActor(); err != nil {
		return err
	}
	if len(ids) == 0 {
		return invalid(FieldGroup, "is missing (1 to %d)", a.eng.limits.Details)
	}
	if len(ids) > a.eng.limits.Details {
		return limited(ErrBatchTooLarge, a.eng.limits.Details, len(ids))
	}
	return nil
}

func (a Actor) detail(r store.Reader, id GroupID) (Group, error) {
	if checkGroupID(id) != nil {
		return Group{}, ErrGroupNotFound
	}
	v, err := a.look(r, id)
	if err != nil {
		return Group{}, err
	}
	return details(r, id, v)
}
