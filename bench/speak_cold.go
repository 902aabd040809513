package main

import (
	"errors"
	"fmt"

	"groupkit/store/boltstore"
)

// speakCold asks about memberships that nobody has asked about since the file was
// opened.
func speakCold(r *run) (err error) {
	a := r.app(r.memberships)
	path, err := r.kitFile(a)
	if err != nil {
		return err
	}
	all, err := r.contest(a, rawBolt, sqliteWAL, postgreSQL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll(all)) }()
	picks := a.picks(true)
	asking := func(c rival) (lap, error) {
		return reading(r.slice, len(picks), func(i int) error {
			may, err := c.maySpeak(int(picks[i].group), int(picks[i].user))
			if err == nil && !may {
				err = errRefused
			}
			return err
		})
	}
	turns := []side{{subject, func() (l lap, err error) {
		k, err := openKit(a, path, boltstore.Sync, kitOptions())
		if err != nil {
			return l, err
		}
		defer func() { err = errors.Join(err, k.close()) }()
		return asking(k)
	}}}
	turns = append(turns, sides(all, func(c contestant) (lap, error) { return asking(c) })...)
	laps, err := r.compare("MaySpeak, cold", turns...)
	if err != nil {
		return err
	}
	work := fmt.Sprintf("MaySpeak, cold, %d memberships", a.memberships)
	for i, c := range all {
		r.add(work, "ns", c.name, laps[0].figures(), laps[i+1].figures(), limits{rawBolt: atMost(2, 1.3)}[c.name])
	}
	return nil
}

// limits are by the contestant that a row compares with.
type limits map[string]limit
