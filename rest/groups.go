package rest

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"groupkit"
)

// A listedGroup is an entry of the list of groups.
type listedGroup struct {
	ID               groupkit.GroupID `json:"groupid"`
	Name             string           `json:"groupname"`
	Owner            string           `json:"owner"` // with the app before it
	Affiliations     int              `json:"affiliations"`
	Type             string           `json:"type"`
	LastModified     int64            `json:"lastModified"`
	LastModifiedText string           `json:"last_modified"`
	Created          int64            `json:"created"`
}

// listGroups answers GET /chatgroups.
func listGroups(c *call) (answer, error) {
	groups, next, err := c.reader().GroupsPage(c.ctx, c.limitParam(), c.cursorParam())
	if err != nil {
		return answer{}, err
	}
	owner := c.org + "#" + c.name + "_"
	out := make([]listedGroup, len(groups))
	for i := range groups {
		g := &groups[i]
		modified := g.LastModified.UnixMilli()
		out[i] = listedGroup{
			ID: g.ID, Name: g.Name, Owner: owner + string(g.Owner), Affiliations: g.MemberCount, Type: "group",
			LastModified: modified, LastModifiedText: strconv.FormatInt(modified, 10), Created: g.Created.UnixMilli(),
		}
	}
	a := counted(out)
	a.cursor = next
	return a, nil
}

// createGroup answers POST /chatgroups.
func createGroup(c *call) (answer, error) {
	body, err := c.body()
	if err != nil {
		return answer{}, err
	}
	group, err := newGroup(&body)
	if err != nil {
		return answer{}, err
	}
	a, err := c.writer()
	if err != nil {
		return answer{}, err
	}
	g, err := a.CreateGroup(c.ctx, group)
	if err != nil {
		return answer{}, err
	}
	return answer{data: groupID{g.ID}, etag: c.etag(g.Version)}, nil
}

type groupID struct {
	ID groupkit.GroupID `json:"groupid"`
}

// newGroup returns the group that a body describes. Fields that it does not know are passed over.
func newGroup(body *object) (groupkit.NewGroup, error) {
	var g groupkit.NewGroup
	var fields groupkit.GroupUpdate
	for _, name := range body.names {
		if !body.has(name) {
			continue
		}
		if _, err := setField(&fields, body, name); err != nil {
			return g, err
		}
	}
	name, err := body.filled("groupname")
	if err != nil {
		return g, err
	}
	owner, err := body.filled("owner")
	if err != nil {
		return g, err
	}
	if g.Public, err = body.flag("public"); err != nil {
		return g, noPublic
	}
	id, err := body.optional("groupid")
	if err != nil {
		return g, err
	}
	if body.has("members") {
		if g.Members, err = body.list("members"); err != nil {
			return g, err
		}
	}
	if fields.MaxUsers != nil && *fields.MaxUsers == 0 {
		return g, missing("maxusers") // the engine would take its default
	}
	g.ID, g.Name, g.Owner = groupkit.GroupID(id), name, groupkit.UserID(owner)
	g.Description, g.Avatar, g.Custom = value(fields.Description), value(fields.Avatar), value(fields.Custom)
	g.MembersOnly, g.AllowInvites = value(fields.MembersOnly), value(fields.AllowInvites)
	g.InviteNeedConfirm, g.MaxUsers = fields.InviteNeedConfirm, value(fields.MaxUsers)
	return g, nil
}

// value returns what p points to, or the zero value.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// setField sets the field of an update that has that name on the wire. known is false if none has.
func setField(u *groupkit.GroupUpdate, body *object, name string) (known bool, err error) {
	switch name {
	case "groupname":
		u.Name, err = pointer(body.filled(name))
	case "desc", "description":
		u.Description, err = pointer(body.text(name))
	case "custom":
		u.Custom, err = pointer(body.text(name))
	case "avatar":
		u.Avatar, err = pointer(body.text(name))
	case "maxusers":
		var n int64
		n, err = body.number(name)
		u.MaxUsers = new(int(min(max(n, math.MinInt32), math.MaxInt32)))
	case "membersonly", "members_only", "approval":
		u.MembersOnly, err = pointer(body.flag(name))
	case "allowinvites":
		u.AllowInvites, err = pointer(body.flag(name))
	case "invite_need_confirm":
		u.InviteNeedConfirm, err = pointer(body.flag(name))
	default:
		return false, nil
	}
	return true, err
}

func pointer[T any](v T, err error) (*T, error) { return &v, err }

// An update is what PUT changes.
type update struct {
	fields   groupkit.GroupUpdate
	newOwner groupkit.UserID // "": the owner stays
	anyField bool
	sent     map[string]bool // what was sent, under its names
}

// parseUpdate reads the body of PUT. It refuses fields that it does not know.
func parseUpdate(body *object) (update, error) {
	u := update{sent: make(map[string]bool, len(body.names))}
	var unknown []string
	for _, name := range body.names {
		u.sent[name] = true
		if name == "newowner" {
			owner, err := body.filled(name)
			if err != nil {
				return u, err
			}
			u.newOwner = groupkit.UserID(owner)
			continue
		}
		known, err := setField(&u.fields, body, name)
		if err == nil && known {
			err = refuseSlash(body, name)
		}
		if err != nil {
			return u, err
		}
		u.anyField = u.anyField || known
		if !known {
			unknown = append(unknown, name)
		}
	}
	if unknown != nil {
		return u, invalid("some of [" + strings.Join(unknown, ", ") + "] are not valid fields")
	}
	return u, nil
}

// refuseSlash refuses a name or a description with a slash, which the API takes at creation alone.
func refuseSlash(body *object, name string) error {
	if name != "groupname" && name != "desc" && name != "description" {
		return nil
	}
	if text, _ := body.text(name); strings.Contains(text, "/") {
		return invalid(name + ` must not contain "/"`)
	}
	return nil
}

// updateGroup answers PUT /chatgroups/{group}: all of it is done, or nothing.
func updateGroup(c *call) (answer, error) {
	body, err := c.body()
	if err != nil {
		return answer{}, err
	}
	u, err := parseUpdate(&body)
	if err != nil {
		return answer{}, err
	}
	var version uint64
	err = c.app.Engine.Atomic(c.ctx, func(tx *groupkit.Tx) (err error) {
		version, err = c.update(tx, &u)
		return err
	})
	if err != nil {
		return answer{}, c.belowMembers(&u, err)
	}
	return answer{data: u.sent, etag: c.etag(version)}, nil
}

// update changes the fields and then the owner, who could not change fields afterwards. It returns
// the version after that, or 0 if the changes can have been made by an earlier request.
func (c *call) update(tx *groupkit.Tx, u *update) (version uint64, err error) {
	a, err := c.conditional(c.actor(tx))
	if err != nil {
		return 0, err
	}
	key, once := c.key()
	if u.anyField || u.newOwner == "" {
		if _, err := a.UpdateGroup(c.ctx, c.group(), u.fields); err != nil {
			return 0, err
		}
		if a = c.actor(tx); once {
			a = a.Once(secondKey(key))
		}
	}
	if u.newOwner != "" {
		if err := a.TransferGroup(c.ctx, c.group(), u.newOwner); err != nil {
			return 0, err
		}
	}
	if once {
		return 0, nil
	}
	g, err := c.actor(tx).Group(c.ctx, c.group())
	return g.Version, err
}

// belowMembers returns the fault of a maxusers that is less than the number of members. Every
// other error is returned as it is.
func (c *call) belowMembers(u *update, err error) error {
	fields := groupkit.FieldErrors(err)
	if len(fields) == 0 || fields[0].Field != groupkit.FieldMaxUsers || u.fields.MaxUsers == nil || *u.fields.MaxUsers < 1 {
		return err
	}
	if g, failed := c.reader().Group(c.ctx, c.group()); failed == nil && *u.fields.MaxUsers < g.MemberCount {
		return membersTooMany
	}
	return err
}

// deleteGroup answers DELETE /chatgroups/{group}.
func deleteGroup(c *call) (answer, error) {
	a, err := c.writer()
	if err == nil {
		err = a.DeleteGroup(c.ctx, c.group())
	}
	return answer{data: struct {
		Success bool             `json:"success"`
		ID      groupkit.GroupID `json:"groupid"`
	}{true, c.group()}}, err
}

// millis returns a time in milliseconds, and 0 for a time that is not known.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// isMissing reports whether the caller finds no such group.
func isMissing(err error) bool { return errors.Is(err, groupkit.ErrGroupNotFound) }
