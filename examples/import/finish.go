package main

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"groupkit"
)

// finish settles what the lists say about the same user and returns the group, unless there can be none.
func (d *draft) finish() (groupkit.Snapshot, bool) {
	for _, user := range inOrder(d.blocks) {
		if d.isMember(user) {
			d.lose("member %q: is banned too, and the ban counts", user)
			delete(d.members, user)
		}
	}
	if !d.elect() {
		d.lose("the group: it has no member who could own it")
		return groupkit.Snapshot{}, false
	}
	if _, muted := d.mutes[d.group.Owner]; muted {
		d.lose("mute of %q: nobody can mute the owner", d.group.Owner)
		delete(d.mutes, d.group.Owner)
	}
	d.checkInviters()
	return d.snapshot(), true
}

// elect names the owner: the first of d.owners who is a member, or else the admin, or else the member, who has been
// a member longest.
func (d *draft) elect() bool {
	all := slices.SortedFunc(maps.Values(d.members), func(x, y groupkit.Member) int {
		return cmp.Or(cmp.Compare(y.Role, x.Role), x.Joined.Compare(y.Joined), cmp.Compare(x.User, y.User))
	})
	if len(all) == 0 {
		return false
	}
	owner := all[0]
	if i := slices.IndexFunc(d.owners, d.isMember); i >= 0 {
		owner = d.members[d.owners[i]]
	}
	if len(d.owners) > 0 && d.owners[0] != owner.User {
		d.lose("owner %s: is not a member, so the owner is %q", short(string(d.owners[0])), owner.User)
	}
	owner.Role, owner.AdminSince = groupkit.RoleOwner, time.Time{}
	d.members[owner.User], d.group.Owner = owner, owner.User
	return true
}

func (d *draft) isMember(user groupkit.UserID) bool {
	_, is := d.members[user]
	return is
}

// checkInviters makes the system the inviter where nobody else can be: owner and admins can invite, and in a
// private group with AllowInvites every member.
func (d *draft) checkInviters() {
	for _, user := range inOrder(d.invitations) {
		i := d.invitations[user]
		role := d.members[i.By].Role
		open := !d.group.Public && d.group.AllowInvites
		if i.By == "" || role == groupkit.RoleOwner || role == groupkit.RoleAdmin || role == groupkit.RoleMember && open {
			continue
		}
		d.lose("inviter %q of %q: is not allowed to invite, so it is the system", i.By, user)
		i.By = ""
		d.invitations[user] = i
	}
}

// snapshot returns what has been settled. Requests and invitations are in the order in which they came.
func (d *draft) snapshot() groupkit.Snapshot {
	s := groupkit.Snapshot{
		Group: d.group, Announcement: d.announcement, Members: inOrderOf(d.members), Mutes: inOrderOf(d.mutes),
		Blacklist: inOrderOf(d.blocks), Requests: inOrderOf(d.requests), Invitations: inOrderOf(d.invitations),
	}
	slices.SortStableFunc(s.Requests, func(x, y groupkit.Request) int { return x.At.Compare(y.At) })
	slices.SortStableFunc(s.Invitations, func(x, y groupkit.Invitation) int { return x.At.Compare(y.At) })
	s.Group.MaxUsers = max(s.Group.MaxUsers, len(s.Members))
	first, last := span(&s)
	if s.Group.Created.IsZero() {
		if s.Group.Created = first; first.IsZero() {
			s.Group.Created = today
		}
		d.lose("time of creation: not known, so the earliest time that is known counts, %s", s.Group.Created.Format(time.DateOnly))
	}
	s.Group.LastModified = last
	if last.Before(s.Group.Created) {
		s.Group.LastModified = s.Group.Created
	}
	return s
}

// span returns the earliest and the latest time in a snapshot, or zero times.
func span(s *groupkit.Snapshot) (first, last time.Time) {
	times := []time.Time{s.Announcement.At}
	for _, m := range s.Members {
		times = append(times, m.Joined)
	}
	for _, b := range s.Blacklist {
		times = append(times, b.At)
	}
	for _, r := range s.Requests {
		times = append(times, r.At)
	}
	for _, i := range s.Invitations {
		times = append(times, i.At)
	}
	times = slices.DeleteFunc(times, time.Time.IsZero)
	if len(times) == 0 {
		return first, last
	}
	return slices.MinFunc(times, time.Time.Compare), slices.MaxFunc(times, time.Time.Compare)
}

// inOrder returns the users of a list, sorted by their IDs.
func inOrder[T any](list map[groupkit.UserID]T) []groupkit.UserID {
	return slices.Sorted(maps.Keys(list))
}

func inOrderOf[T any](list map[groupkit.UserID]T) []T {
	out := make([]T, 0, len(list))
	for _, user := range inOrder(list) {
		out = append(out, list[user])
	}
	return out
}
