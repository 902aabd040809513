package sharedmem

import (
	"context"
	"sync"

	"groupkit/store"
)

// A Store is one handle of the shared data.
type Store struct {
	data    *Data
	mu      sync.Mutex
	running sync.WaitGroup // transactions
	closed  chan struct{}
}

// Open returns another handle.
func (d *Data) Open() *Store { return &Store{data: d, closed: make(chan struct{})} }

// Sizes returns what the store can take.
func (s *Store) Sizes() store.Sizes { return s.data.options.Sizes }

// Stats returns what all handles have done.
func (s *Store) Stats() store.Stats {
	c := &s.data.Counts
	n := uint64(c.Commits.Load())
	return store.Stats{Kind: "shared memory", Updates: new(n), Commits: new(n), Reruns: new(uint64(c.Conflicts.Load()))}
}

// View runs fn on a snapshot.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.running.Done()
	run := func() error {
		t := s.data.begin(false)
		defer s.data.end(t)
		return fn(reader{space{t, engine}})
	}
	if s.data.happens(s.data.options.Rerun) {
		_ = run()
	}
	return run()
}

// Update runs fn and commits its writes. It runs it again while there are conflicts.
func (s *Store) Update(ctx context.Context, fn func(store.Writer) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.running.Done()
	var refused error // of fn, which is returned as it is
	run := func(commit func(*transaction) error) error {
		t := s.data.begin(true)
		defer s.data.end(t)
		if refused = fn(writer{space{t, engine}}); refused != nil {
			return nil
		}
		return commit(t)
	}
	err := s.data.options.Retry.Do(ctx, func() error {
		if s.data.happens(s.data.options.Rerun) {
			_ = run(func(*transaction) error { return nil })
		}
		return run(s.data.commit)
	})
	if refused != nil {
		return refused
	}
	return err
}

// enter begins a call.
func (s *Store) enter(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
		return store.ErrClosed
	default:
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.running.Add(1)
	return nil
}

// Close closes the handle. The data stays, for the other handles.
func (s *Store) Close() error {
	s.mu.Lock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	s.mu.Unlock()
	s.running.Wait()
	return nil
}

// Watch calls changed with what any handle announces.
func (s *Store) Watch(ctx context.Context, changed func(topics []string)) error {
	if !s.data.options.Notify {
		return store.ErrNotSupported
	}
	w := &watcher{wake: make(chan struct{}, 1)}
	s.data.watch(w, true)
	defer s.data.watch(w, false)
	for {
		select {
		case <-s.closed:
			return store.ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		case <-w.wake:
			changed(w.take())
		}
	}
}

func (d *Data) watch(w *watcher, on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if on {
		d.watchers[w] = true
	} else {
		delete(d.watchers, w)
	}
}

// A watcher collects what its Watch has still to tell.
type watcher struct {
	mu     sync.Mutex
	topics []string
	lost   bool
	wake   chan struct{}
}

func (w *watcher) tell(topics []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.topics = append(w.topics, topics...)
	w.lost = w.lost || len(topics) == 0
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take returns what is to be told: no topics if some were lost.
func (w *watcher) take() (topics []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.lost {
		topics = w.topics
	}
	w.topics, w.lost = nil, false
	return topics
}
