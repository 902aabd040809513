package fileblob_test

import (
	"io"
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

func TestBlobs_Delete(t *testing.T) {
	t.Run("removes what a crash has left of the content", func(t *testing.T) {
		dir := t.TempDir()
		left, other := filepath.Join(dir, "tmp", "put-a"), filepath.Join(dir, "tmp", "put-b")
		require.NoError(t, os.Mkdir(filepath.Join(dir, "tmp"), 0o700))
		for _, path := range []string{left, other} {
			require.NoError(t, os.WriteFile(path, []byte("half a fi"), 0o600))
		}
		b := fileblob.New(dir)
		require.NoError(t, b.Delete(t.Context(), "a"))
		require.NoFileExists(t, left)
		require.FileExists(t, other)
		require.NoError(t, b.Put(t.Context(), "b", strings.NewReader("content")))
		require.FileExists(t, other, "it is not known to be left over")
		require.NoError(t, b.Delete(t.Context(), "b"))
		names, err := os.ReadDir(filepath.Join(dir, "tmp"))
		require.NoError(t, err)
		require.Empty(t, names)
	})
	t.Run("of what is a folder", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "tmp", "put-a", "x"), 0o700))
		require.ErrorContains(t, fileblob.New(dir).Delete(t.Context(), "a"), `delete "a"`)
	})
}

func TestBlobs_Tidy(t *testing.T) {
	dir := t.TempDir()
	b := fileblob.New(dir)
	require.NoError(t, b.Tidy(t.Context()), "there is no folder yet")
	require.NoError(t, b.Put(t.Context(), "kept", strings.NewReader("content")))
	for _, name := range []string{"put-a", "put-running", "other-1"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "tmp", name), []byte("half a fi"), 0o600))
	}
	left := func() (names []string) {
		entries, err := os.ReadDir(filepath.Join(dir, "tmp"))
		require.NoError(t, err)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	during := func() {
		require.NoError(t, b.Tidy(t.Context()))
		require.NotContains(t, left(), "put-a")
		require.Len(t, left(), 3, "put-running, and two of which one is being written")
	}
	require.NoError(t, b.Put(t.Context(), "running", reading(during)))
	require.NoError(t, b.Tidy(t.Context()))
	require.Empty(t, left())
	ids, _, err := b.List(t.Context(), "", 0)
	require.NoError(t, err)
	require.Equal(t, []string{"kept", "running"}, ids)
}

// reading is a reader that is at its end when it has been called.
type reading func()

func (r reading) Read([]byte) (int, error) {
	r()
	return 0, io.EOF
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, fs.ErrInvalid }

// The zero Blobs have no folder. They must not take the working directory for it.
func TestBlobs_Zero(t *testing.T) {
	ctx, b := t.Context(), new(fileblob.Blobs)
	require.ErrorIs(t, b.Put(ctx, "x", strings.NewReader("x")), store.ErrClosed)
	require.ErrorIs(t, b.Delete(ctx, "x"), store.ErrClosed)
	require.ErrorIs(t, b.Tidy(ctx), store.ErrClosed)
	_, err := b.Get(ctx, "x")
	require.ErrorIs(t, err, store.ErrClosed)
	_, _, err = b.List(ctx, "", 1)
	require.ErrorIs(t, err, store.ErrClosed)
	require.NoError(t, b.Close())
}

func TestNewReadOnly(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, fileblob.New(dir).Put(t.Context(), "a", strings.NewReader("content")))
	left := filepath.Join(dir, "tmp", "put-b")
	require.NoError(t, os.WriteFile(left, []byte("half a fi"), 0o600))
	long := time.Now().Add(-25 * time.Hour)
	require.NoError(t, os.Chtimes(left, long, long))

	b := fileblob.NewReadOnly(dir)
	r, err := b.Get(t.Context(), "a")
	require.NoError(t, err)
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, "content", string(content))
	ids, _, err := b.List(t.Context(), "", 0)
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, ids)
	require.ErrorIs(t, b.Put(t.Context(), "a", strings.NewReader("other")), store.ErrReadOnly)
	require.ErrorIs(t, b.Delete(t.Context(), "a"), store.ErrReadOnly)
	require.ErrorIs(t, b.Tidy(t.Context()), store.ErrReadOnly)
	require.FileExists(t, left)
	_, err = b.Get(t.Context(), "a")
	require.NoError(t, err)

	none := filepath.Join(dir, "none")
	ids, _, err = fileblob.NewReadOnly(none).List(t.Context(), "", 0)
	require.NoError(t, err)
	require.Empty(t, ids)
	require.NoDirExists(t, none)
}
