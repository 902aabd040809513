package boltstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/internal/disk"
)

// A Compacted says what Compact has done.
type Compacted struct {
	Before int64 `json:"before"` // the size of the file in bytes
	After  int64 `json:"after"`
}

// compactStep is how many bytes a transaction of Compact writes.
const compactStep = 16 << 20

// Compact gives the space of deleted records back to the system. It writes what the file at path
// contains to a new file beside it, path + ".compact", compares the two, and puts the new file in
// the place of the old one. All buckets of the application come with it.
//
// The file must not be in use: close the store first. Compact can be killed at any moment. The
// file is then the old one or the new one, both of them whole. A file + ".compact" that is left is
// replaced by the next Compact. The device needs room for the new file.
//
// Returns an error that matches fs.ErrNotExist if there is no file, store.ErrLocked if the file is
// in use, store.ErrCorrupt if it is damaged, store.ErrNewer if a newer version wrote it,
// store.ErrNoSpace if the device is full. The file is unchanged then.
func Compact(path string) (Compacted, error) {
	c, err := compact(path)
	if err != nil {
		return Compacted{}, fmt.Errorf("boltstore: compact %s: %w", path, noSpace(err))
	}
	return c, nil
}

func compact(path string) (c Compacted, err error) {
	before, err := os.Stat(path)
	if err != nil {
		return c, err
	}
	s, err := Open(path, &Options{Inspect: true, FileMode: before.Mode().Perm()})
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	part := s.path + ".compact"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	done := false
	defer func() {
		if !done {
			err = errors.Join(err, os.Remove(part))
		}
	}()
	if err := s.rewrite(part, before.Mode().Perm()); err != nil {
		return c, err
	}
	if err := s.compare(part); err != nil {
		return c, err
	}
	after, err := os.Stat(part)
	if err != nil {
		return c, err
	}
	if runtime.GOOS == "windows" { // where the name of an open file cannot be given to another
		if err := s.Close(); err != nil {
			return c, err
		}
	}
	if err := os.Rename(part, s.path); err != nil {
		return c, err
	}
	done = true
	_ = disk.SyncDir(filepath.Dir(s.path)) // not every system can
	return Compacted{Before: before.Size(), After: after.Size()}, nil
}

// rewrite writes all that the file contains to a new file, which is durable then.
func (s *Store) rewrite(part string, mode fs.FileMode) (err error) {
	to, err := bolt.Open(part, mode, &bolt.Options{
		NoSync: true, FreelistType: bolt.FreelistMapType, PageSize: s.db.Info().PageSize, NoStatistics: true,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	to.AllocSize = leastGrowth
	if err := bolt.Compact(to, s.db, compactStep); err != nil {
		return err
	}
	return to.Sync()
}

// compare requires that a file contains the same as the store.
func (s *Store) compare(part string) (err error) {
	other, err := bolt.Open(part, 0, &bolt.Options{ReadOnly: true, NoStatistics: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, other.Close()) }()
	return s.db.View(func(a *bolt.Tx) error {
		return other.View(func(b *bolt.Tx) error { return sameEntries(a.Cursor(), b.Cursor(), a.Bucket, b.Bucket) })
	})
}

// sameEntries requires that two buckets have the same entries. The functions return the buckets in them.
func sameEntries(a, b *bolt.Cursor, inA, inB func(name []byte) *bolt.Bucket) error {
	ka, va := a.First()
	kb, vb := b.First()
	for ; ka != nil || kb != nil; ka, kb = next(a, &va), next(b, &vb) {
		if !bytes.Equal(ka, kb) || (ka == nil) != (kb == nil) || !bytes.Equal(va, vb) || (va == nil) != (vb == nil) {
			return fmt.Errorf("%w: the new file differs at the key %.60q", store.ErrCorrupt, ka)
		}
		if va != nil {
			continue
		}
		bucketA, bucketB := inA(ka), inB(kb)
		if bucketA.Sequence() != bucketB.Sequence() {
			return fmt.Errorf("%w: the new file differs in the sequence of the bucket %.60q", store.ErrCorrupt, ka)
		}
		if err := sameEntries(bucketA.Cursor(), bucketB.Cursor(), bucketA.Bucket, bucketB.Bucket); err != nil {
			return err
		}
	}
	return nil
}

func next(c *bolt.Cursor, value *[]byte) (key []byte) {
	key, *value = c.Next()
	return key
}
