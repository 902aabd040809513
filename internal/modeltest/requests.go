package modeltest

import (
	"cmp"
	"slices"

	"groupkit"
)

// Join makes a member of the caller, or files its request.
func (w *World) Join(c Caller, id groupkit.GroupID) (groupkit.Outcome, *Refusal) {
	if no := c.wrong(id, !c.System); no != nil {
		return 0, no
	}
	g, no := w.enterInvited(c, id)
	switch {
	case no != nil:
		return 0, no
	case !w.exists(c.User):
		return 0, refuseUser(groupkit.ErrUserNotFound, c.User)
	case Has(g.Joined, c.User):
		return 0, refuseUser(groupkit.ErrAlreadyMember, c.User)
	case w.Invited(g, c.User):
		return groupkit.OutcomeJoined, w.accept(g, c.User)
	case !g.Public:
		return 0, Refuse(groupkit.ErrGroupNotFound)
	case !g.MembersOnly:
		return groupkit.OutcomeJoined, w.accept(g, c.User)
	case w.Requested(g, c.User):
		return groupkit.OutcomeRequested, nil
	case w.CountRequests(g) >= w.Options.Limits.Requests:
		return 0, refuseLimit(groupkit.ErrTooManyRequests, w.Options.Limits.Requests)
	}
	w.comesAs(g, c.User, 'r')
	g.Requests[c.User] = groupkit.Request{
		Group: g.ID, User: c.User, At: w.at(g), Expires: w.expires(w.Options.RequestTTL), Reason: c.Reason,
	}
	w.Touch(g)
	return groupkit.OutcomeRequested, nil
}

// CountRequests counts the pending requests.
func (w *World) CountRequests(g *Group) int {
	return Count(g.Requests, func(u groupkit.UserID) bool { return w.Requested(g, u) })
}

// CountInvitations counts the pending invitations.
func (w *World) CountInvitations(g *Group) int {
	return Count(g.Invitations, func(u groupkit.UserID) bool { return w.Invited(g, u) })
}

// accept lets a user in who is entitled to it, if there is room.
func (w *World) accept(g *Group, u groupkit.UserID) *Refusal {
	if no := w.room(g, u); no != nil {
		return no
	}
	w.join(g, u)
	return nil
}

// CancelRequest takes the caller's own request back.
func (w *World) CancelRequest(c Caller, id groupkit.GroupID) *Refusal {
	if no := c.wrong(id, !c.System); no != nil {
		return no
	}
	g, no := w.enter(c, id)
	if no != nil {
		return no
	}
	return w.dropRequest(g, c.User)
}

// ApproveRequest lets a requester in; if there is no room, the request stays.
func (w *World) ApproveRequest(c Caller, id groupkit.GroupID, u groupkit.UserID) *Refusal {
	if no := c.wrong(id, ValidUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	switch {
	case no != nil:
		return no
	case !w.Requested(g, u):
		return refuseUser(groupkit.ErrRequestNotFound, u)
	}
	return w.accept(g, u)
}

// DeclineRequest turns a request down.
func (w *World) DeclineRequest(c Caller, id groupkit.GroupID, u groupkit.UserID) *Refusal {
	if no := c.wrong(id, ValidUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return no
	}
	return w.dropRequest(g, u)
}

// ApproveRequests lets several requesters in.
func (w *World) ApproveRequests(c Caller, id groupkit.GroupID, users []groupkit.UserID) ([]Entry, *Refusal) {
	return w.answers(c, id, users, func(g *Group, u groupkit.UserID) *Refusal {
		if !w.Requested(g, u) {
			return refuseUser(groupkit.ErrRequestNotFound, u)
		}
		return w.accept(g, u)
	})
}

// DeclineRequests turns several requests down.
func (w *World) DeclineRequests(c Caller, id groupkit.GroupID, users []groupkit.UserID) ([]Entry, *Refusal) {
	return w.answers(c, id, users, w.dropRequest)
}

// answers does something for each of several users, as an admin.
func (w *World) answers(c Caller, id groupkit.GroupID, users []groupkit.UserID, one func(*Group, groupkit.UserID) *Refusal) ([]Entry, *Refusal) {
	if no := w.wrongBatch(c, id, users, true); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) Entry { return Entry{Refused: one(g, u)} })
}

func (w *World) dropRequest(g *Group, u groupkit.UserID) *Refusal {
	if !w.Requested(g, u) {
		return refuseUser(groupkit.ErrRequestNotFound, u)
	}
	delete(g.Requests, u)
	w.Touch(g)
	return nil
}

// Invite brings a user in at once, or asks it to come.
func (w *World) Invite(c Caller, id groupkit.GroupID, u groupkit.UserID) (groupkit.Outcome, *Refusal) {
	if no := c.wrong(id, ValidUser(u)); no != nil {
		return 0, no
	}
	g, no := w.inviter(c, id)
	if no != nil {
		return 0, no
	}
	e := w.invite(c, g, u)
	return e.Outcome, e.Refused
}

// InviteUsers invites several users.
func (w *World) InviteUsers(c Caller, id groupkit.GroupID, users []groupkit.UserID) ([]Entry, *Refusal) {
	if no := w.wrongBatch(c, id, users, true); no != nil {
		return nil, no
	}
	g, no := w.inviter(c, id)
	if no != nil {
		return nil, no
	}
	var approved, invited []groupkit.UserID
	all, no := each(users, func(u groupkit.UserID) Entry {
		requested := w.Requested(g, u)
		e := w.invite(c, g, u)
		switch {
		case e.Refused != nil || e.Outcome != groupkit.OutcomeJoined:
		case requested && w.approves(c, g):
			approved = append(approved, u)
		default:
			invited = append(invited, u)
		}
		return e
	})
	w.orderJoins(g, approved, invited)
	return all, no
}

// orderJoins puts those who joined by approval and by invitation, in one call, into the order of
// the log: one event for each kind, the one of the last user last.
func (w *World) orderJoins(g *Group, approved, invited []groupkit.UserID) {
	if len(approved) == 0 || len(invited) == 0 {
		return
	}
	last := func(users []groupkit.UserID) int { return w.came[arrival{g.ID, users[len(users)-1], 'j'}] }
	if last(approved) > last(invited) {
		approved, invited = invited, approved
	}
	for _, u := range append(approved, invited...) {
		w.comesAs(g, u, 'j')
	}
}

// approves reports whether the caller may approve requests.
func (w *World) approves(c Caller, g *Group) bool {
	return c.System || g.Role(c.User) >= groupkit.RoleAdmin
}

// inviter is enter for a caller that may invite: plain members only in a private
// group that lets them.
func (w *World) inviter(c Caller, id groupkit.GroupID) (*Group, *Refusal) {
	g, no := w.enter(c, id)
	if no != nil {
		return nil, no
	}
	return g, g.lowest(c, g.invitersRole())
}

func (g *Group) invitersRole() groupkit.Role {
	if !g.Public && g.AllowInvites {
		return groupkit.RoleMember
	}
	return groupkit.RoleAdmin
}

func (w *World) invite(c Caller, g *Group, u groupkit.UserID) Entry {
	no := w.welcome(c, g, u)
	switch {
	case no != nil:
		return Entry{Refused: no}
	case w.Requested(g, u) && w.approves(c, g), !g.NeedConfirm:
		return Entry{Refused: w.accept(g, u), Outcome: groupkit.OutcomeJoined}.kept()
	case w.Invited(g, u) && !g.takesOver(c, g.Invitations[u].By):
		return Entry{Outcome: groupkit.OutcomeInvited}
	case !w.Invited(g, u) && w.CountInvitations(g) >= w.Options.Limits.Invitations:
		return Entry{Refused: refuseLimit(groupkit.ErrTooManyInvitations, w.Options.Limits.Invitations)}
	}
	w.putInvitation(c, g, u)
	return Entry{Outcome: groupkit.OutcomeInvited}
}

func (w *World) putInvitation(c Caller, g *Group, u groupkit.UserID) {
	w.comesAs(g, u, 'i')
	g.Invitations[u] = groupkit.Invitation{
		Group: g.ID, User: u, By: c.by(), At: w.at(g), Expires: w.expires(w.Options.InvitationTTL), Reason: c.Reason,
	}
	w.Touch(g)
}

// MayInvite reports whether a user is allowed to invite. The system, "", always is.
func (g *Group) MayInvite(u groupkit.UserID) bool { return u == "" || g.Role(u) >= g.invitersRole() }

// takesOver reports whether the caller takes an invitation over by inviting again.
func (g *Group) takesOver(c Caller, by groupkit.UserID) bool {
	return by != "" && (c.System || g.Role(c.User) > g.Role(by))
}

// AcceptInvitation makes a member of an invited caller.
func (w *World) AcceptInvitation(c Caller, id groupkit.GroupID) *Refusal {
	if no := c.wrong(id, !c.System); no != nil {
		return no
	}
	g, no := w.enterInvited(c, id)
	switch {
	case no != nil:
		return no
	case !w.exists(c.User):
		return refuseUser(groupkit.ErrUserNotFound, c.User)
	case Has(g.Joined, c.User):
		return refuseUser(groupkit.ErrAlreadyMember, c.User)
	case !w.Invited(g, c.User):
		return refuseUser(groupkit.ErrInvitationNotFound, c.User)
	}
	return w.accept(g, c.User)
}

// DeclineInvitation turns an invitation down.
func (w *World) DeclineInvitation(c Caller, id groupkit.GroupID) *Refusal {
	if no := c.wrong(id, !c.System); no != nil {
		return no
	}
	g, no := w.enterInvited(c, id)
	if no != nil {
		return no
	}
	return w.dropInvitation(g, c.User)
}

// CancelInvitation takes an invitation back: one's own, or as an admin any.
func (w *World) CancelInvitation(c Caller, id groupkit.GroupID, u groupkit.UserID) *Refusal {
	if no := c.wrong(id, ValidUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	if no != nil {
		return no
	}
	return w.cancelInvitation(c, g, u)
}

// CancelInvitations takes several invitations back.
func (w *World) CancelInvitations(c Caller, id groupkit.GroupID, users []groupkit.UserID) ([]Entry, *Refusal) {
	if no := w.wrongBatch(c, id, users, true); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) Entry { return Entry{Refused: w.cancelInvitation(c, g, u)} })
}

func (w *World) cancelInvitation(c Caller, g *Group, u groupkit.UserID) *Refusal {
	if own := w.Invited(g, u) && !c.System && g.Invitations[u].By == c.User; !own {
		if no := g.lowest(c, groupkit.RoleAdmin); no != nil {
			return no
		}
	}
	return w.dropInvitation(g, u)
}

func (w *World) dropInvitation(g *Group, u groupkit.UserID) *Refusal {
	if !w.Invited(g, u) {
		return refuseUser(groupkit.ErrInvitationNotFound, u)
	}
	delete(g.Invitations, u)
	w.Touch(g)
	return nil
}

// Requests lists the requests of a group.
func (w *World) Requests(c Caller, id groupkit.GroupID) ([]groupkit.Request, *Refusal) {
	return listed(w, c, id, func(g *Group) []groupkit.Request {
		return inOrder(w, g, 'r', g.Requests, func(u groupkit.UserID) bool { return w.Requested(g, u) })
	})
}

// Invitations lists the invitations of a group.
func (w *World) Invitations(c Caller, id groupkit.GroupID) ([]groupkit.Invitation, *Refusal) {
	return listed(w, c, id, func(g *Group) []groupkit.Invitation {
		return inOrder(w, g, 'i', g.Invitations, func(u groupkit.UserID) bool { return w.Invited(g, u) })
	})
}

// PendingRequests lists the requests of a user in all groups.
func (w *World) PendingRequests(c Caller, u groupkit.UserID) ([]groupkit.Request, *Refusal) {
	if no := w.wrongUser(c, u); no != nil {
		return nil, no
	}
	var list []groupkit.Request
	for _, g := range w.Live {
		if w.Requested(g, u) {
			list = append(list, g.Requests[u])
		}
	}
	slices.SortFunc(list, RequestOrder)
	return list, nil
}

// PendingInvitations lists the invitations of a user to all groups.
func (w *World) PendingInvitations(c Caller, u groupkit.UserID) ([]groupkit.Invitation, *Refusal) {
	if no := w.wrongUser(c, u); no != nil {
		return nil, no
	}
	var list []groupkit.Invitation
	for _, g := range w.Live {
		if w.Invited(g, u) {
			list = append(list, g.Invitations[u])
		}
	}
	slices.SortFunc(list, InvitationOrder)
	return list, nil
}

func RequestOrder(a, b groupkit.Request) int { return cmp.Compare(a.Group, b.Group) }

func InvitationOrder(a, b groupkit.Invitation) int { return cmp.Compare(a.Group, b.Group) }

// wrongUser is for the calls on a user that only the system and that user may make.
func (w *World) wrongUser(c Caller, u groupkit.UserID) *Refusal {
	switch {
	case !c.valid() || !ValidUser(u):
		return Refuse(groupkit.ErrInvalid)
	case !c.System && c.User != u:
		return Refuse(groupkit.ErrSystemOnly)
	case !w.exists(u):
		return refuseUser(groupkit.ErrUserNotFound, u)
	}
	return nil
}
