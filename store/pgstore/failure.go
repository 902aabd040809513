package pgstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"groupkit/store"
)

// The codes of errors that the store tells apart.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	completionUnknown    = "40003"
	lockNotAvailable     = "55P03"
	undefinedTable       = "42P01"
	duplicateTable       = "42P07"
	duplicateObject      = "42710"
	uniqueViolation      = "23505"
	diskFull             = "53100"
	tooManyConnections   = "53300"
	limitExceeded        = "54000"
	idleInTransaction    = "25P03"
	adminShutdown        = "57P01"
	crashShutdown        = "57P02"
	cannotConnectNow     = "57P03"
	idleSession          = "57P05"
	dataCorrupted        = "XX001"
	indexCorrupted       = "XX002"
)

// errLost: the connection was lost before the commit began.
var errLost = errors.New("pgstore: the connection to the database is lost")

// codeOf returns the code of an error of the server, or "".
func codeOf(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

func hasCode(err error, codes ...string) bool {
	code := codeOf(err)
	return code != "" && slices.Contains(codes, code)
}

// isConflict reports whether other transactions are the cause of err.
func isConflict(err error) bool {
	return hasCode(err, serializationFailure, deadlockDetected, lockNotAvailable)
}

// isLost reports whether err means that the server has ended the connection, or can take none now.
func isLost(err error) bool {
	if code := codeOf(err); code != "" {
		return code[:2] == "08" || hasCode(err, tooManyConnections, idleInTransaction, adminShutdown, crashShutdown,
			cannotConnectNow, idleSession)
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	return connecting
}

// isNetwork reports whether err means that the connection is lost.
func isNetwork(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed)
}

// explain adds the error of package store that err means.
func explain(err error) error {
	for sentinel, codes := range map[error][]string{
		store.ErrConflict: {serializationFailure, deadlockDetected, lockNotAvailable},
		store.ErrNoSpace:  {diskFull},
		store.ErrTooLarge: {limitExceeded},
		store.ErrCorrupt:  {dataCorrupted, indexCorrupted},
	} {
		if hasCode(err, codes...) && !errors.Is(err, sentinel) {
			return fmt.Errorf("%w: %w", sentinel, err)
		}
	}
	return err
}

// failed returns the error of a statement before the commit. closed says whether the connection is.
func failed(ctx context.Context, err error, closed bool) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()) && !isConflict(err):
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	case ctx.Err() != nil && !isConflict(err):
		return err
	case isLost(err), closed && codeOf(err) == "":
		return fmt.Errorf("%w: %w", errLost, err)
	}
	return explain(err)
}

// uncommitted returns the error of a commit. A transaction that changes nothing can be run again.
// before says that the server has failed before it came to COMMIT: it answers in order, so a
// shutdown that it tells then means that nothing was committed.
func uncommitted(err error, changes, before bool) error {
	e, told := errors.AsType[*pgconn.PgError](err)
	switch {
	case told && e.Severity == "ERROR" && !hasCode(err, completionUnknown) && e.Code[:2] != "08":
		return explain(err)
	case !changes, pgconn.SafeToRetry(err), before && hasCode(err, adminShutdown, crashShutdown):
		return fmt.Errorf("%w: %w", errLost, err)
	}
	return fmt.Errorf("%w: %w", store.ErrCommitUnknown, err)
}

// again runs attempt again while it fails because of other transactions or a lost connection.
func again(ctx context.Context, retry store.Retry, attempt func() error) error {
	lost := false
	err := retry.Do(ctx, func() error {
		err := attempt()
		lost = errors.Is(err, errLost)
		if lost {
			return fmt.Errorf("%w: %w", store.ErrConflict, err)
		}
		return err
	})
	if e, ok := errors.AsType[*store.ConflictError](err); ok && lost {
		return errors.Join(fmt.Errorf("%d attempts: %w", e.Attempts, unwrapped(e.Last)), e.Ended)
	}
	return err
}

// unwrapped returns the error of an attempt without the mark that it can be made again.
func unwrapped(err error) error {
	if all, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // what again has wrapped
		return all.Unwrap()[1]
	}
	return err
}
