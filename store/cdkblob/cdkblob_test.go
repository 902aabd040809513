package cdkblob_test

import (
	"context"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"

	"groupkit/store"
	"groupkit/store/cdkblob"
	"groupkit/store/storetest"
)

func TestBlobs_memory(t *testing.T) {
	storetest.RunRemoteBlobs(t, func(t *testing.T) store.Blobs { return open(t, "mem://", nil) })
}

func TestBlobs_folder(t *testing.T) {
	storetest.RunRemoteBlobs(t, func(t *testing.T) store.Blobs {
		return open(t, folder(t.TempDir()), &cdkblob.Options{Prefix: "guilds/contents/"})
	})
}

func open(t *testing.T, url string, opts *cdkblob.Options) *cdkblob.Blobs {
	b, err := cdkblob.Open(t.Context(), url, opts)
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// over returns Blobs over a bucket of the test.
func over(t *testing.T, bucket *blob.Bucket, prefix string) *cdkblob.Blobs {
	b, err := cdkblob.New(bucket, &cdkblob.Options{Prefix: prefix})
	require.NoError(t, err)
	return b
}

// folder returns the URL of a folder.
func folder(dir string) string {
	u := url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(dir), "/"), RawQuery: "no_tmp_dir=true&metadata=skip"}
	return u.String()
}

func put(t *testing.T, b store.Blobs, ids ...string) {
	for _, id := range ids {
		require.NoError(t, b.Put(t.Context(), id, strings.NewReader("content of "+id)))
	}
}

func list(t *testing.T, b store.Blobs) []string {
	ids, more, err := b.List(t.Context(), "", 0)
	require.NoError(t, err)
	require.False(t, more)
	return ids
}

func TestOpen(t *testing.T) {
	for name, row := range map[string]struct {
		url, prefix string
		want        []string
	}{
		"no driver is linked":            {"s3://secret", "", []string{`"s3://"`, "linked: file, mem"}},
		"no URL":                         {"://secret", "", []string{"missing protocol scheme"}},
		"a bucket with one key":          {"mem://?key=secret", "", []string{`parameter "key"`}},
		"a prefix of the URL":            {"mem://?prefix=guilds", "", []string{`"guilds" does not end with "/"`}},
		"a prefix":                       {"mem://", "guilds", []string{`"guilds" does not end with "/"`}},
		"a prefix with an empty part":    {"mem://", "guilds//x/", []string{`"guilds//x/" has the part ""`}},
		"a prefix from the root":         {"mem://", "/", []string{`"/" has the part ""`}},
		"a prefix that leads elsewhere":  {"mem://", "a/../b/", []string{`"a/../b/" has the part ".."`}},
		"a prefix that is no text":       {"mem://", "\xff/", []string{`"\xff/" is not UTF-8`}},
		"a prefix that is too long":      {"mem://", strings.Repeat("x", 824) + "/", []string{"825 bytes (at most 824)"}},
		"two that are too long together": {"mem://?prefix=" + strings.Repeat("x", 823) + "/", "a/", []string{"826 bytes (at most 824)"}},
		"no bucket":                      {folder("/there/is/none"), "", []string{"open file://", "no such file"}},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := cdkblob.Open(t.Context(), row.url, &cdkblob.Options{Prefix: row.prefix})
			require.Nil(t, b)
			for _, want := range row.want {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, err.Error(), "secret")
		})
	}
	t.Run("the prefixes of the URL and of the options", func(t *testing.T) {
		dir := t.TempDir()
		put(t, open(t, folder(dir)+"&prefix=a/", &cdkblob.Options{Prefix: "b/"}), "x")
		require.FileExists(t, filepath.Join(dir, "a", "b", "x"))
		require.Equal(t, []string{"x"}, list(t, open(t, folder(dir), &cdkblob.Options{Prefix: "a/b/"})))
	})
}

func TestNew(t *testing.T) {
	_, err := cdkblob.New(nil, nil)
	require.ErrorContains(t, err, "the bucket is nil")
	bucket := memblob.OpenBucket(nil)
	_, err = cdkblob.New(bucket, &cdkblob.Options{Prefix: "x"})
	require.ErrorContains(t, err, `"x" does not end with "/"`)
	b, err := cdkblob.New(bucket, nil)
	require.NoError(t, err)
	put(t, b, "x")
	require.NoError(t, b.Close())
	there, err := bucket.Exists(t.Context(), "x")
	require.NoError(t, err, "Close leaves the bucket of the application open")
	require.True(t, there)
}

func TestBlobs_Zero(t *testing.T) {
	ctx, b := t.Context(), new(cdkblob.Blobs)
	require.ErrorIs(t, b.Put(ctx, "x", strings.NewReader("x")), store.ErrClosed)
	require.ErrorIs(t, b.Delete(ctx, "x"), store.ErrClosed)
	_, err := b.Get(ctx, "x")
	require.ErrorIs(t, err, store.ErrClosed)
	_, _, err = b.List(ctx, "", 1)
	require.ErrorIs(t, err, store.ErrClosed)
	require.NoError(t, b.Close())
}

func TestBlobs_Put(t *testing.T) {
	t.Run("leaves nothing in the folder", func(t *testing.T) {
		dir := t.TempDir()
		b := open(t, folder(dir), nil)
		require.ErrorIs(t, b.Put(t.Context(), "a", iotest.ErrReader(fs.ErrInvalid)), fs.ErrInvalid)
		require.Panics(t, func() { _ = b.Put(t.Context(), "a", nil) })
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left)
	})
	t.Run("of which the context ends with the content", func(t *testing.T) {
		b := open(t, "mem://", nil)
		ctx, cancel := context.WithCancel(t.Context())
		r := io.MultiReader(strings.NewReader("content"), endFunc(cancel))
		require.ErrorIs(t, b.Put(ctx, "a", r), context.Canceled)
		require.Empty(t, list(t, b))
	})
	t.Run("that the bucket refuses", func(t *testing.T) {
		b := open(t, folder(t.TempDir()), &cdkblob.Options{Prefix: "a/"})
		put(t, b, "b")
		in := open(t, "mem://", nil)
		require.NoError(t, in.Close())
		require.ErrorIs(t, in.Put(t.Context(), "b", strings.NewReader("x")), store.ErrClosed)
		bucket := memblob.OpenBucket(nil)
		closed := over(t, bucket, "")
		require.NoError(t, bucket.Close())
		require.ErrorContains(t, closed.Put(t.Context(), "b", strings.NewReader("x")), `cdkblob: put "b": `)
		require.ErrorContains(t, closed.Delete(t.Context(), "b"), `cdkblob: delete "b": `)
		_, _, err := closed.List(t.Context(), "", 0)
		require.ErrorContains(t, err, "cdkblob: list: ")
	})
}

// endFunc is the end of a reader, before which it is called.
type endFunc func()

func (f endFunc) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}

// A bucket that is missing is not a content that is missing.
func TestBlobs_withoutBucket(t *testing.T) {
	d := &driven{keys: []string{"a"}}
	b := over(t, blob.NewBucket(d), "")
	_, err := b.Get(t.Context(), "b")
	require.ErrorIs(t, err, store.ErrNoBlob)
	require.NoError(t, b.Delete(t.Context(), "b"))

	d.missed = 3 // as in a folder from which a file goes while it is listed
	_, err = b.Get(t.Context(), "b")
	require.ErrorIs(t, err, store.ErrNoBlob)

	d.gone = true
	_, err = b.Get(t.Context(), "b")
	require.ErrorContains(t, err, `get "b": the bucket is not there`)
	require.NotErrorIs(t, err, store.ErrNoBlob)
	require.ErrorContains(t, b.Delete(t.Context(), "b"), `delete "b": the bucket is not there`)
	_, _, err = b.List(t.Context(), "", 0)
	require.ErrorContains(t, err, "list: ")
}

func TestBlobs_Get(t *testing.T) {
	read := func(t *testing.T, b store.Blobs, ctx context.Context) io.ReadSeekCloser {
		put(t, b, "a")
		r, err := b.Get(ctx, "a")
		require.NoError(t, err)
		t.Cleanup(func() { _ = r.Close() })
		return r.(io.ReadSeekCloser)
	}
	t.Run("seeks lazily", func(t *testing.T) {
		dir := t.TempDir()
		r := read(t, open(t, folder(dir), nil), t.Context())
		for _, to := range []int64{5, 100, 0} {
			at, err := r.Seek(to, io.SeekStart)
			require.NoError(t, err)
			require.Equal(t, to, at)
		}
		require.NoError(t, os.Remove(filepath.Join(dir, "a")), "nothing is asked of the bucket any more")
		all, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, "content of a", string(all))
	})
	t.Run("refuses places before the beginning", func(t *testing.T) {
		r := read(t, open(t, "mem://", nil), t.Context())
		_, err := r.Seek(3, io.SeekStart)
		require.NoError(t, err)
		for whence, offset := range []int64{-1, -4, -13} {
			_, err := r.Seek(offset, whence)
			require.ErrorContains(t, err, "negative position")
		}
		_, err = r.Seek(0, 3)
		require.ErrorContains(t, err, "unknown")
		rest, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, "tent of a", string(rest), "a Seek that is refused moves nothing")
	})
	t.Run("replaced by a content of the same size", func(t *testing.T) {
		b := open(t, "mem://", nil)
		r := read(t, b, t.Context())
		require.NoError(t, b.Put(t.Context(), "a", strings.NewReader("CONTENT OF A")))
		_, err := r.Seek(3, io.SeekStart)
		require.NoError(t, err)
		rest, err := io.ReadAll(r)
		require.ErrorIs(t, err, store.ErrNoBlob)
		require.Empty(t, rest)
	})
	t.Run("cut off in the bucket", func(t *testing.T) {
		dir := t.TempDir()
		r := read(t, open(t, folder(dir), nil), t.Context())
		require.NoError(t, os.Truncate(filepath.Join(dir, "a"), 4))
		all, err := io.ReadAll(r)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.ErrorContains(t, err, "4 of 12 bytes")
		require.Equal(t, "cont", string(all))
	})
	t.Run("after the end of the context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := read(t, open(t, "mem://", nil), ctx)
		cancel()
		_, err := r.Seek(3, io.SeekStart)
		require.NoError(t, err)
		_, err = io.ReadAll(r)
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("after Close", func(t *testing.T) {
		b := open(t, "mem://", nil)
		r := read(t, b, t.Context())
		require.NoError(t, b.Close())
		_, err := io.ReadFull(r, make([]byte, 3))
		require.NoError(t, err, "it can be read on")
		_, err = r.Seek(1, io.SeekStart)
		require.NoError(t, err)
		_, err = r.Read(make([]byte, 3))
		require.ErrorIs(t, err, store.ErrClosed)
		require.NoError(t, r.Close())
		_, err = r.Read(make([]byte, 3))
		require.ErrorIs(t, err, store.ErrClosed)
	})
}
