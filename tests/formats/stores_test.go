package formats_test

import (
	"context"
	"errors"
	"sync/atomic"

	"groupkit/store"
)

// errShut is what a write to a shut store fails with.
var errShut = errors.New("the store is shut for writes")

// unlimited is how many Updates may write where none is to fail.
const unlimited = 1 << 60

// A gate stands between an engine and its store. It lets a number of Updates write and
// refuses the writes of all later ones; reads go through always.
type gate struct {
	store.Store
	left    atomic.Int64  // Updates that may still write
	changed chan struct{} // told after each Update
}

func newGate(s store.Store, left int64) *gate {
	g := &gate{Store: s, changed: make(chan struct{}, 1)}
	g.left.Store(left)
	return g
}

// Exclusive is true as it is for a file of bbolt, so that answers are cached as usual.
func (g *gate) Exclusive() bool { return true }

// Update runs fn on a snapshot if the gate is shut. A call that only reads what an
// earlier one left, such as one repeated with its idempotency key, still succeeds.
func (g *gate) Update(ctx context.Context, fn func(store.Writer) error) error {
	defer notify(g.changed)
	if g.left.Add(-1) >= 0 {
		return g.Store.Update(ctx, fn)
	}
	return g.View(ctx, func(r store.Reader) error { return fn(shutWriter{r}) })
}

// A shutWriter reads and refuses to write.
type shutWriter struct{ store.Reader }

func (shutWriter) Put(_, _ []byte) error { return errShut }

func (shutWriter) Delete([]byte) error { return errShut }

// A blobGate stands between an engine and the contents of its files. It can be shut for
// writes as a gate can.
type blobGate struct {
	store.Blobs
	keeps   atomic.Bool   // nothing is deleted
	changed chan struct{} // told after each Delete
}

func newBlobGate(b store.Blobs, keeps bool, changed chan struct{}) *blobGate {
	g := &blobGate{Blobs: b, changed: changed}
	g.keeps.Store(keeps)
	return g
}

func (g *blobGate) Delete(ctx context.Context, id string) error {
	defer notify(g.changed)
	if g.keeps.Load() {
		return errShut
	}
	return g.Blobs.Delete(ctx, id)
}

// notify leaves word in the channel, unless there is word already.
func notify(changed chan struct{}) {
	select {
	case changed <- struct{}{}:
	default:
	}
}
