package groupkit_test

import (
	"cmp"
	"slices"

	"groupkit"
)

// room refuses one more member in a full group, and one more group to a user at the limit.
func (w *world) room(g *modelGroup, u groupkit.UserID) *refusal {
	if len(g.joined) >= g.maxUsers {
		return refuseLimit(groupkit.ErrGroupFull, g.maxUsers)
	}
	return w.atLimit(u)
}

func (w *world) atLimit(u groupkit.UserID) *refusal {
	limit := w.opts.Limits.JoinedGroups
	if len(w.list(func(g *modelGroup) bool { return has(g.joined, u) })) < limit {
		return nil
	}
	no := refuseLimit(groupkit.ErrTooManyJoined, limit)
	no.user = u
	return no
}

// join makes a member of u; what it asked for, and was asked, is settled by that.
func (w *world) join(g *modelGroup, u groupkit.UserID) {
	g.joined[u] = w.at(g)
	delete(g.requests, u)
	delete(g.invitations, u)
	w.touch(g)
}

// depart ends a membership and what depends on it; mutes stay.
func (w *world) depart(g *modelGroup, u groupkit.UserID) {
	delete(g.joined, u)
	delete(g.admins, u)
	delete(g.allowed, u)
	w.touch(g)
}

// AddMember makes a member of a user at once.
func (w *world) AddMember(c caller, id groupkit.GroupID, u groupkit.UserID) *refusal {
	if no := c.wrong(id, validUser(u)); no != nil {
		return no
	}
	g, no := w.systemOnly(c, id)
	if no != nil {
		return no
	}
	return w.add(g, u)
}

// AddMembers makes members of several users at once.
func (w *world) AddMembers(c caller, id groupkit.GroupID, users []groupkit.UserID) ([]entry, *refusal) {
	if no := w.wrongBatch(c, id, users, true); no != nil {
		return nil, no
	}
	g, no := w.systemOnly(c, id)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) entry { return entry{refused: w.add(g, u)} })
}

func (w *world) systemOnly(c caller, id groupkit.GroupID) (*modelGroup, *refusal) {
	g, no := w.enter(c, id)
	if no == nil && !c.system {
		no = refuse(groupkit.ErrSystemOnly)
	}
	return g, no
}

func (w *world) add(g *modelGroup, u groupkit.UserID) *refusal {
	if no := w.welcome(g, u); no != nil {
		return no
	}
	if no := w.room(g, u); no != nil {
		return no
	}
	w.join(g, u)
	return nil
}

// welcome refuses whoever can't be brought in at all.
func (w *world) welcome(g *modelGroup, u groupkit.UserID) *refusal {
	switch {
	case !w.exists(u):
		return refuseUser(groupkit.ErrUserNotFound, u)
	case has(g.joined, u):
		return refuseUser(groupkit.ErrAlreadyMember, u)
	case w.blocked(g, u):
		return refuseUser(groupkit.ErrBlacklisted, u)
	}
	return nil
}

// RemoveMember ends the membership of another.
func (w *world) RemoveMember(c caller, id groupkit.GroupID, u groupkit.UserID) *refusal {
	if no := c.wrong(id, validUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return no
	}
	return w.remove(c, g, u)
}

// RemoveMembers ends the membership of several others.
func (w *world) RemoveMembers(c caller, id groupkit.GroupID, users []groupkit.UserID) ([]entry, *refusal) {
	if no := w.wrongBatch(c, id, users, true); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) entry { return entry{refused: w.remove(c, g, u)} })
}

func (w *world) remove(c caller, g *modelGroup, u groupkit.UserID) *refusal {
	if no := g.over(c, u); no != nil {
		return no
	}
	w.depart(g, u)
	return nil
}

// Leave ends one's own membership. Where owners may leave, the longest-serving
// admin follows, else the longest-serving member, else the group ends.
func (w *world) Leave(c caller, id groupkit.GroupID) *refusal {
	if no := c.wrong(id, !c.system); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	if no != nil {
		return no
	}
	if g.owner == c.user {
		if w.opts.OwnerLeave == groupkit.OwnerRefuse {
			return refuseUser(groupkit.ErrOwner, c.user)
		}
		if len(g.joined) == 1 {
			w.end(g)
			return nil
		}
		w.own(g, g.successor())
	}
	w.depart(g, c.user)
	return nil
}

func (g *modelGroup) successor() groupkit.UserID {
	candidates := g.admins
	if len(candidates) == 0 {
		candidates = g.joined
	}
	var first groupkit.UserID
	for u, since := range candidates {
		if u != g.owner && (first == "" || cmp.Or(since.Compare(candidates[first]), cmp.Compare(u, first)) < 0) {
			first = u
		}
	}
	return first
}

// own makes a member the owner; the old one stays as a plain member.
func (w *world) own(g *modelGroup, u groupkit.UserID) {
	g.owner = u
	delete(g.admins, u)
	delete(g.mutes, u)
	w.touch(g)
}

// TransferGroup makes another member the owner.
func (w *world) TransferGroup(c caller, id groupkit.GroupID, u groupkit.UserID) *refusal {
	if no := c.wrong(id, validUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleOwner)
	switch {
	case no != nil:
		return no
	case !has(g.joined, u):
		return refuseUser(groupkit.ErrNotMember, u)
	case u == g.owner:
		return refuseUser(groupkit.ErrOwner, u)
	}
	w.own(g, u)
	return nil
}

// AddAdmin appoints a member.
func (w *world) AddAdmin(c caller, id groupkit.GroupID, u groupkit.UserID) *refusal {
	if no := c.wrong(id, validUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleOwner)
	switch {
	case no != nil:
		return no
	case !has(g.joined, u):
		return refuseUser(groupkit.ErrNotMember, u)
	case u == g.owner:
		return refuseUser(groupkit.ErrOwner, u)
	case has(g.admins, u):
		return refuseUser(groupkit.ErrAlreadyAdmin, u)
	case 1+len(g.admins) >= w.opts.Limits.Admins:
		return refuseLimit(groupkit.ErrTooManyAdmins, w.opts.Limits.Admins)
	}
	g.admins[u] = w.at(g)
	w.touch(g)
	return nil
}

// RemoveAdmin dismisses an admin, who stays as a plain member.
func (w *world) RemoveAdmin(c caller, id groupkit.GroupID, u groupkit.UserID) *refusal {
	if no := c.wrong(id, validUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleOwner)
	switch {
	case no != nil:
		return no
	case !has(g.joined, u):
		return refuseUser(groupkit.ErrNotMember, u)
	case u == g.owner:
		return refuseUser(groupkit.ErrOwner, u)
	case !has(g.admins, u):
		return refuseUser(groupkit.ErrNotAdmin, u)
	}
	delete(g.admins, u)
	w.touch(g)
	return nil
}

// Role tells the role of a user: to the members, and to whom it is about.
func (w *world) Role(c caller, id groupkit.GroupID, u groupkit.UserID) (groupkit.Role, *refusal) {
	if no := c.wrong(id, validUser(u)); no != nil {
		return 0, no
	}
	lowest := groupkit.RoleMember
	if !c.system && c.user == u {
		lowest = groupkit.RoleOutsider
	}
	g, no := w.as(c, id, lowest)
	if no != nil {
		return 0, no
	}
	return g.role(u), nil
}

// Members lists the members.
func (w *world) Members(c caller, id groupkit.GroupID) ([]groupkit.Member, *refusal) {
	return w.members(c, id, func(g *modelGroup, u groupkit.UserID) bool { return true })
}

// Admins lists the admins.
func (w *world) Admins(c caller, id groupkit.GroupID) ([]groupkit.Member, *refusal) {
	return w.members(c, id, func(g *modelGroup, u groupkit.UserID) bool { return has(g.admins, u) })
}

func (w *world) members(c caller, id groupkit.GroupID, keep func(*modelGroup, groupkit.UserID) bool) ([]groupkit.Member, *refusal) {
	if no := c.wrong(id, true); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	if no != nil {
		return nil, no
	}
	var list []groupkit.Member
	for u, joined := range g.joined {
		if keep(g, u) {
			list = append(list, groupkit.Member{User: u, Role: g.role(u), Joined: joined, AdminSince: g.admins[u]})
		}
	}
	slices.SortFunc(list, func(a, b groupkit.Member) int { return cmp.Compare(a.User, b.User) })
	return list, nil
}
