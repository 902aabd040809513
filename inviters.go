package groupkit

import (
	"context"
	"errors"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// cancelAllDeadInvitations does for every group what cancelDeadInvitations does for one.
func (e *Engine) cancelAllDeadInvitations(ctx context.Context) error {
	for _, public := range []bool{true, false} {
		start := store.Prefix(key.Creation(public))
		for more := true; more; {
			var groups []GroupID
			rng := start
			err := e.view(ctx, func(r store.Reader) (err error) {
				rng = start
				groups, more, err = groupsWithInvitations(r, &rng)
				return err
			})
			if err != nil {
				return err
			}
			start = rng
			for _, group := range groups {
				if err := e.cancelDeadInvitations(ctx, group); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// groupsWithInvitations returns those of a page of groups that have pending invitations, and
// advances the range.
func groupsWithInvitations(r store.Reader, rng *store.Range) (groups []GroupID, more bool, err error) {
	page, more, err := r.Scan(*rng)
	if err != nil || len(page) == 0 {
		return nil, false, storage(err)
	}
	for _, p := range page {
		_, group, err := key.CutPosition(p.Key[len(key.Creation(true)):])
		if err != nil {
			return nil, false, err
		}
		value, _, err := r.Get(key.Of(group, key.Header))
		if err != nil {
			return nil, false, storage(err)
		}
		if h, err := record.DecodeHeader(value); err != nil || h.Invitations > 0 {
			groups = append(groups, GroupID(group)) // a damaged header gives its error there
		}
	}
	rng.From = append(page[len(page)-1].Key, 0)
	return groups, more, nil
}

// cancelDeadInvitations cancels the pending invitations of a group whose inviters are not
// allowed to invite any more. Earlier versions left them pending. The events are the system's,
// without a reason. It can be called again, and does nothing for a group that is deleted.
func (e *Engine) cancelDeadInvitations(ctx context.Context, group GroupID) error {
	_, err := e.quietly().change(ctx, cancelDeadInvitationsVerb, Command{Group: group})
	if errors.Is(err, ErrGroupNotFound) {
		return nil
	}
	return err
}

// cancelDeadInvitationsVerb has no rule of its own: what runs after every rule is enough.
var cancelDeadInvitationsVerb = verb{
	op: OpOpen, guarded: true, clears: true, needs: needs{losers: anyoneLoses}, rule: func(c *change) error { return c.visible() },
}
