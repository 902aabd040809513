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

// An Outcome says what an attempt to bring someone in has led to.
type Outcome uint8

// The outcomes.
const (
	OutcomeDone      Outcome = iota // no more to say
	OutcomeJoined                   // the user is a member now
	OutcomeRequested                // a join request is pending
	OutcomeInvited                  // an invitation is pending
)

// String names the outcome in a word.
func (o Outcome) String() string {
	return name([]string{"done", "joined", "requested", "invited"}, int(o))
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
	out, err := a.change(ctx, Command{Op: OpJoin, Group: group}, a.personal(), func(u *unit) (err error) {
		if err := u.startInvited(); err != nil {
			return err
		}
		u.outcome.result, err = u.join()
		return err
	})
	return out.result, err
}

func (u *unit) join() (Outcome, error) {
	if err := u.welcome(u.user); err != nil {
		return OutcomeDone, err
	}
	h := &u.state.head
	switch {
	case u.me.Invitation.Holds(u.now) && u.stillInvites() == nil:
		return joined(u.admit(u.user, ByInvitation))
	case !h.Public:
		return OutcomeDone, ErrGroupNotFound
	case !h.MembersOnly:
		return joined(u.admit(u.user, ByJoining))
	case u.me.Request.Holds(u.now):
		return OutcomeRequested, nil
	}
	u.expire(u.user)
	if err := u.room(&h.Requests, u.limits.Requests, ErrTooManyRequests); err != nil {
		return OutcomeDone, about(u.user, err)
	}
	u.append(record.Event{Kind: uint8(JoinRequested), Users: []string{string(u.user)}, Until: u.ends(u.opts.RequestTTL)})
	return OutcomeRequested, nil
}

// ends is when something pending expires; 0 for never.
func (u *unit) ends(ttl time.Duration) int64 {
	if ttl == 0 {
		return 0
	}
	at, _ := expiry(u.now, ttl) // a lifetime has been found positive when the engine was opened
	return at
}

// stillInvites refuses an invitation whose inviter may no longer invite.
func (u *unit) stillInvites() error {
	by := UserID(u.me.Invitation.By)
	if by == "" {
		return nil
	}
	inviter := look{exists: true, head: u.head, user: by, me: u.of(by), now: u.now}
	return inviter.allows(invite)
}

// ApproveRequest makes the one who asked to join a member. If the group is full, or
// the user in too many groups, the request stays pending.
//
// The owner and admins may, and the system. It refuses with ErrRequestNotFound,
// ErrGroupFull and ErrTooManyJoined.
func (a Actor) ApproveRequest(ctx context.Context, group GroupID, user UserID) error {
	return a.one(ctx, Command{Op: OpApproveRequest, Group: group, Users: []UserID{user}}, starting(admit), func(u *unit, user UserID) error {
		if !u.of(user).Request.Holds(u.now) {
			return about(user, ErrRequestNotFound)
		}
		return u.admit(user, ByApproval)
	})
}

// DeclineRequest ends a join request; Because tells why.
//
// The owner and admins may, and the system. It refuses with ErrRequestNotFound.
func (a Actor) DeclineRequest(ctx context.Context, group GroupID, user UserID) error {
	return a.one(ctx, Command{Op: OpDeclineRequest, Group: group, Users: []UserID{user}}, starting(admit), func(u *unit, user UserID) error {
		if !u.of(user).Request.Holds(u.now) {
			return about(user, ErrRequestNotFound)
		}
		u.emit(RequestDeclined, user)
		return nil
	})
}

// CancelRequest withdraws the actor's own join request.
//
// It refuses with ErrGroupNotFound, ErrBlacklisted and ErrRequestNotFound, and with
// ErrInvalid for the system.
func (a Actor) CancelRequest(ctx context.Context, group GroupID) error {
	_, err := a.change(ctx, Command{Op: OpCancelRequest, Group: group}, a.personal(), func(u *unit) error {
		if err := u.start(seeGroup); err != nil {
			return err
		}
		if !u.me.Request.Holds(u.now) {
			return about(u.user, ErrRequestNotFound)
		}
		u.emit(RequestCancelled, u.user)
		return nil
	})
	return err
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
	cmd := Command{Op: OpInviteUsers, Group: group, Users: []UserID{user}}
	out, err := a.change(ctx, cmd, checkUserID(FieldUser, user), func(u *unit) (err error) {
		if err := u.start(invite); err != nil {
			return err
		}
		u.outcome.result, err = u.invite(user)
		return err
	})
	return out.result, err
}

// InviteUsers is Invite for up to Limits.Batch users; if it fails for every one,
// the call fails with the causes.
func (a Actor) InviteUsers(ctx context.Context, group GroupID, users []UserID) (Results, error) {
	return a.batch(ctx, Command{Op: OpInviteUsers, Group: group, Users: users}, starting(invite), func(u *unit, user UserID) (r Result, err error) {
		r.Outcome, err = u.invite(user)
		return r, err
	})
}

func (u *unit) invite(user UserID) (Outcome, error) {
	if err := u.welcome(user); err != nil {
		return OutcomeDone, err
	}
	t := u.of(user)
	switch {
	case t.Request.Holds(u.now) && u.allows(admit) == nil:
		return joined(u.admit(user, ByApproval))
	case !u.head.InviteNeedConfirm:
		return joined(u.admit(user, ByInvitation))
	case t.Invitation.Holds(u.now):
		return OutcomeInvited, nil
	}
	return u.offer(user)
}

func joined(err error) (Outcome, error) {
	if err != nil {
		return OutcomeDone, err
	}
	return OutcomeJoined, nil
}

// offer leaves an invitation.
func (u *unit) offer(user UserID) (Outcome, error) {
	u.expire(user)
	if err := u.room(&u.head.Invitations, u.limits.Invitations, ErrTooManyInvitations); err != nil {
		return OutcomeDone, about(user, err)
	}
	u.append(record.Event{Kind: uint8(MemberInvited), Users: []string{string(user)}, Until: u.ends(u.opts.InvitationTTL)})
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
	_, err := a.change(ctx, Command{Op: OpAcceptInvitation, Group: group}, a.personal(), func(u *unit) error {
		if err := u.startInvited(); err != nil {
			return err
		}
		if err := u.welcome(u.user); err != nil {
			return err
		}
		if !u.me.Invitation.Holds(u.now) {
			return about(u.user, ErrInvitationNotFound)
		}
		if err := u.stillInvites(); err != nil {
			return err
		}
		return u.admit(u.user, ByInvitation)
	})
	return err
}

// DeclineInvitation ends the actor's invitation. It works also when the inviter has
// left.
//
// It refuses with ErrInvitationNotFound (ErrGroupNotFound in a private group) and
// ErrBlacklisted, and with ErrInvalid for the system.
func (a Actor) DeclineInvitation(ctx context.Context, group GroupID) error {
	_, err := a.change(ctx, Command{Op: OpDeclineInvitation, Group: group}, a.personal(), func(u *unit) error {
		if err := u.startInvited(); err != nil {
			return err
		}
		if !u.me.Invitation.Holds(u.now) {
			return about(u.user, ErrInvitationNotFound)
		}
		u.emit(InvitationDeclined, u.user)
		return nil
	})
	return err
}

// CancelInvitation takes an invitation back.
//
// The owner and admins may, the system, and the member who invited. It refuses with
// ErrInvitationNotFound, ErrNotMember and ErrRoleTooLow.
func (a Actor) CancelInvitation(ctx context.Context, group GroupID, user UserID) error {
	return a.one(ctx, Command{Op: OpCancelInvitation, Group: group, Users: []UserID{user}}, starting(seeMembers), func(u *unit, user UserID) error {
		t := u.of(user)
		own := t.Invitation.Holds(u.now) && t.Invitation.By == string(u.user)
		if err := u.allows(admit); err != nil && !own {
			return err
		}
		if !t.Invitation.Holds(u.now) {
			return about(user, ErrInvitationNotFound)
		}
		u.emit(InvitationCancelled, user)
		return nil
	})
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
	return pending(ctx, a, OpListRequests, user, flagRequested, publicRequest)
}

// PendingInvitations iterates over the invitations that a user has pending in any
// group.
//
// The system and the user may. It refuses with ErrSystemOnly and ErrUserNotFound.
func (a Actor) PendingInvitations(ctx context.Context, user UserID) iter.Seq2[Invitation, error] {
	return pending(ctx, a, OpListInvitations, user, flagInvited, publicInvitation)
}

// pending iterates over what a user has pending in any group.
func pending[T any](ctx context.Context, a Actor, op Op, user UserID, flag int, public func(*entry) (T, bool)) iter.Seq2[T, error] {
	return eachOfUser(ctx, a, op, user, key.UserOutsider, func(r store.Reader, links []link) (items []T, err error) {
		for _, l := range links {
			if l.flags&flag == 0 {
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
