package groupkit_test

import (
	"time"

	"groupkit"
)

// Block throws a user out and keeps it out: for d, or until it is unblocked.
func (w *world) Block(c caller, id groupkit.GroupID, d time.Duration, u groupkit.UserID) (time.Time, *refusal) {
	if no := c.wrong(id, validUser(u) && validDuration(d)); no != nil {
		return time.Time{}, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return time.Time{}, no
	}
	e := w.block(c, g, d, u)
	return e.until, e.refused
}

// BlockUsers blocks several users.
func (w *world) BlockUsers(c caller, id groupkit.GroupID, d time.Duration, users []groupkit.UserID) ([]entry, *refusal) {
	if no := w.wrongBatch(c, id, users, validDuration(d)); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) entry { return w.block(c, g, d, u) })
}

func (w *world) block(c caller, g *modelGroup, d time.Duration, u groupkit.UserID) entry {
	outsider := !has(g.joined, u)
	switch {
	case w.blocked(g, u):
		return entry{refused: refuseUser(groupkit.ErrBlacklisted, u)}
	case outsider && w.opts.BlockOutsiders && !w.exists(u):
		return entry{refused: refuseUser(groupkit.ErrUserNotFound, u)}
	}
	if !outsider || !w.opts.BlockOutsiders {
		if no := g.over(c, u); no != nil {
			return entry{refused: no}
		}
	}
	if count(g.blocks, func(u groupkit.UserID) bool { return w.blocked(g, u) }) >= w.opts.Limits.MaxGroupSize {
		return entry{refused: refuseLimit(groupkit.ErrListFull, w.opts.Limits.MaxGroupSize)}
	}
	b := groupkit.Block{User: u, By: c.by(), At: w.at(g), Reason: c.reason}
	if d != groupkit.Forever {
		b.Until = w.after(d)
	}
	g.blocks[u] = b
	w.depart(g, u)
	delete(g.requests, u)
	delete(g.invitations, u)
	return entry{until: b.Until}
}

// Unblock takes a user off the blacklist, and restores nothing else.
func (w *world) Unblock(c caller, id groupkit.GroupID, u groupkit.UserID) *refusal {
	if no := c.wrong(id, validUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return no
	}
	return w.unblock(g, u)
}

// UnblockUsers takes several users off the blacklist.
func (w *world) UnblockUsers(c caller, id groupkit.GroupID, users []groupkit.UserID) ([]entry, *refusal) {
	if no := w.wrongBatch(c, id, users, true); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) entry { return entry{refused: w.unblock(g, u)} })
}

func (w *world) unblock(g *modelGroup, u groupkit.UserID) *refusal {
	if !w.blocked(g, u) {
		return refuseUser(groupkit.ErrNotBlacklisted, u)
	}
	delete(g.blocks, u)
	w.touch(g)
	return nil
}

// Mute silences a member for d.
func (w *world) Mute(c caller, id groupkit.GroupID, d time.Duration, u groupkit.UserID) (time.Time, *refusal) {
	if no := c.wrong(id, validUser(u) && validDuration(d)); no != nil {
		return time.Time{}, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return time.Time{}, no
	}
	e := w.mute(c, g, d, u)
	return e.until, e.refused
}

// MuteUsers silences several members.
func (w *world) MuteUsers(c caller, id groupkit.GroupID, d time.Duration, users []groupkit.UserID) ([]entry, *refusal) {
	if no := w.wrongBatch(c, id, users, validDuration(d)); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) entry { return w.mute(c, g, d, u) })
}

func (w *world) mute(c caller, g *modelGroup, d time.Duration, u groupkit.UserID) entry {
	if no := g.over(c, u); no != nil {
		return entry{refused: no}
	}
	muted := count(g.mutes, func(u groupkit.UserID) bool { return w.muted(g, u) })
	if !w.muted(g, u) && muted >= w.opts.Limits.MaxGroupSize {
		return entry{refused: refuseLimit(groupkit.ErrListFull, w.opts.Limits.MaxGroupSize)}
	}
	g.mutes[u] = groupkit.Mute{User: u, Until: w.after(d), By: c.by(), At: w.at(g), Reason: c.reason}
	w.touch(g)
	return entry{until: w.after(d)}
}

// Unmute lets a user speak again, whether it is still a member or not.
func (w *world) Unmute(c caller, id groupkit.GroupID, u groupkit.UserID) *refusal {
	if no := c.wrong(id, validUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return no
	}
	return w.unmute(c, g, u)
}

// UnmuteUsers lets several users speak again.
func (w *world) UnmuteUsers(c caller, id groupkit.GroupID, users []groupkit.UserID) ([]entry, *refusal) {
	if no := w.wrongBatch(c, id, users, true); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) entry { return entry{refused: w.unmute(c, g, u)} })
}

func (w *world) unmute(c caller, g *modelGroup, u groupkit.UserID) *refusal {
	if no := g.above(c, u); no != nil && u != g.owner { // who is never muted
		return no
	}
	if !w.muted(g, u) {
		return refuseUser(groupkit.ErrNotMuted, u)
	}
	delete(g.mutes, u)
	w.touch(g)
	return nil
}

// MuteGroup silences the plain members, but those on the allow list.
func (w *world) MuteGroup(c caller, id groupkit.GroupID) *refusal { return w.hush(c, id, true) }

// UnmuteGroup lets them speak again.
func (w *world) UnmuteGroup(c caller, id groupkit.GroupID) *refusal { return w.hush(c, id, false) }

func (w *world) hush(c caller, id groupkit.GroupID, muted bool) *refusal {
	if no := c.wrong(id, true); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return no
	}
	if g.muted != muted {
		g.muted = muted
		w.touch(g)
	}
	return nil
}

// MaySpeak tells whether the caller may speak, and if not, until when. A mute of
// one's own comes before the allow list, and that before the mute of the group.
func (w *world) MaySpeak(c caller, id groupkit.GroupID) *refusal {
	if no := c.wrong(id, true); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	if no != nil || c.system {
		return no
	}
	hushed := g.muted && g.role(c.user) == groupkit.RoleMember && !has(g.allowed, c.user)
	switch {
	case w.muted(g, c.user) && hushed: // the end of the mute would not be enough
		return refuseUser(groupkit.ErrMuted, c.user)
	case w.muted(g, c.user):
		no := refuseUser(groupkit.ErrMuted, c.user)
		no.until = g.mutes[c.user].Until
		return no
	case hushed:
		return refuseUser(groupkit.ErrGroupMuted, c.user)
	}
	return nil
}

// Allow lets a member speak while the group is muted.
func (w *world) Allow(c caller, id groupkit.GroupID, u groupkit.UserID) *refusal {
	if no := c.wrong(id, validUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return no
	}
	return w.allow(c, g, u)
}

// AllowUsers lets several members speak while the group is muted.
func (w *world) AllowUsers(c caller, id groupkit.GroupID, users []groupkit.UserID) ([]entry, *refusal) {
	if no := w.wrongBatch(c, id, users, true); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) entry { return entry{refused: w.allow(c, g, u)} })
}

func (w *world) allow(c caller, g *modelGroup, u groupkit.UserID) *refusal {
	switch {
	case !has(g.joined, u):
		return refuseUser(groupkit.ErrNotMember, u)
	case has(g.allowed, u):
		return refuseUser(groupkit.ErrAlreadyAllowed, u)
	case len(g.allowed) >= w.opts.Limits.MaxGroupSize:
		return refuseLimit(groupkit.ErrListFull, w.opts.Limits.MaxGroupSize)
	}
	g.allowed[u] = groupkit.Allowed{User: u, By: c.by(), At: w.at(g), Reason: c.reason}
	w.touch(g)
	return nil
}

// Disallow takes a member off the allow list.
func (w *world) Disallow(c caller, id groupkit.GroupID, u groupkit.UserID) *refusal {
	if no := c.wrong(id, validUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return no
	}
	return w.disallow(g, u)
}

// DisallowUsers takes several members off the allow list.
func (w *world) DisallowUsers(c caller, id groupkit.GroupID, users []groupkit.UserID) ([]entry, *refusal) {
	if no := w.wrongBatch(c, id, users, true); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) entry { return entry{refused: w.disallow(g, u)} })
}

func (w *world) disallow(g *modelGroup, u groupkit.UserID) *refusal {
	if !has(g.allowed, u) {
		return refuseUser(groupkit.ErrNotAllowed, u)
	}
	delete(g.allowed, u)
	w.touch(g)
	return nil
}

// Blacklist lists the blocks that hold.
func (w *world) Blacklist(c caller, id groupkit.GroupID) ([]groupkit.Block, *refusal) {
	return listed(w, c, id, func(g *modelGroup) []groupkit.Block {
		return sorted(g.blocks, func(u groupkit.UserID) bool { return w.blocked(g, u) })
	})
}

// Mutes lists the mutes that hold, of users who left as well.
func (w *world) Mutes(c caller, id groupkit.GroupID) ([]groupkit.Mute, *refusal) {
	return listed(w, c, id, func(g *modelGroup) []groupkit.Mute {
		return sorted(g.mutes, func(u groupkit.UserID) bool { return w.muted(g, u) })
	})
}

// AllowList lists who may speak while the group is muted.
func (w *world) AllowList(c caller, id groupkit.GroupID) ([]groupkit.Allowed, *refusal) {
	return listed(w, c, id, func(g *modelGroup) []groupkit.Allowed {
		return sorted(g.allowed, func(groupkit.UserID) bool { return true })
	})
}

// listed is a list that admins may see.
func listed[T any](w *world, c caller, id groupkit.GroupID, list func(*modelGroup) []T) ([]T, *refusal) {
	if no := c.wrong(id, true); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return nil, no
	}
	return list(g), nil
}
