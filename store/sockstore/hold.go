package sockstore

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"groupkit/store"
)

var errHoldLost = errors.New("sockstore: the other process does not hold the contents any more")

// Hold keeps the contents that are there from being deleted until release is called; see store.Holder. Returns
// store.ErrNotSupported if the other process shares contents that cannot be held.
func (b *Blobs) Hold(ctx context.Context) (held context.Context, release func() error, err error) {
	l, err := b.c.take(ctx)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	if _, err = l.ask(&question{Op: hold}); err == nil && !stop() {
		err = ctx.Err()
	}
	if err != nil {
		stop()
		_ = l.Close()
		return nil, nil, err
	}
	held, lose := context.WithCancelCause(ctx)
	ended := make(chan error, 1)
	go func() {
		_, err := l.listen() // the answer to the end
		if err != nil {
			err = fmt.Errorf("%w: %w", errHoldLost, err)
		}
		lose(err)
		ended <- err
	}()
	return held, sync.OnceValue(func() error {
		failed := l.out.Encode(&question{Op: end})
		if failed != nil {
			_ = l.Close() // so the goroutine ends
		}
		err := <-ended
		_ = l.Close()
		return err
	}), nil
}

// hold holds the contents until the client says the end, or has gone.
func (c *conversation) hold() bool {
	held, release, err := store.Hold(c.ctx, c.blobs)
	if err != nil {
		return c.say(nil, err)
	}
	defer func() { _ = release() }()
	stop := context.AfterFunc(held, func() { _ = c.line.Close() }) // so the client hears of it
	if !c.say(&answer{}, nil) {
		stop()
		return false
	}
	q, ok := c.hear(0)
	stop()
	err = release()
	return ok && q.Op == end && c.say(&answer{}, err)
}
