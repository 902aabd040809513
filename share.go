package groupkit

import (
	"context"
	"encoding/json"
	"sync"

	"groupkit/store"
)

// share shows the store to other processes, if Options.Share is set.
func (e *Engine) share() (err error) {
	if e.opts.Share != nil {
		e.shown, err = e.opts.Share(e.store, sharedContents{e.blobs, e}, func() ([]byte, error) { return json.Marshal(e.Stats()) })
	}
	return err
}

// unshare ends what share has begun: the store waits for those who look at it.
func (e *Engine) unshare() {
	if e.shown != nil {
		_ = e.shown.Close() // nothing can be lost
	}
}

// sharedContents are the contents that other processes see. They can be held, for a backup that another process makes.
type sharedContents struct {
	store.Blobs

	eng *Engine
}

// Hold keeps the contents that are there from being removed; see [store.Holder].
func (s sharedContents) Hold(ctx context.Context) (held context.Context, release func() error, err error) {
	held, h, err := s.eng.holdContents(ctx)
	if err != nil {
		return nil, nil, err
	}
	return held, sync.OnceValue(func() error {
		lost := context.Cause(held)
		h.end(ctx)
		return lost
	}), nil
}
