package record

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
