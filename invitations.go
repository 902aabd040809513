package groupkit

import (
	"context"
	"time"

	"groupkit/internal/record"
)

// An Invitation is a pending invitation into a group. The invited user can accept or decline
// it.
type Invitation struct {
	Group   GroupID   `json:"group,omitzero"`
	User    UserID    `json:"user"`             // who is invited
	By      UserID    `json:"by,omitzero"`      // who invited the user; "" is the system
	At      time.Time `json:"at,omitzero"`      // when the user was invited
	Expires time.Time `json:"expires,omitzero"` // zero: never
	Reason  string    `json:"reason,omitzero"`  // from Because
}

// The operations on invitations.
const (
	OpInviteUsers       Op = "invite"
	OpAcceptInvitation  Op = "accept invitation"
	OpDeclineInvitation Op = "decline invitation"
	OpCancelInvitations Op = "cancel invitation"
	OpListInvitations   Op = "list invitations"
)

// Invite invites a user. If the group has InviteNeedConfirm, it creates an invitation that
// the user can accept or decline. Otherwise the user becomes a member at once. If the user has
// a pending join request and the actor can approve it, Invite approves it.
//
// If the user already has a pending invitation, the system and an actor with a higher role than
// the inviter take it over: the actor becomes its inviter, and it gets a new time, end and
// reason. For other actors it stays unchanged. Nobody takes over an invitation by the system.
//
// A pending invitation ends when its inviter loses the right to invite: by leaving, by being
// removed, blocked or forgotten, by losing the role, or because AllowInvites is switched off.
// The call that ends the right cancels the invitation.
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
	needs: needs{known: askUsers, counts: true, inviters: true, room: invitationMark},
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
	case t.Invitation.Holds(c.now) && !c.takesOver(t.Invitation):
		return OutcomeInvited, nil
	}
	return c.leaveInvitation(user)
}

// takesOver reports whether the actor takes over a pending invitation by inviting again: the
// actor is above the inviter. The system is above every role.
func (c *change) takesOver(m *record.Mark) bool {
	if m.By == "" || c.system() {
		return m.By != ""
	}
	return c.role().rank() > Role(c.standingOf(UserID(m.By)).Role).rank()
}

// joined returns the outcome of a call of addMember.
func joined(err error) (Outcome, error) {
	if err != nil {
		return OutcomeNone, err
	}
	return OutcomeJoined, nil
}

// leaveInvitation creates a pending invitation, or replaces the one that the user has.
func (c *change) leaveInvitation(user UserID) (Outcome, error) {
	c.expire(user)
	if c.standingOf(user).Invitation == nil {
		if err := c.makeRoom(invitationMark, user); err != nil {
			return OutcomeNone, err
		}
	}
	c.recordEvent(record.Event{Kind: uint8(MemberInvited), Users: []string{string(user)}, Until: c.ends(c.opts.InvitationTTL)})
	return OutcomeInvited, nil
}

// AcceptInvitation makes the actor, who has a pending invitation, a member. If the call fails,
// the invitation stays pending.
//
// Allowed: the invited user.
// Returns ErrInvitationNotFound if the actor has no pending invitation (ErrGroupNotFound if
// the group is private), ErrBlacklisted if the actor is blocked, ErrAlreadyMember if the actor
// is a member, ErrUserNotFound if Options.UserExists does not know the actor, ErrGroupFull if
// the group has MaxUsers members, ErrTooManyJoined if the actor is in Limits.JoinedGroups
// groups, ErrInvalid if the actor is the system.
func (a Actor) AcceptInvitation(ctx context.Context, group GroupID) error {
	_, err := a.change(ctx, acceptInvitationVerb, Command{Group: group})
	return err
}

var acceptInvitationVerb = verb{
	op: OpAcceptInvitation, action: answerInvitation, personal: true,
	needs: needs{known: askActor, counts: true}, rule: (*change).acceptInvitation,
}

func (c *change) acceptInvitation() error {
	if err := c.refuseNonCandidate(c.user); err != nil {
		return err
	}
	if !c.me.Invitation.Holds(c.now) {
		return about(c.user, ErrInvitationNotFound)
	}
	return c.addMember(c.user, CauseInvited)
}

// DeclineInvitation declines the pending invitation of the actor.
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
	_, err := a.one(ctx, cancelInvitationsVerb, Command{Group: group, Users: []UserID{user}})
	return err
}

// CancelInvitations is CancelInvitation for up to Limits.Batch users; see [Results]. It returns
// an error if no invitation was cancelled.
func (a Actor) CancelInvitations(ctx context.Context, group GroupID, users []UserID) (Results, error) {
	return a.batch(ctx, cancelInvitationsVerb, Command{Group: group, Users: users})
}

var cancelInvitationsVerb = verb{op: OpCancelInvitations, action: seeMembers, each: alone((*change).cancelInvitation)}

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
