package main

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// speakWriters asks while others write durably in the groups that are asked about, and
// while one writes as durably to bbolt alone: that changes nothing that is asked about, but
// takes the same disk, memory and processor.
func speakWriters(r *run) (err error) {
	a := r.app(r.memberships)
	k, err := r.kit(a, hotOptions(a))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.close()) }()
	picks := a.picks(true)
	r.say("speak-writers: touching %d memberships", len(picks))
	if err := touch(k, picks); err != nil {
		return err
	}
	theirs, err := r.raw(a)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, theirs.close()) }()
	joins := map[rival]*turnstile{k: {app: a}, theirs: {app: a}}
	turn := func(to rival, writers int) func() (lap, error) {
		return func() (l lap, err error) {
			stop := writeOn(to, joins[to], writers)
			defer func() { err = errors.Join(err, stop()) }()
			time.Sleep(r.slice / 10)
			return reading(r.slice, len(picks), func(i int) error {
				_, err := k.maySpeak(int(picks[i].group), int(picks[i].user))
				return err
			})
		}
	}
	const idle = "itself, nobody writing"
	all, err := r.compare("MaySpeak beside writers", side{idle, turn(k, 0)},
		side{"1 writer", turn(k, 1)}, side{"many writers", turn(k, r.callers)}, side{"1 writer to bbolt", turn(theirs, 1)})
	if err != nil {
		return err
	}
	r.add("MaySpeak, hot, 1 goroutine joins durably", "ns", idle, all[1].figures(), all[0].figures(), atMost(1.5, 1.2))
	r.add(fmt.Sprintf("MaySpeak, hot, %d goroutines join durably", r.callers), "ns", idle, all[2].figures(), all[0].figures(), atMost(2, 1.7))
	r.add("MaySpeak, hot, 1 goroutine joins durably in bbolt by hand", "ns", idle, all[3].figures(), all[0].figures(), limit{})
	return nil
}

// writeOn has so many goroutines join until stop is called.
func writeOn(k rival, joins *turnstile, writers int) (stop func() error) {
	var wg sync.WaitGroup
	var over atomic.Bool
	errs := make([]error, writers)
	for i := range writers {
		wg.Go(func() {
			for errs[i] == nil && !over.Load() {
				errs[i] = k.join(joins.pass())
			}
		})
	}
	return func() error {
		over.Store(true)
		wg.Wait()
		return errors.Join(errs...)
	}
}
