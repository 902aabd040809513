package record

import (
	"google.golang.org/protobuf/encoding/protowire"
)

type protoNumber = protowire.Number

// A Call contains the events that one call added to the log of a group. All events of a
// call have the same actor, time and reason.
type Call struct {
	Actor  string // "" for the system
	At     int64
	Reason string
	Events []Event

	// Commit is the number of the call in the order of commits; 0: not numbered.
	Commit uint64

	// Mark is random. It tells the call from all others, so that an engine that has lost the
	// answer to a commit finds its own call in the log; 0: not marked.
	Mark uint64
}

// An Event is one change of a group. It contains all data needed to repeat the change.
type Event struct {
	Kind    uint8
	Cause   uint8
	Until   int64
	Users   []string
	Before  []int64 // a value for each user, from before the change
	Changes []Change
	File    *File

	// BySystem: the change was due, such as an expiry, and was not requested by the
	// actor.
	BySystem bool
}

// A Change is the value of a field before and after.
type Change struct {
	Field         string
	Before, After string
}

func (c *Change) encode() []byte {
	b := make([]byte, 0, 8+len(c.Field)+len(c.Before)+len(c.After))
	b = appendString(b, 1, c.Field)
	b = appendString(b, 2, c.Before)
	return appendString(b, 3, c.After)
}

func decodeChange(b []byte) (c Change, err error) {
	f := fields{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			c.Field = f.string()
		case 2:
			c.Before = f.string()
		case 3:
			c.After = f.string()
		}
	}
	return c, f.err
}

func (e *Event) encode() []byte {
	b := make([]byte, 0, 32)
	b = appendUint(b, 1, uint64(e.Kind))
	b = appendUint(b, 2, uint64(e.Cause))
	b = appendInt(b, 3, e.Until)
	for _, user := range e.Users {
		b = appendEach(b, 4, user)
	}
	for _, v := range e.Before {
		b = protowire.AppendTag(b, 5, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(v))
	}
	for i := range e.Changes {
		b = appendMessage(b, 6, e.Changes[i].encode())
	}
	if e.File != nil {
		b = appendMessage(b, 7, e.File.Encode())
	}
	return appendBool(b, 8, e.BySystem)
}

func decodeEvent(b []byte) (e Event, err error) {
	f := fields{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			e.Kind = uint8(f.uint)
		case 2:
			e.Cause = uint8(f.uint)
		case 3:
			e.Until = f.int()
		case 4:
			e.Users = append(e.Users, f.string())
		case 5:
			e.Before = append(e.Before, f.int())
		case 6:
			change, err := decodeChange(f.bytes)
			if err != nil {
				return e, err
			}
			e.Changes = append(e.Changes, change)
		case 7:
			file, err := DecodeFile(f.bytes)
			if err != nil {
				return e, err
			}
			e.File = &file
		case 8:
			e.BySystem = f.bool()
		}
	}
	return e, f.err
}

// Encode returns the record.
func (c *Call) Encode() []byte {
	b := make([]byte, 0, 64+len(c.Reason))
	b = appendString(b, 1, c.Actor)
	b = appendInt(b, 2, c.At)
	b = appendString(b, 3, c.Reason)
	for i := range c.Events {
		b = appendMessage(b, 4, c.Events[i].encode())
	}
	b = appendUint(b, 5, c.Commit)
	return appendUint(b, 6, c.Mark)
}

// DecodeCall decodes the result of Encode.
func DecodeCall(b []byte) (c Call, err error) {
	f := fields{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			c.Actor = f.string()
		case 2:
			c.At = f.int()
		case 3:
			c.Reason = f.string()
		case 4:
			event, err := decodeEvent(f.bytes)
			if err != nil {
				return c, err
			}
			c.Events = append(c.Events, event)
		case 5:
			c.Commit = f.uint
		case 6:
			c.Mark = f.uint
		}
	}
	if f.err == nil && len(c.Events) == 0 {
		return c, ErrCorrupt
	}
	return c, f.err
}

// AppendUncommitted appends the record of a call without its Commit. numbered is false if the call has none; then, or if the
// record is damaged, the result is of no use.
func AppendUncommitted(to, call []byte) (_ []byte, numbered bool) {
	f := fields{rest: call}
	for rest := call; f.next(); rest = f.rest {
		if f.num == 5 {
			numbered = true
			continue
		}
		to = append(to, rest[:len(rest)-len(f.rest)]...)
	}
	return to, numbered && f.err == nil
}
