package groupkit

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// A GroupID identifies a group. The engine assigns a UUID of version 7. The system can
// choose another ID when it creates a group: 1 to 64 bytes of A–Z a–z 0–9 . _ : -
type GroupID string

// A UserID is the application's ID of a user: 1 to 128 bytes of valid UTF-8 without
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

// Forever is the duration of a permanent mute or block.
const Forever = time.Duration(-1)

// lastExpiry is the latest end of a mute or block, and the end of a permanent mute:
// 2116-12-31 16:00:00 UTC in milliseconds.
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

// checkText refuses a text that is not valid UTF-8, has fewer than least characters or
// more than most. least is 0 or 1.
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

// checkNoSlash refuses a slash in a changed name or description.
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

func name(names []string, i int) string {
	if i < len(names) && names[i] != "" {
		return names[i]
	}
	return "unknown"
}
