package main

import (
	"errors"
	"fmt"

	"groupkit/store/boltstore"
)

// joinLarge joins a group of very many members, beside one of ten.
func joinLarge(r *run) (err error) {
	a := r.app(r.small)
	path, err := r.seedOnce(fmt.Sprintf("groupkit-large-%d.db", r.large), func(path string) error {
		k, err := openKit(a, path, boltstore.None, kitOptions())
		if err != nil {
			return err
		}
		return errors.Join(k.seed(), k.fill(a.lobby(0), r.large-1), k.fill(a.lobby(1), 9), k.close())
	})
	if err != nil {
		return err
	}
	k, err := openKit(a, path, boltstore.Sync, kitOptions())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.close()) }()
	joining := func(caller, before int) func() (lap, error) {
		l := &lobbyists{app: a}
		l.next[caller].Store(int64(before))
		return func() (lap, error) {
			return perCall(writing(1, r.slice, func(int) error { return k.join(l.pass(caller)) }))
		}
	}
	const ten = "itself, a group of 10"
	work := fmt.Sprintf("durable join into a group of %d", r.large)
	laps, err := r.compare(work, side{subject, joining(0, r.large-1)}, side{ten, joining(1, 9)})
	if err != nil {
		return err
	}
	r.add(work, "µs", ten, laps[0].figures(), laps[1].figures(), atMost(1.3, 1.1))
	return nil
}

// perCall turns calls per second into microseconds of a call.
func perCall(l lap, err error) (lap, error) {
	l.figure = 1e6 / l.figure
	return l, err
}

// appSize does the same things in an application of very many memberships and in a
// small one.
func appSize(r *run) (err error) {
	large, small := r.app(r.memberships), r.app(r.small)
	var all []contestant
	defer func() { err = errors.Join(err, closeAll(all)) }()
	for _, a := range []*app{large, small} {
		k, err := r.kit(a, hotOptions(a))
		if err != nil {
			return err
		}
		all = append(all, contestant{fmt.Sprintf("itself, %d memberships", a.memberships), k})
		if err := touch(k, a.picks(true)); err != nil {
			return err
		}
	}
	for _, w := range []struct {
		name, unit string
		turn       func(c contestant, a *app) func() (lap, error)
	}{
		{"MaySpeak, hot", "ns", func(c contestant, a *app) func() (lap, error) { return r.sizeSpeak(c, a) }},
		{"page of 100 members", "ns", r.sizePage},
		{"durable join, 1 caller", "µs", r.sizeJoin},
	} {
		work := fmt.Sprintf("%s, app of %d memberships", w.name, large.memberships)
		laps, err := r.compare(work, side{subject, w.turn(all[0], large)}, side{all[1].name, w.turn(all[1], small)})
		if err != nil {
			return err
		}
		r.add(work, w.unit, all[1].name, laps[0].figures(), laps[1].figures(), atMost(1.5, 1.2))
	}
	return r.sizeShards(large, small)
}

// sizeShards asks a plain map in both applications: how much slower memory is than the
// processor's cache, which no check can be spared.
func (r *run) sizeShards(large, small *app) error {
	var sides []side
	for _, a := range []*app{large, small} {
		s := newShards(a)
		sides = append(sides, side{fmt.Sprintf("map, %d memberships", a.memberships), r.sizeSpeak(s, a)})
	}
	laps, err := r.compare("map in 256 locked shards", sides...)
	if err != nil {
		return err
	}
	work := fmt.Sprintf("a map in 256 locked shards, app of %d memberships against %d", large.memberships, small.memberships)
	r.addFigure(work, "×", ratio(laps[0].figures(), laps[1].figures()), limit{})
	return nil
}

func (r *run) sizeSpeak(c speaker, a *app) func() (lap, error) {
	picks := a.picks(true)
	return func() (lap, error) {
		return reading(r.slice, 1<<30, func(i int) error {
			p := picks[i%len(picks)]
			_, err := c.maySpeak(int(p.group), int(p.user))
			return err
		})
	}
}

func (r *run) sizePage(c contestant, a *app) func() (lap, error) {
	picks := a.picks(true)
	return func() (lap, error) {
		return reading(r.slice, 1<<30, func(i int) error {
			_, err := c.page(int(picks[i%len(picks)].group))
			return err
		})
	}
}

func (r *run) sizeJoin(c contestant, a *app) func() (lap, error) {
	joins := &turnstile{app: a}
	return func() (lap, error) {
		return perCall(writing(1, r.slice, func(int) error { return c.join(joins.pass()) }))
	}
}
