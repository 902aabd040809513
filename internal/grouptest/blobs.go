package grouptest

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit/store"
)

// KeptBlobs stay open when the engine over them is closed.
type KeptBlobs struct{ store.Blobs }

func (KeptBlobs) Close() error { return nil }

// An Opening tells when an engine has finished its work after the opening. It is the logger of
// that engine.
type Opening struct {
	slog.Handler
	once sync.Once
	done chan struct{}
}

// NewOpening makes an Opening for one opening.
func NewOpening() *Opening {
	return &Opening{Handler: slog.DiscardHandler, done: make(chan struct{})}
}

// Logger is for the options of the engine.
func (o *Opening) Logger() *slog.Logger { return slog.New(o) }

// Enabled lets everything through.
func (o *Opening) Enabled(context.Context, slog.Level) bool { return true }

// Handle waits for what the engine says last.
func (o *Opening) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "groupkit: the work after the opening has ended" {
		o.once.Do(func() { close(o.done) })
	}
	return nil
}

// Wait returns when the opening has done its work.
func (o *Opening) Wait(t require.TestingT) {
	select {
	case <-o.done:
	case <-time.After(time.Minute):
		require.Fail(t, "the opening has no end")
	}
}
