//go:build !js && !wasip1 && !plan9 && !windows

package sockstore

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit/internal/sharedmem"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// socket returns a short path: systems limit its length.
func socket(t testing.TB) string {
	dir, err := os.MkdirTemp("", "s")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return filepath.Join(dir, "s")
}

// serving serves a store and contents, and returns a client.
func serving(t testing.TB, s store.Store, b store.Blobs) (*Client, *Server) {
	path := socket(t)
	l, err := Listen(path)
	require.NoError(t, err)
	srv := Serve(l, s, b, func() ([]byte, error) { return []byte("figures"), nil })
	t.Cleanup(func() { _ = srv.Close() }) // a test can have closed it
	c, err := Dial(context.Background(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c, srv
}

func stores(t *testing.T) map[string]store.Store {
	bolt, err := boltstore.Open(filepath.Join(t.TempDir(), "x.db"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, bolt.Close()) })
	return map[string]store.Store{
		"bolt": bolt, "memory": memstore.New(),
		"shared": sharedmem.New(sharedmem.Options{Rerun: 0.5}).Open(),
	}
}

// Every read through the socket gives what the same read of the store gives.
func TestStore_ReadsTheSame(t *testing.T) {
	t.Parallel()
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			c, _ := serving(t, s, memblob.New())
			require.NoError(t, s.Update(ctx, func(w store.Writer) error {
				for i := range 300 {
					if err := w.Put(fmt.Appendf(nil, "k%03d", i), bytes.Repeat([]byte{byte(i)}, i%5)); err != nil {
						return err
					}
				}
				b, err := store.Bucket(w, "app")
				if err != nil {
					return err
				}
				return b.Put([]byte("own"), []byte("value"))
			}))
			bounds := [][]byte{nil, {}, []byte("k"), []byte("k100"), []byte("k1005"), []byte("k299"), []byte("z")}
			for range 200 {
				g := store.Range{From: bounds[rand.IntN(len(bounds))], To: bounds[rand.IntN(len(bounds))], Limit: rand.IntN(400), Reverse: rand.IntN(2) == 0}
				key := fmt.Appendf(nil, "k%03d", rand.IntN(310))
				read := func(s store.Store) (out []any) {
					require.NoError(t, s.View(ctx, func(r store.Reader) error {
						out = nil
						page, more, err := r.Scan(g)
						if err != nil {
							return err
						}
						for _, p := range page {
							out = append(out, string(p.Key), string(p.Value), p.Value == nil)
						}
						value, ok, err := r.Get(key)
						out = append(out, more, string(value), ok)
						if err != nil {
							return err
						}
						values, err := store.GetMany(r, [][]byte{key, []byte("none"), []byte("k000")})
						if err != nil {
							return err
						}
						for _, v := range values {
							out = append(out, string(v), v == nil)
						}
						b, err := store.BucketReader(r, "app")
						if err != nil {
							return err
						}
						value, ok, err = b.Get([]byte("own"))
						out = append(out, string(value), ok)
						if err != nil {
							return err
						}
						names, err := store.Buckets(r)
						out = append(out, names)
						return err
					}))
					return out
				}
				require.Equal(t, read(s), read(c.Store()), "%q to %q (nil %t)", g.From, g.To, g.To == nil)
			}
		})
	}
}

// A View is one snapshot, whatever is committed meanwhile. The next one sees it.
func TestStore_Snapshot(t *testing.T) {
	t.Parallel()
	for name, s := range stores(t) {
		if name == "shared" {
			continue // its Views run again
		}
		ctx := t.Context()
		c, _ := serving(t, s, memblob.New())
		put := func(v string) {
			require.NoError(t, s.Update(ctx, func(w store.Writer) error { return w.Put([]byte("k"), []byte(v)) }))
		}
		put("1")
		get := func(r store.Reader) string {
			v, _, err := r.Get([]byte("k"))
			require.NoError(t, err)
			return string(v)
		}
		require.NoError(t, c.Store().View(ctx, func(r store.Reader) error {
			require.Equal(t, "1", get(r))
			put("2")
			require.Equal(t, "1", get(r))
			return nil
		}))
		require.NoError(t, c.Store().View(ctx, func(r store.Reader) error {
			require.Equal(t, "2", get(r))
			return nil
		}))
	}
}

// Errors of the other side match what they match there. Nothing can be written.
func TestStore_Errors(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := memstore.New()
	c, srv := serving(t, s, memblob.New())
	remote, blobs := c.Store(), c.Blobs()
	own := errors.New("own")
	require.Equal(t, own, remote.View(ctx, func(store.Reader) error { return own }))
	require.ErrorIs(t, remote.Update(ctx, nil), store.ErrReadOnly)
	require.ErrorIs(t, blobs.Put(ctx, "x", nil), store.ErrReadOnly)
	require.ErrorIs(t, blobs.Delete(ctx, "x"), store.ErrReadOnly)
	_, err := blobs.Get(ctx, "x")
	require.ErrorIs(t, err, store.ErrNoBlob)
	_, err = blobs.Get(ctx, "X Y")
	require.ErrorIs(t, err, store.ErrBlobID)
	require.ErrorIs(t, remote.View(ctx, func(r store.Reader) error {
		_, err := store.GetMany(r, make([][]byte, mostReads+1))
		return err
	}), store.ErrTooLarge)
	require.ErrorIs(t, remote.View(ctx, func(r store.Reader) error { // what the function ignores
		_, _ = store.GetMany(r, make([][]byte, mostReads+1))
		return nil
	}), store.ErrTooLarge)
	_, err = remote.Check(ctx)
	require.ErrorIs(t, err, store.ErrNotSupported, "a store in memory has no pages")
	require.False(t, store.Exclusive(remote))
	require.True(t, store.Observed(remote))
	shared, _ := serving(t, sharedmem.New(sharedmem.Options{}).Open(), memblob.New())
	require.False(t, store.Observed(shared.Store()), "any process can change it")
	text, err := c.Stats(ctx)
	require.NoError(t, err)
	require.Equal(t, "figures", string(text))

	ended, cancel := context.WithCancel(ctx)
	require.ErrorIs(t, remote.View(ended, func(r store.Reader) error {
		cancel()
		for range 1000 {
			if _, _, err := r.Get([]byte("k")); err != nil {
				return nil
			}
		}
		return errors.New("the reading goes on")
	}), context.Canceled)
	require.ErrorIs(t, remote.View(ended, nil), context.Canceled)

	require.NoError(t, s.Close())
	require.ErrorIs(t, remote.View(ctx, func(store.Reader) error { return nil }), store.ErrClosed)
	require.NoError(t, srv.Close())
	require.Error(t, remote.View(ctx, func(store.Reader) error { return nil }))
	require.NoError(t, c.Close())
	require.ErrorIs(t, remote.View(ctx, nil), store.ErrClosed)
	_, err = blobs.Get(ctx, "x")
	require.ErrorIs(t, err, store.ErrClosed)
}

// A panic of the function is the caller's. The server ends the View.
func TestStore_Panic(t *testing.T) {
	t.Parallel()
	c, srv := serving(t, memstore.New(), memblob.New())
	require.PanicsWithValue(t, "own", func() {
		_ = c.Store().View(context.Background(), func(store.Reader) error { panic("own") })
	})
	require.NoError(t, srv.Close())
}

// Contents come whole, with any size, and one that is not read to its end is no trouble.
func TestBlobs(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	local := memblob.New()
	c, _ := serving(t, memstore.New(), local)
	contents := map[string][]byte{}
	for i, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 3*chunkSize + 7} {
		id := fmt.Sprint("c", i)
		contents[id] = bytes.Repeat([]byte{byte(i), 7, 9}, size/3+1)[:size]
		require.NoError(t, local.Put(ctx, id, bytes.NewReader(contents[id])))
	}
	for range 3 {
		for id, want := range contents {
			r, err := c.Blobs().Get(ctx, id)
			require.NoError(t, err)
			if len(want) > chunkSize {
				half, err := c.Blobs().Get(ctx, id)
				require.NoError(t, err)
				_, err = io.ReadFull(half, make([]byte, 10))
				require.NoError(t, err)
				require.NoError(t, half.Close())
				_, err = half.Read(make([]byte, 1))
				require.Error(t, err)
			}
			got, err := io.ReadAll(r)
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, got), id)
			require.NoError(t, r.Close())
			require.NoError(t, r.Close())
		}
	}
	ids, more, err := c.Blobs().List(ctx, "c1", 2)
	require.NoError(t, err)
	require.True(t, more)
	require.Equal(t, []string{"c2", "c3"}, ids)
}

// Close of the server ends a View that a client has open, so that the store can be closed.
func TestServer_CloseEndsViews(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	c, srv := serving(t, s, memblob.New())
	require.Error(t, c.Store().View(t.Context(), func(r store.Reader) error {
		require.NoError(t, srv.Close())
		require.NoError(t, s.Close(), "which waits for the Views")
		_, _, err := r.Get([]byte("k"))
		return err
	}))
}

// A client that asks nothing does not keep its snapshot for ever.
func TestServer_Patience(t *testing.T) {
	t.Parallel()
	path := socket(t)
	l, err := Listen(path)
	require.NoError(t, err)
	s := memstore.New()
	srv := serve(l, s, memblob.New(), nil, time.Millisecond)
	c, err := Dial(t.Context(), path)
	require.NoError(t, err)
	err = c.Store().View(t.Context(), func(r store.Reader) error {
		require.NoError(t, s.Close()) // which waits until the View has ended
		_, _, err := r.Get([]byte("k"))
		return err
	})
	require.Error(t, err)
	_, err = c.Stats(t.Context())
	require.ErrorIs(t, err, store.ErrNotSupported)
	require.NoError(t, c.Close())
	require.NoError(t, srv.Close())
}

// A socket is for its user alone, is removed with the listener, and replaces one that nobody
// serves, but nothing else.
func TestListen(t *testing.T) {
	t.Parallel()
	path := socket(t)
	_, err := Dial(t.Context(), path)
	require.ErrorIs(t, err, fs.ErrNotExist)
	l, err := Listen(path)
	require.NoError(t, err)
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.Equal(t, fs.ModeSocket|0o600, info.Mode())
	_, err = Listen(path)
	require.ErrorIs(t, err, fs.ErrExist)
	require.NoError(t, l.Close())
	require.NoFileExists(t, path)

	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	left.SetUnlinkOnClose(false)
	require.NoError(t, left.Close()) // as after a crash
	l, err = Listen(path)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, []byte("mine"), 0o600))
	require.NoError(t, l.Close())
	require.FileExists(t, path, "another's file")
	_, err = Listen(path)
	require.ErrorIs(t, err, fs.ErrExist)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left")

	long := filepath.Join(filepath.Dir(path), strings.Repeat("x", 200))
	_, err = Listen(long)
	require.ErrorContains(t, err, "at most")
}

// Whoever says something else than a client is not answered, and does no harm.
func TestServer_Strangers(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	c, srv := serving(t, s, memblob.New())
	greet := question{Op: hello, Number: version}
	for _, said := range [][]question{
		{{Op: view}}, {{Op: hello, Number: version + 1}}, {greet, {Op: read}}, {greet, {Op: end}}, {greet, {Op: 77}},
		{greet, {Op: view}, {Op: view}}, {greet, {Op: view}, {Op: content, ID: "x"}},
	} {
		conn, err := net.Dial("unix", c.path)
		require.NoError(t, err)
		out := gob.NewEncoder(conn)
		for _, q := range said {
			if out.Encode(q) != nil {
				break
			}
		}
		require.NoError(t, conn.(*net.UnixConn).CloseWrite())
		_, _ = io.Copy(io.Discard, conn) // until the server hangs up
		require.NoError(t, conn.Close())
	}
	require.NoError(t, c.Store().View(t.Context(), func(store.Reader) error { return nil }))
	require.NoError(t, srv.Close())
}

// Any bytes on a connection end it, and the server goes on.
func FuzzServer(f *testing.F) {
	var sound bytes.Buffer
	out := gob.NewEncoder(&sound)
	for _, q := range []question{{Op: hello, Number: version}, {Op: view}, {Op: read, Keys: [][]byte{{1}}, Ranges: []span{{Unbounded: true}}}, {Op: end}, {Op: list}} {
		require.NoError(f, out.Encode(q))
	}
	f.Add(sound.Bytes())
	f.Add(sound.Bytes()[:len(sound.Bytes())/2])
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	c, _ := serving(f, memstore.New(), memblob.New())
	f.Fuzz(func(t *testing.T, said []byte) {
		conn, err := net.Dial("unix", c.path)
		require.NoError(t, err)
		_, _ = conn.Write(said) // the server can have hung up
		_ = conn.(*net.UnixConn).CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
		require.NoError(t, conn.Close())
		require.NoError(t, c.Store().View(context.Background(), func(store.Reader) error { return nil }))
	})
}

func TestKnownErrors(t *testing.T) {
	t.Parallel()
	require.Len(t, known, 16)
	for _, err := range known {
		back := failed(fmt.Errorf("why: %w", err)).err()
		require.ErrorIs(t, back, err)
		require.Equal(t, "why: "+err.Error(), back.Error())
	}
	require.False(t, slices.ContainsFunc(known, func(err error) bool { return errors.Is(failed(errors.New("x")).err(), err) }))
	require.NoError(t, (*failure)(nil).err())
	require.Equal(t, "x", (&failure{"x", 99}).err().Error())
}
