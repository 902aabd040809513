package groupkit

import (
	"context"
	"math"
	"time"

	"groupkit/internal/key"
	"groupkit/store"
)

// floorEvery is how often an engine raises the floor at most: that disturbs calls.
const floorEvery = 200 * time.Millisecond

// A floorRaiser knows when an engine has raised the floor. It is a channel with the time, which is
// missing while the engine raises it.
type floorRaiser chan time.Time

func newFloorRaiser() floorRaiser {
	f := make(floorRaiser, 1)
	f <- time.Time{}
	return f
}

// raiseFloor settles the calls that are in the index of commits, unless it has just done so. An engine that
// writes nothing leaves that to others.
func (e *Engine) raiseFloor(ctx context.Context) error {
	if !e.unordered || e.opts.ReadOnly {
		return nil
	}
	var raised time.Time
	select {
	case raised = <-e.floor:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { e.floor <- raised }()
	if !raised.IsZero() && time.Since(raised) < floorEvery {
		return nil
	}
	var floor, above uint64
	err := e.view(ctx, func(r store.Reader) (err error) {
		floor, above, err = floorAndAbove(r)
		return err
	})
	if err == nil && above > floor {
		err = e.step(ctx, func(w store.Writer) error { return raiseFloorTo(w, above) })
	}
	if err == nil {
		raised = time.Now()
	}
	return err
}

// floorAndAbove returns the floor, and the number above all calls that there are or were.
func floorAndAbove(r store.Reader) (floor, above uint64, err error) {
	values, pages, err := store.Fetch(r, [][]byte{key.Floor(), key.LastRemoved()},
		[]store.Range{{From: key.Commit(1), To: store.PrefixEnd(key.Commits()), Reverse: true, Limit: 1}})
	if err != nil {
		return 0, 0, storage(err)
	}
	if floor, err = decodeFloor(values[0]); err == nil {
		above = afterCommits(1, math.MaxUint64, values[1], pages[0].Pairs)
	}
	return floor, above, err
}
