// Package gate lets a store wait for its running calls before it closes.
package gate

import (
	"sync"
	"sync/atomic"

	"groupkit/store"
)

// closed is set in the count of a closed gate.
const closed = 1 << 62

// A Gate counts the running calls. The zero Gate is open.
type Gate struct {
	count atomic.Int64
	once  sync.Once
	empty chan struct{} // closed when the last call has left a closed gate
}

// Enter begins a call. The call must end with Leave. Returns store.ErrClosed if the gate
// is closed.
func (g *Gate) Enter() error {
	if g.count.Add(1) < closed {
		return nil
	}
	g.Leave()
	return store.ErrClosed
}

// Leave ends a call.
func (g *Gate) Leave() {
	if g.count.Add(-1) == closed {
		g.signal()
	}
}

func (g *Gate) signal() {
	select {
	case g.empty <- struct{}{}:
	default:
	}
}

// Close closes the gate, waits until all calls have left, and runs then. If Close is
// called several times, only the first call runs its function. The others wait for it.
func (g *Gate) Close(then func()) {
	g.once.Do(func() {
		g.empty = make(chan struct{}, 1)
		if g.count.Add(closed) != closed {
			<-g.empty
		}
		then()
	})
}
