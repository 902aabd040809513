package groupkit_test

import (
	"maps"
	"slices"

	"groupkit"
)

// ForgetUser ends all that a user is in any group. Blocks stay, unless asked for too,
// and nothing is done while the user owns a group that is to stay its own.
func (w *world) ForgetUser(c caller, u groupkit.UserID, opts groupkit.ForgetOptions) *refusal {
	if !c.valid() || !validUser(u) {
		return refuse(groupkit.ErrInvalid)
	}
	if !c.system {
		return refuseUser(groupkit.ErrSystemOnly, c.user)
	}
	for _, g := range w.groups {
		if g.owner == u && opts.Owned == groupkit.OwnedRefuse {
			return refuseUser(groupkit.ErrOwner, u)
		}
	}
	for _, g := range slices.Collect(maps.Values(w.groups)) {
		w.forget(g, u, opts)
	}
	return nil
}

func (w *world) forget(g *modelGroup, u groupkit.UserID, opts groupkit.ForgetOptions) {
	if g.owner == u {
		if opts.Owned == groupkit.OwnedDelete || len(g.joined) == 1 {
			w.end(g)
			return
		}
		w.own(g, g.successor())
	}
	if has(g.joined, u) {
		w.depart(g, u)
	}
	if w.muted(g, u) {
		delete(g.mutes, u)
		w.touch(g)
	}
	_ = w.dropRequest(g, u)
	_ = w.dropInvitation(g, u)
	if opts.Blocks {
		_ = w.unblock(g, u)
	}
	w.clear(g, u)
}

// clear drops what has expired of a user.
func (w *world) clear(g *modelGroup, u groupkit.UserID) {
	w.cleared[g.id] = true
	if !w.muted(g, u) {
		delete(g.mutes, u)
	}
	if !w.blocked(g, u) {
		delete(g.blocks, u)
	}
	if !w.requested(g, u) {
		delete(g.requests, u)
	}
	if !w.invited(g, u) {
		delete(g.invitations, u)
	}
}
