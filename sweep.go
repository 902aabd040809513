package groupkit

import (
	"bytes"
	"context"
	"errors"
	"groupkit/internal/key"
	"groupkit/store"
	"slices"
	"time"
)

// The operation of Sweep.
const OpSweep Op = "sweep"

// Sweep clears away mutes, blocks, join requests and invitations that have expired,
// with an event for each kind and group, and returns how many. Nothing depends on
// it: what has expired has no effect from that instant on, and no list shows it. It also
// forgets outcomes whose idempotency keys have lived their life, and takes off the logs
// what Options.Retention does not keep.
func (e *Engine) Sweep(ctx context.Context) (int, error) {
	cleared, err := e.sweepExpired(ctx)
	if err != nil {
		return cleared, err
	}
	for n := 1; err == nil && n > 0; {
		err = e.update(ctx, func(w store.Writer) (err error) {
			n, err = e.sweepOnce(w)
			return err
		})
	}
	if err == nil {
		err = e.cutLogs(ctx)
	}
	return cleared, wrap(OpSweep, "", err)
}

// sweepAlways runs Sweep again and again.
func (e *Engine) sweepAlways() {
	tick := time.NewTicker(e.opts.SweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if _, err := e.Sweep(e.background); err != nil && e.background.Err() == nil {
				e.opts.Logger.Error("groupkit: sweep failed", "err", err)
			}
		case <-e.background.Done():
			return
		}
	}
}

// sweepStep is how many expired things one transaction of Sweep looks up.
const sweepStep = 256

func (e *Engine) sweepExpired(ctx context.Context) (int, error) {
	cleared := 0
	for stuck := [][]byte(nil); ; {
		// Each round clears something away, here or in another call that did it first,
		// so that the rounds come to an end.
		due, err := e.overdue(ctx)
		if err != nil || len(due.keys) == 0 {
			return cleared, wrap(OpSweep, "", err)
		}
		if slices.EqualFunc(due.keys, stuck, bytes.Equal) {
			return cleared, wrap(OpSweep, "", corrupt("%d expiry entries match no record", len(stuck)))
		}
		stuck = due.keys
		for _, group := range due.groups {
			n, err := e.sweepGroup(ctx, group, due.users[group])
			cleared += n
			if err != nil {
				return cleared, wrap(OpSweep, group, err)
			}
		}
	}
}

// due are users with something that has expired, by group, and the keys that say so.
type due struct {
	keys   [][]byte
	groups []GroupID
	users  map[GroupID][]UserID
}

// overdue returns what has expired.
func (e *Engine) overdue(ctx context.Context) (d due, err error) {
	err = e.view(ctx, func(r store.Reader) error {
		d = due{users: make(map[GroupID][]UserID)}
		rng := store.Range{From: key.Expiries(), To: key.ExpiriesBefore(e.now() + 1), Limit: sweepStep}
		page, _, err := r.Scan(rng)
		if err != nil {
			return storage(err)
		}
		for _, p := range page {
			_, group, _, user, err := key.CutExpiry(p.Key)
			if err != nil {
				return err
			}
			id := GroupID(group)
			if checkGroupID(id) != nil {
				return key.ErrForm
			}
			if d.users[id] == nil {
				d.groups = append(d.groups, id)
			}
			d.keys = append(d.keys, p.Key)
			d.users[id] = append(d.users[id], UserID(user))
		}
		return nil
	})
	return d, err
}

// sweepGroup clears away what has expired of users of one group. A group that is being
// deleted is left to its deletion, which is done first.
func (e *Engine) sweepGroup(ctx context.Context, group GroupID, users []UserID) (cleared int, err error) {
	v := verb{op: OpSweep, guarded: true, clears: true, rule: func(c *change) error {
		if err := c.found(); err != nil {
			return err
		}
		for _, user := range users {
			c.expire(user)
		}
		cleared = 0
		for i := range c.clearing {
			cleared += len(c.clearing[i].Users)
		}
		return nil
	}}
	_, err = e.System().change(ctx, v, Command{Group: group, Users: users})
	if err == nil || !errors.Is(err, ErrGroupNotFound) {
		return cleared, err
	}
	return 0, e.finishDeletion(ctx, group)
}
