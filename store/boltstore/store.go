// Package boltstore stores the data in one bbolt file. It is the default store.
//
// The engine's records are in the bucket "groupkit". Each bucket of the application is a
// bbolt bucket with its name beside it. An application that shares its database can read
// it with the API of bbolt.
//
// # Files without the engine's bucket
//
// Open and New create the bucket "groupkit" if it does not exist, and with it the empty
// bucket "groupkit.format", its witness. A file that had the bucket and has lost it, because
// a bit of its name has changed, must not appear to be empty. A file without the bucket is
// therefore refused with store.ErrCorrupt if it has the witness, or a bucket whose name
// differs from one of the two names in one or two bits. Open also refuses a file to which
// something was committed and that has no bucket at all. Every other file is taken for a
// database of an application that uses this package for the first time.
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
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/internal/gate"
)

// A Store is a store.Store in a bbolt file. Open and New return one; the zero Store is closed.
type Store struct {
	db       *bolt.DB
	path     string
	owned    bool     // Close closes db
	unsynced bool     // db does not sync its commits
	readOnly bool     // nothing is written: the file is opened for reading, and its lock is shared
	file     *os.File // the file of db, if owned
	mapped   int64    // the least size of the memory map, if owned
	fresh    bool     // file was empty when it was opened
	pageSize int64    // of db, if not owned
	freeThen int64    // the size of the free pages when file was opened, if owned
	gate     gate.Gate
	queue    queue
	relax    *relaxed // nil: every commit is written before its Updates return
	backlog  *backlog
	counts   counts

	closing sync.Mutex // held by Close
	closed  bool       // Close has released what it releases

	found     uint64             // the format of the file; only commits use it
	inspected *inspection        // of the file when it was opened; nil: it was new, or is shared
	unread    map[string]*unread // leaves to check before they are read or changed, by bucket
	changed   atomic.Bool        // the list of free pages is not in the file
	refused   sticky             // why writes are refused until the file is opened again
	stuck     *stuck             // why bbolt cannot be used any more
	beginning sync.Mutex         // held while a bbolt transaction begins or ends
	shared    *bolt.Tx           // of the Views that begin while a commit is under way; guarded by beginning
	sharers   map[*bolt.Tx]int   // how many use a shared transaction; guarded by beginning
	last      atomic.Int64       // the last commit; of a file of the store's own
}

func newStore(path string) *Store {
	return &Store{path: path, backlog: newBacklog(), stuck: newStuck(), sharers: make(map[*bolt.Tx]int)}
}

// enter begins a call, which must end with s.gate.Leave.
func (s *Store) enter() error {
	if s.backlog == nil {
		return store.ErrClosed
	}
	return s.gate.Enter()
}

// Path returns the path of the file: absolute, and without links.
func (s *Store) Path() string { return s.path }

// Exclusive returns true: the file is locked. With ReadOnly other processes can have the lock
// too, but nobody can write.
func (s *Store) Exclusive() bool { return true }

// Close waits for the running transactions, makes everything durable, and closes the
// database, except one that was given to New.
//
// With Interval, saving the last changes can fail, for example because the device is full.
// Close then returns an error that matches store.ErrUnsaved and says how many Updates are
// not saved. They stay in memory, and the file stays locked: call Close again once there is
// space. Every other method already returns store.ErrClosed.
func (s *Store) Close() error {
	if s.backlog == nil {
		return nil
	}
	s.gate.Close(func() {})
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.closed {
		return nil
	}
	err := s.saveRest()
	if errors.Is(err, store.ErrUnsaved) {
		return err
	}
	s.closed = true
	s.backlog.wait()
	return errors.Join(err, s.release())
}

// saveRest makes everything durable. Its error matches store.ErrUnsaved if it makes sense
// to try again.
func (s *Store) saveRest() error {
	switch {
	case s.relax != nil:
		err := s.relax.close()
		if err == nil || errors.Is(err, store.ErrCorrupt) || s.refused.get() != nil || s.stuck.get() != nil {
			return err
		}
		return fmt.Errorf("%w: %w", store.ErrUnsaved, err)
	case s.owned && s.unsynced && s.stuck.get() == nil:
		return s.syncFile()
	}
	return nil
}

// release closes the database if it is the store's own.
func (s *Store) release() error {
	if !s.owned {
		return nil
	}
	s.keepFreelist()
	err := s.attempt(s.closeBolt)
	if s.stuck.get() != nil {
		err = errors.Join(err, s.abandon())
	}
	return err
}

func (s *Store) closeBolt() (err error) {
	if err := s.stuck.get(); err != nil {
		return err
	}
	defer catch(debug.SetPanicOnFault(true), s.path, &err)
	return s.db.Close()
}

// keepFreelist writes the list of free pages, which commits do not write. With the list,
// the next Open need not read the whole file. If keepFreelist fails, nothing is lost.
func (s *Store) keepFreelist() {
	if !s.changed.Load() || s.refused.get() != nil {
		return
	}
	t, err := s.begin(true)
	if err != nil {
		return
	}
	defer t.rollback()
	s.db.NoSync, s.db.NoFreelistSync = false, false
	_ = s.commitBolt(t.Tx, 0)
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
