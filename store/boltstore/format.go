package boltstore

import (
	"fmt"
	"math/bits"
	"runtime/debug"

	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/internal/overlay"
)

// format is the number of the format of the engine's bucket. It is stored as the sequence
// of the bucket, which has no other use. Since format 2 there is a witness beside the
// bucket.
const format = 2

var (
	engineBucket  = []byte(overlay.Engine)
	witnessBucket = []byte(overlay.Witness)
)

// similar is the number of bits up to which a name is taken for a damaged one.
const similar = 2

// prepare checks the format of the engine's bucket. It creates the bucket if it does not
// exist and nothing speaks against a new one.
func (s *Store) prepare() (err error) {
	defer catch(debug.SetPanicOnFault(true), s.path, &err)
	if s.found, err = s.format(); err != nil {
		return err
	}
	if s.found == 0 && s.readOnly {
		return fmt.Errorf("%w: there is no bucket %q yet", store.ErrReadOnly, overlay.Engine)
	}
	if s.found == 0 {
		return s.create()
	}
	return nil
}

// format returns the format of the file, or 0 if the engine's bucket is to be created.
func (s *Store) format() (found uint64, err error) {
	err = s.db.View(func(t *bolt.Tx) error {
		s.last.Store(int64(t.ID()))
		pages := newSnapshot(t)
		engine, exists, err := pages.bucket(engineBucket)
		if err != nil {
			return err
		}
		_, witnessed, err := pages.bucket(witnessBucket)
		if err != nil {
			return err
		}
		found = engine.sequence
		switch {
		case !exists:
			return s.mayCreate(t, pages, witnessed)
		case found == 0:
			return fmt.Errorf("%w: bucket %q has no format number", store.ErrCorrupt, overlay.Engine)
		case found > format:
			return fmt.Errorf("%w: format %d (known up to %d)", store.ErrNewer, found, format)
		case witnessed != (found >= 2):
			return fmt.Errorf("%w: format %d, and bucket %q exists: %t", store.ErrCorrupt, found, overlay.Witness, witnessed)
		}
		return nil
	})
	return found, err
}

// mayCreate returns an error if the file has, or had, a bucket of the engine whose name or
// header is damaged. A new bucket would then hide all data.
//
// That a database of an application never had the engine's bucket follows from three
// things: there is no witness, no name is similar to one of the engine's, and, in a file
// that belongs to the engine alone, nothing was ever committed or there are other buckets.
func (s *Store) mayCreate(t *bolt.Tx, pages snapshot, witnessed bool) error {
	if witnessed {
		return fmt.Errorf("%w: bucket %q exists without bucket %q", store.ErrCorrupt, overlay.Witness, overlay.Engine)
	}
	root, err := pages.page(pages.root)
	if err != nil {
		return err
	}
	c := cursor{pages: &pages, root: root}
	names := 0
	ok, err := c.seek(nil)
	for ; ok && err == nil; ok, err = c.next() {
		name, _, _ := c.entry()
		for _, own := range [][]byte{engineBucket, witnessBucket} {
			if distance(name, own) <= similar {
				return fmt.Errorf("%w: bucket %q is missing, and bucket %q looks like it", store.ErrCorrupt, own, name)
			}
		}
		names++
	}
	// bbolt makes a file with the numbers 0 and 1.
	if err == nil && names == 0 && s.owned && t.ID() > 1 {
		err = fmt.Errorf("%w: there is no bucket after %d transactions", store.ErrCorrupt, t.ID())
	}
	return err
}

// distance returns the number of bits in which two names of the same length differ.
func distance(a, b []byte) (n int) {
	if len(a) != len(b) {
		return similar + 1
	}
	for i := range a {
		n += bits.OnesCount8(a[i] ^ b[i])
	}
	return n
}

// create creates the engine's bucket and its witness.
func (s *Store) create() error {
	s.changed.Store(true)
	s.found = format
	return s.db.Update(func(t *bolt.Tx) error {
		if _, err := t.CreateBucket(engineBucket); err != nil {
			return err
		}
		s.last.Store(int64(t.ID())) // if this fails, the store is not used
		return raise(t)
	})
}

// raise brings the engine's bucket to the current format.
func raise(t *bolt.Tx) error {
	if _, err := t.CreateBucketIfNotExists(witnessBucket); err != nil {
		return err
	}
	return t.Bucket(engineBucket).SetSequence(format)
}
