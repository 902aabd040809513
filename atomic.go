package groupkit

import (
	"cmp"
	"context"
	"errors"

	"groupkit/store"
)

// A Scope returns actors. An [Engine] and a [Tx] are scopes. Options.Guard gets one whose
// actors can only read.
type Scope interface {
	System() Actor
	As(UserID) Actor
}

// A Tx is a transaction of several calls; see [Engine.Atomic]. A call of its actors sees what
// the earlier calls of the transaction changed. After the function given to Atomic has
// returned, calls of its actors return ErrClosed, as do those of a nil or zero Tx.
type Tx struct {
	eng   *Engine
	w     store.Writer
	after afterCommit // of all calls so far
	err   error       // the error of the store that made the transaction unusable
	done  bool        // the function has returned
}

// The operations Atomic and Bucket.
const (
	OpAtomic Op = "atomic"
	OpBucket Op = "read bucket"
)

// Atomic runs fn in one transaction. Everything that the actors of tx change, in one group or
// in several, is committed together if fn returns nil. If fn returns an error, nothing is
// changed, and Atomic returns that error unchanged. A refused call in fn changes nothing; fn
// decides whether to continue. Followers get the events after the commit, in order.
//
// fn can run more than once, and on another goroutine. It must therefore have no other effects.
// It blocks other writers, so it should be fast.
//
// Inside fn, only the actors of tx can be used. Calls of other actors of the engine return
// ErrNested instead of waiting forever, and so does UploadFile. The exception is MaySpeak: it
// can answer from memory, and then does not see the changes of the transaction.
//
// Returns ErrStorage if the store failed in a call of tx, even if fn returns nil, the error of
// ctx if ctx ended before the commit began, even if fn returns nil, ErrInvalid if fn is nil, and
// ErrNested inside another Atomic. In each case nothing is changed.
func (e *Engine) Atomic(ctx context.Context, fn func(tx *Tx) error) error {
	return e.observe(ctx, CallInfo{Op: OpAtomic}, func(s *span) error { return e.atomic(ctx, s, fn) })
}

func (e *Engine) atomic(ctx context.Context, s *span, fn func(tx *Tx) error) error {
	if err := e.usableToWrite(); err != nil {
		return wrap(OpAtomic, "", err)
	}
	if fn == nil {
		return wrap(OpAtomic, "", invalid("function", "is nil"))
	}
	var after afterCommit
	defer func() { after.discard(e) }() // effective only after a panic
	err := e.afterRenaming(ctx, func() error {
		s.begin()
		return e.decided(ctx, &after, false, func() error {
			return e.update(ctx, func(w store.Writer) error {
				s.run()
				after.discard(e)
				tx := &Tx{eng: e, w: w}
				defer func() { tx.done, after = true, tx.after }()
				err := e.atomics.run(func() error { return fn(tx) })
				if _, again := errors.AsType[*renamingError](tx.err); err != nil && !again {
					return markCallerError(err)
				}
				return tx.err
			})
		})
	})
	err = after.run(ctx, e, err)
	if e, ok := err.(*callerError); ok { //nolint:errorlint // only what markCallerError returned
		return e.err
	}
	return wrap(OpAtomic, "", err)
}

// System is [Engine.System] inside the transaction.
func (tx *Tx) System() Actor { return tx.actor(tx.engine().System()) }

// As is [Engine.As] inside the transaction.
func (tx *Tx) As(user UserID) Actor { return tx.actor(tx.engine().As(user)) }

// engine returns nil for a nil or zero Tx.
func (tx *Tx) engine() *Engine {
	if tx == nil {
		return nil
	}
	return tx.eng
}

func (tx *Tx) actor(a Actor) Actor {
	a.tx = cmp.Or(tx, new(Tx))
	return a
}

// Bucket returns a bucket of the application in the same store, separate from the data of the
// engine. Writes to it are part of the transaction. With a bbolt file it is the bbolt bucket
// with that name.
//
// Returns ErrStorage if the store has no buckets, ErrClosed after the transaction.
func (tx *Tx) Bucket(name string) (store.Writer, error) {
	if tx == nil || tx.done || tx.w == nil {
		return nil, wrap(OpAtomic, "", ErrClosed)
	}
	w, err := store.Bucket(tx.w, name)
	return w, wrap(OpAtomic, "", storage(err))
}

// Bucket calls fn with a bucket of the application; see [Tx.Bucket]. All reads of fn see the
// same snapshot. fn can run more than once. If fn returns an error, Bucket returns it unchanged.
//
// Returns ErrStorage if the store has no buckets, ErrInvalid if fn is nil, ErrNested inside Atomic.
func (e *Engine) Bucket(ctx context.Context, name string, fn func(store.Reader) error) error {
	return e.observe(ctx, CallInfo{Op: OpBucket}, func(s *span) error { return e.readBucket(ctx, s, name, fn) })
}

func (e *Engine) readBucket(ctx context.Context, s *span, name string, fn func(store.Reader) error) error {
	if err := e.usable(); err != nil {
		return wrap(OpBucket, "", err)
	}
	if fn == nil {
		return wrap(OpBucket, "", invalid("function", "is nil"))
	}
	err := e.viewSkipping(ctx, s, nil, func(r store.Reader) error {
		bucket, err := store.BucketReader(r, name)
		if err != nil {
			return storage(err)
		}
		return markCallerError(fn(bucket))
	})
	if e, ok := err.(*callerError); ok { //nolint:errorlint // only what markCallerError returned
		return e.err
	}
	return wrap(OpBucket, "", err)
}

// run is Actor.update for an actor of the transaction. After an error of the store the
// transaction cannot be committed, because a call can be partly written.
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

// view is Actor.view for an actor of the transaction.
func (tx *Tx) view(ctx context.Context, fn func(store.Reader) error) error {
	if err := tx.usable(ctx); err != nil {
		return err
	}
	return fn(tx.w)
}

// usable returns an error if the transaction cannot be used any more.
func (tx *Tx) usable(ctx context.Context) error {
	switch {
	case tx.done:
		return ErrClosed
	case tx.err != nil:
		return tx.err
	}
	return ctx.Err()
}

// A readOnlyScope is the Scope of a Guard. Its actors can only read; within Atomic they read
// inside the transaction.
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
