package boltstore

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"groupkit/store"
)

// maxBatch is the maximum number of Updates in one commit: enough to make the sync cheap
// for each, few enough to keep the wait short.
const maxBatch = 256

// Update runs fn and commits its writes, together with those of concurrent Updates.
func (s *Store) Update(ctx context.Context, fn func(store.Writer) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.readOnly {
		return fmt.Errorf("boltstore: %s: %w", s.path, store.ErrReadOnly)
	}
	if s.relax != nil {
		return s.relax.update(ctx, fn)
	}
	r := s.queue.enter(fn)
	if r == nil {
		return s.alone(fn)
	}
	return s.queue.wait(ctx, r)
}

// alone commits fn by itself, on the goroutine of the caller.
func (s *Store) alone(fn func(store.Writer) error) error {
	defer s.next()
	b := batch{store: s}
	defer b.abandon()
	if err := b.begin(); err != nil {
		return err
	}
	if err := b.call(fn); err != nil {
		return err
	}
	return b.commit()
}

// next passes the right to commit on to waiting Updates.
func (s *Store) next() {
	if s.queue.leave() {
		go s.drain(nil)
	}
}

// drain commits waiting Updates until none are left. A function that ends its goroutine,
// as t.FailNow does, ends drain. Another goroutine then continues with the rest of the
// batch.
func (s *Store) drain(b *batch) {
	ended := true
	defer func() {
		if ended {
			go s.drain(b)
		}
	}()
	for {
		if b == nil {
			if b = s.queue.batch(s); b == nil {
				break
			}
		}
		b.work()
		b = nil
	}
	ended = false
}

// A request is a waiting Update.
type request struct {
	fn      func(store.Writer) error
	done    chan struct{} // receives a value when the outcome is known
	taken   bool          // a batch has taken it: it cannot be withdrawn
	depends bool          // it may have read writes of other requests of the batch
	outcome outcome
	err     error // set if fn has returned
	panic   any   // set if fn has panicked
}

type outcome int

const (
	exited outcome = iota // fn has ended its goroutine
	returned
	panicked
)

var requests = sync.Pool{New: func() any {
	return &request{done: make(chan struct{}, 1)}
}}

// enter returns nil if the caller has the right to commit. Otherwise it returns the
// request in the queue.
func (q *queue) enter(fn func(store.Writer) error) *request {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.busy {
		q.busy = true
		return nil
	}
	r := requests.Get().(*request)
	r.fn = fn
	q.waiting = append(q.waiting, r)
	return r
}

// leave gives the right to commit back. It reports true if the caller must pass the right
// on to waiting Updates instead.
func (q *queue) leave() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = len(q.waiting) > 0
	return q.busy
}

// wait waits for the outcome of r. If ctx ends first, it withdraws r.
func (q *queue) wait(ctx context.Context, r *request) error {
	select {
	case <-r.done:
	case <-ctx.Done():
		if q.withdraw(r) {
			return ctx.Err()
		}
		<-r.done
	}
	did, err, p := r.outcome, r.err, r.panic
	*r = request{done: r.done}
	requests.Put(r)
	switch did {
	case exited:
		runtime.Goexit()
	case panicked:
		panic(p)
	}
	return err
}

// withdraw removes r from the queue, unless a batch has taken it.
func (q *queue) withdraw(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if r.taken {
		return false
	}
	place := slices.Index(q.waiting, r)
	q.waiting = slices.Delete(q.waiting, place, place+1)
	return true
}

// gather yields as long as more Updates come, because callers released by the last commit
// soon come back. Of 64 callers, 55 then share a commit. With a single yield it is 45.
func (q *queue) gather() {
	for before, now := -1, q.length(); before < now && now < maxBatch; {
		runtime.Gosched()
		before, now = now, q.length()
	}
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// batch takes the waiting Updates. If there are none, it gives the right to commit back.
func (q *queue) batch(s *Store) *batch {
	q.gather()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.busy = false
		return nil
	}
	b := &batch{store: s, requests: q.waiting}
	q.waiting = nil
	if len(b.requests) > maxBatch {
		q.waiting = slices.Clone(b.requests[maxBatch:])
		b.requests = b.requests[:maxBatch]
	}
	for _, r := range b.requests {
		r.taken = true
	}
	return b
}
