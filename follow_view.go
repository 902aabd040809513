package groupkit

import "slices"

// A shown is what members see of the events of a kind.
type shown struct {
	others bool // events about other users, or about the group
	actor  bool // who did it, also if it was somebody else
}

// memberView contains the kinds of events that members see, and what they see of those that
// others did. An event about the member itself is shown with its reason, but without the actor.
// Kinds that are not in the table are for owner, admins and the system.
var memberView = map[EventKind]shown{
	GroupCreated:        {others: true, actor: true},
	GroupUpdated:        {others: true, actor: true},
	GroupDeleted:        {others: true},
	OwnerChanged:        {others: true, actor: true},
	AdminAdded:          {others: true, actor: true},
	AdminRemoved:        {others: true},
	MemberJoined:        {others: true},
	MemberLeft:          {others: true},
	JoinRequested:       {},
	RequestApproved:     {},
	RequestDeclined:     {},
	RequestCancelled:    {},
	RequestExpired:      {},
	MemberInvited:       {},
	InvitationAccepted:  {},
	InvitationDeclined:  {},
	InvitationCancelled: {},
	InvitationExpired:   {},
	MemberMuted:         {},
	MemberUnmuted:       {},
	MuteExpired:         {},
	GroupMuted:          {others: true},
	GroupUnmuted:        {others: true},
	MemberAllowed:       {},
	MemberDisallowed:    {},
	AnnouncementChanged: {others: true, actor: true},
	FileAdded:           {others: true, actor: true},
	FileDeleted:         {others: true},
	Pseudonymized:       {others: true},
	Repaired:            {others: true},
}

// see returns what the actor sees of an event; false if that is nothing.
func (f *Follower) see(e Event) (Event, bool) {
	if !f.filter {
		return e, true
	}
	return memberSees(e, f.actor.user)
}

// memberSees returns what a plain member sees of an event; false if that is nothing.
func memberSees(e Event, me UserID) (Event, bool) {
	view, ok := memberView[e.Kind]
	about := names(&e, me)
	if !ok || !about && !view.others {
		return Event{}, false
	}
	if !view.others { // of others in the same call the member hears nothing
		i := slices.Index(e.Users, me)
		if e.Before != nil {
			e.Before = e.Before[i : i+1 : i+1]
		}
		e.Users = []UserID{me}
	}
	if !about {
		e.Reason = ""
		if e.Cause == CauseRemoved || e.Cause == CauseBlocked || e.Cause == CauseForgotten {
			e.Cause = CauseNone
		}
	}
	if e.Actor != me && !view.actor && !names(&e, e.Actor) {
		e.Actor = ""
	}
	return e, true
}

// memberSeesOf returns what a plain member sees of the state of a group.
func memberSeesOf(s Snapshot, me UserID) Snapshot {
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

// names reports whether an event is about the user.
func names(e *Event, user UserID) bool {
	return user != "" && slices.Contains(e.Users, user)
}
