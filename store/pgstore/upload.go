package pgstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"groupkit/store"
)

// errExpired: the chunks of a Put were removed, because it had written nothing for too long.
var errExpired = errors.New("pgstore: the upload was taken for one that a crash cut off")

// An upload is a Put that is running.
type upload struct {
	blobs *Blobs
	id    string
	name  []byte // of its chunks
	size  int64
	place int64 // of the next chunk
}

// Put stores all bytes of r under id. It keeps one chunk in memory. Returns ErrCommitUnknown if the
// connection was lost in the end; then id has the earlier content or the new one.
func (b *Blobs) Put(ctx context.Context, id string, r io.Reader) error {
	if b.store.options.ReadOnly {
		return errReadOnly
	}
	if err := store.CheckBlobID(id); err != nil {
		return err
	}
	if err := b.gate.Enter(); err != nil {
		return err
	}
	defer b.gate.Leave()
	u := &upload{blobs: b, id: id, name: make([]byte, 16)}
	_, _ = rand.Read(u.name) // it never fails
	buffer := make([]byte, chunkSize)
	n, end, err := fill(ctx, r, buffer)
	if err != nil {
		return err
	}
	if end {
		return u.small(ctx, buffer[:n])
	}
	return u.large(ctx, r, buffer)
}

// large stores a content of several chunks, of which the first one is in the buffer.
func (u *upload) large(ctx context.Context, r io.Reader, buffer []byte) error {
	whole := false
	defer func() {
		if !whole { // also if r panics
			u.drop(ctx)
		}
	}()
	if err := u.addAll(ctx, r, buffer); err != nil {
		return err
	}
	err := u.finish(ctx)
	whole = err == nil || errors.Is(err, store.ErrCommitUnknown)
	return err
}

// addAll stores all chunks.
func (u *upload) addAll(ctx context.Context, r io.Reader, buffer []byte) error {
	defer u.stayAlive(ctx)()
	for n, end := len(buffer), false; ; {
		if n > 0 {
			if err := u.add(ctx, buffer[:n]); err != nil {
				return err
			}
		}
		if end {
			return nil
		}
		var err error
		if n, end, err = fill(ctx, r, buffer); err != nil {
			return err
		}
	}
}

// fill reads until the buffer is full, or r has ended.
func fill(ctx context.Context, r io.Reader, buffer []byte) (n int, end bool, err error) {
	for n < len(buffer) {
		if err := ctx.Err(); err != nil {
			return 0, false, err
		}
		m, err := r.Read(buffer[n:])
		n += m
		if err == io.EOF { //nolint:errorlint // what a Reader returns at its end
			return n, true, nil
		}
		if err != nil {
			return 0, false, err
		}
	}
	return n, false, nil
}

// add stores the next chunk, and says that the upload is alive.
func (u *upload) add(ctx context.Context, data []byte) error {
	b := u.blobs
	err := b.store.call(ctx, func() error {
		return b.send(ctx, func(batch *pgx.Batch) {
			batch.Queue(b.statements.keep, u.name, []byte(u.id))
			batch.Queue(b.statements.addChunk, u.name, u.place, data)
		})
	})
	u.place++
	u.size += int64(len(data))
	return err
}

// small stores a content of one chunk.
func (u *upload) small(ctx context.Context, data []byte) error {
	b := u.blobs
	return b.store.call(ctx, func() error {
		return b.sendAtomic(ctx, func(batch *pgx.Batch) {
			b.queueRetire(batch, u.id)
			batch.Queue(b.statements.addChunk, u.name, 0, data)
			batch.Queue(b.statements.replace, []byte(u.id), u.name, len(data))
		})
	})
}

// finish makes the chunks the content of the ID.
func (u *upload) finish(ctx context.Context) error {
	return u.blobs.store.call(ctx, func() error {
		tx, err := u.blobs.store.pool.BeginTx(ctx, changing)
		if err != nil {
			return u.blobs.failed(ctx, err)
		}
		defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
		if err := u.adopt(ctx, tx); err != nil {
			return u.blobs.failed(ctx, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), u.blobs.store.options.CommitWait)
		defer cancel()
		if err := tx.Commit(ctx); err != nil {
			return uncommitted(err, true, false)
		}
		return nil
	})
}

// adopt makes the chunks, which are leftovers so far, a content.
func (u *upload) adopt(ctx context.Context, tx pgx.Tx) error {
	b, batch := u.blobs, &pgx.Batch{}
	b.queueRetire(batch, u.id)
	batch.Queue(b.statements.adopt, u.name).Exec(func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() != 1 {
			return errExpired
		}
		return nil
	})
	batch.Queue(b.statements.replace, []byte(u.id), u.name, u.size)
	return tx.SendBatch(ctx, batch).Close()
}

// stayAlive says from time to time that the upload is alive, also while its reader waits.
func (u *upload) stayAlive(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(u.blobs.lifetime / 4)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C: // what fails here is tried again with the next tick
				_ = u.blobs.send(ctx, func(b *pgx.Batch) { b.Queue(u.blobs.statements.touch, u.name) })
			}
		}
	}()
	return func() { cancel(); <-done }
}

// drop removes the chunks of an upload that failed. If it fails as well, they are leftovers.
func (u *upload) drop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_ = u.blobs.send(ctx, func(b *pgx.Batch) {
		b.Queue(u.blobs.statements.dropChunks, u.name)
		b.Queue(u.blobs.statements.adopt, u.name)
	})
}

// Tidy removes the leftovers that nobody has used for 10 minutes. It disturbs no Put and no reader,
// of no process.
func (b *Blobs) Tidy(ctx context.Context) error {
	if b.store.options.ReadOnly {
		return errReadOnly
	}
	return b.call(ctx, func() error { return b.removeLeftovers(ctx, "") })
}

// removeLeftovers removes the leftovers of id, or all if id is "", that nobody has used for their
// lifetime.
func (b *Blobs) removeLeftovers(ctx context.Context, id string) error {
	for {
		rows, err := b.store.pool.Query(ctx, b.statements.expired, b.lifetime.Seconds(), []byte(id))
		if err != nil {
			return b.failed(ctx, err)
		}
		uploads, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		if err != nil || len(uploads) == 0 {
			return b.failed(ctx, err)
		}
		for _, upload := range uploads {
			if err := b.removeLeftover(ctx, upload); err != nil {
				return fmt.Errorf("remove what is left of an upload: %w", err)
			}
		}
	}
}

// removeLeftover removes the chunks of a leftover in steps. From the first one on nobody can use it.
func (b *Blobs) removeLeftover(ctx context.Context, upload []byte) error {
	if _, err := b.store.pool.Exec(ctx, b.statements.condemn, upload, b.lifetime.Seconds()); err != nil {
		return b.failed(ctx, err)
	}
	for {
		tag, err := b.store.pool.Exec(ctx, b.statements.removeChunks, upload)
		if err != nil {
			return b.failed(ctx, err)
		}
		if tag.RowsAffected() == 0 {
			break
		}
	}
	_, err := b.store.pool.Exec(ctx, b.statements.removeRow, upload)
	return b.failed(ctx, err)
}

// removeLater removes leftovers when those that are made now have had their time.
func (b *Blobs) removeLater() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.removal != nil || b.closed {
		return
	}
	b.removal = time.AfterFunc(b.lifetime+time.Minute, func() {
		b.mu.Lock()
		b.removal = nil
		b.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		_ = b.Tidy(ctx) // what is left then is removed by the next one
	})
}
