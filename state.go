package groupkit

import (
	"strconv"

	"groupkit/internal/record"
)

// A state is a group, or the part of a group that a call has loaded. A change applies each
// event to it as soon as a rule records the event. Replay, Verify and the truncation of logs
// apply the events of the log to it in the same way.
//
// What must hold: a state changes only by events. Therefore the log and the group cannot
// diverge, and each count is maintained in one place, beside what it counts.
type state struct {
	head         record.Header
	custom       string
	announcement record.Announcement
	standings    map[string]*record.Standing
	files        map[string]*record.File

	// joined is called for each membership that begins (+1) or ends (−1).
	joined func(user string, delta int)
}

func newState() *state {
	return &state{
		standings: make(map[string]*record.Standing),
		files:     make(map[string]*record.File),
		joined:    func(string, int) {},
	}
}

// standing returns the standing of a user. If the state does not contain the user, it adds an
// empty one.
func (s *state) standing(user string) *record.Standing {
	st, ok := s.standings[user]
	if !ok {
		st = new(record.Standing)
		s.standings[user] = st
	}
	return st
}

// advance increases the version by the number of events of a call, and sets the time of the
// last change. The events now have their versions, so what they began gets its place: the
// order of memberships, requests, invitations and files is the order of the log.
func (s *state) advance(call *record.Call) {
	for i := range call.Events {
		s.head.Version++
		s.place(s.head.Version, &call.Events[i])
	}
	s.head.Modified = call.At
}

// place stores the version of an event in what the event began, if the call did not end it.
func (s *state) place(version uint64, e *record.Event) {
	if e.File != nil {
		if f := s.files[e.File.ID]; f != nil && EventKind(e.Kind) == FileAdded {
			f.Version = version
		}
		return
	}
	kind, change := EventKind(e.Kind), markEvents[e.Kind]
	if rewrites(kind) {
		s.head.Rewritten = version
	}
	for i, user := range e.Users {
		switch place := uint32(i); {
		case kind == MemberJoined:
			if st := s.standing(user); st.Member() {
				st.JoinVersion, st.JoinPlace = version, place
			}
		case kind == AdminAdded:
			if st := s.standing(user); Role(st.Role) == RoleAdmin {
				st.AdminVersion, st.AdminPlace = version, place
			}
		case change.begins && change.kind.pending:
			if mark := *change.kind.field(s.standing(user)); mark != nil {
				mark.Version, mark.Place = version, place
			}
		}
	}
}

// rewrites reports whether what a reader has from before an event of the kind is outdated.
func rewrites(kind EventKind) bool { return kind == Pseudonymized || kind == Repaired }

// apply applies one event. It checks nothing and cannot fail.
func (s *state) apply(call *record.Call, e *record.Event) {
	switch EventKind(e.Kind) {
	case GroupCreated:
		s.head.Created, s.head.Owner = call.At, first(e.Users)
		s.set(e.Changes)
	case GroupUpdated:
		s.set(e.Changes)
	case GroupDeleted:
		s.head.State = record.Deleting
	case GroupMuted:
		s.head.Muted = true
	case GroupUnmuted:
		s.head.Muted = false
	case OwnerChanged:
		if s.head.Owner != "" { // "" after the checkpoint of a deleted group, which names nobody
			s.setRole(s.head.Owner, RoleMember, call.At)
		}
		s.head.Owner = first(e.Users)
		s.setRole(s.head.Owner, RoleOwner, call.At)
	case AnnouncementChanged:
		for _, c := range e.Changes {
			s.announcement = record.Announcement{Text: c.After, By: call.Actor, At: call.At}
		}
	case FileAdded:
		if e.File != nil {
			file := *e.File // the event keeps its own
			s.files[file.ID] = &file
			s.head.Files++
		}
	case FileDeleted:
		if e.File != nil {
			delete(s.files, e.File.ID)
			s.head.Files--
		}
	default:
		for _, user := range e.Users {
			s.applyTo(user, call, e)
		}
	}
}

// applyTo applies an event that is about one user.
func (s *state) applyTo(user string, call *record.Call, e *record.Event) {
	switch EventKind(e.Kind) {
	case MemberJoined:
		role := RoleMember
		if user == s.head.Owner {
			role = RoleOwner
		}
		s.setRole(user, role, call.At)
	case MemberLeft:
		s.setRole(user, RoleOutsider, call.At)
	case AdminAdded:
		s.setRole(user, RoleAdmin, call.At)
	case AdminRemoved:
		s.setRole(user, RoleMember, call.At)
	default:
		switch change := markEvents[e.Kind]; {
		case change.begins:
			s.setMark(user, change.kind, &record.Mark{At: call.At, Until: e.Until, By: call.Actor, Reason: call.Reason})
		case change.kind != nil:
			s.setMark(user, change.kind, nil)
		}
	}
}

// setRole gives the user a role and updates the counts of members and admins.
func (s *state) setRole(user string, role Role, at int64) {
	st := s.standing(user)
	was := Role(st.Role)
	switch {
	case was == RoleOutsider && role != RoleOutsider:
		s.head.Members++
		s.joined(user, +1)
		st.Joined = at
	case was != RoleOutsider && role == RoleOutsider:
		s.head.Members--
		s.joined(user, -1)
		st.Joined, st.JoinVersion, st.JoinPlace = 0, 0, 0
	}
	if was == RoleAdmin && role != RoleAdmin {
		s.head.Admins--
		st.AdminSince, st.AdminVersion, st.AdminPlace = 0, 0, 0
	}
	if was != RoleAdmin && role == RoleAdmin {
		s.head.Admins++
		st.AdminSince = at
	}
	st.Role = uint8(role)
}

// setMark replaces the mark of a kind, and updates the count of the marks. nil means no mark.
func (s *state) setMark(user string, kind *markKind, mark *record.Mark) {
	slot, count := kind.field(s.standing(user)), kind.count(&s.head)
	if *slot == nil && mark != nil {
		*count++
	}
	if *slot != nil && mark == nil {
		*count--
	}
	*slot = mark
}

// first returns the first user; "" if there is none.
func first(users []string) string {
	if len(users) == 0 {
		return ""
	}
	return users[0]
}

// set gives the fields of the group their new values. The log contains all values as text.
func (s *state) set(changes []record.Change) {
	for _, c := range changes {
		h := &s.head
		yes := c.After == "true"
		switch Field(c.Field) {
		case FieldName:
			h.Name = c.After
		case FieldDescription:
			h.Description = c.After
		case FieldAvatar:
			h.Avatar = c.After
		case FieldCustom:
			s.custom, h.HasCustom = c.After, c.After != ""
		case FieldPublic:
			h.Public = yes
		case FieldMembersOnly:
			h.MembersOnly = yes
		case FieldAllowInvites:
			h.AllowInvites = yes
		case FieldInviteNeedConfirm:
			h.InviteNeedConfirm = yes
		case FieldMaxUsers:
			h.MaxUsers, _ = strconv.Atoi(c.After)
		}
	}
}
