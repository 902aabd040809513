// Package sharedmem is a store in memory that several processes share, for tests. Each handle
// of a [Data] is a store of its own, as if another process had opened it.
//
// It is as unpleasant as a shared store may be: it runs functions again, also those of View; it
// does not know what a transaction will read or write, and refuses it at its end; it gives
// numbers with gaps; it can take little, lose what is announced, and lose the answer to a
// commit.
package sharedmem

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"groupkit/store"
)

// Options is how a shared store behaves. The zero Options is a store that is always right and
// never surprising.
type Options struct {
	Seed  uint64      // of everything random
	Rerun float64     // the probability that a function runs once for nothing before it counts
	Sizes store.Sizes // what it can take; the bound of Reads binds Updates alone
	Retry store.Retry // how Updates run again after a conflict

	// PointsOnly makes the store guard only what was read by its key, and not what was scanned.
	// Such a store breaks the contract. It shows what the engine guards by itself.
	PointsOnly bool

	Numbers bool    // transactions have numbers
	Notify  bool    // what is announced is told
	Lose    float64 // the probability that what a transaction announces is told without topics

	// Fault decides how the n-th commit that writes something ends; the first is 1. It must not use
	// the store.
	Fault func(n int) Outcome
}

// An Outcome is how a commit ends.
type Outcome int

const (
	Made        Outcome = iota // it is made, and Update says so
	UnknownMade                // it is made, but the answer is lost: ErrCommitUnknown
	UnknownLost                // it is not made, and the answer is lost
	UnknownLate                // the answer is lost; it is made by Land, unless there is a conflict by then
)

// Counts is what a Data has done. A Get, a GetMany, a Scan and a Fetch are one round trip each,
// and so is the commit of an Update that wrote something.
type Counts struct {
	Trips, Commits, Conflicts atomic.Int64
}

// A Data is what the handles share.
type Data struct {
	Counts Counts

	options  Options
	mu       sync.Mutex
	random   *rand.Rand
	root     *node
	commits  [][]string // the keys that each commit has written
	number   uint64     // the highest number given
	kept     uint64     // the highest number of a commit
	running  map[*transaction]bool
	late     []*transaction
	faults   int
	watchers map[*watcher]bool
}

// New returns an empty store.
func New(o Options) *Data {
	return &Data{
		options: o, random: rand.New(rand.NewPCG(o.Seed, 0)),
		running: make(map[*transaction]bool), watchers: make(map[*watcher]bool),
	}
}

// happens reports whether something with a probability happens.
func (d *Data) happens(probability float64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.random.Float64() < probability
}

// begin begins a transaction on the data of now.
func (d *Data) begin(writes bool) *transaction {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := &transaction{data: d, root: d.root, since: len(d.commits)}
	if writes {
		d.number += 1 + d.random.Uint64N(3)
		t.number, t.writes = d.number, make(map[string]write)
		d.running[t] = true
	}
	t.settled = d.number + 1
	for other := range d.running {
		t.settled = min(t.settled, other.number)
	}
	return t
}

// ReuseNumbers makes later transactions get numbers again that were given, but not to a transaction
// that was committed or still runs. A crash of PostgreSQL does so.
func (d *Data) ReuseNumbers() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.number = d.kept
	for t := range d.running {
		d.number = max(d.number, t.number)
	}
}

// end forgets a transaction, unless its commit is late.
func (d *Data) end(t *transaction) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t.over = true
	if !slices.Contains(d.late, t) {
		delete(d.running, t)
	}
}

// commit writes what a transaction has written, if nothing that it read has changed.
func (d *Data) commit(t *transaction) error {
	if t.tooLarge != nil {
		return t.tooLarge
	}
	if len(t.writes) == 0 {
		return nil // it has read one snapshot
	}
	d.Counts.Trips.Add(1)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conflict(t) {
		d.Counts.Conflicts.Add(1)
		return store.ErrConflict
	}
	outcome := Made
	if d.faults++; d.options.Fault != nil {
		outcome = d.options.Fault(d.faults)
	}
	switch outcome {
	case Made, UnknownMade:
		d.write(t)
	case UnknownLate:
		d.late = append(d.late, t)
	}
	if outcome != Made {
		return fmt.Errorf("%w: the connection is gone", store.ErrCommitUnknown)
	}
	return nil
}

// conflict reports whether a commit since the beginning of t has changed what t has read.
func (d *Data) conflict(t *transaction) bool {
	for _, keys := range d.commits[t.since:] {
		if slices.ContainsFunc(keys, t.hasRead) {
			return true
		}
	}
	return false
}

// write makes the changes of t visible, with its number settled, and tells what it announces.
func (d *Data) write(t *transaction) {
	keys := make([]string, 0, len(t.writes))
	for key, w := range t.writes {
		keys = append(keys, key)
		if w.deleted {
			d.root = d.root.remove(key)
		} else {
			d.root = d.root.put(key, w.value)
		}
	}
	d.commits = append(d.commits, keys)
	d.kept = max(d.kept, t.number)
	delete(d.running, t)
	d.Counts.Commits.Add(1)
	if len(t.topics) > 0 && d.options.Notify {
		topics := t.topics
		if d.random.Float64() < d.options.Lose {
			topics = nil
		}
		for w := range d.watchers {
			w.tell(topics)
		}
	}
}

// Land makes the commits that are late. It drops those that are in conflict with what has been
// committed since.
func (d *Data) Land() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.late {
		if !d.conflict(t) {
			d.write(t)
		}
		delete(d.running, t)
	}
	d.late = nil
}
