package main

import "errors"

// page reads the first hundred members of groups.
func page(r *run) error {
	a := r.app(r.memberships)
	groups := make([]int, a.full())
	for i := range groups {
		groups[i] = i
	}
	shuffle(groups)
	return listing(r, "page of 100 members", a, func(c rival, i int) (int, error) {
		members, err := c.page(groups[i%len(groups)])
		return len(members), err
	})
}

// joinedGroups reads the groups of a user who is in five hundred.
func joinedGroups(r *run) error {
	a := r.app(r.memberships)
	return listing(r, "a user's 500 groups", a, func(c rival, _ int) (int, error) {
		groups, err := c.joined(a.traveller())
		return len(groups), err
	})
}

func listing(r *run, work string, a *app, read func(c rival, i int) (int, error)) (err error) {
	all, err := r.contest(a, subject, rawBolt, sqliteWAL, postgreSQL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll(all)) }()
	laps, err := r.compare(work, sides(all, func(c contestant) (lap, error) {
		return reading(r.slice, 1<<30, func(i int) error {
			n, err := read(c, i)
			if err == nil && n == 0 {
				err = errNoGroup
			}
			return err
		})
	})...)
	if err != nil {
		return err
	}
	for i, c := range all[1:] {
		micros := func(s series) []float64 { return collect(s, func(l lap) float64 { return l.figure / 1000 }) }
		r.add(work, "µs", c.name, micros(laps[0]), micros(laps[i+1]), limits{rawBolt: atMost(2, 1.2)}[c.name])
	}
	r.addFigure(work+": allocations", "", median(laps[0].extras()), limit{})
	return nil
}
