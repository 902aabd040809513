package coherence_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"

	"groupkit/internal/grouptest"
	"groupkit/store"
)

// A fault is what the store does to a call.
type fault int

const (
	kept        fault = iota
	keptTwice         // the function is run a second time
	lost              // nothing is committed
	unknownKept       // the answer to the commit is lost
	unknownLost
)

var faults = []fault{16: kept, 17: keptTwice, 18: keptTwice, 19: lost, 20: unknownKept, 21: unknownLost}

// answered reports whether the caller learns what became of the call.
func (f fault) answered() bool { return f == kept || f == keptTwice }

func (f fault) undone() bool { return f == lost || f == unknownLost }

type faultKey struct{}

var errLost = errors.New("the disk is gone for a moment")

// A faultStore does to the first Update of a call what the fault in its context says.
type faultStore struct {
	store.Store
	views atomic.Int64
}

func (s *faultStore) Exclusive() bool { return true }

func (s *faultStore) View(ctx context.Context, fn func(store.Reader) error) error {
	s.views.Add(1)
	return s.Store.View(ctx, func(r store.Reader) error {
		dawdle()
		return fn(r)
	})
}

func (s *faultStore) Update(ctx context.Context, change func(store.Writer) error) error {
	fn := func(w store.Writer) error {
		defer dawdle()
		return change(w)
	}
	defer dawdle()
	mine, _ := ctx.Value(faultKey{}).(*fault)
	if mine == nil {
		return s.Store.Update(ctx, fn)
	}
	f := *mine
	*mine = kept // the next Update belongs to what a deletion leaves
	if f == keptTwice {
		_ = s.abort(ctx, fn)
	}
	if f.undone() {
		return cmp.Or(s.abort(ctx, fn), grouptest.Either(f == lost, errLost, fmt.Errorf("so: %w", store.ErrCommitUnknown)))
	}
	err := s.Store.Update(ctx, fn)
	if err == nil && f == unknownKept {
		return fmt.Errorf("so: %w", store.ErrCommitUnknown)
	}
	return err
}

// abort runs fn and rolls back.
func (s *faultStore) abort(ctx context.Context, fn func(store.Writer) error) error {
	err := s.Store.Update(ctx, func(w store.Writer) error { return cmp.Or(fn(w), errLost) })
	if err == errLost {
		return nil
	}
	return err
}

// dawdle yields to other goroutines, sometimes.
func dawdle() {
	for range max(0, rand.IntN(8)-4) {
		runtime.Gosched()
	}
}
