package groupkit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"math"
	"time"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// A File is a file that is shared in a group.
type File struct {
	ID      FileID
	Name    string // a base name of 1 to 255 characters
	Size    int64  // in bytes
	SHA256  [32]byte
	Owner   UserID    // who uploaded it; "" is the system
	Created time.Time // when the upload began
}

// UploadFile reads a file from r to its end and shares it in the group. A file that
// is listed can be read whole: its content is durable before the group names it,
// and of an upload that fails, or is cut off, nothing stays.
//
// The system and members may. It refuses with ErrInvalid (the name), ErrFileTooLarge
// (Limits.FileSize, 10 MiB) and ErrTooManyFiles (Limits.Files). Whether the actor may is
// asked again when the content is there: who was removed meanwhile shares nothing. An
// error of r is the cause of the error returned.
func (a Actor) UploadFile(ctx context.Context, group GroupID, name string, r io.Reader) (File, error) {
	cmd := Command{Op: OpUploadFile, Group: group, Text: name}
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
	out, err := a.announce(ctx, cmd, content)
	if err != nil || out.known || a.dry {
		return out.file, err
	}
	err = wrap(OpUploadFile, group, a.eng.putContent(ctx, content, r, file))
	if err == nil {
		cmd.content = content
		out, err = a.asked().change(ctx, cmd, nil, func(u *unit) error { return u.addFile(file) })
	}
	if err != nil && !errors.Is(err, ErrUnknownOutcome) || out.known {
		a.eng.abandon(context.WithoutCancel(ctx), content)
	}
	return out.file, err
}

// announce checks whether the actor may upload and announces the content, so that
// nobody sweeps it while no file names it yet.
func (a Actor) announce(ctx context.Context, cmd Command, content string) (outcome, error) {
	a.unkept = true
	return a.change(ctx, cmd, checkFileName(cmd.Text), func(u *unit) error {
		u.writes = append(u.writes, store.Pair{Key: key.Upload(content), Value: (&record.Upload{Process: a.eng.id, At: u.now}).Encode()})
		return u.mayUpload()
	})
}

func (u *unit) mayUpload() error {
	if err := u.start(share); err != nil {
		return err
	}
	if u.head.Files >= u.limits.Files {
		return limited(ErrTooManyFiles, u.limits.Files, u.head.Files)
	}
	return nil
}

func (u *unit) addFile(file *record.File) error {
	if err := u.mayUpload(); err != nil {
		return err
	}
	if !u.announced {
		return fmt.Errorf("%w: the upload was given up after %v", ErrStorage, uploadLife)
	}
	made := *file
	u.append(record.Event{Kind: uint8(FileAdded), File: &made})
	u.writes = append(u.writes, store.Pair{Key: key.Upload(u.cmd.content)})
	u.outcome.file = publicFile(&made)
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

// abandon takes away what is left of an upload that failed. Where even that fails the
// next opening does it.
func (e *Engine) abandon(ctx context.Context, content string) {
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

// OpenFile opens a shared file for reading; the caller closes it. Reading to the end
// fails with ErrCorrupt if the content is not what was uploaded.
//
// The system and members may. It refuses with ErrGroupNotFound, ErrBlacklisted,
// ErrNotMember and ErrFileNotFound.
func (a Actor) OpenFile(ctx context.Context, group GroupID, file FileID) (File, io.ReadCloser, error) {
	f, err := a.file(ctx, OpOpenFile, group, file)
	if err != nil {
		return File{}, nil, err
	}
	content, err := a.eng.blobs.Get(ctx, key.Content(string(group), uuid.MustParse(string(f.ID))))
	if errors.Is(err, store.ErrNoBlob) {
		if _, err := a.file(ctx, OpOpenFile, group, file); err != nil {
			return File{}, nil, err // deleted meanwhile
		}
		err = corrupt("file %q has no content", file)
	}
	if err != nil {
		return File{}, nil, wrap(OpOpenFile, group, storage(err))
	}
	return f, &checked{content, meter{r: content, hash: sha256.New(), most: math.MaxInt64 - 1}, group, f}, nil
}

// checked reads a content and compares it with what its file says of it.
type checked struct {
	io.Closer
	meter meter
	group GroupID
	file  File
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.meter.Read(p)
	switch {
	case err == nil:
		return n, nil
	case err != io.EOF:
		err = storage(err)
	case c.meter.size == c.file.Size && [32]byte(c.meter.hash.Sum(nil)) == c.file.SHA256:
		return n, io.EOF
	default:
		err = corrupt("the content of file %q is not what was uploaded", string(c.file.ID))
	}
	return n, wrap(OpOpenFile, c.group, err)
}

// File returns what is known of a shared file.
//
// The system and members may. It refuses with ErrGroupNotFound, ErrBlacklisted,
// ErrNotMember and ErrFileNotFound.
func (a Actor) File(ctx context.Context, group GroupID, file FileID) (File, error) {
	return a.file(ctx, OpListFiles, group, file)
}

func (a Actor) file(ctx context.Context, op Op, group GroupID, file FileID) (out File, err error) {
	err = a.reading(ctx, op, group, nil, func(r store.Reader, v *look) error {
		if err := v.may(share); err != nil {
			return err
		}
		f, err := loadFile(r, group, file)
		if err == nil {
			out = publicFile(f)
		}
		return err
	})
	return out, err
}

// loadFile reads a file's record.
func loadFile(r store.Reader, group GroupID, file FileID) (*record.File, error) {
	id, err := uuid.Parse(string(file))
	if err != nil || id.String() != string(file) {
		return nil, ErrFileNotFound
	}
	value, ok, err := r.Get(key.File(string(group), id))
	if err != nil {
		return nil, storage(err)
	}
	if !ok {
		return nil, ErrFileNotFound
	}
	f, err := decodeFile(id[:], value)
	return &f, err
}

// decodeFile reads the record of the file that is kept under the id.
func decodeFile(id, value []byte) (record.File, error) {
	f, err := record.DecodeFile(value)
	if err == nil && f.ID != string(id) {
		err = corrupt("a file is kept under the id of another")
	}
	return f, err
}

// loadFile reads the file that the command names, if it is there.
func (u *unit) loadFile(r store.Reader) error {
	f, err := loadFile(r, u.id, u.cmd.File)
	if errors.Is(err, ErrFileNotFound) {
		return nil
	}
	if err == nil {
		u.state.files[f.ID], u.before.files[f.ID] = f, f
	}
	return err
}

// Files iterates over the shared files of the group, newest first.
//
// The system and members may. It refuses with ErrGroupNotFound, ErrBlacklisted and
// ErrNotMember.
func (a Actor) Files(ctx context.Context, group GroupID) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		var before []byte
		for more := true; more; {
			var files []File
			err := a.reading(ctx, OpListFiles, group, nil, func(r store.Reader, v *look) (err error) {
				if err := v.may(share); err != nil {
					return err
				}
				files, before, more, err = scanFiles(r, group, before, chunk)
				return err
			})
			if err != nil {
				yield(File{}, err)
				return
			}
			for _, f := range files {
				if !yield(f, nil) {
					return
				}
			}
		}
	}
}

// FilesPage is one page of Files, of at most Limits.FilesPage (1000).
func (a Actor) FilesPage(ctx context.Context, group GroupID, page Page) (files []File, err error) {
	skip, take, argument := page.window(a.eng.limits.FilesPage)
	err = a.reading(ctx, OpListFiles, group, argument, func(r store.Reader, v *look) error {
		if err := v.may(share); err != nil {
			return err
		}
		var before []byte
		files = nil
		for more := skip < v.head.Files; more && len(files) < take; {
			part, b, m, err := scanFiles(r, group, before, min(store.MaxPage, skip+take))
			if err != nil {
				return err
			}
			passed := min(skip, len(part))
			skip -= passed
			files = append(files, part[passed:]...)
			before, more = b, m
		}
		files = files[:min(take, len(files))]
		return nil
	})
	return files, err
}

// scanFiles reads up to limit files that are older than the one at the given key.
func scanFiles(r store.Reader, group GroupID, before []byte, limit int) (files []File, last []byte, more bool, err error) {
	prefix := key.Of(string(group), key.Files)
	rng := store.Prefix(prefix)
	rng.Reverse, rng.Limit = true, limit
	if before != nil {
		rng.To = before
	}
	page, more, err := r.Scan(rng)
	if err != nil {
		return nil, nil, false, storage(err)
	}
	for _, p := range page {
		f, err := decodeFile(p.Key[len(prefix):], p.Value)
		if err != nil {
			return nil, nil, false, err
		}
		files, last = append(files, publicFile(&f)), p.Key
	}
	return files, last, more && len(page) > 0, nil
}

// DeleteFile takes a shared file away, with its content.
//
// The owner and admins may delete any file, the system too, a member its own. It
// refuses with ErrFileNotFound and ErrRoleTooLow.
func (a Actor) DeleteFile(ctx context.Context, group GroupID, file FileID) error {
	_, err := a.change(ctx, Command{Op: OpDeleteFile, Group: group, File: file}, nil, func(u *unit) error {
		if err := u.start(deleteFile); err != nil {
			return err
		}
		for _, f := range u.state.files {
			if !u.system() && granted(deleteFile, u.role()) == ifOwn && f.Owner != string(u.user) {
				return about(u.user, ErrRoleTooLow)
			}
			u.append(record.Event{Kind: uint8(FileDeleted), File: f})
			u.contents = append(u.contents, key.Content(string(group), uuid.UUID([]byte(f.ID))))
			return nil
		}
		return ErrFileNotFound
	})
	return err
}
