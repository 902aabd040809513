package boltstore_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/boltstore"
)

func TestOpen(t *testing.T) {
	t.Run("keeps what was committed", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "test.db")
		for i := range 3 {
			s := openAt(t, path, nil)
			require.Equal(t, i, count(t, s))
			put(t, s, fmt.Sprint(i), "v")
			require.NoError(t, s.Close())
		}
	})
	t.Run("refuses a file that is open elsewhere", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "test.db")
		s := openAt(t, path, nil)
		for _, timeout := range []time.Duration{-1, 20 * time.Millisecond, 0} {
			_, err := boltstore.Open(path, &boltstore.Options{LockTimeout: timeout})
			requireRefusal(t, err, store.ErrLocked, path)
		}
		require.NoError(t, s.Close())
		openAt(t, path, nil)
	})
	t.Run("refuses a newer format", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "test.db")
		require.NoError(t, openAt(t, path, nil).Close())
		setFormat(t, path, 3)
		_, err := boltstore.Open(path, nil)
		requireRefusal(t, err, store.ErrNewer, path)
		require.ErrorContains(t, err, "format 3")
		setFormat(t, path, 0)
		_, err = boltstore.Open(path, nil)
		requireRefusal(t, err, store.ErrCorrupt, path)
		setFormat(t, path, 2)
		openAt(t, path, nil)
	})
	t.Run("refuses a newer bbolt", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "test.db")
		content := sound(t)
		for _, page := range []int{0, os.Getpagesize()} {
			binary.NativeEndian.PutUint32(content[page+20:], 3)
		}
		require.NoError(t, os.WriteFile(path, content, 0o600))
		_, err := boltstore.Open(path, nil)
		requireRefusal(t, err, store.ErrNewer, path)
	})
	t.Run("refuses what is not its file", func(t *testing.T) {
		good := sound(t)
		zeroed := bytes.Clone(good)
		clear(zeroed[:3*os.Getpagesize()])
		for name, content := range map[string][]byte{
			"text":            []byte("this is no database\n"),
			"long text":       bytes.Repeat([]byte("this is no database\n"), 10_000),
			"noise":           noise(1 << 16),
			"one byte":        {0},
			"zeros":           make([]byte, 1<<16),
			"zeroed prefix":   zeroed,
			"SQLite":          append([]byte("SQLite format 3\x00"), make([]byte, 8192)...),
			"one page":        good[:os.Getpagesize()],
			"two pages":       good[:2*os.Getpagesize()],
			"half a page":     good[:os.Getpagesize()/2],
			"cut at the end":  good[:len(good)-1-len(good)/3],
			"cut in a header": good[:20],
		} {
			path := filepath.Join(t.TempDir(), "test.db")
			require.NoError(t, os.WriteFile(path, content, 0o600))
			_, err := boltstore.Open(path, nil)
			requireRefusal(t, err, store.ErrCorrupt, path)
			left, err := os.ReadFile(path)
			require.NoError(t, err)
			require.True(t, bytes.Equal(content, left), "%s: the file has been changed", name)
		}
	})
	t.Run("refuses what is no file", func(t *testing.T) {
		dir := t.TempDir()
		_, err := boltstore.Open(dir, nil)
		requireRefusal(t, err, store.ErrCorrupt, dir)
		missing := filepath.Join(dir, "missing", "test.db")
		_, err = boltstore.Open(missing, nil)
		requireRefusal(t, err, fs.ErrNotExist, missing)
	})
	t.Run("takes an empty file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "test.db")
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		put(t, openAt(t, path, nil), "a", "1")
	})
	t.Run("takes a file of an application", func(t *testing.T) {
		db := openBolt(t)
		require.NoError(t, db.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucket([]byte("app"))
			require.NoError(t, err)
			for i := range 1000 {
				require.NoError(t, b.Put(fmt.Appendf(nil, "%d", i), make([]byte, 100)))
			}
			inner, err := b.CreateBucket([]byte("inner"))
			require.NoError(t, err)
			return inner.Put([]byte("k"), make([]byte, 10_000))
		}))
		path := db.Path()
		require.NoError(t, db.Close())
		s := openAt(t, path, nil)
		require.Zero(t, count(t, s))
		require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
			b, err := store.BucketReader(r, "app")
			require.NoError(t, err)
			page, more, err := b.Scan(store.Range{Limit: 1000})
			require.NoError(t, err)
			require.False(t, more)
			require.Len(t, page, 1000)
			return nil
		}))
	})
	t.Run("with a file mode", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "test.db")
		openAt(t, path, &boltstore.Options{FileMode: 0o640, InitialMmapSize: 1 << 20})
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o640), info.Mode().Perm())
	})
}

func requireRefusal(t *testing.T, err, want error, path string) {
	t.Helper()
	require.ErrorIs(t, err, want)
	require.ErrorContains(t, err, path)
}

func setFormat(t *testing.T, path string, format uint64) {
	db, err := bolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("groupkit")).SetSequence(format)
	}))
	require.NoError(t, db.Close())
}

// TestOpen_Size has a new file take little room, and a file that grows take it in steps
// of its size.
func TestOpen_Size(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	s := openAt(t, path, nil)
	size := func() int64 {
		info, err := os.Stat(path)
		require.NoError(t, err)
		return info.Size()
	}
	put(t, s, "a", "b")
	require.LessOrEqual(t, size(), int64(1<<20))
	value := string(bytes.Repeat([]byte("v"), 1<<20))
	sizes := map[int64]bool{}
	for i := range 40 {
		put(t, s, fmt.Sprint("large-", i), value)
		sizes[size()] = true
	}
	require.GreaterOrEqual(t, size(), int64(40<<20))
	require.LessOrEqual(t, size(), int64(80<<20))
	require.Less(t, len(sizes), 30, "a file does not grow at each commit")
	require.NoError(t, s.Close())
	s = openAt(t, path, nil)
	require.Equal(t, 41, count(t, s))
}
