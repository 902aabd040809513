package groupkit

import (
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
)

// A markKind is one of the things that may be so of a user in a group besides a role:
// record.Standing has a mark of the kind, or none. The five of them are a table of all that
// is known of a kind but the rules of its verbs. What walks over marks reads the table:
// applying events, index entries, expiry, forgetting, pseudonyms, snapshots, Verify. A kind
// that is added stands in the table, and in record.Standing and record.Header.
type markKind struct {
	name string // its list, in words
	many string // several of it, in words

	list  byte // the kind of key of its list
	flag  int  // in the user's entry for the group; part of the stored format
	field func(*record.Standing) **record.Mark
	count func(*record.Header) *int

	begins   EventKind
	ends     EventKind   // lifted, or cancelled
	answered []EventKind // ends of something pending that tell how
	expires  EventKind   // 0: it does not

	pending     bool // waits for an answer; no member has it, and nobody who is blocked
	membersOnly bool

	limit func(*Limits) int
	full  error // the limit is reached

	show func(*Snapshot, *entry, *record.Mark)
	read func(s *Snapshot, put func(UserID, record.Mark))
}

// marks are all kinds. What expires at one time is cleared away in this order.
var marks = [...]*markKind{requestMark, invitationMark, blockMark, muteMark, allowMark}

var requestMark = &markKind{
	name: "join requests", many: "join requests",
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
	name: "invitations", many: "invitations",
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
	name: "blacklist", many: "blocks",
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
	name: "mute list", many: "mutes",
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
	name: "allow list", many: "entries of the allow list",
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

// listedMark is the kind that has entries in a list; nil if there is none.
func listedMark(list byte) *markKind {
	for _, kind := range marks {
		if kind.list == list {
			return kind
		}
	}
	return nil
}

// markEvents says of every kind of event what kind of mark it makes or ends, if any.
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

type markEvent struct {
	kind   *markKind
	begins bool
}

// markOf is the inverse of the functions below.
func markOf(by UserID, at, until time.Time, reason string) record.Mark {
	return record.Mark{At: millis(at), Until: millisOrZero(until), By: string(by), Reason: reason}
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
