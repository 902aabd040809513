package groupkit

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"groupkit/internal/ahead"
	"groupkit/internal/feed"
	"groupkit/internal/seal"
	"groupkit/internal/wordcache"
	"groupkit/store"
)

// An Engine manages the groups in one store. The application opens it once; any number of
// goroutines can use it at once. Every operation on groups is a method of an Actor, which
// System or As returns. Only Open and New return an engine that can be used: with a nil or zero
// Engine every call returns ErrClosed.
type Engine struct {
	store     store.Store
	blobs     store.Blobs
	limits    Limits
	opts      Options
	id        string // unique among all engines that ever open the store
	shared    bool   // several processes can change the store
	observed  bool   // one other process changes the store, and this one reads
	unordered bool   // shared, and the store does not know the order of its commits
	sizes     store.Sizes
	turns     *turns // nil unless shared

	caring atomic.Bool // this engine does the background work of a shared store

	shown      io.Closer       // what Options.Share returned
	background context.Context // ends when the engine closes
	cancel     context.CancelFunc
	tasks      sync.WaitGroup
	closing    sync.Mutex // held by Close
	released   bool       // the store and the blobs are closed
	closeErr   error      // what Close returned then
	closed     atomic.Bool
	broker     *feed.Broker[delivery]
	atomics    atomics
	contents   contents
	retained   retained
	floor      floorRaiser            // on a shared store
	history    atomic.Pointer[string] // of the identity of the database
	opening    atomic.Uint64          // the number of the opening, of the identity
	pending    atomic.Pointer[Pending]
	counts     atomic.Pointer[Counts] // the last ones; nil: nothing was counted
	meters     meters

	words    *wordcache.Cache // what MaySpeak answers from; nil if it always reads the store
	refusals *wordcache.Memo[refusal, error]
}

// now returns the time of Options.Clock in milliseconds, or ErrClock if records cannot store it.
// 0 means no time in a record, so the first millisecond of 1970 counts as the second.
func (e *Engine) now() (int64, error) {
	t := e.opts.Clock().UTC()
	if year := t.Year(); year < firstYear || year > lastYear {
		return 0, fmt.Errorf("%w: %s (years %d to %d)", ErrClock, t.Format(time.RFC3339), firstYear, lastYear)
	}
	return max(millis(t), 1), nil
}

// dueBy returns the time before which background work considers entries as expired: now, less
// what other clocks can be behind.
func (e *Engine) dueBy() (int64, error) {
	now, err := e.now()
	return max(now-e.opts.MaxSkew.Milliseconds(), 1), err
}

// alone reports whether no other process changes the store.
func (e *Engine) alone() bool { return !e.shared && !e.observed }

// staleness is for how long MaySpeak may answer from what it has read before; 0 means until the
// engine changes it.
func (e *Engine) staleness() time.Duration {
	if e.alone() {
		return 0
	}
	return e.opts.MaxStaleness
}

// newID returns the current time and a UUID that begins with it.
func (e *Engine) newID() (now int64, id uuid.UUID, err error) {
	if now, err = e.now(); err == nil {
		id, err = newUUID(now)
	}
	return now, id, err
}

// usable returns ErrClosed if the engine was never opened, and ErrNested if the calling goroutine
// runs the function of an Atomic.
func (e *Engine) usable() error {
	switch {
	case !e.opened():
		return ErrClosed
	case e.atomics.here():
		return ErrNested
	}
	return nil
}

// usableToWrite is usable for a call that can write. It returns ErrReadOnly if the engine writes nothing.
func (e *Engine) usableToWrite() error {
	err := e.usable()
	if err == nil && e.opts.ReadOnly {
		err = ErrReadOnly
	}
	return err
}

// presentHistory returns the ID of the history of the database; "" before the opening has read it.
func (e *Engine) presentHistory() string {
	if id := e.history.Load(); id != nil {
		return *id
	}
	return ""
}

// opened reports whether New made the engine. A nil or zero Engine was never opened.
func (e *Engine) opened() bool { return e != nil && e.store != nil }

// view runs fn on a snapshot of the records. Their seals are checked and removed.
func (e *Engine) view(ctx context.Context, fn func(store.Reader) error) error {
	return e.viewSkipping(ctx, nil, nil, fn)
}

// viewSkipping is view, but leaves out the records whose seals are broken. It calls broken for
// each of them, if broken is not nil. s counts the runs of fn.
func (e *Engine) viewSkipping(ctx context.Context, s *span, broken func(key []byte, err error), fn func(store.Reader) error) error {
	if err := e.usable(); err != nil {
		return err
	}
	s.begin()
	return unwrapCallerError(e.store.View(ctx, func(r store.Reader) error {
		s.run()
		return markCallerError(fn(e.foreseeing(&seal.Reader{Store: r, Broken: broken})))
	}))
}

// foreseeing returns a reader that can read ahead, if each read of the store can be a round trip.
func (e *Engine) foreseeing(r store.Reader) store.Reader {
	if !e.alone() {
		return ahead.Over(r)
	}
	return r
}

// update runs fn in a transaction and seals the records that it writes. Once Close has been
// called it does nothing and returns ErrClosed, also if the store is still open.
func (e *Engine) update(ctx context.Context, fn func(store.Writer) error) error {
	return e.updateClosed(ctx, func(w store.Writer) error {
		if e.closed.Load() {
			return ErrClosed
		}
		return fn(w)
	})
}

// updateClosed is update while the engine is being closed. If ctx has ended when fn returns, the
// transaction is not committed: a store does not look at ctx after it has called fn.
func (e *Engine) updateClosed(ctx context.Context, fn func(store.Writer) error) (failed error) {
	if err := e.usableToWrite(); err != nil {
		return err
	}
	defer running(&e.meters.updating)()
	began := time.Now()
	failed = unwrapCallerError(e.store.Update(ctx, func(w store.Writer) error {
		err := fn(seal.NewWriter(w))
		if err == nil {
			err = ctx.Err()
		}
		return markCallerError(err)
	}))
	if failed == nil {
		e.meters.updates.Record(time.Since(began))
	}
	return failed
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
