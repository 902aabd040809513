// Package modeltest is a second, naive implementation of the engine: maps, slices and loops. It
// shares the public types and sentinels with the engine, but no code. Each method returns what
// the caller of the engine gets, or a Refusal. A refused call does not change the World. The
// package also draws the random arguments of the property tests: the state machine in
// internal/machinetest runs the same calls on the model and on real engines and compares the results.
// Only tests import it.
package modeltest

import (
	"cmp"
	"slices"
	"time"

	"groupkit"
)

// A World is an application's groups at one instant.
type World struct {
	Now      time.Time
	Options  groupkit.Options // Limits has no zero left but Groups
	Known    map[groupkit.UserID]bool
	Live     map[groupkit.GroupID]*Group
	Deleted  map[groupkit.GroupID]bool
	Touched  map[groupkit.GroupID]bool // the groups that the last call changed
	Cleared  map[groupkit.GroupID]bool // and those of which it may have cleared away what had expired
	numbered int                       // how many ids were assigned

	came  map[arrival]int // when a user came to be something in a group
	comes int             // the last of these numbers
}

// An arrival is what a user came to be in a group: 'j' joined, 'a' admin, 'r' requested,
// 'i' invited.
type arrival struct {
	group groupkit.GroupID
	user  groupkit.UserID
	as    rune
}

// comesAs notes that a user comes to be something, after all who came before.
func (w *World) comesAs(g *Group, u groupkit.UserID, as rune) {
	w.comes++
	w.came[arrival{g.ID, u, as}] = w.comes
}

// inOrder is who of a map came first, and then the others.
func inOrder[V any](w *World, g *Group, as rune, m map[groupkit.UserID]V, keep func(groupkit.UserID) bool) []V {
	var list []V
	users := keys(m)
	slices.SortFunc(users, func(a, b groupkit.UserID) int {
		return cmp.Compare(w.came[arrival{g.ID, a, as}], w.came[arrival{g.ID, b, as}])
	})
	for _, u := range users {
		if keep(u) {
			list = append(list, m[u])
		}
	}
	return list
}

// A Group is one group.
type Group struct {
	ID                                             groupkit.GroupID
	Name, Description, Avatar, Custom              string
	Public, MembersOnly, AllowInvites, NeedConfirm bool
	MaxUsers                                       int
	Owner                                          groupkit.UserID
	Created, Modified                              time.Time
	Version                                        uint64 // as the engines count it
	Muted                                          bool

	Joined      map[groupkit.UserID]time.Time // the members, the owner among them
	Admins      map[groupkit.UserID]time.Time // since when
	Blocks      map[groupkit.UserID]groupkit.Block
	Mutes       map[groupkit.UserID]groupkit.Mute
	Allowed     map[groupkit.UserID]groupkit.Allowed
	Requests    map[groupkit.UserID]groupkit.Request
	Invitations map[groupkit.UserID]groupkit.Invitation

	Announcement groupkit.Announcement
	Files        []File // oldest first
}

// NewWorld is a World without groups. known are the users that the application knows; nil: all.
func NewWorld(now time.Time, opts groupkit.Options, known map[groupkit.UserID]bool) *World {
	return &World{
		Now: now, Options: opts, Known: known,
		Live:    map[groupkit.GroupID]*Group{},
		Deleted: map[groupkit.GroupID]bool{},
		Touched: map[groupkit.GroupID]bool{},
		Cleared: map[groupkit.GroupID]bool{},
		came:    map[arrival]int{},
	}
}

func (w *World) exists(u groupkit.UserID) bool { return w.Known == nil || w.Known[u] }

// The state of a user in a group.

// Role is the role of a user.
func (g *Group) Role(u groupkit.UserID) groupkit.Role {
	switch {
	case u == g.Owner:
		return groupkit.RoleOwner
	case Has(g.Admins, u):
		return groupkit.RoleAdmin
	case Has(g.Joined, u):
		return groupkit.RoleMember
	}
	return groupkit.RoleOutsider
}

// Blocked reports whether a block of the user holds.
func (w *World) Blocked(g *Group, u groupkit.UserID) bool {
	return Has(g.Blocks, u) && w.Holds(g.Blocks[u].Until)
}

// refuseBlocked says until when the block of the user lasts.
func (g *Group) refuseBlocked(u groupkit.UserID) *Refusal {
	no := refuseUser(groupkit.ErrBlacklisted, u)
	no.Until = g.Blocks[u].Until
	return no
}

// Muted reports whether a mute of the user holds.
func (w *World) Muted(g *Group, u groupkit.UserID) bool {
	return Has(g.Mutes, u) && w.Holds(g.Mutes[u].Until)
}

// Requested reports whether a request of the user is pending.
func (w *World) Requested(g *Group, u groupkit.UserID) bool {
	return Has(g.Requests, u) && w.Holds(g.Requests[u].Expires)
}

// Invited reports whether an invitation of the user is pending.
func (w *World) Invited(g *Group, u groupkit.UserID) bool {
	return Has(g.Invitations, u) && w.Holds(g.Invitations[u].Expires)
}

// enter returns the group if the caller can see it.
func (w *World) enter(c Caller, id groupkit.GroupID) (*Group, *Refusal) {
	g := w.Live[id]
	if g != nil && !c.System && !g.Public && g.Role(c.User) == groupkit.RoleOutsider && !w.Blocked(g, c.User) {
		return nil, Refuse(groupkit.ErrGroupNotFound)
	}
	return w.enterInvited(c, id)
}

// enterInvited is enter for the calls that are open to whoever is invited.
func (w *World) enterInvited(c Caller, id groupkit.GroupID) (*Group, *Refusal) {
	g := w.Live[id]
	switch {
	case g == nil:
		return nil, Refuse(groupkit.ErrGroupNotFound)
	case !c.System && w.Blocked(g, c.User):
		return nil, g.refuseBlocked(c.User)
	case !c.System && !g.Public && g.Role(c.User) == groupkit.RoleOutsider && (!w.Invited(g, c.User) || c.Version != nil):
		return nil, Refuse(groupkit.ErrGroupNotFound) // an invited user does not see the version
	case c.Version != nil && *c.Version != g.Version:
		return nil, Refuse(groupkit.ErrVersion)
	}
	return g, nil
}

// lowest refuses a user of a lower role than the one that a call needs.
func (g *Group) lowest(c Caller, role groupkit.Role) *Refusal {
	switch {
	case c.System || g.Role(c.User) >= role:
		return nil
	case g.Role(c.User) == groupkit.RoleOutsider:
		return refuseUser(groupkit.ErrNotMember, c.User)
	}
	return refuseUser(groupkit.ErrRoleTooLow, c.User)
}

// as is enter for a caller that needs at least that role.
func (w *World) as(c Caller, id groupkit.GroupID, role groupkit.Role) (*Group, *Refusal) {
	g, no := w.enter(c, id)
	if no != nil {
		return nil, no
	}
	return g, g.lowest(c, role)
}

// over refuses to act on the owner, and on anyone whose role is not lower.
func (g *Group) over(c Caller, u groupkit.UserID) *Refusal {
	switch {
	case g.Role(u) == groupkit.RoleOutsider:
		return refuseUser(groupkit.ErrNotMember, u)
	case u == g.Owner:
		return refuseUser(groupkit.ErrIsOwner, u)
	}
	return g.above(c, u)
}

// above refuses a user to act on anyone whose role is not lower.
func (g *Group) above(c Caller, u groupkit.UserID) *Refusal {
	if !c.System && g.Role(c.User) <= g.Role(u) {
		return refuseUser(groupkit.ErrRoleTooLow, u)
	}
	return nil
}

// Touch notes that a call changed the group. An invitation ends with its inviter's right to
// invite, whatever the change was.
func (w *World) Touch(g *Group) {
	w.Touched[g.ID] = true
	g.Modified = w.at(g)
	for u := range g.Invitations {
		if !g.MayInvite(g.Invitations[u].By) {
			delete(g.Invitations, u)
		}
	}
}

// at is when a change of the group is said to happen: now, but never before the last one.
func (w *World) at(g *Group) time.Time { return later(g.Modified, w.Now) }

// wrongBatch is wrong for a call on several users, who are looked at one by one.
func (w *World) wrongBatch(c Caller, id groupkit.GroupID, users []groupkit.UserID, argumentsOK bool) *Refusal {
	if no := c.wrong(id, argumentsOK && len(users) > 0); no != nil {
		return no
	}
	if len(users) > w.Options.Limits.Batch {
		return refuseLimit(groupkit.ErrBatchTooLarge, w.Options.Limits.Batch)
	}
	return nil
}
