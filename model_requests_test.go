package groupkit_test

import (
	"cmp"
	"slices"

	"groupkit"
)

// Join makes a member of the caller, or files its request.
func (w *world) Join(c caller, id groupkit.GroupID) (groupkit.Outcome, *refusal) {
	if no := c.wrong(id, !c.system); no != nil {
		return 0, no
	}
	g, no := w.enterInvited(c, id)
	switch {
	case no != nil:
		return 0, no
	case !w.exists(c.user):
		return 0, refuseUser(groupkit.ErrUserNotFound, c.user)
	case has(g.joined, c.user):
		return 0, refuseUser(groupkit.ErrAlreadyMember, c.user)
	case w.invited(g, c.user) && w.mayStillInvite(g, g.invitations[c.user]) == nil:
		return groupkit.OutcomeJoined, w.accept(g, c.user)
	case !g.public:
		return 0, refuse(groupkit.ErrGroupNotFound)
	case !g.membersOnly:
		return groupkit.OutcomeJoined, w.accept(g, c.user)
	case w.requested(g, c.user):
		return groupkit.OutcomeRequested, nil
	case w.requests(g) >= w.opts.Limits.Requests:
		return 0, refuseLimit(groupkit.ErrTooManyRequests, w.opts.Limits.Requests)
	}
	g.requests[c.user] = groupkit.Request{
		Group: g.id, User: c.user, At: w.at(g), Expires: w.expires(w.opts.RequestTTL), Reason: c.reason,
	}
	w.touch(g)
	return groupkit.OutcomeRequested, nil
}

func (w *world) requests(g *modelGroup) int {
	return count(g.requests, func(u groupkit.UserID) bool { return w.requested(g, u) })
}

func (w *world) invitations(g *modelGroup) int {
	return count(g.invitations, func(u groupkit.UserID) bool { return w.invited(g, u) })
}

// accept lets a user in who is entitled to it, if there is room.
func (w *world) accept(g *modelGroup, u groupkit.UserID) *refusal {
	if no := w.room(g, u); no != nil {
		return no
	}
	w.join(g, u)
	return nil
}

// CancelRequest takes the caller's own request back.
func (w *world) CancelRequest(c caller, id groupkit.GroupID) *refusal {
	if no := c.wrong(id, !c.system); no != nil {
		return no
	}
	g, no := w.enter(c, id)
	if no != nil {
		return no
	}
	return w.dropRequest(g, c.user)
}

// ApproveRequest lets a requester in; if there is no room, the request stays.
func (w *world) ApproveRequest(c caller, id groupkit.GroupID, u groupkit.UserID) *refusal {
	if no := c.wrong(id, validUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	switch {
	case no != nil:
		return no
	case !w.requested(g, u):
		return refuseUser(groupkit.ErrRequestNotFound, u)
	}
	return w.accept(g, u)
}

// DeclineRequest turns a request down.
func (w *world) DeclineRequest(c caller, id groupkit.GroupID, u groupkit.UserID) *refusal {
	if no := c.wrong(id, validUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return no
	}
	return w.dropRequest(g, u)
}

func (w *world) dropRequest(g *modelGroup, u groupkit.UserID) *refusal {
	if !w.requested(g, u) {
		return refuseUser(groupkit.ErrRequestNotFound, u)
	}
	delete(g.requests, u)
	w.touch(g)
	return nil
}

// Invite brings a user in at once, or asks it to come.
func (w *world) Invite(c caller, id groupkit.GroupID, u groupkit.UserID) (groupkit.Outcome, *refusal) {
	if no := c.wrong(id, validUser(u)); no != nil {
		return 0, no
	}
	g, no := w.inviter(c, id)
	if no != nil {
		return 0, no
	}
	e := w.invite(c, g, u)
	return e.outcome, e.refused
}

// InviteUsers invites several users.
func (w *world) InviteUsers(c caller, id groupkit.GroupID, users []groupkit.UserID) ([]entry, *refusal) {
	if no := w.wrongBatch(c, id, users, true); no != nil {
		return nil, no
	}
	g, no := w.inviter(c, id)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) entry { return w.invite(c, g, u) })
}

// inviter is enter for a caller that may invite: plain members only in a private
// group that lets them.
func (w *world) inviter(c caller, id groupkit.GroupID) (*modelGroup, *refusal) {
	g, no := w.enter(c, id)
	if no != nil {
		return nil, no
	}
	return g, g.lowest(c, g.invitersRole())
}

func (g *modelGroup) invitersRole() groupkit.Role {
	if !g.public && g.allowInvites {
		return groupkit.RoleMember
	}
	return groupkit.RoleAdmin
}

func (w *world) invite(c caller, g *modelGroup, u groupkit.UserID) entry {
	no := w.welcome(g, u)
	approves := c.system || g.role(c.user) >= groupkit.RoleAdmin
	switch {
	case no != nil:
		return entry{refused: no}
	case w.requested(g, u) && approves, !g.needConfirm:
		return entry{refused: w.accept(g, u), outcome: groupkit.OutcomeJoined}.kept()
	case w.invited(g, u):
		return entry{outcome: groupkit.OutcomeInvited}
	case w.invitations(g) >= w.opts.Limits.Invitations:
		return entry{refused: refuseLimit(groupkit.ErrTooManyInvitations, w.opts.Limits.Invitations)}
	}
	w.putInvitation(c, g, u)
	return entry{outcome: groupkit.OutcomeInvited}
}

// kept drops what a refused entry would have brought.
func (e entry) kept() entry {
	if e.refused != nil {
		return entry{refused: e.refused}
	}
	return e
}

func (w *world) putInvitation(c caller, g *modelGroup, u groupkit.UserID) {
	g.invitations[u] = groupkit.Invitation{
		Group: g.id, User: u, By: c.by(), At: w.at(g), Expires: w.expires(w.opts.InvitationTTL), Reason: c.reason,
	}
	w.touch(g)
}

// mayStillInvite refuses an invitation whose inviter could not make it any more.
// The system always could.
func (w *world) mayStillInvite(g *modelGroup, i groupkit.Invitation) *refusal {
	switch role := g.role(i.By); {
	case i.By == "" || role >= g.invitersRole():
		return nil
	case role == groupkit.RoleOutsider:
		return refuseUser(groupkit.ErrNotMember, i.By)
	}
	return refuseUser(groupkit.ErrRoleTooLow, i.By)
}

// AcceptInvitation makes a member of an invited caller.
func (w *world) AcceptInvitation(c caller, id groupkit.GroupID) *refusal {
	if no := c.wrong(id, !c.system); no != nil {
		return no
	}
	g, no := w.enterInvited(c, id)
	switch {
	case no != nil:
		return no
	case !w.exists(c.user):
		return refuseUser(groupkit.ErrUserNotFound, c.user)
	case has(g.joined, c.user):
		return refuseUser(groupkit.ErrAlreadyMember, c.user)
	case !w.invited(g, c.user):
		return refuseUser(groupkit.ErrInvitationNotFound, c.user)
	}
	if no := w.mayStillInvite(g, g.invitations[c.user]); no != nil {
		return no
	}
	return w.accept(g, c.user)
}

// DeclineInvitation turns an invitation down, whatever became of the inviter.
func (w *world) DeclineInvitation(c caller, id groupkit.GroupID) *refusal {
	if no := c.wrong(id, !c.system); no != nil {
		return no
	}
	g, no := w.enterInvited(c, id)
	if no != nil {
		return no
	}
	return w.dropInvitation(g, c.user)
}

// CancelInvitation takes an invitation back: one's own, or as an admin any.
func (w *world) CancelInvitation(c caller, id groupkit.GroupID, u groupkit.UserID) *refusal {
	if no := c.wrong(id, validUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	if no != nil {
		return no
	}
	if own := w.invited(g, u) && !c.system && g.invitations[u].By == c.user; !own {
		if no := g.lowest(c, groupkit.RoleAdmin); no != nil {
			return no
		}
	}
	return w.dropInvitation(g, u)
}

func (w *world) dropInvitation(g *modelGroup, u groupkit.UserID) *refusal {
	if !w.invited(g, u) {
		return refuseUser(groupkit.ErrInvitationNotFound, u)
	}
	delete(g.invitations, u)
	w.touch(g)
	return nil
}

// Requests lists the requests of a group.
func (w *world) Requests(c caller, id groupkit.GroupID) ([]groupkit.Request, *refusal) {
	return listed(w, c, id, func(g *modelGroup) []groupkit.Request {
		return sorted(g.requests, func(u groupkit.UserID) bool { return w.requested(g, u) })
	})
}

// Invitations lists the invitations of a group.
func (w *world) Invitations(c caller, id groupkit.GroupID) ([]groupkit.Invitation, *refusal) {
	return listed(w, c, id, func(g *modelGroup) []groupkit.Invitation {
		return sorted(g.invitations, func(u groupkit.UserID) bool { return w.invited(g, u) })
	})
}

// PendingRequests lists the requests of a user in all groups.
func (w *world) PendingRequests(c caller, u groupkit.UserID) ([]groupkit.Request, *refusal) {
	if no := w.wrongUser(c, u); no != nil {
		return nil, no
	}
	var list []groupkit.Request
	for _, g := range w.groups {
		if w.requested(g, u) {
			list = append(list, g.requests[u])
		}
	}
	slices.SortFunc(list, requestOrder)
	return list, nil
}

// PendingInvitations lists the invitations of a user to all groups.
func (w *world) PendingInvitations(c caller, u groupkit.UserID) ([]groupkit.Invitation, *refusal) {
	if no := w.wrongUser(c, u); no != nil {
		return nil, no
	}
	var list []groupkit.Invitation
	for _, g := range w.groups {
		if w.invited(g, u) {
			list = append(list, g.invitations[u])
		}
	}
	slices.SortFunc(list, invitationOrder)
	return list, nil
}

func requestOrder(a, b groupkit.Request) int       { return cmp.Compare(a.Group, b.Group) }
func invitationOrder(a, b groupkit.Invitation) int { return cmp.Compare(a.Group, b.Group) }

// wrongUser is for the calls on a user that only the system and that user may make.
func (w *world) wrongUser(c caller, u groupkit.UserID) *refusal {
	switch {
	case !c.valid() || !validUser(u):
		return refuse(groupkit.ErrInvalid)
	case !c.system && c.user != u:
		return refuse(groupkit.ErrSystemOnly)
	case !w.exists(u):
		return refuseUser(groupkit.ErrUserNotFound, u)
	}
	return nil
}
