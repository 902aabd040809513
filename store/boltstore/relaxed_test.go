package boltstore_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/boltstore"
)

const every = 100 * time.Millisecond

// openRelaxed opens a new file with Interval, for a test in a bubble.
func openRelaxed(t *testing.T) (s *boltstore.Store, path string) {
	path = filepath.Join(t.TempDir(), "test.db")
	return openAt(t, path, &boltstore.Options{Durability: boltstore.Interval, Every: every}), path
}

// A disk delays and fails the writes of a database.
type disk struct {
	slow    time.Duration // how long each save takes
	full    atomic.Bool
	mu      sync.Mutex
	begun   []time.Time // when each save began
	ended   []time.Time
	writing bool
}

func (d *disk) insert(db *bolt.DB) (remove func()) {
	return intercept(db, func(next write) write {
		return func(b []byte, off int64) (int, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.full.Load() {
				return 0, syscall.ENOSPC
			}
			if !d.writing {
				d.writing = true
				d.begun = append(d.begun, time.Now())
				time.Sleep(d.slow)
			}
			if isMeta(off) {
				d.writing = false
				d.ended = append(d.ended, time.Now())
			}
			return next(b, off)
		}
	})
}

// TestInterval_deadline writes all the time. Each save begins when the first change that is
// not yet saved has waited for Options.Every, or when the save before it ends.
func TestInterval_deadline(t *testing.T) {
	for _, slow := range []time.Duration{0, every / 2, every - 5*time.Millisecond, 2 * every} {
		t.Run(slow.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := openRelaxed(t)
				d := disk{slow: slow}
				remove := d.insert(s.DB())
				var puts []time.Time
				for n := range 300 {
					puts = append(puts, time.Now())
					put(t, s, fmt.Sprint(n), "v")
					time.Sleep(3 * time.Millisecond)
				}
				time.Sleep(every + slow)
				synctest.Wait()
				remove()
				require.NotEmpty(t, d.begun)
				for i, begun := range d.begun {
					first := puts[0]
					due := first.Add(every)
					if i > 0 {
						due = later(due, d.ended[i-1])
					}
					require.False(t, begun.After(due), "save %d began %v late", i, begun.Sub(due))
					require.False(t, begun.Before(first.Add(every)), "save %d began %v early", i, due.Sub(begun))
					for len(puts) > 0 && !puts[0].After(begun) {
						puts = puts[1:] // it is in this save
					}
				}
				require.Empty(t, puts, "all are saved")
				require.NoError(t, s.Close())
			})
		})
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// TestInterval_longUpdate saves earlier changes in time while an Update runs.
func TestInterval_longUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, path := openRelaxed(t)
		put(t, s, "a", "1")
		put(t, s, "deleted", "1")
		before := commits(t, s)
		require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
			require.NoError(t, w.Delete([]byte("deleted")))
			require.NoError(t, w.Put([]byte("b"), []byte("1")))
			time.Sleep(every)
			synctest.Wait()
			require.Equal(t, before+1, commits(t, s), "what was committed before is saved")
			return w.Put([]byte("c"), []byte("1"))
		}))
		put(t, s, "a", "2")
		require.NoError(t, s.Close())
		s = openAt(t, path, nil)
		require.Equal(t, []string{"2", "1", "1", "none"}, []string{get(t, s, "a"), get(t, s, "b"), get(t, s, "c"), get(t, s, "deleted")})
		require.NoError(t, s.Close())
	})
}

// TestInterval_retries tries again after a failed save, at the same interval.
func TestInterval_retries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, path := openRelaxed(t)
		var d disk
		defer d.insert(s.DB())()
		d.full.Store(true)
		put(t, s, "a", "1")
		time.Sleep(3 * every)
		synctest.Wait()
		require.ErrorIs(t, s.Update(t.Context(), func(w store.Writer) error { return w.Put([]byte("b"), nil) }), store.ErrNoSpace)
		require.Empty(t, d.begun)
		d.full.Store(false)
		freed := time.Now()
		time.Sleep(every)
		synctest.Wait()
		require.Len(t, d.begun, 1)
		require.LessOrEqual(t, d.begun[0].Sub(freed), every)
		put(t, s, "b", "1")
		require.NoError(t, s.Close())
		require.Equal(t, 2, count(t, openAt(t, path, nil)))
	})
}

// TestInterval_afterSync checks that a function is called once the changes before it are
// in the file, and not before.
func TestInterval_afterSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, path := openRelaxed(t)
		require.True(t, s.Relaxed())
		called := make(chan int, 10)
		called0 := false
		s.AfterSync(func() { called0 = true })
		require.True(t, called0, "nothing is unsaved")
		put(t, s, "a", "1")
		s.AfterSync(func() { called <- savedKeys(t, path) })
		put(t, s, "b", "1")
		s.AfterSync(func() { called <- savedKeys(t, path) })
		synctest.Wait()
		require.Empty(t, called)
		time.Sleep(every)
		synctest.Wait()
		require.Equal(t, []int{2, 2}, []int{<-called, <-called})

		put(t, s, "c", "1")
		s.AfterSync(func() { called <- savedKeys(t, path) })
		require.NoError(t, s.Sync(t.Context()))
		require.Equal(t, 3, <-called, "Sync saves at once")
		require.NoError(t, s.Close())
	})
}

// savedKeys returns the number of keys in a copy of the file, as after a crash.
func savedKeys(t *testing.T, path string) int {
	copied := filepath.Join(t.TempDir(), "copy.db")
	require.NoError(t, os.WriteFile(copied, content(t, path), 0o600))
	s, err := boltstore.Open(copied, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	return count(t, s)
}

// TestInterval_closeFull closes a store whose device is full, and again when it is not.
func TestInterval_closeFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, path := openRelaxed(t)
		var d disk
		defer d.insert(s.DB())()
		put(t, s, "saved", "1")
		require.NoError(t, s.Sync(t.Context()))
		d.full.Store(true)
		var called atomic.Bool
		for n := range 7 {
			put(t, s, fmt.Sprint(n), "v")
		}
		s.AfterSync(func() { called.Store(true) })
		for range 2 {
			err := s.Close()
			require.ErrorIs(t, err, store.ErrUnsaved)
			require.ErrorIs(t, err, store.ErrNoSpace)
			require.ErrorContains(t, err, "7 committed Updates are not saved")
			require.ErrorContains(t, err, path)
			time.Sleep(10 * every)
			synctest.Wait()
			require.False(t, called.Load(), "it is not durable")
			require.ErrorIs(t, readAll(s), store.ErrClosed)
			require.ErrorIs(t, overwrite(s, []byte("late")), store.ErrClosed)
			require.ErrorIs(t, s.Sync(t.Context()), store.ErrClosed)
			require.ErrorIs(t, s.Backup(t.Context(), &bytes.Buffer{}), store.ErrClosed)
			if boltstore.Locks {
				_, err = boltstore.Open(path, &boltstore.Options{LockTimeout: -1})
				require.ErrorIs(t, err, store.ErrLocked, "the file is still open")
			}
		}
		d.full.Store(false)
		require.NoError(t, s.Close())
		require.True(t, called.Load())
		require.NoError(t, s.Close(), "closed already")
		require.Equal(t, 8, count(t, openAt(t, path, nil)))
	})
}

// TestInterval_closeUnknown closes a store that cannot save any more: trying again would
// not help, so Close lets go of the file.
func TestInterval_closeUnknown(t *testing.T) {
	s, path := openNewRelaxed(t)
	put(t, s, "a", "1")
	called := false
	s.AfterSync(func() { called = true })
	restore := intercept(s.DB(), func(next write) write {
		return func(b []byte, off int64) (int, error) {
			n, err := next(b, off)
			if isMeta(off) && err == nil {
				err = errDisk
			}
			return n, err
		}
	})
	err := s.Close()
	restore()
	require.ErrorIs(t, err, store.ErrCommitUnknown)
	require.NotErrorIs(t, err, store.ErrUnsaved)
	require.ErrorContains(t, err, "1 committed Updates are not saved")
	require.NoError(t, s.Close())
	require.False(t, called)
	openAt(t, path, nil)
}

// openNewRelaxed opens a new file with Interval that saves only when it is told to.
func openNewRelaxed(t *testing.T) (s *boltstore.Store, path string) {
	path = filepath.Join(t.TempDir(), "test.db")
	return openAt(t, path, &boltstore.Options{Durability: boltstore.Interval, Every: time.Hour}), path
}

// TestStore_Relaxed checks which stores are relaxed, and that the others sync at once.
func TestStore_Relaxed(t *testing.T) {
	synced := openNew(t, nil)
	require.False(t, synced.Relaxed())
	db, err := bolt.Open(filepath.Join(t.TempDir(), "app.db"), 0o600, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	shared, err := boltstore.New(db)
	require.NoError(t, err)
	require.False(t, shared.Relaxed())
	unsynced, err := boltstore.New(openBolt(t))
	require.NoError(t, err)
	require.True(t, unsynced.Relaxed())
	none := openNew(t, &boltstore.Options{Durability: boltstore.None})
	require.True(t, none.Relaxed())
	for _, s := range []*boltstore.Store{synced, shared, unsynced, none} {
		put(t, s, "a", "1")
		called := false
		s.AfterSync(func() { called = true })
		require.True(t, called)
		require.NoError(t, s.Sync(t.Context()))
	}
}

// TestNone_syncs has Sync and Close write through to the device: with a file that is
// closed, both fail.
func TestNone_syncs(t *testing.T) {
	s := openNew(t, &boltstore.Options{Durability: boltstore.None})
	put(t, s, "a", "1")
	require.NoError(t, s.Sync(t.Context()))
	require.NoError(t, s.File().Close())
	require.ErrorContains(t, s.Sync(t.Context()), "sync")
	require.ErrorContains(t, s.Close(), "sync")

	s = openNew(t, nil)
	put(t, s, "a", "1")
	require.NoError(t, s.File().Close())
	require.NoError(t, s.Sync(t.Context()), "everything is on disk")
	_ = s.Close()
}

// TestStore_AfterSync_panics has a function panic. The others are called all the same.
func TestStore_AfterSync_panics(t *testing.T) {
	s := openNew(t, nil)
	for range 3 {
		require.PanicsWithValue(t, "own", func() { s.AfterSync(func() { panic("own") }) })
		called := make(chan bool)
		go s.AfterSync(func() { close(called) })
		<-called
	}
}
