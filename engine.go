package groupkit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"groupkit/store"
)

// An Engine keeps groups. It is opened once for a file, or a store, and may be
// used by any number of goroutines at once. What can be done with groups are the
// methods of an Actor: System and As make one.
type Engine struct {
	store  store.Store
	blobs  store.Blobs
	limits Limits
	opts   Options
	id     string // of this engine, among all that ever use the store

	background context.Context // ends when the engine closes
	cancel     context.CancelFunc
	tasks      sync.WaitGroup
	closing    sync.Once
	closeErr   error
	closed     atomic.Bool
	cache      *cache // nil where others change the store too
	hub        hub
	atomics    atomics
}

// The operations of an Engine.
const (
	OpClose  Op = "close"
	OpBackup Op = "back up"
)

// Close waits for the transactions under way, stops what runs in the background
// and closes the store. Every later call gives ErrClosed; a second Close returns
// what the first did.
func (e *Engine) Close() error {
	if e.atomics.here() {
		return wrap(OpClose, "", ErrNested)
	}
	e.closing.Do(func() {
		e.closed.Store(true)
		e.cancel()
		e.hub.close()
		e.tasks.Wait()
		e.closeErr = wrap(OpClose, "", errors.Join(e.store.Close(), e.blobs.Close()))
	})
	return e.closeErr
}

// Backup writes a consistent copy of the store to w while it stays in use. What it
// writes of a file of bbolt is a file that Open opens. The contents of shared files
// are not in it: their folder is to be copied afterwards. A store that cannot be
// copied gives ErrStorage.
func (e *Engine) Backup(ctx context.Context, w io.Writer) error {
	if e.atomics.here() {
		return wrap(OpBackup, "", ErrNested)
	}
	return wrap(OpBackup, "", storage(store.Backup(ctx, e.store, w)))
}

// now is the time in milliseconds, held within what the records can express.
func (e *Engine) now() int64 {
	return min(max(millis(e.opts.Clock()), 1), 1<<46)
}

func (e *Engine) view(ctx context.Context, fn func(store.Reader) error) error {
	if e.atomics.here() {
		return ErrNested
	}
	return disown(e.store.View(ctx, func(r store.Reader) error { return own(fn(r)) }))
}

func (e *Engine) update(ctx context.Context, fn func(store.Writer) error) error {
	if e.atomics.here() {
		return ErrNested
	}
	return disown(e.store.Update(ctx, func(w store.Writer) error { return own(fn(w)) }))
}

// An ownError is what a function in a transaction has returned. What else a transaction
// fails with is of the store, even if the function has failed too.
type ownError struct{ err error }

func (e *ownError) Error() string { return e.err.Error() }

func (e *ownError) Unwrap() error { return e.err }

func own(err error) error {
	if err == nil {
		return nil
	}
	return &ownError{err}
}

func disown(err error) error {
	if e, ok := err.(*ownError); ok { //nolint:errorlint // the store returns it unchanged
		return e.err
	}
	return storage(err)
}

// atomics knows the goroutines on which a function given to Atomic runs, so that a call
// of the engine from there can be refused: it would wait for the transaction that it is
// part of.
type atomics struct {
	running atomic.Int32
	ids     sync.Map
}

func (x *atomics) run(fn func() error) error {
	id := goroutine()
	x.ids.Store(id, true)
	x.running.Add(1)
	defer func() {
		x.running.Add(-1)
		x.ids.Delete(id)
	}()
	return fn()
}

// here reports whether the caller runs inside Atomic.
func (x *atomics) here() bool {
	if x.running.Load() == 0 {
		return false
	}
	_, ok := x.ids.Load(goroutine())
	return ok
}

// goroutine is the number of the calling goroutine, which its stack trace begins with.
// Nothing but the refusal of calls that would never return depends on it.
func goroutine() string {
	var buf [40]byte
	line := buf[:runtime.Stack(buf[:], false)]
	line, _, _ = bytes.Cut(bytes.TrimPrefix(line, []byte("goroutine ")), []byte(" "))
	return string(line)
}
