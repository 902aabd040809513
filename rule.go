package groupkit

import (
	"slices"
	"time"

	"groupkit/internal/record"
)

// A change is one call that changes a group, while its transaction runs. It contains the
// actor, what was loaded, and the group with the events recorded so far. Actor.begin creates
// it, decide loads it and runs the rule of the verb, and effects computes what to write.
//
// A rule checks the call and records events; each event changes the state at once. A rule
// must not use the store or any time but now, and must not use data that the needs of its
// verb do not list. Therefore it gives the same result on every store, and a store can run
// the transaction again.
type change struct {
	access
	id     GroupID
	due    int64 // what ends at this time or before has expired; now, but for background work
	cmd    *Command
	users  []UserID // the users of the command whose IDs are valid
	limits *Limits
	opts   *Options

	loads   bool   // a group that was loaded becomes visible
	shared  bool   // other processes can change the store
	counter []byte // the key of the empty entry of the index of commits, if there is one

	loaded loaded
	state  *state         // the loaded part of the group, after the events recorded so far
	groups map[string]int // group counts of users, after the events recorded so far

	call      record.Call    // the events in their stored form
	expiries  []record.Event // expiry events; they come before the events of the call
	reply     reply
	notLoaded error // the rule used something that was not loaded
}

// begin checks that the actor can see the group, then IfVersion, then the permission.
func (c *change) begin(what action) error {
	found := c.visible
	if what == answerInvitation && c.version == nil { // an invited user does not see the Version
		found = c.visibleToInvitee
	}
	if err := found(); err != nil {
		return err
	}
	if err := c.checkVersion(); err != nil {
		return err
	}
	return c.permits(what)
}

// known returns ErrUserNotFound if the application does not know the user.
func (c *change) known(user UserID) error {
	if c.loaded.strangers[user] {
		return about(user, ErrUserNotFound)
	}
	return nil
}

// refuseUntargetable returns an error if the user is not a member or does not have a lower
// role than the actor.
func (c *change) refuseUntargetable(user UserID) error {
	t := c.standingOf(user)
	if !t.Member() {
		return about(user, ErrNotMember)
	}
	return c.outranks(user, t)
}

// standingOf returns the standing of a user. The user must be loaded; otherwise the call
// fails at the end.
func (c *change) standingOf(user UserID) *record.Standing {
	if _, ok := c.loaded.standings[string(user)]; !ok {
		c.notLoaded = corrupt("record of user %q was not loaded", string(user))
	}
	return c.state.standing(string(user))
}

// countGroups adds delta, +1 or −1, to the group count of a user whose membership begins or
// ends. The count must be loaded; otherwise the call fails at the end.
func (c *change) countGroups(user string, delta int) {
	if _, ok := c.groups[user]; !ok {
		c.notLoaded = corrupt("group count of user %q was not loaded", user)
	}
	c.groups[user] += delta
}

// record records an event that contains only users.
func (c *change) record(kind EventKind, users ...UserID) {
	c.recordEvent(record.Event{Kind: uint8(kind), Users: texts(users)})
}

// recordEvent records an event and applies it to the state. Events of one kind about several
// users become one event. Expired entries of the users are removed first, with events of
// their own.
func (c *change) recordEvent(e record.Event) {
	c.sign()
	for _, user := range e.Users {
		c.expire(UserID(user))
	}
	c.state.apply(&c.call, &e)
	c.call.Events = merge(c.call.Events, e)
}

// sign sets the time, the actor and the reason of the call. The time never goes back.
func (c *change) sign() {
	c.call.At, c.call.Actor, c.call.Reason = max(c.now, c.state.head.Modified), string(c.user), c.cmd.Reason
}

// expire removes the expired entries of a user and records their events in expiries.
func (c *change) expire(user UserID) {
	c.sign()
	st := c.standingOf(user)
	if !st.Marked() {
		return
	}
	for _, kind := range marks {
		if kind.expires != 0 && (*kind.field(st)).Expired(c.due) {
			e := record.Event{Kind: uint8(kind.expires), Users: []string{string(user)}, BySystem: true}
			c.state.apply(&c.call, &e)
			c.expiries = merge(c.expiries, e)
		}
	}
}

// lift ends the marks of a user that the function picks.
func (c *change) lift(user UserID, which func(*markKind) bool) {
	for _, kind := range marks {
		if which(kind) && *kind.field(c.standingOf(user)) != nil {
			c.record(kind.ends, user)
		}
	}
}

// endInvitations cancels the pending invitations of everybody who has no right to invite any
// more. It runs after the rule of every verb, so that the inviter of each pending invitation is
// allowed to invite, whatever the verb did. The needs of the verb must list who can lose the
// right; otherwise the call fails at the end.
func (c *change) endInvitations() {
	if c.head.State != record.Live || c.head.Invitations == 0 {
		return
	}
	for _, user := range c.loaded.invited {
		m := c.standingOf(user).Invitation
		if m == nil || mayInvite(c.head, m.By, c.state.standing(m.By)) {
			continue
		}
		c.expire(user)
		if c.standingOf(user).Invitation != nil {
			c.record(InvitationCancelled, user)
		}
	}
	for user, before := range c.loaded.standings {
		now := c.state.standing(user)
		if now.Role != before.Role && mayInvite(&c.loaded.head, user, &before) && !mayInvite(c.head, user, now) &&
			!slices.Contains(c.loaded.losers, UserID(user)) {
			c.notLoaded = corrupt("invitations of user %q were not loaded", user)
		}
	}
}

// merge appends an event, or adds its user to an event that is otherwise equal. That event
// moves to the end, because the events of the added user must stay in order: AdminRemoved
// before MemberLeft, for example.
func merge(events []record.Event, e record.Event) []record.Event {
	for i, x := range events {
		if x.Kind == e.Kind && x.Cause == e.Cause && x.Until == e.Until && len(e.Users) == 1 && e.Changes == nil && e.File == nil {
			if !slices.Contains(x.Users, e.Users[0]) {
				x.Users = append(x.Users, e.Users[0])
				x.Before = append(x.Before, e.Before...)
			}
			return append(slices.Delete(events, i, i+1), x)
		}
	}
	return append(events, e)
}

// makeRoom returns the error of the kind's list if it is full even after its expired
// entries are removed. It removes them only if the list is full.
func (c *change) makeRoom(kind *markKind, user UserID) error {
	count, most := kind.count(c.head), kind.limit(c.limits)
	if *count < most {
		return nil
	}
	for _, user := range c.loaded.expired {
		c.expire(user)
	}
	if *count < most {
		return nil
	}
	return about(user, limited(kind.full, most, *count))
}

// ends returns when a request or an invitation with this TTL expires; 0 for never.
func (c *change) ends(ttl time.Duration) int64 {
	if ttl == 0 {
		return 0
	}
	at, _ := expiry(c.now, ttl) // no error: the TTL was checked when the engine was opened
	return at
}

// markDeleted records the deletion of the group.
func (c *change) markDeleted() { c.record(GroupDeleted) }

// finish puts the expiry events before the events of the call and gives all their versions.
// If the call itself changes nothing, the expiry events are dropped, unless clears is true.
// It returns an error if the rule used something that was not loaded.
func (c *change) finish(clears bool) error {
	if len(c.call.Events) == 0 && !clears {
		return c.notLoaded
	}
	c.call.Events = append(c.expiries, c.call.Events...)
	if len(c.call.Events) > 0 {
		c.state.advance(&c.call)
	}
	return c.notLoaded
}
