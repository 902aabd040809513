package groupkit

import (
	"time"
)

// An EventKind is the kind of change that an event describes. The numbers are part of the
// stored format: a number never gets another meaning.
type EventKind uint8

// The kinds of events.
const (
	GroupCreated        EventKind = 1 // Users: the owner; Changes: all fields
	GroupUpdated        EventKind = 2 // Changes: the fields that changed
	GroupDeleted        EventKind = 3
	OwnerChanged        EventKind = 4 // Users: the new owner, then the previous owner
	AdminAdded          EventKind = 5
	AdminRemoved        EventKind = 6
	MemberJoined        EventKind = 7 // Cause: CauseCreated, CauseAdded, CauseJoined, CauseInvited or CauseApproved
	MemberLeft          EventKind = 8 // Cause: CauseLeft, CauseRemoved, CauseBlocked or CauseForgotten
	JoinRequested       EventKind = 9 // Until: when the request expires
	RequestApproved     EventKind = 10
	RequestDeclined     EventKind = 11
	RequestCancelled    EventKind = 12 // by the requester; or the user became a member, was blocked or forgotten
	RequestExpired      EventKind = 13
	MemberInvited       EventKind = 14 // Until: when the invitation expires; it replaces a pending one
	InvitationAccepted  EventKind = 15
	InvitationDeclined  EventKind = 16
	InvitationCancelled EventKind = 17 // by CancelInvitation; or as RequestCancelled, or the inviter lost the right to invite
	InvitationExpired   EventKind = 18
	MemberBlocked       EventKind = 19 // Until: when the block ends; zero if it is permanent
	MemberUnblocked     EventKind = 20
	BlockExpired        EventKind = 21
	MemberMuted         EventKind = 22 // Until: when the mute ends; Before: the ends of the replaced mutes
	MemberUnmuted       EventKind = 23
	MuteExpired         EventKind = 24
	GroupMuted          EventKind = 25
	GroupUnmuted        EventKind = 26
	MemberAllowed       EventKind = 27
	MemberDisallowed    EventKind = 28
	AnnouncementChanged EventKind = 29 // Changes: the text
	FileAdded           EventKind = 30 // File
	FileDeleted         EventKind = 31 // File

	// Checkpoint is the first event of a log from which Options.Retention removed events.
	// Event.Checkpoint is the state of the group at its Version; replay continues from there.
	// Of a deleted group it contains only Group, without Owner, Custom and the counts: it
	// names no user, and replay from there does not give the members.
	Checkpoint EventKind = 32

	// Pseudonymized follows when ForgetUser has replaced a user ID by a pseudonym in everything
	// before it. It names nobody and changes nothing else. A Follower gives a checkpoint after it, so
	// that copies forget the user ID too.
	Pseudonymized EventKind = 33

	// Repaired follows when Repair has changed what is read of the group; Reason says what. Where the log
	// was damaged, it is the first event after the checkpoint with which the log begins anew. It names nobody and changes
	// nothing else. A Follower gives a checkpoint after it, so that copies are right too.
	Repaired EventKind = 34
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
	Checkpoint: "checkpoint", Pseudonymized: "pseudonymized", Repaired: "repaired",
}

// String returns the kind in words, such as "member joined".
func (k EventKind) String() string { return name(eventKinds[:], int(k)) }

// A Cause is the reason why a user became a member or stopped being one.
type Cause uint8

// The causes. The numbers are part of the stored format.
const (
	CauseNone      Cause = 0 // the event is about something else
	CauseCreated   Cause = 1 // owner, or member named at creation
	CauseAdded     Cause = 2 // added by the system
	CauseJoined    Cause = 3 // joined an open group
	CauseInvited   Cause = 4 // invited, or accepted an invitation
	CauseApproved  Cause = 5 // a join request was approved
	CauseLeft      Cause = 6 // left by Leave
	CauseRemoved   Cause = 7 // removed by RemoveMember
	CauseBlocked   Cause = 8 // put on the blacklist
	CauseForgotten Cause = 9 // forgotten by ForgetUser
)

// String returns the cause in one word, such as "invited".
func (c Cause) String() string { return name(causeWords.words, int(c)) }

// An Event is one entry of the log of a group. It contains all data needed to replay the
// change.
type Event struct {
	Group   GroupID     `json:"group"`
	Version uint64      `json:"version"` // the Version of the group after the event: 1, 2, 3 … without gaps
	Kind    EventKind   `json:"kind"`
	Actor   UserID      `json:"actor,omitzero"` // "" is the system
	At      time.Time   `json:"at,omitzero"`
	Reason  string      `json:"reason,omitzero"` // from Actor.Because
	Users   []UserID    `json:"users,omitzero"`  // the users that the event is about
	Cause   Cause       `json:"cause,omitzero"`  // of MemberJoined and MemberLeft
	Until   time.Time   `json:"until,omitzero"`  // the end, of kinds that have one
	Before  []time.Time `json:"before,omitzero"` // of MemberMuted, for each user: the end of the replaced mute; zero if not muted
	Changes []Change    `json:"changes,omitzero"`
	File    *File       `json:"file,omitzero"` // of FileAdded and FileDeleted

	// Last reports that the event is the last of its call. A call can make several events, in one
	// transaction. Of a checkpoint, the last part is the last.
	Last bool `json:"last,omitzero"`

	// After is the Version of the event before it. A follower that is not shown all events gets
	// that of the event given before.
	After uint64 `json:"after,omitzero"`

	Checkpoint *Snapshot `json:"checkpoint,omitzero"` // of the kind Checkpoint: the state of the group, or a part of it
	Part       int       `json:"part,omitzero"`       // of the kind Checkpoint: the number of the part, from 0 on; see Follower
}

// A Change is the value of a field before and after a change, as text: "true" or "false" for
// a flag, decimal digits for a number.
type Change struct {
	Field  Field  `json:"field"`
	Before string `json:"before,omitzero"`
	After  string `json:"after,omitzero"`
}
