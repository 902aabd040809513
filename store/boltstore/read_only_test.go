package boltstore_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/boltstore"
)

var readOnly = &boltstore.Options{ReadOnly: true, LockTimeout: -1}

// written returns a file that a store has written and closed.
func written(t *testing.T) (path string) {
	path = filepath.Join(t.TempDir(), "groups.db")
	s, err := boltstore.Open(path, nil)
	require.NoError(t, err)
	fill(t, s)
	put(t, s, "a", "1")
	require.NoError(t, s.Close())
	return path
}

// contentsOf returns all files of a folder with what they contain.
func contentsOf(t *testing.T, dir string) map[string]string {
	all := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all[path] = string(content)
		return err
	}))
	return all
}

func TestOpen_ReadOnly(t *testing.T) {
	t.Run("reads and writes nothing", func(t *testing.T) {
		path := written(t)
		before := contentsOf(t, filepath.Dir(path))
		for _, inspect := range []bool{false, true} {
			s := openAt(t, path, &boltstore.Options{ReadOnly: true, Inspect: inspect, Durability: boltstore.Interval})
			require.Equal(t, "1", get(t, s, "a"))
			require.ErrorIs(t, s.Update(ctx, func(store.Writer) error { panic("is not called") }), store.ErrReadOnly)
			require.False(t, store.Relaxed(s), "nothing can be lost")
			require.NoError(t, store.Sync(ctx, s))
			heard := false
			store.AfterSync(s, func() { heard = true })
			require.True(t, heard)
			problems, err := s.Check(ctx)
			require.NoError(t, err)
			require.Empty(t, problems)
			var backup bytes.Buffer
			require.NoError(t, s.Backup(ctx, &backup))
			require.NoError(t, s.Close())
			require.Equal(t, before, contentsOf(t, filepath.Dir(path)))

			copied := filepath.Join(t.TempDir(), "copy.db")
			require.NoError(t, os.WriteFile(copied, backup.Bytes(), 0o600))
			require.Equal(t, "1", get(t, openAt(t, copied, nil), "a"))
		}
	})
	t.Run("what a crash has left", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "groups.db")
		s := openAt(t, path, nil)
		fill(t, s)
		put(t, s, "a", "1")
		crashed := filepath.Join(t.TempDir(), "groups.db") // it has no list of the free pages
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(crashed, content, 0o400))
		read := openAt(t, crashed, readOnly)
		require.Equal(t, "1", get(t, read, "a"))
		require.NoError(t, read.Close())
		require.Equal(t, map[string]string{crashed: string(content)}, contentsOf(t, filepath.Dir(crashed)))
	})
	t.Run("shares the lock with readers alone", func(t *testing.T) {
		path := written(t)
		one, two := openAt(t, path, readOnly), openAt(t, path, readOnly)
		require.Equal(t, get(t, one, "a"), get(t, two, "a"))
		for _, s := range []*boltstore.Store{one, two} {
			_, err := boltstore.Open(path, &boltstore.Options{LockTimeout: -1})
			require.ErrorIs(t, err, store.ErrLocked)
			_, err = boltstore.Compact(path)
			require.ErrorIs(t, err, store.ErrLocked)
			require.NoError(t, s.Close())
		}
		openAt(t, path, &boltstore.Options{LockTimeout: -1})
		_, err := boltstore.Open(path, readOnly)
		require.ErrorIs(t, err, store.ErrLocked)
	})
	t.Run("makes nothing", func(t *testing.T) {
		dir := t.TempDir()
		_, err := boltstore.Open(filepath.Join(dir, "none", "groups.db"), readOnly)
		require.ErrorIs(t, err, fs.ErrNotExist)
		_, err = boltstore.Open(filepath.Join(dir, "groups.db"), readOnly)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.Empty(t, contentsOf(t, dir))

		unmade, err := os.ReadFile(func() string {
			path := filepath.Join(t.TempDir(), "empty.db")
			db, err := bolt.Open(path, 0o600, nil)
			require.NoError(t, errors.Join(err, db.Close()))
			return path
		}())
		require.NoError(t, err)
		for name, content := range map[string][]byte{
			"empty": nil, "made by bbolt": unmade, "made in part": append(make([]byte, 512), unmade[512:]...),
		} {
			path := filepath.Join(dir, "groups.db")
			require.NoError(t, os.WriteFile(path, content, 0o600))
			_, err := boltstore.Open(path, readOnly)
			require.ErrorIs(t, err, store.ErrReadOnly, name)
			require.Equal(t, map[string]string{path: string(content)}, contentsOf(t, dir), name)
		}
	})
	t.Run("an application's file without groups", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.db")
		db, err := bolt.Open(path, 0o600, nil)
		require.NoError(t, err)
		require.NoError(t, db.Update(func(tx *bolt.Tx) error {
			_, err := tx.CreateBucket([]byte("app"))
			return err
		}))
		require.NoError(t, db.Close())
		_, err = boltstore.Open(path, readOnly)
		require.ErrorIs(t, err, store.ErrReadOnly)
		require.ErrorContains(t, err, "groupkit")
	})
	t.Run("a damaged file", func(t *testing.T) {
		path := written(t)
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		size := binary.NativeEndian.Uint32(content[24:])
		copy(content[16:], make([]byte, 64))
		copy(content[size+16:], make([]byte, 64))
		require.NoError(t, os.WriteFile(path, content, 0o600))
		_, err = boltstore.Open(path, readOnly)
		require.ErrorIs(t, err, store.ErrCorrupt)
	})
}

func TestNew_ReadOnly(t *testing.T) {
	path := written(t)
	db, err := bolt.Open(path, 0, &bolt.Options{ReadOnly: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s, err := boltstore.New(db)
	require.NoError(t, err)
	require.Equal(t, "1", get(t, s, "a"))
	require.ErrorIs(t, s.Update(ctx, func(store.Writer) error { return nil }), store.ErrReadOnly)
	require.NoError(t, s.Close())
}
