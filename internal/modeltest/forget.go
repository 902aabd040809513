package modeltest

import (
	"maps"
	"slices"

	"groupkit"
)

// ForgetUser ends all that a user is in any group. Blocks stay, unless asked for too,
// and nothing is done while the user owns a group that is to stay its own.
func (w *World) ForgetUser(c Caller, u groupkit.UserID, opts groupkit.ForgetOptions) *Refusal {
	if !c.valid() || !ValidUser(u) {
		return Refuse(groupkit.ErrInvalid)
	}
	if !c.System {
		return refuseUser(groupkit.ErrSystemOnly, c.User)
	}
	for _, g := range w.Live {
		if g.Owner == u && opts.Owned == groupkit.OwnedRefuse {
			return refuseUser(groupkit.ErrIsOwner, u)
		}
	}
	for _, g := range slices.Collect(maps.Values(w.Live)) {
		w.forget(g, u, opts)
	}
	return nil
}

func (w *World) forget(g *Group, u groupkit.UserID, opts groupkit.ForgetOptions) {
	if g.Owner == u {
		if opts.Owned == groupkit.OwnedDelete || len(g.Joined) == 1 {
			w.end(g)
			return
		}
		w.own(g, w.successor(g))
	}
	if Has(g.Joined, u) {
		w.depart(g, u)
	}
	if w.Muted(g, u) {
		delete(g.Mutes, u)
		w.Touch(g)
	}
	_ = w.dropRequest(g, u)
	_ = w.dropInvitation(g, u)
	if opts.Blocks {
		_ = w.unblock(g, u)
	}
	w.Clear(g, u)
	if opts.Pseudonymize && !Has(g.Blocks, u) {
		g.pseudonymize(u)
	}
}

// Pseudonym stands for all pseudonyms.
const Pseudonym groupkit.UserID = "forgotten"

// pseudonymize takes the name of a user who is nothing in the group out of what it made there.
func (g *Group) pseudonymize(u groupkit.UserID) {
	rename := func(name *groupkit.UserID) {
		if *name == u {
			*name = Pseudonym
		}
	}
	for user, m := range g.Mutes {
		rename(&m.By)
		g.Mutes[user] = m
	}
	for user, b := range g.Blocks {
		rename(&b.By)
		g.Blocks[user] = b
	}
	for user, a := range g.Allowed {
		rename(&a.By)
		g.Allowed[user] = a
	}
	for i := range g.Files {
		rename(&g.Files[i].Owner)
	}
	rename(&g.Announcement.By)
}

// Clear drops what has expired of a user.
func (w *World) Clear(g *Group, u groupkit.UserID) {
	w.Cleared[g.ID] = true
	if !w.Muted(g, u) {
		delete(g.Mutes, u)
	}
	if !w.Blocked(g, u) {
		delete(g.Blocks, u)
	}
	if !w.Requested(g, u) {
		delete(g.Requests, u)
	}
	if !w.Invited(g, u) {
		delete(g.Invitations, u)
	}
}
