package pgstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"groupkit/store"
	"groupkit/store/internal/gate"
)

// A Blobs keeps the contents of shared files in the database of a Store: a store.Blobs.
//
// A content has a row, and its bytes are in chunks of their own. Put writes the chunks first, and
// the row, which makes them a content, at last. A large content that is deleted or replaced loses
// its row at once; its chunks stay for some time for those who read it. So do the chunks of a Put
// that a crash cut off. Both are called leftovers.
type Blobs struct {
	store      *Store
	statements *contentStatements
	gate       gate.Gate
	lifetime   time.Duration // how long a leftover stays that nobody uses

	mu      sync.Mutex
	removal *time.Timer // nil: no leftovers of this Blobs are waiting
	closed  bool
}

// chunkSize is the size of each chunk but the last. It is part of the format.
const chunkSize = 256 << 10

// leftoverLifetime is how long a leftover stays that nobody uses. Who uses one says so four times
// as often.
const leftoverLifetime = 10 * time.Minute

// contentStatements are the statements about contents. Times are those of the server. A leftover
// that was last used at the time 0 is being removed.
type contentStatements struct {
	open, chunk, list                         string
	addChunk, keep, touch, adopt              string
	dropChunks, retireSmall, retireLarge      string
	replace, remove                           string
	expired, condemn, removeChunks, removeRow string
}

func newContentStatements(app string) contentStatements {
	contents, chunks, leftovers := app+"_contents", app+"_chunks", app+"_leftovers"
	return contentStatements{
		open: "SELECT c.upload, c.size, k.data FROM " + contents + " c LEFT JOIN " + chunks + " k ON k.upload = c.upload AND k.place = 0 WHERE c.id = $1",
		chunk: "SELECT k.data, COALESCE(l.used < now() - $3 * interval '1 second', false) FROM (SELECT 1) AS one LEFT JOIN " + chunks +
			" k ON k.upload = $1 AND k.place = $2 LEFT JOIN " + leftovers + " l ON l.upload = $1",
		list: "SELECT id FROM " + contents + " WHERE id > $1 ORDER BY id LIMIT $2",

		addChunk: "INSERT INTO " + chunks + " (upload, place, data) VALUES ($1, $2, $3) ON CONFLICT (upload, place) DO NOTHING",
		keep: "INSERT INTO " + leftovers + " AS l (upload, id, used) VALUES ($1, $2, now()) ON CONFLICT (upload) DO UPDATE SET used = excluded.used " +
			"WHERE l.used > to_timestamp(0)",
		touch: "UPDATE " + leftovers + " SET used = now() WHERE upload = $1 AND used > to_timestamp(0)",
		adopt: "DELETE FROM " + leftovers + " WHERE upload = $1 AND used > to_timestamp(0)",

		dropChunks:  "DELETE FROM " + chunks + " WHERE upload = $1",
		retireSmall: "DELETE FROM " + chunks + " WHERE upload = (SELECT upload FROM " + contents + " WHERE id = $1 AND size <= $2)",
		retireLarge: "INSERT INTO " + leftovers + " (upload, id, used) SELECT upload, id, now() FROM " + contents + " WHERE id = $1 AND size > $2",
		replace: "INSERT INTO " + contents + " (id, upload, size) VALUES ($1, $2, $3) " +
			"ON CONFLICT (id) DO UPDATE SET upload = excluded.upload, size = excluded.size",
		remove: "DELETE FROM " + contents + " WHERE id = $1",

		expired:      "SELECT upload FROM " + leftovers + " WHERE used < now() - $1 * interval '1 second' AND (id = $2 OR $2 = '') LIMIT 100",
		condemn:      "UPDATE " + leftovers + " SET used = to_timestamp(0) WHERE upload = $1 AND used < now() - $2 * interval '1 second'",
		removeChunks: "DELETE FROM " + chunks + " WHERE upload = $1 AND place IN (SELECT place FROM " + chunks + " WHERE upload = $1 LIMIT 64)",
		removeRow:    "DELETE FROM " + leftovers + " WHERE upload = $1 AND used = to_timestamp(0)",
	}
}

// Blobs returns the contents of shared files in the database of s. It is closed apart from s, and
// before it. Its methods use the pool of s.
func (s *Store) Blobs() *Blobs {
	return &Blobs{store: s, statements: &s.statements.contents, lifetime: leftoverLifetime}
}

// call runs fn unless the Blobs is closed. fn is run again if the connection is lost, or if others
// change the same content.
func (b *Blobs) call(ctx context.Context, fn func() error) error {
	if err := b.gate.Enter(); err != nil {
		return err
	}
	defer b.gate.Leave()
	return b.store.call(ctx, fn)
}

// send sends statements, which are one transaction, in one round trip.
func (b *Blobs) send(ctx context.Context, queue func(*pgx.Batch)) error {
	batch := &pgx.Batch{}
	queue(batch)
	return b.failed(ctx, b.store.pool.SendBatch(ctx, batch).Close())
}

// sendAtomic sends statements in one transaction that conflicts with those that change the same
// content. It is sent again if its outcome is unknown.
func (b *Blobs) sendAtomic(ctx context.Context, queue func(*pgx.Batch)) error {
	return b.send(ctx, func(batch *pgx.Batch) {
		batch.Queue("BEGIN ISOLATION LEVEL REPEATABLE READ")
		queue(batch)
		batch.Queue("COMMIT")
	})
}

// changing is the kind of the transactions that change a content. Two that write the same row
// conflict.
var changing = pgx.TxOptions{IsoLevel: pgx.RepeatableRead}

// failed returns the error of a statement that can be run again.
func (b *Blobs) failed(ctx context.Context, err error) error {
	return failed(ctx, err, isNetwork(err))
}

// Get opens the content of id. Reading it fails when ctx ends. A content that is deleted or replaced
// can be read further, unless the reader rests for longer than 10 minutes.
func (b *Blobs) Get(ctx context.Context, id string) (io.ReadCloser, error) {
	if err := store.CheckBlobID(id); err != nil {
		return nil, err
	}
	c := &content{blobs: b, ctx: ctx}
	err := b.call(ctx, func() error {
		err := b.store.pool.QueryRow(ctx, b.statements.open, []byte(id)).Scan(&c.upload, &c.size, &c.chunk)
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("%w: %q", store.ErrNoBlob, id)
		}
		return b.failed(ctx, err)
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Delete removes the content of id. The bytes of a content that is larger than a chunk are gone 10
// minutes later.
func (b *Blobs) Delete(ctx context.Context, id string) error {
	if b.store.options.ReadOnly {
		return errReadOnly
	}
	if err := store.CheckBlobID(id); err != nil {
		return err
	}
	return b.call(ctx, func() error {
		err := b.sendAtomic(ctx, func(batch *pgx.Batch) {
			b.queueRetire(batch, id)
			batch.Queue(b.statements.remove, []byte(id))
		})
		if err != nil {
			return err
		}
		return b.removeLeftovers(ctx, id)
	})
}

// queueRetire removes the chunks of the content of id, or makes them leftovers.
func (b *Blobs) queueRetire(batch *pgx.Batch, id string) {
	batch.Queue(b.statements.retireSmall, []byte(id), chunkSize)
	batch.Queue(b.statements.retireLarge, []byte(id), chunkSize)
	b.removeLater()
}

// List returns a page of the IDs greater than after.
func (b *Blobs) List(ctx context.Context, after string, limit int) (ids []string, more bool, err error) {
	size := store.Range{Limit: limit}.PageSize()
	err = b.call(ctx, func() error {
		rows, err := b.store.pool.Query(ctx, b.statements.list, []byte(after), size+1)
		if err != nil {
			return b.failed(ctx, err)
		}
		ids, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
			var id []byte
			err := row.Scan(&id)
			return string(id), err
		})
		return b.failed(ctx, err)
	})
	if err != nil {
		return nil, false, err
	}
	return ids[:min(size, len(ids))], len(ids) > size, nil
}

// Close waits for the running calls. Contents that are open cannot be read any more.
func (b *Blobs) Close() error {
	b.mu.Lock()
	b.closed = true
	if b.removal != nil {
		b.removal.Stop()
	}
	b.mu.Unlock()
	b.gate.Close(func() {})
	return nil
}
