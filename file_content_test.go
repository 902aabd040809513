package groupkit_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/fileblob"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A countingBlobs counts the bytes that are read of its contents. With plain, the contents cannot
// seek.
type countingBlobs struct {
	store.Blobs
	plain bool
	read  atomic.Int64
}

func (b *countingBlobs) Get(ctx context.Context, id string) (io.ReadCloser, error) {
	r, err := b.Blobs.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	counting := countingContent{r, b}
	if s, ok := r.(io.Seeker); ok && !b.plain {
		return struct {
			countingContent
			io.Seeker
		}{counting, s}, nil
	}
	return counting, nil
}

type countingContent struct {
	io.ReadCloser
	of *countingBlobs
}

func (c countingContent) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.of.read.Add(int64(n))
	return n, err
}

// allBlobs are Blobs whose contents can seek, and such whose cannot.
func allBlobs(t *testing.T) map[string]*countingBlobs {
	return map[string]*countingBlobs{
		"memory": {Blobs: memblob.New()},
		"files":  {Blobs: fileblob.New(t.TempDir())},
		"plain":  {Blobs: memblob.New(), plain: true},
	}
}

// shareFile opens an engine over the blobs, in which alice has a group with one file.
func shareFile(t *testing.T, blobs store.Blobs, content string) (*groupkit.Engine, groupkit.File) {
	eng, err := groupkit.New(memstore.New(), blobs, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	_, err = eng.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "guild", Name: "Guild", Owner: "alice"})
	require.NoError(t, err)
	f, err := eng.As("alice").UploadFile(t.Context(), "guild", "map.txt", strings.NewReader(content))
	require.NoError(t, err)
	return eng, f
}

func openContent(t *testing.T, eng *groupkit.Engine, file groupkit.FileID) io.ReadSeekCloser {
	_, r, err := eng.As("alice").OpenFile(t.Context(), "guild", file)
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// TestActor_OpenFile_Seek reads contents in every way in which a reader can be used.
func TestActor_OpenFile_Seek(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 10, 5000} {
		for name, blobs := range allBlobs(t) {
			t.Run(fmt.Sprint(name, size), func(t *testing.T) {
				content := strings.Repeat("0123456789", 500)[:size]
				eng, f := shareFile(t, blobs, content)
				require.NoError(t, iotest.TestReader(openContent(t, eng, f.ID), []byte(content)))
				r := openContent(t, eng, f.ID)
				for _, wrong := range []struct {
					offset int64
					whence int
				}{{-1, io.SeekStart}, {-1, io.SeekCurrent}, {int64(-size) - 1, io.SeekEnd}, {0, 3}, {1<<63 - 1, -1}} {
					_, err := r.Seek(wrong.offset, wrong.whence)
					require.ErrorIs(t, err, groupkit.ErrInvalid, "%v", wrong)
					grouptest.RequireError(t, err, groupkit.OpOpenFile, "guild")
				}
				place, err := r.Seek(7, io.SeekEnd)
				require.NoError(t, err)
				require.Equal(t, int64(size)+7, place)
				_, err = r.Read(make([]byte, 1))
				require.Equal(t, io.EOF, err, "behind the end")
				_, err = r.Seek(1<<62, io.SeekCurrent)
				require.NoError(t, err)
				_, err = r.Seek(1<<62, io.SeekCurrent)
				require.ErrorIs(t, err, groupkit.ErrInvalid, "an offset that no int64 holds")
			})
		}
	}
}

// TestActor_OpenFile_ReadsOnlyTheRange counts what is read of a large content.
func TestActor_OpenFile_ReadsOnlyTheRange(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	for name, blobs := range allBlobs(t) {
		eng, f := shareFile(t, blobs, strings.Repeat("0123456789abcdef", size/16))
		r := openContent(t, eng, f.ID)
		before := blobs.read.Load()
		for _, at := range []int64{size - 16, size / 2, 0} {
			_, err := r.Seek(at, io.SeekStart)
			require.NoError(t, err)
			part := make([]byte, 16)
			_, err = io.ReadFull(r, part)
			require.NoError(t, err)
			require.Equal(t, "0123456789abcdef", string(part), name)
		}
		if read := blobs.read.Load() - before; !blobs.plain {
			require.LessOrEqual(t, read, int64(3*16+1), name)
		}
	}
}

// TestActor_OpenFile_Verifies damages contents: what is read whole is verified, in one piece or
// not, and after Seek; a part is not.
func TestActor_OpenFile_Verifies(t *testing.T) {
	t.Parallel()
	const content = "a map of the north, in 31 bytes"
	for name, blobs := range allBlobs(t) {
		eng, f := shareFile(t, blobs, content)
		for _, damaged := range []string{"a map of the south, in 31 bytes", content + ".", content[:30], ""} {
			require.NoError(t, blobs.Put(t.Context(), grouptest.ContentID(f), strings.NewReader(damaged)))
			for how, read := range map[string]func(io.ReadSeekCloser) ([]byte, error){
				"whole":        func(r io.ReadSeekCloser) ([]byte, error) { return io.ReadAll(r) },
				"byte by byte": func(r io.ReadSeekCloser) ([]byte, error) { return io.ReadAll(iotest.OneByteReader(r)) },
				"its size":     func(r io.ReadSeekCloser) ([]byte, error) { return io.ReadAll(io.LimitReader(r, f.Size)) },
				"after its size": func(r io.ReadSeekCloser) ([]byte, error) {
					_, _ = r.Seek(0, io.SeekEnd)
					_, _ = r.Seek(0, io.SeekStart)
					return io.ReadAll(r)
				},
				"after a part": func(r io.ReadSeekCloser) ([]byte, error) {
					_, _ = r.Seek(5, io.SeekStart)
					_, _ = r.Read(make([]byte, 3))
					_, _ = r.Seek(0, io.SeekStart)
					return io.ReadAll(r)
				},
				"after the error": func(r io.ReadSeekCloser) ([]byte, error) { _, _ = io.ReadAll(r); return io.ReadAll(r) },
			} {
				r := openContent(t, eng, f.ID)
				got, err := read(r)
				require.ErrorIs(t, err, groupkit.ErrCorrupt, "%s: %s: %q", name, how, damaged)
				require.Less(t, len(got), len(content), "%s: %s: %q", name, how, damaged)
				grouptest.RequireError(t, err, groupkit.OpOpenFile, "guild")
			}
		}
		require.NoError(t, blobs.Put(t.Context(), grouptest.ContentID(f), strings.NewReader("a map of the south, in 31 bytes")))
		r := openContent(t, eng, f.ID)
		_, err := r.Seek(9, io.SeekStart)
		require.NoError(t, err)
		part, err := io.ReadAll(r)
		require.NoError(t, err, "a part cannot be verified")
		require.Equal(t, "the south, in 31 bytes", string(part))
		require.NoError(t, blobs.Put(t.Context(), grouptest.ContentID(f), strings.NewReader(content[:20])))
		r = openContent(t, eng, f.ID)
		_, err = r.Seek(25, io.SeekStart)
		require.NoError(t, err)
		_, err = io.ReadAll(r)
		require.ErrorIs(t, err, groupkit.ErrCorrupt, "bytes are missing")
	}
}

// TestActor_OpenFile_FailedReopen goes back in a content that cannot seek and was deleted.
func TestActor_OpenFile_FailedReopen(t *testing.T) {
	t.Parallel()
	blobs := &countingBlobs{Blobs: memblob.New(), plain: true}
	eng, f := shareFile(t, blobs, "a map of the north")
	r := openContent(t, eng, f.ID)
	require.NoError(t, grouptest.ErrorOf(io.ReadFull(r, make([]byte, 5))))
	require.NoError(t, eng.As("alice").DeleteFile(t.Context(), "guild", f.ID))
	rest, err := io.ReadAll(r)
	require.NoError(t, err, "an open content can be read to its end")
	require.Equal(t, " of the north", string(rest))
	require.NoError(t, grouptest.ErrorOf(r.Seek(0, io.SeekStart)))
	require.ErrorIs(t, grouptest.ErrorOf(io.ReadAll(r)), groupkit.ErrStorage)
}

// TestActor_OpenFile_ServeContent serves a file over HTTP: whole, ranges, only the header, and
// under conditions.
func TestActor_OpenFile_ServeContent(t *testing.T) {
	t.Parallel()
	const content = "0123456789abcdefghij"
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(content)))
	for name, blobs := range allBlobs(t) {
		eng, f := shareFile(t, blobs, content)
		serve := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			file, r, err := eng.As("alice").OpenFile(q.Context(), "guild", f.ID)
			if err != nil {
				http.Error(w, err.Error(), http.StatusNotFound)
				return
			}
			defer r.Close()
			w.Header().Set("ETag", fmt.Sprintf(`"%x"`, file.SHA256))
			http.ServeContent(w, q, file.Name, file.Created, r)
		})
		for _, c := range []struct {
			method  string
			headers map[string]string
			status  int
			body    string
		}{
			{"GET", nil, 200, content},
			{"HEAD", nil, 200, ""},
			{"GET", map[string]string{"Range": "bytes=3-5"}, 206, "345"},
			{"GET", map[string]string{"Range": "bytes=18-"}, 206, "ij"},
			{"GET", map[string]string{"Range": "bytes=-4"}, 206, "ghij"},
			{"GET", map[string]string{"Range": "bytes=0-"}, 206, content},
			{"HEAD", map[string]string{"Range": "bytes=3-5"}, 206, ""},
			{"GET", map[string]string{"Range": "bytes=20-"}, 416, "invalid range: failed to overlap\n"},
			{"GET", map[string]string{"Range": "bytes=3-5", "If-Range": tag}, 206, "345"},
			{"GET", map[string]string{"Range": "bytes=3-5", "If-Range": `"another"`}, 200, content},
			{"GET", map[string]string{"Range": "bytes=3-5", "If-Range": f.Created.Format(http.TimeFormat)}, 206, "345"},
			{"GET", map[string]string{"If-None-Match": tag}, 304, ""},
		} {
			q := httptest.NewRequestWithContext(t.Context(), c.method, "/map.txt", nil)
			for k, v := range c.headers {
				q.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			serve.ServeHTTP(w, q)
			require.Equal(t, c.status, w.Code, "%s: %v", name, c)
			require.Equal(t, c.body, w.Body.String(), "%s: %v", name, c)
		}
		q := httptest.NewRequestWithContext(t.Context(), "GET", "/map.txt", nil)
		q.Header.Set("Range", "bytes=1-2,18-19")
		w := httptest.NewRecorder()
		serve.ServeHTTP(w, q)
		require.Equal(t, 206, w.Code)
		require.Regexp(t, `(?s)bytes 1-2/20.*12.*bytes 18-19/20.*ij`, w.Body.String(), name)

		server := httptest.NewServer(serve)
		require.NoError(t, blobs.Put(t.Context(), grouptest.ContentID(f), strings.NewReader("0123456789abcdefghi!")))
		answer, err := http.Get(server.URL) //nolint:noctx // a test server
		require.NoError(t, err)
		_, err = io.ReadAll(answer.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%s: a damaged content never arrives whole", name)
		require.NoError(t, errors.Join(answer.Body.Close()))
		server.Close()
	}
}
