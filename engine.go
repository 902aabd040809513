package groupkit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"groupkit/internal/feed"
	"groupkit/internal/wordcache"
	"groupkit/store"
)

// An Engine manages the groups in one store. The application opens it once; any number of
// goroutines can use it at once. Every operation on groups is a method of an Actor, which
// System or As returns.
type Engine struct {
	store  store.Store
	blobs  store.Blobs
	limits Limits
	opts   Options
	id     string // unique among all engines that ever open the store

	background context.Context // ends when the engine closes
	cancel     context.CancelFunc
	tasks      sync.WaitGroup
	closing    sync.Once
	closeErr   error
	closed     atomic.Bool
	broker     *feed.Broker[Event]
	atomics    atomics

	words    *wordcache.Cache // what MaySpeak answers from; nil if other processes can change the store
	refusals *wordcache.Memo[refusal, error]
}

// The operations of an Engine.
const (
	OpClose  Op = "close"
	OpBackup Op = "back up"
)

// Close waits for the running transactions, stops the background work and closes the store.
// Every later call returns ErrClosed. A second Close returns the result of the first.
// Returns ErrNested inside Atomic.
func (e *Engine) Close() error {
	if e.atomics.here() {
		return wrap(OpClose, "", ErrNested)
	}
	e.closing.Do(func() {
		e.closed.Store(true)
		e.cancel()
		e.broker.WakeAll()
		e.tasks.Wait()
		e.closeErr = wrap(OpClose, "", errors.Join(e.store.Close(), e.blobs.Close()))
	})
	return e.closeErr
}

// Backup writes a consistent copy of the store to w while the store is in use. The copy of
// a bbolt file is a file that Open can open. It does not contain the contents of shared
// files: copy their folder afterwards.
// Returns ErrStorage if the store does not support copies or w fails, ErrNested inside
// Atomic.
func (e *Engine) Backup(ctx context.Context, w io.Writer) error {
	if e.atomics.here() {
		return wrap(OpBackup, "", ErrNested)
	}
	return wrap(OpBackup, "", storage(store.Backup(ctx, e.store, w)))
}

// now returns the time of Options.Clock in milliseconds, clamped to the range that records
// can store.
func (e *Engine) now() int64 {
	return min(max(millis(e.opts.Clock()), 1), 1<<46)
}

func (e *Engine) view(ctx context.Context, fn func(store.Reader) error) error {
	if e.atomics.here() {
		return ErrNested
	}
	return unwrapCallerError(e.store.View(ctx, func(r store.Reader) error { return markCallerError(fn(r)) }))
}

func (e *Engine) update(ctx context.Context, fn func(store.Writer) error) error {
	if e.atomics.here() {
		return ErrNested
	}
	return unwrapCallerError(e.store.Update(ctx, func(w store.Writer) error { return markCallerError(fn(w)) }))
}

// A callerError marks an error that the caller's function returned in a transaction. Every
// other error of a transaction is an error of the store, even if the function failed too.
type callerError struct{ err error }

func (e *callerError) Error() string { return e.err.Error() }

func (e *callerError) Unwrap() error { return e.err }

func markCallerError(err error) error {
	if err == nil {
		return nil
	}
	return &callerError{err}
}

func unwrapCallerError(err error) error {
	if e, ok := err.(*callerError); ok { //nolint:errorlint // the store returns it unchanged
		return e.err
	}
	return storage(err)
}

// atomics records the goroutines that are running the function of an Atomic. A call of the
// engine from such a goroutine would wait for the transaction that it is part of, forever.
// It is therefore refused with ErrNested.
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

// here reports whether the calling goroutine runs the function of an Atomic.
func (x *atomics) here() bool {
	if x.running.Load() == 0 {
		return false
	}
	_, ok := x.ids.Load(goroutine())
	return ok
}

// goroutine returns the number of the calling goroutine, which is at the start of its stack
// trace. The number is used only to refuse calls that would wait forever.
func goroutine() string {
	var buf [40]byte
	line := buf[:runtime.Stack(buf[:], false)]
	line, _, _ = bytes.Cut(bytes.TrimPrefix(line, []byte("goroutine ")), []byte(" "))
	return string(line)
}
