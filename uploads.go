package groupkit

import (
	"context"
	"crypto/sha256"
	"errors"
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
// the engine is opened the next time. On a shared store it is removed within minutes if the store
// did not answer, and after an hour if the process crashed. With SyncInterval, UploadFile waits once until the disk
// has what was committed before: a crash must not leave a content that nobody knows.
//
// Allowed: owner, admin, member, system. This is checked again when the content is stored:
// a user who was removed during the upload shares no file.
// Returns ErrInvalid if name is not a base name of 1 to 255 characters or r is nil, ErrFileTooLarge if
// the content has more than Limits.FileSize bytes (10 MiB by default), ErrTooManyFiles if
// the group has Limits.Files files, ErrNested inside Atomic. An error of r is the cause of
// the returned error.
func (a Actor) UploadFile(ctx context.Context, group GroupID, name string, r io.Reader) (File, error) {
	return observeOne(ctx, a, OpUploadFile, group, func(a Actor) (File, error) { return a.uploadFile(ctx, group, name, r) })
}

func (a Actor) uploadFile(ctx context.Context, group GroupID, name string, r io.Reader) (File, error) {
	cmd := Command{Group: group, Text: name}
	if a.tx != nil {
		return File{}, wrap(OpUploadFile, group, ErrNested)
	}
	if err := a.check(group); err != nil {
		return File{}, wrap(OpUploadFile, group, err)
	}
	if isNil(r) {
		return File{}, wrap(OpUploadFile, group, invalid("content", "is a nil reader"))
	}
	began, id, err := a.eng.newID() // one time for the ID and the file, because the ID orders the list
	if err != nil {
		return File{}, wrap(OpUploadFile, group, err)
	}
	content := key.Content(id)
	file := &record.File{ID: string(id[:]), Name: name, Owner: string(a.user), Created: began}
	reserved := false // or it is not known
	out, err := a.change(ctx, a.eng.reserveVerb(content, &reserved), cmd)
	if err != nil || out.repeated || a.mode == dryRun {
		if err != nil && reserved {
			a.eng.leaveUpload(content)
		}
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
	shared = err == nil && !out.repeated
	if errors.Is(err, ErrUnknownOutcome) { // the group may list the file, so the content must stay as long as that is not known
		shared = true
		a.eng.leaveUpload(content)
	}
	return out.file, err
}

// reserveVerb returns the first half of an upload. It checks the call and reserves the
// content: the database must know it before it is there. reserved is set before the reservation is
// written.
func (e *Engine) reserveVerb(content string, reserved *bool) verb {
	return verb{
		op: OpUploadFile, action: useFiles, keepNothing: true,
		check: func(_ *Limits, c *Command) error { return checkFileName(c.Text) },
		rule:  (*change).refuseTooManyFiles,
		also: func(c *change) []store.Pair {
			*reserved = true
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
		return errUploadEnded
	}
	made := *file
	c.recordEvent(record.Event{Kind: uint8(FileAdded), File: &made})
	c.reply.file = publicFile(&made)
	return nil
}

// putContent stores the content that r yields and sets the size and hash of the file. It
// ends with ErrClosed when the engine closes, and with the error of ctx, also while r blocks.
func (e *Engine) putContent(ctx context.Context, content string, r io.Reader, file *record.File) error {
	return e.putWithin(ctx, content, r, file, e.limits.FileSize)
}

// putWithin is putContent with another limit.
func (e *Engine) putWithin(ctx context.Context, content string, r io.Reader, file *record.File, most int64) error {
	defer running(&e.meters.uploads)()
	if err := e.readyForContent(ctx); err != nil {
		return err
	}
	m := &meter{r: newInterruptible(ctx, e.background, r), hash: sha256.New(), most: most}
	if e.shared {
		m.kept, m.keep = time.Now(), func() error { return e.keepUpload(ctx, content) }
	}
	if err := e.blobs.Put(ctx, content, m); err != nil {
		if m.err != nil {
			return err
		}
		return storage(err)
	}
	file.Size, file.SHA256 = m.size, string(m.hash.Sum(nil))
	return nil
}

// readyForContent makes the reservation durable, and the mark of the contents.
func (e *Engine) readyForContent(ctx context.Context) error {
	if store.Relaxed(e.store) {
		if err := store.Sync(ctx, e.store); err != nil {
			return storage(err)
		}
	}
	_, err := e.claimContents(ctx, true)
	return err
}

// release removes the content and the reservation of an upload that failed. After an error the
// rest is removed later: on a shared store in the background, otherwise by the next opening. It also
// removes what this upload has put among foreign contents.
func (e *Engine) release(ctx context.Context, content string) {
	err := e.blobs.Delete(ctx, content)
	if err == nil {
		err = e.writeInParts(ctx, []store.Pair{{Key: key.Upload(content)}})
	}
	if err != nil {
		e.leaveUpload(content)
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

	keep func() error // called from time to time while bytes come; nil: not needed
	kept time.Time    // when it was called last
}

// keepEvery is how often a meter calls keep, and a hold is moved.
const keepEvery = uploadIdle / 6

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
	if m.keep != nil && n > 0 && time.Since(m.kept) >= keepEvery {
		m.kept = time.Now()
		if failed := m.keep(); failed != nil && (err == nil || err == io.EOF) {
			err = failed
		}
	}
	if m.size > m.most {
		err = limited(ErrFileTooLarge, int(min(m.most, math.MaxInt)), int(m.size))
	}
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}
