package feed

import (
	"sync"
	"sync/atomic"
)

const (
	queue       = 1024 // how many events a subscriber may be behind before it misses some
	segmentSize = 16
	segments    = queue/segmentSize + 1
)

// A feed is a ring of the last events of one group, or of all. The broker publishes into
// it, and its subscribers all read the same events, without a lock and without a copy. So
// one more subscriber costs a writer next to nothing.
//
// What must hold: an event does not change once it is counted. A segment that is reused is
// a new one in the same slot of the ring, so a reader may keep the events of the old one.
// The ring has one segment more than the queue needs, the one being filled.
type feed[E any] struct {
	group       string // "" is all groups
	subscribers int    // guarded by the broker
	due         bool   // there may be more in the log; guarded by the broker

	turn  sync.Mutex // held to publish
	next  uint64     // the first position that is not published; 0 if it is not known yet
	known uint64     // what is before this position is durable

	count  atomic.Uint64 // events ever published
	ring   [segments]atomic.Pointer[segment[E]]
	waking atomic.Bool // wakeAll is running

	mu         sync.Mutex // held to change the wake groups
	wakeGroups []*wakeGroup
}

// A segment is the events from number times segmentSize on.
type segment[E any] struct {
	number uint64
	events [segmentSize]E
}

// add adds events, after which the position is next. The caller has the turn.
func (f *feed[E]) add(events []E, next uint64) {
	f.next = next
	for _, e := range events {
		n := f.count.Load()
		slot := &f.ring[n/segmentSize%segments]
		if n%segmentSize == 0 {
			slot.Store(&segment[E]{number: n / segmentSize})
		}
		slot.Load().events[n%segmentSize] = e
		f.count.Store(n + 1)
	}
}

// from returns events from a position on, none if there are none yet, and the position of
// the first. That is a later one if more have been published than the queue holds.
func (f *feed[E]) from(at uint64) ([]E, uint64) {
	for {
		n := f.count.Load()
		at = max(at, n-min(n, queue))
		if at == n {
			return nil, at
		}
		s := f.ring[at/segmentSize%segments].Load()
		if s.number != at/segmentSize {
			continue // it has just been replaced
		}
		return s.events[at%segmentSize : min(segmentSize, n-s.number*segmentSize)], at
	}
}
