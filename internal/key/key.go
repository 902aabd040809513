// Package key lays the engine's records out in one ordered key space.
//
// What one change touches lies side by side: everything of a group stands under
// the group's prefix, everything of a user under the user's. The first byte says
// the family:
//
//	!               the format
//	c v T G         groups in creation order: visibility, creation time
//	d G             deletions under way
//	g G kind …      everything of a group
//	i U 0 key       outcomes of calls with an idempotency key
//	j T key         the same by the end of their lives
//	n               the number of groups, where it is limited
//	t T G fact U    what expires, by time
//	u U 0 kind …    everything of a user
//	w id            uploads under way
//
// T is a time in milliseconds, eight bytes, big-endian; U a user id, which holds
// no control character, so that a zero byte ends it; G a group id: the sixteen
// bytes of a UUID behind a 1, any other id as text behind a 2 and before a 0.
package key

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"

	"github.com/google/uuid"
)

// The kinds of record under a group's prefix.
const (
	Admins       = 'a' // index: admins
	Blocked      = 'b' // index: blacklist
	Checkpoint   = 'c' // the state from which a cut log goes on
	Events       = 'e' // the log: the last version of a call → its events
	Files        = 'f' // shared files, oldest first
	Header       = 'h' // the group itself
	Invitations  = 'i' // index: pending invitations
	Allowed      = 'l' // index: allow list
	Members      = 'm' // standings of members
	Announcement = 'n' // the announcement
	Outsiders    = 'o' // standings of those who are no members, but muted, blocked, …
	Requests     = 'r' // index: pending requests
	Muted        = 'u' // index: mute list
	Custom       = 'x' // the application's own text
)

// The kinds of record under a user's prefix. UserMember and UserOutsider
// mirror Members and Outsiders.
const (
	UserHeader   = 'h'
	UserMember   = 'm'
	UserOutsider = 'o'
	UserTrace    = 't' // the user was there, and the log still tells of it
)

// ErrForm is the error of a key that does not have the form of its family.
var ErrForm = errors.New("key has an unknown form")

const (
	uuidTag = 1
	textTag = 2
)

// AppendGroupID appends the encoded group id, which no other encoded id begins with.
func AppendGroupID(b []byte, group string) []byte {
	if id, ok := parseUUID(group); ok {
		return append(append(b, uuidTag), id[:]...)
	}
	b = append(append(b, textTag), group...)
	return append(b, 0)
}

// parseUUID reads a UUID in the one form that String gives it.
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

// idLen is the length of the encoded group id, as a rule.
func idLen(group string) int {
	if len(group) == uuidLen {
		return 1 + 16
	}
	return 1 + len(group) + 1
}

// digits are the values of the hexadecimal digits in lower case; others have more than four bits.
var digits = func() (values [256]byte) {
	for i := range values {
		values[i] = 0xff
	}
	for i, digit := range []byte("0123456789abcdef") {
		values[digit] = byte(i)
	}
	return values
}()

// CutGroupID takes an encoded group id off the front of b. It takes no other
// encoding of an id than the one that AppendGroupID gives it.
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

// isUUID reports whether the id is a UUID as the engine writes it.
func isUUID(group string) bool {
	id, err := uuid.Parse(group)
	return err == nil && id.String() == group
}

// prefix is the prefix of everything of the group, with room for more.
func prefix(group string, more int) []byte {
	return AppendGroupID(append(make([]byte, 0, 1+idLen(group)+more), 'g'), group)
}

// Format is the key of the format number.
func Format() []byte { return []byte{'!'} }

// GroupCount is the key of the number of groups.
func GroupCount() []byte { return []byte{'n'} }

// Group is the prefix of everything of the group.
func Group(group string) []byte {
	return prefix(group, 0)
}

// AllGroups is the prefix of everything of all groups.
func AllGroups() []byte { return []byte{'g'} }

// Of is the key, or the prefix of the keys, of one kind of record of the group.
func Of(group string, kind byte) []byte {
	return append(prefix(group, 1), kind)
}

// OfUser is the key of one kind of record of the group about the user.
func OfUser(group string, kind byte, user string) []byte {
	return append(append(prefix(group, 1+len(user)), kind), user...)
}

// Standing is the key of the user's standing in the group.
func Standing(group, user string, member bool) []byte {
	if member {
		return OfUser(group, Members, user)
	}
	return OfUser(group, Outsiders, user)
}

// Look is what every check of a permission reads: the key of the group's header, and for
// each user the two under which the standing may be, as a member and as an outsider.
func Look[S ~string](group string, users ...S) [][]byte {
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

// Event is the key of the call whose last event has the version.
func Event(group string, version uint64) []byte {
	return binary.BigEndian.AppendUint64(append(prefix(group, 1+8), Events), version)
}

// File is the key of a shared file.
func File(group string, id uuid.UUID) []byte {
	return append(append(prefix(group, 1+16), Files), id[:]...)
}

// CutGroup takes a key of a group apart.
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

// User is the key, or the prefix of the keys, of one kind of record of the user.
func User(user string, kind byte) []byte { return userPrefix(user, kind, 0) }

func userPrefix(user string, kind byte, more int) []byte {
	b := make([]byte, 0, 1+len(user)+2+more)
	b = append(append(b, 'u'), user...)
	return append(b, 0, kind)
}

func userGroup(user string, kind byte, group string) []byte {
	return AppendGroupID(userPrefix(user, kind, idLen(group)), group)
}

// AllUsers is the prefix of everything of all users.
func AllUsers() []byte { return []byte{'u'} }

// UserGroup is the key by which the user finds the group.
func UserGroup(user, group string, member bool) []byte {
	if member {
		return userGroup(user, UserMember, group)
	}
	return userGroup(user, UserOutsider, group)
}

// UserGroupTrace is the key by which a user finds a group that it was in.
func UserGroupTrace(user, group string) []byte {
	return userGroup(user, UserTrace, group)
}

// CutUser takes a key of a user apart; group is empty for the user's header.
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

// CutUserGroup takes the group's id off the key by which a user finds a group, as text
// and as it stands in keys.
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

// AppendHeader appends the key of the header of a group, whose id is given as it stands
// in keys.
func AppendHeader(b, id []byte) []byte {
	return append(append(append(b, 'g'), id...), Header)
}

// Creation is the prefix of the public, or the private, groups in creation order.
func Creation(public bool) []byte {
	if public {
		return []byte{'c', 1}
	}
	return []byte{'c', 0}
}

// Position is where a group stands in creation order.
func Position(created int64, group string) []byte {
	return AppendGroupID(binary.BigEndian.AppendUint64(nil, uint64(created)), group)
}

// CutPosition takes a position apart.
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

// Created is the key of the group in creation order.
func Created(public bool, created int64, group string) []byte {
	return append(Creation(public), Position(created, group)...)
}

// Deletions is the prefix of all deletions under way.
func Deletions() []byte { return []byte{'d'} }

// Deletion is the key of the group's deletion while it is under way.
func Deletion(group string) []byte {
	return AppendGroupID([]byte{'d'}, group)
}

// Expiries is the prefix of all that expires.
func Expiries() []byte { return []byte{'t'} }

// ExpiriesBefore is the end of the range of all that has expired at the time.
func ExpiriesBefore(at int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{'t'}, uint64(at))
}

// Expiry is the key of one thing that expires: fact is its index's kind.
func Expiry(at int64, group string, fact byte, user string) []byte {
	b := append(make([]byte, 0, 1+8+idLen(group)+1+len(user)), 't')
	b = AppendGroupID(binary.BigEndian.AppendUint64(b, uint64(at)), group)
	return append(append(b, fact), user...)
}

// CutExpiry takes the key of a thing that expires apart.
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

// Uploads is the prefix of all uploads under way.
func Uploads() []byte { return []byte{'w'} }

// Upload is the key of the upload of the content while it is under way.
func Upload(content string) []byte {
	return append([]byte{'w'}, content...)
}

// Content is the id under which the content of a shared file is kept. It names
// the group as well, so that content alone tells where its file should be.
func Content(group string, file uuid.UUID) string {
	return hex.EncodeToString(AppendGroupID(nil, group)) + "-" + file.String()
}

// CutContent takes the id of a content apart.
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

// Outcomes is the prefix of all outcomes that are kept for idempotency keys.
func Outcomes() []byte { return []byte{'i'} }

// Once is the key of the outcome of the actor's call with an idempotency key.
func Once(actor, id string) []byte {
	b := append(append([]byte{'i'}, actor...), 0)
	return append(b, id...)
}

// OnceOf is the prefix of the outcomes of the actor's calls.
func OnceOf(actor string) []byte { return Once(actor, "") }

// OnceExpiries is the prefix of the outcomes by the end of their lives.
func OnceExpiries() []byte { return []byte{'j'} }

// OnceExpiriesBefore is the end of the range of those that have lived their life.
func OnceExpiriesBefore(at int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{'j'}, uint64(at))
}

// OnceExpiry is the key by which an outcome is found at the end of its life.
func OnceExpiry(at int64, once []byte) []byte {
	return append(OnceExpiriesBefore(at), once...)
}

// CutOnceExpiry is the key of the outcome that an expiry belongs to.
func CutOnceExpiry(k []byte) ([]byte, error) {
	if len(k) < 10 || k[0] != 'j' || k[9] != 'i' {
		return nil, ErrForm
	}
	return k[9:], nil
}
