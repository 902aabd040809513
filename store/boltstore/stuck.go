package boltstore

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"groupkit/store"
)

// bbolt panics while it holds locks when another program overwrites the file. Whoever needs
// these locks then waits for ever. A stuck keeps the callers away from them: once it is set,
// nobody calls bbolt, and those who wait in bbolt are not waited for.
type stuck struct {
	sticky
	once  sync.Once
	isSet chan struct{}  // closed when the error is set
	calls sync.WaitGroup // the calls of attempt that have not returned
}

// patience is how long Close waits for calls of bbolt that may be waiting for ever.
const patience = 200 * time.Millisecond

func newStuck() *stuck { return &stuck{isSet: make(chan struct{})} }

func (s *stuck) set(err error) {
	s.sticky.set(err)
	s.once.Do(func() { close(s.isSet) })
}

// attempt calls fn on another goroutine. It returns the error of fn, or the error of stuck
// if that is set first.
func (s *Store) attempt(fn func() error) error {
	done := make(chan error, 1)
	s.stuck.calls.Go(func() { done <- fn() })
	select {
	case err := <-done:
		return err
	case <-s.stuck.isSet:
		return s.stuck.get()
	}
}

// abandon lets go of the file when bbolt cannot. The memory map is leaked. If a commit is
// still under way, it waits for a lock for ever; then the descriptor is leaked too, because
// closing it would be a race.
func (s *Store) abandon() error {
	ended := make(chan struct{})
	go func() {
		s.stuck.calls.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return errors.Join(unlock(s.file), s.file.Close())
	case <-time.After(patience):
		return unlock(s.file)
	}
}

// beginBolt begins a bbolt transaction.
//
// One goroutine at a time begins or ends a transaction, except that it is not known how
// long a write transaction of the application lasts. If bbolt panics, the others have not
// called it yet.
func (s *Store) beginBolt(writable bool) (t *bolt.Tx, err error) {
	if writable && !s.owned {
		err = s.attempt(func() (err error) {
			t, err = s.callBegin(true)
			return err
		})
		if err != nil {
			return nil, err
		}
		return t, nil
	}
	s.beginning.Lock()
	defer s.beginning.Unlock()
	if t := s.shared; t != nil && !writable {
		s.sharers[t]++
		return t, nil
	}
	return s.callBegin(writable)
}

// callBegin is the call of bbolt. After a panic the locks of bbolt are still held.
func (s *Store) callBegin(writable bool) (t *bolt.Tx, err error) {
	if err := s.stuck.get(); err != nil {
		return nil, err
	}
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

// rollbackBolt ends a bbolt transaction without writing. If bbolt cannot be used any more,
// the transaction is left as it is.
func (s *Store) rollbackBolt(t *bolt.Tx) {
	s.beginning.Lock()
	defer s.beginning.Unlock()
	if s.stuck.get() != nil {
		return
	}
	if n := s.sharers[t]; n > 1 {
		s.sharers[t]--
		return
	}
	delete(s.sharers, t)
	var err error
	func() {
		defer catch(debug.SetPanicOnFault(true), s.path, &err)
		_ = t.Rollback()
	}()
	if err != nil {
		s.stuck.set(err)
	}
}

// ample is how many times the size of the file must have room in the memory map, so that no
// commit maps it anew. A commit writes each page at most once, in pieces that are at least
// half full, and none is larger than what is in it and one page.
const ample = 8

// commitBolt commits a bbolt transaction that has written so many bytes.
//
// While a commit is under way, the beginning of a View can panic and leave a lock that the
// commit waits for. Where there is ample room in the memory map, Views that begin during the
// commit share a transaction that was begun before it. Elsewhere the commit may have to wait
// for them, so it runs on another goroutine, which can be given up. That costs a single
// caller an eighth of its commits.
func (s *Store) commitBolt(t *bolt.Tx, written int64) error {
	if ample*(t.Size()+written) >= s.mapped {
		return s.attempt(func() error { return s.callCommit(t) })
	}
	if err := s.share(); err != nil {
		return err
	}
	defer s.unshare()
	return s.callCommit(t)
}

// share begins the transaction of the Views that begin before unshare.
func (s *Store) share() (err error) {
	s.beginning.Lock()
	defer s.beginning.Unlock()
	if s.shared, err = s.callBegin(false); err == nil {
		s.sharers[s.shared] = 1
	}
	return err
}

// unshare ends what share has begun. The transaction ends with the last View in it.
func (s *Store) unshare() {
	s.beginning.Lock()
	t := s.shared
	s.shared = nil
	s.beginning.Unlock()
	s.rollbackBolt(t)
}

// callCommit is the call of bbolt. If it panics because both meta pages are damaged, it has
// left locks locked.
func (s *Store) callCommit(t *bolt.Tx) (err error) {
	panicked := true
	defer func() {
		if panicked && !s.sound() {
			s.stuck.set(err)
		}
	}()
	defer catch(debug.SetPanicOnFault(true), s.path, &err)
	err = t.Commit()
	panicked = false
	return err
}

// sound reports whether bbolt can begin a transaction: one of the meta pages is valid. The
// caller has the write transaction, so the memory map stays.
func (s *Store) sound() (ok bool) {
	var err error
	defer catch(debug.SetPanicOnFault(true), s.path, &err)
	info := s.db.Info()
	size := info.PageSize
	memory := memoryOf(info, 2*int64(size))
	return parseMeta([metaSize]byte(memory[headerSize:])).sound || parseMeta([metaSize]byte(memory[size+headerSize:])).sound
}
