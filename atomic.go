package groupkit

import (
	"context"

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
	eng   *Engine
	w     store.Writer
	after afterCommit
	err   error // what broke the transaction
	done  bool
}

// The operations of transactions.
const (
	OpAtomic Op = "atomic"
	OpBucket Op = "read bucket"
)

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
	var after afterCommit
	defer func() { after.discard(e) }() // there is something left only after a panic
	err := e.update(ctx, func(w store.Writer) error {
		after.discard(e)
		tx := &Tx{eng: e, w: w}
		defer func() { tx.done, after = true, tx.after }()
		if err := e.atomics.run(func() error { return fn(tx) }); err != nil {
			return markCallerError(err)
		}
		return tx.err
	})
	err = after.run(ctx, e, err)
	if e, ok := err.(*callerError); ok { //nolint:errorlint // as in unwrapCallerError
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
		return markCallerError(fn(bucket))
	})
	if e, ok := err.(*callerError); ok { //nolint:errorlint // as in unwrapCallerError
		return e.err
	}
	return wrap(OpBucket, "", err)
}

// run is update for an actor of the transaction. An error of the store breaks the
// transaction, as a call may then be half written.
func (tx *Tx) run(ctx context.Context, dry bool, fn func(store.Reader, store.Writer, *afterCommit) error) error {
	if err := tx.usable(ctx); err != nil {
		return err
	}
	w := tx.w
	if dry {
		w = nil
	}
	err := fn(tx.w, w, &tx.after)
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

// A readOnlyScope hands out actors that may only read.
type readOnlyScope struct {
	eng *Engine
	tx  *Tx
}

func (s readOnlyScope) System() Actor { return s.actor(s.eng.System()) }

func (s readOnlyScope) As(user UserID) Actor { return s.actor(s.eng.As(user)) }

func (s readOnlyScope) actor(a Actor) Actor {
	a.tx, a.mode = s.tx, readOnly
	return a
}
