package boltstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/boltstore"
)

// overwrite writes into a file as another program does that ignores the lock.
func overwriteFile(t *testing.T, path string, b []byte, off int64) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(b, off)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// requireLetGo closes a store that is damaged, and checks that its file can be opened.
func requireLetGo(t *testing.T, s *boltstore.Store, path string, good []byte) {
	t.Helper()
	_ = s.Close() // must return
	left, err := boltstore.Open(path, &boltstore.Options{LockTimeout: -1})
	require.NotErrorIs(t, err, store.ErrLocked)
	if err == nil {
		require.NoError(t, left.Close())
	}
	require.NoError(t, os.WriteFile(path, good, 0o600))
	require.NoError(t, readAll(openAt(t, path, nil)))
}

// TestStore_metaOverwritten overwrites both meta pages while the file is open.
func TestStore_metaOverwritten(t *testing.T) {
	for name, opts := range map[string]*boltstore.Options{
		"sync": nil, "interval": {Durability: boltstore.Interval, Every: time.Millisecond}, "none": {Durability: boltstore.None},
	} {
		t.Run(name, func(t *testing.T) {
			t.Run("between calls", func(t *testing.T) {
				s, path, good := openFilled(t, opts)
				overwriteFile(t, path, noise(2*os.Getpagesize()), 0)
				for range 3 {
					require.ErrorIs(t, readAll(s), store.ErrCorrupt)
					require.ErrorIs(t, overwrite(s, []byte("a")), store.ErrCorrupt)
				}
				requireLetGo(t, s, path, good)
			})
			t.Run("while it is closed", func(t *testing.T) {
				s, path, good := openFilled(t, opts)
				require.NoError(t, overwrite(s, []byte("a")))
				overwriteFile(t, path, noise(2*os.Getpagesize()), 0)
				requireLetGo(t, s, path, good)
			})
			t.Run("while many use it", func(t *testing.T) {
				for range 5 {
					s, path, good := openFilled(t, opts)
					var users, busy sync.WaitGroup
					for user := range 8 {
						busy.Add(1)
						users.Go(func() {
							for n := 0; ; n++ {
								err := readAll(s)
								if user%2 == 0 {
									err = overwrite(s, fmt.Appendf(nil, "%d-%d", user, n))
								}
								if n == 2 {
									busy.Done()
								}
								if errors.Is(err, store.ErrCorrupt) {
									return
								}
								if err != nil {
									t.Error(err)
									return
								}
							}
						})
					}
					busy.Wait()
					// A commit that is running can put a meta page right again.
					ended := make(chan struct{})
					go func() {
						users.Wait()
						close(ended)
					}()
					for on := true; on; {
						overwriteFile(t, path, noise(2*os.Getpagesize()), 0)
						select {
						case <-ended:
							on = false
						default:
						}
					}
					requireLetGo(t, s, path, good)
				}
			})
			t.Run("during a View", func(t *testing.T) {
				s, path, good := openFilled(t, opts)
				require.NoError(t, s.View(ctx, func(r store.Reader) error {
					overwriteFile(t, path, noise(2*os.Getpagesize()), 0)
					done := make(chan error)
					go func() { done <- readAll(s) }()
					require.ErrorIs(t, <-done, store.ErrCorrupt)
					go func() { done <- overwrite(s, []byte("a")) }()
					require.ErrorIs(t, <-done, store.ErrCorrupt)
					_, _, err := r.Scan(store.Range{})
					return err
				}))
				requireLetGo(t, s, path, good)
			})
		})
	}
	for name, durability := range map[string]boltstore.Durability{"sync": boltstore.Sync, "none": boltstore.None} {
		opts := &boltstore.Options{Durability: durability}
		t.Run("during a commit with little room, "+name, func(t *testing.T) {
			// The commit would wait for ever for a lock that bbolt left locked in a View.
			s, path, good := openFilled(t, &boltstore.Options{Durability: durability, InitialMmapSize: 1 << 20})
			whileCommitting(s, func() {
				overwriteFile(t, path, noise(2*os.Getpagesize()), 0)
				require.ErrorIs(t, readAll(s), store.ErrCorrupt)
			})
			err := overwrite(s, []byte("a"))
			require.ErrorIs(t, err, store.ErrCorrupt)
			require.ErrorIs(t, err, store.ErrCommitUnknown)
			require.ErrorIs(t, overwrite(s, []byte("b")), store.ErrCorrupt)
			requireLetGo(t, s, path, good)
		})
		t.Run("during a commit, "+name, func(t *testing.T) {
			// The Views of a commit do not read the meta pages, and the commit writes one.
			s, path, _ := openFilled(t, opts)
			whileCommitting(s, func() {
				overwriteFile(t, path, noise(2*os.Getpagesize()), 0)
				for range 3 {
					require.NoError(t, readAll(s))
				}
			})
			require.NoError(t, overwrite(s, []byte("a")))
			require.NoError(t, readAll(s))
			require.NoError(t, overwrite(s, []byte("b")))
			require.NoError(t, s.Close())
			require.NoError(t, readAll(openAt(t, path, nil)))
		})
		t.Run("in a commit that fails, "+name, func(t *testing.T) {
			s, path, good := openFilled(t, opts)
			intercept(s.DB(), func(write) write {
				return func([]byte, int64) (int, error) {
					overwriteFile(t, path, noise(2*os.Getpagesize()), 0)
					return 0, errDisk
				}
			})
			require.ErrorIs(t, overwrite(s, []byte("a")), store.ErrCorrupt)
			require.ErrorIs(t, readAll(s), store.ErrCorrupt)
			requireLetGo(t, s, path, good)
		})
	}
}

// whileCommitting calls fn once, when the next commit writes.
func whileCommitting(s *boltstore.Store, fn func()) {
	var once sync.Once
	intercept(s.DB(), func(next write) write {
		return func(b []byte, off int64) (int, error) {
			once.Do(fn)
			return next(b, off)
		}
	})
}

// TestStore_View_duringCommit begins Views while a commit is under way. Each reads the state
// before the commit until it ends, also after the commit, and the pages that it reads are not
// used again before.
func TestStore_View_duringCommit(t *testing.T) {
	s, _, _ := openFilled(t, nil)
	put(t, s, "a", "before")
	var views sync.WaitGroup
	goOn := make(chan struct{})
	whileCommitting(s, func() {
		var begun sync.WaitGroup
		for range 3 {
			begun.Add(1)
			views.Go(func() {
				err := s.View(ctx, func(r store.Reader) error {
					begun.Done()
					<-goOn
					v, _, err := r.Get([]byte("a"))
					require.Equal(t, "before", string(v))
					return err
				})
				require.NoError(t, err)
			})
		}
		begun.Wait()
		require.Equal(t, "before", get(t, s, "a"))
	})
	put(t, s, "a", "after")
	require.Equal(t, "after", get(t, s, "a"))
	for range 20 {
		require.NoError(t, overwrite(s, []byte("later")))
	}
	close(goOn)
	views.Wait()
	require.Equal(t, "after", get(t, s, "a"))
	require.NoError(t, s.Close())
}

// TestStore_outgrowsMap has files outgrow their memory map in commits of many sizes. A commit
// that maps the file anew waits for all Views, so it must not have one of its own.
func TestStore_outgrowsMap(t *testing.T) {
	for _, room := range []int{1 << 18, 1 << 20, 1 << 22} {
		for _, size := range []int{100, 5_000, 300_000, 2_000_000} {
			s := openNew(t, &boltstore.Options{InitialMmapSize: room, Durability: boltstore.None})
			for written := 0; written < 2*room; {
				require.NoError(t, s.Update(ctx, func(w store.Writer) error {
					for n := range 1 + 20_000/size {
						if err := w.Put(fmt.Appendf(nil, "%d-%d", n, written), make([]byte, size)); err != nil {
							return err
						}
					}
					return nil
				}))
				written += size * (1 + 20_000/size)
			}
			require.NoError(t, s.Close())
		}
	}
}

// openFilled opens a file with data. It also returns the content that the file had before.
func openFilled(t *testing.T, opts *boltstore.Options) (s *boltstore.Store, path string, good []byte) {
	path = filepath.Join(t.TempDir(), "test.db")
	s = openAt(t, path, &boltstore.Options{Durability: boltstore.None})
	fill(t, s)
	require.NoError(t, s.Close())
	return openAt(t, path, opts), path, content(t, path)
}

// TestStore_metaExchanged changes the meta pages to others that bbolt takes: then the file
// appears to be in the state before the last commit, or contains the data of another one.
func TestStore_metaExchanged(t *testing.T) {
	s, path, good := openFilled(t, nil)
	require.NoError(t, overwrite(s, []byte("a")))
	require.NoError(t, overwrite(s, []byte("b")))
	last := content(t, path)
	_, number := current(last, os.Getpagesize())
	damaged := func(b []byte, off int64) {
		overwriteFile(t, path, b, off)
		for range 2 {
			require.ErrorIs(t, readAll(s), store.ErrCorrupt)
			require.ErrorIs(t, overwrite(s, []byte("c")), store.ErrCorrupt)
		}
		overwriteFile(t, path, last, 0)
		require.NoError(t, readAll(s), "it can be put right")
	}
	damaged(noise(os.Getpagesize()), int64(number*os.Getpagesize()))
	damaged(good, 0)
	damaged(bytes.Clone(sound(t)), 0)
	overwriteFile(t, path, good, 0)
	requireLetGo(t, s, path, good)
}
