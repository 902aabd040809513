package groupkit

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"

	"groupkit/internal/record"
	"groupkit/store"
)

// OpenFile opens a shared file for reading. The caller must close the content. It can be given to
// http.ServeContent: Seek reads nothing, and the next Read begins at the new place, without
// reading what lies before it if the content of the Blobs is an io.Seeker.
//
// Reading the content from the beginning to the end verifies the size and the hash: if the content
// is not the uploaded one, Read returns ErrCorrupt instead of the last bytes. If only a part is
// read, or Seek leaves a gap, nothing is verified except that no byte is missing.
//
// Allowed: owner, admin, member, system.
// Returns ErrFileNotFound if the group has no such file, ErrContentAbsent if the group was loaded and the
// content of the file was not brought yet, and ErrGroupNotFound,
// ErrBlacklisted or ErrNotMember; see [Actor]. The permission is checked once: an open content
// stays readable. Seek returns ErrInvalid for a place before the beginning.
func (a Actor) OpenFile(ctx context.Context, group GroupID, file FileID) (File, io.ReadSeekCloser, error) {
	return observeTwo(ctx, a, OpOpenFile, group, func(a Actor) (File, io.ReadSeekCloser, error) { return a.openFile(ctx, group, file) })
}

func (a Actor) openFile(ctx context.Context, group GroupID, file FileID) (File, io.ReadSeekCloser, error) {
	f, err := a.file(ctx, OpOpenFile, group, file)
	if err != nil {
		return File{}, nil, err
	}
	if f.Absent {
		return File{}, nil, wrap(OpOpenFile, group, ErrContentAbsent)
	}
	content, err := a.eng.blobs.Get(ctx, contentOf(f))
	if errors.Is(err, store.ErrNoBlob) {
		if _, err := a.file(ctx, OpOpenFile, group, file); err != nil {
			return File{}, nil, err // the file was deleted between the two reads
		}
		err = corrupt("file %q has no content", file)
	}
	if err != nil {
		return File{}, nil, wrap(OpOpenFile, group, storage(err))
	}
	opened := publicFile(f)
	reopen := func() (io.ReadCloser, error) { return a.eng.blobs.Get(ctx, contentOf(f)) }
	return opened, &fileContent{content: content, reopen: reopen, hash: sha256.New(), file: f, id: opened.ID, group: group}, nil
}

// A fileContent reads the content of a shared file, of which it never returns more than the size
// of the file. As long as it is read from the beginning without a gap, it hashes what it returns.
type fileContent struct {
	content io.ReadCloser
	reopen  func() (io.ReadCloser, error) // for a content that cannot seek
	at      int64                         // where the next Read begins
	reached int64                         // where content is

	hash   hash.Hash
	hashed int64 // the bytes from the beginning that are hashed
	broken error // the content is not the uploaded one, or its end could not be read

	file  *record.File
	id    FileID
	group GroupID
}

// Close closes the content.
func (c *fileContent) Close() error { return c.content.Close() }

// Seek sets where the next Read begins.
func (c *fileContent) Seek(offset int64, whence int) (int64, error) {
	var from int64
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		from = c.at
	case io.SeekEnd:
		from = c.file.Size
	default:
		return c.at, wrap(OpOpenFile, c.group, invalid(FieldOffset, "has whence %d (0 to 2)", whence))
	}
	if offset < -from || from+offset < 0 {
		return c.at, wrap(OpOpenFile, c.group, invalid(FieldOffset, "is before the beginning"))
	}
	c.at = from + offset
	return c.at, nil
}

// Read reads from the content.
func (c *fileContent) Read(p []byte) (int, error) {
	n, err := c.read(p)
	if err != nil && err != io.EOF {
		err = wrap(OpOpenFile, c.group, err)
	}
	return n, err
}

func (c *fileContent) read(p []byte) (int, error) {
	switch {
	case c.broken != nil:
		return 0, c.broken
	case c.at > 0 && c.at >= c.file.Size:
		return 0, io.EOF
	}
	if err := c.move(); err != nil {
		return 0, err
	}
	n, err := readSome(c.content, p[:min(int64(len(p)), c.file.Size-c.at)])
	c.reached += int64(n)
	if err != nil && err != io.EOF {
		return 0, storage(err)
	}
	if err == io.EOF && c.reached < c.file.Size {
		c.broken = corrupt("content of file %q has %d of %d bytes", c.id, c.reached, c.file.Size)
		return 0, c.broken
	}
	c.digest(p[:n])
	c.at = c.reached
	if c.reached == c.file.Size && c.hashed == c.file.Size {
		if c.broken = c.verify(); c.broken != nil {
			return 0, c.broken
		}
	}
	if c.file.Size == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// digest hashes what was read at the place of the last Read, if nothing is missing before it.
func (c *fileContent) digest(b []byte) {
	if c.at == 0 {
		c.hash.Reset()
		c.hashed = 0
	}
	if c.at == c.hashed {
		c.hash.Write(b)
		c.hashed += int64(len(b))
	}
}

// verify compares the hash of the whole content, and that the content ends there.
func (c *fileContent) verify() error {
	n, err := readSome(c.content, make([]byte, 1))
	c.reached += int64(n)
	switch {
	case err != nil && err != io.EOF:
		return storage(err)
	case n > 0 || string(c.hash.Sum(nil)) != c.file.SHA256:
		return corrupt("content of file %q does not match its hash", c.id)
	}
	return nil
}

// move moves the content to where the next Read begins.
func (c *fileContent) move() error {
	if c.at == c.reached {
		return nil
	}
	if s, ok := c.content.(io.Seeker); ok {
		_, err := s.Seek(c.at, io.SeekStart)
		if err == nil {
			c.reached = c.at
		}
		return storage(err)
	}
	if c.at < c.reached {
		again, err := c.reopen()
		if err != nil {
			return storage(err)
		}
		_ = c.content.Close()
		c.content, c.reached = again, 0
	}
	n, err := io.CopyN(io.Discard, c.content, c.at-c.reached)
	c.reached += n
	if err == io.EOF {
		return corrupt("content of file %q has %d of %d bytes", c.id, c.reached, c.file.Size)
	}
	return storage(err)
}

// readSome reads at least one byte, unless there is an error or no room.
func readSome(r io.Reader, p []byte) (n int, err error) {
	for range maxIdle {
		if n, err = r.Read(p); n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}
