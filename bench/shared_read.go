package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// sharedRead checks memberships and reads pages of members through groupkit on PostgreSQL, beside
// SQL by hand. Neither keeps anything in the memory of the process.
func sharedRead(r *run) (err error) {
	a := r.app(r.memberships)
	all, err := r.contest(a, sharedKit, postgreSQL)
	if err != nil || len(all) == 0 {
		return err
	}
	if err := tableSize(r, a, all[0].rival.(*sharedEngine).url); err != nil {
		return errors.Join(err, closeAll(all))
	}
	defer func() { err = errors.Join(err, closeAll(all)) }()
	picks := a.picks(true)
	ask := func(c contestant, i int) error {
		p := picks[i%len(picks)]
		may, err := c.maySpeak(int(p.group), int(p.user))
		if err == nil && !may {
			err = errRefused
		}
		return err
	}
	list := func(c contestant, i int) error {
		members, err := c.page(int(picks[i%len(picks)].group))
		if err == nil && len(members) < groupSize {
			err = errNoGroup
		}
		return err
	}
	for _, w := range []struct {
		what string
		read func(c contestant, i int) error
	}{{"MaySpeak", ask}, {"page of 100 members", list}} {
		for _, callers := range []int{1, r.callers} {
			work := fmt.Sprintf("on PostgreSQL: %s, callers: %d", w.what, callers)
			laps, err := r.compare(work, sides(all, func(c contestant) (lap, error) {
				return readingBy(callers, r.slice, 1<<30, func(caller, i int) error { return w.read(c, i*callers+caller) })
			})...)
			if err != nil {
				return err
			}
			micros := func(s series) []float64 { return collect(s, func(l lap) float64 { return l.figure / 1000 }) }
			perSecond := func(s series) []float64 {
				return collect(s, func(l lap) float64 { return float64(callers) * 1e9 / l.figure })
			}
			for i, c := range all[1:] {
				if callers == 1 {
					r.add(work, "µs", c.name, micros(laps[0]), micros(laps[i+1]), limit{})
				} else {
					r.add(work, "/s", c.name, perSecond(laps[0]), perSecond(laps[i+1]), limit{})
				}
			}
		}
	}
	return nil
}

// tableSize notes what the table of groupkit takes on the disk, with its index, right after it was
// filled.
func tableSize(r *run, a *app, url string) error {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	var bytes, rows float64
	err = c.QueryRow(ctx, "SELECT pg_total_relation_size('groupkit_records'), count(*) FROM groupkit_records").Scan(&bytes, &rows)
	r.addFigure("on PostgreSQL: table and index, per membership", "B", bytes/float64(a.memberships), limit{})
	r.addFigure("on PostgreSQL: rows, per membership", "", rows/float64(a.memberships), limit{})
	return errors.Join(err, c.Close(ctx))
}
