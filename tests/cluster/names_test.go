//go:build unix

package cluster_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/store"
)

// ForgetUser replaces users by pseudonyms, in the log as well. The test has to know who they were,
// because the answers of the calls before contain the users. What says so: a listener who heard of
// a call before, the operation of which the log tells, and the call that forgot the user.

// The names of a group lead from its pseudonyms to the users.
type names map[groupkit.UserID]groupkit.UserID

func isPseudonym(user groupkit.UserID) bool {
	return strings.HasPrefix(string(user), "forgotten-")
}

// note notes for whom a name stands, if it is a pseudonym.
func (n names) note(name, user groupkit.UserID) error {
	if !isPseudonym(name) || isPseudonym(user) {
		return nil
	}
	if before, known := n[name]; known && before != user {
		return fmt.Errorf("the pseudonym %s stands for %q and for %q", name, before, user)
	}
	if !slices.Contains(forgettable, user) {
		return fmt.Errorf("the pseudonym %s stands for %q, whom nobody forgot with a pseudonym", name, user)
	}
	n[name] = user
	return nil
}

// of returns the user with this name.
func (n names) of(name groupkit.UserID) groupkit.UserID {
	if user, known := n[name]; known {
		return user
	}
	return name
}

func (n names) all(some []groupkit.UserID) (users []groupkit.UserID) {
	for _, name := range some {
		users = append(users, n.of(name))
	}
	return users
}

// namesIn finds out for whom the pseudonyms in a log stand.
func (r *report) namesIn(id groupkit.GroupID, events []groupkit.Event) (names, error) {
	n := make(names)
	byReason := make(map[string]*operation)
	for i := range r.operations {
		byReason[r.operations[i].Reason] = &r.operations[i]
	}
	for i := range events {
		if o := byReason[events[i].Reason]; o != nil && events[i].Reason != "" {
			if err := n.noteOperation(&events[i], o); err != nil {
				return nil, err
			}
		}
	}
	for i := range r.listeners {
		for _, h := range r.listeners[i].Heard {
			if e := &h.Event; e.Group == id && e.Kind != groupkit.Checkpoint && e.Version <= uint64(len(events)) {
				if err := n.noteHeard(&events[e.Version-1], e); err != nil {
					return nil, err
				}
			}
		}
	}
	return n, nil
}

// noteHeard notes what a listener was told in place of pseudonyms. A user does not hear of every actor, and
// not of every user.
func (n names) noteHeard(e, h *groupkit.Event) error {
	if h.Actor != "" {
		if err := n.note(e.Actor, h.Actor); err != nil {
			return err
		}
	}
	if len(h.Users) != len(e.Users) {
		return nil
	}
	for i, user := range h.Users {
		if err := n.note(e.Users[i], user); err != nil {
			return err
		}
	}
	return nil
}

// begins are the kinds of events that tell of users whom the call names.
var begins = []groupkit.EventKind{
	groupkit.GroupCreated, groupkit.MemberJoined, groupkit.JoinRequested, groupkit.MemberInvited,
	groupkit.MemberBlocked, groupkit.MemberMuted, groupkit.MemberAllowed,
}

// noteOperation notes what the operation says of the pseudonyms in one of its events.
func (n names) noteOperation(e *groupkit.Event, o *operation) error {
	if o.By != "" {
		if err := n.note(e.Actor, o.By); err != nil {
			return err
		}
	}
	var named []groupkit.UserID
	for _, user := range slices.Concat([]groupkit.UserID{o.By, o.User}, o.Users) {
		if slices.Contains(forgettable, user) && !slices.Contains(named, user) {
			named = append(named, user)
		}
	}
	if len(named) != 1 || e.Cause != groupkit.CauseForgotten && !slices.Contains(begins, e.Kind) {
		return nil
	}
	for _, name := range e.Users {
		if err := n.note(name, named[0]); err != nil {
			return err
		}
	}
	return nil
}

// named returns the events with the users in place of their pseudonyms. clear is false if it is not
// known for whom one of them stands: then nobody has heard of it in time.
func (n names) named(events []groupkit.Event) (named []groupkit.Event, clear bool) {
	clear = true
	for _, e := range events {
		e = n.inEvent(e)
		clear = clear && !slices.ContainsFunc(append(e.Users, e.Actor), isPseudonym)
		named = append(named, e)
	}
	return named, clear
}

// inEvent returns the event with the users in place of their pseudonyms.
func (n names) inEvent(e groupkit.Event) groupkit.Event {
	e.Actor, e.Users = n.of(e.Actor), n.all(e.Users)
	if e.File != nil {
		file := *e.File
		file.Owner = n.of(file.Owner)
		e.File = &file
	}
	return e
}

// inSnapshot returns the state with the users in place of their pseudonyms.
func (n names) inSnapshot(s groupkit.Snapshot) (named groupkit.Snapshot, err error) {
	var replace []string
	for name, user := range n {
		replace = append(replace, textOf(name), textOf(user))
	}
	err = json.Unmarshal([]byte(strings.NewReplacer(replace...).Replace(textOf(s))), &named)
	slices.SortFunc(named.Members, func(x, y groupkit.Member) int { return cmp.Compare(x.User, y.User) })
	slices.SortFunc(named.Mutes, func(x, y groupkit.Mute) int { return cmp.Compare(x.User, y.User) })
	slices.SortFunc(named.Blacklist, func(x, y groupkit.Block) int { return cmp.Compare(x.User, y.User) })
	slices.SortFunc(named.AllowList, func(x, y groupkit.Allowed) int { return cmp.Compare(x.User, y.User) })
	return named, err
}

// forget lets all processes forget the same users at once, with pseudonyms, when all other calls have
// ended. The last user is blocked before, and the blocks stay.
func (c *cluster) forget(eng *groupkit.Engine) {
	var blocks []operation
	for g, err := range eng.System().Groups(c.t.Context()) {
		require.NoError(c.t, err)
		if g.ID == largeGroup {
			continue
		}
		blocks = append(blocks, operation{
			Verb: "Block", Group: g.ID, User: forgettable[1], For: groupkit.Forever, Reason: "block-" + string(g.ID), Attempt: "block-" + string(g.ID),
		})
	}
	if len(blocks) > 0 {
		c.ask(c.processes[0], question{Make: blocks})
	}
	calls := make([][]operation, processes)
	for i := range calls {
		for j, user := range forgettable {
			reason := fmt.Sprintf("forget-%d-%d", i, j)
			calls[i] = append(calls[i], operation{Verb: "ForgetUser", User: user, Number: 1 + 2*j, Reason: reason, Attempt: reason})
		}
	}
	for i, r := range c.askAll(func(i int) question { return question{Make: calls[i]} }) {
		for _, o := range r.Operations {
			require.Equal(c.t, granted, o.Fate, "process %d: %+v", i, o)
		}
	}
}

// requireForgotten checks that nothing stored contains the ID of a user who was forgotten, except
// in groups whose block of the user stays.
func (c *cluster) requireForgotten(st store.Store) {
	last := forgettable[len(forgettable)-1]
	records, found := grouptest.DumpStore(c.t, st), 0
	for k, v := range records {
		for _, user := range forgettable {
			if !strings.Contains(k, string(user)) && !strings.Contains(v, string(user)) {
				continue
			}
			found++
			require.Equal(c.t, last, user, "a record contains a user who was forgotten: %q %q", k, v)
			require.True(c.t, c.report.blocks(groupOf(k), user), "a record contains a user who was forgotten and is not blocked: %q %q", k, v)
		}
	}
	c.t.Logf("%d of %d records contain a user who is forgotten and blocked", found, len(records))
	blocked := slices.ContainsFunc(slices.Collect(maps.Keys(c.report.histories)), func(id groupkit.GroupID) bool { return c.report.blocks(id, last) })
	require.Equal(c.t, blocked, found > 0, "a block stays, and nothing else")
}

// groupOf returns the group in the key of a record; "" if there is none.
func groupOf(k string) groupkit.GroupID {
	if group, _, _, err := key.CutGroup([]byte(k)); err == nil {
		return groupkit.GroupID(group)
	}
	if _, _, group, err := key.CutUser([]byte(k)); err == nil {
		return groupkit.GroupID(group)
	}
	_, group, _, _, _ := key.CutExpiry([]byte(k))
	return groupkit.GroupID(group)
}

// blocks reports whether the group blocks the user in the end.
func (r *report) blocks(group groupkit.GroupID, user groupkit.UserID) bool {
	h := r.histories[group]
	if h == nil || h.states[h.end()] == nil {
		return false
	}
	_, blocked := h.states[h.end()].Blocks[user]
	return blocked
}
