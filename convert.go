package groupkit

import (
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
	id := uuid.MustParse(string(f.ID)) // no panic: the engine made the ID
	return record.File{
		ID: string(id[:]), Name: f.Name, Size: f.Size, SHA256: string(f.SHA256[:]), Owner: string(f.Owner), Created: millis(f.Created),
	}
}

func publicEvent(group GroupID, version uint64, call *record.Call, e *record.Event) Event {
	out := Event{
		Group: group, Version: version, Kind: EventKind(e.Kind), Actor: UserID(call.Actor), At: instant(call.At),
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
	for _, f := range s.files {
		out.Files = append(out.Files, publicFile(f))
	}
	slices.SortFunc(out.Files, func(x, y File) int { return strings.Compare(string(y.ID), string(x.ID)) })
	return out
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
		kind.read(s, func(user UserID, mark record.Mark) { out.setMark(string(user), kind, &mark) })
	}
	for i := range s.Files {
		f := recordFile(&s.Files[i])
		out.files[f.ID] = &f
		out.head.Files++
	}
	return out
}
