package groupkit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"groupkit/internal/record"
	"groupkit/store"
)

// one runs a verb on one user.
func (a Actor) one(ctx context.Context, cmd Command, start func(*unit) error, rule func(*unit, UserID) error) error {
	user := cmd.Users[0]
	_, err := a.change(ctx, cmd, checkUserID(FieldUser, user), func(u *unit) error {
		if err := start(u); err != nil {
			return err
		}
		return rule(u, user)
	})
	return err
}

// timed runs a verb that lasts for the command's duration on its one user.
func (a Actor) timed(ctx context.Context, cmd Command, rule func(*unit) (time.Time, error)) (time.Time, error) {
	_, err := expiry(0, cmd.Duration)
	if err == nil {
		err = checkUserID(FieldUser, cmd.Users[0])
	}
	out, err := a.change(ctx, cmd, err, func(u *unit) (err error) {
		if err := u.start(discipline); err != nil {
			return err
		}
		u.outcome.until, err = rule(u)
		return err
	})
	return out.until, err
}

// batch runs a verb on many users. It fails as a whole if it fails for every one.
func (a Actor) batch(ctx context.Context, cmd Command, start func(*unit) error, rule func(*unit, UserID) (Result, error)) (Results, error) {
	a.many = true
	out, err := a.change(ctx, cmd, a.eng.checkBatch(cmd.Users), func(u *unit) error {
		if err := start(u); err != nil {
			return err
		}
		results := make(Results, len(cmd.Users))
		u.outcome.results = results
		var causes []error
		for i, user := range cmd.Users {
			err := checkUserID(FieldUser, user)
			if err == nil {
				results[i], err = rule(u, user)
			}
			results[i].User = user
			if err != nil {
				results[i].Err = wrap(cmd.Op, cmd.Group, err)
				causes = append(causes, results[i].Err)
			}
		}
		if len(causes) == len(results) {
			return &batchError{causes}
		}
		return nil
	})
	return out.results, err
}

// timedBatch is timed for many users.
func (a Actor) timedBatch(ctx context.Context, cmd Command, rule func(*unit, UserID) (Result, error)) (Results, error) {
	if _, err := expiry(0, cmd.Duration); err != nil {
		return nil, wrap(cmd.Op, cmd.Group, err)
	}
	return a.batch(ctx, cmd, starting(discipline), rule)
}

// starting is the start of a batch that the permission table judges.
func starting(what action) func(*unit) error {
	return func(u *unit) error { return u.start(what) }
}

// plain is the rule of a batch whose entries have nothing to tell but an error.
func plain(rule func(*unit, UserID) error) func(*unit, UserID) (Result, error) {
	return func(u *unit, user UserID) (Result, error) { return Result{}, rule(u, user) }
}

func (e *Engine) checkBatch(users []UserID) error {
	if len(users) == 0 {
		return invalid(FieldUsers, "is empty (1 to %d)", e.limits.Batch)
	}
	if len(users) > e.limits.Batch {
		return limited(ErrBatchTooLarge, e.limits.Batch, len(users))
	}
	return nil
}

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

// check refuses what is invalid about the actor or the group id, before anything is
// looked at.
func (a Actor) check(group GroupID) error {
	if err := a.checkActor(); err != nil {
		return err
	}
	return checkGroupID(group)
}

func (a Actor) checkActor() error {
	if a.named {
		if err := checkUserID(FieldActor, a.user); err != nil {
			return err
		}
	}
	return checkText(FieldReason, a.reason, 0, maxReason)
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

// guard asks the application whether it refuses the command.
func (a Actor) guard(ctx context.Context, cmd *Command) error {
	if err := a.eng.opts.Guard(ctx, cmd.clone(), stillScope{a.eng, a.tx}); err != nil {
		return fmt.Errorf("%w: %w", ErrVetoed, err)
	}
	return nil
}

// clone is a copy that shares nothing with the command.
func (c *Command) clone() Command {
	out := *c
	out.Users = slices.Clone(c.Users)
	if c.New != nil {
		group := *c.New
		group.Members = slices.Clone(group.Members)
		group.InviteNeedConfirm = clonePointer(group.InviteNeedConfirm)
		out.New = &group
	}
	if g := c.Update; g != nil {
		out.Update = &GroupUpdate{
			Name: clonePointer(g.Name), Description: clonePointer(g.Description), Avatar: clonePointer(g.Avatar), Custom: clonePointer(g.Custom),
			MaxUsers: clonePointer(g.MaxUsers), MembersOnly: clonePointer(g.MembersOnly),
			AllowInvites: clonePointer(g.AllowInvites), InviteNeedConfirm: clonePointer(g.InviteNeedConfirm),
		}
	}
	out.Forget = clonePointer(c.Forget)
	return out
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	return new(*p)
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

// unit makes an empty unit of work for the command.
func (a Actor) unit(cmd *Command) *unit {
	e := a.eng
	u := &unit{
		look: look{user: a.user, now: e.now(), policy: e.opts.OwnerLeave, version: a.version},
		id:   cmd.Group, limits: &e.limits, opts: &e.opts, cmd: cmd, state: newState(),
		groups: make(map[string]int),
	}
	u.look.head = &u.state.head
	u.look.me = new(record.Standing)
	u.before.standings = make(map[string]record.Standing)
	u.before.groups = make(map[string]int)
	u.before.files = make(map[string]*record.File)
	u.state.joined = func(user string, delta int) {
		if _, ok := u.groups[user]; !ok {
			u.bug = corrupt("the count of groups of user %q was not loaded", user)
		}
		u.groups[user] += delta
	}
	return u
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
