package groupkit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
	"hash"
	"io"
	"math"
	"time"
)

// The operation of an upload.
const OpUploadFile Op = "upload file"

// UploadFile reads a file from r to its end and shares it in the group. A file that
// is listed can be read whole: its content is durable before the group names it,
// and of an upload that fails, or is cut off, nothing stays.
//
// The system and members may. It refuses with ErrInvalid (the name), ErrFileTooLarge
// (Limits.FileSize, 10 MiB) and ErrTooManyFiles (Limits.Files). Whether the actor may is
// asked again when the content is there: who was removed meanwhile shares nothing. An
// error of r is the cause of the error returned.
func (a Actor) UploadFile(ctx context.Context, group GroupID, name string, r io.Reader) (File, error) {
	cmd := Command{Group: group, Text: name}
	if a.tx != nil {
		return File{}, wrap(OpUploadFile, group, ErrNested)
	}
	began := a.eng.now() // of the id, which orders the list, and therefore of the file
	id, err := newUUID(began)
	if err != nil {
		return File{}, wrap(OpUploadFile, group, err)
	}
	content := key.Content(string(group), id)
	file := &record.File{ID: string(id[:]), Name: name, Owner: string(a.user), Created: began}
	out, err := a.change(ctx, a.eng.reserveVerb(content), cmd)
	if err != nil || out.known || a.mode == dryRun {
		return out.file, err
	}
	err = wrap(OpUploadFile, group, a.eng.putContent(ctx, content, r, file))
	if err == nil {
		cmd.content = content
		out, err = a.change(ctx, addFileVerb(file), cmd)
	}
	if err != nil && !errors.Is(err, ErrUnknownOutcome) || out.known {
		a.eng.release(context.WithoutCancel(ctx), content)
	}
	return out.file, err
}

// reserveVerb checks whether the actor may upload and reserves the content, so that
// nobody sweeps it while no file names it yet.
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

// addFileVerb names the content, which is there now.
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

// putContent stores what r yields and notes its size and hash.
func (e *Engine) putContent(ctx context.Context, content string, r io.Reader, file *record.File) error {
	m := &meter{r: r, hash: sha256.New(), most: e.limits.FileSize}
	if err := e.blobs.Put(ctx, content, m); err != nil {
		if m.err != nil {
			return err
		}
		return storage(err)
	}
	file.Size, file.SHA256 = m.size, string(m.hash.Sum(nil))
	return nil
}

// release takes away what is left of an upload that failed. Where even that fails the
// next opening does it.
func (e *Engine) release(ctx context.Context, content string) {
	if e.blobs.Delete(ctx, content) == nil {
		_ = e.update(ctx, func(w store.Writer) error { return w.Delete(key.Upload(content)) })
	}
}

// A meter measures what is read through it and refuses what is too large.
type meter struct {
	r    io.Reader
	hash hash.Hash
	size int64
	most int64
	err  error // what the reader failed with
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p[:min(int64(len(p)), max(m.most-m.size, 0)+1)])
	m.size += int64(n)
	m.hash.Write(p[:n])
	if m.size > m.most {
		err = limited(ErrFileTooLarge, int(min(m.most, math.MaxInt)), int(m.size))
	}
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

// uploadLife is how long an upload by another process counts as under way on a store
// that several processes share.
const uploadLife = 24 * time.Hour

// sweepContents removes the announcements of uploads that were cut off, and then the
// contents that no file names and nothing announces. An upload whose announcement is
// gone refuses to name its content, so that no other process takes that away under it.
func (e *Engine) sweepContents(ctx context.Context) error {
	if err := e.sweepAnnouncements(ctx); err != nil {
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

func (e *Engine) sweepAnnouncements(ctx context.Context) error {
	var stale [][]byte
	err := e.view(ctx, func(r store.Reader) error {
		stale = nil
		return scanAll(r, store.Prefix(key.Uploads()), func(page []store.Pair) error {
			for _, p := range page {
				if on, err := e.isUnderWay(r, string(p.Key[1:])); err != nil {
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

// isUnderWay reports whether an upload that may still be going on announces the content.
func (e *Engine) isUnderWay(r store.Reader, content string) (bool, error) {
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
