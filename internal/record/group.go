package record

// The states of a group.
const (
	Live     = 0
	Deleting = 1 // no longer visible; its records are being removed
	Deleted  = 2 // only this header and the log remain
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
}

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
	return appendUint(b, 19, h.First)
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
func DecodeHeader(b []byte) (Header, error) {
	var h Header
	f := fieldsOf(b)
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
	return appendString(b, 4, m.Reason)
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
		}
	}
	return &m, f.err
}

// A Standing contains the role and all marks of one user in one group.
type Standing struct {
	Role       uint8 // at most LastRole; 0 is an outsider, 1 is a plain member
	Joined     int64
	AdminSince int64

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
	return b
}

// firstMark is the number of the first mark in an encoded standing. 4 to 15 are kept for marks.
const firstMark = 4

// DecodeStanding decodes the result of Encode. member reports whether the record was
// under the key for members or under the key for outsiders.
func DecodeStanding(b []byte, member bool) (s Standing, err error) {
	if member {
		s.Role = 1
	}
	marks := s.marks()
	f := fields{rest: b}
	for f.next() {
		switch i := int(f.num) - firstMark; {
		case f.num == 1:
			s.Joined = f.int()
		case f.num == 2:
			s.Role = uint8(f.uint)
		case f.num == 3:
			s.AdminSince = f.int()
		case i < len(marks):
			if *marks[i], err = decodeMark(f.bytes); err != nil {
				return s, err
			}
		}
	}
	if f.err == nil && (s.Role > LastRole || member != s.Member()) {
		return s, ErrCorrupt
	}
	return s, f.err
}
