package grouptest

import (
	"context"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/memblob"
)

// KeptBlobs stay open when the engine over them is closed.
type KeptBlobs struct{ store.Blobs }

func (KeptBlobs) Close() error { return nil }

// OpeningBlobs are contents that tell when an engine has finished its work after the opening,
// except for the sweeping of contents if there are any.
type OpeningBlobs struct {
	*memblob.Blobs
	once sync.Once
	done chan struct{}
}

// List is the last thing that the opening does.
func (b *OpeningBlobs) List(ctx context.Context, after string, limit int) ([]string, bool, error) {
	defer b.once.Do(func() { close(b.done) })
	return b.Blobs.List(ctx, after, limit)
}

// Wait returns when the opening has done its work.
func (b *OpeningBlobs) Wait(t require.TestingT) {
	select {
	case <-b.done:
	case <-time.After(time.Minute):
		require.Fail(t, "the opening has no end")
	}
}

// NewOpeningBlobs wraps contents for one opening.
func NewOpeningBlobs(blobs *memblob.Blobs) *OpeningBlobs {
	return &OpeningBlobs{Blobs: blobs, done: make(chan struct{})}
}
