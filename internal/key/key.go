// Package key defines the keys of the engine's records in one ordered key space.
//
// Records that change together have adjacent keys: all records of a group have the prefix
// of the group, all records of a user have the prefix of the user. The first byte of a
// key is its family:
//
//	!               the number of the format
//	B               the identity of the data
//	C v T G         groups in creation order: visibility, creation time
//	D G             deletions in progress
//	F id            the place of a shared file
//	G G kind …      all records of a group
//	I U 0 key       results recorded for idempotency keys
//	J T key         the same, by time of expiry
//	K number        calls in the order of their commits; 0: the last one that was removed
//	L               the lease of the background work, of a store that processes share
//	N               the number of groups, if it is limited
//	N l             the limit of groups, of a store that processes share
//	P G             groups that are being loaded
//	R G             pseudonyms that are being written into groups
//	T T G fact U    entries that expire, by time of expiry
//	U U 0 kind …    all records of a user
//	W id            uploads in progress; hold-id: contents are held
//	X id            contents that must be removed
//
// T is a time in milliseconds, and number is a number: eight bytes, big-endian. U is a user
// ID. It contains no control character, so a zero byte ends it. G is a group ID: a UUID is a
// byte 1 and the sixteen bytes of the UUID; any other ID is a byte 2, the text, and a byte 0.
//
// Format 1 had lower-case families. Keys of the two formats are never equal, so a record of
// format 1 that is still there has not been converted yet.
package key

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"

	"github.com/google/uuid"
)

// The families of keys.
const (
	FamilyFormat          = '!'
	FamilyIdentity        = 'B'
	FamilyCreation        = 'C'
	FamilyDeletions       = 'D'
	FamilyFiles           = 'F'
	FamilyGroups          = 'G'
	FamilyOutcomes        = 'I'
	FamilyOutcomeExpiries = 'J'
	FamilyCommits         = 'K'
	FamilyLease           = 'L'
	FamilyGroupCount      = 'N'
	FamilyLoads           = 'P'
	FamilyRenames         = 'R'
	FamilyExpiries        = 'T'
	FamilyUsers           = 'U'
	FamilyUploads         = 'W'
	FamilyToGo            = 'X'
)

// The kinds of records of a group.
const (
	Admins       = 'a' // index: admins
	Blocked      = 'b' // index: blacklist
	Checkpoint   = 'c' // the state from which a shortened log continues
	Events       = 'e' // the log: the last version of a call → the events of the call
	Files        = 'f' // shared files, in the order in which they were added
	Header       = 'h' // the properties of the group
	Invitations  = 'i' // index: pending invitations, in the order in which they came
	Allowed      = 'l' // index: allow list
	Members      = 'm' // standings of members
	Announcement = 'n' // the announcement
	Outsiders    = 'o' // standings of users who are not members, but are muted, blocked, …
	Requests     = 'r' // index: pending requests, in the order in which they came
	Muted        = 'u' // index: mute list
	Inviters     = 'v' // index: pending invitations by inviter
	Custom       = 'x' // the custom text of the application
	Expiring     = 'z' // index: entries that expire, by list and time
)

// The kinds of records of a user. UserMember and UserOutsider mirror Members and
// Outsiders.
const (
	UserHeader   = 'h'
	UserMember   = 'm'
	UserOutsider = 'o'
	UserTrace    = 't' // the user was in the group, and the log contains the user
)

// ErrForm: a key does not have the form of its family.
var ErrForm = errors.New("key has an unknown form")

const (
	uuidTag = 1
	textTag = 2
)

// AppendGroupID appends the encoded group ID. No encoded ID is a prefix of another.
func AppendGroupID(b []byte, group string) []byte {
	if id, ok := parseUUID(group); ok {
		return append(append(b, uuidTag), id[:]...)
	}
	b = append(append(b, textTag), group...)
	return append(b, 0)
}

// parseUUID parses a UUID in the form of UUID.String. It accepts no other form.
func parseUUID(text string) (id uuid.UUID, ok bool) {
	if len(text) != uuidLen || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, false
	}
	for i, at := range [16]int{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34} {
		high, low := digits[text[at]], digits[text[at+1]]
		if high|low > 0xf {
			return id, false
		}
		id[i] = high<<4 | low
	}
	return id, true
}

const uuidLen = 36

// idLen returns the usual length of the encoded group ID, as a capacity.
func idLen(group string) int {
	if len(group) == uuidLen {
		return 1 + 16
	}
	return 1 + len(group) + 1
}

// digits contains the values of the lower-case hexadecimal digits, and 0xff for other
// bytes.
var digits = func() (values [256]byte) {
	for i := range values {
		values[i] = 0xff
	}
	for i, digit := range []byte("0123456789abcdef") {
		values[digit] = byte(i)
	}
	return values
}()

// CutGroupID removes an encoded group ID from the front of b. It accepts only the
// encoding of AppendGroupID.
func CutGroupID(b []byte) (group string, rest []byte, err error) {
	var space [uuidLen]byte
	text, rest, err := cutGroupID(space[:0], b)
	return string(text), rest, err
}

// cutGroupID is CutGroupID. It writes the text to the space if it is not a part of b.
func cutGroupID(space, b []byte) (text, rest []byte, err error) {
	if len(b) > 16 && b[0] == uuidTag {
		return appendUUID(space, b[1:17]), b[17:], nil
	}
	if len(b) > 1 && b[0] == textTag {
		text, rest, ok := bytes.Cut(b[1:], []byte{0})
		if ok && len(text) > 0 && !isUUID(string(text)) {
			return text, rest, nil
		}
	}
	return nil, nil, ErrForm
}

// appendUUID appends the text of UUID.String.
func appendUUID(b, id []byte) []byte {
	for i, end := range [...]int{4, 6, 8, 10, 16} {
		if i > 0 {
			b = append(b, '-')
		}
		start := [...]int{0, 4, 6, 8, 10}[i]
		b = hex.AppendEncode(b, id[start:end])
	}
	return b
}

// isUUID reports whether the ID is a UUID in the form of UUID.String.
func isUUID(group string) bool {
	id, err := uuid.Parse(group)
	return err == nil && id.String() == group
}

// prefix returns the prefix of all records of the group, with room for more bytes.
func prefix(group string, more int) []byte {
	return AppendGroupID(append(make([]byte, 0, 1+idLen(group)+more), FamilyGroups), group)
}

// Format returns the key of the format number.
func Format() []byte { return []byte{FamilyFormat} }

// GroupCount returns the key of the number of groups.
func GroupCount() []byte { return []byte{FamilyGroupCount} }

// GroupLimit returns the key of the limit of groups that all engines of a shared store have.
func GroupLimit() []byte { return []byte{FamilyGroupCount, 'l'} }

// Lease returns the key of the lease of the background work.
func Lease() []byte { return []byte{FamilyLease} }

// Group returns the prefix of all records of the group.
func Group(group string) []byte {
	return prefix(group, 0)
}

// AllGroups returns the prefix of all records of all groups.
func AllGroups() []byte { return []byte{FamilyGroups} }

// Of returns the key, or the prefix of the keys, of one kind of record of the group.
func Of(group string, kind byte) []byte {
	return append(prefix(group, 1), kind)
}

// OfUser returns the key of one kind of record of the group about the user.
func OfUser(group string, kind byte, user string) []byte {
	return append(append(prefix(group, 1+len(user)), kind), user...)
}

// Standing returns the key of the user's standing in the group.
func Standing(group, user string, member bool) []byte {
	if member {
		return OfUser(group, Members, user)
	}
	return OfUser(group, Outsiders, user)
}

// Access returns the keys that every permission check reads: the key of the group's header,
// and two keys for each user. The standing of the user is under one of them, as a member
// or as an outsider.
func Access[S ~string](group string, users ...S) [][]byte {
	n := 1 + idLen(group) + 1
	size := n
	for _, user := range users {
		size += 2 * (n + len(user))
	}
	keys := make([][]byte, 1, 1+2*len(users))
	b := append(AppendGroupID(append(make([]byte, 0, size), FamilyGroups), group), Header)
	keys[0] = b[:len(b):len(b)]
	prefix := b[:len(b)-1]
	for _, user := range users {
		for _, area := range [2]byte{Members, Outsiders} {
			start := len(b)
			b = append(append(append(b, prefix...), area), user...)
			keys = append(keys, b[start:len(b):len(b)])
		}
	}
	return keys
}

// Event returns the key of the call whose last event has the version.
func Event(group string, version uint64) []byte {
	return binary.BigEndian.AppendUint64(append(prefix(group, 1+8), Events), version)
}

// File returns the key of a shared file, which was added with the version.
func File(group string, version uint64, id uuid.UUID) []byte {
	return append(prefix(group, 1+8+16), FileRest(version, id)...)
}

// FileRest returns the part of the key of a shared file after the group.
func FileRest(version uint64, id uuid.UUID) []byte {
	b := binary.BigEndian.AppendUint64(append(make([]byte, 0, 1+8+16), Files), version)
	return append(b, id[:]...)
}

// CutFile splits the part of the key of a shared file after its kind.
func CutFile(rest []byte) (version uint64, id uuid.UUID, err error) {
	if len(rest) != 8+16 {
		return 0, id, ErrForm
	}
	return binary.BigEndian.Uint64(rest), uuid.UUID(rest[8:]), nil
}

// Arrival returns the key of an entry of a list that is in the order in which its entries
// came: requests or invitations. version is the version of the event, place the place of the
// user in the event.
func Arrival(group string, list byte, version uint64, place uint32, user string) []byte {
	b := append(prefix(group, 1+arrival+len(user)), list)
	b = binary.BigEndian.AppendUint64(b, version)
	return append(binary.BigEndian.AppendUint32(b, place), user...)
}

const arrival = 8 + 4

// CutArrival returns the user in the part of a key of Arrival after its kind.
func CutArrival(rest []byte) (user []byte, err error) {
	if len(rest) <= arrival {
		return nil, ErrForm
	}
	return rest[arrival:], nil
}

// Inviter returns the key of the entry that leads from an inviter to an invited user.
func Inviter(group, inviter, user string) []byte {
	return append(InvitedBy(group, inviter), user...)
}

// InvitedBy returns the prefix of the users who have an invitation of the inviter.
func InvitedBy(group, inviter string) []byte {
	b := append(append(prefix(group, 1+len(inviter)+1), Inviters), inviter...)
	return append(b, 0)
}

// CutInviter splits the part of a key of Inviter after its kind.
func CutInviter(rest []byte) (inviter, user string, err error) {
	by, who, ok := bytes.Cut(rest, []byte{0})
	if !ok || len(by) == 0 || len(who) == 0 {
		return "", "", ErrForm
	}
	return string(by), string(who), nil
}

// ExpiringEntry returns the key of an entry of a list of the group that expires.
func ExpiringEntry(group string, list byte, at int64, user string) []byte {
	return append(ExpiringBefore(group, list, at), user...)
}

// ExpiringIn returns the prefix of the entries of a list of the group that expire.
func ExpiringIn(group string, list byte) []byte {
	return append(append(prefix(group, 2+8), Expiring), list)
}

// ExpiringBefore returns the end of the range of the entries of a list of the group that
// expire before the time.
func ExpiringBefore(group string, list byte, at int64) []byte {
	return binary.BigEndian.AppendUint64(ExpiringIn(group, list), uint64(at))
}

// CutExpiring splits the part of a key of ExpiringEntry after its kind.
func CutExpiring(rest []byte) (list byte, at int64, user string, err error) {
	if len(rest) <= 1+8 {
		return 0, 0, "", ErrForm
	}
	return rest[0], int64(binary.BigEndian.Uint64(rest[1:])), string(rest[9:]), nil
}

// CutGroup splits a key of a group.
func CutGroup(k []byte) (group string, kind byte, rest []byte, err error) {
	if len(k) == 0 || k[0] != FamilyGroups {
		return "", 0, nil, ErrForm
	}
	group, rest, err = CutGroupID(k[1:])
	if err != nil || len(rest) == 0 {
		return "", 0, nil, ErrForm
	}
	return group, rest[0], rest[1:], nil
}

// AppendHeader appends the key of the header of a group. id is the group ID as encoded in
// keys.
func AppendHeader(b, id []byte) []byte {
	return append(append(append(b, FamilyGroups), id...), Header)
}
