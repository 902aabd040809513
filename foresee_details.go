package groupkit

import (
	"slices"

	"groupkit/internal/ahead"
	"groupkit/internal/key"
	"groupkit/store"
)

// foreseeDetails reads in two round trips what details reads of the groups.
func (a Actor) foreseeDetails(r store.Reader, ids []GroupID) error {
	if !a.eng.shared {
		return nil
	}
	now, err := a.eng.now()
	if err != nil {
		return err
	}
	ids = slices.DeleteFunc(slices.Clone(ids), func(id GroupID) bool { return checkGroupID(id) != nil })
	var keys [][]byte
	for _, id := range ids {
		keys = append(append(keys, a.keys(id)...), key.Of(string(id), key.Custom))
	}
	if err := ahead.Foresee(r, keys); err != nil {
		return storage(err)
	}
	var pending []store.Range
	for _, id := range ids {
		v, err := a.access(r, id)
		if err != nil {
			return err
		}
		if v.exists && hasPending(v.head) && v.permits(admit) == nil {
			pending = append(pending, expiredIn(&Group{ID: id, RequestCount: v.head.Requests, InvitationCount: v.head.Invitations}, now)...)
		}
	}
	return storage(ahead.Foresee(r, nil, pending...))
}
