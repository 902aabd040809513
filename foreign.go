package groupkit

import (
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// lastForeignYear is the last year that RFC 3339 can write.
const lastForeignYear = 9999

// A foreignCheck finds values that no group can have, in an event or a snapshot that was perhaps not
// made by the engine: it can come from JSON. What passes can be converted to records. It does not
// ask whether the values agree with each other. Each error names the value by its path in JSON.
type foreignCheck struct {
	list  string // the list that is being checked; "" outside of lists
	index int
	errs  []error
}

// check returns an error with all values of the event that no event can have, or nil.
func (e *Event) check() error {
	c := new(foreignCheck)
	c.id("group", checkGroupID(e.Group))
	c.author("actor", e.Actor)
	c.time("at", e.At)
	c.time("until", e.Until)
	c.text("reason", e.Reason)
	c.inList("users", len(e.Users), func(i int) { c.id("", checkUserID(FieldUser, e.Users[i])) })
	c.inList("before", len(e.Before), func(i int) { c.time("", e.Before[i]) })
	c.inList("changes", len(e.Changes), func(i int) { c.change(e.Kind, &e.Changes[i]) })
	if _, err := e.Cause.MarshalText(); err != nil {
		c.refuse("cause", "is %d", e.Cause)
	}
	if (e.Kind == GroupCreated || e.Kind == OwnerChanged) && len(e.Users) == 0 {
		c.refuse("users", "is empty, although the kind is %q", e.Kind)
	}
	if (e.Kind == FileAdded || e.Kind == FileDeleted) != (e.File != nil) {
		c.refuse("file", "does not fit the kind %q", e.Kind)
	}
	if e.File != nil {
		c.within("file", func() { c.file(e.File) })
	}
	if s := e.Checkpoint; s != nil {
		if s.Group.ID != e.Group || s.Group.Version != e.Version {
			c.refuse("checkpoint", "is of group %s at version %d", quote(string(s.Group.ID)), s.Group.Version)
		}
		c.errs = append(c.errs, s.check())
	}
	return joinFields(c.errs)
}

// check returns an error with all values of the snapshot that no group can have, or nil.
func (s *Snapshot) check() error {
	c := new(foreignCheck)
	c.within("group", func() { c.group(&s.Group) })
	c.within("announcement", func() {
		c.text("text", s.Announcement.Text)
		c.author("by", s.Announcement.By)
		c.time("at", s.Announcement.At)
	})
	eachOnce(c, "members", s.Members, func(m *Member) UserID { return m.User }, c.member)
	eachOnce(c, "mutes", s.Mutes, func(m *Mute) UserID { return m.User }, func(m *Mute) { c.mark(m.By, m.At, m.Until, m.Reason) })
	eachOnce(c, "blacklist", s.Blacklist, func(b *Block) UserID { return b.User }, func(b *Block) { c.mark(b.By, b.At, b.Until, b.Reason) })
	eachOnce(c, "allow_list", s.AllowList, func(a *Allowed) UserID { return a.User }, func(a *Allowed) { c.mark(a.By, a.At, time.Time{}, a.Reason) })
	eachOnce(c, "requests", s.Requests, func(r *Request) UserID { return r.User }, func(r *Request) {
		c.in(r.Group, s.Group.ID)
		c.mark("", r.At, r.Expires, r.Reason)
	})
	eachOnce(c, "invitations", s.Invitations, func(i *Invitation) UserID { return i.User }, func(i *Invitation) {
		c.in(i.Group, s.Group.ID)
		c.mark(i.By, i.At, i.Expires, i.Reason)
	})
	files := make(map[FileID]bool, len(s.Files))
	c.inList("files", len(s.Files), func(i int) {
		f := &s.Files[i]
		if files[f.ID] {
			c.refuse("id", "%s is there twice", quote(string(f.ID)))
		}
		files[f.ID] = true
		c.file(f)
	})
	return joinFields(c.errs)
}

// eachOnce checks a list in which each user can be only once.
func eachOnce[T any](c *foreignCheck, list string, all []T, user func(*T) UserID, check func(*T)) {
	seen := make(map[UserID]bool, len(all))
	c.inList(list, len(all), func(i int) {
		u := user(&all[i])
		c.id("user", checkUserID(FieldUser, u))
		if seen[u] {
			c.refuse("user", "%s is there twice", quote(string(u)))
		}
		seen[u] = true
		check(&all[i])
	})
}

func (c *foreignCheck) group(g *Group) {
	c.id("id", checkGroupID(g.ID))
	c.author("owner", g.Owner)
	c.time("created", g.Created)
	c.time("last_modified", g.LastModified)
	for _, text := range []struct{ field, text string }{
		{"name", g.Name}, {"description", g.Description}, {"avatar", g.Avatar}, {"custom", g.Custom},
	} {
		c.text(text.field, text.text)
	}
	for _, count := range []struct {
		field string
		n     int
	}{
		{"max_users", g.MaxUsers}, {"member_count", g.MemberCount}, {"admin_count", g.AdminCount},
		{"request_count", g.RequestCount}, {"invitation_count", g.InvitationCount},
	} {
		if count.n < 0 {
			c.refuse(count.field, "is %d (0 or more)", count.n)
		}
	}
}

func (c *foreignCheck) member(m *Member) {
	if m.Role == RoleOutsider || int(m.Role) >= len(roles) {
		c.refuse("role", "is %q, which is no role of a member", m.Role)
	}
	c.time("joined", m.Joined)
	c.time("admin_since", m.AdminSince)
}

func (c *foreignCheck) mark(by UserID, at, until time.Time, reason string) {
	c.author("by", by)
	c.time("at", at)
	c.time("until", until)
	c.text("reason", reason)
}

// in refuses an entry that names another group. It need not name one.
func (c *foreignCheck) in(group, want GroupID) {
	if group != "" && group != want {
		c.refuse("group", "is %s", quote(string(group)))
	}
}

func (c *foreignCheck) file(f *File) {
	if id, err := uuid.Parse(string(f.ID)); err != nil || id.String() != string(f.ID) {
		c.refuse("id", "%s is no UUID in lower case", quote(string(f.ID)))
	}
	c.id("name", checkFileName(f.Name))
	if f.Size < 0 {
		c.refuse("size", "is %d (0 or more)", f.Size)
	}
	c.author("owner", f.Owner)
	c.time("created", f.Created)
}

// change checks a change of the group or of its announcement.
func (c *foreignCheck) change(kind EventKind, x *Change) {
	c.text("before", x.Before)
	c.text("after", x.After)
	field := x.Field
	if kind == AnnouncementChanged {
		field = "" // no field of the group
		if x.Field != FieldAnnouncement {
			c.refuse("field", "is %s, although the kind is %q", quote(string(x.Field)), kind)
		}
	}
	switch field {
	case "", FieldName, FieldDescription, FieldAvatar, FieldCustom:
	case FieldPublic, FieldMembersOnly, FieldAllowInvites, FieldInviteNeedConfirm:
		if x.After != "true" && x.After != "false" {
			c.refuse("after", "is %s (true or false)", quote(x.After))
		}
	case FieldMaxUsers:
		if n, err := strconv.Atoi(x.After); err != nil || n < 1 {
			c.refuse("after", "is %s (1 or more)", quote(x.After))
		}
	default:
		c.refuse("field", "%s is unknown", quote(string(x.Field)))
	}
}

// id refuses a value that another check refuses. It says the path of the value instead of its
// name.
func (c *foreignCheck) id(field string, err error) {
	if e, ok := errors.AsType[*FieldError](err); ok {
		c.refuse(field, "%s", e.Why)
	}
}

// author checks a user who did something. "" is the system.
func (c *foreignCheck) author(field string, user UserID) {
	if user != "" {
		c.id(field, checkUserID(FieldUser, user))
	}
}

// time refuses a time that records or JSON cannot contain. The zero time is none.
func (c *foreignCheck) time(field string, t time.Time) {
	if t.IsZero() {
		return
	}
	if year := t.UTC().Year(); year < firstYear || year > lastForeignYear || millis(t) < 1 {
		c.refuse(field, "is in the year %d (from %d on)", year, firstYear)
	}
}

func (c *foreignCheck) text(field, text string) {
	if !utf8.ValidString(text) {
		c.refuse(field, "is not valid UTF-8")
	}
}

// inList calls a check for each entry of a list.
func (c *foreignCheck) inList(list string, n int, check func(i int)) {
	for i := range n {
		c.list, c.index = list, i
		check(i)
	}
	c.list = ""
}

// within calls a check for a part that is no list.
func (c *foreignCheck) within(part string, check func()) {
	c.list, c.index = part, -1
	check()
	c.list = ""
}

// refuse adds an error about a field of the value under check. "" is the value itself.
func (c *foreignCheck) refuse(field, format string, args ...any) {
	path := field
	switch {
	case c.list != "" && c.index < 0:
		path = c.list + "." + field
	case c.list != "" && field == "":
		path = fmt.Sprintf("%s[%d]", c.list, c.index)
	case c.list != "":
		path = fmt.Sprintf("%s[%d].%s", c.list, c.index, field)
	}
	c.errs = append(c.errs, invalid(Field(path), format, args...))
}
