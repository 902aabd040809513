package escalation_test

import (
	"fmt"
	"slices"

	"groupkit"
)

// told are the kinds of events, one of which says that there is a difference.
var told = map[string][]groupkit.EventKind{
	"name": {groupkit.GroupUpdated}, "description": {groupkit.GroupUpdated}, "avatar": {groupkit.GroupUpdated}, "custom": {groupkit.GroupUpdated},
	"max users": {groupkit.GroupUpdated}, "members only": {groupkit.GroupUpdated}, "allow invites": {groupkit.GroupUpdated},
	"invite need confirm": {groupkit.GroupUpdated},
	"announcement":        {groupkit.AnnouncementChanged},
	"group muted":         {groupkit.GroupMuted, groupkit.GroupUnmuted},
	"outsider → member":   {groupkit.MemberJoined},
	"member → outsider":   {groupkit.MemberLeft},
	"admin → outsider":    {groupkit.MemberLeft, groupkit.AdminRemoved},
	"owner → outsider":    {groupkit.MemberLeft, groupkit.OwnerChanged},
	"member → admin":      {groupkit.AdminAdded},
	"admin → member":      {groupkit.AdminRemoved},
	"member → owner":      {groupkit.OwnerChanged},
	"admin → owner":       {groupkit.OwnerChanged, groupkit.AdminRemoved},
	"owner → member":      {groupkit.OwnerChanged},
	"mute begins":         {groupkit.MemberMuted},
	"mute replaced":       {groupkit.MemberMuted},
	"mute ends":           {groupkit.MemberUnmuted},
	"block begins":        {groupkit.MemberBlocked},
	"block ends":          {groupkit.MemberUnblocked},
	"allow begins":        {groupkit.MemberAllowed},
	"allow ends":          {groupkit.MemberDisallowed},
	"request begins":      {groupkit.JoinRequested},
	"request ends":        {groupkit.RequestApproved, groupkit.RequestDeclined, groupkit.RequestCancelled},
	"invitation begins":   {groupkit.MemberInvited},
	"invitation replaced": {groupkit.MemberInvited},
	"invitation ends":     {groupkit.InvitationAccepted, groupkit.InvitationDeclined, groupkit.InvitationCancelled},
	"file added":          {groupkit.FileAdded},
	"file deleted":        {groupkit.FileDeleted},

	"announcement renamed by": {groupkit.Pseudonymized}, "file renamed owner": {groupkit.Pseudonymized}, "mute renamed by": {groupkit.Pseudonymized},
	"block renamed by": {groupkit.Pseudonymized}, "allow renamed by": {groupkit.Pseudonymized},
}

// tells reports whether an event says that there is the difference.
func tells(e groupkit.Event, d difference) bool {
	if !slices.Contains(told[d.What], e.Kind) {
		return false
	}
	switch {
	case e.Kind == groupkit.Pseudonymized:
		return true
	case d.File != "":
		return e.File != nil && e.File.ID == d.File
	case d.Field != "":
		return slices.ContainsFunc(e.Changes, func(c groupkit.Change) bool { return c.Field == d.Field })
	case d.What == "group muted":
		return true
	}
	return slices.Contains(e.Users, d.User)
}

// judgeEvents returns what is wrong with the events of a step: each difference has an event, each event has a
// difference, and each says who did it.
func (s *step) judgeEvents(all []difference, events []groupkit.Event) (wrong []string) {
	version, past := s.before.whole.Group.Version, ended(s.before.whole, s.now)
	for i := range events {
		e := &events[i]
		if version++; e.Version != version {
			wrong = append(wrong, fmt.Sprintf("event %d where %d was due", e.Version, version))
		}
		if s.renames { // the log names the user by the pseudonym
			for i, u := range e.Users {
				if !slices.Contains(users, u) {
					e.Users[i] = s.named[0]
				}
			}
		}
		wrong = append(wrong, s.judgeEvent(all, *e, past)...)
	}
	if after := s.after.whole.Group; after.Version != version || len(events) > 0 && after.LastModified != events[len(events)-1].At {
		wrong = append(wrong, fmt.Sprintf("version %d, last modified %v, after %d events", after.Version, after.LastModified, len(events)))
	}
	for _, d := range all {
		if !slices.ContainsFunc(events, func(e groupkit.Event) bool { return tells(e, d) }) {
			wrong = append(wrong, fmt.Sprintf("%+v: no event says so", d))
		}
	}
	return wrong
}

func (s *step) judgeEvent(all []difference, e groupkit.Event, past map[groupkit.EventKind]map[groupkit.UserID]bool) (wrong []string) {
	say := func(text string) { wrong = append(wrong, fmt.Sprintf("%+v: %s", e, text)) }
	switch e.Kind {
	case groupkit.MuteExpired, groupkit.BlockExpired, groupkit.RequestExpired, groupkit.InvitationExpired:
		if e.Actor != "" || e.Reason != "" {
			say("what has expired is cleared away by nobody, for no reason")
		}
		for _, u := range e.Users {
			if !past[e.Kind][u] {
				say("it had not ended")
			}
		}
		return wrong
	case groupkit.Pseudonymized:
		if e.Actor != "" || e.Reason != "" || len(e.Users) > 0 {
			say("it names somebody")
		}
		return wrong
	}
	if e.Actor != s.actor || e.Reason != s.reason {
		say("it was another actor, or another reason")
	}
	for _, u := range e.Users {
		if e.Kind == groupkit.MemberMuted && slices.Contains(s.named, u) {
			continue // muted again until the same end
		}
		if !slices.ContainsFunc(all, func(d difference) bool { return d.User == u && slices.Contains(told[d.What], e.Kind) }) {
			say(fmt.Sprintf("nothing of the kind has changed for %q", u))
		}
	}
	if len(e.Users) == 0 && !slices.ContainsFunc(all, func(d difference) bool { return tells(e, d) }) {
		say("nothing of the kind has changed")
	}
	return wrong
}
