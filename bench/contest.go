package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
)

// The contestants, by the names that the table gives them.
const (
	subject    = "groupkit"
	rawBolt    = "raw bbolt"
	rawQueue   = "raw bbolt, one committer"
	sqliteWAL  = "SQLite"
	postgreSQL = "PostgreSQL"
	sharedKit  = "groupkit on PostgreSQL"
	rowLocks   = "PostgreSQL, a transaction with row locks"
)

// A contestant is someone who serves the application.
type contestant struct {
	name string
	rival
}

// contest opens the contestants, each with the application in a file of its own, and
// sees that all give the same answers. One that is not installed is left out.
func (r *run) contest(a *app, names ...string) (all []contestant, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll(all))
		}
	}()
	for _, name := range names {
		c, err := r.contestant(a, name)
		if err != nil {
			return all, fmt.Errorf("%s: %w", name, err)
		}
		if c == nil {
			continue
		}
		all = append(all, contestant{name, c})
		if err := agree(a, c); err != nil {
			return all, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}

func (r *run) contestant(a *app, name string) (rival, error) {
	switch name {
	case subject:
		return r.kit(a, kitOptions())
	case rawBolt:
		return r.raw(a)
	case rawQueue:
		b, err := r.raw(a)
		if err != nil {
			return nil, err
		}
		return newCommitter(b), nil
	case sqliteWAL:
		return r.sqlite(a)
	case postgreSQL, rowLocks:
		p, err := r.postgres(a)
		switch {
		case p == nil:
			return nil, err
		case name == rowLocks:
			return locking{p}, err
		}
		return p, err
	case sharedKit:
		k, err := r.shared(a)
		if k == nil {
			return nil, err
		}
		return k, err
	}
	return nil, fmt.Errorf("no contestant is called %q", name)
}

func closeAll(all []contestant) (err error) {
	for _, c := range all {
		err = errors.Join(err, c.close())
	}
	return err
}

// agree asks a contestant what it must know of the application.
func agree(a *app, c rival) error {
	for group := 0; group < a.full(); group += max(a.full()/50, 1) {
		for j := range groupSize {
			may, err := c.maySpeak(group, a.member(group, j))
			if err != nil {
				return err
			}
			if may != a.maySpeak(group, j) {
				return fmt.Errorf("member %d of group %d: may speak is %v", j, group, may)
			}
		}
		members, err := c.page(group)
		if err != nil {
			return err
		}
		if len(members) != groupSize || members[0].User >= members[1].User || members[0].Joined.IsZero() {
			return fmt.Errorf("group %d has %d members", group, len(members))
		}
	}
	groups, err := c.joined(a.traveller())
	if err != nil {
		return err
	}
	if len(groups) != min(travels, a.full()) || groups[0].Name != a.name(0) || groups[0].MemberCount != groupSize {
		return fmt.Errorf("the traveller is in %d groups", len(groups))
	}
	return nil
}

// sides are the contestants in turns of run.
func sides(all []contestant, run func(contestant) (lap, error)) (out []side) {
	for _, c := range all {
		out = append(out, side{c.name, func() (lap, error) { return run(c) }})
	}
	return out
}

// clean removes the copies of files that a workload has used.
func (r *run) clean() {
	used, _ := filepath.Glob(filepath.Join(r.dir, "[0-9]*-*"))
	for _, path := range used {
		_ = os.RemoveAll(path)
	}
}

// A turnstile hands out memberships that are not there yet, in groups of the app.
type turnstile struct {
	app  *app
	next atomic.Int64
}

// pass gives the next membership: every group in turn, in scattered order.
func (t *turnstile) pass() (group, user int) {
	n := int(t.next.Add(1)) - 1
	group = (n%t.app.full()*7919 + n/t.app.full()) % t.app.full()
	return group, t.app.newcomer(group, n/t.app.full())
}

// lobbyists join lobbies: every caller one of its own, or all the same.
type lobbyists struct {
	app  *app
	next [lobbies]atomic.Int64
}

func (l *lobbyists) pass(caller int) (group, user int) {
	k := int(l.next[caller%lobbies].Add(1)) - 1
	group = l.app.lobby(caller)
	return group, l.app.newcomer(group, k)
}
