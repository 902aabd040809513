package groupkit

import (
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// A GroupID identifies a group. The engine assigns a UUID of version 7. The system can
// choose another ID when it creates a group: any text that a UserID can be. So the IDs of
// other systems need no translation, such as !abc:example.org or room@conference.example.org/x.
type GroupID string

// A UserID is the application's ID of a user: 1 to 255 bytes of valid UTF-8 without
// control characters and without a space at either end. IDs are compared byte by byte.
type UserID string

// A FileID identifies a shared file. It is a UUID of version 7.
type FileID string

// A Field is the name of a property of a group or of an argument, in errors and results.
type Field string

// The fields of a group that UpdateGroup can change.
const (
	FieldName              Field = "name"
	FieldDescription       Field = "description"
	FieldAvatar            Field = "avatar"
	FieldCustom            Field = "custom"
	FieldMaxUsers          Field = "max users"
	FieldMembersOnly       Field = "members only"
	FieldAllowInvites      Field = "allow invites"
	FieldInviteNeedConfirm Field = "invite need confirm"
)

// Fields that are set only once or by other calls, and arguments.
const (
	FieldPublic       Field = "public"
	FieldOwner        Field = "owner"
	FieldAnnouncement Field = "announcement"
	FieldActor        Field = "actor"
	FieldReason       Field = "reason"
	FieldGroup        Field = "group ID"
	FieldUser         Field = "user ID"
	FieldUsers        Field = "users"
	FieldDuration     Field = "duration"
	FieldFileName     Field = "file name"
	FieldPage         Field = "page"
	FieldLimit        Field = "limit"
	FieldCursor       Field = "cursor"
	FieldAfter        Field = "after"
	FieldPrefix       Field = "prefix"
	FieldOffset       Field = "offset"
	FieldKey          Field = "idempotency key"
	FieldVersion      Field = "version"
	FieldPosition     Field = "position"
)

const (
	maxID       = 255 // bytes
	maxFileName = 255
	maxKey      = 128
	maxCursor   = 1024 // more than any cursor has: it names one group or one user
)

// Forever is the duration of a permanent mute or block.
const Forever = time.Duration(-1)

// lastExpiry is the latest end of a mute or block, and the end of a permanent mute:
// 2116-12-31 16:00:00 UTC in milliseconds.
const lastExpiry = 4638873600000

// The years in which calls can read the clock.
const (
	firstYear = 1970
	lastYear  = 4199
)

func checkGroupID(id GroupID) error { return checkID(FieldGroup, string(id)) }

func checkUserID(field Field, id UserID) error { return checkID(field, string(id)) }

func checkID(field Field, id string) error {
	switch {
	case len(id) == 0:
		return invalid(field, "is empty")
	case len(id) > maxID:
		return invalid(field, "has %d bytes (at most %d)", len(id), maxID)
	case !utf8.ValidString(id):
		return invalid(field, "%s is not valid UTF-8", quote(id))
	case strings.ContainsFunc(id, unicode.IsControl):
		return invalid(field, "%s contains a control character", quote(id))
	case strings.TrimSpace(id) != id:
		return invalid(field, "%s begins or ends with a space", quote(id))
	}
	return nil
}

// checkName checks a text of one line of which something can be seen.
func checkName(field Field, text string, most int) error {
	if err := checkLength(field, text, most); err != nil {
		return err
	}
	if i := strings.IndexFunc(text, unicode.IsControl); i >= 0 {
		return invalid(field, "contains the control character %U", firstRune(text[i:]))
	}
	if text == "" {
		return invalid(field, "is empty")
	}
	if !strings.ContainsFunc(text, isVisible) {
		return invalid(field, "has no visible character")
	}
	return nil
}

// checkText checks a text that can have several lines.
func checkText(field Field, text string, most int) error {
	if err := checkLength(field, text, most); err != nil {
		return err
	}
	isForbidden := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }
	if i := strings.IndexFunc(text, isForbidden); i >= 0 {
		return invalid(field, "contains the control character %U", firstRune(text[i:]))
	}
	return nil
}

func firstRune(text string) rune {
	r, _ := utf8.DecodeRuneInString(text)
	return r
}

// checkLength refuses a text that is not valid UTF-8 or has more characters than most. It does
// not read a text that is too long whatever it contains.
func checkLength(field Field, text string, most int) error {
	if len(text)/utf8.UTFMax > most {
		return tooLong(field, most, "has %d bytes (at most %d characters)", len(text), most)
	}
	if !utf8.ValidString(text) {
		return invalid(field, "is not valid UTF-8")
	}
	if n := utf8.RuneCountInString(text); n > most {
		return tooLong(field, most, "has %d characters (at most %d)", n, most)
	}
	return nil
}

// isVisible reports whether a reader sees the character: a letter, number, sign or symbol that
// is not blank.
func isVisible(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u2800', '\u3164', '\uffa0': // letters and a symbol without ink
		return false
	}
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S)
}

func checkCustom(text string, most int) error {
	if len(text) > most {
		return tooLong(FieldCustom, most, "has %d bytes (at most %d)", len(text), most)
	}
	if !utf8.ValidString(text) {
		return invalid(FieldCustom, "is not valid UTF-8")
	}
	return nil
}

func checkFileName(name string) error {
	if err := checkName(FieldFileName, name, maxFileName); err != nil {
		return err
	}
	if name == "." || name == ".." || strings.ContainsAny(name, `/\`) {
		return invalid(FieldFileName, "%s is not a base name", quote(name))
	}
	return nil
}

// expiry returns the end of something that begins now and lasts for d. Forever gives
// lastExpiry, and no end is later.
func expiry(now int64, d time.Duration) (int64, error) {
	switch {
	case d == Forever:
		return lastExpiry, nil
	case d <= 0:
		return 0, invalid(FieldDuration, "is %v (more than 0, or Forever)", d)
	}
	ms := int64(d / time.Millisecond)
	if d%time.Millisecond != 0 {
		ms++
	}
	return min(now+ms, lastExpiry), nil
}

// millis returns t in milliseconds, rounded down.
func millis(t time.Time) int64 { return t.UnixMilli() }

// instant is the inverse of millisOrZero. 0 gives the zero time.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// newUUID returns a random UUID of version 7 with the given time.
func newUUID(ms int64) (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return id, fmt.Errorf("%w: %w", ErrStorage, err)
	}
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id, nil
}

// millisOrZero returns t in milliseconds, or 0 for the zero time.
func millisOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return millis(t)
}

// texts converts user IDs to the strings of records. userIDs is its inverse.
func texts(ids []UserID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return out
}

func userIDs(texts []string) []UserID {
	if len(texts) == 0 {
		return nil
	}
	out := make([]UserID, len(texts))
	for i, text := range texts {
		out[i] = UserID(text)
	}
	return out
}

// isNil reports whether an argument of an interface type is nil, or is a nil pointer or function,
// which would panic when it is used.
func isNil(argument any) bool {
	switch v := reflect.ValueOf(argument); v.Kind() {
	case reflect.Pointer, reflect.Func:
		return v.IsNil()
	default:
		return argument == nil
	}
}

func name(names []string, i int) string {
	if i < len(names) && names[i] != "" {
		return names[i]
	}
	return "unknown"
}
