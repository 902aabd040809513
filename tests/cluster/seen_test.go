//go:build unix

package cluster_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// What members see of the kinds of events. What is not here they do not see.
var memberSees = map[groupkit.EventKind]string{
	groupkit.GroupCreated:        "everything",
	groupkit.GroupUpdated:        "everything",
	groupkit.GroupDeleted:        "not by whom",
	groupkit.OwnerChanged:        "everything",
	groupkit.AdminAdded:          "everything",
	groupkit.AdminRemoved:        "not by whom",
	groupkit.MemberJoined:        "not by whom",
	groupkit.MemberLeft:          "not by whom",
	groupkit.GroupMuted:          "not by whom",
	groupkit.GroupUnmuted:        "not by whom",
	groupkit.AnnouncementChanged: "everything",
	groupkit.FileAdded:           "everything",
	groupkit.FileDeleted:         "not by whom",
	groupkit.Pseudonymized:       "everything",
	groupkit.JoinRequested:       "of themselves",
	groupkit.RequestApproved:     "of themselves",
	groupkit.RequestDeclined:     "of themselves",
	groupkit.RequestCancelled:    "of themselves",
	groupkit.RequestExpired:      "of themselves",
	groupkit.MemberInvited:       "of themselves",
	groupkit.InvitationAccepted:  "of themselves",
	groupkit.InvitationDeclined:  "of themselves",
	groupkit.InvitationCancelled: "of themselves",
	groupkit.InvitationExpired:   "of themselves",
	groupkit.MemberMuted:         "of themselves",
	groupkit.MemberUnmuted:       "of themselves",
	groupkit.MuteExpired:         "of themselves",
	groupkit.MemberAllowed:       "of themselves",
	groupkit.MemberDisallowed:    "of themselves",
}

// seenBy returns what a member sees of an event.
func seenBy(e groupkit.Event, me groupkit.UserID) (seen groupkit.Event, ok bool) {
	at, sees := slices.Index(e.Users, me), memberSees[e.Kind]
	switch {
	case sees == "", sees == "of themselves" && at < 0:
		return seen, false
	case sees == "of themselves":
		e.Users = []groupkit.UserID{me}
		if e.Before != nil {
			e.Before = e.Before[at : at+1]
		}
	}
	if at < 0 {
		e.Reason = ""
		if slices.Contains([]groupkit.Cause{groupkit.CauseRemoved, groupkit.CauseBlocked, groupkit.CauseForgotten}, e.Cause) {
			e.Cause = groupkit.CauseNone
		}
	}
	if sees != "everything" && e.Actor != me && !slices.Contains(e.Users, e.Actor) {
		e.Actor = ""
	}
	return e, true
}

// seenOf returns what a member sees of the state of a group.
func seenOf(s groupkit.Snapshot, me groupkit.UserID) groupkit.Snapshot {
	s.Group.RequestCount, s.Group.InvitationCount = 0, 0
	s.Blacklist, s.Requests, s.Invitations = nil, nil, nil
	mutes, allowed := s.Mutes, s.AllowList
	s.Mutes, s.AllowList = nil, nil
	for _, m := range mutes {
		if m.User == me {
			m.By = ""
			s.Mutes = append(s.Mutes, m)
		}
	}
	for _, a := range allowed {
		if a.User == me {
			a.By = ""
			s.AllowList = append(s.AllowList, a)
		}
	}
	return s
}

// A viewer is a user who follows a group, and where it is.
type viewer struct {
	me         groupkit.UserID
	log        *namedLog
	history    *history
	at         uint64
	checkpoint uint64
	either     uint64 // up to this version, it is given what it may see after a change of its role too
}

// all reports whether the user may see everything at a version.
func (v *viewer) all(version uint64) bool {
	g := v.history.states[version]
	return g != nil && g.Role(v.me) >= groupkit.RoleAdmin
}

// changesRole reports whether an event changes the role of the user.
func (v *viewer) changesRole(e *groupkit.Event) bool {
	switch e.Kind {
	case groupkit.AdminAdded, groupkit.AdminRemoved, groupkit.OwnerChanged, groupkit.MemberLeft:
		return slices.Contains(e.Users, v.me)
	}
	return false
}

// lastChange returns the last version, up to another one, of the last call that changes the role of the user: who
// becomes the owner because the owner leaves hears of the leaving in the new role.
func (v *viewer) lastChange(to uint64) (version uint64) {
	changed := false
	for i := range v.log.events[:to] {
		e := &v.log.events[i]
		if changed = changed || v.changesRole(e); changed {
			version = e.Version
		}
		changed = changed && !e.Last
	}
	return version
}

// sees returns the forms in which the user can be given an event; none if it does not see the event, or
// need not see it: optional.
func (v *viewer) sees(version uint64) (forms []groupkit.Event, optional bool) {
	before := version - 1
	for before > 0 && !v.log.events[before-1].Last {
		before--
	}
	e := v.log.events[version-1]
	seen, ok := seenBy(e, v.me)
	either := version <= v.either
	if v.all(before) || either {
		forms = append(forms, e)
	}
	if ok && (!v.all(before) || either) {
		forms = append(forms, seen)
	}
	return forms, either && !ok || len(forms) == 0
}

// requireSeen checks that a user was given what it may see, and nothing else.
func (r *report) requireSeen(t *testing.T, l *listener) {
	v := &viewer{me: l.User, log: r.logs[l.Group], history: r.histories[l.Group]}
	if !v.log.clear {
		return
	}
	if l.Ended != "" {
		r.requireInOrder(t, l, v)
		return
	}
	started := l.From != foreign.String()
	if started {
		v.at = l.began(t).Version
		v.checkpoint = v.at
	}
	for i := range l.Heard {
		e := &l.Heard[i].Event
		if e.Kind == groupkit.Checkpoint {
			changed := v.lastChange(e.Version) > v.checkpoint
			require.True(t, !started || changed || v.log.rewrites(v.checkpoint, e.Version), "no need for a checkpoint after %d and %d: %+v", v.at, v.checkpoint, e)
			want := v.log.stateAt(t, e.Version)
			if !v.all(e.Version) {
				want = seenOf(want, v.me)
			}
			require.True(t, e.Last)
			r.requireState(t, v.log, l.Heard[i].State, want)
			started, v.at, v.checkpoint = true, e.Version, e.Version
			continue
		}
		v.either = v.eitherUpTo(l, i)
		require.Equal(t, v.at, e.After, "%s in %s: %+v", v.me, l.Group, e)
		v.requireUnseen(t, e.Version)
		forms, _ := v.sees(e.Version)
		var texts []string
		for _, form := range forms {
			form.After, form.Last = e.After, e.Last
			texts = append(texts, textOf(form))
		}
		require.Contains(t, texts, textOf(v.log.names.inEvent(*e)), "%s in %s from %q", v.me, l.Group, l.From)
		v.at = e.Version
	}
	r.requireSeenEnd(t, l, v)
}

// requireInOrder checks that a user whose right has ended was given events of the log, once and in order. A
// forgotten user is given its last events with its pseudonym, and the right can end before a checkpoint that
// is due: what each is given then, the tests in tests/follow say.
func (r *report) requireInOrder(t *testing.T, l *listener, v *viewer) {
	at := uint64(0)
	for i := range l.Heard {
		e := &l.Heard[i].Event
		if e.Kind != groupkit.Checkpoint {
			require.Greater(t, e.Version, at, "%s in %s", l.User, l.Group)
			require.Equal(t, v.log.events[e.Version-1].Kind, e.Kind, "%s in %s: %+v", l.User, l.Group, e)
		}
		at = e.Version
	}
	end := uint64(len(v.log.events))
	left := at > 0 && l.Heard[len(l.Heard)-1].Event.Kind == groupkit.GroupDeleted || v.lastChange(end) > 0
	require.True(t, left || r.deleted(l.Group), "%s ended with %s", l.User, l.Ended)
}

// eitherUpTo returns the version up to which the user is given events in either form: it went on after its role
// had changed, and a checkpoint or the end of its right is to come, even if it did not get so far.
func (v *viewer) eitherUpTo(l *listener, i int) uint64 {
	for _, h := range l.Heard[i:] {
		if h.Event.Kind == groupkit.Checkpoint {
			return v.lastChange(h.Event.Version)
		}
	}
	return v.lastChange(uint64(len(v.log.events)))
}

// requireUnseen checks that the user does not see the events before a version that it was not given.
func (v *viewer) requireUnseen(t *testing.T, before uint64) {
	for version := v.at + 1; version < before; version++ {
		_, optional := v.sees(version)
		require.True(t, optional, "%s was not given %+v", v.me, v.log.events[version-1])
	}
}

// requireSeenEnd checks that the user was given the end, and that its copy is what it sees then.
func (r *report) requireSeenEnd(t *testing.T, l *listener, v *viewer) {
	end := uint64(len(v.log.events))
	v.either = 0
	v.requireUnseen(t, end+1)
	if l.Copy == nil {
		return
	}
	want := v.log.stateAt(t, end)
	if !v.all(end) {
		want = seenOf(want, v.me)
	}
	l.Copy.Group.Version, l.Copy.Group.LastModified = want.Group.Version, want.Group.LastModified // there can be events that it does not see
	r.requireState(t, v.log, l.Copy, want)
}

// deleted reports whether the group was deleted.
func (r *report) deleted(id groupkit.GroupID) bool {
	return slices.ContainsFunc(r.logs[id].log, func(e groupkit.Event) bool { return e.Kind == groupkit.GroupDeleted })
}
