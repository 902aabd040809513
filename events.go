package groupkit

import (
	"context"
	"encoding/binary"
	"iter"
	"time"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
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

func name(names []string, i int) string {
	if i < len(names) && names[i] != "" {
		return names[i]
	}
	return "unknown"
}

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

// Events iterates over the log of the group from the given version on; 0 and 1
// are the beginning of the log. It ends at the last event that there is when it
// gets there. Where retention has taken the version away it begins with an event of
// kind Checkpoint.
//
// The system, the owner and admins may. The log of a deleted group is open to the
// system alone. It refuses with ErrGroupNotFound, ErrBlacklisted, ErrNotMember
// and ErrRoleTooLow.
func (a Actor) Events(ctx context.Context, group GroupID, from uint64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		from := from
		for {
			page, more, err := a.eventsFrom(ctx, group, from)
			if err != nil {
				yield(Event{}, wrap(OpEvents, group, err))
				return
			}
			for _, e := range page {
				if !yield(e, nil) {
					return
				}
				from = max(from, e.Version+1)
			}
			if !more || len(page) == 0 {
				return
			}
		}
	}
}

// eventsFrom reads one page of the log.
func (a Actor) eventsFrom(ctx context.Context, group GroupID, from uint64) (page []Event, more bool, err error) {
	if err := a.check(group); err != nil {
		return nil, false, err
	}
	err = a.view(ctx, func(r store.Reader) error {
		page = nil
		v, err := a.mayReadLog(r, group)
		if err != nil {
			return err
		}
		all := store.Prefix(key.Of(string(group), key.Events))
		all.From, all.Limit = key.Event(string(group), from), 100
		pairs, m, err := r.Scan(all)
		if err != nil {
			return storage(err)
		}
		more = m
		if from < v.head.First {
			c, err := checkpointEvent(r, group)
			if err != nil {
				return err
			}
			if c != nil {
				page = append(page, *c)
			}
		}
		for _, p := range pairs {
			events, err := decodeEvents(group, p)
			if err != nil {
				return err
			}
			for _, e := range events {
				if e.Version >= from {
					page = append(page, e)
				}
			}
		}
		return nil
	})
	return page, more, err
}

func (a Actor) mayReadLog(r store.Reader, group GroupID) (*look, error) {
	v, err := a.look(r, group)
	if err != nil {
		return nil, err
	}
	if v.system() && v.exists && v.head.State != record.Live {
		return v, nil
	}
	return v, v.may(readLog)
}

// decodeEvents takes the record of one call apart.
func decodeEvents(group GroupID, p store.Pair) ([]Event, error) {
	last, err := lastVersion(p.Key)
	if err != nil {
		return nil, err
	}
	call, err := record.DecodeCall(p.Value)
	if err != nil {
		return nil, err
	}
	if uint64(len(call.Events)) > last {
		return nil, record.ErrCorrupt
	}
	events := make([]Event, len(call.Events))
	for i := range call.Events {
		events[i] = publicEvent(group, last-uint64(len(call.Events)-1-i), &call, &call.Events[i])
	}
	return events, nil
}

func lastVersion(k []byte) (uint64, error) {
	_, kind, rest, err := key.CutGroup(k)
	if err != nil || kind != key.Events || len(rest) != 8 {
		return 0, key.ErrForm
	}
	return binary.BigEndian.Uint64(rest), nil
}

func publicEvent(group GroupID, version uint64, call *record.Call, e *record.Event) Event {
	out := Event{
		Group: group, Version: version, Kind: EventKind(e.Kind), Actor: UserID(call.Actor), At: instant(call.At),
		Reason: call.Reason, Users: userIDs(e.Users), How: How(e.How), Until: instant(e.Until),
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

func recordFile(f *File) record.File {
	id := uuid.MustParse(string(f.ID)) // an id of our own making
	return record.File{
		ID: string(id[:]), Name: f.Name, Size: f.Size, SHA256: string(f.SHA256[:]), Owner: string(f.Owner), Created: millis(f.Created),
	}
}

func publicFile(f *record.File) File {
	id, _ := uuid.FromBytes([]byte(f.ID))
	return File{
		ID: FileID(id.String()), Name: f.Name, Size: f.Size, SHA256: [32]byte([]byte(f.SHA256)),
		Owner: UserID(f.Owner), Created: instant(f.Created),
	}
}
