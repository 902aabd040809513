package groupkit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// The operation of an upload.
const OpUploadFile Op = "upload file"

// UploadFile reads a file from r to its end and shares it in the group. The content is
// durable before the group lists the file, so a listed file can always be read whole. An
// upload that fails shares no file. Its content is removed at once, or, after a crash, when
// the engine is opened the next time.
//
// Allowed: owner, admin, member, system. This is checked again when the content is stored:
// a user who was removed during the upload shares no file.
// Returns ErrInvalid if name is not a base name of 1 to 255 characters, ErrFileTooLarge if
// the content has more than Limits.FileSize bytes (10 MiB by default), ErrTooManyFiles if
// the group has Limits.Files files, ErrNested inside Atomic. An error of r is the cause of
// the returned error.
func (a Actor) UploadFile(ctx context.Context, group GroupID, name string, r io.Reader) (File, error) {
	cmd := Command{Group: group, Text: name}
	if a.tx != nil {
		return File{}, wrap(OpUploadFile, group, ErrNested)
	}
	began := a.eng.now() // one time for the ID and the file, because the ID orders the list
	id, err := newUUID(began)
	if err != nil {
		return File{}, wrap(OpUploadFile, group, err)
	}
	content := key.Content(string(group), id)
	file := &record.File{ID: string(id[:]), Name: name, Owner: string(a.user), Created: began}
	out, err := a.change(ctx, a.eng.reserveVerb(content), cmd)
	if err != nil || out.repeated || a.mode == dryRun {
		return out.file, err
	}
	shared := false
	defer func() { // also if r panics
		if !shared {
			a.eng.release(context.WithoutCancel(ctx), content)
		}
	}()
	if err := a.eng.putContent(ctx, content, r, file); err != nil {
		return File{}, wrap(OpUploadFile, group, err)
	}
	cmd.content = content
	out, err = a.change(ctx, addFileVerb(file), cmd)
	// After an unknown outcome the group may list the file, so its content must stay.
	shared = err == nil && !out.repeated || errors.Is(err, ErrUnknownOutcome)
	return out.file, err
}

// reserveVerb returns the first half of an upload. It checks the call and reserves the
// content, so that sweepContents does not remove it before a file lists it.
func (e *Engine) reserveVerb(content string) verb {
	return verb{
		op: OpUploadFile, action: useFiles, keepNothing: true,
		check: func(_ *Limits, c *Command) error { return checkFileName(c.Text) },
		rule:  (*change).refuseTooManyFiles,
		also: func(c *change) []store.Pair {
			return []store.Pair{{Key: key.Upload(content), Value: (&record.Upload{Process: e.id, At: c.now}).Encode()}}
		},
	}
}

// addFileVerb returns the second half of an upload. It adds the file, whose content is
// stored now, and ends the reservation.
func addFileVerb(file *record.File) verb {
	return verb{
		op: OpUploadFile, action: useFiles, guarded: true, needs: needs{reserved: true},
		rule: func(c *change) error { return c.addFile(file) },
		also: func(c *change) []store.Pair { return []store.Pair{{Key: key.Upload(c.cmd.content)}} },
	}
}

func (c *change) refuseTooManyFiles() error {
	if c.head.Files >= c.limits.Files {
		return limited(ErrTooManyFiles, c.limits.Files, c.head.Files)
	}
	return nil
}

func (c *change) addFile(file *record.File) error {
	if err := c.refuseTooManyFiles(); err != nil {
		return err
	}
	if !c.loaded.reserved {
		return fmt.Errorf("%w: upload expired after %v", ErrStorage, uploadLife)
	}
	made := *file
	c.recordEvent(record.Event{Kind: uint8(FileAdded), File: &made})
	c.reply.file = publicFile(&made)
	return nil
}

// putContent stores the content that r yields and sets the size and hash of the file. It
// ends with ErrClosed when the engine closes, and with the error of ctx, also while r blocks.
func (e *Engine) putContent(ctx context.Context, content string, r io.Reader, file *record.File) error {
	m := &meter{r: newInterruptible(ctx, e.background, r), hash: sha256.New(), most: e.limits.FileSize}
	if err := e.blobs.Put(ctx, content, m); err != nil {
		if m.err != nil {
			return err
		}
		return storage(err)
	}
	file.Size, file.SHA256 = m.size, string(m.hash.Sum(nil))
	return nil
}

// release removes the content and the reservation of an upload that failed. Errors are
// ignored: the next opening of the engine removes the rest.
func (e *Engine) release(ctx context.Context, content string) {
	if e.blobs.Delete(ctx, content) == nil {
		_ = e.update(ctx, func(w store.Writer) error { return w.Delete(key.Upload(content)) })
	}
}

// A meter counts and hashes the bytes that are read through it. It returns ErrFileTooLarge
// after more than most bytes.
type meter struct {
	r    io.Reader
	hash hash.Hash
	size int64
	most int64
	idle int   // how many times in a row r returned neither bytes nor an error
	err  error // the error of r, ErrFileTooLarge, or io.ErrNoProgress
}

// maxIdle is how many times in a row a reader may return nothing, as in package bufio.
const maxIdle = 100

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p[:min(int64(len(p)), max(m.most-m.size, 0)+1)])
	m.size += int64(n)
	m.hash.Write(p[:n])
	if m.idle++; n > 0 || len(p) == 0 {
		m.idle = 0
	}
	if m.idle >= maxIdle && err == nil {
		err = io.ErrNoProgress
	}
	if m.size > m.most {
		err = limited(ErrFileTooLarge, int(min(m.most, math.MaxInt)), int(m.size))
	}
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

// uploadLife is the time for which a reservation of another process protects its content in
// a store that several processes share.
const uploadLife = 24 * time.Hour

// sweepContents removes the reservations of interrupted uploads, and then the contents that
// no file lists and no reservation protects. An upload that lost its reservation must not
// add its file, because another process may be removing the content.
func (e *Engine) sweepContents(ctx context.Context) error {
	if err := e.sweepReservations(ctx); err != nil {
		return err
	}
	for after, more := "", true; more; {
		ids, m, err := e.blobs.List(ctx, after, store.MaxPage)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := e.sweepContent(ctx, id); err != nil {
				return err
			}
			after = id
		}
		more = m && len(ids) > 0
	}
	return nil
}

func (e *Engine) sweepReservations(ctx context.Context) error {
	var stale [][]byte
	err := e.view(ctx, func(r store.Reader) error {
		stale = nil
		return scanAll(r, store.Prefix(key.Uploads()), func(page []store.Pair) error {
			for _, p := range page {
				if on, err := e.isReserved(r, string(p.Key[1:])); err != nil {
					return err
				} else if !on {
					stale = append(stale, p.Key)
				}
			}
			return nil
		})
	})
	if err != nil || len(stale) == 0 {
		return err
	}
	return e.update(ctx, func(w store.Writer) error {
		for _, k := range stale {
			if err := w.Delete(k); err != nil {
				return err
			}
		}
		return nil
	})
}

// isReserved reports whether the content is reserved by an upload that may still run. If
// this process alone has the store, only uploads of this engine run. Otherwise a
// reservation that cannot be decoded counts too, so that no content is removed by mistake.
func (e *Engine) isReserved(r store.Reader, content string) (bool, error) {
	value, ok, err := r.Get(key.Upload(content))
	if err != nil || !ok {
		return false, storage(err)
	}
	if store.Exclusive(e.store) {
		u, err := record.DecodeUpload(value)
		return err == nil && u.Process == e.id, nil
	}
	u, err := record.DecodeUpload(value)
	return err != nil || u.Process == e.id || e.now()-u.At < uploadLife.Milliseconds(), nil
}

func (e *Engine) sweepContent(ctx context.Context, content string) error {
	var named, announced bool
	err := e.view(ctx, func(r store.Reader) (err error) {
		if named, err = isNamed(r, content); err != nil {
			return err
		}
		_, announced, err = r.Get(key.Upload(content))
		return err
	})
	if err != nil || named || announced {
		return err
	}
	return e.blobs.Delete(ctx, content)
}
