// Package memstore keeps everything in memory: for tests, and for what may be
// gone when the process is.
//
// Views never wait: a snapshot is one version of a tree that keeps its old
// versions. Updates run one after another.
package memstore

import (
	"context"
	"maps"
	"sync/atomic"

	"groupkit/store"
	"groupkit/store/internal/gate"
	"groupkit/store/internal/overlay"
	"groupkit/store/internal/tree"
)

// A Store is a store.Store in memory.
type Store struct {
	gate   gate.Gate
	writer chan struct{} // held by the Update under way
	now    atomic.Pointer[version]
}

// A version is all that has been committed at one time: the engine's space
// under "", those of the application under their names. It never changes.
type version map[string]tree.Tree

// New returns an empty store.
func New() *Store {
	s := &Store{writer: make(chan struct{}, 1)}
	s.now.Store(&version{})
	return s
}

// Exclusive reports true: no other process sees the data.
func (s *Store) Exclusive() bool { return true }

// View runs fn on a snapshot.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.gate.Enter(); err != nil {
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

// Update runs fn and keeps what it wrote if it returns nil.
func (s *Store) Update(ctx context.Context, fn func(store.Writer) error) error {
	if err := s.gate.Enter(); err != nil {
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
	return nil
}

// lock waits until this Update is the only one, or ctx ends.
func (s *Store) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.writer <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close waits for what is under way and lets go of the data.
func (s *Store) Close() error {
	s.gate.Close(func() { s.now.Store(&version{}) })
	return nil
}

// A transaction is the spaces that a function has opened over one version.
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

// Bucket returns the application's space of that name.
func (s *space) Bucket(name string) (store.Writer, error) {
	if err := s.check(name); err != nil {
		return nil, err
	}
	return s.transaction.space(name).Space, nil
}

// BucketReader returns the application's space of that name.
func (s *space) BucketReader(name string) (store.Reader, error) {
	return s.Bucket(name)
}

// check refuses the names that no bucket has, and to open one too late.
func (s *space) check(name string) error {
	if s.Ended() {
		return overlay.Over()
	}
	return overlay.CheckBucket(name)
}

// A reader is a space without its verbs that write.
type reader struct{ space *space }

func (r reader) Get(key []byte) ([]byte, bool, error)           { return r.space.Get(key) }
func (r reader) GetMany(keys [][]byte) ([][]byte, error)        { return r.space.GetMany(keys) }
func (r reader) Scan(g store.Range) ([]store.Pair, bool, error) { return r.space.Scan(g) }

// BucketReader returns the application's space of that name.
func (r reader) BucketReader(name string) (store.Reader, error) {
	if err := r.space.check(name); err != nil {
		return nil, err
	}
	return reader{r.space.transaction.space(name)}, nil
}
