package boltstore

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"groupkit/store"
)

// maxBatch is how many Updates share a commit at most: enough for the sync to
// weigh little, few enough for none to wait long.
const maxBatch = 256

// Update runs fn and commits what it wrote, together with what others write at
// that time.
func (s *Store) Update(ctx context.Context, fn func(store.Writer) error) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	if err := ctx.Err(); err != nil {
		return err
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

// alone commits fn by itself, on the caller's goroutine.
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

// next hands the right to commit on to those who wait.
func (s *Store) next() {
	if s.queue.leave() {
		go s.drain(nil)
	}
}

// drain commits what waits until nothing does. A function that ends the
// goroutine it runs on, as t.FailNow does, ends this one: another goes on with
// the rest of its batch.
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

// A request is an Update that waits.
type request struct {
	fn      func(store.Writer) error
	done    chan struct{} // receives when the outcome is known
	taken   bool          // by a batch: too late to withdraw
	depends bool          // it has read what another of its batch wrote
	outcome outcome
	err     error // if it has returned
	panic   any   // if it has panicked
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

// enter returns nil if the caller has the right to commit, and its place in the
// queue otherwise.
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

// leave gives the right to commit back, and reports whether it must be used for
// those who wait instead.
func (q *queue) leave() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = len(q.waiting) > 0
	return q.busy
}

// wait waits for the outcome of r, or withdraws it when ctx ends first.
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

// withdraw takes r out of the queue unless a batch has taken it up.
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

// gather yields for as long as that lets more come: those whom the last commit
// has released are about to be back. Of 64 callers, 55 share a commit then; with
// a single yield, 45.
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

// batch takes those who wait, or gives the right to commit back if nobody does.
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
