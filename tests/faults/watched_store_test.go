package faults_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"groupkit/store"
	"groupkit/store/memstore"
)

// A watched store runs a function after each Update that the function does not make itself,
// and counts the writes of each Update.
type watched struct {
	*memstore.Store
	mu     sync.Mutex
	then   func()
	nested bool
	writes []int
}

// after sets the function that runs after each Update; nil: none.
func (s *watched) after(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.then = fn
}

// enter begins an Update that is watched, unless it is nested in another.
func (s *watched) enter() (fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.then == nil || s.nested {
		return nil
	}
	s.nested = true
	return s.then
}

func (s *watched) leave(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nested = false
	s.writes = append(s.writes, n)
}

func (s *watched) Update(ctx context.Context, fn func(store.Writer) error) error {
	then := s.enter()
	if then == nil {
		return s.Store.Update(ctx, fn)
	}
	n := 0
	defer func() { s.leave(n) }()
	err := s.Store.Update(ctx, func(w store.Writer) error { return fn(counting{w, &n}) })
	then()
	return err
}

// A counting writer counts what is written through it.
type counting struct {
	store.Writer
	n *int
}

func (w counting) Put(k, v []byte) error { *w.n++; return w.Writer.Put(k, v) }

func (w counting) Delete(k []byte) error { *w.n++; return w.Writer.Delete(k) }

// late lets an engine read twice while it opens, and then not before on is closed.
type late struct {
	*watched
	views atomic.Int64
	on    chan struct{}
}

func (s *late) View(ctx context.Context, fn func(store.Reader) error) error {
	if s.views.Add(1) > 2 {
		<-s.on
	}
	return s.watched.View(ctx, fn)
}

// sticky contents cannot be deleted.
type sticky struct{ store.Blobs }

func (sticky) Delete(context.Context, string) error { return errSticky }

var errSticky = errors.New("it sticks")
