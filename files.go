package groupkit

import (
	"context"
	"iter"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// A File is a file that is shared in a group.
type File struct {
	ID      FileID    `json:"id"`
	Name    string    `json:"name,omitzero"` // a base name of 1 to 255 characters
	Size    int64     `json:"size,omitzero"` // in bytes
	SHA256  [32]byte  `json:"sha256,omitzero"`
	Owner   UserID    `json:"owner,omitzero"`   // who uploaded it; "" is the system
	Created time.Time `json:"created,omitzero"` // when the upload began
}

// The operations on shared files.
const (
	OpOpenFile   Op = "open file"
	OpDeleteFile Op = "delete file"
	OpListFiles  Op = "list files"
)

// File returns the description of a shared file, without its content.
//
// Allowed: owner, admin, member, system.
// Returns ErrFileNotFound if the group has no such file, and ErrGroupNotFound,
// ErrBlacklisted or ErrNotMember; see [Actor].
func (a Actor) File(ctx context.Context, group GroupID, file FileID) (File, error) {
	f, err := a.file(ctx, OpListFiles, group, file)
	if err != nil {
		return File{}, err
	}
	return publicFile(f), nil
}

func (a Actor) file(ctx context.Context, op Op, group GroupID, file FileID) (f *record.File, err error) {
	err = a.reading(ctx, op, group, nil, func(r store.Reader, v *access) (err error) {
		if err := v.authorize(useFiles); err != nil {
			return err
		}
		if f, err = loadFile(r, group, file); err == nil {
			renamingOf(v.head).swap(&f.Owner)
		}
		return err
	})
	return f, err
}

// Files iterates over the shared files of the group, newest first.
//
// Allowed: owner, admin, member, system.
// Returns ErrGroupNotFound, ErrBlacklisted or ErrNotMember; see [Actor].
func (a Actor) Files(ctx context.Context, group GroupID) iter.Seq2[File, error] {
	return observeEach(ctx, a, OpListFiles, group, func(a Actor) iter.Seq2[File, error] { return a.eachFile(ctx, group) })
}

func (a Actor) eachFile(ctx context.Context, group GroupID) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		start := filesOf(group)
		start.Limit = chunk
		for more := true; more; {
			var files []File
			rng := start
			err := a.read(ctx, OpListFiles, group, nil, func(r store.Reader, v *access) (err error) {
				rng = start
				if err := v.authorize(useFiles); err != nil {
					return err
				}
				files, more, err = scanFiles(r, group, renamingOf(v.head), &rng, nil)
				return err
			})
			if err != nil {
				yield(File{}, err)
				return
			}
			start = rng
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
func (a Actor) FilesPage(ctx context.Context, group GroupID, page Page) ([]File, error) {
	return observeOne(ctx, a, OpListFiles, group, func(a Actor) ([]File, error) { return a.filesPage(ctx, group, page) })
}

func (a Actor) filesPage(ctx context.Context, group GroupID, page Page) (files []File, err error) {
	if err := a.check(group); err != nil {
		return nil, wrap(OpListFiles, group, err)
	}
	skip, take, argument := page.window(a.eng.limits.FilesPage)
	err = a.read(ctx, OpListFiles, group, argument, func(r store.Reader, v *access) error {
		files = nil
		if err := v.authorize(useFiles); err != nil || skip >= v.head.Files {
			return err
		}
		rng := filesOf(group)
		more, err := skipEntries(r, &rng, skip)
		if err == nil && more {
			files, _, err = takeFiles(r, group, renamingOf(v.head), &rng, take)
		}
		return err
	})
	return files, err
}

// FilesFrom returns a part of Files and the cursor of the next part; see [From]. It has the same
// permissions and errors, and returns ErrInvalid if from is not valid. A part has at most
// Limits.FilesPage files (1000 by default).
func (a Actor) FilesFrom(ctx context.Context, group GroupID, from From) (files []File, next string, err error) {
	start, argument := a.enterFiles(group, from)
	err = a.reading(ctx, OpListFiles, group, argument, func(r store.Reader, v *access) error {
		rng := start
		files, next = nil, ""
		if err := v.authorize(useFiles); err != nil {
			return err
		}
		var more bool
		var err error
		if files, more, err = takeFiles(r, group, renamingOf(v.head), &rng, from.limit(a.eng.limits.FilesPage)); more {
			next = cursorOf(filesOf(group).From, rng.To)
		}
		return err
	})
	return files, next, err
}

// enterFiles returns the range of the files of the group in which from begins.
func (a Actor) enterFiles(group GroupID, from From) (rng store.Range, err error) {
	if err := a.check(group); err != nil {
		return rng, err
	}
	if err := from.check(false); err != nil {
		return rng, err
	}
	rng = filesOf(group)
	rest, err := from.place(rng.From, func(rest []byte) bool {
		_, _, err := key.CutFile(rest)
		return err == nil
	})
	if rest != nil {
		rng.To = append(key.Of(string(group), key.Files), rest...)
	}
	return rng, err
}

// filesOf returns the range of the shared files of a group, newest first.
func filesOf(group GroupID) store.Range {
	rng := store.Prefix(key.Of(string(group), key.Files))
	rng.Reverse = true
	return rng
}

// takeFiles reads up to take files of the range.
func takeFiles(r store.Reader, group GroupID, n renaming, rng *store.Range, take int) (files []File, more bool, err error) {
	for more = true; more && len(files) < take; {
		rng.Limit = take - len(files)
		if files, more, err = scanFiles(r, group, n, rng, files); err != nil {
			return nil, false, err
		}
	}
	return files, more, nil
}

// scanFiles appends files of the range, newest first. It advances the range, and reports whether
// more follow.
func scanFiles(r store.Reader, group GroupID, n renaming, rng *store.Range, files []File) ([]File, bool, error) {
	prefix := len(key.Of(string(group), key.Files))
	page, more, err := r.Scan(*rng)
	if err != nil {
		return nil, false, storage(err)
	}
	for _, p := range page {
		f, err := decodeFile(p.Key[prefix:], p.Value)
		if err != nil {
			return nil, false, err
		}
		n.swap(&f.Owner)
		files, rng.To = append(files, publicFile(&f)), p.Key
	}
	return files, more && len(page) > 0, nil
}

// DeleteFile deletes a shared file and its content. The content goes when the deletion is on
// disk: before DeleteFile returns, or with SyncInterval after that. If removing the content
// fails, Sweep and the next opening try again.
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
		gone := *f
		gone.Absent = false // the log does not say so
		c.recordEvent(record.Event{Kind: uint8(FileDeleted), File: &gone})
		return nil
	}
	return ErrFileNotFound
}
