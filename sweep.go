package groupkit

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"groupkit/internal/key"
	"groupkit/store"
)

// The operation of Sweep.
const OpSweep Op = "sweep"

// Sweep removes expired mutes, blocks, join requests and invitations from the store and
// returns their number. It writes one event for each kind and group. It also removes
// expired results of idempotency keys, and the events that Options.Retention does not
// keep, and the contents of deleted files that could not be removed when they were deleted.
//
// Sweep only frees room. Without it, an expired entry has no effect either, and no list
// contains it. Set Options.SweepEvery to run Sweep in the background.
func (e *Engine) Sweep(ctx context.Context) (int, error) {
	cleared := 0
	err := e.observe(ctx, CallInfo{Op: OpSweep}, func(*span) (err error) {
		cleared, err = e.sweep(ctx)
		return err
	})
	return cleared, err
}

func (e *Engine) sweep(ctx context.Context) (int, error) {
	if err := e.usableToWrite(); err != nil {
		return 0, wrap(OpSweep, "", err)
	}
	cleared, err := e.sweepExpired(ctx)
	if err != nil {
		return cleared, err
	}
	for n := 1; err == nil && n > 0; {
		err = e.step(ctx, func(w store.Writer) (err error) {
			n, err = e.sweepReplies(w)
			return err
		})
	}
	if err == nil && e.opts.Retention != (Retention{}) {
		err = e.observeTask(TaskRetention, func() error { return e.truncateLogs(ctx) })
	}
	if err == nil {
		err = e.finishToGo(ctx)
	}
	return cleared, wrap(OpSweep, "", err)
}

// sweepAlways calls Sweep at each interval until the engine is closed.
func (e *Engine) sweepAlways() {
	tick := time.NewTicker(e.opts.SweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if e.shared && !e.caring.Load() {
				continue // another engine does it
			}
			e.failed(TaskSweep, e.observeTask(TaskSweep, func() error {
				_, err := e.sweep(e.background)
				return err
			}))
		case <-e.background.Done():
			return
		}
	}
}

// sweepStep is the number of expired entries that one transaction of Sweep reads.
const sweepStep = 256

func (e *Engine) sweepExpired(ctx context.Context) (int, error) {
	cleared := 0
	for stuck := [][]byte(nil); ; {
		// Each round removes its entries, or a concurrent call has removed them first. If
		// the same entries are due again, the data is damaged.
		due, err := e.overdue(ctx)
		if err != nil || len(due.keys) == 0 {
			return cleared, wrap(OpSweep, "", err)
		}
		if slices.EqualFunc(due.keys, stuck, bytes.Equal) {
			return cleared, wrap(OpSweep, "", corrupt("%d expiry entries match no record", len(stuck)))
		}
		stuck = due.keys
		for _, group := range due.groups {
			for users := range slices.Chunk(due.users[group], min(sweepStep, usersPerCall(e.sizes))) {
				n, err := e.sweepGroup(ctx, group, users)
				cleared += n
				if err != nil {
					return cleared, wrap(OpSweep, group, err)
				}
			}
		}
	}
}

// A due contains users with expired entries, by group, and the keys of these entries.
type due struct {
	keys   [][]byte
	groups []GroupID
	users  map[GroupID][]UserID
}

// overdue returns the first expired entries.
func (e *Engine) overdue(ctx context.Context) (d due, err error) {
	err = e.view(ctx, func(r store.Reader) error {
		d = due{users: make(map[GroupID][]UserID)}
		by, err := e.dueBy()
		if err != nil {
			return err
		}
		rng := store.Range{From: key.Expiries(), To: key.ExpiriesBefore(by + 1), Limit: sweepStep}
		page, err := visibleExpiries(r, rng)
		if err != nil {
			return err
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

// visibleExpiries returns the first expired entries, without those of groups that are being loaded.
func visibleExpiries(r store.Reader, rng store.Range) (due []store.Pair, err error) {
	loads, err := pendingIn(r, key.Loads())
	if err != nil {
		return nil, err
	}
	for more := true; more && len(due) == 0; {
		var page []store.Pair
		if page, more, err = r.Scan(rng); err != nil || len(page) == 0 {
			return nil, storage(err)
		}
		rng.From = append(bytes.Clone(page[len(page)-1].Key), 0)
		for _, p := range page {
			_, group, _, _, err := key.CutExpiry(p.Key)
			if err != nil || !slices.Contains(loads, GroupID(group)) {
				due = append(due, p)
			}
		}
	}
	return due, nil
}

// sweepGroup removes expired entries of users of one group. If the group is being
// deleted, it completes the deletion instead.
func (e *Engine) sweepGroup(ctx context.Context, group GroupID, users []UserID) (cleared int, err error) {
	v := verb{op: OpSweep, guarded: true, clears: true, rule: func(c *change) error {
		if err := c.visible(); err != nil {
			return err
		}
		c.due = max(c.now-e.opts.MaxSkew.Milliseconds(), 1)
		for _, user := range users {
			c.expire(user)
		}
		cleared = 0
		for i := range c.expiries {
			cleared += len(c.expiries[i].Users)
		}
		return nil
	}}
	_, err = e.quietly().change(ctx, v, Command{Group: group, Users: users})
	if err == nil || !errors.Is(err, ErrGroupNotFound) {
		return cleared, err
	}
	return 0, e.finishDeletion(ctx, group)
}
