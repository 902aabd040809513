package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// The statements of a join as one writes it who does not press it into one statement: read under
// locks, decide, write. Each of the two batches is one round trip.
const (
	lockGroup   = `SELECT members, max_users, members_only, version FROM groups WHERE id = $1 FOR UPDATE`
	lockUser    = `SELECT groups FROM users WHERE id = $1 FOR UPDATE`
	findMember  = `SELECT role FROM standings WHERE group_id = $1 AND user_id = $2`
	growGroup   = `UPDATE groups SET members = members + 1, version = version + 1, modified = $2 WHERE id = $1`
	enterGroup  = `INSERT INTO standings VALUES ($1, $2, 1, $3, 0)`
	countUser   = `INSERT INTO users VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET groups = users.groups + 1`
	recordEvent = `INSERT INTO events VALUES ($1, $2, $3)`
	indexEvent  = `INSERT INTO commits VALUES (pg_current_xact_id()::text::bigint, $1, $2)`
)

// A locking is PostgreSQL with joins that are transactions of several statements. It reads what
// groupkit reads, and writes the same records: the group, the membership with its index by
// user, the user's count, the event, and the index of events in the order of their commits.
type locking struct{ *postgres }

func (l locking) join(group, user int) (err error) {
	ctx, id, name, now := context.Background(), string(l.app.group(group)), string(l.app.user(user)), time.Now().UnixMilli()
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // closes a connection whose transaction is still open
	var members, most, groups, version int
	var closed, known bool
	reads := &pgx.Batch{}
	reads.Queue("BEGIN")
	reads.Queue(lockGroup, id).QueryRow(func(row pgx.Row) error { return row.Scan(&members, &most, &closed, &version) })
	reads.Queue(lockUser, name).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&groups}, func() error { return nil })
		return err
	})
	reads.Queue(findMember, id, name).Query(func(rows pgx.Rows) error {
		known = rows.Next()
		rows.Close()
		return rows.Err()
	})
	if err := conn.SendBatch(ctx, reads).Close(); err != nil {
		return err
	}
	if known || closed || members >= most || groups >= 500 {
		return errRefused
	}
	writes := &pgx.Batch{}
	writes.Queue(growGroup, id, now)
	writes.Queue(enterGroup, id, name, now)
	writes.Queue(countUser, name)
	writes.Queue(recordEvent, id, version+1, rawCall(name, now))
	writes.Queue(indexEvent, id, version+1)
	writes.Queue("COMMIT")
	return conn.SendBatch(ctx, writes).Close()
}
