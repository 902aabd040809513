package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
)

// longestKey is the length of the longest key that every store accepts.
const longestKey = 2048

// longKeys returns keys of the greatest length that differ only at their end, in order.
func longKeys(n int) (keys [][]byte) {
	for i := range n {
		keys = append(keys, append(bytes.Repeat([]byte("k"), longestKey-2), byte(i/200), byte(i%200)))
	}
	return keys
}

// requireLongKeys reads keys, whose values are the same, in every way.
func requireLongKeys(t *testing.T, r store.Reader, keys [][]byte) {
	requireKeys(t, r, store.Range{}, keys)
	requireKeys(t, r, store.Prefix(keys[0][:longestKey-2]), keys)
	requireKeys(t, r, store.Range{From: keys[3], To: keys[9]}, keys[3:9])
	requireMany(t, r, keys, keys)
	n := 0
	more, err := store.Visit(r, store.Range{From: keys[0]}, func(key, value []byte) bool {
		require.True(t, bytes.Equal(keys[n], key) && bytes.Equal(keys[n], value), "pair %d", n)
		n++
		return true
	})
	require.NoError(t, err)
	require.NotZero(t, n)
	require.Equal(t, n < len(keys), more)
	require.NoError(t, store.VisitKeys(r, keys, func(i int, value []byte) bool {
		require.True(t, bytes.Equal(keys[i], value), "value %d", i)
		return true
	}))
}

var sizeTests = map[string]func(*testing.T, suite){
	"keys of up to 2,048 bytes": func(t *testing.T, s suite) {
		long := string(bytes.Repeat([]byte{0xff}, longestKey))
		s.put(t, long, "1", long[:longestKey-1], "2")
		require.Equal(t, "1", s.get(t, long))
		require.Equal(t, []string{long[:longestKey-1] + "=2", long + "=1"}, s.all(t, store.Range{}))
	},
	"long keys in every operation": func(t *testing.T, s suite) {
		keys := longKeys(60)
		s.update(t, func(w store.Writer) {
			for _, i := range shuffled(len(keys)) {
				require.NoError(t, w.Put(keys[i], keys[i]))
			}
			requireKeys(t, w, store.Range{}, keys)
		})
		s.view(t, func(r store.Reader) { requireLongKeys(t, r, keys) })
		s.update(t, func(w store.Writer) {
			requireLongKeys(t, w, keys)
			for i := 0; i < len(keys); i += 2 {
				require.NoError(t, w.Delete(keys[i]))
			}
			require.NoError(t, w.Put(keys[1], keys[1]))
		})
		var left [][]byte
		for i := 1; i < len(keys); i += 2 {
			left = append(left, keys[i])
		}
		s.view(t, func(r store.Reader) { requireLongKeys(t, r, left) })
	},
	"long keys in buckets": func(t *testing.T, s suite) {
		s.supported(t)
		keys := longKeys(30)
		s.update(t, func(w store.Writer) {
			b := bucket(t, w, "one")
			for _, key := range keys {
				require.NoError(t, b.Put(key, key))
			}
			requireLongKeys(t, b, keys)
			require.NoError(t, b.Delete(keys[0]))
		})
		s.view(t, func(r store.Reader) {
			b, err := store.BucketReader(r, "one")
			require.NoError(t, err)
			requireLongKeys(t, b, keys[1:])
		})
	},
	"an empty key is refused": func(t *testing.T, s suite) {
		s.update(t, func(w store.Writer) {
			put(t, w, "a", "1")
			for _, key := range [][]byte{nil, {}} {
				require.ErrorIs(t, w.Put(key, []byte("v")), store.ErrTooLarge)
				require.ErrorIs(t, w.Delete(key), store.ErrTooLarge)
				_, _, err := w.Get(key)
				require.ErrorIs(t, err, store.ErrTooLarge)
			}
			put(t, w, "b", "2")
		})
		s.view(t, func(r store.Reader) {
			_, _, err := r.Get(nil)
			require.ErrorIs(t, err, store.ErrTooLarge)
		})
		require.Equal(t, []string{"a=1", "b=2"}, s.all(t, store.Range{}))
	},
	"what is too large is refused": func(t *testing.T, s suite) {
		// If a store accepts a large key or value, it must also keep it.
		large := func(t *testing.T, key, value []byte) {
			written := false
			err := s.Update(t.Context(), func(w store.Writer) error {
				put(t, w, "a", "1")
				err := w.Put(key, value)
				written = err == nil
				if err != nil {
					require.ErrorIs(t, err, store.ErrTooLarge)
				}
				return nil
			})
			if err != nil {
				require.ErrorIs(t, err, store.ErrTooLarge)
				return
			}
			require.Equal(t, "1", s.get(t, "a"))
			if written {
				require.True(t, s.get(t, string(key)) == string(value))
			}
		}
		large(t, make([]byte, 1<<16), []byte("v"))
		large(t, make([]byte, 1<<21), []byte("v"))
		large(t, []byte("k"), make([]byte, 80<<20))
	},
}

var panicTests = map[string]func(*testing.T, suite){
	"are raised on the caller's goroutine": func(t *testing.T, s suite) {
		s.put(t, "a", "1")
		for range 3 {
			require.PanicsWithValue(t, errRefused, func() {
				_ = s.Update(t.Context(), func(w store.Writer) error {
					put(t, w, "a", "2")
					panic(errRefused)
				})
			})
			require.PanicsWithValue(t, errRefused, func() {
				_ = s.View(t.Context(), func(store.Reader) error { panic(errRefused) })
			})
			require.Equal(t, []string{"a=1"}, s.all(t, store.Range{}))
		}
		s.put(t, "b", "2")
		require.Equal(t, []string{"a=1", "b=2"}, s.all(t, store.Range{}))
	},
	"among others": func(t *testing.T, s suite) {
		const callers, rounds = 12, 20
		run(callers, func(caller int) {
			for round := range rounds {
				key := fmt.Appendf(nil, "%02d-%02d", caller, round)
				bad := (caller+round)%4 == 0
				if got := recovered(func() {
					err := s.Update(context.Background(), func(w store.Writer) error {
						if err := w.Put(key, nil); err != nil || !bad {
							return err
						}
						panic(caller)
					})
					if err != nil {
						t.Error(err)
					}
				}); bad && got != caller || !bad && got != nil {
					t.Errorf("caller %d recovered %v", caller, got)
				}
			}
		})
		require.Len(t, s.all(t, store.Range{}), callers*rounds*3/4)
	},
	"a function that ends its goroutine": func(t *testing.T, s suite) {
		const callers, rounds = 8, 12
		run(callers, func(caller int) {
			for round := range rounds {
				key := fmt.Appendf(nil, "%02d-%02d", caller, round)
				returned := false
				elsewhere(func() {
					err := s.Update(context.Background(), func(w store.Writer) error {
						if (caller+round)%4 == 0 {
							_ = w.Put(key, nil)
							runtime.Goexit()
						}
						return w.Put(key, nil)
					})
					returned = true
					if err != nil {
						t.Error(err)
					}
				})
				if returned == ((caller+round)%4 == 0) {
					t.Errorf("caller %d: returned: %t", caller, returned)
				}
			}
		})
		require.Len(t, s.all(t, store.Range{}), callers*rounds*3/4)
	},
}

func recovered(fn func()) (p any) {
	defer func() { p = recover() }()
	fn()
	return nil
}

var closingTests = map[string]func(*testing.T, suite){
	"calls after Close": func(t *testing.T, s suite) {
		s.put(t, "a", "1")
		require.NoError(t, s.Close())
		ran := false
		require.ErrorIs(t, s.View(t.Context(), func(store.Reader) error { ran = true; return nil }), store.ErrClosed)
		require.ErrorIs(t, s.Update(t.Context(), func(store.Writer) error { ran = true; return nil }), store.ErrClosed)
		if err := store.Backup(t.Context(), s.Store, &bytes.Buffer{}); !errors.Is(err, store.ErrNotSupported) {
			require.ErrorIs(t, err, store.ErrClosed)
		}
		require.False(t, ran)
		require.NoError(t, s.Close(), "a second Close")
	},
	"Close waits": func(t *testing.T, s suite) {
		s.put(t, "a", "1")
		inside, closing := make(chan struct{}), make(chan struct{})
		done := false
		run(2, func(i int) {
			if i == 1 {
				<-inside
				close(closing)
				if err := s.Close(); err != nil || !done {
					t.Errorf("Close did not wait: %v", err)
				}
				return
			}
			begun := false
			err := s.View(context.Background(), func(r store.Reader) error {
				if !begun { // it can run several times
					begun = true
					close(inside)
				}
				<-closing
				for range 1000 {
					runtime.Gosched()
				}
				require.Equal(t, "1", get(t, r, "a"))
				done = true
				return nil
			})
			if err != nil && !errors.Is(err, store.ErrClosed) {
				t.Error(err)
			}
		})
	},
	"Close while all write": func(t *testing.T, s suite) {
		run(9, func(i int) {
			for round := range 50 {
				if i == 0 && round == 10 {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				}
				err := s.Update(context.Background(), func(w store.Writer) error {
					return w.Put(fmt.Appendf(nil, "%d-%d", i, round), nil)
				})
				if errors.Is(err, store.ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	},
}
