package groupkit

import (
	"context"
	"errors"
	"fmt"
	"io"

	"groupkit/internal/archive"
	"groupkit/internal/record"
	"groupkit/store"
)

// The operation of Copy.
const OpCopy Op = "copy"

// CopyOptions are the options of [Engine.Copy]. The zero value is valid.
type CopyOptions struct {
	// Progress is called after each step, on the goroutine of the call, with what is written. Default: not called.
	Progress func(Transfer)
}

// Copy copies everything into another store and other contents, which are empty, while the engine is in use: all groups, deleted
// ones and results of Once included, the buckets of the application, and the contents of shared files, as of one instant. The
// stores can be of any kind: from a bbolt file to PostgreSQL, for example, and back. At the end Copy reads
// everything again and compares it. Until it has finished no engine opens the new store: it returns ErrUnfinished. If Copy is
// interrupted, call it again with the same store and contents: it goes on, and also brings what has changed since.
//
// The copy is a database of its own, with a history of its own, as after [Restore]. What changes in the original after Copy
// has begun is not in the copy: to move, stop all changes first. s and blobs stay open. The transaction in
// which the records are read lasts until they are written. The memory needed does not depend on the size of the store,
// but for about 80 bytes for each shared file.
//
// If records or contents are damaged, the rest is copied. The copy is finished and can be used; Copy returns an error that
// matches ErrCorrupt, and lists the contents in Transfer.Damaged. If a store does not return what was written, the error matches
// ErrCorrupt too, but the copy is not finished: New refuses it.
//
// Returns ErrInvalid if s or blobs is nil, ErrNotEmpty if something is there that an interrupted Copy of this database has not
// left, ErrConflict if another call copies into s, ErrStorage if a store fails, ErrNested inside Atomic.
func (e *Engine) Copy(ctx context.Context, s store.Store, blobs store.Blobs, opts CopyOptions) (done Transfer, err error) {
	err = e.observe(ctx, CallInfo{Op: OpCopy}, func(*span) (err error) {
		done, err = e.copy(ctx, s, blobs, opts)
		return err
	})
	return done, err
}

func (e *Engine) copy(ctx context.Context, s store.Store, blobs store.Blobs, opts CopyOptions) (Transfer, error) {
	err := e.usable()
	switch {
	case err != nil:
	case isNil(s):
		err = invalid("store", "is nil")
	case isNil(blobs):
		err = invalid("blobs", "is nil")
	}
	if err != nil {
		return Transfer{}, wrap(OpCopy, "", err)
	}
	done, err := e.copyTo(ctx, s, blobs, opts)
	return done, wrap(OpCopy, "", err)
}

func (e *Engine) copyTo(ctx context.Context, s store.Store, blobs store.Blobs, opts CopyOptions) (Transfer, error) {
	var id record.Identity
	err := e.view(ctx, func(r store.Reader) (err error) {
		id, _, err = loadIdentity(r)
		return err
	})
	if err != nil {
		return Transfer{}, err
	}
	f, err := begin(ctx, s, blobs, fmt.Sprintf("database %s", id.Database))
	if err != nil {
		return Transfer{}, err
	}
	if opts.Progress != nil {
		f.wrote = func() { opts.Progress(f.done) }
	}
	held, h, err := e.holdContents(ctx)
	if err != nil {
		return f.done, err
	}
	defer h.end(ctx)
	c := copying{filling: f, eng: e}
	if err := c.copyRecords(held); err != nil {
		return f.done, err
	}
	if err := c.copyContents(held); err != nil {
		return f.done, err
	}
	if err := h.check(held); err != nil {
		return f.done, err
	}
	f.done.BrokenRecords = c.records.broken
	if err := f.finish(ctx, format); err != nil {
		return f.done, err
	}
	return f.done, f.done.damage("the copy")
}

// A copying is a call of Copy.
type copying struct {
	*filling
	eng     *Engine
	records *carried
}

// copyRecords copies the records of a snapshot, and compares.
func (c *copying) copyRecords(ctx context.Context) error {
	return unwrapCallerError(c.eng.store.View(ctx, func(r store.Reader) error {
		c.records = newCarried(pairsIn(ctx, r).next)
		if err := c.equal(ctx, c.records.next); err != nil {
			return markCallerError(err)
		}
		again := newCarried(pairsIn(ctx, r).next)
		return markCallerError(archive.Diff(again.next, pairsOf(ctx, c.store).next, func(e archive.Entry) error {
			return corrupt("one of the stores does not return what was written: %s, key %x", describe(e), e.Key)
		}))
	}))
}

// copyContents copies the contents, and compares.
func (c *copying) copyContents(ctx context.Context) error {
	c.records.sorted()
	for n := range c.records.files {
		if err := c.copyContent(ctx, &c.records.files[n]); err != nil {
			return err
		}
	}
	return c.removeOthers(ctx, c.records)
}

func (c *copying) copyContent(ctx context.Context, file *listedFile) error {
	content := c.records.contentOf(file)
	there, err := c.isWhole(ctx, content, file)
	if err != nil || there {
		return err
	}
	r, err := openStored(ctx, c.eng.blobs, content)
	if err == nil {
		err = errors.Join(c.putContent(ctx, content, file, r), r.Close())
	}
	if problem := problemOf(err); problem != "" {
		return c.miss(ctx, file, problem)
	}
	if err != nil {
		return storage(err)
	}
	if there, err = c.isWhole(ctx, content, file); err == nil && !there {
		err = corrupt("the contents do not return what was written: %s", quote(content))
	}
	return err
}

// isWhole reads a content that is there, and reports whether it is that of the file.
func (c *copying) isWhole(ctx context.Context, content string, file *listedFile) (bool, error) {
	r, err := openStored(ctx, c.blobs, content)
	if err == nil {
		_, err = io.Copy(io.Discard, newVerifying(r, file))
		err = errors.Join(err, r.Close())
	}
	if problemOf(err) != "" {
		return false, nil
	}
	return err == nil, storage(err)
}
