package grouptest

import (
	"groupkit"
)

// Classes are all sentinels, with the class that each belongs to.
var Classes = map[error]error{
	groupkit.ErrGroupNotFound:      groupkit.ErrNotFound,
	groupkit.ErrUserNotFound:       groupkit.ErrNotFound,
	groupkit.ErrFileNotFound:       groupkit.ErrNotFound,
	groupkit.ErrRequestNotFound:    groupkit.ErrNotFound,
	groupkit.ErrInvitationNotFound: groupkit.ErrNotFound,
	groupkit.ErrNotMember:          groupkit.ErrForbidden,
	groupkit.ErrAlreadyMember:      groupkit.ErrForbidden,
	groupkit.ErrIsOwner:            groupkit.ErrForbidden,
	groupkit.ErrRoleTooLow:         groupkit.ErrForbidden,
	groupkit.ErrBlacklisted:        groupkit.ErrForbidden,
	groupkit.ErrMuted:              groupkit.ErrForbidden,
	groupkit.ErrGroupMuted:         groupkit.ErrForbidden,
	groupkit.ErrSystemOnly:         groupkit.ErrForbidden,
	groupkit.ErrNotAdmin:           groupkit.ErrForbidden,
	groupkit.ErrAlreadyAdmin:       groupkit.ErrForbidden,
	groupkit.ErrNotMuted:           groupkit.ErrForbidden,
	groupkit.ErrNotBlacklisted:     groupkit.ErrForbidden,
	groupkit.ErrNotAllowed:         groupkit.ErrForbidden,
	groupkit.ErrAlreadyAllowed:     groupkit.ErrForbidden,
	groupkit.ErrGroupFull:          groupkit.ErrLimit,
	groupkit.ErrTooManyAdmins:      groupkit.ErrLimit,
	groupkit.ErrTooManyGroups:      groupkit.ErrLimit,
	groupkit.ErrTooManyJoined:      groupkit.ErrLimit,
	groupkit.ErrBatchTooLarge:      groupkit.ErrLimit,
	groupkit.ErrFileTooLarge:       groupkit.ErrLimit,
	groupkit.ErrTooManyFiles:       groupkit.ErrLimit,
	groupkit.ErrTooManyRequests:    groupkit.ErrLimit,
	groupkit.ErrTooManyInvitations: groupkit.ErrLimit,
	groupkit.ErrListFull:           groupkit.ErrLimit,
	groupkit.ErrInvalid:            groupkit.ErrInvalid,
	groupkit.ErrVersion:            groupkit.ErrConflict,
	groupkit.ErrGroupExists:        groupkit.ErrConflict,
	groupkit.ErrKeyReused:          groupkit.ErrConflict,
	groupkit.ErrVetoed:             groupkit.ErrForbidden,
	groupkit.ErrNested:             groupkit.ErrNested,
	groupkit.ErrClosed:             groupkit.ErrClosed,
	groupkit.ErrCorrupt:            groupkit.ErrCorrupt,
	groupkit.ErrStorage:            groupkit.ErrStorage,
	groupkit.ErrUnknownOutcome:     groupkit.ErrUnknownOutcome,
}
