package groupkit

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// A Snapshot is everything that is so of a group at one Version. Its lists are in the
// order of the users' ids, the files newest first. It holds also what has expired and
// has not been cleared away: compare the times.
type Snapshot struct {
	Group        Group
	Announcement Announcement
	Members      []Member
	Mutes        []Mute
	Blacklist    []Block
	AllowList    []Allowed
	Requests     []Request
	Invitations  []Invitation
	Files        []File
}

// Snapshot returns everything that is so of the group, as of one instant. With the
// events after its Version it is a copy that can be kept up to date.
//
// The system, the owner and admins may. It refuses with ErrGroupNotFound,
// ErrBlacklisted, ErrNotMember and ErrRoleTooLow.
func (a Actor) Snapshot(ctx context.Context, group GroupID) (out Snapshot, err error) {
	err = a.reading(ctx, OpGroup, group, nil, func(r store.Reader, v *look) error {
		if err := v.may(readLog); err != nil {
			return err
		}
		s, err := loadState(r, key.Group(string(group)))
		if err == nil {
			out = s.snapshot(group)
		}
		return err
	})
	return out, err
}

// Replay makes the changes that a log tells of, from its beginning, and returns what
// they lead to: the same that Snapshot returns, if the log is the whole one.
func Replay(log iter.Seq2[Event, error]) (Snapshot, error) {
	s := newState()
	var group GroupID
	for e, err := range log {
		if err != nil {
			return Snapshot{}, err
		}
		group = e.Group
		if e.Checkpoint != nil {
			s = e.Checkpoint.state()
			continue
		}
		call := record.Call{Actor: string(e.Actor), At: millisOrZero(e.At), Reason: e.Reason, Events: []record.Event{recordEvent(&e)}}
		s.apply(&call, &call.Events[0])
		s.number(&call)
	}
	return s.snapshot(group), nil
}

// recordEvent is the inverse of publicEvent.
func recordEvent(e *Event) record.Event {
	out := record.Event{Kind: uint8(e.Kind), How: uint8(e.How), Until: millisOrZero(e.Until), Users: texts(e.Users)}
	for _, c := range e.Changes {
		out.Changes = append(out.Changes, record.Change{Field: string(c.Field), Before: c.Before, After: c.After})
	}
	if e.File != nil {
		out.File = new(recordFile(e.File))
	}
	return out
}

// snapshot is the state in the form that callers see.
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

// add puts what is so of one user on the lists.
func (s *Snapshot) add(e *entry) {
	st := &e.standing
	if st.Member() {
		s.Members = append(s.Members, publicMember(e))
	}
	if m := st.Mute; m != nil {
		s.Mutes = append(s.Mutes, Mute{e.user, instant(m.Until), UserID(m.By), instant(m.At), m.Reason})
	}
	if m := st.Block; m != nil {
		s.Blacklist = append(s.Blacklist, Block{e.user, instant(m.Until), UserID(m.By), instant(m.At), m.Reason})
	}
	if m := st.Allow; m != nil {
		s.AllowList = append(s.AllowList, Allowed{e.user, UserID(m.By), instant(m.At), m.Reason})
	}
	if m := st.Request; m != nil {
		s.Requests = append(s.Requests, Request{e.group, e.user, instant(m.At), instant(m.Until), m.Reason})
	}
	if m := st.Invitation; m != nil {
		s.Invitations = append(s.Invitations, Invitation{e.group, e.user, UserID(m.By), instant(m.At), instant(m.Until), m.Reason})
	}
}

// state is the inverse of state.snapshot.
func (s *Snapshot) state() *state {
	out := newState()
	out.head, _ = record.DecodeHeader(headerOf(&s.Group)) // it has just been encoded
	out.custom, out.head.HasCustom = s.Group.Custom, s.Group.Custom != ""
	out.announcement = record.Announcement{Text: s.Announcement.Text, By: string(s.Announcement.By), At: millisOrZero(s.Announcement.At)}
	for _, m := range s.Members {
		st := out.standing(string(m.User))
		st.Role, st.Joined, st.AdminSince = uint8(m.Role), millisOrZero(m.Joined), millisOrZero(m.AdminSince)
	}
	h := &out.head
	for _, m := range s.Mutes {
		replace(&out.standing(string(m.User)).Mute, &h.Mutes, &record.Mark{At: millis(m.At), Until: millisOrZero(m.Until), By: string(m.By), Reason: m.Reason})
	}
	for _, m := range s.Blacklist {
		replace(&out.standing(string(m.User)).Block, &h.Blocked, &record.Mark{At: millis(m.At), Until: millisOrZero(m.Until), By: string(m.By), Reason: m.Reason})
	}
	for _, m := range s.AllowList {
		replace(&out.standing(string(m.User)).Allow, &h.Allowed, &record.Mark{At: millis(m.At), By: string(m.By), Reason: m.Reason})
	}
	for _, m := range s.Requests {
		replace(&out.standing(string(m.User)).Request, &h.Requests, &record.Mark{At: millis(m.At), Until: millisOrZero(m.Expires), By: string(m.User), Reason: m.Reason})
	}
	for _, m := range s.Invitations {
		replace(&out.standing(string(m.User)).Invitation, &h.Invitations, &record.Mark{At: millis(m.At), Until: millisOrZero(m.Expires), By: string(m.By), Reason: m.Reason})
	}
	for i := range s.Files {
		f := recordFile(&s.Files[i])
		out.files[f.ID] = &f
		h.Files++
	}
	return out
}

// loadState reads all records of a group that stand under the prefix: the group's own,
// or those of its checkpoint.
func loadState(r store.Reader, prefix []byte) (*state, error) {
	s := newState()
	for _, kind := range []byte{key.Header, key.Members, key.Outsiders, key.Announcement, key.Custom, key.Files} {
		under := append(slices.Clone(prefix), kind)
		err := scanAll(r, store.Prefix(under), func(page []store.Pair) error {
			for _, p := range page {
				if err := s.take(kind, p.Key[len(under):], p.Value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// isSingle reports whether a group has one record of the kind at most.
func isSingle(kind byte) bool {
	return kind == key.Header || kind == key.Announcement || kind == key.Custom
}

// take files one record of a group; rest is its key after the kind.
func (s *state) take(kind byte, rest, value []byte) (err error) {
	if isSingle(kind) && len(rest) > 0 {
		return key.ErrForm
	}
	switch kind {
	case key.Header:
		s.head, err = record.DecodeHeader(value)
	case key.Members, key.Outsiders:
		*s.standing(string(rest)), err = record.DecodeStanding(value, kind == key.Members)
	case key.Announcement:
		s.announcement, err = record.DecodeAnnouncement(value)
	case key.Custom:
		s.custom = string(value)
	case key.Files:
		var f record.File
		if f, err = record.DecodeFile(value); err == nil {
			if id, e := uuid.FromBytes(rest); e != nil || string(id[:]) != f.ID {
				return record.ErrCorrupt
			}
			s.files[f.ID] = &f
		}
	default:
		return key.ErrForm
	}
	return err
}
