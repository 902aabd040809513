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

// A tx is a bbolt transaction with the readers opened in it.
type tx struct {
	*bolt.Tx
	store  *Store
	main   bucket
	apps   map[string]*bucket
	reader reader // given to the function of a View
}

// begin begins a bbolt transaction.
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

// beginBolt begins a bbolt transaction. After a panic in bbolt its locks are still held,
// so bbolt cannot be used any more.
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

// bucket returns the reader of the bucket with the name. It returns the same reader every
// time.
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

// nested reports whether key is a bucket within the bucket with the name.
func (t *tx) nested(name string, key []byte) (is bool, err error) {
	defer catch(debug.SetPanicOnFault(true), t.store.path, &err)
	b := t.Bucket([]byte(name))
	return b != nil && b.Bucket(key) != nil, nil
}

// rollback ends the transaction without writing.
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

// end ends the readers. Every later use returns an error.
func (t *tx) end() {
	t.main.end()
	for _, b := range t.apps {
		b.end()
	}
}

// bbolt makes the file larger in steps of AllocSize, 16 MiB by default. That is much for a
// small file, and an application may have one for each of its accounts. So the step follows
// the size: as much again, within these bounds. Large files grow as fast as with bbolt.
const (
	leastGrowth = 128 << 10
	mostGrowth  = 16 << 20
)

// setGrowth sets the step for the commit of this transaction, which alone may write.
func (t *tx) setGrowth() {
	if t.store.owned {
		t.DB().AllocSize = int(min(max(t.Size(), leastGrowth), mostGrowth))
	}
}
