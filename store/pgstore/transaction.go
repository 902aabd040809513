package pgstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"groupkit/store"
)

// A transaction is one run of a function. It takes a connection, and begins, with the first
// statement. What it writes stays in its spaces until the commit, which writes everything and
// commits in one round trip.
type transaction struct {
	store *Store
	ctx   context.Context
	begin pgx.TxOptions

	conn   *pgxpool.Conn // nil before the first statement
	tx     pgx.Tx
	spaces map[string]*space
	give   func() // gives up the turns; nil: there are none

	claimed   [][]byte // keys to lock with the next read
	topics    []string
	number    uint64
	settled   uint64
	informed  bool // number and settled are known
	sql       bool // the application has used the connection
	oversized error
	failed    error // of the first statement that failed
}

// The two kinds of transactions. A View is not serializable in the sense of the database: it is one
// snapshot, which is all that a View promises, and so it never fails or disturbs a writer.
var (
	updating = pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadWrite}
	viewing  = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
)

func (s *Store) transaction(ctx context.Context, begin pgx.TxOptions) *transaction {
	return &transaction{store: s, ctx: ctx, begin: begin, spaces: make(map[string]*space, 1)}
}

// run sends the statements that queue adds, in one round trip. The first run begins the transaction.
func (t *transaction) run(queue func(*pgx.Batch)) error {
	if t.failed != nil {
		return t.failed
	}
	b := &pgx.Batch{}
	first := t.conn == nil
	if first {
		if err := t.connect(); err != nil {
			return err
		}
		t.queueBegin(b)
		if t.begin == updating && t.store.postgres {
			t.queueInform(b)
		}
	}
	queue(b)
	results := t.conn.SendBatch(t.ctx, b)
	err := results.Close()
	if first {
		t.tx = results.Tx()
	}
	return t.note(err)
}

// connect waits for the turns at the claimed keys, and for a connection.
func (t *transaction) connect() (err error) {
	keys := make([]string, len(t.claimed))
	for i, key := range t.claimed {
		keys[i] = string(key)
	}
	if len(keys) > 0 {
		if t.give, err = t.store.turns.take(t.ctx, keys); err != nil {
			return t.note(err)
		}
	}
	conn, err := t.store.pool.Acquire(t.ctx)
	if err != nil {
		return t.note(err)
	}
	t.conn = conn
	return nil
}

// note keeps the first error of a statement.
func (t *transaction) note(err error) error {
	if err == nil {
		return nil
	}
	closed := isNetwork(err) // the connection was lost while it was made
	if t.conn != nil {
		closed = t.conn.Conn().IsClosed()
	}
	err = failed(t.ctx, err, closed)
	if t.failed == nil {
		t.failed = err
	}
	return err
}

// queueBegin begins the transaction.
func (t *transaction) queueBegin(b *pgx.Batch) {
	b.BeginTx(t.begin)
	if t.store.settings != "" {
		b.Queue(t.store.settings)
	}
}

// queueInform asks for the number of the transaction and for the bound of the settled ones. A View
// has no number.
func (t *transaction) queueInform(b *pgx.Batch) {
	query := "SELECT pg_current_xact_id(), pg_snapshot_xmin(pg_current_snapshot())"
	if t.begin == viewing {
		query = "SELECT 0::text::xid8, pg_snapshot_xmin(pg_current_snapshot())"
	}
	b.Queue(query).QueryRow(func(row pgx.Row) error {
		t.informed = true
		return row.Scan(&t.number, &t.settled)
	})
}

// inform makes sure that number and settled are known.
func (t *transaction) inform() error {
	if !t.store.postgres {
		return store.ErrNotSupported
	}
	if t.informed {
		return t.failed
	}
	return t.run(func(b *pgx.Batch) {
		if t.begin == viewing { // an Update has asked with its first statement
			t.queueInform(b)
		}
	})
}

// The number of a transaction is its id in the cluster, below the epoch.
const (
	idBits   = 40
	maxEpoch = 255
)

// numbered returns the number of a transaction with the id.
func (s *Store) numbered(id uint64) (uint64, error) {
	if id >= 1<<idBits {
		return 0, fmt.Errorf("pgstore: the id %d of a transaction is too high (below %d)", id, uint64(1)<<idBits)
	}
	return s.epoch<<idBits | id, nil
}

// outcome returns what counts after a run of the function: an error that makes it run again counts
// more than what the function has returned.
func (t *transaction) outcome(err error) error {
	switch {
	case errors.Is(t.failed, store.ErrConflict), errors.Is(t.failed, errLost):
		return t.failed
	case err != nil:
		return err
	case t.oversized != nil:
		return t.oversized
	}
	return t.failed
}

// commit writes what is pending and commits, in one round trip.
func (t *transaction) commit() error {
	b := &pgx.Batch{}
	if t.conn == nil {
		if len(t.topics) == 0 && !t.writes() {
			return nil
		}
		if err := t.connect(); err != nil {
			return err
		}
		t.queueBegin(b)
	}
	begun := b.Len()
	for _, s := range t.spaces {
		s.queueWrites(b)
	}
	for _, topic := range t.topics {
		b.Queue("SELECT pg_notify($1, $2)", t.store.options.Name, encodeTopic(topic))
	}
	changes := t.sql || b.Len() > begun
	before := 0 // statements before COMMIT that have no result yet
	for _, query := range b.QueuedQueries[begun:] {
		before++
		query.Exec(func(pgconn.CommandTag) error { before--; return nil })
	}
	b.Queue("COMMIT").Exec(func(tag pgconn.CommandTag) error {
		if tag.String() != "COMMIT" {
			return fmt.Errorf("%w: COMMIT was answered with %s", errRolledBack, tag)
		}
		return nil
	})
	err := t.send(b)
	if err == nil || errors.Is(err, errRolledBack) || t.ctx.Err() == err { //nolint:errorlint // what send returns
		return err
	}
	return uncommitted(err, changes, before > 0)
}

// writes reports whether there is something to write.
func (t *transaction) writes() bool {
	for _, s := range t.spaces {
		if writes := s.Writes(); !writes.Empty() {
			return true
		}
	}
	return false
}

// errRolledBack: the database has rolled the transaction back instead of committing it.
var errRolledBack = errors.New("pgstore: rolled back, because a statement of the transaction failed")

// send sends the last statements. From here on the end of the context changes nothing.
func (t *transaction) send(b *pgx.Batch) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), t.store.options.CommitWait)
	defer cancel()
	return t.conn.SendBatch(ctx, b).Close()
}

// end ends the transaction. If it is still open, it is rolled back, for which the caller does not wait.
func (t *transaction) end() {
	for _, s := range t.spaces {
		s.End()
	}
	if t.give != nil {
		defer t.give()
	}
	if t.conn == nil {
		return
	}
	conn := t.conn.Conn().PgConn()
	if conn.IsClosed() || conn.TxStatus() == 'I' && !conn.IsBusy() {
		t.conn.Release()
		return
	}
	t.store.ending.Go(func() {
		defer t.conn.Release() // it closes a connection that is not in order
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, _ = conn.Exec(ctx, "ROLLBACK").ReadAll()
	})
}
