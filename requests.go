package groupkit

import (
	"context"
	"iter"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// A Request is a pending request to join a group.
type Request struct {
	Group   GroupID
	User    UserID
	At      time.Time // when the user asked
	Expires time.Time // zero: never
	Reason  string    // from Because
}

// An Invitation is a pending invitation into a group. The invited user can accept or decline
// it.
type Invitation struct {
	Group   GroupID
	User    UserID    // who is invited
	By      UserID    // who invited the user; "" is the system
	At      time.Time // when the user was invited
	Expires time.Time // zero: never
	Reason  string    // from Because
}

// An Outcome is what a call did for one user. The numbers are part of the stored format.
type Outcome uint8

// The outcomes.
const (
	OutcomeNone      Outcome = 0 // the call failed for the user
	OutcomeJoined    Outcome = 1 // the user became a member
	OutcomeRequested Outcome = 2 // the user has a pending join request
	OutcomeInvited   Outcome = 3 // the user has a pending invitation
	OutcomeDone      Outcome = 4 // the call succeeded and has no other outcome
)

// The operations on join requests and invitations.
const (
	OpJoin              Op = "join group"
	OpApproveRequest    Op = "approve join request"
	OpDeclineRequest    Op = "decline join request"
	OpCancelRequest     Op = "cancel join request"
	OpListRequests      Op = "list join requests"
	OpInviteUsers       Op = "invite"
	OpAcceptInvitation  Op = "accept invitation"
	OpDeclineInvitation Op = "decline invitation"
	OpCancelInvitation  Op = "cancel invitation"
	OpListInvitations   Op = "list invitations"
)

// String returns the outcome as one word, such as "joined".
func (o Outcome) String() string {
	return name([]string{"none", "joined", "requested", "invited", "done"}, int(o))
}

// Join makes the actor a member of a public group. If the group has MembersOnly, Join creates
// a join request instead; if a request is already pending, it stays unchanged. If the actor
// has a pending invitation and the inviter is still allowed to invite, Join accepts the
// invitation, in a private group too.
//
// Join returns OutcomeJoined or OutcomeRequested.
//
// Allowed: every user who is not a member.
// Returns ErrGroupNotFound if the actor cannot see the group, or if it is private and the
// actor has no invitation that Join can accept, ErrBlacklisted if the actor is blocked,
// ErrUserNotFound if Options.UserExists does not know the actor, ErrAlreadyMember if the
// actor is a member, ErrGroupFull if the group has MaxUsers members, ErrTooManyJoined if the
// actor is in Limits.JoinedGroups groups, ErrTooManyRequests if the group has
// Limits.Requests pending requests, ErrInvalid if the actor is the system.
func (a Actor) Join(ctx context.Context, group GroupID) (Outcome, error) {
	out, err := a.change(ctx, joinVerb, Command{Group: group})
	return out.result.Outcome, err
}

var joinVerb = verb{
	op: OpJoin, action: answerInvitation, personal: true,
	needs: needs{known: askActor, counts: true, inviter: true, room: requestMark},
	rule: func(c *change) (err error) {
		c.reply.result.Outcome, err = c.join()
		return err
	},
}

func (c *change) join() (Outcome, error) {
	if err := c.refuseNonCandidate(c.user); err != nil {
		return OutcomeNone, err
	}
	h := &c.state.head
	switch {
	case c.me.Invitation.Holds(c.now) && c.stillInvites() == nil:
		return joined(c.addMember(c.user, CauseInvited))
	case !h.Public:
		return OutcomeNone, ErrGroupNotFound
	case !h.MembersOnly:
		return joined(c.addMember(c.user, CauseJoined))
	case c.me.Request.Holds(c.now):
		return OutcomeRequested, nil
	}
	c.expire(c.user)
	if err := c.makeRoom(requestMark, c.user); err != nil {
		return OutcomeNone, err
	}
	c.recordEvent(record.Event{Kind: uint8(JoinRequested), Users: []string{string(c.user)}, Until: c.ends(c.opts.RequestTTL)})
	return OutcomeRequested, nil
}

// stillInvites returns an error if the inviter of the actor is no longer allowed to invite.
// An invitation by the system is always valid.
func (c *change) stillInvites() error {
	by := UserID(c.me.Invitation.By)
	if by == "" {
		return nil
	}
	inviter := access{exists: true, head: c.head, user: by, me: c.standingOf(by), now: c.now}
	return inviter.permits(invite)
}

// ApproveRequest makes a user with a pending join request a member. If that would exceed a
// limit, the request stays pending.
//
// Allowed: owner, admin, system.
// Returns ErrRequestNotFound if the user has no pending request, ErrGroupFull if the group
// has MaxUsers members, ErrTooManyJoined if the user is in Limits.JoinedGroups groups.
func (a Actor) ApproveRequest(ctx context.Context, group GroupID, user UserID) error {
	_, err := a.one(ctx, approveRequestVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

var approveRequestVerb = verb{
	op: OpApproveRequest, action: admit, needs: needs{counts: true}, each: alone((*change).approve),
}

func (c *change) approve(user UserID) error {
	if !c.standingOf(user).Request.Holds(c.now) {
		return about(user, ErrRequestNotFound)
	}
	return c.addMember(user, CauseApproved)
}

// DeclineRequest declines a pending join request. The reason can be given with Because.
//
// Allowed: owner, admin, system.
// Returns ErrRequestNotFound if the user has no pending request.
func (a Actor) DeclineRequest(ctx context.Context, group GroupID, user UserID) error {
	_, err := a.one(ctx, declineRequestVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

var declineRequestVerb = verb{op: OpDeclineRequest, action: admit, each: alone((*change).declineRequest)}

func (c *change) declineRequest(user UserID) error {
	if !c.standingOf(user).Request.Holds(c.now) {
		return about(user, ErrRequestNotFound)
	}
	c.record(RequestDeclined, user)
	return nil
}

// CancelRequest withdraws the pending join request of the actor.
//
// Allowed: the user who made the request.
// Returns ErrRequestNotFound if the actor has no pending request, ErrInvalid if the actor is
// the system, ErrGroupNotFound or ErrBlacklisted; see [Actor].
func (a Actor) CancelRequest(ctx context.Context, group GroupID) error {
	_, err := a.change(ctx, cancelRequestVerb, Command{Group: group})
	return err
}

var cancelRequestVerb = verb{op: OpCancelRequest, action: seeGroup, personal: true, rule: (*change).cancelRequest}

func (c *change) cancelRequest() error {
	if !c.me.Request.Holds(c.now) {
		return about(c.user, ErrRequestNotFound)
	}
	c.record(RequestCancelled, c.user)
	return nil
}

// Invite invites a user. If the group has InviteNeedConfirm, it creates an invitation that
// the user can accept or decline; if an invitation is already pending, it stays unchanged.
// Otherwise the user becomes a member at once. If the user has a pending join request and the
// actor can approve it, Invite approves it.
//
// Invite returns OutcomeInvited or OutcomeJoined.
//
// Allowed: owner, admin, system; a member if the group is private and has AllowInvites.
// Returns ErrUserNotFound if Options.UserExists does not know the user, ErrAlreadyMember if
// the user is a member, ErrBlacklisted if the user is blocked, ErrTooManyInvitations if the
// group has Limits.Invitations pending invitations. If the user would become a member at
// once, it returns ErrGroupFull if the group has MaxUsers members and ErrTooManyJoined if the
// user is in Limits.JoinedGroups groups.
func (a Actor) Invite(ctx context.Context, group GroupID, user UserID) (Outcome, error) {
	r, err := a.one(ctx, inviteUsersVerb, Command{Group: group, Users: []UserID{user}})
	return r.Outcome, err
}

// InviteUsers is Invite for up to Limits.Batch users; see [Results]. It returns an error if
// no user was invited.
func (a Actor) InviteUsers(ctx context.Context, group GroupID, users []UserID) (Results, error) {
	return a.batch(ctx, inviteUsersVerb, Command{Group: group, Users: users})
}

var inviteUsersVerb = verb{
	op: OpInviteUsers, action: invite,
	needs: needs{known: askUsers, counts: true, room: invitationMark},
	each: func(c *change, user UserID) (r Result, err error) {
		r.Outcome, err = c.invite(user)
		return r, err
	},
}

func (c *change) invite(user UserID) (Outcome, error) {
	if err := c.refuseNonCandidate(user); err != nil {
		return OutcomeNone, err
	}
	t := c.standingOf(user)
	switch {
	case t.Request.Holds(c.now) && c.permits(admit) == nil:
		return joined(c.addMember(user, CauseApproved))
	case !c.head.InviteNeedConfirm:
		return joined(c.addMember(user, CauseInvited))
	case t.Invitation.Holds(c.now):
		return OutcomeInvited, nil
	}
	return c.leaveInvitation(user)
}

// joined returns the outcome of a call of addMember.
func joined(err error) (Outcome, error) {
	if err != nil {
		return OutcomeNone, err
	}
	return OutcomeJoined, nil
}

// leaveInvitation creates a pending invitation.
func (c *change) leaveInvitation(user UserID) (Outcome, error) {
	c.expire(user)
	if err := c.makeRoom(invitationMark, user); err != nil {
		return OutcomeNone, err
	}
	c.recordEvent(record.Event{Kind: uint8(MemberInvited), Users: []string{string(user)}, Until: c.ends(c.opts.InvitationTTL)})
	return OutcomeInvited, nil
}

// AcceptInvitation makes the actor, who has a pending invitation, a member. The inviter must
// still be allowed to invite; an invitation by the system is always valid. If the call fails,
// the invitation stays pending.
//
// Allowed: the invited user.
// Returns ErrInvitationNotFound if the actor has no pending invitation (ErrGroupNotFound if
// the group is private), ErrNotMember or ErrRoleTooLow about the inviter if the inviter is no
// longer allowed to invite, ErrBlacklisted if the actor is blocked, ErrAlreadyMember if the
// actor is a member, ErrUserNotFound if Options.UserExists does not know the actor,
// ErrGroupFull if the group has MaxUsers members, ErrTooManyJoined if the actor is in
// Limits.JoinedGroups groups, ErrInvalid if the actor is the system.
func (a Actor) AcceptInvitation(ctx context.Context, group GroupID) error {
	_, err := a.change(ctx, acceptInvitationVerb, Command{Group: group})
	return err
}

var acceptInvitationVerb = verb{
	op: OpAcceptInvitation, action: answerInvitation, personal: true,
	needs: needs{known: askActor, counts: true, inviter: true}, rule: (*change).acceptInvitation,
}

func (c *change) acceptInvitation() error {
	if err := c.refuseNonCandidate(c.user); err != nil {
		return err
	}
	if !c.me.Invitation.Holds(c.now) {
		return about(c.user, ErrInvitationNotFound)
	}
	if err := c.stillInvites(); err != nil {
		return err
	}
	return c.addMember(c.user, CauseInvited)
}

// DeclineInvitation declines the pending invitation of the actor, even if the inviter is no
// longer allowed to invite.
//
// Allowed: the invited user.
// Returns ErrInvitationNotFound if the actor has no pending invitation (ErrGroupNotFound if
// the group is private), ErrBlacklisted if the actor is blocked, ErrInvalid if the actor is
// the system.
func (a Actor) DeclineInvitation(ctx context.Context, group GroupID) error {
	_, err := a.change(ctx, declineInvitationVerb, Command{Group: group})
	return err
}

var declineInvitationVerb = verb{
	op: OpDeclineInvitation, action: answerInvitation, personal: true, rule: (*change).declineInvitation,
}

func (c *change) declineInvitation() error {
	if !c.me.Invitation.Holds(c.now) {
		return about(c.user, ErrInvitationNotFound)
	}
	c.record(InvitationDeclined, c.user)
	return nil
}

// CancelInvitation withdraws the pending invitation of a user.
//
// Allowed: owner, admin, system; a member who made the invitation.
// Returns ErrInvitationNotFound if the user has no pending invitation, ErrNotMember if the
// actor is not a member, ErrRoleTooLow if the actor is a plain member who did not make the
// invitation.
func (a Actor) CancelInvitation(ctx context.Context, group GroupID, user UserID) error {
	_, err := a.one(ctx, cancelInvitationVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

var cancelInvitationVerb = verb{op: OpCancelInvitation, action: seeMembers, each: alone((*change).cancelInvitation)}

func (c *change) cancelInvitation(user UserID) error {
	t := c.standingOf(user)
	own := t.Invitation.Holds(c.now) && t.Invitation.By == string(c.user)
	if err := c.permits(admit); err != nil && !own {
		return err
	}
	if !t.Invitation.Holds(c.now) {
		return about(user, ErrInvitationNotFound)
	}
	c.record(InvitationCancelled, user)
	return nil
}

// Requests iterates over the pending join requests of the group, sorted by user ID.
//
// Allowed: owner, admin, system.
// Returns ErrGroupNotFound, ErrBlacklisted, ErrNotMember or ErrRoleTooLow; see [Actor].
func (a Actor) Requests(ctx context.Context, group GroupID) iter.Seq2[Request, error] {
	return each(ctx, a, group, requestList)
}

// RequestsPage returns one page of Requests, with the same permissions and errors.
func (a Actor) RequestsPage(ctx context.Context, group GroupID, page Page) ([]Request, error) {
	return paged(ctx, a, group, requestList, page)
}

var requestList = listing[Request]{OpListRequests, admit, key.Requests, publicRequest}

// Invitations iterates over the pending invitations of the group, sorted by the ID of the
// invited user.
//
// Allowed: owner, admin, system.
// Returns ErrGroupNotFound, ErrBlacklisted, ErrNotMember or ErrRoleTooLow; see [Actor].
func (a Actor) Invitations(ctx context.Context, group GroupID) iter.Seq2[Invitation, error] {
	return each(ctx, a, group, invitationList)
}

// InvitationsPage returns one page of Invitations, with the same permissions and errors.
func (a Actor) InvitationsPage(ctx context.Context, group GroupID, page Page) ([]Invitation, error) {
	return paged(ctx, a, group, invitationList, page)
}

var invitationList = listing[Invitation]{OpListInvitations, admit, key.Invitations, publicInvitation}

// PendingRequests iterates over the pending join requests of a user in all groups.
//
// Allowed: the user, system.
// Returns ErrSystemOnly if the actor is another user, ErrUserNotFound if Options.UserExists
// does not know the user.
func (a Actor) PendingRequests(ctx context.Context, user UserID) iter.Seq2[Request, error] {
	return pending(ctx, a, OpListRequests, user, requestMark, publicRequest)
}

// PendingInvitations iterates over the pending invitations of a user in all groups.
//
// Allowed: the user, system.
// Returns ErrSystemOnly if the actor is another user, ErrUserNotFound if Options.UserExists
// does not know the user.
func (a Actor) PendingInvitations(ctx context.Context, user UserID) iter.Seq2[Invitation, error] {
	return pending(ctx, a, OpListInvitations, user, invitationMark, publicInvitation)
}

// pending iterates over the marks of one kind that a user has in all groups.
func pending[T any](ctx context.Context, a Actor, op Op, user UserID, kind *markKind, public func(*entry) (T, bool)) iter.Seq2[T, error] {
	return eachOfUser(ctx, a, op, user, key.UserOutsider, func(r store.Reader, links []link) (items []T, err error) {
		for _, l := range links {
			if l.flags&kind.flag == 0 {
				continue
			}
			live, err := isLive(r, l.group)
			if err != nil {
				return nil, err
			}
			st, err := loadStanding(r, l.group, user)
			if err != nil {
				return nil, err
			}
			if item, ok := public(&entry{group: l.group, user: user, standing: st, now: a.eng.now()}); ok && live {
				items = append(items, item)
			}
		}
		return items, nil
	})
}
