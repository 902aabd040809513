package groupkit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// A sentinel is declared with its class, its stable code, its stored number (0: none) and
// its text. The number represents the sentinel in the results that are recorded for
// idempotency keys.

// The classes of errors. Every other sentinel belongs to one class or to none. errors.Is
// matches the class as well as the sentinel.
var (
	ErrNotFound  = classless("not_found", 0, "not found")               // does not exist, or the actor cannot see it
	ErrForbidden = classless("forbidden", 0, "forbidden")               // not allowed by the roles or by the state of a user
	ErrLimit     = classless("limit_reached", 0, "limit reached")       // a limit is reached; the cause is a *LimitError
	ErrInvalid   = classless("invalid_argument", 1, "invalid argument") // an argument is not valid; the cause is a *FieldError
	ErrConflict  = classless("conflict", 0, "conflict")                 // the stored data is not what the call expects
	ErrStorage   = classless("storage_failed", 0, "storage failed")     // the store failed; nothing was changed
)

// The errors of class ErrNotFound.
var (
	ErrGroupNotFound      = inClass(ErrNotFound, "group_not_found", 0, "group not found")
	ErrUserNotFound       = inClass(ErrNotFound, "user_not_found", 2, "user not found")
	ErrFileNotFound       = inClass(ErrNotFound, "file_not_found", 0, "file not found")
	ErrRequestNotFound    = inClass(ErrNotFound, "request_not_found", 16, "no pending join request")
	ErrContentAbsent      = inClass(ErrNotFound, "content_absent", 0, "content of the file is not there yet") // see [Actor.PutContent]
	ErrInvitationNotFound = inClass(ErrNotFound, "invitation_not_found", 17, "no pending invitation")
)

// The errors of class ErrForbidden.
var (
	ErrNotMember      = inClass(ErrForbidden, "not_member", 3, "not a member of the group")
	ErrAlreadyMember  = inClass(ErrForbidden, "already_member", 4, "already a member of the group")
	ErrIsOwner        = inClass(ErrForbidden, "is_owner", 5, "is the owner of the group")
	ErrRoleTooLow     = inClass(ErrForbidden, "role_too_low", 6, "role is too low")
	ErrBlacklisted    = inClass(ErrForbidden, "blacklisted", 7, "on the blacklist of the group")
	ErrNotBlacklisted = inClass(ErrForbidden, "not_blacklisted", 8, "not on the blacklist of the group")
	ErrMuted          = inClass(ErrForbidden, "muted", 0, "muted")
	ErrGroupMuted     = inClass(ErrForbidden, "group_muted", 0, "group is muted")
	ErrNotMuted       = inClass(ErrForbidden, "not_muted", 9, "not muted")
	ErrAlreadyAdmin   = inClass(ErrForbidden, "already_admin", 0, "already an admin of the group")
	ErrNotAdmin       = inClass(ErrForbidden, "not_admin", 0, "not an admin of the group")
	ErrAlreadyAllowed = inClass(ErrForbidden, "already_allowed", 10, "already on the allow list of the group")
	ErrNotAllowed     = inClass(ErrForbidden, "not_allowed", 11, "not on the allow list of the group")
	ErrSystemOnly     = inClass(ErrForbidden, "system_only", 0, "only the system may do this")
	ErrVetoed         = inClass(ErrForbidden, "vetoed", 0, "refused by the application")
)

// The errors of class ErrLimit.
var (
	ErrGroupFull          = inClass(ErrLimit, "group_full", 12, "group is full")
	ErrTooManyAdmins      = inClass(ErrLimit, "too_many_admins", 0, "too many admins in the group")
	ErrTooManyGroups      = inClass(ErrLimit, "too_many_groups", 0, "too many groups in the app")
	ErrTooManyJoined      = inClass(ErrLimit, "too_many_joined", 13, "user is in too many groups")
	ErrBatchTooLarge      = inClass(ErrLimit, "batch_too_large", 0, "too many entries in one call")
	ErrFileTooLarge       = inClass(ErrLimit, "file_too_large", 0, "file is too large")
	ErrTooManyFiles       = inClass(ErrLimit, "too_many_files", 0, "too many shared files in the group")
	ErrTooManyRequests    = inClass(ErrLimit, "too_many_requests", 0, "too many pending join requests in the group")
	ErrTooManyInvitations = inClass(ErrLimit, "too_many_invitations", 14, "too many pending invitations in the group")
	ErrListFull           = inClass(ErrLimit, "list_full", 15, "list is full")
)

// The errors of class ErrConflict.
var (
	ErrVersion     = inClass(ErrConflict, "version_changed", 0, "group has changed")
	ErrGroupExists = inClass(ErrConflict, "group_exists", 0, "group ID is taken")
	ErrKeyReused   = inClass(ErrConflict, "key_reused", 0, "idempotency key was used for another call")

	// ErrForeignContents: the contents of shared files belong to another database, or to a
	// newer state of this one. See [Engine.AdoptContents].
	ErrForeignContents = inClass(ErrConflict, "foreign_contents", 0, "contents of files belong to another database")

	// ErrNotEmpty: a restore or a copy needs a place where nothing is.
	ErrNotEmpty = inClass(ErrConflict, "not_empty", 0, "there is something already")

	// ErrUnfinished: a restore or a copy into the store was cut off. Make the same call again.
	ErrUnfinished = inClass(ErrConflict, "unfinished", 0, "a restore or a copy was not finished")
)

// The errors without a class.
var (
	// ErrClosed: the engine is closed.
	ErrClosed = classless("closed", 0, "closed")

	// ErrReadOnly: the engine was opened with Options.ReadOnly. Nothing was changed.
	ErrReadOnly = classless("read_only", 0, "opened read-only")

	// ErrClock: Options.Clock shows a time before 1970 or after the year 4199. Every call that
	// reads the clock returns it; nothing was changed.
	ErrClock = classless("clock_out_of_range", 0, "clock is out of range")

	// ErrCorrupt: the stored data is damaged, or a newer version wrote it.
	ErrCorrupt = classless("corrupt", 0, "stored data is damaged")

	// ErrNested: the call is not possible inside Atomic or in a Guard.
	ErrNested = classless("nested", 0, "not possible inside a transaction")

	// ErrUnknownOutcome: the store does not know the result of a commit. The change was
	// made or not made.
	ErrUnknownOutcome = classless("unknown_outcome", 0, "outcome is unknown")
)

func limited(sentinel error, limit, value int) error {
	return &LimitError{sentinel, int64(value), int64(limit)}
}

// An Error is the error of every call of the engine. It names the operation, the group
// and the user, and contains the cause. The cause matches one or more sentinels.
type Error struct {
	Op    Op      // the operation
	Group GroupID // the group; "" if there is none
	User  UserID  // the user that the error is about: the actor or the target; "" if there is none
	Err   error   // the cause
}

// Error returns the operation, the group, the user and the cause in one line.
func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s%v", e.Op, e.subject(), e.Err)
}

// subject returns the user and the group as text.
func (e *Error) subject() string {
	switch {
	case e.User != "" && e.Group != "":
		return fmt.Sprintf("user %s in group %s: ", quote(string(e.User)), quote(string(e.Group)))
	case e.User != "":
		return fmt.Sprintf("user %s: ", quote(string(e.User)))
	case e.Group != "":
		return fmt.Sprintf("group %s: ", quote(string(e.Group)))
	}
	return ""
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// longestQuote is the number of bytes of a text of the caller that an error quotes.
const longestQuote = 255

// quote quotes a text, and cuts it if it is long.
func quote(text string) string {
	if len(text) <= longestQuote {
		return strconv.Quote(text)
	}
	return strconv.Quote(strings.ToValidUTF8(text[:longestQuote], "")) + fmt.Sprintf("… (%d bytes)", len(text))
}

// A LimitError reports that a call exceeds a limit.
type LimitError struct {
	Err   error // the sentinel
	Value int64 // the current or the requested value
	Max   int64 // the limit
}

// Error returns the sentinel, the value and the limit.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%v (%d of %d)", e.Err, e.Value, e.Max)
}

// Unwrap returns the sentinel.
func (e *LimitError) Unwrap() error { return e.Err }

// A FieldError reports that an argument is not valid.
type FieldError struct {
	Field Field
	Why   string // the value, and what is allowed
	Max   int    // of a text that is too long: the limit, in characters, for FieldCustom in bytes; else 0
}

// Error returns the field and what is wrong with it.
func (e *FieldError) Error() string { return string(e.Field) + " " + e.Why }

// Unwrap returns ErrInvalid.
func (e *FieldError) Unwrap() error { return ErrInvalid }

func invalid(field Field, format string, args ...any) error {
	return &FieldError{Field: field, Why: fmt.Sprintf(format, args...)}
}

// tooLong is invalid for a text that is longer than most.
func tooLong(field Field, most int, format string, args ...any) error {
	return &FieldError{Field: field, Why: fmt.Sprintf(format, args...), Max: most}
}

// fieldErrors contains the errors of all invalid arguments of one call.
type fieldErrors []error

// joinFields returns one error for all errors that are not nil, or nil if there are none.
func joinFields(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) == 0 {
		return nil
	}
	return fieldErrors(errs)
}

func (e fieldErrors) Error() string {
	texts := make([]string, len(e))
	for i, err := range e {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (e fieldErrors) Unwrap() []error { return e }

// FieldErrors returns all *FieldErrors in err, in order.
func FieldErrors(err error) (fields []*FieldError) {
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself
	case *FieldError:
		return []*FieldError{e}
	case interface{ Unwrap() error }:
		return FieldErrors(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			fields = append(fields, FieldErrors(err)...)
		}
	}
	return fields
}

// A MutedError reports that a member is not allowed to speak. It matches ErrGroupMuted if
// the mute of the whole group applies, and ErrMuted if the member's own mute applies.
type MutedError struct {
	WholeGroup bool      // the mute of the whole group applies
	Until      time.Time // when the user can speak again if nothing changes; zero if that is not known
}

// Error returns the sentinel and the end of the mute, if the end is known.
func (e *MutedError) Error() string {
	switch text := e.Unwrap().Error(); {
	case e.Until.IsZero():
		return text
	default:
		return text + " until " + e.Until.Format(time.RFC3339Nano)
	}
}

// Unwrap returns ErrGroupMuted or ErrMuted.
func (e *MutedError) Unwrap() error {
	if e.WholeGroup {
		return ErrGroupMuted
	}
	return ErrMuted
}

// A BlockedError reports that a user is on the blacklist of the group. It matches ErrBlacklisted.
type BlockedError struct {
	// Until is when the block ends if nothing changes; zero if it is permanent. It is also zero
	// for an actor who is not allowed to see the blacklist, except about the actor itself.
	Until time.Time
}

// Error returns the sentinel and the end of the block, if the end is known.
func (e *BlockedError) Error() string {
	if e.Until.IsZero() {
		return ErrBlacklisted.Error()
	}
	return ErrBlacklisted.Error() + " until " + e.Until.Format(time.RFC3339Nano)
}

// Unwrap returns ErrBlacklisted.
func (e *BlockedError) Unwrap() error { return ErrBlacklisted }

// A VersionError reports that a group is not at the version given to IfVersion. It
// matches ErrVersion.
type VersionError struct {
	Current, Want uint64
}

// Error returns both versions.
func (e *VersionError) Error() string {
	return fmt.Sprintf("%v: version is %d, not %d", ErrVersion, e.Current, e.Want)
}

// Unwrap returns ErrVersion.
func (e *VersionError) Unwrap() error { return ErrVersion }

// about returns an error that is about one user.
func about(user UserID, err error) error { return &Error{User: user, Err: err} }

// wrap adds the operation and the group to an internal error.
func wrap(op Op, group GroupID, err error) error {
	if err == nil {
		return nil
	}
	out := &Error{Op: op, Group: group}
	if inner, ok := err.(*Error); ok { //nolint:errorlint // only what about made is unpacked
		if inner.Op != "" {
			return err
		}
		out.User, err = inner.User, inner.Err
	}
	out.Err = translate(err)
	return out
}

// translate adds the class of the engine to an error of the store.
func translate(err error) error {
	if class := classOf(err); class != nil && !errors.Is(err, class) {
		return fmt.Errorf("%w: %w", class, err)
	}
	return err
}

// classOf returns the sentinel of the engine for an error of a store or a record. It
// returns nil for any other error.
func classOf(err error) error {
	for _, c := range []struct{ inner, class error }{
		{ErrUnfinished, ErrUnfinished}, {ErrNotEmpty, ErrNotEmpty}, {ErrClosed, ErrClosed}, {ErrUnknownOutcome, ErrUnknownOutcome}, {ErrCorrupt, ErrCorrupt}, {ErrStorage, ErrStorage},
		{store.ErrClosed, ErrClosed}, {ErrReadOnly, ErrReadOnly}, {store.ErrReadOnly, ErrReadOnly}, {store.ErrCommitUnknown, ErrUnknownOutcome},
		{store.ErrCorrupt, ErrCorrupt}, {store.ErrNewer, ErrCorrupt}, {record.ErrCorrupt, ErrCorrupt}, {key.ErrForm, ErrCorrupt},
		{store.ErrConflict, ErrStorage}, {store.ErrNoSpace, ErrStorage}, {store.ErrTooLarge, ErrStorage},
		{store.ErrLocked, ErrStorage}, {store.ErrNotSupported, ErrStorage}, {store.ErrUnsaved, ErrStorage},
	} {
		if errors.Is(err, c.inner) {
			return c.class
		}
	}
	return nil
}

// storage adds ErrStorage to an error of the store that has no other class.
func storage(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, ErrClock), classOf(err) != nil:
		return err
	}
	return fmt.Errorf("%w: %w", ErrStorage, err)
}

// A batchError is the error of a batch in which every entry failed.
type batchError struct {
	causes []error
}

func (e *batchError) Error() string {
	text := e.causes[0].Error()
	if first, ok := errors.AsType[*Error](e.causes[0]); ok {
		text = fmt.Sprintf("user %s: %v", quote(string(first.User)), first.Err)
	}
	if len(e.causes) == 1 {
		return text
	}
	return fmt.Sprintf("none of %d succeeded; %s", len(e.causes), text)
}

func (e *batchError) Unwrap() []error { return e.causes }

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}
