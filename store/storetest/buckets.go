package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
)

// bucket opens the bucket with the name. It skips the test if the store has no buckets.
func bucket(t *testing.T, w store.Writer, name string) store.Writer {
	b, err := store.Bucket(w, name)
	if errors.Is(err, store.ErrNotSupported) {
		t.Skip("the store has no buckets")
	}
	require.NoError(t, err)
	return b
}

// supported skips the test if the store has no buckets.
func (s suite) supported(t *testing.T) {
	none := false
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		_, err := store.Bucket(w, "probe")
		none = errors.Is(err, store.ErrNotSupported)
		return nil
	}))
	if none {
		t.Skip("the store has no buckets")
	}
}

// allIn returns all pairs in the bucket with the name.
func (s suite) allIn(t *testing.T, name string) (pairs []string) {
	s.view(t, func(r store.Reader) {
		b, err := store.BucketReader(r, name)
		require.NoError(t, err)
		pairs = all(t, b, store.Range{})
	})
	return pairs
}

// requireBuckets checks which buckets contain a pair.
func requireBuckets(t *testing.T, r store.Reader, names ...string) {
	listed, err := store.Buckets(r)
	require.NoError(t, err)
	require.Equal(t, names, listed)
}

var bucketTests = map[string]func(*testing.T, suite){
	"are spaces of their own": func(t *testing.T, s suite) {
		s.supported(t)
		s.put(t, "a", "engine")
		require.Empty(t, s.allIn(t, "never written to"))
		s.update(t, func(w store.Writer) {
			one, two := bucket(t, w, "one"), bucket(t, w, "two")
			put(t, one, "a", "1", "b", "1")
			put(t, two, "a", "2")
			put(t, w, "c", "engine")
			again := bucket(t, w, "one")
			require.Equal(t, "1", get(t, again, "a"))
			read, err := store.BucketReader(w, "one")
			require.NoError(t, err)
			require.Equal(t, []string{"a=1", "b=1"}, all(t, read, store.Range{}))
			requireMany(t, one, [][]byte{[]byte("b"), []byte("c")}, [][]byte{[]byte("1"), nil})
		})
		require.Equal(t, []string{"a=1", "b=1"}, s.allIn(t, "one"))
		require.Equal(t, []string{"a=2"}, s.allIn(t, "two"))
		require.Equal(t, []string{"a=engine", "c=engine"}, s.all(t, store.Range{}))
		s.update(t, func(w store.Writer) {
			one := bucket(t, w, "one")
			require.NoError(t, one.Delete([]byte("a")))
			put(t, one, "c", "3")
			require.Equal(t, []string{"c=3", "b=1"}, all(t, one, store.Range{Reverse: true, Limit: 1}))
		})
		require.Equal(t, []string{"b=1", "c=3"}, s.allIn(t, "one"))
	},
	"are written with the transaction or not at all": func(t *testing.T, s suite) {
		s.supported(t)
		err := s.Update(t.Context(), func(w store.Writer) error {
			put(t, bucket(t, w, "one"), "a", "1")
			put(t, w, "a", "engine")
			return errRefused
		})
		require.Equal(t, errRefused, err)
		require.Empty(t, s.allIn(t, "one"))
		require.Empty(t, s.all(t, store.Range{}))
	},
	"are dead after the transaction": func(t *testing.T, s suite) {
		s.supported(t)
		var kept, writer store.Writer
		s.update(t, func(w store.Writer) {
			kept, writer = bucket(t, w, "one"), w
			put(t, kept, "a", "1")
		})
		requireDead(t, kept)
		require.Error(t, kept.Put([]byte("b"), nil))
		require.Error(t, kept.Delete([]byte("a")))
		for _, name := range []string{"one", "two"} {
			if b, err := store.Bucket(writer, name); err == nil {
				require.Error(t, b.Put([]byte("b"), nil))
			}
		}
		require.Equal(t, []string{"a=1"}, s.allIn(t, "one"))
		var read, reader store.Reader
		s.view(t, func(r store.Reader) {
			var err error
			reader = r
			read, err = store.BucketReader(r, "one")
			require.NoError(t, err)
		})
		requireDead(t, read)
		if b, err := store.BucketReader(reader, "two"); err == nil {
			requireDead(t, b)
		}
	},
	"can't be named like the engine's": func(t *testing.T, s suite) {
		s.supported(t)
		s.update(t, func(w store.Writer) {
			for _, name := range []string{"", "groupkit"} {
				_, err := store.Bucket(w, name)
				require.Error(t, err)
				_, err = store.BucketReader(w, name)
				require.Error(t, err)
			}
		})
		s.view(t, func(r store.Reader) {
			for _, name := range []string{"", "groupkit"} {
				_, err := store.BucketReader(r, name)
				require.Error(t, err)
			}
		})
	},
	"concurrent increments lose nothing": func(t *testing.T, s suite) {
		s.supported(t)
		s.update(t, func(w store.Writer) { put(t, bucket(t, w, "one"), "n", "0") })
		run(8, func(caller int) {
			for round := range 20 {
				err := s.Update(context.Background(), func(w store.Writer) error {
					b, err := store.Bucket(w, "one")
					if err != nil {
						return err
					}
					if err := increment(b); err != nil || (caller+round)%4 != 0 {
						return err
					}
					return errRefused
				})
				if err != nil && !errors.Is(err, errRefused) {
					t.Error(err)
				}
			}
		})
		require.Equal(t, []string{"n=120"}, s.allIn(t, "one"))
	},
	"are listed": func(t *testing.T, s suite) {
		s.supported(t)
		s.update(t, func(w store.Writer) { // one is there before, one is emptied, one is written and one is only opened
			put(t, bucket(t, w, "emptied"), "a", "1")
			put(t, bucket(t, w, "old"), "a", "1")
			put(t, w, "a", "engine")
		})
		s.update(t, func(w store.Writer) {
			requireBuckets(t, w, "emptied", "old")
			require.NoError(t, bucket(t, w, "emptied").Delete([]byte("a")))
			put(t, bucket(t, w, "a new one"), "b", "2")
			require.NoError(t, bucket(t, w, "emptied at once").Delete([]byte("a")))
			bucket(t, w, "opened")
			requireBuckets(t, w, "a new one", "old")
		})
		s.view(t, func(r store.Reader) {
			before, err := store.Buckets(r)
			require.NoError(t, err)
			require.Equal(t, []string{"a new one", "old"}, before[:2])
			elsewhere(func() {
				s.update(t, func(w store.Writer) {
					put(t, bucket(t, w, "x"), "a", "1")
					put(t, bucket(t, w, fmt.Sprintf("x%d", len(before))), "a", "1")
				})
			})
			requireBuckets(t, r, before...)
		})
		var kept store.Reader
		s.view(t, func(r store.Reader) {
			kept = r
			names, err := store.Buckets(r)
			require.NoError(t, err)
			require.Contains(t, names, "x")
		})
		_, err := store.Buckets(kept)
		require.Error(t, err)
	},
	"many are listed": func(t *testing.T, s suite) {
		s.supported(t)
		var names []string
		for i := range 60 {
			names = append(names, fmt.Sprintf("%s-%02d", strings.Repeat("long", 50), i))
		}
		s.update(t, func(w store.Writer) {
			for _, name := range names {
				put(t, bucket(t, w, name), "a", "1")
			}
			requireBuckets(t, w, names...)
		})
		s.view(t, func(r store.Reader) { requireBuckets(t, r, names...) })
	},
	"sizes": func(t *testing.T, s suite) {
		s.supported(t)
		s.update(t, func(w store.Writer) {
			b := bucket(t, w, "one")
			require.ErrorIs(t, b.Put(nil, nil), store.ErrTooLarge)
			require.ErrorIs(t, b.Delete(nil), store.ErrTooLarge)
		})
	},
	"snapshots": func(t *testing.T, s suite) {
		s.supported(t)
		s.update(t, func(w store.Writer) { put(t, bucket(t, w, "one"), "a", "0") })
		runs := 0
		s.view(t, func(r store.Reader) {
			runs++ // fn can be run again
			require.Equal(t, "none", get(t, r, "a"))
			elsewhere(func() {
				s.update(t, func(w store.Writer) { put(t, bucket(t, w, "one"), "a", fmt.Sprint(runs)) })
			})
			b, err := store.BucketReader(r, "one")
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(runs-1), get(t, b, "a"))
		})
	},
}

var backupTests = map[string]func(*testing.T, suite){
	"stops when its context has ended": func(t *testing.T, s suite) {
		s.put(t, "a", "1")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := store.Backup(ctx, s.Store, &bytes.Buffer{})
		if errors.Is(err, store.ErrNotSupported) {
			t.Skip("the store can't copy itself")
		}
		require.ErrorIs(t, err, context.Canceled)
	},
	"gives the error of its writer": func(t *testing.T, s suite) {
		s.put(t, "a", "1")
		err := store.Backup(t.Context(), s.Store, failing{})
		if errors.Is(err, store.ErrNotSupported) {
			t.Skip("the store can't copy itself")
		}
		require.ErrorIs(t, err, errRefused)
		s.put(t, "b", "2")
	},
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errRefused }
