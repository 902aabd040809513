package cdkblob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"gocloud.dev/blob"

	"groupkit/store"
)

// A content is a content that is open. A Read after a Seek asks for the bytes from there on.
type content struct {
	blobs  *Blobs
	ctx    context.Context
	id     string
	reader *blob.Reader // reads at place; nil: none is open
	place  int64
	offset int64 // where the next Read begins

	size   int64
	put    time.Time // when the content was put
	closed bool
}

var errSeek = errors.New("cdkblob: seek to a negative position, or from an unknown one")

// Read reads on from the offset.
func (c *content) Read(p []byte) (int, error) {
	switch {
	case c.closed:
		return 0, store.ErrClosed
	case len(p) == 0:
		return 0, nil
	case c.offset >= c.size:
		return 0, io.EOF
	}
	if err := c.move(); err != nil {
		return 0, err
	}
	n, err := c.reader.Read(p)
	c.place += int64(n)
	c.offset = c.place
	switch {
	case err == nil || n > 0: // the next Read returns the error
		return n, nil
	case err == io.EOF:
		return 0, fmt.Errorf("cdkblob: get %q: the bucket sent %d of %d bytes: %w", c.id, c.place, c.size, io.ErrUnexpectedEOF)
	}
	return 0, c.blobs.failed(c.ctx, "get", c.id, err)
}

// move opens the content at the offset, unless the reader is there.
func (c *content) move() error {
	if c.reader != nil && c.place == c.offset {
		return nil
	}
	b := c.blobs
	if err := b.begin(c.ctx); err != nil {
		return err
	}
	defer b.gate.Leave()
	c.release()
	r, err := b.bucket.NewRangeReader(c.ctx, b.key(c.id), c.offset, -1, nil)
	if err != nil {
		if now, failed := b.bucket.Attributes(c.ctx, b.key(c.id)); failed == nil && now.Size != c.size {
			return c.replaced() // by a content that may end before the offset, which some services refuse
		}
		return b.failed(c.ctx, "get", c.id, err)
	}
	if r.Size() != c.size || !r.ModTime().Equal(c.put) {
		_ = r.Close()
		return c.replaced()
	}
	c.reader, c.place = r, c.offset
	return nil
}

func (c *content) replaced() error {
	return fmt.Errorf("%w: %q was replaced while it was read", store.ErrNoBlob, c.id)
}

// release closes the reader. It was read as far as somebody wanted, so its error says nothing.
func (c *content) release() {
	if c.reader != nil {
		_ = c.reader.Close()
		c.reader = nil
	}
}

// Seek notes from where the next Read reads.
func (c *content) Seek(offset int64, whence int) (int64, error) {
	var from int64
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		from = c.offset
	case io.SeekEnd:
		from = c.size
	default:
		return 0, errSeek
	}
	if offset < -from || from+offset < 0 {
		return 0, errSeek
	}
	c.offset = from + offset
	return c.offset, nil
}

// Close ends the reading.
func (c *content) Close() error {
	c.closed = true
	c.release()
	return nil
}
