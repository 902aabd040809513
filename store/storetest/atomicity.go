package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
)

var atomicityTests = map[string]func(*testing.T, suite){
	"an error leaves no trace": func(t *testing.T, s suite) {
		s.put(t, "a", "1", "b", "2")
		err := s.Update(t.Context(), func(w store.Writer) error {
			put(t, w, "a", "one", "c", "3")
			require.NoError(t, w.Delete([]byte("b")))
			return errRefused
		})
		require.True(t, err == errRefused, "the error is returned unchanged: %v", err) //nolint:errorlint
		require.Equal(t, []string{"a=1", "b=2"}, s.all(t, store.Range{}))
		s.put(t, "d", "4")
		require.Equal(t, []string{"a=1", "b=2", "d=4"}, s.all(t, store.Range{}))
	},
	"the error of a View is returned unchanged": func(t *testing.T, s suite) {
		err := s.View(t.Context(), func(store.Reader) error { return errRefused })
		require.True(t, err == errRefused, "%v", err) //nolint:errorlint
	},
	"errors among others leave no trace": func(t *testing.T, s suite) {
		const callers, rounds = 16, 20
		run(callers, func(caller int) {
			for round := range rounds {
				want := error(nil)
				if (caller+round)%3 == 0 {
					want = fmt.Errorf("%w: %d", errRefused, caller)
				}
				err := s.Update(context.Background(), func(w store.Writer) error {
					put(t, w, fmt.Sprintf("%02d-%02d", caller, round), strconv.FormatBool(want == nil))
					put(t, w, "last", strconv.FormatBool(want == nil))
					return want
				})
				if err != want { //nolint:errorlint
					t.Errorf("caller %d, round %d: %v instead of %v", caller, round, err, want)
				}
			}
		})
		left := 0
		for caller := range callers {
			for round := range rounds {
				want := "none"
				if (caller+round)%3 != 0 {
					want = "true"
					left++
				}
				require.Equal(t, want, s.get(t, fmt.Sprintf("%02d-%02d", caller, round)))
			}
		}
		require.Equal(t, "true", s.get(t, "last"))
		require.Len(t, s.all(t, store.Range{}), left+1)
	},
	"concurrent increments lose nothing": func(t *testing.T, s suite) {
		s.put(t, "n", "0")
		const callers, rounds = 16, 25
		for _, inner := range []store.Store{s.Store, Rerun(s.Store)} {
			s.put(t, "n", "0")
			run(callers, func(int) {
				for range rounds {
					if err := inner.Update(context.Background(), increment); err != nil {
						t.Error(err)
					}
				}
			})
			require.Equal(t, strconv.Itoa(callers*rounds), s.get(t, "n"))
		}
	},
	"write skew is refused": func(t *testing.T, s suite) {
		// Each transaction deletes its key only if it has seen both. If both commit, they
		// are not serializable.
		for round := range 30 {
			s.put(t, "a", "here", "b", "here")
			left := func(key string) func(int) {
				return func(int) {
					err := s.Update(context.Background(), func(w store.Writer) error {
						if get(t, w, "a") == "here" && get(t, w, "b") == "here" {
							put(t, w, key, "gone")
						}
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			}
			both := []func(int){left("a"), left("b")}
			run(2, func(i int) { both[i](i) })
			require.NotEqual(t, s.get(t, "a"), s.get(t, "b"), "round %d: exactly one has gone", round)
		}
	},
	"write skew through a scan is refused": func(t *testing.T, s suite) {
		for range 30 {
			s.update(t, func(w store.Writer) {
				require.NoError(t, w.Delete([]byte("in/0")))
				require.NoError(t, w.Delete([]byte("in/1")))
			})
			run(2, func(i int) {
				err := s.Update(context.Background(), func(w store.Writer) error {
					if len(all(t, w, store.Prefix([]byte("in/")))) == 0 {
						put(t, w, fmt.Sprintf("in/%d", i), "1")
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
			require.Len(t, s.all(t, store.Prefix([]byte("in/"))), 1)
		}
	},
	"who returns is seen by who begins": func(t *testing.T, s suite) {
		run(8, func(caller int) {
			key := fmt.Sprintf("key-%d", caller)
			for round := range 20 {
				want := strconv.Itoa(round)
				err := s.Update(context.Background(), func(w store.Writer) error { return w.Put([]byte(key), []byte(want)) })
				if got := s.get(t, key); err != nil || got != want {
					t.Errorf("%s: %s instead of %s: %v", key, got, want, err)
				}
			}
		})
	},
}

var errNumber = errors.New("not a number")

// increment adds one to the number at "n".
func increment(w store.Writer) error {
	value, _, err := w.Get([]byte("n"))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(value))
	if err != nil {
		return errors.Join(errNumber, err)
	}
	return w.Put([]byte("n"), []byte(strconv.Itoa(n+1)))
}

// run calls fn n times at once and waits for all calls.
func run(n int, fn func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { fn(i) })
	}
	all.Wait()
}
