package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
)

// sharedGroups is how many groups the callers join on a shared store.
const sharedGroups = 256

// visitors are users of the app who join some more groups, drawn by lot. The groups do not lie
// side by side. Of several visitors of one app, each has every step-th user, so that none meets a
// member.
type visitors struct {
	app    *app
	groups int
	first  int
	step   int
	fresh  bool // users who were in no group, with consecutive IDs: their records lie side by side
	next   [sharedGroups]atomic.Int64
}

func (v *visitors) pass() (group, user int) {
	n := rand.N(min(v.groups, v.app.full()))
	group = n * max(v.app.full()/sharedGroups, 1)
	k := v.first + v.step*int(v.next[n].Add(1)-1)
	if v.fresh || k >= v.app.visits() { // there are too few only in a tiny app
		return group, v.app.newcomer(group, k)
	}
	return group, v.app.visitor(group, k)
}

// sharedJoin joins durably through groupkit on PostgreSQL, beside SQL by hand.
func sharedJoin(r *run) (err error) {
	a := r.app(r.memberships)
	all, err := r.contest(a, sharedKit, rowLocks, postgreSQL)
	if err != nil || len(all) == 0 {
		return err
	}
	defer func() { err = errors.Join(err, closeAll(all)) }()
	crowds := make([]*visitors, len(all))
	for i := range crowds {
		crowds[i] = &visitors{app: a, step: 1}
	}
	for _, w := range []struct {
		what            string
		callers, groups int
		fresh           bool
		least, again    limit
	}{
		{"1 caller", 1, sharedGroups, false, atLeast(0.7, 1), atMost(0.1, 0.02)},
		{fmt.Sprintf("%d callers, %d groups", r.callers, sharedGroups), r.callers, sharedGroups, false, atLeast(0.7, 1), atMost(0.1, 0.02)},
		{fmt.Sprintf("%d callers, one group", r.callers), r.callers, 1, false, atLeast(0.7, 1), atMost(0.1, 0.02)},
		{fmt.Sprintf("%d callers, %d groups, new users", r.callers, sharedGroups), r.callers, sharedGroups, true, limit{}, limit{}},
	} {
		var turns []side
		for i, c := range all {
			turns = append(turns, side{c.name, func() (lap, error) {
				crowds[i].groups, crowds[i].fresh = w.groups, w.fresh
				return writing(w.callers, r.slice, func(int) error { return c.join(crowds[i].pass()) })
			}})
		}
		work := "on PostgreSQL: durable joins, " + w.what
		if err := sharedRows(r, work, all, turns, w.least, w.again); err != nil {
			return err
		}
	}
	return nil
}

// sharedRows compares joins, and notes how often groupkit ran a transaction again.
func sharedRows(r *run, work string, all []contestant, turns []side, least, again limit) error {
	s := all[0].rival.(*sharedEngine).store
	s.commits.Store(0)
	s.runs.Store(0)
	laps, err := r.compare(work, turns...)
	if err != nil {
		return err
	}
	for i, c := range all[1:] {
		r.add(work, "/s", c.name, laps[0].figures(), laps[i+1].figures(), limits{rowLocks: least}[c.name])
	}
	for i, c := range all[1:] {
		r.add(work+": p99", "ms", c.name, laps[0].extras(), laps[i+1].extras(), limit{})
	}
	r.addFigure(work+": runs again of a transaction", "", s.retries(), again)
	return nil
}
