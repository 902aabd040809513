package main

import (
	"errors"
	"fmt"
)

// speakHot asks about memberships that have been asked about before: against two
// lookups in a plain map, and against Casbin.
func speakHot(r *run) (err error) {
	a := r.app(r.memberships)
	k, err := r.kit(a, hotOptions(a))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.close()) }()
	if err := agree(a, k); err != nil {
		return err
	}
	for _, may := range []bool{true, false} {
		picks := a.picks(may)
		r.say("speak-hot: touching %d memberships", len(picks))
		if err := touch(k, picks); err != nil {
			return err
		}
		if err := speakHotShards(r, k, picks, may); err != nil {
			return err
		}
	}
	return speakHotCasbin(r, k)
}

// touch asks about all, and twice more about what a cache let go of that was growing.
func touch(k speaker, picks []pick) error {
	for range 3 {
		for _, p := range picks {
			if _, err := k.maySpeak(int(p.group), int(p.user)); err != nil {
				return err
			}
		}
	}
	return nil
}

func speakHotShards(r *run, k *kit, picks []pick, may bool) error {
	s := newShards(k.app)
	for _, goroutines := range []int{1, 2} {
		turn := func(c speaker) func() (lap, error) {
			return func() (lap, error) {
				return readingBy(goroutines, r.slice, len(picks), func(g, i int) error {
					p := picks[(i+g*len(picks)/goroutines)%len(picks)]
					answer, err := c.maySpeak(int(p.group), int(p.user))
					if err == nil && answer != may {
						err = fmt.Errorf("user %d in group %d: %v", p.user, p.group, answer)
					}
					return err
				})
			}
		}
		work := fmt.Sprintf("MaySpeak, hot, %d memberships, %s", k.app.memberships, plural(goroutines, "goroutine"))
		if !may {
			work += ", refused"
		}
		all, err := r.compare(work, side{subject, turn(k)}, side{"map in 256 locked shards", turn(s)})
		if err != nil {
			return err
		}
		r.add(work, "ns", "map in 256 locked shards", all[0].figures(), all[1].figures(), atMost(1.5, 1))
		r.addFigure(work+": allocations", "", median(all[0].extras()), atMost(0.01, 0.01))
	}
	return nil
}

func speakHotCasbin(r *run, k *kit) error {
	r.say("speak-hot: making Casbin's policies")
	plain, cached, err := newEnforcers(k.app)
	if err != nil {
		return err
	}
	picks := k.app.picks(true)
	asking := func(e enforcer) func() (lap, error) {
		return func() (lap, error) {
			return reading(r.slice, len(picks), func(i int) error {
				may, err := ask(k.app, e, picks[i])
				if err == nil && !may {
					err = errRefused
				}
				return err
			})
		}
	}
	work := fmt.Sprintf("MaySpeak, hot, %d memberships, 1 goroutine", k.app.memberships)
	all, err := r.compare("MaySpeak beside Casbin",
		side{subject, func() (lap, error) {
			return reading(r.slice, len(picks), func(i int) error {
				_, err := k.maySpeak(int(picks[i].group), int(picks[i].user))
				return err
			})
		}},
		side{"Casbin", asking(plain)}, side{"Casbin, cached", asking(cached)})
	if err != nil {
		return err
	}
	r.add(work, "ns", "Casbin (membership alone)", all[0].figures(), all[1].figures(), limit{})
	r.add(work, "ns", "Casbin, cached", all[0].figures(), all[2].figures(), limit{})
	return nil
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
