package grouptest

import (
	"context"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/memblob"
)

// KeptBlobs outlive the engine that is opened over them.
type KeptBlobs struct{ store.Blobs }

func (KeptBlobs) Close() error { return nil }

// OpeningBlobs contents know when an engine has done what it does at its opening in the
// background: all but the sweeping of contents, where there are any.
type OpeningBlobs struct {
	*memblob.Blobs
	once sync.Once
	done chan struct{}
}

func (b *OpeningBlobs) List(ctx context.Context, after string, limit int) ([]string, bool, error) {
	defer b.once.Do(func() { close(b.done) })
	return b.Blobs.List(ctx, after, limit)
}

func (b *OpeningBlobs) Wait(t require.TestingT) {
	select {
	case <-b.done:
	case <-time.After(time.Minute):
		require.Fail(t, "the opening has no end")
	}
}

func NewOpeningBlobs(blobs *memblob.Blobs) *OpeningBlobs {
	return &OpeningBlobs{Blobs: blobs, done: make(chan struct{})}
}
