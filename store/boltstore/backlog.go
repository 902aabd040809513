package boltstore

import "sync"

// A backlog contains the functions given to AfterSync that are not yet called. Commits are
// numbered; a function waits until the commit with its number, and all before it, are saved.
//
// One goroutine at a time calls functions, in their order. It holds no lock meanwhile, so a
// function can use the store and can add functions.
type backlog struct {
	mu      sync.Mutex
	waiting []waiter
	saved   uint64     // the commits up to this number are saved
	calling bool       // a goroutine calls functions
	idle    *sync.Cond // calling has become false
}

type waiter struct {
	commit uint64
	fn     func()
}

func newBacklog() *backlog {
	b := new(backlog)
	b.idle = sync.NewCond(&b.mu)
	return b
}

// add adds fn, to be called once the commit is saved. If that is so, add calls it, unless
// another goroutine is calling functions and will come to it.
func (b *backlog) add(commit uint64, fn func()) {
	b.mu.Lock()
	b.waiting = append(b.waiting, waiter{commit, fn})
	mine := b.claim()
	b.mu.Unlock()
	if mine {
		b.call()
	}
}

// release records that the commits up to a number are saved. The functions are called on
// another goroutine, because the caller may hold locks that they need.
func (b *backlog) release(saved uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.saved = max(b.saved, saved)
	if b.claim() {
		go b.call()
	}
}

// wait waits until no function is due.
func (b *backlog) wait() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.calling {
		b.idle.Wait()
	}
}

// claim reports whether the caller must start call. The caller holds mu.
func (b *backlog) claim() bool {
	if b.calling || !b.due() {
		return false
	}
	b.calling = true
	return true
}

func (b *backlog) due() bool { return len(b.waiting) > 0 && b.waiting[0].commit <= b.saved }

// call calls the functions that are due. If one of them panics or ends its goroutine,
// another goroutine calls the rest.
func (b *backlog) call() {
	ended := true
	defer func() {
		if ended {
			go b.call()
		}
	}()
	for fn := b.next(); fn != nil; fn = b.next() {
		fn()
	}
	ended = false
}

// next takes the next function that is due. If there is none, calling ends.
func (b *backlog) next() func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.due() {
		b.calling = false
		b.idle.Broadcast()
		return nil
	}
	fn := b.waiting[0].fn
	b.waiting[0] = waiter{}
	b.waiting = b.waiting[1:]
	return fn
}
