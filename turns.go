package groupkit

import (
	"context"
	"hash/maphash"
)

// Turns make the callers of this process that change the same group wait for each other before
// they reach a shared store. There they would only disturb each other: each would read, and all
// but one would have to run again.
type turns struct {
	seed  maphash.Seed
	lanes [256]chan struct{} // a group has one; a lane has room for one caller
}

func newTurns() *turns {
	t := &turns{seed: maphash.MakeSeed()}
	for i := range t.lanes {
		t.lanes[i] = make(chan struct{}, 1)
	}
	return t
}

// take waits for the turn of a caller. The caller must release it.
func (t *turns) take(ctx context.Context, group GroupID) (release func(), err error) {
	lane := t.lanes[maphash.String(t.seed, string(group))%uint64(len(t.lanes))]
	select {
	case lane <- struct{}{}:
		return func() { <-lane }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// takeTurn is take for a call that is a transaction of its own on a shared store. Other calls
// do not wait.
func (a Actor) takeTurn(ctx context.Context, group GroupID) (release func(), err error) {
	if !a.eng.shared || a.tx != nil || a.mode != normal {
		return func() {}, nil
	}
	return a.eng.turns.take(ctx, group)
}
