package storetest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
)

var isolationTests = map[string]func(*testing.T, suite){
	"a View sees one snapshot": func(t *testing.T, s suite) {
		s.put(t, "a", "0", "b", "2", "b0", "deleted")
		runs := 0
		s.view(t, func(r store.Reader) {
			before, a, b := all(t, r, store.Range{}), get(t, r, "a"), get(t, r, "b")
			require.Equal(t, fmt.Sprint(runs), a)
			runs++ // fn can be run again
			elsewhere(func() {
				s.update(t, func(w store.Writer) {
					put(t, w, "a", fmt.Sprint(runs), "b", fmt.Sprint("b", runs), fmt.Sprint("c", runs), "3")
					require.NoError(t, w.Delete([]byte("b0")))
				})
			})
			require.Equal(t, a, get(t, r, "a"))
			require.Equal(t, before, all(t, r, store.Range{}))
			backwards := all(t, r, store.Range{Reverse: true})
			slices.Reverse(backwards)
			require.Equal(t, before, backwards)
			requireMany(t, r, [][]byte{fmt.Append(nil, "c", runs), []byte("b")}, [][]byte{nil, []byte(b)})
			elsewhere(func() { require.Equal(t, fmt.Sprint(runs), s.get(t, "a")) })
		})
		require.NotZero(t, runs)
		require.Equal(t, "none", s.get(t, "b0"))
	},
	"a View sees nothing uncommitted": func(t *testing.T, s suite) {
		s.put(t, "a", "1")
		s.update(t, func(w store.Writer) {
			put(t, w, "a", "2", "b", "2")
			elsewhere(func() { require.Equal(t, []string{"a=1"}, s.all(t, store.Range{})) })
		})
		require.Equal(t, []string{"a=2", "b=2"}, s.all(t, store.Range{}))
	},
	"Views within a View": func(t *testing.T, s suite) {
		s.put(t, "a", "1")
		s.view(t, func(store.Reader) {
			require.Equal(t, "1", s.get(t, "a"))
		})
	},
	"Views never see half a transaction": func(t *testing.T, s suite) {
		const keys, rounds = 5, 60
		round := func(n int) {
			s.update(t, func(w store.Writer) {
				for i := range keys {
					put(t, w, fmt.Sprintf("%d", i), strconv.Itoa(n))
				}
				put(t, w, fmt.Sprintf("made by %d", n), "")
				require.NoError(t, w.Delete(fmt.Appendf(nil, "made by %d", n-1)))
			})
		}
		round(0)
		ctx, stop := context.WithCancel(t.Context())
		run(3, func(i int) {
			if i == 0 {
				for n := range rounds {
					round(n + 1)
				}
				stop()
			}
			for last := 0; ctx.Err() == nil; {
				seen := s.all(t, store.Range{Limit: 2})
				if len(seen) != keys+1 {
					t.Errorf("half a transaction: %q", seen)
				}
				n, _ := strconv.Atoi(seen[0][2:])
				for k := range keys {
					if seen[k] != fmt.Sprintf("%d=%d", k, n) {
						t.Errorf("half a transaction: %q", seen)
					}
				}
				if n < last || seen[keys] != fmt.Sprintf("made by %d=", n) {
					t.Errorf("went back from %d: %q", last, seen)
				}
				last = n
			}
		})
	},
}

// elsewhere runs fn on another goroutine and waits for it.
func elsewhere(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	<-done
}

var contextTests = map[string]func(*testing.T, suite){
	"ended before": func(t *testing.T, s suite) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		ran := false
		require.ErrorIs(t, s.View(ctx, func(store.Reader) error { ran = true; return nil }), context.Canceled)
		require.ErrorIs(t, s.Update(ctx, func(store.Writer) error { ran = true; return nil }), context.Canceled)
		require.False(t, ran)
		s.put(t, "a", "1")
	},
	"ended while others write": func(t *testing.T, s suite) {
		inside, finish := make(chan struct{}), make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		run(2, func(i int) {
			if i == 0 {
				// fn can be run several times, also during the other Update.
				first := true
				s.update(t, func(w store.Writer) {
					if first {
						first = false
						close(inside)
						<-finish
					}
					put(t, w, "a", "1")
				})
				return
			}
			<-inside
			elsewhere(func() {
				go func() {
					cancel()
					close(finish)
				}()
				err := s.Update(ctx, func(w store.Writer) error { return w.Put([]byte("b"), []byte("2")) })
				written := s.get(t, "b") == "2"
				if written != (err == nil) {
					t.Errorf("%v, but written: %t", err, written)
				}
				if err != nil {
					require.ErrorIs(t, err, context.Canceled)
				}
			})
		})
		require.Equal(t, "1", s.get(t, "a"))
		s.put(t, "c", "3")
	},
	"ended at random": func(t *testing.T, s suite) {
		// An Update that returns the error of its context has written nothing.
		run(12, func(caller int) {
			for round := range 20 {
				ctx, cancel := context.WithCancel(context.Background())
				key := fmt.Sprintf("%02d-%02d", caller, round)
				go cancel()
				err := s.Update(ctx, func(w store.Writer) error { return w.Put([]byte(key), []byte("1")) })
				if written := s.get(t, key) == "1"; written != (err == nil) {
					t.Errorf("%s: %v, but written: %t", key, err, written)
				}
			}
		})
	},
}
