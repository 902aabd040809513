package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"groupkit/store/boltstore"
)

// deleting deletes large groups while another writer joins elsewhere.
func deleting(r *run) (err error) {
	a := r.app(r.small)
	few := *r
	few.rounds = min(r.rounds, 3)
	path, err := r.seedOnce(fmt.Sprintf("groupkit-deleted-%d.db", r.deleted), func(path string) error {
		k, err := openKit(a, path, boltstore.None, kitOptions())
		if err != nil {
			return err
		}
		err = k.seed()
		for i := range few.rounds {
			err = errors.Join(err, k.fill(a.lobby(i), r.deleted-1))
		}
		return errors.Join(err, k.close())
	})
	if err != nil {
		return err
	}
	k, err := openKit(a, path, boltstore.Sync, kitOptions())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.close()) }()
	d := &deletion{run: &few, kit: k, stile: &turnstile{app: a}}
	return d.measure(r)
}

// A deletion disturbs joins.
type deletion struct {
	*run
	kit   *kit
	stile *turnstile

	// Milliseconds, a round each.
	alone, alone999, aloneLongest   []float64 // a join while nothing is deleted
	p999, longest, invisible, whole []float64
}

func (d *deletion) measure(r *run) error {
	for round := range d.rounds {
		r.say("deleting a group of %d: round %d of %d", d.deleted, round+1, d.rounds)
		if err := d.round(d.kit.app.lobby(round)); err != nil {
			return err
		}
	}
	const single = "a single join"
	work := fmt.Sprintf("deleting a group of %d members", d.deleted)
	r.add(fmt.Sprintf("%s: another writer waits, p99.9 of %d joins", work, d.joins), "ms", single, d.p999, d.alone, atMost(20, 5))
	r.add(work+": another writer waits at most", "ms", single, d.longest, d.alone, atMost(20, 5))
	const undisturbed = "the same joins, nothing deleted"
	r.add(fmt.Sprintf("%s: p99.9 of %d joins", work, d.joins), "ms", undisturbed, d.p999, d.alone999, limit{})
	r.add(work+": the longest of them", "ms", undisturbed, d.longest, d.aloneLongest, limit{})
	r.add(work+": until it is gone for everyone", "ms", single, d.invisible, d.alone, atMost(5, 2))
	r.addFigure(work+": until all of it is removed", "ms", median(d.whole), limit{})
	return nil
}

// round deletes one group, beside joins, after as long without.
func (d *deletion) round(group int) error {
	alone, err := d.join(d.joins)
	if err != nil {
		return err
	}
	id := d.kit.app.group(group)
	failed := make(chan error, 1)
	var gone, over time.Duration
	start := time.Now()
	go func() {
		err := d.kit.eng.System().DeleteGroup(context.Background(), id)
		over = time.Since(start)
		failed <- err
	}()
	seen := make(chan struct{})
	go func() {
		defer close(seen)
		for d.kit.eng.System().MaySpeak(context.Background(), id) == nil {
			time.Sleep(20 * time.Microsecond)
		}
		gone = time.Since(start)
	}()
	beside, err := d.join(d.joins)
	<-seen
	if err := errors.Join(err, <-failed); err != nil {
		return err
	}
	d.alone = append(d.alone, milliseconds(percentile(alone, 0.5)))
	d.alone999 = append(d.alone999, milliseconds(percentile(alone, 0.999)))
	d.aloneLongest = append(d.aloneLongest, milliseconds(percentile(alone, 1)))
	d.p999 = append(d.p999, milliseconds(percentile(beside, 0.999)))
	d.longest = append(d.longest, milliseconds(percentile(beside, 1)))
	d.invisible = append(d.invisible, milliseconds(gone))
	d.whole = append(d.whole, milliseconds(over))
	return nil
}

// join joins so many times and gives how long each took.
func (d *deletion) join(n int) ([]time.Duration, error) {
	took := make([]time.Duration, 0, n)
	for range n {
		start := time.Now()
		if err := d.kit.join(d.stile.pass()); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
	}
	return took, nil
}
