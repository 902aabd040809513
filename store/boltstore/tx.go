package boltstore

import (
	"fmt"
	"runtime/debug"

	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/internal/overlay"
)

// A tx is a bbolt transaction with the readers opened in it.
type tx struct {
	*bolt.Tx
	store  *Store
	pages  snapshot
	main   bucket
	apps   map[string]*bucket
	reader reader // given to the function of a View
}

// begin begins a bbolt transaction.
func (s *Store) begin(writable bool) (*tx, error) {
	last := s.last.Load()
	inner, err := s.beginBolt(writable)
	if err != nil {
		return nil, err
	}
	t := &tx{Tx: inner, store: s}
	if err = t.follows(last); err == nil {
		err = t.open()
	}
	if err != nil {
		t.rollback()
		return nil, err
	}
	return t, nil
}

// follows refuses a file whose meta page is not that of the last commit: another program
// has overwritten it. A commit that is running can be visible already.
func (t *tx) follows(last int64) error {
	if !t.store.owned {
		return nil
	}
	id := int64(t.ID())
	if t.Writable() {
		id--
	}
	if next := t.store.last.Load() + 1; id < last || id > next {
		return fmt.Errorf("%w: %s: overwritten: its last transaction is %d instead of %d", store.ErrCorrupt, t.store.path, id, last)
	}
	return nil
}

// open opens the engine's bucket.
func (t *tx) open() (err error) {
	defer catch(debug.SetPanicOnFault(true), t.store.path, &err)
	t.pages = newSnapshot(t.Tx)
	if err := t.main.open(t, overlay.Engine); err != nil {
		return err
	}
	if t.main.none {
		return fmt.Errorf("%w: %s: bucket %q is gone", store.ErrCorrupt, t.store.path, overlay.Engine)
	}
	return nil
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
	if err := b.open(t, name); err != nil {
		return nil, err
	}
	if t.apps == nil {
		t.apps = make(map[string]*bucket)
	}
	t.apps[name] = b
	return b, nil
}

// buckets returns the names of the application's buckets, in byte order. It leaves out those with names
// that only bbolt accepts: nobody reaches them through the store.
func (t *tx) buckets() (names []string, err error) {
	defer catch(debug.SetPanicOnFault(true), t.store.path, &err)
	c, err := t.pages.cursor(header{root: t.pages.root}, nil)
	if err != nil {
		return nil, t.main.damaged(err)
	}
	ok, err := c.seek(nil)
	for ; ok && err == nil; ok, err = c.next() {
		if name, _, flags := c.entry(); flags&bucketFlag != 0 && overlay.CheckBucket(string(name)) == nil {
			names = append(names, string(name))
		}
	}
	if err != nil {
		return nil, t.main.damaged(err)
	}
	return names, nil
}

// nested reports whether key is a bucket within the bucket with the name.
func (t *tx) nested(name string, key []byte) (is bool, err error) {
	b := new(bucket)
	if err := b.open(t, name); err != nil {
		return false, err
	}
	return b.nested(key)
}

// rollback ends the transaction without writing.
func (t *tx) rollback() {
	t.end()
	t.store.rollbackBolt(t.Tx)
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

// tune sets the step for the commit of this transaction, which alone may write, and whether
// the commit writes the list of free pages. If a commit fails and there is no list in the
// file, bbolt reads all pages, on a goroutine whose panics cannot be recovered. Commits
// therefore write the list as long as there are pages that were not checked.
func (t *tx) tune() {
	if t.store.owned {
		t.DB().AllocSize = int(min(max(t.Size(), leastGrowth), mostGrowth))
		t.DB().NoFreelistSync = t.store.inspected == nil || t.store.inspected.finished()
	}
}
