package groupkit

import (
	"slices"
	"time"

	"groupkit/internal/record"
)

// A change is what the rule of a call sees and does: who acts (look), what was loaded, and
// the group as it becomes. A rule judges, and records events, which change the group at
// once. It reads and writes no store, knows no time but now, and what it does not find
// loaded is a defect of its verb's needs: so it runs alike on any store, and as often as a
// store asks.
type change struct {
	look
	id     GroupID
	cmd    *Command
	limits *Limits
	opts   *Options

	loaded *loaded
	state  *state         // the group, as far as it is loaded, with the events recorded so far
	groups map[string]int // in how many groups a user is, likewise

	call     record.Call    // the events, as they will be stored
	clearing []record.Event // what had expired: it comes before the events of the call
	reply    reply
	barred   []cacheKey // what the cache may not keep until the call is settled
	bug      error
}

// start refuses what the actor may not do, and a group that has changed.
func (c *change) start(what action) error {
	found := c.found
	if what == answerInvitation {
		found = c.invited
	}
	if err := found(); err != nil {
		return err
	}
	if err := c.unchanged(); err != nil {
		return err
	}
	return c.allows(what)
}

// known refuses a user whom the application does not know.
func (c *change) known(user UserID) error {
	if c.loaded.strangers[user] {
		return about(user, ErrUserNotFound)
	}
	return nil
}

// refuseUntargetable refuses a target who is no member, or whom the actor does not outrank.
func (c *change) refuseUntargetable(user UserID) error {
	t := c.standingOf(user)
	if !t.Member() {
		return about(user, ErrNotMember)
	}
	return c.outranks(user, t)
}

// standingOf is the standing of a user that the command names.
func (c *change) standingOf(user UserID) *record.Standing {
	if _, ok := c.loaded.standings[string(user)]; !ok {
		c.bug = corrupt("record of user %q was not loaded", string(user))
	}
	return c.state.standing(string(user))
}

// countGroups is told of every membership that begins (+1) or ends (−1).
func (c *change) countGroups(user string, delta int) {
	if _, ok := c.groups[user]; !ok {
		c.bug = corrupt("group count of user %q was not loaded", user)
	}
	c.groups[user] += delta
}

// record makes a change that needs no more than users, and logs it.
func (c *change) record(kind EventKind, users ...UserID) {
	c.recordEvent(record.Event{Kind: uint8(kind), Users: texts(users)})
}

// recordEvent makes a change and logs it. Changes of one kind that one call makes to
// several users are one event. What had expired of a user is cleared away, with
// its event, before anything is changed about the user.
func (c *change) recordEvent(e record.Event) {
	c.sign()
	for _, user := range e.Users {
		c.expire(UserID(user))
	}
	c.state.apply(&c.call, &e)
	c.call.Events = merge(c.call.Events, e)
}

// sign notes who calls, when and why.
func (c *change) sign() {
	c.call.At, c.call.Actor, c.call.Reason = max(c.now, c.state.head.Modified), string(c.user), c.cmd.Reason
}

// expire clears away what has expired of a user.
func (c *change) expire(user UserID) {
	c.sign()
	st := c.standingOf(user)
	for _, m := range []struct {
		mark *record.Mark
		kind EventKind
	}{{st.Request, RequestExpired}, {st.Invitation, InvitationExpired}, {st.Block, BlockExpired}, {st.Mute, MuteExpired}} {
		if m.mark.Expired(c.now) {
			e := record.Event{Kind: uint8(m.kind), Users: []string{string(user)}, BySystem: true}
			c.state.apply(&c.call, &e)
			c.clearing = merge(c.clearing, e)
		}
	}
}

// merge appends an event. An equal one is taken from its place and joins it at the
// end, for the last user's events have to stay in order: no longer an admin, then
// no longer a member.
func merge(events []record.Event, e record.Event) []record.Event {
	for i, x := range events {
		if x.Kind == e.Kind && x.How == e.How && x.Until == e.Until && len(e.Users) == 1 && e.Changes == nil && e.File == nil {
			if !slices.Contains(x.Users, e.Users[0]) {
				x.Users = append(x.Users, e.Users[0])
				x.Before = append(x.Before, e.Before...)
			}
			return append(slices.Delete(events, i, i+1), x)
		}
	}
	return append(events, e)
}

// makeRoom refuses to add a user to a list that stays full when what has expired is
// cleared away.
func (c *change) makeRoom(list *bounded, user UserID) error {
	count, most := list.count(c.head), list.limit(c.limits)
	if *count < most {
		return nil
	}
	for _, user := range c.loaded.expired {
		c.expire(user)
	}
	if *count < most {
		return nil
	}
	return about(user, limited(list.full, most, *count))
}

// ends is when something pending expires; 0 for never.
func (c *change) ends(ttl time.Duration) int64 {
	if ttl == 0 {
		return 0
	}
	at, _ := expiry(c.now, ttl) // a lifetime has been found positive when the engine was opened
	return at
}

// markDeleted makes the group a group that is being deleted.
func (c *change) markDeleted() { c.record(GroupDeleted) }

// finish numbers the events of the call: what had expired first. A call that changes
// nothing has cleared nothing away either, unless it is there to clear away.
func (c *change) finish(clears bool) error {
	if len(c.call.Events) == 0 && !clears {
		return c.bug
	}
	c.call.Events = append(c.clearing, c.call.Events...)
	if len(c.call.Events) > 0 {
		c.state.number(&c.call)
	}
	return c.bug
}
