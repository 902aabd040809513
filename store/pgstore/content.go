package pgstore

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"

	"groupkit/store"
)

// A content is a content that is open. It holds one chunk, and no connection between its reads.
type content struct {
	blobs  *Blobs
	ctx    context.Context
	upload []byte
	size   int64
	chunk  []byte // at place
	place  int64
	offset int64
	closed bool
}

var errSeek = errors.New("pgstore: seek to a negative position")

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
	if err := c.load(c.offset / chunkSize); err != nil {
		return 0, err
	}
	within := int(c.offset % chunkSize)
	if within >= len(c.chunk) {
		return 0, fmt.Errorf("%w: chunk %d of content %x has %d bytes", store.ErrCorrupt, c.place, c.upload, len(c.chunk))
	}
	n := copy(p, c.chunk[within:])
	c.offset += int64(n)
	return n, nil
}

// load reads the chunk at place unless it is there.
func (c *content) load(place int64) error {
	if place == c.place {
		return nil
	}
	b := c.blobs
	return b.call(c.ctx, func() error {
		var resting bool // the content is deleted, and nobody has read it for some time
		err := b.store.pool.QueryRow(c.ctx, b.statements.chunk, c.upload, place, (b.lifetime/4).Seconds()).Scan(&c.chunk, &resting)
		if err != nil {
			c.place = -1
			return b.failed(c.ctx, err)
		}
		if c.place = place; c.chunk == nil {
			c.place = -1
			return fmt.Errorf("%w: it was deleted some time ago", store.ErrNoBlob)
		}
		if resting {
			return b.send(c.ctx, func(batch *pgx.Batch) { batch.Queue(b.statements.touch, c.upload) })
		}
		return nil
	})
}

// Seek notes from where the next Read reads.
func (c *content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.offset
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, errSeek
	}
	c.offset = offset
	return offset, nil
}

// Close ends the reading.
func (c *content) Close() error {
	c.closed, c.chunk = true, nil
	return nil
}
