package modeltest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"groupkit"
)

// CreateGroup makes a group. An id that the engine assigns is called new-1, new-2, ….
func (w *World) CreateGroup(c Caller, n groupkit.NewGroup) (groupkit.Group, *Refusal) {
	owner := n.Owner
	if owner == "" {
		owner = c.User
	}
	var members []groupkit.UserID // once each, and without the owner
	for _, u := range n.Members {
		if u != owner && !slices.Contains(members, u) {
			members = append(members, u)
		}
	}
	if c.valid() && len(members) > w.Options.Limits.NewMembers {
		return groupkit.Group{}, refuseLimit(groupkit.ErrBatchTooLarge, w.Options.Limits.NewMembers)
	}
	if no := w.wrongNewGroup(c, n, owner); no != nil {
		return groupkit.Group{}, no
	}
	if !c.System && (owner != c.User || n.ID != "") {
		return groupkit.Group{}, Refuse(groupkit.ErrSystemOnly)
	}
	for _, u := range append([]groupkit.UserID{owner}, members...) {
		if !w.exists(u) {
			return groupkit.Group{}, refuseUser(groupkit.ErrUserNotFound, u)
		}
	}
	if Has(w.Live, n.ID) || w.Deleted[n.ID] {
		return groupkit.Group{}, Refuse(groupkit.ErrGroupExists)
	}
	if limit := w.Options.Limits.Groups; limit > 0 && len(w.Live) >= limit {
		return groupkit.Group{}, refuseLimit(groupkit.ErrTooManyGroups, limit)
	}
	g := w.NewGroup(n, owner)
	joining := []groupkit.UserID{owner}
	var inviting []groupkit.UserID
	if c.System || !g.NeedConfirm {
		joining = append(joining, members...)
	} else {
		inviting = members
	}
	if len(joining) > g.MaxUsers {
		return groupkit.Group{}, refuseLimit(groupkit.ErrGroupFull, g.MaxUsers)
	}
	for _, u := range joining {
		if no := w.atLimit(u); no != nil {
			return groupkit.Group{}, no
		}
	}
	if len(inviting) > w.Options.Limits.Invitations {
		return groupkit.Group{}, refuseLimit(groupkit.ErrTooManyInvitations, w.Options.Limits.Invitations)
	}
	if g.ID == "" {
		w.numbered++
		g.ID = groupkit.GroupID(fmt.Sprint("new-", w.numbered))
	}
	w.Live[g.ID] = g
	for _, u := range joining {
		w.join(g, u)
	}
	for _, u := range inviting {
		w.putInvitation(c, g, u)
	}
	w.Touch(g)
	return w.Info(c, g), nil
}

func (w *World) wrongNewGroup(c Caller, n groupkit.NewGroup, owner groupkit.UserID) *Refusal {
	ok := c.valid() && ValidUser(owner) && (n.ID == "" || validGroup(n.ID)) &&
		validName(n.Name, w.Options.Limits.Name) && validText(n.Description, w.Options.Limits.Description) &&
		validText(n.Avatar, w.Options.Limits.Avatar) && validCustom(n.Custom, w.Options.Limits.Custom) &&
		n.MaxUsers >= 0 && n.MaxUsers <= w.Options.Limits.MaxUsers
	for _, u := range n.Members {
		ok = ok && ValidUser(u)
	}
	if !ok {
		return Refuse(groupkit.ErrInvalid)
	}
	return nil
}

// NewGroup is a group without members.
func (w *World) NewGroup(n groupkit.NewGroup, owner groupkit.UserID) *Group {
	return &Group{
		ID: n.ID, Name: n.Name, Description: n.Description, Avatar: n.Avatar, Custom: n.Custom,
		Public: n.Public, MembersOnly: n.MembersOnly,
		AllowInvites: n.AllowInvites && !n.Public,
		NeedConfirm:  n.InviteNeedConfirm == nil || *n.InviteNeedConfirm,
		MaxUsers:     cmp.Or(n.MaxUsers, w.Options.Limits.DefaultMaxUsers),
		Owner:        owner, Created: w.Now, Modified: w.Now,
		Joined:      map[groupkit.UserID]time.Time{},
		Admins:      map[groupkit.UserID]time.Time{},
		Blocks:      map[groupkit.UserID]groupkit.Block{},
		Mutes:       map[groupkit.UserID]groupkit.Mute{},
		Allowed:     map[groupkit.UserID]groupkit.Allowed{},
		Requests:    map[groupkit.UserID]groupkit.Request{},
		Invitations: map[groupkit.UserID]groupkit.Invitation{},
	}
}

// UpdateGroup changes fields: all that are named, or none.
func (w *World) UpdateGroup(c Caller, id groupkit.GroupID, u groupkit.GroupUpdate) ([]groupkit.Field, *Refusal) {
	if no := c.wrong(id, true); no != nil {
		return nil, no
	}
	role := groupkit.RoleAdmin
	if u.MaxUsers != nil || u.MembersOnly != nil || u.AllowInvites != nil || u.InviteNeedConfirm != nil {
		role = groupkit.RoleOwner
	}
	g, no := w.as(c, id, role)
	if no != nil {
		return nil, no
	}
	if !w.validUpdate(g, u) {
		return nil, Refuse(groupkit.ErrInvalid)
	}
	var changed []groupkit.Field
	set(&changed, groupkit.FieldName, &g.Name, u.Name)
	set(&changed, groupkit.FieldDescription, &g.Description, u.Description)
	set(&changed, groupkit.FieldAvatar, &g.Avatar, u.Avatar)
	set(&changed, groupkit.FieldCustom, &g.Custom, u.Custom)
	set(&changed, groupkit.FieldMaxUsers, &g.MaxUsers, u.MaxUsers)
	set(&changed, groupkit.FieldMembersOnly, &g.MembersOnly, u.MembersOnly)
	set(&changed, groupkit.FieldAllowInvites, &g.AllowInvites, u.AllowInvites)
	set(&changed, groupkit.FieldInviteNeedConfirm, &g.NeedConfirm, u.InviteNeedConfirm)
	if len(changed) > 0 {
		w.Touch(g)
	}
	return changed, nil
}

// validUpdate: a value that is already so is never wrong.
func (w *World) validUpdate(g *Group, u groupkit.GroupUpdate) bool {
	l := w.Options.Limits
	return (u.Name == nil || *u.Name == g.Name || validName(*u.Name, l.Name)) &&
		(u.Description == nil || *u.Description == g.Description || validText(*u.Description, l.Description)) &&
		(u.Avatar == nil || *u.Avatar == g.Avatar || validText(*u.Avatar, l.Avatar)) &&
		(u.Custom == nil || *u.Custom == g.Custom || validCustom(*u.Custom, l.Custom)) &&
		(u.MaxUsers == nil || *u.MaxUsers == g.MaxUsers || *u.MaxUsers >= max(1, len(g.Joined)) && *u.MaxUsers <= l.MaxUsers)
}

func set[T comparable](changed *[]groupkit.Field, name groupkit.Field, field, value *T) {
	if value != nil && *field != *value {
		*field = *value
		*changed = append(*changed, name)
	}
}

// DeleteGroup ends a group for good.
func (w *World) DeleteGroup(c Caller, id groupkit.GroupID) *Refusal {
	if no := c.wrong(id, true); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleOwner)
	if no != nil {
		return no
	}
	w.end(g)
	return nil
}

func (w *World) end(g *Group) {
	delete(w.Live, g.ID)
	w.Deleted[g.ID] = true
}

// Group shows a group; to whoever is invited to a private one, its face only.
func (w *World) Group(c Caller, id groupkit.GroupID) (groupkit.Group, *Refusal) {
	if no := c.wrong(id, true); no != nil {
		return groupkit.Group{}, no
	}
	g, no := w.enterInvited(c, id)
	if no != nil {
		return groupkit.Group{}, no
	}
	if !c.System && !g.Public && g.Role(c.User) == groupkit.RoleOutsider {
		return g.face(), nil
	}
	return w.Info(c, g), nil
}

// Info is the group as the caller sees it.
func (w *World) Info(c Caller, g *Group) groupkit.Group {
	info := g.Info()
	if c.System || g.Role(c.User) >= groupkit.RoleAdmin {
		info.RequestCount = Count(g.Requests, func(u groupkit.UserID) bool { return w.Requested(g, u) })
		info.InvitationCount = Count(g.Invitations, func(u groupkit.UserID) bool { return w.Invited(g, u) })
	}
	return info
}

// Info is the group as its members see it.
func (g *Group) Info() groupkit.Group {
	return groupkit.Group{
		ID: g.ID, Name: g.Name, Description: g.Description, Avatar: g.Avatar, Custom: g.Custom,
		Public: g.Public, MembersOnly: g.MembersOnly, AllowInvites: g.AllowInvites, InviteNeedConfirm: g.NeedConfirm,
		MaxUsers: g.MaxUsers, Owner: g.Owner, MemberCount: len(g.Joined), AdminCount: len(g.Admins),
		Muted: g.Muted, Created: g.Created, LastModified: g.Modified, Version: g.Version,
	}
}

func (g *Group) face() groupkit.Group {
	return groupkit.Group{ID: g.ID, Name: g.Name, Description: g.Description, Avatar: g.Avatar, MemberCount: len(g.Joined)}
}

// Details is the answer of GroupDetails.
type Details struct {
	Found   []groupkit.Group
	Missing []groupkit.GroupID
}

// GroupDetails shows several groups, and names those that it can't show. An ID that is too long
// for a group is named as often as it is asked for.
func (w *World) GroupDetails(c Caller, ids []groupkit.GroupID) (Details, *Refusal) {
	if !c.valid() {
		return Details{}, Refuse(groupkit.ErrInvalid)
	}
	if len(ids) > w.Options.Limits.GroupDetails {
		return Details{}, refuseLimit(groupkit.ErrBatchTooLarge, w.Options.Limits.GroupDetails)
	}
	var d Details
	for i, id := range ids {
		if len(id) <= longestID && slices.Contains(ids[:i], id) {
			continue
		}
		if g, no := w.Group(c, id); no == nil {
			d.Found = append(d.Found, g)
		} else {
			d.Missing = append(d.Missing, id)
		}
	}
	return d, nil
}

// Groups lists the groups that the caller may see, newest creation first.
func (w *World) Groups(c Caller) ([]groupkit.Group, *Refusal) {
	if !c.valid() {
		return nil, Refuse(groupkit.ErrInvalid)
	}
	return w.list(c, func(g *Group) bool {
		return c.System || Has(g.Joined, c.User) || g.Public && !w.Blocked(g, c.User)
	}), nil
}

// JoinedGroups lists the groups that a user is in.
func (w *World) JoinedGroups(c Caller, u groupkit.UserID) ([]groupkit.JoinedGroup, *Refusal) {
	if no := w.wrongUser(c, u); no != nil {
		return nil, no
	}
	var list []groupkit.JoinedGroup
	for _, info := range w.list(c, func(g *Group) bool { return Has(g.Joined, u) }) {
		g := w.Live[info.ID]
		list = append(list, groupkit.JoinedGroup{Group: info, Role: g.Role(u)})
	}
	slices.SortFunc(list, JoinedOrder)
	return list, nil
}

func (w *World) list(c Caller, keep func(*Group) bool) []groupkit.Group {
	var list []groupkit.Group
	for _, g := range w.Live {
		if keep(g) {
			list = append(list, w.Info(c, g))
		}
	}
	slices.SortFunc(list, GroupOrder)
	return list
}

// NewestGroup is newest first.
func NewestGroup(a, b groupkit.Group) int { return b.Created.Compare(a.Created) }

// GroupOrder is newest first, and an order among those of the same instant.
func GroupOrder(a, b groupkit.Group) int {
	return cmp.Or(NewestGroup(a, b), cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
}

// JoinedOrder is GroupOrder for the groups of a user.
func JoinedOrder(a, b groupkit.JoinedGroup) int { return GroupOrder(a.Group, b.Group) }
