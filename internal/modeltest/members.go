package modeltest

import (
	"cmp"
	"slices"

	"groupkit"
)

// room refuses one more member in a full group, and one more group to a user at the limit.
func (w *World) room(g *Group, u groupkit.UserID) *Refusal {
	if len(g.Joined) >= g.MaxUsers {
		return refuseLimit(groupkit.ErrGroupFull, g.MaxUsers)
	}
	return w.atLimit(u)
}

func (w *World) atLimit(u groupkit.UserID) *Refusal {
	limit := w.Options.Limits.JoinedGroups
	if len(w.list(Caller{}, func(g *Group) bool { return Has(g.Joined, u) })) < limit {
		return nil
	}
	no := refuseLimit(groupkit.ErrTooManyJoined, limit)
	no.User = u
	return no
}

// join makes u a member and ends its pending request and invitation.
func (w *World) join(g *Group, u groupkit.UserID) {
	g.Joined[u] = w.at(g)
	w.comesAs(g, u, 'j')
	delete(g.Requests, u)
	delete(g.Invitations, u)
	w.Touch(g)
}

// depart ends a membership and what depends on it; mutes stay.
func (w *World) depart(g *Group, u groupkit.UserID) {
	delete(g.Joined, u)
	delete(g.Admins, u)
	delete(g.Allowed, u)
	w.Touch(g)
}

// AddMember makes a member of a user at once.
func (w *World) AddMember(c Caller, id groupkit.GroupID, u groupkit.UserID) *Refusal {
	if no := c.wrong(id, ValidUser(u)); no != nil {
		return no
	}
	g, no := w.systemOnly(c, id)
	if no != nil {
		return no
	}
	return w.add(g, u)
}

// AddMembers makes members of several users at once.
func (w *World) AddMembers(c Caller, id groupkit.GroupID, users []groupkit.UserID) ([]Entry, *Refusal) {
	if no := w.wrongBatch(c, id, users, true); no != nil {
		return nil, no
	}
	g, no := w.systemOnly(c, id)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) Entry { return Entry{Refused: w.add(g, u)} })
}

func (w *World) systemOnly(c Caller, id groupkit.GroupID) (*Group, *Refusal) {
	g, no := w.enter(c, id)
	if no == nil && !c.System {
		no = Refuse(groupkit.ErrSystemOnly)
	}
	return g, no
}

func (w *World) add(g *Group, u groupkit.UserID) *Refusal {
	if no := w.welcome(Caller{System: true}, g, u); no != nil {
		return no
	}
	if no := w.room(g, u); no != nil {
		return no
	}
	w.join(g, u)
	return nil
}

// welcome refuses whoever can't be brought in at all.
func (w *World) welcome(c Caller, g *Group, u groupkit.UserID) *Refusal {
	switch {
	case !w.exists(u):
		return refuseUser(groupkit.ErrUserNotFound, u)
	case Has(g.Joined, u):
		return refuseUser(groupkit.ErrAlreadyMember, u)
	case w.Blocked(g, u):
		if !w.approves(c, g) { // who does not see the blacklist
			return refuseUser(groupkit.ErrBlacklisted, u)
		}
		return g.refuseBlocked(u)
	}
	return nil
}

// RemoveMember ends the membership of another.
func (w *World) RemoveMember(c Caller, id groupkit.GroupID, u groupkit.UserID) *Refusal {
	if no := c.wrong(id, ValidUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return no
	}
	return w.remove(c, g, u)
}

// RemoveMembers ends the membership of several others.
func (w *World) RemoveMembers(c Caller, id groupkit.GroupID, users []groupkit.UserID) ([]Entry, *Refusal) {
	if no := w.wrongBatch(c, id, users, true); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) Entry { return Entry{Refused: w.remove(c, g, u)} })
}

func (w *World) remove(c Caller, g *Group, u groupkit.UserID) *Refusal {
	if no := g.over(c, u); no != nil {
		return no
	}
	w.depart(g, u)
	return nil
}

// Leave ends one's own membership. Where owners may leave, the longest-serving
// admin follows, else the longest-serving member, else the group ends.
func (w *World) Leave(c Caller, id groupkit.GroupID) *Refusal {
	if no := c.wrong(id, !c.System); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	if no != nil {
		return no
	}
	if g.Owner == c.User {
		if w.Options.OwnerLeave == groupkit.OwnerRefuse {
			return refuseUser(groupkit.ErrIsOwner, c.User)
		}
		if len(g.Joined) == 1 {
			w.end(g)
			return nil
		}
		w.own(g, w.successor(g))
	}
	w.depart(g, c.User)
	return nil
}

func (w *World) successor(g *Group) groupkit.UserID {
	candidates, as := g.Admins, 'a'
	if len(candidates) == 0 {
		candidates, as = g.Joined, 'j'
	}
	var first groupkit.UserID
	for u := range candidates {
		if u != g.Owner && (first == "" || w.came[arrival{g.ID, u, as}] < w.came[arrival{g.ID, first, as}]) {
			first = u
		}
	}
	return first
}

// own makes a member the owner; the old one stays as a plain member.
func (w *World) own(g *Group, u groupkit.UserID) {
	g.Owner = u
	delete(g.Admins, u)
	delete(g.Mutes, u)
	w.Touch(g)
}

// TransferGroup makes another member the owner.
func (w *World) TransferGroup(c Caller, id groupkit.GroupID, u groupkit.UserID) *Refusal {
	if no := c.wrong(id, ValidUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleOwner)
	switch {
	case no != nil:
		return no
	case !Has(g.Joined, u):
		return refuseUser(groupkit.ErrNotMember, u)
	case u == g.Owner:
		return refuseUser(groupkit.ErrIsOwner, u)
	}
	w.own(g, u)
	return nil
}

// AddAdmin appoints a member.
func (w *World) AddAdmin(c Caller, id groupkit.GroupID, u groupkit.UserID) *Refusal {
	if no := c.wrong(id, ValidUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleOwner)
	switch {
	case no != nil:
		return no
	case !Has(g.Joined, u):
		return refuseUser(groupkit.ErrNotMember, u)
	case u == g.Owner:
		return refuseUser(groupkit.ErrIsOwner, u)
	case Has(g.Admins, u):
		return refuseUser(groupkit.ErrAlreadyAdmin, u)
	case 1+len(g.Admins) >= w.Options.Limits.Admins:
		return refuseLimit(groupkit.ErrTooManyAdmins, w.Options.Limits.Admins)
	}
	g.Admins[u] = w.at(g)
	w.comesAs(g, u, 'a')
	w.Touch(g)
	return nil
}

// RemoveAdmin dismisses an admin, who stays as a plain member.
func (w *World) RemoveAdmin(c Caller, id groupkit.GroupID, u groupkit.UserID) *Refusal {
	if no := c.wrong(id, ValidUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleOwner)
	switch {
	case no != nil:
		return no
	case !Has(g.Joined, u):
		return refuseUser(groupkit.ErrNotMember, u)
	case u == g.Owner:
		return refuseUser(groupkit.ErrIsOwner, u)
	case !Has(g.Admins, u):
		return refuseUser(groupkit.ErrNotAdmin, u)
	}
	delete(g.Admins, u)
	w.Touch(g)
	return nil
}

// Role tells the role of a user: to the members, and to whom it is about.
func (w *World) Role(c Caller, id groupkit.GroupID, u groupkit.UserID) (groupkit.Role, *Refusal) {
	if no := c.wrong(id, ValidUser(u)); no != nil {
		return 0, no
	}
	lowest := groupkit.RoleMember
	if !c.System && c.User == u {
		lowest = groupkit.RoleOutsider
	}
	g, no := w.as(c, id, lowest)
	if no != nil {
		return 0, no
	}
	return g.Role(u), nil
}

// Standing is everything about one user in a group.
func (w *World) Standing(c Caller, id groupkit.GroupID, u groupkit.UserID) (groupkit.Standing, *Refusal) {
	if no := c.wrong(id, ValidUser(u)); no != nil {
		return groupkit.Standing{}, no
	}
	own := !c.System && c.User == u
	g, no := w.enterInvited(c, id)
	if !own {
		g, no = w.as(c, id, groupkit.RoleAdmin)
	}
	if no != nil {
		return groupkit.Standing{}, no
	}
	s := groupkit.Standing{User: u, Role: g.Role(u), Joined: g.Joined[u], AdminSince: g.Admins[u]}
	hides := own && s.Role < groupkit.RoleAdmin
	if w.Muted(g, u) {
		s.Mute = new(g.Mutes[u])
		if hides {
			s.Mute.By = ""
		}
	}
	if a, ok := g.Allowed[u]; ok {
		s.Allowed = &a
		if hides {
			s.Allowed.By = ""
		}
	}
	if w.Blocked(g, u) {
		s.Block = new(g.Blocks[u])
	}
	if w.Requested(g, u) {
		s.Request = new(g.Requests[u])
	}
	if w.Invited(g, u) {
		s.Invitation = new(g.Invitations[u])
	}
	return s, nil
}

// Members lists the members.
func (w *World) Members(c Caller, id groupkit.GroupID) ([]groupkit.Member, *Refusal) {
	return w.members(c, id, func(g *Group, u groupkit.UserID) bool { return true })
}

// Admins lists the admins.
func (w *World) Admins(c Caller, id groupkit.GroupID) ([]groupkit.Member, *Refusal) {
	return w.members(c, id, func(g *Group, u groupkit.UserID) bool { return Has(g.Admins, u) })
}

func (w *World) members(c Caller, id groupkit.GroupID, keep func(*Group, groupkit.UserID) bool) ([]groupkit.Member, *Refusal) {
	if no := c.wrong(id, true); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	if no != nil {
		return nil, no
	}
	var list []groupkit.Member
	for u, joined := range g.Joined {
		if keep(g, u) {
			list = append(list, groupkit.Member{User: u, Role: g.Role(u), Joined: joined, AdminSince: g.Admins[u]})
		}
	}
	slices.SortFunc(list, func(a, b groupkit.Member) int { return cmp.Compare(a.User, b.User) })
	return list, nil
}
