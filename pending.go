package groupkit

import (
	"context"
	"iter"

	"groupkit/internal/key"
	"groupkit/store"
)

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
		now, err := a.eng.now()
		if err != nil {
			return nil, err
		}
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
			if item, ok := public(&entry{group: l.group, user: user, standing: st, now: now}); ok && live {
				items = append(items, item)
			}
		}
		return items, nil
	})
}
