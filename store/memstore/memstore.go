// Package memstore is a store in memory, for tests and for data that can be lost when the
// process ends.
//
// A View never waits: its snapshot is one version of a tree that keeps its old versions.
// Updates run one after another.
package memstore

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"

	"groupkit/store"
	"groupkit/store/internal/gate"
	"groupkit/store/internal/overlay"
	"groupkit/store/internal/tree"
)

// A Store is a store.Store in memory.
type Store struct {
	gate   gate.Gate
	writer chan struct{} // held by the running Update
	now    atomic.Pointer[version]

	updates atomic.Uint64
	waiting atomic.Int64
}

// A version contains all committed data of one instant, by key space: "" is the engine's,
// the others have the names of the application's buckets. A version never changes.
type version map[string]tree.Tree

// New returns an empty store.
func New() *Store {
	s := &Store{writer: make(chan struct{}, 1)}
	s.now.Store(&version{})
	return s
}

// Exclusive returns true: no other process can see the data.
func (s *Store) Exclusive() bool { return true }

// enter begins a transaction. Only New returns a store that can be used: the zero Store is closed.
func (s *Store) enter() error {
	if s.now.Load() == nil {
		return store.ErrClosed
	}
	return s.gate.Enter()
}

// View runs fn on a snapshot.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	t := begin(*s.now.Load())
	defer t.end()
	return fn(reader{t.main()})
}

// Update runs fn and commits its writes if fn returns nil.
func (s *Store) Update(ctx context.Context, fn func(store.Writer) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer func() { <-s.writer }()
	t := begin(*s.now.Load())
	defer t.end()
	if err := fn(t.main()); err != nil {
		return err
	}
	s.now.Store(t.commit())
	s.updates.Add(1)
	return nil
}

// Stats returns what the store has done. The size of the data is not known.
func (s *Store) Stats() store.Stats {
	n := s.updates.Load()
	return store.Stats{Kind: "memory", Updates: new(n), Commits: new(n), Waiting: new(int(s.waiting.Load()))}
}

// lock waits until no other Update runs, or until ctx ends.
func (s *Store) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.writer <- struct{}{}:
		return nil
	default:
	}
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	select {
	case s.writer <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close waits for the running transactions and drops the data.
func (s *Store) Close() error {
	s.gate.Close(func() { s.now.Store(&version{}) })
	return nil
}

// A transaction contains the key spaces that a function has opened in one version.
type transaction struct {
	version version
	spaces  map[string]*space
}

func begin(v version) *transaction {
	return &transaction{version: v, spaces: make(map[string]*space, 1)}
}

func (t *transaction) main() *space { return t.space("") }

func (t *transaction) space(name string) *space {
	s, ok := t.spaces[name]
	if !ok {
		s = &space{Space: overlay.New(nil, t.version[name]), transaction: t}
		t.spaces[name] = s
	}
	return s
}

func (t *transaction) commit() *version {
	next := maps.Clone(t.version)
	for name, s := range t.spaces {
		next[name] = s.Writes()
	}
	return &next
}

func (t *transaction) end() {
	for _, s := range t.spaces {
		s.End()
	}
}

// A space is one key space of a transaction.
type space struct {
	*overlay.Space
	transaction *transaction
}

// Bucket returns the application's key space with the name.
func (s *space) Bucket(name string) (store.Writer, error) {
	if err := s.check(name); err != nil {
		return nil, err
	}
	return s.transaction.space(name).Space, nil
}

// BucketReader returns the application's key space with the name.
func (s *space) BucketReader(name string) (store.Reader, error) {
	return s.Bucket(name)
}

// Buckets returns the names of the application's key spaces, also of those that are open in the transaction.
func (s *space) Buckets() ([]string, error) {
	if s.Ended() {
		return nil, overlay.Over()
	}
	names := make(map[string]bool)
	for name := range s.transaction.version {
		names[name] = true
	}
	for name := range s.transaction.spaces {
		names[name] = true
	}
	delete(names, "")
	return slices.Sorted(maps.Keys(names)), nil
}

// check refuses invalid names, and every name after the end of the transaction.
func (s *space) check(name string) error {
	if s.Ended() {
		return overlay.Over()
	}
	return overlay.CheckBucket(name)
}

// A reader is a space without the methods that write.
type reader struct{ space *space }

func (r reader) Get(key []byte) ([]byte, bool, error)           { return r.space.Get(key) }
func (r reader) GetMany(keys [][]byte) ([][]byte, error)        { return r.space.GetMany(keys) }
func (r reader) Scan(g store.Range) ([]store.Pair, bool, error) { return r.space.Scan(g) }

// BucketReader returns the application's key space with the name.
func (r reader) BucketReader(name string) (store.Reader, error) {
	if err := r.space.check(name); err != nil {
		return nil, err
	}
	return reader{r.space.transaction.space(name)}, nil
}

// Buckets returns the names of the application's key spaces.
func (r reader) Buckets() ([]string, error) { return r.space.Buckets() }
