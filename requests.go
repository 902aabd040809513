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
	At      time.Time
	Expires time.Time // zero: never
	Reason  string    // what Because said
}

// An Invitation is a pending invitation into a group.
type Invitation struct {
	Group   GroupID
	User    UserID // who is invited
	By      UserID // who invites; "" is the system
	At      time.Time
	Expires time.Time // zero: never
	Reason  string    // what Because said
}

// An Outcome says what a call did for one user. The numbers are part of the stored format.
type Outcome uint8

// The outcomes.
const (
	OutcomeNone      Outcome = 0 // nothing: the call failed for this user
	OutcomeJoined    Outcome = 1 // the user is a member now
	OutcomeRequested Outcome = 2 // a join request is pending
	OutcomeInvited   Outcome = 3 // an invitation is pending
	OutcomeDone      Outcome = 4 // what the verb says
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

// String names the outcome in a word.
func (o Outcome) String() string {
	return name([]string{"none", "joined", "requested", "invited", "done"}, int(o))
}

// Join makes the actor a member of an open public group. In a public group with
// MembersOnly it leaves a join request, one at most: asking again returns the
// pending one. A pending invitation is accepted instead, if the inviter may still
// invite.
//
// Every user may. It refuses with ErrGroupNotFound (also for a private group without
// an invitation), ErrUserNotFound, ErrBlacklisted, ErrAlreadyMember, ErrGroupFull,
// ErrTooManyJoined and ErrTooManyRequests, and with ErrInvalid for the system.
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

// stillInvites refuses an invitation whose inviter may no longer invite.
func (c *change) stillInvites() error {
	by := UserID(c.me.Invitation.By)
	if by == "" {
		return nil
	}
	inviter := access{exists: true, head: c.head, user: by, me: c.standingOf(by), now: c.now}
	return inviter.permits(invite)
}

// ApproveRequest makes the one who asked to join a member. If the group is full, or
// the user in too many groups, the request stays pending.
//
// The owner and admins may, and the system. It refuses with ErrRequestNotFound,
// ErrGroupFull and ErrTooManyJoined.
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

// DeclineRequest ends a join request; Because tells why.
//
// The owner and admins may, and the system. It refuses with ErrRequestNotFound.
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

// CancelRequest withdraws the actor's own join request.
//
// It refuses with ErrGroupNotFound, ErrBlacklisted and ErrRequestNotFound, and with
// ErrInvalid for the system.
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

// Invite invites a user: without InviteNeedConfirm the user is a member at once,
// with it the user has an invitation to accept or decline, one at most. If the user
// has asked to join, an invitation by the system, the owner or an admin is an approval.
//
// The owner and admins may, and the system; members in a private group with
// AllowInvites. It refuses with ErrUserNotFound, ErrAlreadyMember, ErrBlacklisted,
// ErrTooManyInvitations, and, where the user joins at once, with ErrGroupFull and
// ErrTooManyJoined.
func (a Actor) Invite(ctx context.Context, group GroupID, user UserID) (Outcome, error) {
	r, err := a.one(ctx, inviteUsersVerb, Command{Group: group, Users: []UserID{user}})
	return r.Outcome, err
}

// InviteUsers is Invite for up to Limits.Batch users; if it fails for every one,
// the call fails with the causes.
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

func joined(err error) (Outcome, error) {
	if err != nil {
		return OutcomeNone, err
	}
	return OutcomeJoined, nil
}

// leaveInvitation leaves an invitation.
func (c *change) leaveInvitation(user UserID) (Outcome, error) {
	c.expire(user)
	if err := c.makeRoom(invitationMark, user); err != nil {
		return OutcomeNone, err
	}
	c.recordEvent(record.Event{Kind: uint8(MemberInvited), Users: []string{string(user)}, Until: c.ends(c.opts.InvitationTTL)})
	return OutcomeInvited, nil
}

// AcceptInvitation makes the actor, who has been invited, a member. It works only
// while the inviter may still invite; if the group is full, or the actor in too many
// groups, the invitation stays pending.
//
// It refuses with ErrInvitationNotFound (ErrGroupNotFound in a private group),
// ErrBlacklisted, ErrAlreadyMember, ErrUserNotFound, ErrNotMember or ErrRoleTooLow
// about the inviter, ErrGroupFull and ErrTooManyJoined, and with ErrInvalid for the
// system.
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

// DeclineInvitation ends the actor's invitation. It works also when the inviter has
// left.
//
// It refuses with ErrInvitationNotFound (ErrGroupNotFound in a private group) and
// ErrBlacklisted, and with ErrInvalid for the system.
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

// CancelInvitation takes an invitation back.
//
// The owner and admins may, the system, and the member who invited. It refuses with
// ErrInvitationNotFound, ErrNotMember and ErrRoleTooLow.
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

// Requests iterates over the pending join requests in the order of the users' ids.
//
// The owner and admins may, and the system. It refuses with ErrGroupNotFound,
// ErrBlacklisted, ErrNotMember and ErrRoleTooLow.
func (a Actor) Requests(ctx context.Context, group GroupID) iter.Seq2[Request, error] {
	return each(ctx, a, group, requestList)
}

// RequestsPage is one page of Requests.
func (a Actor) RequestsPage(ctx context.Context, group GroupID, page Page) ([]Request, error) {
	return paged(ctx, a, group, requestList, page)
}

var requestList = listing[Request]{OpListRequests, admit, key.Requests, publicRequest}

// Invitations iterates over the pending invitations in the order of the invitees' ids.
//
// The owner and admins may, and the system. It refuses with ErrGroupNotFound,
// ErrBlacklisted, ErrNotMember and ErrRoleTooLow.
func (a Actor) Invitations(ctx context.Context, group GroupID) iter.Seq2[Invitation, error] {
	return each(ctx, a, group, invitationList)
}

// InvitationsPage is one page of Invitations.
func (a Actor) InvitationsPage(ctx context.Context, group GroupID, page Page) ([]Invitation, error) {
	return paged(ctx, a, group, invitationList, page)
}

var invitationList = listing[Invitation]{OpListInvitations, admit, key.Invitations, publicInvitation}

// PendingRequests iterates over the join requests that a user has pending in any group.
//
// The system and the user may. It refuses with ErrSystemOnly and ErrUserNotFound.
func (a Actor) PendingRequests(ctx context.Context, user UserID) iter.Seq2[Request, error] {
	return pending(ctx, a, OpListRequests, user, requestMark, publicRequest)
}

// PendingInvitations iterates over the invitations that a user has pending in any
// group.
//
// The system and the user may. It refuses with ErrSystemOnly and ErrUserNotFound.
func (a Actor) PendingInvitations(ctx context.Context, user UserID) iter.Seq2[Invitation, error] {
	return pending(ctx, a, OpListInvitations, user, invitationMark, publicInvitation)
}

// pending iterates over what a user has pending in any group.
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
