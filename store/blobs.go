package store

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Blobs stores the contents of shared files, which are too large for a [Store]. Any
// number of goroutines can call its methods at once.
//
// An ID has 1 to 200 characters from a–z, 0–9 and "-". The methods return an error for
// other IDs, as [CheckBlobID] does.
type Blobs interface {
	// Put stores all bytes of r under id and replaces the earlier content. The content is
	// durable when Put returns nil. If r fails or ctx ends, the earlier content stays and
	// nothing else is left behind. Put returns the error of r unchanged.
	Put(ctx context.Context, id string, r io.Reader) error

	// Get opens the content for reading. The caller closes it. Returns [ErrNoBlob] if
	// there is no content. An open content can be read to its end even if it is deleted
	// or replaced in the meantime.
	//
	// The content should be an [io.Seeker], so that a part of it can be read without what
	// lies before it. Seek can be lazy: it only notes the offset, and the next Read asks the
	// storage for the bytes from there on. If the storage keeps nothing of what was deleted or
	// replaced, that Read returns ErrNoBlob then, and never bytes of another content. Other
	// contents are read forward to reach an offset, and opened again to go back.
	Get(ctx context.Context, id string) (io.ReadCloser, error)

	// Delete removes the content, and what is left of a Put of id that a crash cut off. If
	// there is nothing, it returns nil. It does not disturb a Put that is running.
	Delete(ctx context.Context, id string) error

	// List returns the IDs greater than after, in byte order, at most limit of them. A
	// limit of 0 or more than MaxPage means MaxPage. If after is "", the list begins with
	// the first ID. more reports whether further IDs follow.
	List(ctx context.Context, after string, limit int) (ids []string, more bool, err error)

	// Close releases the resources. Every later call returns [ErrClosed]. A second Close
	// returns nil.
	Close() error
}

// ErrNoBlob: there is no content with the ID.
var ErrNoBlob = errors.New("store: no such content")

// ErrBlobID: the ID of a content is not valid.
var ErrBlobID = errors.New("store: invalid content id")

// MaxBlobID is the maximum length of the ID of a content, in bytes.
const MaxBlobID = 200

// CheckBlobID returns nil if the ID of a content is valid. Otherwise it returns an error
// that matches [ErrBlobID].
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
