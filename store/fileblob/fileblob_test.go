package fileblob_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/fileblob"
	"groupkit/store/storetest"
)

func TestBlobs(t *testing.T) {
	storetest.RunBlobs(t, func(t *testing.T) store.Blobs {
		return fileblob.New(filepath.Join(t.TempDir(), "made", "lazily"))
	})
}

func TestNew(t *testing.T) {
	t.Run("makes no folder", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "blobs")
		b := fileblob.New(dir)
		_, _, err := b.List(t.Context(), "", 0)
		require.NoError(t, err)
		require.NoDirExists(t, dir)
	})
	t.Run("finds what was put before, and nothing else", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, fileblob.New(dir).Put(t.Context(), "con", strings.NewReader("content")))
		for _, name := range []string{"foreign", "00", "tmp/blob-x", "ff/blob-UPPER", "ff/x"} {
			path := filepath.Join(dir, filepath.FromSlash(name))
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
			require.NoError(t, os.WriteFile(path, nil, 0o600))
		}
		ids, more, err := fileblob.New(dir).List(t.Context(), "", 0)
		require.NoError(t, err)
		require.False(t, more)
		require.Equal(t, []string{"con"}, ids)
	})
	t.Run("removes what a crash has left, when it is old", func(t *testing.T) {
		dir := t.TempDir()
		old, young := filepath.Join(dir, "tmp", "put-1"), filepath.Join(dir, "tmp", "put-2")
		require.NoError(t, os.Mkdir(filepath.Join(dir, "tmp"), 0o700))
		for _, path := range []string{old, young} {
			require.NoError(t, os.WriteFile(path, []byte("half a fi"), 0o600))
		}
		long := time.Now().Add(-25 * time.Hour)
		require.NoError(t, os.Chtimes(old, long, long))
		fileblob.New(dir)
		require.NoFileExists(t, old)
		require.FileExists(t, young)
	})
}

func TestBlobs_Put(t *testing.T) {
	t.Run("leaves no temporary file", func(t *testing.T) {
		dir := t.TempDir()
		b := fileblob.New(dir)
		require.NoError(t, b.Put(t.Context(), "a", strings.NewReader("content")))
		require.ErrorIs(t, b.Put(t.Context(), "a", failing{}), fs.ErrInvalid)
		require.Panics(t, func() { _ = b.Put(t.Context(), "a", nil) })
		left, err := os.ReadDir(filepath.Join(dir, "tmp"))
		require.NoError(t, err)
		require.Empty(t, left)
	})
	t.Run("where there can be no folder", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		b := fileblob.New(filepath.Join(file, "blobs"))
		require.Error(t, b.Put(t.Context(), "a", strings.NewReader("content")))
		_, err := b.Get(t.Context(), "a")
		require.Error(t, err)
	})
	t.Run("where the place is taken by a folder", func(t *testing.T) {
		dir := t.TempDir()
		b := fileblob.New(dir)
		require.NoError(t, b.Put(t.Context(), "a", strings.NewReader("content")))
		places, err := filepath.Glob(filepath.Join(dir, "*", "blob-a"))
		require.NoError(t, err)
		require.Len(t, places, 1)
		require.NoError(t, os.Remove(places[0]))
		require.NoError(t, os.MkdirAll(filepath.Join(places[0], "x"), 0o700))
		require.ErrorContains(t, b.Put(t.Context(), "a", strings.NewReader("content")), `put "a"`)
		require.ErrorContains(t, b.Delete(t.Context(), "a"), `delete "a"`)
		left, err := os.ReadDir(filepath.Join(dir, "tmp"))
		require.NoError(t, err)
		require.Empty(t, left)
	})
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, fs.ErrInvalid }
