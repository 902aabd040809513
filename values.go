package groupkit

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// A GroupID names a group. The engine assigns a UUID of version 7; the system may
// choose another when it creates a group: 1 to 64 bytes of A–Z a–z 0–9 . _ : -
type GroupID string

// A UserID is the application's own id of a user: 1 to 128 bytes of valid UTF-8
// without control characters and without a space at either end. Ids are compared
// byte for byte.
type UserID string

// A FileID names a shared file: a UUID of version 7.
type FileID string

// A Field is a part of a group, or an argument, as errors and results name it.
type Field string

// The fields of a group that can be changed.
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

// Fields that are set once, or by verbs of their own, and arguments.
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
	FieldKey          Field = "idempotency key"
)

const (
	maxGroupID     = 64
	maxUserID      = 128
	maxName        = 128
	maxDescription = 512
	maxAvatar      = 1024
	maxCustom      = 8 << 10
	maxFileName    = 255
	maxReason      = 512
	maxKey         = 128
)

// Forever is the duration of a mute or block that does not end by itself.
const Forever = time.Duration(-1)

// lastExpiry is the instant of a mute for good, and the latest of all: 2116-12-31
// 16:00:00 UTC in milliseconds.
const lastExpiry = 4638873600000

func checkGroupID(id GroupID) error {
	if len(id) == 0 {
		return invalid(FieldGroup, "is empty")
	}
	if len(id) > maxGroupID {
		return invalid(FieldGroup, "has %d bytes (at most %d)", len(id), maxGroupID)
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && (c < 'A' || c > 'Z') && c != '.' && c != '_' && c != ':' {
			return invalid(FieldGroup, "%q contains %q (allowed: A–Z a–z 0–9 . _ : -)", string(id), string(id[i:i+1]))
		}
	}
	return nil
}

func checkUserID(field Field, id UserID) error {
	switch {
	case len(id) == 0:
		return invalid(field, "is empty")
	case len(id) > maxUserID:
		return invalid(field, "has %d bytes (at most %d)", len(id), maxUserID)
	case !utf8.ValidString(string(id)):
		return invalid(field, "%q is not valid UTF-8", string(id))
	case strings.ContainsFunc(string(id), unicode.IsControl):
		return invalid(field, "%q contains a control character", string(id))
	case strings.TrimSpace(string(id)) != string(id):
		return invalid(field, "%q begins or ends with a space", string(id))
	}
	return nil
}

// checkText refuses a text that is not UTF-8, is empty if at least one character is
// needed, or has too many characters.
func checkText(field Field, text string, least, most int) error {
	if !utf8.ValidString(text) {
		return invalid(field, "is not valid UTF-8")
	}
	switch n := utf8.RuneCountInString(text); {
	case n == 0 && least > 0:
		return invalid(field, "is empty")
	case n > most:
		return invalid(field, "has %d characters (at most %d)", n, most)
	}
	return nil
}

func checkCustom(text string) error {
	if !utf8.ValidString(text) {
		return invalid(FieldCustom, "is not valid UTF-8")
	}
	if len(text) > maxCustom {
		return invalid(FieldCustom, "has %d bytes (at most %d)", len(text), maxCustom)
	}
	return nil
}

// checkNoSlash refuses what the source text refuses in a changed name or description.
func checkNoSlash(field Field, text string) error {
	if strings.Contains(text, "/") {
		return invalid(field, "%q contains a slash", text)
	}
	return nil
}

func checkFileName(name string) error {
	if err := checkText(FieldFileName, name, 1, maxFileName); err != nil {
		return err
	}
	if name == "." || name == ".." || strings.ContainsAny(name, `/\`) || strings.ContainsFunc(name, unicode.IsControl) {
		return invalid(FieldFileName, "%q is not a base name", name)
	}
	return nil
}

// expiry is the instant at which what begins now and lasts for d ends: Forever
// ends at the last instant there is, and nothing ends after it.
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

// millis is the millisecond that t falls in.
func millis(t time.Time) int64 { return t.UnixMilli() }

// instant is the inverse of millis; 0 stands for no time at all.
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

// millisOrZero is the inverse of instant.
func millisOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return millis(t)
}

// texts and ids convert between the ids of the public API and those of the records.
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

func name(names []string, i int) string {
	if i < len(names) && names[i] != "" {
		return names[i]
	}
	return "unknown"
}
