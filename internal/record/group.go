package record

import "google.golang.org/protobuf/encoding/protowire"

// The states of a group.
const (
	Live     = 0
	Deleting = 1 // no longer visible; its records are being removed
	Deleted  = 2 // only this header and the log remain
	Loading  = 3 // not visible yet; its records are being written
)

// A Header contains the properties of a group, without its lists. Most calls need nothing
// else of the group.
type Header struct {
	Name, Description, Avatar string
	HasCustom                 bool
	Public, MembersOnly       bool
	AllowInvites              bool
	InviteNeedConfirm         bool
	Muted                     bool
	MaxUsers                  int
	Owner                     string
	Created, Modified         int64
	Version                   uint64
	State                     uint64

	// The number of entries of each list.
	Members, Admins, Blocked, Mutes, Allowed, Requests, Invitations, Files int

	// First is the first version in the log; 0 means 1.
	First uint64

	// Rewritten is the version of the last event after which what was read before is outdated: with
	// another pseudonym, or before a repair; 0: none.
	Rewritten uint64

	// Loaded is the number of the load that made the group, in the index of commits; 0: no load, or the
	// entry has been removed.
	Loaded uint64

	// Rename is the pseudonym that is being written into the records of the group.
	Rename Rename
}

// A Rename replaces a user ID by a pseudonym. The zero value replaces nothing.
type Rename struct{ From, To string }

const (
	public = 1 << iota
	membersOnly
	allowInvites
	inviteNeedConfirm
	muted
	hasCustom
)

func (h *Header) flags() (f uint64) {
	for _, flag := range []struct {
		set bool
		bit uint64
	}{
		{h.Public, public}, {h.MembersOnly, membersOnly}, {h.AllowInvites, allowInvites},
		{h.InviteNeedConfirm, inviteNeedConfirm}, {h.Muted, muted}, {h.HasCustom, hasCustom},
	} {
		if flag.set {
			f |= flag.bit
		}
	}
	return f
}

func (h *Header) setFlags(f uint64) {
	h.Public = f&public != 0
	h.MembersOnly = f&membersOnly != 0
	h.AllowInvites = f&allowInvites != 0
	h.InviteNeedConfirm = f&inviteNeedConfirm != 0
	h.Muted = f&muted != 0
	h.HasCustom = f&hasCustom != 0
}

// Encode returns the record.
func (h *Header) Encode() []byte {
	b := make([]byte, 0, 64+len(h.Name)+len(h.Description)+len(h.Avatar)+len(h.Owner))
	b = appendUint(b, 1, h.State)
	b = appendUint(b, 2, h.flags())
	b = appendUint(b, 3, h.Version)
	b = appendInt(b, 4, int64(h.Members))
	b = appendInt(b, 5, int64(h.MaxUsers))
	b = appendString(b, 6, h.Owner)
	b = appendInt(b, 7, h.Created)
	b = appendInt(b, 8, h.Modified)
	b = appendString(b, 9, h.Name)
	b = appendString(b, 10, h.Description)
	b = appendString(b, 11, h.Avatar)
	b = appendInt(b, 12, int64(h.Admins))
	b = appendInt(b, 13, int64(h.Blocked))
	b = appendInt(b, 14, int64(h.Mutes))
	b = appendInt(b, 15, int64(h.Allowed))
	b = appendInt(b, 16, int64(h.Requests))
	b = appendInt(b, 17, int64(h.Invitations))
	b = appendInt(b, 18, int64(h.Files))
	b = appendUint(b, 19, h.First)
	b = appendUint(b, 20, h.Rewritten)
	b = appendString(b, 21, h.Rename.From)
	b = appendString(b, 22, h.Rename.To)
	return appendUint(b, 23, h.Loaded)
}

// DecodeState decodes only the state and the flags of a header.
func DecodeState(b []byte) (Header, error) {
	var h Header
	f := fields{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			h.State = f.uint
		case 2:
			h.setFlags(f.uint)
		}
	}
	return h, f.err
}

// DecodeHeader decodes the result of Encode.
func DecodeHeader(b []byte) (Header, error) { return (*Texts)(nil).DecodeHeader(b) }

// DecodeHeader is DecodeHeader for one of many headers.
func (t *Texts) DecodeHeader(b []byte) (Header, error) {
	var h Header
	f := t.fieldsOf(b)
	for f.next() {
		switch f.num {
		case 1:
			h.State = f.uint
		case 2:
			h.setFlags(f.uint)
		case 3:
			h.Version = f.uint
		case 4:
			h.Members = int(f.uint)
		case 5:
			h.MaxUsers = int(f.uint)
		case 6:
			h.Owner = f.string()
		case 7:
			h.Created = f.int()
		case 8:
			h.Modified = f.int()
		case 9:
			h.Name = f.string()
		case 10:
			h.Description = f.string()
		case 11:
			h.Avatar = f.string()
		case 12:
			h.Admins = int(f.uint)
		case 13:
			h.Blocked = int(f.uint)
		case 14:
			h.Mutes = int(f.uint)
		case 15:
			h.Allowed = int(f.uint)
		case 16:
			h.Requests = int(f.uint)
		case 17:
			h.Invitations = int(f.uint)
		case 18:
			h.Files = int(f.uint)
		case 19:
			h.First = f.uint
		case 20:
			h.Rewritten = f.uint
		case 21:
			h.Rename.From = f.string()
		case 22:
			h.Rename.To = f.string()
		case 23:
			h.Loaded = f.uint
		}
	}
	return h, f.err
}

// A Mark is one entry of a user in a group: a mute, a block, an entry of the allow list,
// a pending join request or a pending invitation. A mark is never changed, only replaced.
type Mark struct {
	At     int64  // when it began
	Until  int64  // when it ends, exclusive; 0: never
	By     string // the actor who made it; "" for the system
	Reason string

	// Version is the version of the event that made it, Place the place of the user in that
	// event. 0 is unknown: the event was removed before format 2.
	Version uint64
	Place   uint32
}

// Holds reports whether the mark exists and is in effect at the time.
func (m *Mark) Holds(at int64) bool {
	return m != nil && (m.Until == 0 || at < m.Until)
}

// Expired reports whether the mark exists and has ended at the time.
func (m *Mark) Expired(at int64) bool {
	return m != nil && !m.Holds(at)
}

func (m *Mark) encode() []byte {
	b := make([]byte, 0, 24+len(m.By)+len(m.Reason))
	b = appendInt(b, 1, m.At)
	b = appendInt(b, 2, m.Until)
	b = appendString(b, 3, m.By)
	b = appendString(b, 4, m.Reason)
	b = appendUint(b, 5, m.Version)
	return appendUint(b, 6, uint64(m.Place))
}

func decodeMark(b []byte) (*Mark, error) {
	var m Mark
	f := fields{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			m.At = f.int()
		case 2:
			m.Until = f.int()
		case 3:
			m.By = f.string()
		case 4:
			m.Reason = f.string()
		case 5:
			m.Version = f.uint
		case 6:
			m.Place = uint32(f.uint)
		}
	}
	return &m, f.err
}

// A Standing contains the role and all marks of one user in one group.
type Standing struct {
	Role       uint8 // at most LastRole; 0 is an outsider, 1 is a plain member
	Joined     int64
	AdminSince int64

	// The versions of the events with which the membership and the admin role began, and the
	// places of the user in these events. 0 is unknown: the event was removed before format 2.
	JoinVersion, AdminVersion uint64
	JoinPlace, AdminPlace     uint32

	Mute, Block, Allow, Request, Invitation *Mark
}

// LastRole is the highest number of a role. The numbers do not define the order of roles.
const LastRole = 3

// Empty reports whether the user has no role and no marks.
func (s *Standing) Empty() bool { return *s == Standing{} }

// Marked reports whether the user has any mark.
func (s *Standing) Marked() bool {
	return s.Mute != nil || s.Block != nil || s.Allow != nil || s.Request != nil || s.Invitation != nil
}

// Member reports whether the user is a member, in any role.
func (s *Standing) Member() bool { return s.Role != 0 }

func (s *Standing) marks() [5]**Mark {
	return [5]**Mark{&s.Mute, &s.Block, &s.Allow, &s.Request, &s.Invitation}
}

// Encode returns the record. The most common role, plain member, takes no room.
func (s *Standing) Encode() []byte {
	b := make([]byte, 0, 32)
	b = appendInt(b, 1, s.Joined)
	if s.Role > 1 {
		b = appendUint(b, 2, uint64(s.Role))
	}
	b = appendInt(b, 3, s.AdminSince)
	for i, m := range s.marks() {
		if *m != nil {
			b = appendMessage(b, firstMark+protoNumber(i), (*m).encode())
		}
	}
	b = appendUint(b, 12, s.JoinVersion)
	b = appendUint(b, 13, uint64(s.JoinPlace))
	b = appendUint(b, 14, s.AdminVersion)
	return appendUint(b, 15, uint64(s.AdminPlace))
}

// firstMark is the number of the first mark in an encoded standing. 4 to 11 are kept for marks.
const firstMark = 4

// DecodeStanding decodes the result of Encode. member reports whether the record was
// under the key for members or under the key for outsiders.
func DecodeStanding(b []byte, member bool) (s Standing, err error) {
	err = s.Decode(b, member)
	return s, err
}

// Decode is DecodeStanding into s.
func (s *Standing) Decode(b []byte, member bool) (err error) {
	*s = Standing{}
	if member {
		s.Role = 1
	}
	f := fields{rest: s.decodeNumbers(b)}
	for f.next() {
		i := int(f.num) - firstMark
		if marks := s.marks(); i >= 0 && i < len(marks) {
			if *marks[i], err = decodeMark(f.bytes); err != nil {
				return err
			}
			f.rest = s.decodeNumbers(f.rest)
		} else {
			s.setNumber(f.num, f.uint)
		}
	}
	if f.err == nil && (s.Role > LastRole || member != s.Member()) {
		return ErrCorrupt
	}
	return f.err
}

// decodeNumbers decodes the numbers at the beginning of b, and returns the rest. It is what
// decodes a member without marks, the most common record of all.
func (s *Standing) decodeNumbers(b []byte) []byte {
	for len(b) > 1 && b[0]&7 == byte(protowire.VarintType) && b[0] >= 1<<3 && b[0] < 1<<7 {
		v, n := consumeVarint(b[1:])
		if n < 0 {
			break
		}
		s.setNumber(protowire.Number(b[0]>>3), v)
		b = b[1+n:]
	}
	return b
}

func (s *Standing) setNumber(field protowire.Number, v uint64) {
	switch field {
	case 1:
		s.Joined = int64(v)
	case 2:
		s.Role = uint8(v)
	case 3:
		s.AdminSince = int64(v)
	case 12:
		s.JoinVersion = v
	case 13:
		s.JoinPlace = uint32(v)
	case 14:
		s.AdminVersion = v
	case 15:
		s.AdminPlace = uint32(v)
	}
}
