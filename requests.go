package groupkit

import (
	"context"
	"iter"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
)

// A Request is a pending request to join a group.
type Request struct {
	Group   GroupID   `json:"group,omitzero"`
	User    UserID    `json:"user"`
	At      time.Time `json:"at,omitzero"`      // when the user asked
	Expires time.Time `json:"expires,omitzero"` // zero: never
	Reason  string    `json:"reason,omitzero"`  // from Because
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

// The operations on join requests.
const (
	OpJoin            Op = "join group"
	OpApproveRequests Op = "approve join request"
	OpDeclineRequests Op = "decline join request"
	OpCancelRequest   Op = "cancel join request"
	OpListRequests    Op = "list join requests"
)

// String returns the outcome as one word, such as "joined".
func (o Outcome) String() string {
	return name(outcomeWords.words, int(o))
}

// Join makes the actor a member of a public group. If the group has MembersOnly, Join creates
// a join request instead; if a request is already pending, it stays unchanged. If the actor
// has a pending invitation, Join accepts it, in a private group too.
//
// Join returns OutcomeJoined or OutcomeRequested.
//
// Allowed: every user who is not a member.
// Returns ErrGroupNotFound if the actor cannot see the group, or if it is private and the
// actor has no pending invitation, ErrBlacklisted if the actor is blocked,
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
	needs: needs{known: askActor, counts: true, room: requestMark},
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
	case c.me.Invitation.Holds(c.now):
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

// ApproveRequest makes a user with a pending join request a member. If that would exceed a
// limit, the request stays pending.
//
// Allowed: owner, admin, system.
// Returns ErrRequestNotFound if the user has no pending request, ErrGroupFull if the group
// has MaxUsers members, ErrTooManyJoined if the user is in Limits.JoinedGroups groups.
func (a Actor) ApproveRequest(ctx context.Context, group GroupID, user UserID) error {
	_, err := a.one(ctx, approveRequestsVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

// ApproveRequests is ApproveRequest for up to Limits.Batch users; see [Results]. It returns an
// error if no request was approved.
func (a Actor) ApproveRequests(ctx context.Context, group GroupID, users []UserID) (Results, error) {
	return a.batch(ctx, approveRequestsVerb, Command{Group: group, Users: users})
}

var approveRequestsVerb = verb{
	op: OpApproveRequests, action: admit, needs: needs{counts: true}, each: alone((*change).approve),
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
	_, err := a.one(ctx, declineRequestsVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

// DeclineRequests is DeclineRequest for up to Limits.Batch users; see [Results]. It returns an
// error if no request was declined.
func (a Actor) DeclineRequests(ctx context.Context, group GroupID, users []UserID) (Results, error) {
	return a.batch(ctx, declineRequestsVerb, Command{Group: group, Users: users})
}

var declineRequestsVerb = verb{op: OpDeclineRequests, action: admit, each: alone((*change).declineRequest)}

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

// Requests iterates over the pending join requests of the group, in the order in which they
// came.
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

// RequestsFrom returns a part of Requests and the cursor of the next part; see [From]. It has the same
// permissions and errors, and returns ErrInvalid if from is not valid.
func (a Actor) RequestsFrom(ctx context.Context, group GroupID, from From) ([]Request, string, error) {
	return listFrom(ctx, a, group, requestList, from)
}

var requestList = listing[Request]{OpListRequests, admit, key.Requests, publicRequest}

// Invitations iterates over the pending invitations of the group, in the order in which they
// came.
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

// InvitationsFrom returns a part of Invitations and the cursor of the next part; see [From]. It has the same
// permissions and errors, and returns ErrInvalid if from is not valid.
func (a Actor) InvitationsFrom(ctx context.Context, group GroupID, from From) ([]Invitation, string, error) {
	return listFrom(ctx, a, group, invitationList, from)
}

var invitationList = listing[Invitation]{OpListInvitations, admit, key.Invitations, publicInvitation}
