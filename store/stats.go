package store

import (
	"slices"
	"sync/atomic"
	"time"
)

// A Statser is a Store that tells about itself. It is optional.
type Statser interface {
	// Stats returns what the store knows without reading its data. It does not wait for a
	// transaction, and makes no round trip. It can be called at any time, also after Close: what can no longer be
	// told then is nil.
	Stats() Stats
}

// Stats is what a store tells about itself. Numbers count from the opening. A field is nil if the store does
// not know it.
type Stats struct {
	Kind string `json:"kind,omitzero"` // what kind of store it is, such as "bbolt"; "" if the store is no Statser

	Size *int64 `json:"size,omitzero"` // bytes that the data takes, in the file of the store
	Free *int64 `json:"free,omitzero"` // bytes of Size that are free and will be used again; see the store for how up to date it is

	Updates *uint64 `json:"updates,omitzero"` // Updates that were committed and have written something
	Commits *uint64 `json:"commits,omitzero"` // commits: several Updates can share one, so Updates / Commits is the mean size of a batch
	Largest *int    `json:"largest,omitzero"` // how many Updates the largest commit had

	// Writing is how long the commits took: for a store on a disk, writing and syncing it.
	Writing *Durations `json:"writing,omitzero"`

	Waiting *int    `json:"waiting,omitzero"` // Updates that wait for their turn now
	Unsaved *uint64 `json:"unsaved,omitzero"` // commits that are not durable yet; see Relaxer
	Reruns  *uint64 `json:"reruns,omitzero"`  // how often the function of a transaction ran again, because of a conflict or a lost connection

	Connections *Connections `json:"connections,omitzero"` // to a server
}

// Connections are the connections of a store to a server.
type Connections struct {
	Most   int           // how many there can be
	Open   int           // how many there are
	Busy   int           // how many are in use
	Waits  uint64        // how many transactions had to wait for one
	Waited time.Duration // how long they waited, together
}

// StatsOf returns what s tells about itself. If s is no [Statser], it is the zero Stats.
func StatsOf(s Store) Stats {
	if t, ok := s.(Statser); ok {
		return t.Stats()
	}
	return Stats{}
}

// bounds are the upper bounds of the bins of a Meter, but for the last, which has none.
var bounds = [...]time.Duration{
	100 * time.Microsecond, 300 * time.Microsecond, time.Millisecond, 3 * time.Millisecond, 10 * time.Millisecond, 30 * time.Millisecond,
	100 * time.Millisecond, 300 * time.Millisecond, time.Second, 3 * time.Second, 10 * time.Second,
}

// Durations are how long many things took.
type Durations struct {
	Count uint64        // how many there were
	Sum   time.Duration // all together
	Max   time.Duration // the longest
	Bins  []Bin         // a histogram, in ascending order
}

// A Bin says how many durations were at most as long as a bound. Those of the bins before are
// among them, as in the histograms of Prometheus. The durations beyond the last bound are in no bin.
type Bin struct {
	Bound time.Duration
	Count uint64
}

// A Meter counts durations, for the [Durations] of a store. The zero Meter has counted nothing. Any number of
// goroutines can use one.
type Meter struct {
	sum, longest atomic.Int64
	in           [len(bounds) + 1]atomic.Uint64
}

// Record counts a duration. A negative one counts as 0.
func (m *Meter) Record(d time.Duration) {
	d = max(d, 0)
	at, _ := slices.BinarySearch(bounds[:], d)
	m.in[at].Add(1)
	m.sum.Add(int64(d))
	for {
		longest := m.longest.Load()
		if int64(d) <= longest || m.longest.CompareAndSwap(longest, int64(d)) {
			return
		}
	}
}

// Durations returns what was counted. While durations are being counted, the fields can
// differ by those.
func (m *Meter) Durations() Durations {
	d := Durations{Sum: time.Duration(m.sum.Load()), Max: time.Duration(m.longest.Load()), Bins: make([]Bin, len(bounds))}
	for i := range m.in {
		d.Count += m.in[i].Load()
		if i < len(bounds) {
			d.Bins[i] = Bin{bounds[i], d.Count}
		}
	}
	return d
}
