package main

import (
	"encoding/json"
	"maps"
	"slices"

	"groupkit"
)

// A membership is the content of a member event.
type membership struct {
	Is     string `json:"membership"`
	Reason string `json:"reason"`
}

// readMembers reads who is in the room, and who is banned, invited, or knocks. The event of a member is newer than the
// joining if it only changes a name; the export does not say more.
func (r *room) readMembers() {
	left := 0
	events := r.state["m.room.member"]
	for _, user := range slices.Sorted(maps.Keys(events)) {
		event := events[user]
		var m membership
		if err := json.Unmarshal(event.Content, &m); err != nil {
			r.lose("membership of %s: %s", short(user), why(err))
			continue
		}
		if m.Is == "leave" {
			left++
			continue
		}
		r.place(groupkit.UserID(user), &event, &m)
	}
	if left > 0 {
		r.lose("users who left (%d): the log begins with the import", left)
	}
}

// place puts a user on the list of the membership.
func (r *room) place(user groupkit.UserID, event *stateEvent, m *membership) {
	what := m.Is + " of " + short(string(user))
	at, reason := r.past(what, event.time()), r.text("reason", m.Reason)
	switch m.Is {
	case "join":
		put(r.draft, r.members, "member", user, groupkit.Member{User: user, Role: groupkit.RoleMember, Joined: at})
	case "ban":
		put(r.draft, r.blocks, "banned", user, groupkit.Block{User: user, By: r.author(what, event.Sender), At: at, Reason: reason})
	case "invite":
		put(r.draft, r.invitations, "invited", user, groupkit.Invitation{User: user, By: r.author(what, event.Sender), At: at, Reason: reason})
	case "knock":
		put(r.draft, r.requests, "knocking", user, groupkit.Request{User: user, At: at, Reason: reason})
	default:
		r.lose("%s: this membership is not known", what)
	}
}

// rank makes roles of levels. Who has the level of admins can do everything in a room, which in a group is the owner
// alone.
func (r *room) rank() {
	var governors []groupkit.UserID
	for _, user := range inOrder(r.members) {
		m := r.members[user]
		has := r.powers.of(user)
		switch {
		case has >= governs:
			governors = append(governors, user)
			m.Role = groupkit.RoleAdmin
		case has >= moderates:
			m.Role = groupkit.RoleAdmin
		case has < 0:
			put(r.draft, r.mutes, "muted", user, groupkit.Mute{User: user, Until: forever})
			r.lose("level %d of %q: there is no role below member, so it is a permanent mute", has, user)
		}
		if r.members[user] = m; has > 0 && has != moderates && has != governs {
			r.lose("level %d of %q: no role is in between, so it is %v", has, user, m.Role)
		}
	}
	for _, user := range inOrder(r.powers.Users) {
		if !r.isMember(user) {
			r.lose("level of %s: is not a member", short(string(user)))
		}
	}
	r.chooseOwner(governors)
}

// chooseOwner makes an owner of one of those with the level of admins: the creator, or else who joined first.
func (r *room) chooseOwner(governors []groupkit.UserID) {
	if len(governors) == 0 {
		return
	}
	slices.SortStableFunc(governors, func(x, y groupkit.UserID) int { return r.members[x].Joined.Compare(r.members[y].Joined) })
	owner := governors[0]
	if len(r.owners) > 0 && slices.Contains(governors, r.owners[0]) {
		owner = r.owners[0]
	}
	if len(r.owners) > 0 && r.isMember(r.owners[0]) { // a member who lost the level
		r.owners = nil
	}
	r.owners = append(r.owners, owner)
	for _, user := range governors {
		if user != owner {
			r.lose("level %d of %q: a group has one owner, so it is admin", r.powers.of(user), user)
		}
	}
}
