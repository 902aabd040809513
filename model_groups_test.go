package groupkit_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"groupkit"
)

// CreateGroup makes a group. An id that the engine assigns is called new-1, new-2, ….
func (w *world) CreateGroup(c caller, n groupkit.NewGroup) (groupkit.Group, *refusal) {
	owner := n.Owner
	if owner == "" {
		owner = c.user
	}
	var members []groupkit.UserID // once each, and without the owner
	for _, u := range n.Members {
		if u != owner && !slices.Contains(members, u) {
			members = append(members, u)
		}
	}
	if c.valid() && len(members) > w.opts.Limits.NewMembers {
		return groupkit.Group{}, refuseLimit(groupkit.ErrBatchTooLarge, w.opts.Limits.NewMembers)
	}
	if no := w.wrongNewGroup(c, n, owner); no != nil {
		return groupkit.Group{}, no
	}
	if !c.system && (owner != c.user || n.ID != "") {
		return groupkit.Group{}, refuse(groupkit.ErrSystemOnly)
	}
	for _, u := range append([]groupkit.UserID{owner}, members...) {
		if !w.exists(u) {
			return groupkit.Group{}, refuseUser(groupkit.ErrUserNotFound, u)
		}
	}
	if has(w.groups, n.ID) || w.deleted[n.ID] {
		return groupkit.Group{}, refuse(groupkit.ErrGroupExists)
	}
	if limit := w.opts.Limits.Groups; limit > 0 && len(w.groups) >= limit {
		return groupkit.Group{}, refuseLimit(groupkit.ErrTooManyGroups, limit)
	}
	g := w.newGroup(n, owner)
	joining := []groupkit.UserID{owner}
	var inviting []groupkit.UserID
	if c.system || !g.needConfirm {
		joining = append(joining, members...)
	} else {
		inviting = members
	}
	if len(joining) > g.maxUsers {
		return groupkit.Group{}, refuseLimit(groupkit.ErrGroupFull, g.maxUsers)
	}
	for _, u := range joining {
		if no := w.atLimit(u); no != nil {
			return groupkit.Group{}, no
		}
	}
	if len(inviting) > w.opts.Limits.Invitations {
		return groupkit.Group{}, refuseLimit(groupkit.ErrTooManyInvitations, w.opts.Limits.Invitations)
	}
	if g.id == "" {
		w.numbered++
		g.id = groupkit.GroupID(fmt.Sprint("new-", w.numbered))
	}
	w.groups[g.id] = g
	for _, u := range joining {
		w.join(g, u)
	}
	for _, u := range inviting {
		w.putInvitation(c, g, u)
	}
	w.touch(g)
	return g.group(), nil
}

func (w *world) wrongNewGroup(c caller, n groupkit.NewGroup, owner groupkit.UserID) *refusal {
	ok := c.valid() && validUser(owner) && (n.ID == "" || validGroup(n.ID)) &&
		validText(n.Name, 1, 128) && validText(n.Description, 0, 512) &&
		validText(n.Avatar, 0, 1024) && validCustom(n.Custom) &&
		n.MaxUsers >= 0 && n.MaxUsers <= w.opts.Limits.MaxGroupSize
	for _, u := range n.Members {
		ok = ok && validUser(u)
	}
	if !ok {
		return refuse(groupkit.ErrInvalid)
	}
	return nil
}

// newGroup is a group without members.
func (w *world) newGroup(n groupkit.NewGroup, owner groupkit.UserID) *modelGroup {
	return &modelGroup{
		id: n.ID, name: n.Name, description: n.Description, avatar: n.Avatar, custom: n.Custom,
		public: n.Public, membersOnly: n.MembersOnly,
		allowInvites: n.AllowInvites && !n.Public,
		needConfirm:  n.InviteNeedConfirm == nil || *n.InviteNeedConfirm,
		maxUsers:     cmp.Or(n.MaxUsers, w.opts.Limits.GroupSize),
		owner:        owner, created: w.now, modified: w.now,
		joined:      map[groupkit.UserID]time.Time{},
		admins:      map[groupkit.UserID]time.Time{},
		blocks:      map[groupkit.UserID]groupkit.Block{},
		mutes:       map[groupkit.UserID]groupkit.Mute{},
		allowed:     map[groupkit.UserID]groupkit.Allowed{},
		requests:    map[groupkit.UserID]groupkit.Request{},
		invitations: map[groupkit.UserID]groupkit.Invitation{},
	}
}

// UpdateGroup changes fields: all that are named, or none.
func (w *world) UpdateGroup(c caller, id groupkit.GroupID, u groupkit.GroupUpdate) ([]groupkit.Field, *refusal) {
	if no := c.wrong(id, w.validUpdate(u)); no != nil {
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
	if u.MaxUsers != nil && *u.MaxUsers < len(g.joined) {
		return nil, refuse(groupkit.ErrInvalid)
	}
	var changed []groupkit.Field
	set(&changed, groupkit.FieldName, &g.name, u.Name)
	set(&changed, groupkit.FieldDescription, &g.description, u.Description)
	set(&changed, groupkit.FieldAvatar, &g.avatar, u.Avatar)
	set(&changed, groupkit.FieldCustom, &g.custom, u.Custom)
	set(&changed, groupkit.FieldMaxUsers, &g.maxUsers, u.MaxUsers)
	set(&changed, groupkit.FieldMembersOnly, &g.membersOnly, u.MembersOnly)
	set(&changed, groupkit.FieldAllowInvites, &g.allowInvites, u.AllowInvites)
	set(&changed, groupkit.FieldInviteNeedConfirm, &g.needConfirm, u.InviteNeedConfirm)
	if len(changed) > 0 {
		w.touch(g)
	}
	return changed, nil
}

func (w *world) validUpdate(u groupkit.GroupUpdate) bool {
	return (u.Name == nil || validText(*u.Name, 1, 128) && !strings.Contains(*u.Name, "/")) &&
		(u.Description == nil || validText(*u.Description, 0, 512) && !strings.Contains(*u.Description, "/")) &&
		(u.Avatar == nil || validText(*u.Avatar, 0, 1024)) &&
		(u.Custom == nil || validCustom(*u.Custom)) &&
		(u.MaxUsers == nil || *u.MaxUsers >= 1 && *u.MaxUsers <= w.opts.Limits.MaxGroupSize)
}

func set[T comparable](changed *[]groupkit.Field, name groupkit.Field, field, value *T) {
	if value != nil && *field != *value {
		*field = *value
		*changed = append(*changed, name)
	}
}

// DeleteGroup ends a group for good.
func (w *world) DeleteGroup(c caller, id groupkit.GroupID) *refusal {
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

func (w *world) end(g *modelGroup) {
	delete(w.groups, g.id)
	w.deleted[g.id] = true
}

// Group shows a group; to whoever is invited to a private one, its face only.
func (w *world) Group(c caller, id groupkit.GroupID) (groupkit.Group, *refusal) {
	if no := c.wrong(id, true); no != nil {
		return groupkit.Group{}, no
	}
	g, no := w.enterInvited(c, id)
	if no != nil {
		return groupkit.Group{}, no
	}
	if !c.system && !g.public && g.role(c.user) == groupkit.RoleOutsider {
		return g.face(), nil
	}
	return g.group(), nil
}

func (g *modelGroup) group() groupkit.Group {
	return groupkit.Group{
		ID: g.id, Name: g.name, Description: g.description, Avatar: g.avatar, Custom: g.custom,
		Public: g.public, MembersOnly: g.membersOnly, AllowInvites: g.allowInvites, InviteNeedConfirm: g.needConfirm,
		MaxUsers: g.maxUsers, Owner: g.owner, MemberCount: len(g.joined), AdminCount: len(g.admins),
		Muted: g.muted, Created: g.created, LastModified: g.modified, Version: g.version,
	}
}

func (g *modelGroup) face() groupkit.Group {
	return groupkit.Group{ID: g.id, Name: g.name, Description: g.description, Avatar: g.avatar, MemberCount: len(g.joined)}
}

// details is the answer of GroupDetails.
type details struct {
	found   []groupkit.Group
	missing []groupkit.GroupID
}

// GroupDetails shows several groups, and names those that it can't show.
func (w *world) GroupDetails(c caller, ids []groupkit.GroupID) (details, *refusal) {
	if !c.valid() {
		return details{}, refuse(groupkit.ErrInvalid)
	}
	if len(ids) > w.opts.Limits.Details {
		return details{}, refuseLimit(groupkit.ErrBatchTooLarge, w.opts.Limits.Details)
	}
	var d details
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			continue
		}
		if g, no := w.Group(c, id); no == nil {
			d.found = append(d.found, g)
		} else {
			d.missing = append(d.missing, id)
		}
	}
	return d, nil
}

// Groups lists the groups that the caller may see, newest creation first.
func (w *world) Groups(c caller) ([]groupkit.Group, *refusal) {
	if !c.valid() {
		return nil, refuse(groupkit.ErrInvalid)
	}
	return w.list(func(g *modelGroup) bool {
		return c.system || has(g.joined, c.user) || g.public && !w.blocked(g, c.user)
	}), nil
}

// JoinedGroups lists the groups that a user is in.
func (w *world) JoinedGroups(c caller, u groupkit.UserID) ([]groupkit.Group, *refusal) {
	if no := w.wrongUser(c, u); no != nil {
		return nil, no
	}
	return w.list(func(g *modelGroup) bool { return has(g.joined, u) }), nil
}

func (w *world) list(keep func(*modelGroup) bool) []groupkit.Group {
	var list []groupkit.Group
	for _, g := range w.groups {
		if keep(g) {
			list = append(list, g.group())
		}
	}
	slices.SortFunc(list, groupOrder)
	return list
}

func newestGroup(a, b groupkit.Group) int { return b.Created.Compare(a.Created) }

// groupOrder is newest first, and an order among those of the same instant.
func groupOrder(a, b groupkit.Group) int {
	return cmp.Or(newestGroup(a, b), cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
}
