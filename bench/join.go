package main

import (
	"errors"
	"fmt"
)

// joinAlone is one caller who joins durably, again and again.
func joinAlone(r *run) error {
	return joining(r, "durable join, 1 caller", 1,
		limits{rawBolt: atLeast(0.9, 1)}, nil,
		subject, rawBolt, sqliteWAL, postgreSQL)
}

// joinMany is many callers, each joining in a group of its own.
func joinMany(r *run) error {
	work := fmt.Sprintf("durable joins, %d callers, different groups", r.callers)
	return joining(r, work, r.callers,
		limits{rawBolt: atLeast(4.5, 6), rawQueue: atLeast(0.8, 0.95), sqliteWAL: atLeast(2.3, 3)},
		limits{rawBolt: atMost(0.35, 0.35)},
		subject, rawBolt, rawQueue, sqliteWAL, postgreSQL)
}

func joining(r *run, work string, callers int, rate, late limits, names ...string) (err error) {
	a := r.app(r.small)
	all, err := r.contest(a, names...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll(all)) }()
	laps, err := r.compare(work, joinSides(r, a, all, callers)...)
	if err != nil {
		return err
	}
	for i, c := range all[1:] {
		r.add(work, "/s", c.name, laps[0].figures(), laps[i+1].figures(), rate[c.name])
	}
	for i, c := range all[1:] {
		r.add(work+": p99", "ms", c.name, laps[0].extras(), laps[i+1].extras(), late[c.name])
	}
	return nil
}

// joinSides have callers join, each contestant in memberships of its own counting.
func joinSides(r *run, a *app, all []contestant, callers int) (out []side) {
	for _, c := range all {
		l := &lobbyists{app: a}
		out = append(out, side{c.name, func() (lap, error) {
			return writing(callers, r.slice, func(caller int) error { return c.join(l.pass(caller)) })
		}})
	}
	return out
}

// joinOneGroup is many callers who all join one group, beside as many in groups of
// their own, and beside SQLite.
func joinOneGroup(r *run) (err error) {
	a := r.app(r.small)
	all, err := r.contest(a, subject, subject, rawQueue, sqliteWAL, postgreSQL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll(all)) }()
	work := fmt.Sprintf("durable joins, %d callers, one group", r.callers)
	turns := joinSides(r, a, all, r.callers)
	const apart = "itself, different groups"
	all[1].name, turns[1].name = apart, apart
	for i, c := range all {
		if i == 1 {
			continue
		}
		l := &lobbyists{app: a}
		turns[i].run = func() (lap, error) {
			return writing(r.callers, r.slice, func(int) error { return c.join(l.pass(0)) })
		}
	}
	laps, err := r.compare(work, turns...)
	if err != nil {
		return err
	}
	for i, c := range all[1:] {
		limit := limits{apart: atLeast(0.8, 1), sqliteWAL: atLeast(2.3, 3)}[c.name]
		r.add(work, "/s", c.name, laps[0].figures(), laps[i+1].figures(), limit)
	}
	return nil
}
