package groupkit

import (
	"context"
	"errors"

	"groupkit/internal/record"
	"groupkit/store"
)

// The operation of Close.
const OpClose Op = "close"

// Close waits for the running transactions, stops the background work and closes the store.
// Every later call returns ErrClosed. A second Close returns the result of the first.
//
// With SyncInterval, Close saves the last changes. If that fails, for example because the
// device is full, Close returns an error that matches ErrStorage and store.ErrUnsaved. The
// changes stay in memory, and Close can be called again. Returns ErrNested inside Atomic.
func (e *Engine) Close() error {
	return e.observe(context.Background(), CallInfo{Op: OpClose}, func(*span) error { return e.close() })
}

func (e *Engine) close() error {
	if err := e.usable(); err != nil {
		return wrap(OpClose, "", err)
	}
	e.closing.Lock()
	defer e.closing.Unlock()
	if e.released {
		return e.closeErr
	}
	e.closed.Store(true)
	e.unshare()
	saved := e.saveAll()
	e.cancel()
	e.broker.Close()
	e.tasks.Wait()
	e.leave(saved)
	err := e.store.Close()
	if errors.Is(err, store.ErrUnsaved) {
		e.logClose(err)
		return wrap(OpClose, "", storage(err))
	}
	e.released = true
	e.closeErr = wrap(OpClose, "", errors.Join(err, e.blobs.Close()))
	e.logClose(e.closeErr)
	return e.closeErr
}

// saveAll makes everything durable that was committed before, and waits until followers have
// got it. It reports whether that succeeded. If not, Close of the store tries again.
func (e *Engine) saveAll() bool {
	heard := make(chan struct{})
	store.AfterSync(e.store, func() { close(heard) })
	if store.Sync(context.Background(), e.store) != nil {
		return false
	}
	<-heard
	return true
}

// leave writes the last records of the engine: which contents it has removed and, if
// everything is saved, that the history has its end. Errors are ignored: without the records
// the next opening does more than it must.
func (e *Engine) leave(saved bool) {
	if e.opts.ReadOnly {
		return
	}
	ctx := context.Background()
	if e.contents.are(ownedByUs) {
		removed, _ := e.removeContents(ctx, e.contents.handed())
		_ = e.contents.keep(removed)
	}
	removed, opened := e.contents.kept(), saved && store.Relaxed(e.store)
	if err := e.writeInParts(ctx, gone(removed)); err != nil || !opened {
		return
	}
	_ = e.updateClosed(ctx, func(w store.Writer) error {
		return changeIdentity(w, func(id *record.Identity) error { id.Open = false; return nil })
	})
}
