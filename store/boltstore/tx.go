package boltstore

import (
	"errors"
	"fmt"
	"runtime/debug"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"groupkit/store"
	"groupkit/store/internal/overlay"
)

// A tx is a bbolt transaction and the readers opened in it.
type tx struct {
	*bolt.Tx
	store  *Store
	main   bucket
	apps   map[string]*bucket
	reader reader // what a View gives its function
}

// begin opens a bbolt transaction.
func (s *Store) begin(writable bool) (*tx, error) {
	if err := s.stuck.get(); err != nil {
		return nil, err
	}
	inner, err := s.beginBolt(writable)
	if err != nil {
		return nil, err
	}
	t := &tx{Tx: inner, store: s}
	err = t.main.open(inner, s.path, engineBucket)
	if err == nil && t.main.cursor == nil {
		err = fmt.Errorf("%w: %s: bucket %q is gone", store.ErrCorrupt, s.path, overlay.Engine)
	}
	if err != nil {
		t.rollback()
		return nil, err
	}
	return t, nil
}

var engineBucket = []byte(overlay.Engine)

// beginBolt begins; a panic there leaves bbolt's locks held, so that nothing more
// can be asked of it.
func (s *Store) beginBolt(writable bool) (t *bolt.Tx, err error) {
	panicked := true
	defer func() {
		if panicked {
			s.stuck.set(err)
		}
	}()
	defer catch(debug.SetPanicOnFault(true), s.path, &err)
	t, err = s.db.Begin(writable)
	panicked = false
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		err = fmt.Errorf("%w: %s", store.ErrClosed, s.path)
	}
	return t, err
}

// bucket returns the reader of the bucket of that name, the same every time.
func (t *tx) bucket(name string) (store.Reader, error) {
	if name == overlay.Engine {
		return &t.main, nil
	}
	if b, ok := t.apps[name]; ok {
		return b, nil
	}
	b := new(bucket)
	if err := b.open(t.Tx, t.store.path, []byte(name)); err != nil {
		return nil, err
	}
	if t.apps == nil {
		t.apps = make(map[string]*bucket)
	}
	t.apps[name] = b
	return b, nil
}

// nested reports whether key is a bucket within the bucket of that name.
func (t *tx) nested(name string, key []byte) (is bool, err error) {
	defer catch(debug.SetPanicOnFault(true), t.store.path, &err)
	b := t.Bucket([]byte(name))
	return b != nil && b.Bucket(key) != nil, nil
}

// rollback ends the transaction; nothing of it stays.
func (t *tx) rollback() {
	t.end()
	var err error
	func() {
		defer catch(debug.SetPanicOnFault(true), t.store.path, &err)
		_ = t.Rollback()
	}()
	if err != nil {
		t.store.stuck.set(err)
	}
}

// end makes every later use of the readers an error.
func (t *tx) end() {
	t.main.end()
	for _, b := range t.apps {
		b.end()
	}
}
