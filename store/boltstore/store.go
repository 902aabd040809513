// Package boltstore stores the data in one bbolt file. It is the default store.
//
// The engine's records are in the bucket "groupkit". Each bucket of the application is a
// bbolt bucket with its name beside it. An application that shares its database can read
// it with the API of bbolt.
//
// # Group commit
//
// A single Update commits on the goroutine of its caller. Updates that come during a
// commit wait and share the next commit: one bbolt transaction, one sync. Each of them
// sees the writes of those before it. An Update that fails writes nothing and does not
// affect the others.
package boltstore

import (
	"errors"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"

	"groupkit/store/internal/gate"
)

// A Store is a store.Store in a bbolt file.
type Store struct {
	db    *bolt.DB
	path  string
	owned bool     // Close closes db
	file  *os.File // the file of db, if owned
	gate  gate.Gate
	queue queue
	relax *relaxed // nil: every commit is synced

	unread  map[string]*unread // leaves to check before they are changed, by bucket
	changed atomic.Bool        // the list of free pages is not in the file
	refused sticky             // why writes are refused until the file is opened again
	stuck   sticky             // why bbolt cannot be used any more
}

// Path returns the path of the file: absolute, and without links.
func (s *Store) Path() string { return s.path }

// Exclusive returns true: the file is locked.
func (s *Store) Exclusive() bool { return true }

// Close waits for the running transactions. It closes the database, except one that was
// given to New.
func (s *Store) Close() (err error) {
	s.gate.Close(func() { err = s.close() })
	return err
}

func (s *Store) close() (err error) {
	if s.relax != nil {
		err = s.relax.close()
	}
	switch {
	case !s.owned:
	case s.stuck.get() != nil:
		// db.Close would wait for locks that bbolt still holds. Closing only the file
		// leaks the memory map, but releases the file lock.
		err = errors.Join(err, s.file.Close())
	default:
		s.keepFreelist()
		err = errors.Join(err, s.db.Close())
	}
	return err
}

// keepFreelist writes the list of free pages, which commits do not write. With the list,
// the next Open need not read the whole file. If keepFreelist fails, nothing is lost.
func (s *Store) keepFreelist() {
	if !s.changed.Load() || s.refused.get() != nil {
		return
	}
	var err error
	defer catch(debug.SetPanicOnFault(true), s.path, &err)
	s.db.NoFreelistSync = false
	_ = s.db.Update(func(*bolt.Tx) error { return nil })
}

// A sticky error keeps the first error that is set.
type sticky struct {
	err atomic.Pointer[error]
}

func (s *sticky) get() error {
	if err := s.err.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *sticky) set(err error) { s.err.CompareAndSwap(nil, &err) }

// A queue contains the Updates that wait for the running commit.
type queue struct {
	mu      sync.Mutex
	busy    bool // a commit is running
	waiting []*request
}
