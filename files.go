package groupkit

import (
	"context"
	"crypto/sha256"
	"errors"
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

// The operations on shared files.
const (
	OpOpenFile   Op = "open file"
	OpDeleteFile Op = "delete file"
	OpListFiles  Op = "list files"
)

// OpenFile opens a shared file for reading. The caller must close the reader. Reading it to
// the end verifies the size and the hash: the reader returns ErrCorrupt instead of io.EOF if
// the content is not the uploaded one.
//
// Allowed: owner, admin, member, system.
// Returns ErrFileNotFound if the group has no such file, and ErrGroupNotFound,
// ErrBlacklisted or ErrNotMember; see [Actor].
func (a Actor) OpenFile(ctx context.Context, group GroupID, file FileID) (File, io.ReadCloser, error) {
	f, err := a.file(ctx, OpOpenFile, group, file)
	if err != nil {
		return File{}, nil, err
	}
	content, err := a.eng.blobs.Get(ctx, key.Content(string(group), uuid.MustParse(string(f.ID))))
	if errors.Is(err, store.ErrNoBlob) {
		if _, err := a.file(ctx, OpOpenFile, group, file); err != nil {
			return File{}, nil, err // the file was deleted between the two reads
		}
		err = corrupt("file %q has no content", file)
	}
	if err != nil {
		return File{}, nil, wrap(OpOpenFile, group, storage(err))
	}
	return f, &checked{content, meter{r: content, hash: sha256.New(), most: math.MaxInt64 - 1}, group, f}, nil
}

// checked reads a content and verifies its size and hash against the file at the end.
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
		err = corrupt("content of file %q does not match its hash", string(c.file.ID))
	}
	return n, wrap(OpOpenFile, c.group, err)
}

// File returns the description of a shared file, without its content.
//
// Allowed: owner, admin, member, system.
// Returns ErrFileNotFound if the group has no such file, and ErrGroupNotFound,
// ErrBlacklisted or ErrNotMember; see [Actor].
func (a Actor) File(ctx context.Context, group GroupID, file FileID) (File, error) {
	return a.file(ctx, OpListFiles, group, file)
}

func (a Actor) file(ctx context.Context, op Op, group GroupID, file FileID) (out File, err error) {
	err = a.reading(ctx, op, group, nil, func(r store.Reader, v *access) error {
		if err := v.authorize(useFiles); err != nil {
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

// Files iterates over the shared files of the group, newest first.
//
// Allowed: owner, admin, member, system.
// Returns ErrGroupNotFound, ErrBlacklisted or ErrNotMember; see [Actor].
func (a Actor) Files(ctx context.Context, group GroupID) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		var before []byte
		for more := true; more; {
			var files []File
			err := a.reading(ctx, OpListFiles, group, nil, func(r store.Reader, v *access) (err error) {
				if err := v.authorize(useFiles); err != nil {
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

// FilesPage returns one page of Files, with the same permissions and errors. A page has at
// most Limits.FilesPage files (1000 by default).
func (a Actor) FilesPage(ctx context.Context, group GroupID, page Page) (files []File, err error) {
	skip, take, argument := page.window(a.eng.limits.FilesPage)
	err = a.reading(ctx, OpListFiles, group, argument, func(r store.Reader, v *access) error {
		if err := v.authorize(useFiles); err != nil {
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

// scanFiles reads up to limit files, newest first: those before the key, or from the newest
// on if the key is nil.
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

// DeleteFile deletes a shared file and its content.
//
// Allowed: owner, admin, system; a member only for files that the member uploaded.
// Returns ErrFileNotFound if the group has no such file, ErrRoleTooLow if a member deletes
// the file of another user.
func (a Actor) DeleteFile(ctx context.Context, group GroupID, file FileID) error {
	_, err := a.change(ctx, deleteFileVerb, Command{Group: group, File: file})
	return err
}

var deleteFileVerb = verb{op: OpDeleteFile, action: deleteFile, needs: needs{file: true}, rule: (*change).deleteFile}

func (c *change) deleteFile() error {
	for _, f := range c.state.files {
		if !c.system() && granted(deleteFile, c.role()) == ifOwn && f.Owner != string(c.user) {
			return about(c.user, ErrRoleTooLow)
		}
		c.recordEvent(record.Event{Kind: uint8(FileDeleted), File: f})
		return nil
	}
	return ErrFileNotFound
}
