package boltstore_test

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/boltstore"
)

// withFreePages makes a file of which most pages are free. It contains 500 numbers, and a bucket of
// the application with a bucket and a sequence.
func withFreePages(t *testing.T) (path string) {
	path = filepath.Join(t.TempDir(), "groups.db")
	s := openAt(t, path, &boltstore.Options{Durability: boltstore.None})
	for range 500 {
		_, err := countOn(s)
		require.NoError(t, err)
	}
	require.NoError(t, s.DB().Update(func(tx *bolt.Tx) error {
		app, err := tx.CreateBucket([]byte("app"))
		require.NoError(t, err)
		inner, err := app.CreateBucket([]byte("inner"))
		require.NoError(t, err)
		require.NoError(t, inner.SetSequence(41))
		require.NoError(t, inner.Put([]byte("k"), []byte("v")))
		return app.Put([]byte("empty"), nil)
	}))
	for range 2 {
		require.NoError(t, s.Update(t.Context(), func(w store.Writer) error { return w.Put([]byte("large"), make([]byte, 4<<20)) }))
		require.NoError(t, s.Update(t.Context(), func(w store.Writer) error { return w.Delete([]byte("large")) }))
	}
	require.NoError(t, s.Close())
	return path
}

func TestCompact(t *testing.T) {
	t.Parallel()
	path := withFreePages(t)
	require.NoError(t, os.Chmod(path, 0o640))
	before, want := fileSize(t, path), dump(t, path)
	require.Contains(t, want, "app/inner/k=v")
	require.NoError(t, os.WriteFile(path+".compact", []byte("left by a process that was killed"), 0o600))

	link := filepath.Join(t.TempDir(), "link.db")
	require.NoError(t, os.Symlink(path, link))
	c, err := boltstore.Compact(link)
	require.NoError(t, err)
	require.Equal(t, boltstore.Compacted{Before: before, After: fileSize(t, path)}, c)
	require.Greater(t, c.Before, int64(4<<20))
	require.Less(t, c.After, int64(1<<20))
	require.Equal(t, want, dump(t, path))
	require.NoFileExists(t, path+".compact")
	info, err := os.Stat(path)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Equal(t, fs.FileMode(0o640), info.Mode())
	}
	s := openAt(t, path, &boltstore.Options{Inspect: true})
	require.Equal(t, uint64(500), requireNoGap(t, s))
	require.NoError(t, s.DB().View(func(tx *bolt.Tx) error {
		require.Equal(t, uint64(41), tx.Bucket([]byte("app")).Bucket([]byte("inner")).Sequence())
		return nil
	}))
	_, err = countOn(s)
	require.NoError(t, err)
	problems, err := s.Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, problems)
}

// What cannot be compacted stays as it is.
func TestCompact_refusals(t *testing.T) {
	t.Parallel()
	_, err := boltstore.Compact(filepath.Join(t.TempDir(), "none.db"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "none.db")
	_, err = boltstore.Compact(t.TempDir())
	require.ErrorContains(t, err, "is a folder")

	path := withFreePages(t)
	s := openAt(t, path, nil)
	if boltstore.Locks {
		_, err = boltstore.Compact(path)
		require.ErrorIs(t, err, store.ErrLocked)
	}
	require.NoError(t, s.Close())

	require.NoError(t, os.Mkdir(path+".compact", 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(path+".compact", "of the application"), nil, 0o600))
	want := dump(t, path)
	_, err = boltstore.Compact(path)
	require.ErrorContains(t, err, ".compact")
	require.Equal(t, want, dump(t, path))
	require.FileExists(t, filepath.Join(path+".compact", "of the application"))
	require.NoError(t, os.RemoveAll(path+".compact"))

	data, err := os.ReadFile(path)
	require.NoError(t, err)
	good, leaves := leavesOf(t, "groupkit")
	good[leaves[0].id*uint64(os.Getpagesize())+8] ^= 3 // what kind of page it is
	require.NoError(t, os.WriteFile(path, good, 0o600))
	_, err = boltstore.Compact(path)
	require.ErrorIs(t, err, store.ErrCorrupt)
	require.NoFileExists(t, path+".compact")
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, good, now)
	require.NotEqual(t, data, now)
}

// compactForEver compacts a file again and again, and says when it begins.
func compactForEver(path string) {
	for {
		must(os.WriteFile(path+".begun", nil, 0o600))
		_, err := boltstore.Compact(path)
		must(err)
	}
}

// A process that is killed while it compacts leaves the old file or the new one.
func TestCompact_Killed(t *testing.T) {
	t.Parallel()
	path := withFreePages(t)
	want := dump(t, path)
	for range 25 {
		_ = os.Remove(path + ".begun")
		cmd := child("compact", path)
		require.NoError(t, cmd.Start())
		for {
			if _, err := os.Stat(path + ".begun"); err == nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(rand.N(40 * time.Millisecond))
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
		s := openAt(t, path, &boltstore.Options{Inspect: true})
		require.Equal(t, uint64(500), requireNoGap(t, s))
		require.NoError(t, s.Close())
		require.Equal(t, want, dump(t, path))
	}
	_, err := boltstore.Compact(path)
	require.NoError(t, err)
	require.NoFileExists(t, path+".compact")
}

// Who waits for the lock while another file is put in the place of the file opens the other one.
func TestOpen_replacedMeanwhile(t *testing.T) {
	t.Parallel()
	if !boltstore.Locks {
		t.Skip("this system does not lock files before they are opened")
	}
	path := withFreePages(t)
	other := withFreePages(t)
	s := openAt(t, other, nil)
	_, err := countOn(s)
	require.NoError(t, err)
	require.NoError(t, s.Close())

	holder := openAt(t, path, nil)
	opened := make(chan *boltstore.Store)
	go func() {
		s, err := boltstore.Open(path, &boltstore.Options{LockTimeout: time.Minute})
		if err != nil {
			t.Error(err)
		}
		opened <- s
	}()
	for range 20 { // it can also come later: then there is nothing to see
		time.Sleep(time.Millisecond)
	}
	require.NoError(t, os.Rename(other, path))
	require.NoError(t, holder.Close())
	s = <-opened
	require.NotNil(t, s)
	require.Equal(t, uint64(501), requireNoGap(t, s))
	_, err = countOn(s)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Equal(t, uint64(502), requireNoGap(t, openAt(t, path, nil)))
}
