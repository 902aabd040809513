package groupkit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"groupkit/internal/record"
	"groupkit/store"
)

// contents is what an engine knows about the contents of shared files. The contents are in
// Blobs, apart from the records, so each can be replaced without the other: by a backup, by a
// new database, by the contents of another. What must hold:
//
//   - A content is removed only if this database has recorded that it goes (key.ToGo), and
//     only when that record is durable.
//   - Nothing is removed unless the contents are claimed: their mark names this database, and
//     a number that the database has reached. An older copy of the database has a lower one.
//   - Nothing is removed while somebody holds the contents; see hold.
//   - Before the mark gets a number, the database has it durably. Before the first content is
//     put, the mark is there.
type contents struct {
	claiming sync.Mutex
	owner    atomic.Int32 // an owner; changed only by who holds claiming
	holds    atomic.Int32 // of this engine

	mu      sync.Mutex
	removed []string      // removed, and still recorded as to go
	durable []string      // recorded durably, to be removed in the background
	left    []string      // of uploads of this engine that have ended, and may have left their reservations
	ready   chan struct{} // told when durable gets more
}

// The owners of the contents.
const (
	notCompared  = iota // the mark is missing, or was not read yet
	ownedByUs           // claimed
	ownedByOther        // foreign: the mark belongs to another database, or to a newer state of this one
)

func (c *contents) are(owner int32) bool { return c.owner.Load() == owner }

// contentsMark is the ID of the mark among the contents. No file has it.
const contentsMark = "groupkit-mark"

// claimContents makes sure that the contents belong to this database, and counts the opening
// up. Once that has succeeded it does nothing. If the mark is missing, it is written only if
// create is set. claimed is false if the contents are foreign, or if the mark is missing. With an
// error, claimed is false only if the contents are known to be foreign.
func (e *Engine) claimContents(ctx context.Context, create bool) (claimed bool, err error) {
	c := &e.contents
	if c.are(ownedByUs) {
		return true, nil
	}
	c.claiming.Lock()
	defer c.claiming.Unlock()
	if !c.are(notCompared) {
		return c.are(ownedByUs), nil
	}
	mark, found, err := readMark(ctx, e.blobs)
	if err != nil {
		return true, err
	}
	if !found && !create {
		return false, nil
	}
	if claimed, err = e.countOpening(ctx, mark, found); err != nil {
		return claimed, err
	}
	if !claimed {
		c.owner.Store(ownedByOther)
		e.logForeignContents()
		return false, nil
	}
	c.owner.Store(ownedByUs)
	if store.Exclusive(e.store) {
		if failed := store.Tidy(ctx, e.blobs); failed != nil { // the next opening tries again
			e.failed(TaskResume, failed)
		}
	}
	return true, nil
}

// countOpening compares the mark with the database. If the contents belong to it, the next
// number of the opening is written, otherwise a new history: the database is not the one that
// was in use last. On a shared store the first opening that finds this out begins the history for all, because
// others already use it.
func (e *Engine) countOpening(ctx context.Context, mark record.ContentsMark, found bool) (claimed bool, err error) {
	claimed = true
	before := e.presentHistory()
	id, err := e.renewIdentity(ctx, func(id *record.Identity) error {
		seen := string(mark.Encode())
		claimed = !found || isMarkOf(mark, id)
		switch {
		case claimed:
			id.Opening++
		case !e.shared:
			id.History = uuid.NewString()
		case id.Foreign != seen:
			id.History, id.Foreign = uuid.NewString(), seen
		}
		return nil
	})
	if err == nil && e.presentHistory() != before {
		e.logNewHistory(before, "the contents of files are newer than the database")
	}
	if err != nil || !claimed {
		return claimed, err
	}
	return true, writeMark(ctx, e.blobs, id)
}

// isMarkOf reports whether contents with the mark belong to the database.
func isMarkOf(mark record.ContentsMark, id *record.Identity) bool {
	return mark.Database == id.Database && mark.Opening <= id.Opening
}

// renewIdentity changes the identity durably.
func (e *Engine) renewIdentity(ctx context.Context, change func(*record.Identity) error) (id record.Identity, err error) {
	err = e.step(ctx, func(w store.Writer) error {
		return changeIdentity(w, func(i *record.Identity) error {
			err := change(i)
			id = *i
			return err
		})
	})
	if err == nil {
		e.knowIdentity(id)
		err = storage(store.Sync(ctx, e.store))
	}
	return id, err
}

// readMark reads the mark. One that cannot be decoded is a mark of nobody.
func readMark(ctx context.Context, blobs store.Blobs) (mark record.ContentsMark, found bool, err error) {
	r, err := blobs.Get(ctx, contentsMark)
	if errors.Is(err, store.ErrNoBlob) {
		return mark, false, nil
	}
	if err != nil {
		return mark, false, storage(err)
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, 1<<10))
	if err != nil {
		return mark, false, storage(err)
	}
	if mark, err = record.DecodeContentsMark(b); err != nil {
		mark = record.ContentsMark{}
	}
	return mark, true, nil
}

func writeMark(ctx context.Context, blobs store.Blobs, id record.Identity) error {
	mark := record.ContentsMark{Database: id.Database, Opening: id.Opening}
	return storage(blobs.Put(ctx, contentsMark, bytes.NewReader(mark.Encode())))
}
