package main

import (
	"errors"
	"fmt"

	"groupkit/store/boltstore"
)

// speakCold asks about memberships that have not been asked about since the file was opened.
func speakCold(r *run) (err error) {
	a := r.app(r.memberships)
	path, err := r.kitFile(a)
	if err != nil {
		return err
	}
	theirs, err := r.raw(a)
	if err != nil {
		return err
	}
	rawPath := theirs.db.Path()
	if err := theirs.close(); err != nil {
		return err
	}
	all, err := r.contest(a, sqliteWAL, postgreSQL)
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
	reopened := func(c rival, err error) (lap, error) {
		if err != nil {
			return lap{}, err
		}
		l, err := asking(c)
		return l, errors.Join(err, c.close())
	}
	turns := []side{
		{subject, func() (lap, error) { return reopened(openKit(a, path, boltstore.Sync, kitOptions())) }},
		{rawBolt, func() (lap, error) { return reopened(openRaw(a, rawPath, true)) }},
	}
	turns = append(turns, sides(all, func(c contestant) (lap, error) { return asking(c) })...)
	laps, err := r.compare("MaySpeak, cold", turns...)
	if err != nil {
		return err
	}
	work := fmt.Sprintf("MaySpeak, cold, %d memberships", a.memberships)
	for i, turn := range turns[1:] {
		r.add(work, "ns", turn.name, laps[0].figures(), laps[i+1].figures(), limits{rawBolt: atMost(2, 1.3)}[turn.name])
	}
	return nil
}

// limits are by the contestant that a row compares with.
type limits map[string]limit
