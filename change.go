package groupkit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"groupkit/internal/record"
	"groupkit/store"
)

// one runs a verb on the one user of the command.
func (a Actor) one(ctx context.Context, v verb, cmd Command) (Result, error) {
	user := cmd.Users[0]
	v.rule = func(c *change) (err error) {
		c.reply.result, err = v.each(c, user)
		return err
	}
	out, err := a.change(ctx, v, cmd)
	return out.result, err
}

// batch runs a verb on each user of the command. It fails only if every entry fails.
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
				if err := checkRecordable(err); err != nil {
					return err
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

// A reply is what a call returns besides its error. Which fields are set depends on the
// verb. The reply is recorded under the idempotency key.
type reply struct {
	repeated bool // the recorded reply of an earlier call with the same idempotency key
	group    Group
	result   Result // of a call about one user, or about the actor
	results  Results
	changed  []Field
	file     File
	deleted  bool // ForgetUser deleted the group
	pending  bool // the recorded reply is that of a call whose deletion of the group is not finished
}

// change runs a verb. It checks the arguments, asks the Guard and UserExists, and then loads,
// checks and writes in one transaction. A dry run writes nothing.
func (a Actor) change(ctx context.Context, v verb, cmd Command) (out reply, err error) {
	cmd.Op, cmd.Actor, cmd.Reason = v.op, a.user, a.reason
	err = a.observe(ctx, v.op, cmd.Group, len(cmd.Users), func(a Actor) (err error) {
		out, err = a.transact(ctx, &v, &cmd)
		group := cmd.Group
		if cmd.New != nil && !errors.Is(err, ErrUnknownOutcome) {
			group = cmd.New.ID // if the engine chose the ID, there is no group with it
		}
		return wrap(v.op, group, err)
	})
	return out, err
}

// transact is change without wrapping the error. Its order of checks is the documented one.
func (a Actor) transact(ctx context.Context, v *verb, cmd *Command) (out reply, err error) {
	if err := a.checkCommand(v, cmd); err != nil {
		return out, err
	}
	if err := a.checkKey(); err != nil {
		return out, err
	}
	if a.eng.limits.oversized(cmd) && a.mode == normal {
		dry := a
		dry.mode = dryRun
		if out, err := dry.transact(ctx, v, cmd); err != nil {
			return out, err
		}
	}
	if done, err := a.preflight(ctx, v, cmd, &out); done || err != nil {
		return out, err
	}
	strangers, err := a.eng.strangers(ctx, v, cmd)
	if err != nil {
		return out, err
	}
	err = a.afterRenaming(ctx, func() error {
		release, err := a.takeTurn(ctx, cmd.Group)
		if err != nil {
			return err
		}
		defer release()
		return a.update(ctx, func(r store.Reader, w store.Writer, after *afterCommit) error {
			out = reply{}
			r, err := a.foresee(r, w, v, cmd)
			if err != nil {
				return err
			}
			if known, err := a.lookup(r, v, cmd, &out); known || err != nil {
				return err
			}
			c, err := a.begin(cmd)
			if err != nil {
				return err
			}
			c.loaded.strangers = strangers
			err = c.decide(r, v)
			out = c.reply
			if err != nil || w == nil {
				return err
			}
			return a.commit(r, w, v, c, after)
		})
	})
	if out.pending && err == nil && a.tx == nil && a.mode == normal {
		err = a.eng.finishDeletion(ctx, cmd.Group)
	}
	if _, all := err.(*batchError); err != nil && !all { //nolint:errorlint // only what batch returns
		out = reply{} // a failed call must not return a reply
	}
	return out, err
}

// commit writes a call that was decided.
func (a Actor) commit(r store.Reader, w store.Writer, v *verb, c *change, after *afterCommit) error {
	if err := c.awaitsRenaming(); err != nil {
		return err
	}
	if err := c.number(r, w, len(after.calls)); err != nil {
		return err
	}
	c.mark()
	effects := c.effects(v)
	after.add(a.eng, c, effects)
	return a.write(r, w, v, c, effects)
}

// checkCommand checks everything about a call that needs no data from the store.
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
	return a.refuseReadOnly()
}

// oversized reports whether the command has a text or a file ID that is too long whatever it
// contains, and that only a rule can refuse: a text that is already so is never refused.
// Such a call is tried before it goes to the Guard and waits for the writer.
func (l *Limits) oversized(cmd *Command) bool {
	if len(cmd.File) > maxID {
		return true
	}
	long := func(text *string, most int) bool { return text != nil && len(*text)/utf8.UTFMax > most }
	g := cmd.Update
	if g == nil {
		return cmd.Op == OpSetAnnouncement && long(&cmd.Text, l.Announcement)
	}
	return long(g.Name, l.Name) || long(g.Description, l.Description) || long(g.Avatar, l.Avatar) || long(g.Custom, l.Custom)
}

// checkUsers checks the user ID of a single call, or the number of users of a batch. In a
// batch each user ID is checked later, because an entry with an invalid one fails alone.
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

// check checks the actor, the reason and the group ID.
func (a Actor) check(group GroupID) error {
	if err := a.checkActor(); err != nil {
		return err
	}
	return checkGroupID(group)
}

func (a Actor) checkActor() error {
	switch {
	case a.tx == nil && a.eng == nil:
		return invalid(FieldActor, "is the zero Actor")
	case !a.eng.opened():
		return ErrClosed
	}
	if a.isUser {
		if err := checkUserID(FieldActor, a.user); err != nil {
			return err
		}
	}
	return checkText(FieldReason, a.reason, a.eng.limits.Reason)
}

// preflight does the work before the transaction: it asks the Guard, but first looks for a
// recorded result of the idempotency key, because the Guard is not asked about a repeated
// call. done means that out is that result.
func (a Actor) preflight(ctx context.Context, v *verb, cmd *Command, out *reply) (done bool, err error) {
	if a.mode == dryRun || v.guarded || a.eng.opts.Guard == nil {
		return false, nil
	}
	if a.key != nil {
		err = a.view(ctx, func(r store.Reader) (err error) {
			done, err = a.lookup(r, v, cmd, out)
			return err
		})
		if done || err != nil {
			return done, err
		}
	}
	return false, a.guard(ctx, cmd)
}

// guard asks Options.Guard. A refusal returns ErrVetoed with the error of the Guard.
func (a Actor) guard(ctx context.Context, cmd *Command) error {
	if err := a.eng.opts.Guard(ctx, cmd.clone(), readOnlyScope{a.eng, a.tx}); err != nil {
		return fmt.Errorf("%w: %w", ErrVetoed, err)
	}
	return nil
}

// clone returns a deep copy of the command.
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

// strangers asks Options.UserExists about the users whom the verb would bring into a group.
// It returns those whom the application does not know.
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

// update runs fn in a transaction: the one of Atomic if the actor belongs to one, otherwise
// its own. In a dry run the writer is nil. The store can run fn more than once.
func (a Actor) update(ctx context.Context, fn func(store.Reader, store.Writer, *afterCommit) error) error {
	switch {
	case a.tx != nil:
		return a.tx.run(ctx, a.mode == dryRun, fn)
	case a.mode == dryRun:
		return a.eng.viewSkipping(ctx, a.span, nil, func(r store.Reader) error { return fn(r, nil, nil) })
	}
	var after afterCommit
	defer func() { after.discard(a.eng) }() // calls are left only after a panic
	a.span.begin()
	err := a.eng.decided(ctx, &after, true, func() error {
		return a.eng.update(ctx, func(w store.Writer) error {
			a.span.run()
			after.discard(a.eng)
			return fn(w, w, &after)
		})
	})
	return after.run(ctx, a.eng, err)
}

// view runs fn on a snapshot: the one of Atomic if the actor belongs to one, otherwise its
// own.
func (a Actor) view(ctx context.Context, fn func(store.Reader) error) error {
	if a.tx != nil {
		return a.tx.view(ctx, fn)
	}
	return a.eng.viewSkipping(ctx, a.span, nil, fn)
}

// begin returns a change in which nothing is loaded yet.
func (a Actor) begin(cmd *Command) (*change, error) {
	e := a.eng
	now, err := e.now()
	if err != nil {
		return nil, err
	}
	c := &change{
		access: access{user: a.user, now: now, policy: e.opts.OwnerLeave, version: a.version},
		id:     cmd.Group, due: now, limits: &e.limits, opts: &e.opts, cmd: cmd, shared: e.shared,
		loaded: newLoaded(), state: newState(), groups: make(map[string]int),
	}
	c.access.head = &c.state.head
	c.access.me = new(record.Standing)
	c.state.joined = c.countGroups
	return c, nil
}

// decide loads what the verb needs, checks the permission and runs the rule.
func (c *change) decide(r store.Reader, v *verb) error {
	if err := c.loadFirst(r); err != nil {
		return storage(err)
	}
	if v.action != none {
		if err := c.begin(v.action); err != nil {
			return err
		}
	}
	if err := c.load(r, &v.needs); err != nil {
		return storage(err)
	}
	if err := v.rule(c); err != nil {
		return err
	}
	c.endInvitations()
	if err := c.finish(v.clears); err != nil {
		return err
	}
	if v.answer != nil {
		v.answer(c)
	}
	return nil
}

// write writes the effects of a call, and its reply under the idempotency key. Inside Atomic
// any error here breaks the whole transaction, because the call may be half written.
func (a Actor) write(r store.Reader, w store.Writer, v *verb, c *change, f *effects) error {
	kept, err := a.save(r, v, c.cmd, c.now, &c.reply)
	if err == nil {
		f.pairs = append(f.pairs, kept...)
		err = a.eng.refuseTooLarge(f.pairs)
	}
	if err == nil {
		err = write(w, f.pairs)
	}
	if err == nil && c.logged() {
		store.Announce(w, string(c.id))
	}
	if a.tx != nil && err != nil {
		a.tx.err = err
	}
	return err
}
