// Package gate lets a store close when the last call under way has left.
package gate

import (
	"sync"
	"sync/atomic"

	"groupkit/store"
)

// closed is set in the count of a gate that lets no one in any more.
const closed = 1 << 62

// A Gate counts the calls that are under way. The zero Gate is open.
type Gate struct {
	count atomic.Int64
	once  sync.Once
	empty chan struct{} // closed when the last call has left a closed gate
}

// Enter begins a call, which must end with Leave; store.ErrClosed if the gate
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

// Close lets no one in any more, waits for all to leave, and runs then. Of
// several calls the first runs its function; the others wait for it.
func (g *Gate) Close(then func()) {
	g.once.Do(func() {
		g.empty = make(chan struct{}, 1)
		if g.count.Add(closed) != closed {
			<-g.empty
		}
		then()
	})
}
