package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit/store"
)

// RunBlobs checks every sentence of the contract of store.Blobs. open opens new, empty
// Blobs for each test. RunBlobs closes them.
func RunBlobs(t *testing.T, open func(t *testing.T) store.Blobs) { runBlobs(t, open, true) }

// RunRemoteBlobs is RunBlobs for contents in a storage that keeps nothing of what was deleted or
// replaced: a Read after a Seek may return store.ErrNoBlob then.
func RunRemoteBlobs(t *testing.T, open func(t *testing.T) store.Blobs) { runBlobs(t, open, false) }

func runBlobs(t *testing.T, open func(t *testing.T) store.Blobs, keeps bool) {
	for name, test := range blobTests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			t.Cleanup(func() { _ = b.Close() })
			test(t, blobs{b, keeps})
		})
	}
}

// blobs are the Blobs under test.
type blobs struct {
	store.Blobs
	keeps bool // what is open, until it is closed
}

func (b blobs) put(t require.TestingT, id, content string) {
	require.NoError(t, b.Put(context.Background(), id, strings.NewReader(content)))
}

// get returns the content of id, or "none".
func (b blobs) get(t require.TestingT, id string) string {
	r, err := b.Get(context.Background(), id)
	if errors.Is(err, store.ErrNoBlob) {
		require.Nil(t, r)
		return "none"
	}
	require.NoError(t, err)
	return read(t, r)
}

func read(t require.TestingT, r io.ReadCloser) string {
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return string(content)
}

// list returns all IDs greater than after, page by page.
func (b blobs) list(t require.TestingT, after string, limit int) (ids []string) {
	for {
		page, more, err := b.List(context.Background(), after, limit)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), store.Range{Limit: limit}.PageSize())
		ids = append(ids, page...)
		if !more {
			return ids
		}
		require.NotEmpty(t, page, "more to come after nothing")
		after = page[len(page)-1]
	}
}

var blobTests = map[string]func(*testing.T, blobs){
	"put and get": func(t *testing.T, b blobs) {
		require.Equal(t, "none", b.get(t, "a"))
		large := strings.Repeat("0123456789abcdef", 1<<17)
		b.put(t, "a", "content")
		b.put(t, "empty", "")
		b.put(t, "large", large)
		require.Equal(t, "content", b.get(t, "a"))
		require.Equal(t, "", b.get(t, "empty"))
		require.True(t, large == b.get(t, "large"))
		b.put(t, "a", "replaced")
		require.Equal(t, "replaced", b.get(t, "a"))
	},
	"delete": func(t *testing.T, b blobs) {
		b.put(t, "a", "content")
		require.NoError(t, b.Delete(t.Context(), "a"))
		require.NoError(t, b.Delete(t.Context(), "a"), "what is not there")
		require.Equal(t, "none", b.get(t, "a"))
		require.Empty(t, b.list(t, "", 0))
		b.put(t, "a", "again")
		require.Equal(t, "again", b.get(t, "a"))
	},
	"delete while it is put": func(t *testing.T, b blobs) {
		b.put(t, "a", "before")
		deleted := false
		deleting := readFunc(func(p []byte) (int, error) {
			if deleted {
				return 0, io.EOF
			}
			deleted = true
			require.NoError(t, b.Delete(t.Context(), "a"))
			require.Equal(t, "none", b.get(t, "a"))
			return copy(p, "after"), nil
		})
		require.NoError(t, b.Put(t.Context(), "a", deleting))
		require.Equal(t, "after", b.get(t, "a"))
	},
	"tidy while it is put": func(t *testing.T, b blobs) {
		b.put(t, "a", "before")
		rounds := 0
		tidying := readFunc(func(p []byte) (int, error) {
			if rounds++; rounds > 2 {
				return 0, io.EOF
			}
			require.NoError(t, store.Tidy(t.Context(), b.Blobs))
			return copy(p, "after"), nil
		})
		require.NoError(t, b.Put(t.Context(), "b", tidying))
		require.NoError(t, store.Tidy(t.Context(), b.Blobs))
		require.Equal(t, []string{"a", "b"}, b.list(t, "", 0))
		require.Equal(t, "before", b.get(t, "a"))
		require.Equal(t, "afterafter", b.get(t, "b"))
	},
	"ids": func(t *testing.T, b blobs) {
		for _, id := range []string{"a", "0", "-", "con", "..-", strings.Repeat("z", store.MaxBlobID)} {
			if store.CheckBlobID(id) == nil {
				b.put(t, id, id)
				require.Equal(t, id, b.get(t, id))
			}
		}
		for _, id := range []string{"", ".", "..", "../a", "a/b", `a\b`, "A", "a b", "a\x00", "ü", strings.Repeat("z", store.MaxBlobID+1)} {
			require.ErrorIs(t, b.Put(t.Context(), id, strings.NewReader("x")), store.ErrBlobID, "%q", id)
			require.ErrorIs(t, b.Delete(t.Context(), id), store.ErrBlobID, "%q", id)
			_, err := b.Get(t.Context(), id)
			require.ErrorIs(t, err, store.ErrBlobID, "%q", id)
		}
		require.Len(t, b.list(t, "", 0), 5)
	},
	"a reader that fails leaves what was there": func(t *testing.T, b blobs) {
		b.put(t, "a", "before")
		for _, id := range []string{"a", "b"} {
			half := io.MultiReader(strings.NewReader(strings.Repeat("half", 1<<16)), iotest.ErrReader(errRefused))
			err := b.Put(t.Context(), id, half)
			require.True(t, err == errRefused, "the error is returned unchanged: %v", err) //nolint:errorlint
		}
		require.Equal(t, "before", b.get(t, "a"))
		require.Equal(t, "none", b.get(t, "b"))
		require.Equal(t, []string{"a"}, b.list(t, "", 0))
	},
	"a context that ends leaves what was there": func(t *testing.T, b blobs) {
		b.put(t, "a", "before")
		ctx, cancel := context.WithCancel(t.Context())
		cancelling := readFunc(func(p []byte) (int, error) {
			cancel()
			return copy(p, "half"), nil
		})
		require.ErrorIs(t, b.Put(ctx, "a", cancelling), context.Canceled)
		require.ErrorIs(t, b.Put(ctx, "b", strings.NewReader("x")), context.Canceled)
		require.ErrorIs(t, b.Delete(ctx, "a"), context.Canceled)
		_, err := b.Get(ctx, "a")
		require.ErrorIs(t, err, context.Canceled)
		_, _, err = b.List(ctx, "", 0)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, "before", b.get(t, "a"))
		require.Equal(t, []string{"a"}, b.list(t, "", 0))
	},
	"what is open can be read to its end": func(t *testing.T, b blobs) {
		large := strings.Repeat("0123456789abcdef", 1<<14)
		for _, change := range []func(){
			func() { require.NoError(t, b.Delete(t.Context(), "a")) },
			func() { b.put(t, "a", "replaced") },
		} {
			b.put(t, "a", large)
			r, err := b.Get(t.Context(), "a")
			require.NoError(t, err)
			begun := make([]byte, 10)
			_, err = io.ReadFull(r, begun)
			require.NoError(t, err)
			change()
			require.True(t, large[10:] == read(t, r))
		}
	},
	"what is open can seek": func(t *testing.T, b blobs) {
		large := strings.Repeat("0123456789abcdef", 1<<14) + "end"
		b.put(t, "a", large)
		r, err := b.Get(t.Context(), "a")
		require.NoError(t, err)
		defer r.Close()
		s, ok := r.(io.ReadSeeker)
		if !ok {
			t.Skip("the contents are no io.Seeker, which is optional")
		}
		require.NoError(t, iotest.TestReader(s, []byte(large)))
		for _, change := range []func(){
			func() { b.put(t, "a", "replaced") },
			func() { require.NoError(t, b.Delete(t.Context(), "a")) },
		} {
			change()
			for _, at := range []int{len(large) - 3, 5, 0, len(large), 1 << 17} {
				place, err := s.Seek(int64(at), io.SeekStart)
				require.NoError(t, err)
				require.Equal(t, int64(at), place)
				rest, err := io.ReadAll(s)
				if !b.keeps && errors.Is(err, store.ErrNoBlob) {
					require.Empty(t, rest, "from %d", at)
					continue
				}
				require.NoError(t, err)
				require.True(t, large[at:] == string(rest), "from %d", at)
			}
		}
	},
	"list": func(t *testing.T, b blobs) {
		var want []string
		for i := range 40 {
			want = append(want, fmt.Sprintf("%x-%d", i*7919, i))
		}
		for _, i := range shuffled(len(want)) {
			b.put(t, want[i], "x")
		}
		slices.Sort(want)
		for _, limit := range []int{-1, 0, 1, 7, 40, 41, 5000} {
			require.Equal(t, want, b.list(t, "", limit), "limit %d", limit)
			require.Equal(t, want[10:], b.list(t, want[9], limit))
			require.Equal(t, want[10:], b.list(t, want[9]+"-", limit), "after one that is not there")
		}
		page, more, err := b.List(t.Context(), want[37], 2)
		require.NoError(t, err)
		require.Equal(t, want[38:], page)
		require.False(t, more)
		require.Empty(t, b.list(t, "zzz", 0))
	},
	"all at once": func(t *testing.T, b blobs) {
		run(8, func(i int) {
			for round := range 10 {
				own := fmt.Sprintf("own-%d", i)
				b.put(t, own, strings.Repeat(own, round))
				b.put(t, "shared", strings.Repeat("s", 1000))
				if got := b.get(t, own); got != strings.Repeat(own, round) {
					t.Errorf("%s: %q", own, got)
				}
				if got := b.get(t, "shared"); got != "none" && len(got) != 1000 {
					t.Errorf("shared: half of it: %d bytes", len(got))
				}
				if round%3 == 0 {
					if err := b.Delete(context.Background(), "shared"); err != nil {
						t.Error(err)
					}
				}
				b.list(t, "", 3)
			}
		})
		for i := range 8 {
			require.Contains(t, b.list(t, "", 0), fmt.Sprintf("own-%d", i))
		}
	},
	"after Close": func(t *testing.T, b blobs) {
		b.put(t, "a", "content")
		require.NoError(t, b.Close())
		require.NoError(t, b.Close(), "a second Close")
		require.ErrorIs(t, b.Put(t.Context(), "a", strings.NewReader("x")), store.ErrClosed)
		require.ErrorIs(t, b.Delete(t.Context(), "a"), store.ErrClosed)
		_, err := b.Get(t.Context(), "a")
		require.ErrorIs(t, err, store.ErrClosed)
		_, _, err = b.List(t.Context(), "", 0)
		require.ErrorIs(t, err, store.ErrClosed)
		if _, can := b.Blobs.(store.Tidier); can {
			require.ErrorIs(t, store.Tidy(t.Context(), b.Blobs), store.ErrClosed)
		}
	},
	"a model": func(t *testing.T, b blobs) {
		rapid.Check(t, func(rt *rapid.T) {
			for _, id := range b.list(rt, "", 0) {
				require.NoError(rt, b.Delete(context.Background(), id))
			}
			m := model{}
			id := rapid.StringMatching(`[a-c0-]{1,2}`)
			for range rapid.IntRange(1, 10).Draw(rt, "steps") {
				id := id.Draw(rt, "id")
				if rapid.Bool().Draw(rt, "put") {
					m[id] = rapid.String().Draw(rt, "content")
					require.NoError(rt, b.Put(context.Background(), id, iotest.OneByteReader(bytes.NewBufferString(m[id]))))
				} else {
					delete(m, id)
					require.NoError(rt, b.Delete(context.Background(), id))
				}
			}
			want := m.keys(store.Range{})
			got := b.list(rt, "", rapid.IntRange(1, 4).Draw(rt, "limit"))
			require.Equal(rt, strings.Join(want, " "), strings.Join(got, " "))
			for _, id := range want {
				require.Equal(rt, m[id], b.get(rt, id))
			}
		})
	},
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
