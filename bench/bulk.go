package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"groupkit/store/boltstore"
)

// bulk brings a whole application into being, durably, many groups in one transaction.
func bulk(r *run) error {
	a := r.app(r.memberships)
	rounds := 0
	path := func(name string) string {
		rounds++
		return filepath.Join(r.dir, fmt.Sprintf("%d-bulk-%s.db", rounds, name))
	}
	ours := func() (lap, error) {
		k, err := openKit(a, path("groupkit"), boltstore.Sync, kitOptions())
		if err != nil {
			return lap{}, err
		}
		return seeding(k.seed, k.close)
	}
	theirs := func() (lap, error) {
		b, err := openRaw(a, path("raw"), true)
		if err != nil {
			return lap{}, err
		}
		return seeding(b.seed, b.close)
	}
	few := *r
	few.rounds = min(r.rounds, 3)
	work := fmt.Sprintf("bulk load of %d memberships", a.memberships)
	laps, err := few.compare(work, side{subject, ours}, side{rawBolt, theirs})
	if err != nil {
		return err
	}
	r.add(work, "s", "raw bbolt, the same batches", laps[0].figures(), laps[1].figures(), atMost(3, 1.5))
	return nil
}

func seeding(seed, end func() error) (lap, error) {
	runtime.GC()
	start := time.Now()
	err := seed()
	l := lap{figure: time.Since(start).Seconds()}
	return l, errors.Join(err, end())
}
