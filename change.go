package groupkit

import (
	"context"
	"fmt"
	"slices"

	"groupkit/internal/record"
	"groupkit/store"
)

// one runs a verb on the one user whom the command names.
func (a Actor) one(ctx context.Context, v verb, cmd Command) (Result, error) {
	user := cmd.Users[0]
	v.rule = func(c *change) (err error) {
		c.reply.result, err = v.each(c, user)
		return err
	}
	out, err := a.change(ctx, v, cmd)
	return out.result, err
}

// batch runs a verb on many users. It fails as a whole if it fails for every one.
func (a Actor) batch(ctx context.Context, v verb, cmd Command) (Results, error) {
	v.batch = true
	v.rule = func(c *change) error {
		results := make(Results, len(cmd.Users))
		c.reply.results = results
		var causes []error
		for i, user := range cmd.Users {
			err := checkUserID(FieldUser, user)
			if err == nil {
				results[i], err = v.each(c, user)
			}
			results[i].User = user
			if err != nil {
				if bug := repeatable(err); bug != nil {
					return bug
				}
				results[i].Err = wrap(v.op, cmd.Group, err)
				causes = append(causes, results[i].Err)
			}
		}
		if len(causes) == len(results) {
			return &batchError{causes}
		}
		return nil
	}
	out, err := a.change(ctx, v, cmd)
	return out.results, err
}

// A reply is what a change has to tell its caller, besides an error. Which parts are
// filled in depends on the verb.
type reply struct {
	known   bool // told again: an idempotency key had been used before
	group   Group
	result  Result // of a verb on one user, or by the actor alone
	results Results
	changed []Field
	file    File
	deleted bool // the group of someone forgotten was deleted
}

// change runs a verb: it checks the arguments, lets the application have its say, and
// then loads, decides and writes in one transaction. A dry run writes nothing.
func (a Actor) change(ctx context.Context, v verb, cmd Command) (reply, error) {
	cmd.Op, cmd.Actor, cmd.Reason = v.op, a.user, a.reason
	out, err := a.transact(ctx, &v, &cmd)
	group := cmd.Group
	if cmd.New != nil {
		group = cmd.New.ID // an id that the engine chose means nothing to a caller who is refused
	}
	return out, wrap(v.op, group, err)
}

func (a Actor) transact(ctx context.Context, v *verb, cmd *Command) (out reply, err error) {
	if err := a.checkCommand(v, cmd); err != nil {
		return out, err
	}
	digest, err := a.digest(v, cmd)
	if err != nil {
		return out, err
	}
	if done, err := a.preflight(ctx, v, cmd, digest, &out); done || err != nil {
		return out, err
	}
	strangers, err := a.eng.strangers(ctx, v, cmd)
	if err != nil {
		return out, err
	}
	err = a.update(ctx, func(r store.Reader, w store.Writer, after *afterCommit) error {
		out = reply{}
		if known, err := a.lookup(r, cmd, digest, &out); known || err != nil {
			return err
		}
		c := a.begin(cmd)
		c.loaded.strangers = strangers
		err := c.decide(r, v)
		out = c.reply
		if err != nil || w == nil {
			return err
		}
		effects := c.effects(v)
		after.add(a.eng, c, effects)
		return a.write(w, v, c, effects, digest)
	})
	if _, all := err.(*batchError); err != nil && !all { //nolint:errorlint // only what batch returns
		out = reply{} // which did not come about
	}
	return out, err
}

// checkCommand refuses what is not valid about a call before anything is looked at.
func (a Actor) checkCommand(v *verb, cmd *Command) error {
	if err := a.check(cmd.Group); err != nil {
		return err
	}
	if v.personal {
		if err := a.refuseSystem(); err != nil {
			return err
		}
	}
	if v.lasts {
		if _, err := expiry(0, cmd.Duration); err != nil {
			return err
		}
	}
	if v.check != nil {
		if err := v.check(&a.eng.limits, cmd); err != nil {
			return err
		}
	}
	if err := a.eng.limits.checkUsers(v, cmd.Users); err != nil {
		return err
	}
	if a.mode == readOnly {
		return ErrNested
	}
	return nil
}

// checkUsers refuses the users of a call that a verb cannot take.
func (l *Limits) checkUsers(v *verb, users []UserID) error {
	switch {
	case v.each == nil:
		return nil
	case !v.batch:
		return checkUserID(FieldUser, users[0])
	case len(users) == 0:
		return invalid(FieldUsers, "is empty (1 to %d users)", l.Batch)
	case len(users) > l.Batch:
		return limited(ErrBatchTooLarge, l.Batch, len(users))
	}
	return nil
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
	if a.isUser {
		if err := checkUserID(FieldActor, a.user); err != nil {
			return err
		}
	}
	return checkText(FieldReason, a.reason, 0, maxReason)
}

// preflight does what comes before the transaction: a call repeated with its idempotency
// key is answered, and the application's Guard is asked.
func (a Actor) preflight(ctx context.Context, v *verb, cmd *Command, digest []byte, out *reply) (done bool, err error) {
	if a.mode == dryRun || v.guarded || a.eng.opts.Guard == nil {
		return false, nil
	}
	if a.key != nil {
		err = a.view(ctx, func(r store.Reader) (err error) {
			done, err = a.lookup(r, cmd, digest, out)
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
	if err := a.eng.opts.Guard(ctx, cmd.clone(), readOnlyScope{a.eng, a.tx}); err != nil {
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

// strangers asks the application about those whom the verb would bring in, and returns
// those whom it does not know.
func (e *Engine) strangers(ctx context.Context, v *verb, cmd *Command) (map[UserID]bool, error) {
	if e.opts.UserExists == nil {
		return nil, nil
	}
	strangers := make(map[UserID]bool)
	for _, user := range e.newcomers(v, cmd) {
		if checkUserID(FieldUser, user) != nil {
			continue
		}
		ok, err := e.opts.UserExists(ctx, user)
		if err != nil {
			return nil, about(user, err)
		}
		if !ok {
			strangers[user] = true
		}
	}
	return strangers, nil
}

func (e *Engine) newcomers(v *verb, cmd *Command) []UserID {
	switch {
	case v.needs.known == askActor:
		return []UserID{cmd.Actor}
	case v.needs.known == askUsers, v.needs.known == askOutsiders && e.opts.BlockOutsiders:
		return cmd.Users
	}
	return nil
}

// update runs fn in a transaction: the one of Atomic that the actor belongs to, or one
// of its own. A dry run has no writer.
func (a Actor) update(ctx context.Context, fn func(store.Reader, store.Writer, *afterCommit) error) error {
	switch {
	case a.tx != nil:
		return a.tx.run(ctx, a.mode == dryRun, fn)
	case a.mode == dryRun:
		return a.eng.view(ctx, func(r store.Reader) error { return fn(r, nil, nil) })
	}
	var after afterCommit
	defer func() { after.discard(a.eng) }() // there is something left only after a panic
	err := a.eng.update(ctx, func(w store.Writer) error {
		after.discard(a.eng)
		return fn(w, w, &after)
	})
	return after.run(ctx, a.eng, err)
}

// view runs fn on a snapshot: what the Atomic that the actor belongs to sees, or one of
// its own.
func (a Actor) view(ctx context.Context, fn func(store.Reader) error) error {
	if a.tx != nil {
		return a.tx.view(ctx, fn)
	}
	return a.eng.view(ctx, fn)
}

// begin makes a change under way in which nothing is loaded.
func (a Actor) begin(cmd *Command) *change {
	e := a.eng
	c := &change{
		look: look{user: a.user, now: e.now(), policy: e.opts.OwnerLeave, version: a.version},
		id:   cmd.Group, limits: &e.limits, opts: &e.opts, cmd: cmd,
		loaded: newLoaded(), state: newState(), groups: make(map[string]int),
	}
	c.look.head = &c.state.head
	c.look.me = new(record.Standing)
	c.state.joined = c.countGroups
	return c
}

// decide loads what the verb needs and runs its rule.
func (c *change) decide(r store.Reader, v *verb) error {
	if err := c.load(r, &v.needs); err != nil {
		return storage(err)
	}
	if v.action != none {
		if err := c.start(v.action); err != nil {
			return err
		}
	}
	if err := v.rule(c); err != nil {
		return err
	}
	if err := c.finish(v.clears); err != nil {
		return err
	}
	if v.answer != nil {
		v.answer(c)
	}
	return nil
}

// write writes the effects of a call, and the reply under its key. Within Atomic a call
// that is half written breaks the transaction, whatever it failed with.
func (a Actor) write(w store.Writer, v *verb, c *change, f *effects, digest []byte) error {
	kept, err := a.save(w, v, digest, c.now, &c.reply)
	if err == nil {
		f.pairs = append(f.pairs, kept...)
		err = f.write(w, c.id)
	}
	if a.tx != nil && err != nil {
		a.tx.err = err
	}
	return err
}
