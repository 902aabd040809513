package boltstore_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/boltstore"
)

// write is the function with which bbolt writes to its file.
type write = func(b []byte, off int64) (int, error)

// intercept makes bbolt write through fn until restore is called. bbolt has this hook for
// its own tests and does not export it.
func intercept(db *bolt.DB, fn func(next write) write) (restore func()) {
	field := reflect.ValueOf(db).Elem().FieldByName("ops").FieldByName("writeAt")
	hook := (*write)(unsafe.Pointer(field.UnsafeAddr()))
	next := *hook
	*hook = fn(next)
	return func() { *hook = next }
}

// isMeta reports whether a write at off is to a meta page.
func isMeta(off int64) bool { return off < int64(2*os.Getpagesize()) }

var errDisk = errors.New("disk on fire")

func TestStore_failure(t *testing.T) {
	t.Run("before the commit: nothing has happened", func(t *testing.T) {
		for name, fails := range map[string]func(off int64) bool{
			"data": func(off int64) bool { return !isMeta(off) },
			"meta": isMeta,
		} {
			for cause, class := range map[error]error{errDisk: errDisk, syscall.ENOSPC: store.ErrNoSpace} {
				s := openNew(t, nil)
				put(t, s, "a", "1")
				restore := intercept(s.DB(), func(next write) write {
					return func(b []byte, off int64) (int, error) {
						if fails(off) {
							return 0, cause
						}
						return next(b, off)
					}
				})
				err := s.Update(ctx, func(w store.Writer) error { return w.Put([]byte("a"), []byte("2")) })
				require.ErrorIs(t, err, class, name)
				require.ErrorIs(t, err, cause)
				require.NotErrorIs(t, err, store.ErrCommitUnknown)
				require.Equal(t, "1", get(t, s, "a"))
				restore()
				put(t, s, "a", "3")
				require.Equal(t, "3", get(t, s, "a"))
				require.NoError(t, s.Close())
			}
		}
	})
	t.Run("after the meta page: unknown, and no more writes", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "test.db")
		s := openAt(t, path, nil)
		put(t, s, "a", "1")
		restore := intercept(s.DB(), func(next write) write {
			return func(b []byte, off int64) (int, error) {
				n, err := next(b, off)
				if isMeta(off) && err == nil {
					err = errDisk
				}
				return n, err
			}
		})
		err := s.Update(ctx, func(w store.Writer) error { return w.Put([]byte("a"), []byte("2")) })
		require.ErrorIs(t, err, store.ErrCommitUnknown)
		require.ErrorIs(t, err, errDisk)
		require.ErrorContains(t, err, path)
		restore()
		for range 2 {
			err = s.Update(ctx, func(w store.Writer) error { return w.Put([]byte("b"), []byte("2")) })
			require.ErrorContains(t, err, "refused until it is opened again")
			require.NotErrorIs(t, err, store.ErrCommitUnknown, "this one is known to have done nothing")
		}
		require.Equal(t, "2", get(t, s, "a"), "what can be seen")
		require.NoError(t, s.Close())
		s = openAt(t, path, nil)
		require.Equal(t, "2", get(t, s, "a"))
		put(t, s, "b", "2")
	})
	t.Run("unknown: those who come after are told that nothing was done", func(t *testing.T) {
		s := openNew(t, nil)
		fns := make([]func(store.Writer) error, boltstore.MaxBatch+2)
		for i := range fns {
			fns[i] = func(w store.Writer) error { return w.Put(fmt.Appendf(nil, "%d", i), nil) }
		}
		errs := batch(t, s, fns, func() func() {
			return intercept(s.DB(), func(next write) write {
				return func(b []byte, off int64) (int, error) {
					n, err := next(b, off)
					if isMeta(off) {
						err = errDisk
					}
					return n, err
				}
			})
		})
		for i, err := range errs {
			require.Error(t, err)
			require.Equal(t, i < boltstore.MaxBatch, errors.Is(err, store.ErrCommitUnknown), "%d: %v", i, err)
		}
		require.Equal(t, boltstore.MaxBatch, count(t, s))
	})
	t.Run("a panic within the commit: damaged, and no more writes", func(t *testing.T) {
		s := openNew(t, nil)
		put(t, s, "a", "1")
		restore := intercept(s.DB(), func(write) write {
			return func([]byte, int64) (int, error) { panic("assertion failed: page 7") }
		})
		err := s.Update(ctx, func(w store.Writer) error { return w.Put([]byte("a"), []byte("2")) })
		require.ErrorIs(t, err, store.ErrCorrupt)
		restore()
		require.Error(t, s.Update(ctx, func(w store.Writer) error { return w.Put([]byte("b"), nil) }))
		require.Equal(t, "1", get(t, s, "a"))
		require.NoError(t, s.Close())
	})
	t.Run("hits all of a batch, and those who have seen what is not there", func(t *testing.T) {
		s := openNew(t, nil)
		put(t, s, "a", "1")
		full, early := errors.New("full"), errors.New("refused before anything was written")
		errs := batch(t, s, []func(w store.Writer) error{
			func(store.Writer) error { return early },
			func(w store.Writer) error { return w.Put([]byte("a"), []byte("2")) },
			func(w store.Writer) error {
				if v, _, _ := w.Get([]byte("a")); string(v) == "2" {
					return full
				}
				return nil
			},
		}, func() func() {
			return intercept(s.DB(), func(write) write {
				return func([]byte, int64) (int, error) { return 0, errDisk }
			})
		})
		require.Equal(t, early, errs[0])
		require.ErrorIs(t, errs[1], errDisk)
		require.ErrorIs(t, errs[2], errDisk, "its reason was never true")
		require.Equal(t, "1", get(t, s, "a"))
	})
	t.Run("relaxed: Updates fail until saving succeeds again", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "test.db")
		s := openAt(t, path, &boltstore.Options{Durability: boltstore.Interval, Every: time.Millisecond})
		var broken sync.Mutex
		fail := true
		restore := intercept(s.DB(), func(next write) write {
			return func(b []byte, off int64) (int, error) {
				broken.Lock()
				defer broken.Unlock()
				if fail {
					return 0, syscall.ENOSPC
				}
				return next(b, off)
			}
		})
		defer restore()
		written := 0
		var err error
		for err == nil {
			written++
			err = s.Update(ctx, func(w store.Writer) error { return w.Put(fmt.Appendf(nil, "%d", written), nil) })
		}
		require.ErrorIs(t, err, store.ErrNoSpace)
		require.ErrorIs(t, s.Backup(ctx, failing{}), store.ErrNoSpace)
		require.Equal(t, "", get(t, s, "1"), "what was committed can be read")
		broken.Lock()
		fail = false
		broken.Unlock()
		for err != nil {
			runtime.Gosched()
			err = s.Update(ctx, func(w store.Writer) error { return w.Put([]byte("again"), nil) })
		}
		require.NoError(t, s.Close())
		s = openAt(t, path, nil)
		for i := range written - 1 {
			require.Equal(t, "", get(t, s, fmt.Sprint(i+1)))
		}
		require.Equal(t, "", get(t, s, "again"))
	})
	t.Run("a file that is cut off while it is open", func(t *testing.T) {
		for _, left := range []int64{0, int64(2 * os.Getpagesize())} {
			path := filepath.Join(t.TempDir(), "test.db")
			s := openAt(t, path, nil)
			fill(t, s)
			require.NoError(t, os.Truncate(path, left))
			for range 2 {
				require.ErrorIs(t, readAll(s), store.ErrCorrupt)
				require.Error(t, s.Update(ctx, func(w store.Writer) error { return w.Put([]byte("a"), nil) }))
			}
			_ = s.Close() // must return
			require.ErrorIs(t, readAll(s), store.ErrClosed)
		}
	})
	t.Run("a database that the application has closed", func(t *testing.T) {
		db, err := bolt.Open(filepath.Join(t.TempDir(), "app.db"), 0o600, nil)
		require.NoError(t, err)
		s, err := boltstore.New(db)
		require.NoError(t, err)
		require.NoError(t, db.Close())
		require.ErrorIs(t, readAll(s), store.ErrClosed)
		require.NoError(t, s.Close())
		_, err = boltstore.New(db)
		require.Error(t, err)
	})
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errDisk }
