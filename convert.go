package groupkit

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"groupkit/internal/record"
)

// The functions of this file convert between the records of the store and the types of the
// API.

func publicGroup(id GroupID, h *record.Header, custom string) Group {
	return Group{
		ID: id, Name: h.Name, Description: h.Description, Avatar: h.Avatar, Custom: custom,
		Public: h.Public, MembersOnly: h.MembersOnly, AllowInvites: h.AllowInvites, InviteNeedConfirm: h.InviteNeedConfirm,
		MaxUsers: h.MaxUsers, Owner: UserID(h.Owner), MemberCount: h.Members, AdminCount: h.Admins, Muted: h.Muted,
		Created: instant(h.Created), LastModified: instant(h.Modified), Version: h.Version,
	}
}

// headerOf is the inverse of publicGroup, without the custom text. It returns an encoded header.
func headerOf(g *Group) []byte {
	h := record.Header{
		Name: g.Name, Description: g.Description, Avatar: g.Avatar,
		Public: g.Public, MembersOnly: g.MembersOnly, AllowInvites: g.AllowInvites, InviteNeedConfirm: g.InviteNeedConfirm,
		MaxUsers: g.MaxUsers, Owner: string(g.Owner), Members: g.MemberCount, Admins: g.AdminCount, Muted: g.Muted,
		Created: millisOrZero(g.Created), Modified: millisOrZero(g.LastModified), Version: g.Version,
		Requests: g.RequestCount, Invitations: g.InvitationCount,
	}
	return h.Encode()
}

func publicMember(e *entry) Member {
	st := &e.standing
	return Member{User: e.user, Role: Role(st.Role), Joined: instant(st.Joined), AdminSince: instant(st.AdminSince)}
}

func publicRequest(e *entry) (Request, bool) {
	m := e.standing.Request
	if !m.Holds(e.now) {
		return Request{}, false
	}
	return requestOf(e.group, e.user, m), true
}

func publicInvitation(e *entry) (Invitation, bool) {
	m := e.standing.Invitation
	if !m.Holds(e.now) {
		return Invitation{}, false
	}
	return invitationOf(e.group, e.user, m), true
}

func publicFile(f *record.File) File {
	id, _ := uuid.FromBytes([]byte(f.ID))
	return File{
		ID: FileID(id.String()), Name: f.Name, Size: f.Size, SHA256: [32]byte([]byte(f.SHA256)),
		Owner: UserID(f.Owner), Created: instant(f.Created),
	}
}

func recordFile(f *File) record.File {
	id, _ := uuid.Parse(string(f.ID)) // no error: the engine made the ID, or Replay has checked it
	return record.File{
		ID: string(id[:]), Name: f.Name, Size: f.Size, SHA256: string(f.SHA256[:]), Owner: string(f.Owner), Created: millisOrZero(f.Created),
	}
}

// publicEvents returns the events of a call whose last event has the version.
func publicEvents(group GroupID, last uint64, call *record.Call) []Event {
	events := make([]Event, len(call.Events))
	first := last + 1 - uint64(len(events))
	for i := range events {
		events[i] = publicEvent(group, first+uint64(i), call, &call.Events[i])
		events[i].Last = i == len(events)-1
	}
	return events
}

func publicEvent(group GroupID, version uint64, call *record.Call, e *record.Event) Event {
	out := Event{
		Group: group, Version: version, After: version - 1, Kind: EventKind(e.Kind), Actor: UserID(call.Actor), At: instant(call.At),
		Reason: call.Reason, Users: userIDs(e.Users), Cause: Cause(e.Cause), Until: instant(e.Until),
	}
	if e.BySystem {
		out.Actor, out.Reason = "", ""
	}
	for _, ms := range e.Before {
		out.Before = append(out.Before, instant(ms))
	}
	for _, c := range e.Changes {
		out.Changes = append(out.Changes, Change{Field(c.Field), c.Before, c.After})
	}
	if e.File != nil {
		out.File = new(publicFile(e.File))
	}
	return out
}

// recordEvent is the inverse of publicEvent.
func recordEvent(e *Event) record.Event {
	out := record.Event{Kind: uint8(e.Kind), Cause: uint8(e.Cause), Until: millisOrZero(e.Until), Users: texts(e.Users)}
	for _, at := range e.Before {
		out.Before = append(out.Before, millisOrZero(at))
	}
	for _, c := range e.Changes {
		out.Changes = append(out.Changes, record.Change{Field: string(c.Field), Before: c.Before, After: c.After})
	}
	if e.File != nil {
		out.File = new(recordFile(e.File))
	}
	return out
}

// snapshot returns the state as a Snapshot.
func (s *state) snapshot(group GroupID) Snapshot {
	out := Snapshot{
		Group:        publicGroup(group, &s.head, s.custom),
		Announcement: Announcement{Text: s.announcement.Text, By: UserID(s.announcement.By), At: instant(s.announcement.At)},
	}
	users := make([]string, 0, len(s.standings))
	for user := range s.standings {
		users = append(users, user)
	}
	slices.Sort(users)
	for _, user := range users {
		out.add(&entry{group: group, user: UserID(user), standing: *s.standings[user]})
	}
	came := func(kind *markKind, user UserID) (uint64, uint32) {
		mark := *kind.field(s.standings[string(user)])
		return mark.Version, mark.Place
	}
	slices.SortStableFunc(out.Requests, func(x, y Request) int { return inOrder(came, requestMark, x.User, y.User) })
	slices.SortStableFunc(out.Invitations, func(x, y Invitation) int { return inOrder(came, invitationMark, x.User, y.User) })
	for _, f := range slices.SortedFunc(maps.Values(s.files), newerFile) {
		out.Files = append(out.Files, publicFile(f))
	}
	return out
}

// inOrder compares the times at which two users got marks of a kind.
func inOrder(came func(*markKind, UserID) (uint64, uint32), kind *markKind, x, y UserID) int {
	version, place := came(kind, x)
	otherVersion, otherPlace := came(kind, y)
	return cmp.Or(cmp.Compare(version, otherVersion), cmp.Compare(place, otherPlace))
}

// newerFile orders files, the newest first.
func newerFile(x, y *record.File) int {
	return cmp.Or(cmp.Compare(y.Version, x.Version), strings.Compare(y.ID, x.ID))
}

// add adds the membership and the marks of one user to the lists.
func (s *Snapshot) add(e *entry) {
	st := &e.standing
	if st.Member() {
		s.Members = append(s.Members, publicMember(e))
	}
	for _, kind := range marks {
		if mark := *kind.field(st); mark != nil {
			kind.show(s, e, mark)
		}
	}
}

// state is the inverse of state.snapshot.
func (s *Snapshot) state() *state {
	out := newState()
	out.head, _ = record.DecodeHeader(headerOf(&s.Group)) // no error: headerOf encoded it
	out.custom, out.head.HasCustom = s.Group.Custom, s.Group.Custom != ""
	out.announcement = record.Announcement{Text: s.Announcement.Text, By: string(s.Announcement.By), At: millisOrZero(s.Announcement.At)}
	for _, m := range s.Members {
		st := out.standing(string(m.User))
		st.Role, st.Joined, st.AdminSince = uint8(m.Role), millisOrZero(m.Joined), millisOrZero(m.AdminSince)
	}
	for _, kind := range marks {
		place := uint32(0) // a snapshot has no versions, but the order
		kind.read(s, func(user UserID, mark record.Mark) {
			if kind.pending {
				mark.Place = place
				place++
			}
			out.setMark(string(user), kind, &mark)
		})
	}
	for i := range s.Files {
		f := recordFile(&s.Files[i])
		f.Version = uint64(len(s.Files) - i) // newest first
		out.files[f.ID] = &f
		out.head.Files++
	}
	return out
}
