package main

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	bolt "go.etcd.io/bbolt"

	"groupkit"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
)

// opening opens the same file with groupkit and with bbolt alone: as Close leaves it,
// with the list of free pages, and as a crash leaves it, without.
func opening(r *run) error {
	a := r.app(r.memberships)
	for _, crashed := range []bool{false, true} {
		path, err := r.kitFile(a)
		if err != nil {
			return err
		}
		work := fmt.Sprintf("opening a file of %d memberships", a.memberships)
		if crashed {
			work += " after a crash"
			if err := dropFreelist(path); err != nil {
				return err
			}
		}
		if err := openingFile(r, work, path, crashed); err != nil {
			return err
		}
	}
	return nil
}

// dropFreelist writes the file once without its list of free pages.
func dropFreelist(path string) error {
	db, err := bolt.Open(path, 0o600, boltOptions())
	if err != nil {
		return err
	}
	return errors.Join(db.Update(func(*bolt.Tx) error { return nil }), db.Close())
}

func openingFile(r *run, work, path string, crashed bool) error {
	ours := func() (l lap, err error) {
		start := time.Now()
		s, err := boltstore.Open(path, nil)
		if err != nil {
			return l, err
		}
		k, err := newKit(s)
		if err != nil {
			return l, err
		}
		l.figure = milliseconds(time.Since(start))
		err = k.Close()
		if err == nil && crashed {
			err = dropFreelist(path)
		}
		return l, err
	}
	theirs := func() (l lap, err error) {
		start := time.Now()
		db, err := bolt.Open(path, 0o600, boltOptions())
		if err != nil {
			return l, err
		}
		l.figure = milliseconds(time.Since(start))
		return l, db.Close()
	}
	const bare = "bbolt, the same file and options"
	laps, err := r.compare(work, side{subject, ours}, side{bare, theirs})
	if err != nil {
		return err
	}
	subject, other := laps[0].figures(), laps[1].figures()
	more := make([]float64, len(subject))
	for i := range more {
		more[i] = subject[i] - other[i]
	}
	r.rows = append(r.rows, row{
		work: work, unit: "ms", subject: median(subject), rival: bare, figure: median(other),
		judged: median(more), form: byDifference, limit: atMost(20, 5),
	})
	return nil
}

// memory is what stays on the heap when every membership has been asked about, with the
// default options.
func memory(r *run) (err error) {
	a := r.app(r.memberships)
	picks := append(a.picks(true), a.picks(false)...)
	path, err := r.kitFile(a)
	if err != nil {
		return err
	}
	before := heap()
	k, err := openKit(a, path, boltstore.Sync, kitOptions())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.close()) }()
	r.say("memory: touching %d memberships", len(picks))
	if err := touch(k, picks); err != nil {
		return err
	}
	grown := heap() - before
	runtime.KeepAlive(picks)
	r.addFigure(fmt.Sprintf("heap in use, default options, %d memberships touched", a.memberships), "MiB", grown, atMost(64, 64))
	return nil
}

// heap is the size of what is alive, in MiB.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

func newKit(s *boltstore.Store) (*groupkit.Engine, error) {
	return groupkit.New(s, memblob.New(), kitOptions())
}
