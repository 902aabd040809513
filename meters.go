package groupkit

import (
	"sync/atomic"
	"time"

	"groupkit/store"
)

// The meters of an engine count for Engine.Stats what nobody else counts. Whoever does the work counts
// it.
type meters struct {
	opened   time.Time // by Options.Clock
	updating atomic.Int64
	updates  store.Meter

	uploads, loads, deletions atomic.Int64 // that run now
	missed                    atomic.Uint64
}

// running counts something that runs, until the returned function is called.
func running(n *atomic.Int64) (end func()) {
	n.Add(1)
	return func() { n.Add(-1) }
}
