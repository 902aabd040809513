package groupkit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// The classes of errors. Every other sentinel is a member of one of them, and
// errors.Is matches the class as well as the member.
var (
	ErrNotFound  = errors.New("not found")        // the thing does not exist, or not for this actor
	ErrForbidden = errors.New("forbidden")        // the roles, or the state of a user, do not allow it
	ErrLimit     = errors.New("limit reached")    // a limit is reached; the cause is a *LimitError
	ErrInvalid   = errors.New("invalid argument") // bad input; the cause is a *FieldError
	ErrConflict  = errors.New("conflict")         // the world is not as the call assumed
	ErrStorage   = errors.New("storage failed")   // the store failed; nothing was changed
)

// The members of ErrNotFound.
var (
	ErrGroupNotFound      = member(ErrNotFound, "group not found")
	ErrUserNotFound       = member(ErrNotFound, "user not found")
	ErrFileNotFound       = member(ErrNotFound, "file not found")
	ErrRequestNotFound    = member(ErrNotFound, "no pending join request")
	ErrInvitationNotFound = member(ErrNotFound, "no pending invitation")
)

// The members of ErrForbidden.
var (
	ErrNotMember      = member(ErrForbidden, "not a member of the group")
	ErrAlreadyMember  = member(ErrForbidden, "already a member of the group")
	ErrOwner          = member(ErrForbidden, "not possible for the owner of the group")
	ErrRoleTooLow     = member(ErrForbidden, "the role is too low")
	ErrBlacklisted    = member(ErrForbidden, "on the blacklist of the group")
	ErrNotBlacklisted = member(ErrForbidden, "not on the blacklist of the group")
	ErrMuted          = member(ErrForbidden, "muted")
	ErrGroupMuted     = member(ErrForbidden, "the whole group is muted")
	ErrNotMuted       = member(ErrForbidden, "not muted")
	ErrAlreadyAdmin   = member(ErrForbidden, "already an admin of the group")
	ErrNotAdmin       = member(ErrForbidden, "not an admin of the group")
	ErrAlreadyAllowed = member(ErrForbidden, "already on the allow list of the group")
	ErrNotAllowed     = member(ErrForbidden, "not on the allow list of the group")
	ErrSystemOnly     = member(ErrForbidden, "reserved for the system")
	ErrVetoed         = member(ErrForbidden, "refused by the application")
)

// The members of ErrLimit.
var (
	ErrGroupFull          = member(ErrLimit, "group is full")
	ErrTooManyAdmins      = member(ErrLimit, "too many owners and admins in the group")
	ErrTooManyGroups      = member(ErrLimit, "too many groups in the app")
	ErrTooManyJoined      = member(ErrLimit, "user is in too many groups")
	ErrBatchTooLarge      = member(ErrLimit, "too many entries in one call")
	ErrFileTooLarge       = member(ErrLimit, "file is too large")
	ErrTooManyFiles       = member(ErrLimit, "too many shared files in the group")
	ErrTooManyRequests    = member(ErrLimit, "too many pending join requests in the group")
	ErrTooManyInvitations = member(ErrLimit, "too many pending invitations in the group")
	ErrListFull           = member(ErrLimit, "list is full")
)

// The members of ErrConflict.
var (
	ErrVersion     = member(ErrConflict, "the group has changed")
	ErrGroupExists = member(ErrConflict, "group id is taken")
	ErrKeyReused   = member(ErrConflict, "idempotency key was used for another call")
)

// Errors without a class.
var (
	ErrClosed  = errors.New("closed")
	ErrCorrupt = errors.New("stored data is damaged")

	// ErrNested: a call that cannot be made inside Atomic, or in a Guard.
	ErrNested = errors.New("not possible here: a transaction is under way")

	// ErrUnknownOutcome: the store lost the answer to a commit. The change may
	// have been made or not.
	ErrUnknownOutcome = errors.New("outcome is unknown")
)

// A sentinel is an error that belongs to a class.
type sentinel struct {
	class error
	text  string
}

func member(class error, text string) error { return &sentinel{class, text} }
func (s *sentinel) Error() string           { return s.text }
func (s *sentinel) Is(target error) bool    { return target == s.class }
func limited(sentinel error, max, value int) error {
	return &LimitError{sentinel, int64(value), int64(max)}
}

// An Error is what every call of the engine returns: what was attempted, on what,
// and why it did not happen. The cause matches one or more sentinels.
type Error struct {
	Op    Op      // the operation
	Group GroupID // the group concerned, if there is one
	User  UserID  // the user whom the refusal is about, if there is one: the actor or the target
	Err   error   // the cause
}

// Error says all of it in one line.
func (e *Error) Error() string {
	return string(e.Op) + ": " + e.subject() + e.Err.Error()
}

// subject names the user and the group concerned.
func (e *Error) subject() string {
	switch {
	case e.User != "" && e.Group != "":
		return fmt.Sprintf("user %q in group %q: ", string(e.User), string(e.Group))
	case e.User != "":
		return fmt.Sprintf("user %q: ", string(e.User))
	case e.Group != "":
		return fmt.Sprintf("group %q: ", string(e.Group))
	}
	return ""
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// A LimitError is a limit that a call would have broken.
type LimitError struct {
	Reason error // the sentinel
	Value  int64 // what there is, or what was asked for
	Max    int64 // the limit
}

// Error names the limit, the value and the maximum.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%v (%d of %d)", e.Reason, e.Value, e.Max)
}

// Unwrap returns the sentinel.
func (e *LimitError) Unwrap() error { return e.Reason }

// A FieldError is one argument that is not valid.
type FieldError struct {
	Field Field
	Why   string // names the value and what is allowed
}

// Error names the field and what is wrong with it.
func (e *FieldError) Error() string { return string(e.Field) + " " + e.Why }

// Is makes every FieldError match ErrInvalid.
func (e *FieldError) Is(target error) bool { return target == ErrInvalid }

func invalid(field Field, format string, args ...any) error {
	return &FieldError{field, fmt.Sprintf(format, args...)}
}

// fieldErrors are all that is wrong with the arguments of one call.
type fieldErrors []error

// joinFields is one error for those that are not nil; nil if there are none.
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

// FieldErrors returns everything in err that is wrong with arguments, in order.
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

// A MutedError says why a member may not speak. It matches ErrGroupMuted if the
// rule that decided is the mute of the whole group, ErrMuted if it is a mute of
// the user's own.
type MutedError struct {
	Whole bool      // the whole group is muted
	Until time.Time // the first instant at which, as things stand, the user may speak; zero if there is none
}

// Error says until when.
func (e *MutedError) Error() string {
	switch text := e.Unwrap().Error(); {
	case e.Until.IsZero():
		return text
	default:
		return text + " until " + e.Until.Format(time.RFC3339Nano)
	}
}

// Unwrap returns the sentinel.
func (e *MutedError) Unwrap() error {
	if e.Whole {
		return ErrGroupMuted
	}
	return ErrMuted
}

// A VersionError says that a group is not at the version that IfVersion gave. It
// matches ErrVersion.
type VersionError struct {
	Current, Want uint64
}

// Error names both versions.
func (e *VersionError) Error() string {
	return fmt.Sprintf("%v: it is at version %d, not %d", ErrVersion, e.Current, e.Want)
}

// Unwrap returns the sentinel.
func (e *VersionError) Unwrap() error { return ErrVersion }

// about is a refusal that concerns one user.
func about(user UserID, err error) error { return &Error{User: user, Err: err} }

// wrap gives an error of the inside the form that callers see.
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

// translate gives an error of the store its place among the errors of the engine.
func translate(err error) error {
	if class := classOf(err); class != nil && !errors.Is(err, class) {
		return fmt.Errorf("%w: %w", class, err)
	}
	return err
}

// classOf is the sentinel of the engine for an error of a store or a record; nil for
// any other.
func classOf(err error) error {
	for _, c := range []struct{ inner, class error }{
		{ErrClosed, ErrClosed}, {ErrUnknownOutcome, ErrUnknownOutcome}, {ErrCorrupt, ErrCorrupt}, {ErrStorage, ErrStorage},
		{store.ErrClosed, ErrClosed}, {store.ErrCommitUnknown, ErrUnknownOutcome},
		{store.ErrCorrupt, ErrCorrupt}, {store.ErrNewer, ErrCorrupt}, {record.ErrCorrupt, ErrCorrupt}, {key.ErrForm, ErrCorrupt},
		{store.ErrConflict, ErrStorage}, {store.ErrNoSpace, ErrStorage}, {store.ErrTooLarge, ErrStorage},
		{store.ErrLocked, ErrStorage}, {store.ErrNotSupported, ErrStorage},
	} {
		if errors.Is(err, c.inner) {
			return c.class
		}
	}
	return nil
}

// storage marks an error of the store that nothing above knows by name.
func storage(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), classOf(err) != nil:
		return err
	}
	return fmt.Errorf("%w: %w", ErrStorage, err)
}

// batchError is the failure of a batch in which every entry failed.
type batchError struct {
	causes []error
}

func (e *batchError) Error() string {
	text := e.causes[0].Error()
	if first, ok := errors.AsType[*Error](e.causes[0]); ok {
		text = fmt.Sprintf("user %q: %v", string(first.User), first.Err)
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
