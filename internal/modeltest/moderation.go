package modeltest

import (
	"time"

	"groupkit"
)

// Block throws a user out and keeps it out: for d, or until it is unblocked.
func (w *World) Block(c Caller, id groupkit.GroupID, d time.Duration, u groupkit.UserID) (time.Time, *Refusal) {
	if no := c.wrong(id, ValidUser(u) && validDuration(d)); no != nil {
		return time.Time{}, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return time.Time{}, no
	}
	e := w.block(c, g, d, u)
	return e.Until, e.Refused
}

// BlockUsers blocks several users.
func (w *World) BlockUsers(c Caller, id groupkit.GroupID, d time.Duration, users []groupkit.UserID) ([]Entry, *Refusal) {
	if no := w.wrongBatch(c, id, users, validDuration(d)); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) Entry { return w.block(c, g, d, u) })
}

func (w *World) block(c Caller, g *Group, d time.Duration, u groupkit.UserID) Entry {
	outsider := !Has(g.Joined, u)
	switch {
	case w.Blocked(g, u):
		return Entry{Refused: g.refuseBlocked(u)}
	case outsider && w.Options.BlockOutsiders && !w.exists(u):
		return Entry{Refused: refuseUser(groupkit.ErrUserNotFound, u)}
	}
	if !outsider || !w.Options.BlockOutsiders {
		if no := g.over(c, u); no != nil {
			return Entry{Refused: no}
		}
	}
	if Count(g.Blocks, func(u groupkit.UserID) bool { return w.Blocked(g, u) }) >= w.Options.Limits.ListSize {
		return Entry{Refused: refuseLimit(groupkit.ErrListFull, w.Options.Limits.ListSize)}
	}
	b := groupkit.Block{User: u, By: c.by(), At: w.at(g), Reason: c.Reason}
	if d != groupkit.Forever {
		b.Until = w.after(d)
	}
	g.Blocks[u] = b
	w.depart(g, u)
	delete(g.Requests, u)
	delete(g.Invitations, u)
	return Entry{Until: b.Until}
}

// Unblock takes a user off the blacklist, and restores nothing else.
func (w *World) Unblock(c Caller, id groupkit.GroupID, u groupkit.UserID) *Refusal {
	if no := c.wrong(id, ValidUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return no
	}
	return w.unblock(g, u)
}

// UnblockUsers takes several users off the blacklist.
func (w *World) UnblockUsers(c Caller, id groupkit.GroupID, users []groupkit.UserID) ([]Entry, *Refusal) {
	if no := w.wrongBatch(c, id, users, true); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) Entry { return Entry{Refused: w.unblock(g, u)} })
}

func (w *World) unblock(g *Group, u groupkit.UserID) *Refusal {
	if !w.Blocked(g, u) {
		return refuseUser(groupkit.ErrNotBlacklisted, u)
	}
	delete(g.Blocks, u)
	w.Touch(g)
	return nil
}

// Mute silences a member for d.
func (w *World) Mute(c Caller, id groupkit.GroupID, d time.Duration, u groupkit.UserID) (time.Time, *Refusal) {
	if no := c.wrong(id, ValidUser(u) && validDuration(d)); no != nil {
		return time.Time{}, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return time.Time{}, no
	}
	e := w.mute(c, g, d, u)
	return e.Until, e.Refused
}

// MuteUsers silences several members.
func (w *World) MuteUsers(c Caller, id groupkit.GroupID, d time.Duration, users []groupkit.UserID) ([]Entry, *Refusal) {
	if no := w.wrongBatch(c, id, users, validDuration(d)); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) Entry { return w.mute(c, g, d, u) })
}

func (w *World) mute(c Caller, g *Group, d time.Duration, u groupkit.UserID) Entry {
	if no := g.over(c, u); no != nil {
		return Entry{Refused: no}
	}
	muted := Count(g.Mutes, func(u groupkit.UserID) bool { return w.Muted(g, u) })
	if !w.Muted(g, u) && muted >= w.Options.Limits.ListSize {
		return Entry{Refused: refuseLimit(groupkit.ErrListFull, w.Options.Limits.ListSize)}
	}
	g.Mutes[u] = groupkit.Mute{User: u, Until: w.after(d), By: c.by(), At: w.at(g), Reason: c.Reason}
	w.Touch(g)
	return Entry{Until: w.after(d)}
}

// Unmute lets a user speak again, whether it is still a member or not.
func (w *World) Unmute(c Caller, id groupkit.GroupID, u groupkit.UserID) *Refusal {
	if no := c.wrong(id, ValidUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return no
	}
	return w.unmute(c, g, u)
}

// UnmuteUsers lets several users speak again.
func (w *World) UnmuteUsers(c Caller, id groupkit.GroupID, users []groupkit.UserID) ([]Entry, *Refusal) {
	if no := w.wrongBatch(c, id, users, true); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) Entry { return Entry{Refused: w.unmute(c, g, u)} })
}

func (w *World) unmute(c Caller, g *Group, u groupkit.UserID) *Refusal {
	if no := g.above(c, u); no != nil && u != g.Owner { // the owner is never muted
		return no
	}
	if !w.Muted(g, u) {
		return refuseUser(groupkit.ErrNotMuted, u)
	}
	delete(g.Mutes, u)
	w.Touch(g)
	return nil
}

// MuteGroup silences the plain members, but those on the allow list.
func (w *World) MuteGroup(c Caller, id groupkit.GroupID) *Refusal { return w.hush(c, id, true) }

// UnmuteGroup lets them speak again.
func (w *World) UnmuteGroup(c Caller, id groupkit.GroupID) *Refusal { return w.hush(c, id, false) }

func (w *World) hush(c Caller, id groupkit.GroupID, muted bool) *Refusal {
	if no := c.wrong(id, true); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return no
	}
	if g.Muted != muted {
		g.Muted = muted
		w.Touch(g)
	}
	return nil
}

// MaySpeak returns whether the caller can speak, and if not, until when. The user's own mute is
// checked before the allow list, and the allow list before the mute of the group.
func (w *World) MaySpeak(c Caller, id groupkit.GroupID) *Refusal {
	if no := c.wrong(id, true); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleMember)
	if no != nil || c.System {
		return no
	}
	hushed := g.Muted && g.Role(c.User) == groupkit.RoleMember && !Has(g.Allowed, c.User)
	switch {
	case w.Muted(g, c.User) && hushed: // the end of the mute would not be enough
		return refuseUser(groupkit.ErrMuted, c.User)
	case w.Muted(g, c.User):
		no := refuseUser(groupkit.ErrMuted, c.User)
		no.Until = g.Mutes[c.User].Until
		return no
	case hushed:
		return refuseUser(groupkit.ErrGroupMuted, c.User)
	}
	return nil
}

// Allow lets a member speak while the group is muted.
func (w *World) Allow(c Caller, id groupkit.GroupID, u groupkit.UserID) *Refusal {
	if no := c.wrong(id, ValidUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return no
	}
	return w.allow(c, g, u)
}

// AllowUsers lets several members speak while the group is muted.
func (w *World) AllowUsers(c Caller, id groupkit.GroupID, users []groupkit.UserID) ([]Entry, *Refusal) {
	if no := w.wrongBatch(c, id, users, true); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) Entry { return Entry{Refused: w.allow(c, g, u)} })
}

func (w *World) allow(c Caller, g *Group, u groupkit.UserID) *Refusal {
	switch {
	case !Has(g.Joined, u):
		return refuseUser(groupkit.ErrNotMember, u)
	case Has(g.Allowed, u):
		return refuseUser(groupkit.ErrAlreadyAllowed, u)
	case len(g.Allowed) >= w.Options.Limits.ListSize:
		return refuseLimit(groupkit.ErrListFull, w.Options.Limits.ListSize)
	}
	g.Allowed[u] = groupkit.Allowed{User: u, By: c.by(), At: w.at(g), Reason: c.Reason}
	w.Touch(g)
	return nil
}

// Disallow takes a member off the allow list.
func (w *World) Disallow(c Caller, id groupkit.GroupID, u groupkit.UserID) *Refusal {
	if no := c.wrong(id, ValidUser(u)); no != nil {
		return no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return no
	}
	return w.disallow(g, u)
}

// DisallowUsers takes several members off the allow list.
func (w *World) DisallowUsers(c Caller, id groupkit.GroupID, users []groupkit.UserID) ([]Entry, *Refusal) {
	if no := w.wrongBatch(c, id, users, true); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return nil, no
	}
	return each(users, func(u groupkit.UserID) Entry { return Entry{Refused: w.disallow(g, u)} })
}

func (w *World) disallow(g *Group, u groupkit.UserID) *Refusal {
	if !Has(g.Allowed, u) {
		return refuseUser(groupkit.ErrNotAllowed, u)
	}
	delete(g.Allowed, u)
	w.Touch(g)
	return nil
}

// Blacklist lists the blocks that hold.
func (w *World) Blacklist(c Caller, id groupkit.GroupID) ([]groupkit.Block, *Refusal) {
	return listed(w, c, id, func(g *Group) []groupkit.Block {
		return sorted(g.Blocks, func(u groupkit.UserID) bool { return w.Blocked(g, u) })
	})
}

// Mutes lists the mutes that hold, of users who left as well.
func (w *World) Mutes(c Caller, id groupkit.GroupID) ([]groupkit.Mute, *Refusal) {
	return listed(w, c, id, func(g *Group) []groupkit.Mute {
		return sorted(g.Mutes, func(u groupkit.UserID) bool { return w.Muted(g, u) })
	})
}

// AllowList lists the users who can speak while the group is muted.
func (w *World) AllowList(c Caller, id groupkit.GroupID) ([]groupkit.Allowed, *Refusal) {
	return listed(w, c, id, func(g *Group) []groupkit.Allowed {
		return sorted(g.Allowed, func(groupkit.UserID) bool { return true })
	})
}

// listed is a list that admins may see.
func listed[T any](w *World, c Caller, id groupkit.GroupID, list func(*Group) []T) ([]T, *Refusal) {
	if no := c.wrong(id, true); no != nil {
		return nil, no
	}
	g, no := w.as(c, id, groupkit.RoleAdmin)
	if no != nil {
		return nil, no
	}
	return list(g), nil
}
