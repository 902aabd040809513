package groupkit

import (
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
)

// A markKind describes one kind of mark. A mark is what a user can have in a group besides a
// role: a mute, a block, a join request, an invitation, an entry on the allow list. A
// record.Standing contains at most one mark of each kind.
//
// A markKind contains everything about its kind except the rules of its verbs. All code that
// treats marks alike reads the table below: applying events, index entries, limits, expiry,
// forgetting, pseudonyms, snapshots, Verify. To add a kind, add it to the table, to
// record.Standing and to record.Header.
type markKind struct {
	name   string // of the list, in the texts of Verify
	plural string // of the marks, in the texts of Verify

	list  byte // the kind of the keys of the list
	flag  int  // in the entry of the user's list of groups; part of the stored format
	field func(*record.Standing) **record.Mark
	count func(*record.Header) *int

	begins   EventKind
	ends     EventKind   // the mark is removed by a call
	answered []EventKind // a pending mark is accepted or declined
	expires  EventKind   // 0: marks of this kind do not expire

	pending     bool // waits for an answer; members and blocked users cannot have it
	membersOnly bool // only members can have it

	limit func(*Limits) int
	full  error // of a call that exceeds the limit

	show func(*Snapshot, *entry, *record.Mark)            // adds a mark to a snapshot
	read func(s *Snapshot, put func(UserID, record.Mark)) // returns the marks of a snapshot
}

// marks contains all kinds. Marks of a user that have expired are removed in this order.
var marks = [...]*markKind{requestMark, invitationMark, blockMark, muteMark, allowMark}

var requestMark = &markKind{
	name: "list of join requests", plural: "join requests",
	list: key.Requests, flag: 1 << 3,
	field:  func(st *record.Standing) **record.Mark { return &st.Request },
	count:  func(h *record.Header) *int { return &h.Requests },
	begins: JoinRequested, ends: RequestCancelled, expires: RequestExpired,
	answered: []EventKind{RequestApproved, RequestDeclined},
	pending:  true,
	limit:    func(l *Limits) int { return l.Requests }, full: ErrTooManyRequests,
	show: func(s *Snapshot, e *entry, m *record.Mark) {
		s.Requests = append(s.Requests, requestOf(e.group, e.user, m))
	},
	read: func(s *Snapshot, put func(UserID, record.Mark)) {
		for _, r := range s.Requests {
			put(r.User, markOf(r.User, r.At, r.Expires, r.Reason))
		}
	},
}

var invitationMark = &markKind{
	name: "list of invitations", plural: "invitations",
	list: key.Invitations, flag: 1 << 4,
	field:  func(st *record.Standing) **record.Mark { return &st.Invitation },
	count:  func(h *record.Header) *int { return &h.Invitations },
	begins: MemberInvited, ends: InvitationCancelled, expires: InvitationExpired,
	answered: []EventKind{InvitationAccepted, InvitationDeclined},
	pending:  true,
	limit:    func(l *Limits) int { return l.Invitations }, full: ErrTooManyInvitations,
	show: func(s *Snapshot, e *entry, m *record.Mark) {
		s.Invitations = append(s.Invitations, invitationOf(e.group, e.user, m))
	},
	read: func(s *Snapshot, put func(UserID, record.Mark)) {
		for _, i := range s.Invitations {
			put(i.User, markOf(i.By, i.At, i.Expires, i.Reason))
		}
	},
}

var blockMark = &markKind{
	name: "blacklist", plural: "blocks",
	list: key.Blocked, flag: 1 << 1,
	field:  func(st *record.Standing) **record.Mark { return &st.Block },
	count:  func(h *record.Header) *int { return &h.Blocked },
	begins: MemberBlocked, ends: MemberUnblocked, expires: BlockExpired,
	limit: func(l *Limits) int { return l.ListSize }, full: ErrListFull,
	show: func(s *Snapshot, e *entry, m *record.Mark) {
		s.Blacklist = append(s.Blacklist, blockOf(e.user, m))
	},
	read: func(s *Snapshot, put func(UserID, record.Mark)) {
		for _, b := range s.Blacklist {
			put(b.User, markOf(b.By, b.At, b.Until, b.Reason))
		}
	},
}

var muteMark = &markKind{
	name: "mute list", plural: "mutes",
	list: key.Muted, flag: 1 << 0,
	field:  func(st *record.Standing) **record.Mark { return &st.Mute },
	count:  func(h *record.Header) *int { return &h.Mutes },
	begins: MemberMuted, ends: MemberUnmuted, expires: MuteExpired,
	limit: func(l *Limits) int { return l.ListSize }, full: ErrListFull,
	show: func(s *Snapshot, e *entry, m *record.Mark) {
		s.Mutes = append(s.Mutes, muteOf(e.user, m))
	},
	read: func(s *Snapshot, put func(UserID, record.Mark)) {
		for _, m := range s.Mutes {
			put(m.User, markOf(m.By, m.At, m.Until, m.Reason))
		}
	},
}

var allowMark = &markKind{
	name: "allow list", plural: "users on the allow list",
	list: key.Allowed, flag: 1 << 2,
	field:  func(st *record.Standing) **record.Mark { return &st.Allow },
	count:  func(h *record.Header) *int { return &h.Allowed },
	begins: MemberAllowed, ends: MemberDisallowed,
	membersOnly: true,
	limit:       func(l *Limits) int { return l.ListSize }, full: ErrListFull,
	show: func(s *Snapshot, e *entry, m *record.Mark) {
		s.AllowList = append(s.AllowList, allowedOf(e.user, m))
	},
	read: func(s *Snapshot, put func(UserID, record.Mark)) {
		for _, a := range s.AllowList {
			put(a.User, markOf(a.By, a.At, time.Time{}, a.Reason))
		}
	},
}

// listedMark returns the kind of the marks on a list; nil if the list is not one of marks.
func listedMark(list byte) *markKind {
	for _, kind := range marks {
		if kind.list == list {
			return kind
		}
	}
	return nil
}

// markEvents contains, for each kind of event, the kind of mark that it begins or ends. Other
// kinds of events have the zero value.
var markEvents = func() (all [256]markEvent) {
	for _, kind := range marks {
		all[kind.begins] = markEvent{kind, true}
		for _, end := range append([]EventKind{kind.ends, kind.expires}, kind.answered...) {
			if end != 0 {
				all[end] = markEvent{kind, false}
			}
		}
	}
	return all
}()

// A markEvent is what an event does to a mark.
type markEvent struct {
	kind   *markKind
	begins bool // false: the mark ends
}

// markOf returns the stored form of a mark. It is the inverse of the functions below.
func markOf(by UserID, at, until time.Time, reason string) record.Mark {
	return record.Mark{At: millisOrZero(at), Until: millisOrZero(until), By: string(by), Reason: reason}
}

func requestOf(group GroupID, user UserID, m *record.Mark) Request {
	return Request{Group: group, User: user, At: instant(m.At), Expires: instant(m.Until), Reason: m.Reason}
}

func invitationOf(group GroupID, user UserID, m *record.Mark) Invitation {
	return Invitation{Group: group, User: user, By: UserID(m.By), At: instant(m.At), Expires: instant(m.Until), Reason: m.Reason}
}

func blockOf(user UserID, m *record.Mark) Block {
	return Block{User: user, Until: instant(m.Until), By: UserID(m.By), At: instant(m.At), Reason: m.Reason}
}

func muteOf(user UserID, m *record.Mark) Mute {
	return Mute{User: user, Until: instant(m.Until), By: UserID(m.By), At: instant(m.At), Reason: m.Reason}
}

func allowedOf(user UserID, m *record.Mark) Allowed {
	return Allowed{User: user, By: UserID(m.By), At: instant(m.At), Reason: m.Reason}
}
