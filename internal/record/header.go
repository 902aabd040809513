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
