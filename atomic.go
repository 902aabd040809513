package groupkit

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"groupkit/store"
)

// A Scope hands out actors: an Engine does, a Tx, and what a Guard is given.
type Scope interface {
	System() Actor
	As(UserID) Actor
}

// A Tx is a transaction that several calls share. Its actors see what the calls before
// them changed. It is good for nothing once the function given to Atomic has returned.
type Tx struct {
	eng  *Engine
	w    store.Writer
	s    settlement
	err  error // what broke the transaction
	done bool
}

// Atomic runs fn, and what the actors of tx change in it is made in one transaction,
// on one group or several: all of it, if fn returns nil, or nothing, and then the error
// of fn is returned as it is. A call that is refused changes nothing; fn decides
// whether to go on without it. Subscribers hear of the events afterwards, in order.
//
// fn may be run more than once, and on another goroutine; it must have no other effect.
// It holds other writers up, so it should be quick. In it the engine's own calls, those
// of actors that are not tx's, refuse with ErrNested instead of waiting for ever; so
// does the upload of a file. MaySpeak alone may answer, from memory, what has been so
// before.
func (e *Engine) Atomic(ctx context.Context, fn func(tx *Tx) error) error {
	var s settlement
	defer func() { s.forget(e) }() // there is something left only after a panic
	err := e.update(ctx, func(w store.Writer) error {
		s.forget(e)
		tx := &Tx{eng: e, w: w}
		defer func() { tx.done, s = true, tx.s }()
		if err := e.atomics.run(func() error { return fn(tx) }); err != nil {
			return own(err)
		}
		return tx.err
	})
	err = s.settle(ctx, e, err)
	if e, ok := err.(*ownError); ok { //nolint:errorlint // as in disown
		return e.err
	}
	return wrap(OpAtomic, "", err)
}

// System is Engine.System within the transaction.
func (tx *Tx) System() Actor { return tx.actor(tx.eng.System()) }

// As is Engine.As within the transaction.
func (tx *Tx) As(user UserID) Actor { return tx.actor(tx.eng.As(user)) }

func (tx *Tx) actor(a Actor) Actor {
	a.tx = tx
	return a
}

// Bucket returns the application's own space of that name in the store, apart from the
// engine's: what is written there is written with the transaction or not at all. With a
// bbolt file it is the bucket of that name. A store that has no such thing gives an
// error that matches ErrStorage.
func (tx *Tx) Bucket(name string) (store.Writer, error) {
	if tx.done {
		return nil, wrap(OpAtomic, "", ErrClosed)
	}
	w, err := store.Bucket(tx.w, name)
	return w, wrap(OpAtomic, "", storage(err))
}

// Bucket reads from the application's own space of that name, on one snapshot.
func (e *Engine) Bucket(ctx context.Context, name string, fn func(store.Reader) error) error {
	err := e.view(ctx, func(r store.Reader) error {
		bucket, err := store.BucketReader(r, name)
		if err != nil {
			return storage(err)
		}
		return own(fn(bucket))
	})
	if e, ok := err.(*ownError); ok { //nolint:errorlint // as in disown
		return e.err
	}
	return wrap(OpBucket, "", err)
}

// run is update for an actor of the transaction. An error of the store breaks the
// transaction, as a call may then be half written.
func (tx *Tx) run(ctx context.Context, dry bool, fn func(store.Reader, store.Writer, *settlement) error) error {
	if err := tx.usable(ctx); err != nil {
		return err
	}
	w := tx.w
	if dry {
		w = nil
	}
	err := fn(tx.w, w, &tx.s)
	if err != nil && classOf(err) != nil {
		tx.err = err
	}
	return err
}

func (tx *Tx) view(ctx context.Context, fn func(store.Reader) error) error {
	if err := tx.usable(ctx); err != nil {
		return err
	}
	return fn(tx.w)
}

func (tx *Tx) usable(ctx context.Context) error {
	switch {
	case tx.done:
		return ErrClosed
	case tx.err != nil:
		return tx.err
	}
	return ctx.Err()
}

// guard asks the application whether it refuses the command.
func (a Actor) guard(ctx context.Context, cmd *Command) error {
	if err := a.eng.opts.Guard(ctx, cmd.clone(), stillScope{a.eng, a.tx}); err != nil {
		return fmt.Errorf("%w: %w", ErrVetoed, err)
	}
	return nil
}

// asked is the actor in a call of which the Guard has been asked.
func (a Actor) asked() Actor {
	a.trusted = true
	return a
}

// A stillScope hands out actors that may only read.
type stillScope struct {
	eng *Engine
	tx  *Tx
}

func (s stillScope) System() Actor { return s.still(s.eng.System()) }

func (s stillScope) As(user UserID) Actor { return s.still(s.eng.As(user)) }

func (s stillScope) still(a Actor) Actor {
	a.tx, a.still = s.tx, true
	return a
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
