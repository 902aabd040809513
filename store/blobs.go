package store

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Blobs keeps the contents of shared files, which are too large for the tree of
// small records. Its methods may be called by any number of goroutines at once.
//
// An id is 1 to 200 characters of a–z, 0–9 and "-"; [CheckBlobID] refuses others.
type Blobs interface {
	// Put stores all that r yields under id, durably, and replaces what was
	// there. If r fails, or ctx ends, nothing is left behind, what was there
	// stays, and the error of r is returned unchanged.
	Put(ctx context.Context, id string, r io.Reader) error

	// Get opens the content for reading; the caller closes it. [ErrNoBlob] if
	// there is none. What has been opened can be read to its end although it is
	// deleted or replaced meanwhile.
	Get(ctx context.Context, id string) (io.ReadCloser, error)

	// Delete removes the content; one that is not there is no error.
	Delete(ctx context.Context, id string) error

	// List returns the ids after the given one in byte order, at most limit
	// (0 and more than MaxPage mean MaxPage), and whether there are more.
	// "" begins at the first.
	List(ctx context.Context, after string, limit int) (ids []string, more bool, err error)

	// Close releases what is held. Every later call fails with [ErrClosed]; a
	// second Close is no error.
	Close() error
}

// ErrNoBlob: there is no content of that id.
var ErrNoBlob = errors.New("store: no such content")

// ErrBlobID: an id that Blobs does not take.
var ErrBlobID = errors.New("store: invalid content id")

// MaxBlobID is the length of the longest id of a content, in bytes.
const MaxBlobID = 200

// CheckBlobID returns nil for an id that Blobs take, and an error that matches
// [ErrBlobID] otherwise.
func CheckBlobID(id string) error {
	if len(id) == 0 || len(id) > MaxBlobID {
		return fmt.Errorf("%w: %d bytes (1 to %d)", ErrBlobID, len(id), MaxBlobID)
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return fmt.Errorf("%w: %q at byte %d of %q", ErrBlobID, c, i, id)
		}
	}
	return nil
}
