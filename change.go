package groupkit

import (
	"context"
	"errors"
	"time"

	"groupkit/internal/record"
	"groupkit/store"
)

// An outcome is what a change has to tell its caller, besides an error. Which parts
// are filled in depends on the operation.
type outcome struct {
	known   bool // told again: an idempotency key had been used before
	group   Group
	result  Outcome
	until   time.Time
	results Results
	changed []Field

	dissolved bool // the group of someone forgotten was deleted
	file      File
}

// change runs a verb: it checks the arguments, lets the application have its say, and
// then loads, decides and writes in one transaction. A dry run writes nothing.
func (a Actor) change(ctx context.Context, cmd Command, argument error, rule func(*unit) error) (outcome, error) {
	cmd.Actor, cmd.Reason = a.user, a.reason
	out, err := a.transact(ctx, &cmd, argument, rule)
	group := cmd.Group
	if cmd.New != nil {
		group = cmd.New.ID // an id that the engine chose means nothing to a caller who is refused
	}
	return out, wrap(cmd.Op, group, err)
}

func (a Actor) transact(ctx context.Context, cmd *Command, argument error, rule func(*unit) error) (out outcome, err error) {
	if err := a.check(cmd.Group); err != nil {
		return out, err
	}
	if argument != nil {
		return out, argument
	}
	if a.still && !a.dry {
		return out, ErrNested
	}
	print, err := a.fingerprint(cmd)
	if err != nil {
		return out, err
	}
	if done, err := a.before(ctx, cmd, print, &out); done || err != nil {
		return out, err
	}
	unknown, err := a.eng.unknown(ctx, cmd)
	if err != nil {
		return out, err
	}
	err = a.update(ctx, func(r store.Reader, w store.Writer, s *settlement) error {
		out = outcome{}
		if known, err := a.recall(r, cmd, print, &out); known || err != nil {
			return err
		}
		u := a.unit(cmd)
		u.unknown = unknown
		err := a.decide(r, u, rule)
		out = u.outcome
		if err != nil || w == nil {
			return err
		}
		s.add(a.eng, u)
		return a.write(w, print, u)
	})
	if _, all := err.(*batchError); err != nil && !all { //nolint:errorlint // only what batch returns
		out = outcome{} // which did not come about
	}
	return out, err
}

// write writes what a call changed, and what is kept for its key. Within Atomic a call
// that is half written breaks the transaction, whatever it failed with.
func (a Actor) write(w store.Writer, print []byte, u *unit) error {
	err := a.remember(w, print, u)
	if err == nil {
		err = u.flush(w)
	}
	if a.tx != nil && err != nil {
		a.tx.err = err
	}
	return err
}

// before does what comes before the transaction: a call repeated with its idempotency
// key is answered, and the application's Guard is asked.
func (a Actor) before(ctx context.Context, cmd *Command, print []byte, out *outcome) (done bool, err error) {
	if a.dry || a.trusted || a.eng.opts.Guard == nil {
		return false, nil
	}
	if a.key != nil {
		err = a.view(ctx, func(r store.Reader) (err error) {
			done, err = a.recall(r, cmd, print, out)
			return err
		})
		if done || err != nil {
			return done, err
		}
	}
	return false, a.guard(ctx, cmd)
}

// decide loads what the rule needs and runs it.
func (a Actor) decide(r store.Reader, u *unit, rule func(*unit) error) error {
	if err := u.load(r); err != nil {
		return storage(err)
	}
	if err := rule(u); err != nil {
		return err
	}
	if err := u.finish(); err != nil {
		return err
	}
	if u.answer != nil {
		u.answer()
	}
	return nil
}

// update runs fn in a transaction: the one of Atomic that the actor belongs to, or one
// of its own. A dry run has no writer.
func (a Actor) update(ctx context.Context, fn func(store.Reader, store.Writer, *settlement) error) error {
	switch {
	case a.tx != nil:
		return a.tx.run(ctx, a.dry, fn)
	case a.dry:
		return a.eng.view(ctx, func(r store.Reader) error { return fn(r, nil, nil) })
	}
	var s settlement
	defer func() { s.forget(a.eng) }() // there is something left only after a panic
	err := a.eng.update(ctx, func(w store.Writer) error {
		s.forget(a.eng)
		return fn(w, w, &s)
	})
	return s.settle(ctx, a.eng, err)
}

// view runs fn on a snapshot: what the Atomic that the actor belongs to sees, or one of
// its own.
func (a Actor) view(ctx context.Context, fn func(store.Reader) error) error {
	if a.tx != nil {
		return a.tx.view(ctx, fn)
	}
	return a.eng.view(ctx, fn)
}

// A settlement is what is left to do when a transaction has been committed: subscribers
// are told, deletions finished, contents of files removed.
type settlement struct {
	units []*unit
}

// add notes a unit that is about to be written.
func (s *settlement) add(e *Engine, u *unit) {
	if len(u.call.Events) > 0 {
		s.units = append(s.units, u)
		e.hub.begin(u)
		e.cache.begin(u)
	}
}

// forget drops what an earlier run of the same transaction noted.
func (s *settlement) forget(e *Engine) {
	for _, u := range s.units {
		e.cache.end(u)
		e.hub.end(context.Background(), u, false)
	}
	s.units = nil
}

// settle ends the transaction that ended with err.
func (s *settlement) settle(ctx context.Context, e *Engine, err error) error {
	if err != nil {
		s.forget(e)
		return err
	}
	units := s.units
	s.units = nil
	for _, u := range units {
		e.cache.end(u)
		e.hub.end(context.WithoutCancel(ctx), u, true)
	}
	for _, u := range units {
		for _, content := range u.contents {
			_ = e.blobs.Delete(context.WithoutCancel(ctx), content) // what stays behind is swept at the next opening
		}
		if u.head.State == record.Deleting {
			err = errors.Join(err, e.finishDeletion(ctx, u.id))
		}
	}
	return err
}
