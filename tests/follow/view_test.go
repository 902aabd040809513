package follow_test

import (
	"slices"

	"groupkit"
)

// What a plain member sees, said once more: nothing here is taken from the engine.

// shownToMember returns what the member sees of an event; false if that is nothing.
func shownToMember(e groupkit.Event, me groupkit.UserID) (groupkit.Event, bool) {
	mine := slices.Contains(e.Users, me)
	anonymous := e.Actor != me
	switch e.Kind {
	case groupkit.GroupCreated, groupkit.GroupUpdated, groupkit.OwnerChanged, groupkit.AdminAdded, groupkit.AnnouncementChanged, groupkit.FileAdded:
		anonymous = false
	case groupkit.MemberJoined, groupkit.MemberLeft, groupkit.AdminRemoved:
		anonymous = anonymous && !slices.Contains(e.Users, e.Actor)
	case groupkit.GroupDeleted, groupkit.GroupMuted, groupkit.GroupUnmuted, groupkit.FileDeleted, groupkit.Pseudonymized:
	case groupkit.MemberMuted, groupkit.MemberUnmuted, groupkit.MuteExpired, groupkit.MemberAllowed, groupkit.MemberDisallowed,
		groupkit.JoinRequested, groupkit.RequestApproved, groupkit.RequestDeclined, groupkit.RequestCancelled, groupkit.RequestExpired,
		groupkit.MemberInvited, groupkit.InvitationAccepted, groupkit.InvitationDeclined, groupkit.InvitationCancelled, groupkit.InvitationExpired:
		if !mine {
			return e, false
		}
		if e.Before != nil {
			i := slices.Index(e.Users, me)
			e.Before = e.Before[i : i+1]
		}
		e.Users = []groupkit.UserID{me}
	default:
		return e, false
	}
	if anonymous {
		e.Actor = ""
	}
	if !mine {
		e.Reason = ""
		if e.Cause == groupkit.CauseRemoved || e.Cause == groupkit.CauseBlocked || e.Cause == groupkit.CauseForgotten {
			e.Cause = groupkit.CauseNone
		}
	}
	return e, true
}

// stateForMember returns what the member sees of the state of a group.
func stateForMember(s groupkit.Snapshot, me groupkit.UserID) groupkit.Snapshot {
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

// roleIn returns the role of a user in a state.
func roleIn(s groupkit.Snapshot, user groupkit.UserID) groupkit.Role {
	for _, m := range s.Members {
		if m.User == user {
			return m.Role
		}
	}
	return groupkit.RoleOutsider
}
