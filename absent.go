package groupkit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// The operation of PutContent.
const OpPutContent Op = "put content"

// PutContent brings the content of a file that was loaded without it. It reads r to its end. Content
// of another size or hash than those of the file is refused. There is no event: the file does not
// change. If the content is there already, PutContent does not read r and returns nil.
//
// Limits.FileSize is not looked at. What fails leaves nothing; after a crash it is as with
// [Actor.UploadFile].
//
// Allowed: system.
// Returns ErrFileNotFound if the group has no such file, ErrInvalid if r is nil or has another content,
// ErrConflict while another call puts the content, ErrSystemOnly if the actor is a user, ErrNested inside
// Atomic. An error of r is the cause of the returned error.
func (a Actor) PutContent(ctx context.Context, group GroupID, file FileID, r io.Reader) error {
	return a.observe(ctx, OpPutContent, group, 0, func(a Actor) error { return a.putContent(ctx, group, file, r) })
}

func (a Actor) putContent(ctx context.Context, group GroupID, file FileID, r io.Reader) error {
	err := a.checkLoad()
	if err == nil && isNil(r) {
		err = invalid("content", "is a nil reader")
	}
	if err != nil {
		return wrap(OpPutContent, group, err)
	}
	if err := a.finishRemoval(ctx, file); err != nil {
		return wrap(OpPutContent, group, err)
	}
	p := &absentContent{eng: a.eng}
	cmd := Command{Group: group, File: file}
	if id, err := uuid.Parse(string(file)); err == nil {
		cmd.content = key.Content(id)
	}
	if _, err := a.change(ctx, p.reserveVerb(), cmd); err != nil || p.file == nil || a.mode == dryRun {
		if err != nil && p.file != nil {
			a.eng.leaveUpload(cmd.content)
		}
		return err
	}
	put := false
	defer func() { // also if r panics
		if !put {
			a.eng.release(context.WithoutCancel(ctx), cmd.content)
		}
	}()
	content := &matching{r: r, want: p.file, hash: sha256.New()}
	if err := a.eng.putWithin(ctx, cmd.content, content, new(record.File), p.file.Size+1); err != nil {
		return wrap(OpPutContent, group, err)
	}
	_, err = a.change(ctx, p.endVerb(), cmd)
	put = err == nil
	if errors.Is(err, ErrUnknownOutcome) {
		put = true
		a.eng.leaveUpload(cmd.content)
	}
	return err
}

// finishRemoval finishes the removal of the content of a file that had this ID before.
func (a Actor) finishRemoval(ctx context.Context, file FileID) error {
	id, err := uuid.Parse(string(file))
	if err != nil || a.mode == dryRun {
		return nil
	}
	goes := false
	err = a.eng.view(ctx, func(r store.Reader) (err error) {
		_, goes, err = r.Get(key.ToGo(key.Content(id)))
		return storage(err)
	})
	if err != nil || !goes {
		return err
	}
	return a.eng.finishContents(ctx, []string{key.Content(id)})
}

// An absentContent is the content of one file while it is put.
type absentContent struct {
	eng  *Engine
	file *record.File // nil: the content is there
}

// reserveVerb reserves the content, as that of an upload is.
func (p *absentContent) reserveVerb() verb {
	return verb{
		op: OpPutContent, action: useFiles, keepNothing: true, needs: needs{file: true, reserved: true},
		rule: func(c *change) error {
			p.file = nil
			f := c.onlyFile()
			switch {
			case f == nil:
				return ErrFileNotFound
			case !f.Absent:
				return nil
			case c.loaded.reserved:
				return fmt.Errorf("%w: the content of the file is being put by another call", ErrConflict)
			case c.loaded.goes:
				return fmt.Errorf("%w: the content of an earlier file is still to be removed", ErrConflict)
			}
			p.file = f
			return nil
		},
		also: func(c *change) []store.Pair {
			if p.file == nil {
				return nil
			}
			return []store.Pair{{Key: key.Upload(c.cmd.content), Value: (&record.Upload{Process: p.eng.id, At: c.now}).Encode()}}
		},
	}
}

// endVerb notes that the content is there. It writes the header, as whoever changes a record of the group
// does.
func (p *absentContent) endVerb() verb {
	return verb{
		op: OpPutContent, action: useFiles, guarded: true, needs: needs{file: true, reserved: true},
		rule: func(c *change) error {
			switch f := c.onlyFile(); {
			case f == nil:
				return ErrFileNotFound
			case f.Absent && !c.loaded.reserved:
				return errUploadEnded
			}
			return nil
		},
		also: func(c *change) []store.Pair {
			here := *c.onlyFile()
			here.Absent = false
			return append(filePairs(string(c.id), &here),
				store.Pair{Key: key.Upload(c.cmd.content)}, store.Pair{Key: key.Of(string(c.id), key.Header), Value: c.head.Encode()})
		},
	}
}

// onlyFile returns the file of the command, or nil.
func (c *change) onlyFile() *record.File {
	for _, f := range c.state.files {
		return f
	}
	return nil
}

// A matching reads a content, and returns an error instead of its end if it is not that of the file.
type matching struct {
	r    io.Reader
	want *record.File
	hash hash.Hash
	size int64
}

func (m *matching) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.size += int64(n)
	m.hash.Write(p[:n])
	switch {
	case m.size > m.want.Size:
		return n, invalid("content", "has more than %d bytes, the size of the file", m.want.Size)
	case err == io.EOF && m.size < m.want.Size:
		return n, invalid("content", "has %d bytes (%d, the size of the file)", m.size, m.want.Size)
	case err == io.EOF && string(m.hash.Sum(nil)) != m.want.SHA256:
		return n, invalid("content", "has another hash than the file")
	}
	return n, err
}
