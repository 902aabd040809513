package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store"
)

func TestExitCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		code int
	}{
		{errors.New("any"), 1},
		{groupkit.ErrClock, 1}, {groupkit.ErrReadOnly, 1}, {groupkit.ErrClosed, 1}, {context.DeadlineExceeded, 1},
		{usage("wrong"), 2}, {usage("wrong: %w", groupkit.ErrNotFound), 2},
		{groupkit.ErrGroupNotFound, 3}, {groupkit.ErrUserNotFound, 3}, {groupkit.ErrFileNotFound, 3}, {groupkit.ErrRequestNotFound, 3},
		{groupkit.ErrInvitationNotFound, 3}, {groupkit.ErrContentAbsent, 3}, {fs.ErrNotExist, 3}, {&os.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}, 3},
		{groupkit.ErrNotMember, 4}, {groupkit.ErrRoleTooLow, 4}, {groupkit.ErrBlacklisted, 4}, {groupkit.ErrVetoed, 4}, {groupkit.ErrSystemOnly, 4},
		{groupkit.ErrGroupFull, 4}, {groupkit.ErrBatchTooLarge, 4}, {groupkit.ErrFileTooLarge, 4},
		{groupkit.ErrInvalid, 4}, {&groupkit.FieldError{Field: groupkit.FieldName, Why: "is empty"}, 4},
		{groupkit.ErrVersion, 4}, {groupkit.ErrGroupExists, 4}, {groupkit.ErrKeyReused, 4}, {groupkit.ErrNotEmpty, 4}, {groupkit.ErrForeignContents, 4},
		{errStopped, 4}, {fs.ErrExist, 4},
		{groupkit.ErrCorrupt, 5}, {store.ErrCorrupt, 5}, {store.ErrOlder, 5}, {store.ErrNewer, 5}, {groupkit.ErrUnfinished, 5},
		{fmt.Errorf("%w: %w", groupkit.ErrStorage, store.ErrLocked), 6}, {store.ErrLocked, 6},
		{groupkit.ErrStorage, 7}, {fmt.Errorf("%w: %w", groupkit.ErrStorage, store.ErrNoSpace), 7}, {syscall.ENOSPC, 7}, {fs.ErrPermission, 7}, {groupkit.ErrUnknownOutcome, 7},
		{context.Canceled, 130}, {fmt.Errorf("%w: %w", groupkit.ErrStorage, context.Canceled), 130}, {interrupted{errStopped}, 130},
		{exitError{groupkit.ErrStorage, 42}, 42}, {hint(groupkit.ErrGroupFull, "make room"), 4},
		{&groupkit.Error{Op: groupkit.OpAddMembers, Err: &groupkit.LimitError{Err: groupkit.ErrGroupFull, Value: 1, Max: 1}}, 4},
	} {
		require.Equal(t, c.code, exitCode(c.err), "%v", c.err)
	}
}
