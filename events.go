package groupkit

import (
	"time"
)

// An EventKind says what an event is about. The numbers are part of the stored
// format: none is ever given another meaning.
type EventKind uint8

// The kinds of events.
const (
	GroupCreated        EventKind = 1 // Users: the owner; Changes: all fields
	GroupUpdated        EventKind = 2 // Changes: the fields that changed
	GroupDeleted        EventKind = 3
	OwnerChanged        EventKind = 4 // Users: the new owner, the old one
	AdminAdded          EventKind = 5
	AdminRemoved        EventKind = 6
	MemberJoined        EventKind = 7 // How: created, added, direct, invited or approved
	MemberLeft          EventKind = 8 // How: left, removed, blocked or forgotten
	JoinRequested       EventKind = 9 // Until: when the request expires
	RequestApproved     EventKind = 10
	RequestDeclined     EventKind = 11
	RequestCancelled    EventKind = 12 // by the requester, or by becoming a member otherwise, or by a block
	RequestExpired      EventKind = 13
	MemberInvited       EventKind = 14 // Until: when the invitation expires
	InvitationAccepted  EventKind = 15
	InvitationDeclined  EventKind = 16
	InvitationCancelled EventKind = 17 // by who may, or by becoming a member otherwise, or by a block
	InvitationExpired   EventKind = 18
	MemberBlocked       EventKind = 19 // Until: when the block ends; zero if it does not
	MemberUnblocked     EventKind = 20
	BlockExpired        EventKind = 21
	MemberMuted         EventKind = 22 // Until: when the mute ends; Before: when the mutes it replaces would have
	MemberUnmuted       EventKind = 23
	MuteExpired         EventKind = 24
	GroupMuted          EventKind = 25
	GroupUnmuted        EventKind = 26
	MemberAllowed       EventKind = 27
	MemberDisallowed    EventKind = 28
	AnnouncementChanged EventKind = 29 // Changes: the text
	FileAdded           EventKind = 30 // File
	FileDeleted         EventKind = 31 // File

	// Checkpoint begins a log that retention has cut: the state at its Version, from
	// which the events after it go on.
	Checkpoint EventKind = 32
)

var eventKinds = [...]string{
	GroupCreated: "group created", GroupUpdated: "group updated", GroupDeleted: "group deleted",
	OwnerChanged: "owner changed", AdminAdded: "admin added", AdminRemoved: "admin removed",
	MemberJoined: "member joined", MemberLeft: "member left",
	JoinRequested: "join requested", RequestApproved: "request approved", RequestDeclined: "request declined",
	RequestCancelled: "request cancelled", RequestExpired: "request expired",
	MemberInvited: "invited", InvitationAccepted: "invitation accepted", InvitationDeclined: "invitation declined",
	InvitationCancelled: "invitation cancelled", InvitationExpired: "invitation expired",
	MemberBlocked: "blocked", MemberUnblocked: "unblocked", BlockExpired: "block expired",
	MemberMuted: "muted", MemberUnmuted: "unmuted", MuteExpired: "mute expired",
	GroupMuted: "group muted", GroupUnmuted: "group unmuted",
	MemberAllowed: "allowed", MemberDisallowed: "disallowed",
	AnnouncementChanged: "announcement changed", FileAdded: "file added", FileDeleted: "file deleted",
	Checkpoint: "checkpoint",
}

// String names the kind in words.
func (k EventKind) String() string { return name(eventKinds[:], int(k)) }

// A How says by which way someone became a member, or ceased to be one.
type How uint8

// The ways in and out. The numbers are part of the stored format.
const (
	ByCreation   How = 1 // named when the group was created
	ByAdding     How = 2 // added by the system
	ByJoining    How = 3 // joined an open group
	ByInvitation How = 4
	ByApproval   How = 5 // a join request was approved
	ByLeaving    How = 6
	ByRemoval    How = 7
	ByBlock      How = 8
	ByForgetting How = 9 // the user was forgotten
)

var hows = [...]string{
	ByCreation: "created", ByAdding: "added", ByJoining: "direct", ByInvitation: "invited", ByApproval: "approved",
	ByLeaving: "left", ByRemoval: "removed", ByBlock: "blocked", ByForgetting: "forgotten",
}

// String names the way in a word.
func (h How) String() string { return name(hows[:], int(h)) }

// An Event is one entry of a group's log. What it carries is enough to make the
// change again.
type Event struct {
	Group   GroupID
	Version uint64 // the group's Version after the event: 1, 2, 3 … without gaps
	Kind    EventKind
	Actor   UserID // who did it; "" is the system
	At      time.Time
	Reason  string   // what Because said
	Users   []UserID // whom it concerns
	How     How
	Until   time.Time
	Before  []time.Time // of MemberMuted: a time a user; zero for those who were not muted
	Changes []Change
	File    *File

	Checkpoint *Snapshot // of Checkpoint
}

// A Change is the value of a field before and after, as text: true or false for
// a flag, decimal digits for a number.
type Change struct {
	Field         Field
	Before, After string
}
