package pgstore

import (
	"context"
	"slices"
	"sync"
)

// turns let the transactions of this process that are going to write the same key take turns.
// A transaction takes its turn before its snapshot is made. Otherwise it would wait for the lock of
// the row, and then fail because the row has changed since.
//
// Nobody who holds a connection waits for a turn: so nobody waits in a circle.
type turns struct {
	mu  sync.Mutex
	all map[string]*turn
}

// A turn is the turn at one key.
type turn struct {
	taken   chan struct{} // has the value of whoever has the turn
	waiting int           // who waits for it or has it
}

// take waits for the turns at keys. It returns a function that gives them up.
func (t *turns) take(ctx context.Context, keys []string) (give func(), err error) {
	slices.Sort(keys) // everyone takes them in the same order
	keys = slices.Compact(keys)
	taken := 0
	give = func() {
		for _, key := range keys[:taken] {
			t.leave(key, true)
		}
	}
	for _, key := range keys {
		turn := t.enter(key)
		select {
		case turn.taken <- struct{}{}:
			taken++
		case <-ctx.Done():
			t.leave(key, false)
			give()
			return nil, ctx.Err()
		}
	}
	return give, nil
}

func (t *turns) enter(key string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = make(map[string]*turn)
	}
	at, ok := t.all[key]
	if !ok {
		at = &turn{taken: make(chan struct{}, 1)}
		t.all[key] = at
	}
	at.waiting++
	return at
}

func (t *turns) leave(key string, taken bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.all[key]
	if taken {
		<-at.taken
	}
	if at.waiting--; at.waiting == 0 {
		delete(t.all, key)
	}
}
