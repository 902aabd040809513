package pgstore

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"groupkit/store"
	"groupkit/store/internal/overlay"
)

// errOwn: the transaction belongs to the store.
var errOwn = errors.New("pgstore: Update commits the transaction, or rolls it back")

// SQL returns the transaction of the database that w belongs to, for the application's own SQL.
// It is committed with everything that w writes, or not at all. w is a Writer of this package: the
// one that Update gives, or a bucket of it. In Atomic of package groupkit:
//
//	eng.Atomic(ctx, func(tx *groupkit.Tx) error {
//		if _, err := tx.As("bob").Join(ctx, group); err != nil {
//			return err
//		}
//		bucket, err := tx.Bucket("app")
//		if err != nil {
//			return err
//		}
//		sql, err := pgstore.SQL(bucket)
//		if err != nil {
//			return err
//		}
//		_, err = sql.Exec(ctx, "INSERT INTO payments (who, cents) VALUES ($1, $2)", "bob", 500)
//		return err
//	})
//
// The transaction is serializable. Its function runs again after a conflict, whatever it has
// returned, so it must have no other effects. The SQL does not see what w has written so far:
// that is sent with the commit. After a statement has failed, the transaction can only be rolled
// back: return the error, or run the statement inside Begin, which makes a savepoint. Commit and
// Rollback return an error. Read or close all rows before the next call of w.
//
// Returns ErrNotSupported if w is of another store, and an error after the transaction.
func SQL(w store.Writer) (pgx.Tx, error) {
	var s *space
	switch w := w.(type) {
	case *space:
		s = w
	case bucket:
		s = w.space
	default:
		return nil, store.ErrNotSupported
	}
	if s.Ended() {
		return nil, overlay.Over()
	}
	t := s.rows.t
	if t.conn == nil {
		if err := t.run(func(*pgx.Batch) {}); err != nil {
			return nil, err
		}
	}
	t.sql = true
	return sqlTx{Tx: t.tx, t: t, space: s}, t.failed
}

// A sqlTx is the transaction as the application sees it. It notes each error: a conflict makes the
// function run again, even if the application drops the error.
type sqlTx struct {
	pgx.Tx
	t     *transaction
	space *space
	inner bool // a savepoint, which the application ends
}

// usable returns an error after the function has returned.
func (x sqlTx) usable() error {
	if x.space.Ended() {
		return overlay.Over()
	}
	return nil
}

// note keeps the error of a statement if it means that the function is to be run again.
func (x sqlTx) note(err error) error {
	if err == nil || x.space.Ended() || errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	again := failed(x.t.ctx, err, x.t.conn.Conn().IsClosed())
	if x.t.failed == nil && (errors.Is(again, store.ErrConflict) || errors.Is(again, errLost)) {
		x.t.failed = again
	}
	return err
}

// Begin makes a savepoint.
func (x sqlTx) Begin(ctx context.Context) (pgx.Tx, error) {
	if err := x.usable(); err != nil {
		return nil, err
	}
	tx, err := x.Tx.Begin(ctx)
	if err != nil {
		return nil, x.note(err)
	}
	return sqlTx{Tx: tx, t: x.t, space: x.space, inner: true}, nil
}

// Commit ends a savepoint.
func (x sqlTx) Commit(ctx context.Context) error {
	if !x.inner {
		return errOwn
	}
	return x.note(x.Tx.Commit(ctx))
}

// Rollback goes back to a savepoint.
func (x sqlTx) Rollback(ctx context.Context) error {
	if !x.inner {
		return errOwn
	}
	return x.note(x.Tx.Rollback(ctx))
}

// Exec runs a statement.
func (x sqlTx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if err := x.usable(); err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := x.Tx.Exec(ctx, sql, args...)
	return tag, x.note(err)
}

// Query runs a query.
func (x sqlTx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := x.usable(); err != nil {
		return nil, err
	}
	rows, err := x.Tx.Query(ctx, sql, args...)
	return sqlRows{rows, x}, x.note(err)
}

// QueryRow runs a query of one row.
func (x sqlTx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if err := x.usable(); err != nil {
		return sqlRow{err: err}
	}
	return sqlRow{row: x.Tx.QueryRow(ctx, sql, args...), x: x}
}

// CopyFrom copies rows into a table.
func (x sqlTx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, from pgx.CopyFromSource) (int64, error) {
	if err := x.usable(); err != nil {
		return 0, err
	}
	n, err := x.Tx.CopyFrom(ctx, table, columns, from)
	return n, x.note(err)
}

// SendBatch runs several statements in one round trip.
func (x sqlTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return sqlResults{x.Tx.SendBatch(ctx, b), x}
}

// Prepare prepares a statement.
func (x sqlTx) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	if err := x.usable(); err != nil {
		return nil, err
	}
	description, err := x.Tx.Prepare(ctx, name, sql)
	return description, x.note(err)
}

// sqlRows are rows that note their error.
type sqlRows struct {
	pgx.Rows
	x sqlTx
}

func (r sqlRows) Next() bool {
	next := r.Rows.Next()
	if !next {
		_ = r.x.note(r.Rows.Err())
	}
	return next
}

func (r sqlRows) Close() {
	r.Rows.Close()
	_ = r.x.note(r.Rows.Err())
}

// A sqlRow is a row that notes its error.
type sqlRow struct {
	row pgx.Row
	x   sqlTx
	err error
}

func (r sqlRow) Scan(into ...any) error {
	if r.err != nil {
		return r.err
	}
	return r.x.note(r.row.Scan(into...))
}

// sqlResults are the results of a batch, which note their errors.
type sqlResults struct {
	pgx.BatchResults
	x sqlTx
}

func (r sqlResults) Exec() (pgconn.CommandTag, error) {
	tag, err := r.BatchResults.Exec()
	return tag, r.x.note(err)
}

func (r sqlResults) Query() (pgx.Rows, error) {
	rows, err := r.BatchResults.Query()
	return sqlRows{rows, r.x}, r.x.note(err)
}

func (r sqlResults) QueryRow() pgx.Row { return sqlRow{row: r.BatchResults.QueryRow(), x: r.x} }

func (r sqlResults) Close() error { return r.x.note(r.BatchResults.Close()) }
