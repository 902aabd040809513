package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
	"groupkit/store"
)

// The exit codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitRefused     = 4
	exitDamaged     = 5
	exitHeld        = 6
	exitStorage     = 7
	exitInterrupted = 130
)

const exitCodes = `  0    done
  1    failed
  2    the command line is wrong; nothing was changed
  3    the database, the group, the user, the request or the file does
       not exist
  4    refused: by a rule of the groups, a limit, a value that is not valid, or
       an answer of no; of many users, some were refused, the others are done
  5    something is damaged, or of another version
  6    another process has the database
  7    the storage failed: no space, no permission, no connection; or it did not
       answer, and whether the change was made is not known
  130  interrupted; what runs long says how to go on`

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{Use: "exit-codes", Short: "Exit codes of all commands", Long: "The exit codes are:\n\n" + exitCodes}
}

// A usageError says what is wrong with the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// A hinted error says what to do next.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

// hint adds what to do next to an error.
func hint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return hinted{err, fmt.Sprintf(format, args...)}
}

// An exitError is an error with an exit code of its own.
type exitError struct {
	error
	code int
}

func (e exitError) Unwrap() error { return e.error }

// fail tells of the error of a command and returns the exit code.
func (c *cli) fail(cmd *cobra.Command, err error) int {
	code := exitCode(err)
	if file, ok := errors.AsType[*fs.PathError](err); ok && errors.Is(file, syscall.EPIPE) { // who reads the answer has enough; a socket has another error
		return exitFailed
	}
	text := strings.TrimPrefix(err.Error(), "groupctl: ")
	c.note("%s %s", c.err.Paint(term.Red, "groupctl:"), cleanLines(text))
	if h, ok := errors.AsType[hinted](err); ok {
		c.note("%s", h.hint)
	} else if text := advice(err); text != "" {
		c.note("%s", text)
	} else if code == exitUsage {
		c.note("%q shows how.", cmd.CommandPath()+" --help")
	}
	return code
}

func cleanLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = term.Clean(line)
	}
	return strings.Join(lines, "\n")
}

// exitCode returns the exit code of an error.
func exitCode(err error) int {
	if own, ok := errors.AsType[exitError](err); ok {
		return own.code
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	for _, class := range []struct {
		is   error
		code int
	}{
		{context.Canceled, exitInterrupted},
		{store.ErrLocked, exitHeld},
		{groupkit.ErrCorrupt, exitDamaged}, {store.ErrCorrupt, exitDamaged}, {store.ErrOlder, exitDamaged}, {store.ErrNewer, exitDamaged}, {groupkit.ErrUnfinished, exitDamaged},
		{groupkit.ErrNotFound, exitNotFound}, {fs.ErrNotExist, exitNotFound},
		{groupkit.ErrStorage, exitStorage}, {groupkit.ErrUnknownOutcome, exitStorage}, {errNoSpace, exitStorage}, {fs.ErrPermission, exitStorage},
		{groupkit.ErrForbidden, exitRefused}, {groupkit.ErrLimit, exitRefused}, {groupkit.ErrConflict, exitRefused},
		{groupkit.ErrInvalid, exitRefused}, {errStopped, exitRefused}, {fs.ErrExist, exitRefused},
	} {
		if is(err, class.is) {
			return class.code
		}
	}
	return exitFailed
}

// errNoSpace is for is alone: the store or the system says that no more can be written.
var errNoSpace = errors.New("no space left")

// is reports whether an error is another one, or of its kind.
func is(err, other error) bool {
	if other != errNoSpace {
		return errors.Is(err, other)
	}
	return slices.ContainsFunc([]error{store.ErrNoSpace, syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}, func(full error) bool { return errors.Is(err, full) })
}
