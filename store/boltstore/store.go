// Package boltstore keeps everything in one file of bbolt: the default store.
//
// The engine's keys are in the bucket "groupkit"; each bucket of the application
// is a bucket of bbolt of that name beside it, so that an application that
// shares its database reads it with bbolt's own API.
//
// # Group commit
//
// An Update that is alone commits on its caller's goroutine. Those that come
// while a commit is under way wait, and share the next one: one bbolt
// transaction, one sync. Each runs over the writes of those before it; one that
// fails leaves no trace and does not disturb the others.
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

// A Store is a store.Store in a file of bbolt.
type Store struct {
	db    *bolt.DB
	path  string
	owned bool     // Close closes db
	file  *os.File // that of db, if owned
	gate  gate.Gate
	queue queue
	relax *relaxed // nil: every commit is synced

	unread  map[string]*unread // leaves to check before they are changed, by bucket
	changed atomic.Bool        // the list of free pages is not in the file
	refused sticky             // why writes are refused until the file is opened again
	stuck   sticky             // why bbolt can't be asked anything more
}

// Exclusive reports true: the file is locked.
func (s *Store) Exclusive() bool { return true }

// Close waits for what is under way. It closes the database unless it was given
// to New.
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
		// bbolt would wait for its own locks. This leaks the map, not the lock.
		err = errors.Join(err, s.file.Close())
	default:
		s.keepFreelist()
		err = errors.Join(err, s.db.Close())
	}
	return err
}

// keepFreelist writes the list of free pages, which commits leave out, so that
// the next opening need not read the whole file to find them. It is no loss if
// that fails.
func (s *Store) keepFreelist() {
	if !s.changed.Load() || s.refused.get() != nil {
		return
	}
	var err error
	defer catch(debug.SetPanicOnFault(true), s.path, &err)
	s.db.NoFreelistSync = false
	_ = s.db.Update(func(*bolt.Tx) error { return nil })
}

// A sticky error stays once it is set.
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

// A queue holds the Updates that wait for the commit under way.
type queue struct {
	mu      sync.Mutex
	busy    bool // a commit is under way
	waiting []*request
}
