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

// few is how many Updates are worth a commit of their own while others come. With
// fewer the sync outweighs their work, and they wait for those whom the last commit
// has released; with twice as many, half of them are run while the others commit.
const few = 16

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
	b, r := s.enter(fn)
	if b != nil {
		return b.alone(fn)
	}
	return s.queue.wait(ctx, r)
}

// A queue gives every Update two turns: first its function runs, over what those before
// it have written, and then that is committed. One goroutine at a time runs functions,
// and has the floor; one commits. They may be two.
type queue struct {
	mu         sync.Mutex
	changed    sync.Cond // one more is waiting, or a commit has ended
	waiting    []*request
	running    bool   // someone has the floor
	committing *batch // nil: no commit is under way
}

// enter returns a batch of its own that commits for an Update that finds nobody else,
// and its place in the queue otherwise.
func (s *Store) enter(fn func(store.Writer) error) (*batch, *request) {
	q := &s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.running && q.committing == nil {
		q.running, q.committing = true, &batch{store: s}
		return q.committing, nil
	}
	r := requests.Get().(*request)
	r.fn = fn
	q.waiting = append(q.waiting, r)
	if q.running {
		q.changed.Signal()
	} else {
		q.running = true
		go s.drain(&batch{store: s})
	}
	return nil, r
}

// pass gives the floor to those who wait.
func (s *Store) pass() {
	q := &s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running = len(q.waiting) > 0; q.running {
		go s.drain(&batch{store: s})
	}
}

// drain has the floor: it runs and commits b, and goes on while others wait. A function
// that ends the goroutine it runs on, as t.FailNow does, ends this one: another goes on
// with the rest of its batch.
func (s *Store) drain(b *batch) {
	ended := true
	defer func() {
		if ended {
			go s.drain(b)
		}
	}()
	for b != nil {
		for !s.queue.turn(b) {
			b.ahead()
		}
		b = b.work()
	}
	ended = false
}

// turn waits until b may commit, or may run more functions while another commits.
func (q *queue) turn(b *batch) (commit bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.committing != nil && q.committing != b {
		if b.store.owned && q.take(b, maxBatch) {
			b.base = q.committing
			return false
		}
		q.changed.Wait()
	}
	q.committing = b
	return true
}

// take moves up to most of those who wait into b, and reports whether there were any.
func (q *queue) take(b *batch, most int) bool {
	n := min(len(q.waiting), most, maxBatch-len(b.requests))
	for _, r := range q.waiting[:n] {
		r.taken = true
	}
	b.requests = append(b.requests, q.waiting[:n]...)
	q.waiting = append(q.waiting[:0], q.waiting[n:]...)
	return n > 0
}

// share takes more into a batch that is about to commit few. It leaves half of many,
// to be run during the commit, unless functions can be run in the transaction alone.
func (q *queue) share(b *batch) {
	if b.ran >= few {
		return
	}
	q.gather()
	q.mu.Lock()
	defer q.mu.Unlock()
	most := len(q.waiting)
	if b.store.owned && most >= 2*few {
		most = (most + 1) / 2
	}
	q.take(b, most)
}

// end ends the commit under way.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.committing = nil
	q.changed.Signal()
}

// endRunning is end for a caller who takes the floor again, if nobody has it.
func (q *queue) endRunning() (floor bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.committing = nil
	q.changed.Signal()
	floor, q.running = !q.running, true
	return floor
}

// rest gives the floor back if nobody comes.
func (q *queue) rest() bool {
	q.gather()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running = len(q.waiting) > 0
	return !q.running
}

// gather yields for as long as that lets more come: those whom the last commit
// has released are about to be back.
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
