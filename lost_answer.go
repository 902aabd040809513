package groupkit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// A shared store can lose the answer to a commit. The caller would then have to find out
// whether its change was made. The engine finds out itself where it can: it looks for its own
// call in the log. If the call is not there it makes sure that it cannot come any more, and
// makes the change again. Only while the store does not answer is the outcome unknown.
const (
	resolveWithin  = 10 * time.Second // how long the engine tries to find out
	unknownRetries = 3                // how many times a change is made again after it was lost
)

// mark gives the call a mark by which its engine finds it in the log.
func (c *change) mark() {
	if c.shared && len(c.call.Events) > 0 { // a load has its lease
		c.call.Mark = rand.Uint64() | 1
	}
}

// decided runs a transaction, and runs it again if its answer was lost and it was not made. after
// contains the calls of the last run. repeatable says that a transaction without events can be
// made twice.
func (e *Engine) decided(ctx context.Context, after *afterCommit, repeatable bool, transaction func() error) error {
	for tries := 0; ; tries++ {
		err := transaction()
		if !e.shared || tries == unknownRetries || !errors.Is(err, store.ErrCommitUnknown) {
			return err
		}
		made, failed := e.wasMade(ctx, after, repeatable)
		if failed != nil { // of which only the text counts: that finding out failed says nothing of the change
			return fmt.Errorf("%w; finding it out failed: %v", err, failed)
		}
		if made {
			return nil
		}
	}
}

// step is update for work of the engine's own that may be done twice: if its answer was lost it is
// run again.
func (e *Engine) step(ctx context.Context, fn func(store.Writer) error) error {
	return e.decided(ctx, new(afterCommit), true, func() error { return e.update(ctx, fn) })
}

// wasMade finds out whether a transaction was committed whose answer was lost. If it returns
// false, the transaction will not be committed any more, or can be made twice.
func (e *Engine) wasMade(ctx context.Context, after *afterCommit, repeatable bool) (made bool, err error) {
	if len(after.calls) == 0 {
		if repeatable {
			return false, nil
		}
		return false, errNoTrace
	}
	ctx, cancel := context.WithTimeout(ctx, resolveWithin)
	defer cancel()
	c := after.calls[0].change // one for all: they are in one transaction
	for wait := time.Millisecond; ; wait = min(2*wait, time.Second) {
		var known bool
		err = e.update(ctx, func(w store.Writer) (err error) {
			made, known, err = c.find(w)
			return err
		})
		if err != nil || known {
			return made, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// find looks for the call in the log. It writes what makes the call fail if it is still under
// way. known is false while it cannot be said whether the call will be made.
func (c *change) find(w store.Writer) (made, known bool, err error) {
	if c.loads {
		return c.findLoad(w)
	}
	header := key.Of(string(c.id), key.Header)
	values, err := store.GetMany(w, [][]byte{header, key.Event(string(c.id), c.head.Version)})
	if err != nil {
		return false, false, storage(err)
	}
	if values[1] != nil {
		call, err := record.DecodeCall(values[1])
		return call.Mark == c.call.Mark, true, err
	}
	if values[0] == nil { // a group that was to be created
		return c.findSettled(w)
	}
	h, err := record.DecodeHeader(values[0])
	switch {
	case err != nil:
		return false, false, err
	case h.First > c.head.Version:
		return false, false, errNoTrace // retention has cut the log
	case h.Version >= c.head.Version:
		return false, true, nil // another call has the version
	}
	return false, true, write(w, []store.Pair{{Key: header, Value: values[0]}}) // which the call has read
}

// findSettled says whether the transaction of the call has ended. Where the store does not know, it ends
// the transaction.
func (c *change) findSettled(w store.Writer) (made, known bool, err error) {
	settled, err := store.Settled(w)
	if errors.Is(err, store.ErrNotSupported) {
		return false, true, raiseFloorTo(w, c.call.Commit+1)
	}
	return false, settled > c.call.Commit/callsPerNumber, storage(err)
}

// errNoTrace: the transaction left nothing by which it could be found.
var errNoTrace = errors.New("the transaction of the application left no event")

// findLoad is find for the last step of a load.
func (c *change) findLoad(w store.Writer) (made, known bool, err error) {
	header := key.Of(string(c.id), key.Header)
	values, err := store.GetMany(w, [][]byte{header, key.Load(string(c.id))})
	if err != nil || values[0] == nil || values[1] == nil {
		return err == nil && values[0] != nil, true, storage(err)
	}
	return false, true, write(w, []store.Pair{{Key: header, Value: values[0]}}) // so that a commit under way fails
}
