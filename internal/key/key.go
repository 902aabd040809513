// Package key defines the keys of the engine's records in one ordered key space.
//
// Records that change together have adjacent keys: all records of a group have the prefix
// of the group, all records of a user have the prefix of the user. The first byte of a
// key is its family:
//
//	!               the number of the format
//	c v T G         groups in creation order: visibility, creation time
//	d G             deletions in progress
//	g G kind …      all records of a group
//	i U 0 key       results recorded for idempotency keys
//	j T key         the same, by time of expiry
//	n               the number of groups, if it is limited
//	t T G fact U    entries that expire, by time of expiry
//	u U 0 kind …    all records of a user
//	w id            uploads in progress
//
// T is a time in milliseconds: eight bytes, big-endian. U is a user ID. It contains no
// control character, so a zero byte ends it. G is a group ID: a UUID is a byte 1 and the
// sixteen bytes of the UUID; any other ID is a byte 2, the text, and a byte 0.
package key

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"

	"github.com/google/uuid"
)

// The kinds of records of a group.
const (
	Admins       = 'a' // index: admins
	Blocked      = 'b' // index: blacklist
	Checkpoint   = 'c' // the state from which a shortened log continues
	Events       = 'e' // the log: the last version of a call → the events of the call
	Files        = 'f' // shared files, oldest first
	Header       = 'h' // the properties of the group
	Invitations  = 'i' // index: pending invitations
	Allowed      = 'l' // index: allow list
	Members      = 'm' // standings of members
	Announcement = 'n' // the announcement
	Outsiders    = 'o' // standings of users who are not members, but are muted, blocked, …
	Requests     = 'r' // index: pending requests
	Muted        = 'u' // index: mute list
	Custom       = 'x' // the custom text of the application
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
	if len(b) > 16 && b[0] == uuidTag {
		id, err := uuid.FromBytes(b[1:17])
		return id.String(), b[17:], err
	}
	if len(b) > 1 && b[0] == textTag {
		text, rest, ok := bytes.Cut(b[1:], []byte{0})
		if ok && len(text) > 0 && !isUUID(string(text)) {
			return string(text), rest, nil
		}
	}
	return "", nil, ErrForm
}

// isUUID reports whether the ID is a UUID in the form of UUID.String.
func isUUID(group string) bool {
	id, err := uuid.Parse(group)
	return err == nil && id.String() == group
}

// prefix returns the prefix of all records of the group, with room for more bytes.
func prefix(group string, more int) []byte {
	return AppendGroupID(append(make([]byte, 0, 1+idLen(group)+more), 'g'), group)
}

// Format returns the key of the format number.
func Format() []byte { return []byte{'!'} }

// GroupCount returns the key of the number of groups.
func GroupCount() []byte { return []byte{'n'} }

// Group returns the prefix of all records of the group.
func Group(group string) []byte {
	return prefix(group, 0)
}

// AllGroups returns the prefix of all records of all groups.
func AllGroups() []byte { return []byte{'g'} }

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
	b := append(AppendGroupID(append(make([]byte, 0, size), 'g'), group), Header)
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

// File returns the key of a shared file.
func File(group string, id uuid.UUID) []byte {
	return append(append(prefix(group, 1+16), Files), id[:]...)
}

// CutGroup splits a key of a group.
func CutGroup(k []byte) (group string, kind byte, rest []byte, err error) {
	if len(k) == 0 || k[0] != 'g' {
		return "", 0, nil, ErrForm
	}
	group, rest, err = CutGroupID(k[1:])
	if err != nil || len(rest) == 0 {
		return "", 0, nil, ErrForm
	}
	return group, rest[0], rest[1:], nil
}

// User returns the key, or the prefix of the keys, of one kind of record of the user.
func User(user string, kind byte) []byte { return userPrefix(user, kind, 0) }

func userPrefix(user string, kind byte, more int) []byte {
	b := make([]byte, 0, 1+len(user)+2+more)
	b = append(append(b, 'u'), user...)
	return append(b, 0, kind)
}

func userGroup(user string, kind byte, group string) []byte {
	return AppendGroupID(userPrefix(user, kind, idLen(group)), group)
}

// AllUsers returns the prefix of all records of all users.
func AllUsers() []byte { return []byte{'u'} }

// UserGroup returns the key of the record that leads from the user to the group.
func UserGroup(user, group string, member bool) []byte {
	if member {
		return userGroup(user, UserMember, group)
	}
	return userGroup(user, UserOutsider, group)
}

// UserGroupTrace returns the key of the record that leads from the user to a group that
// the user was in.
func UserGroupTrace(user, group string) []byte {
	return userGroup(user, UserTrace, group)
}

// CutUser splits a key of a user. group is empty for the user's header.
func CutUser(k []byte) (user string, kind byte, group string, err error) {
	if len(k) == 0 || k[0] != 'u' {
		return "", 0, "", ErrForm
	}
	name, rest, ok := bytes.Cut(k[1:], []byte{0})
	if !ok || len(name) == 0 || len(rest) == 0 {
		return "", 0, "", ErrForm
	}
	if rest[0] == UserHeader && len(rest) == 1 {
		return string(name), UserHeader, "", nil
	}
	if rest[0] != UserMember && rest[0] != UserOutsider && rest[0] != UserTrace {
		return "", 0, "", ErrForm
	}
	group, rest2, err := CutGroupID(rest[1:])
	if err != nil || len(rest2) != 0 {
		return "", 0, "", ErrForm
	}
	return string(name), rest[0], group, nil
}

// CutUserGroup returns the group ID in the key of a record that leads from a user to a
// group, as text and as encoded in keys.
func CutUserGroup(k []byte) (group string, id []byte, err error) {
	end := bytes.IndexByte(k, 0)
	if len(k) == 0 || k[0] != 'u' || end < 0 || len(k) < end+2 {
		return "", nil, ErrForm
	}
	id = k[end+2:]
	group, rest, err := CutGroupID(id)
	if err != nil || len(rest) != 0 {
		return "", nil, ErrForm
	}
	return group, id, nil
}

// AppendHeader appends the key of the header of a group. id is the group ID as encoded in
// keys.
func AppendHeader(b, id []byte) []byte {
	return append(append(append(b, 'g'), id...), Header)
}

// Creation returns the prefix of the public or of the private groups in creation order.
func Creation(public bool) []byte {
	if public {
		return []byte{'c', 1}
	}
	return []byte{'c', 0}
}

// Position returns the position of a group in creation order.
func Position(created int64, group string) []byte {
	return AppendGroupID(binary.BigEndian.AppendUint64(nil, uint64(created)), group)
}

// CutPosition splits a position.
func CutPosition(p []byte) (created int64, group string, err error) {
	if len(p) < 8 {
		return 0, "", ErrForm
	}
	group, rest, err := CutGroupID(p[8:])
	if err != nil || len(rest) != 0 {
		return 0, "", ErrForm
	}
	return int64(binary.BigEndian.Uint64(p)), group, nil
}

// Created returns the key of the group in creation order.
func Created(public bool, created int64, group string) []byte {
	return append(Creation(public), Position(created, group)...)
}

// Deletions returns the prefix of all deletions in progress.
func Deletions() []byte { return []byte{'d'} }

// Deletion returns the key of the deletion of the group while it is in progress.
func Deletion(group string) []byte {
	return AppendGroupID([]byte{'d'}, group)
}

// Expiries returns the prefix of all entries that expire.
func Expiries() []byte { return []byte{'t'} }

// ExpiriesBefore returns the end of the range of entries that expire before the time.
func ExpiriesBefore(at int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{'t'}, uint64(at))
}

// Expiry returns the key of an entry that expires. fact is the kind of its index.
func Expiry(at int64, group string, fact byte, user string) []byte {
	b := append(make([]byte, 0, 1+8+idLen(group)+1+len(user)), 't')
	b = AppendGroupID(binary.BigEndian.AppendUint64(b, uint64(at)), group)
	return append(append(b, fact), user...)
}

// CutExpiry splits the key of an entry that expires.
func CutExpiry(k []byte) (at int64, group string, fact byte, user string, err error) {
	if len(k) < 9 || k[0] != 't' {
		return 0, "", 0, "", ErrForm
	}
	group, rest, err := CutGroupID(k[9:])
	if err != nil || len(rest) < 2 {
		return 0, "", 0, "", ErrForm
	}
	return int64(binary.BigEndian.Uint64(k[1:])), group, rest[0], string(rest[1:]), nil
}

// Uploads returns the prefix of all uploads in progress.
func Uploads() []byte { return []byte{'w'} }

// Upload returns the key of the upload of the content while it is in progress.
func Upload(content string) []byte {
	return append([]byte{'w'}, content...)
}

// Content returns the ID of the content of a shared file. It includes the group, so the
// record of the file can be found from the ID.
func Content(group string, file uuid.UUID) string {
	return hex.EncodeToString(AppendGroupID(nil, group)) + "-" + file.String()
}

// CutContent splits the ID of a content.
func CutContent(id string) (group string, file uuid.UUID, err error) {
	head, tail, _ := bytes.Cut([]byte(id), []byte("-"))
	raw, err := hex.DecodeString(string(head))
	if err != nil {
		return "", uuid.UUID{}, ErrForm
	}
	group, rest, err := CutGroupID(raw)
	if err != nil || len(rest) != 0 {
		return "", uuid.UUID{}, ErrForm
	}
	file, err = uuid.ParseBytes(tail)
	if err != nil || Content(group, file) != id {
		return "", uuid.UUID{}, ErrForm
	}
	return group, file, nil
}

// Outcomes returns the prefix of all results recorded for idempotency keys.
func Outcomes() []byte { return []byte{'i'} }

// Once returns the key of the recorded result of the actor's call with an idempotency
// key.
func Once(actor, id string) []byte {
	b := append(append([]byte{'i'}, actor...), 0)
	return append(b, id...)
}

// OnceOf returns the prefix of the recorded results of the actor.
func OnceOf(actor string) []byte { return Once(actor, "") }

// OnceExpiries returns the prefix of the recorded results by time of expiry.
func OnceExpiries() []byte { return []byte{'j'} }

// OnceExpiriesBefore returns the end of the range of results that expire before the time.
func OnceExpiriesBefore(at int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{'j'}, uint64(at))
}

// OnceExpiry returns the key of the expiry of a recorded result.
func OnceExpiry(at int64, once []byte) []byte {
	return append(OnceExpiriesBefore(at), once...)
}

// CutOnceExpiry returns the key of the recorded result to which an expiry belongs.
func CutOnceExpiry(k []byte) ([]byte, error) {
	if len(k) < 10 || k[0] != 'j' || k[9] != 'i' {
		return nil, ErrForm
	}
	return k[9:], nil
}
