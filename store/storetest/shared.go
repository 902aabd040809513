package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit/store"
)

// sharedTests are about what stores have that several processes share. They skip what a store
// does not have, except Fetch: store.Fetch reads from any store.
var sharedTests = map[string]func(*testing.T, suite){
	"Fetch agrees with Get and Scan": func(t *testing.T, s suite) {
		s.put(t, "a", "1", "b", "", "c", "3", "d", "4", "e", "5")
		s.view(t, func(r store.Reader) { requireFetch(t, r) })
		s.update(t, func(w store.Writer) {
			requireFetch(t, w)
			put(t, w, "bb", "new", "d", "changed")
			require.NoError(t, w.Delete([]byte("a")))
			require.NoError(t, w.Delete([]byte("e")))
			requireFetch(t, w)
		})
		s.view(t, func(r store.Reader) { requireFetch(t, r) })
	},
	"Fetch agrees with a sorted map": func(t *testing.T, s suite) {
		rapid.Check(t, func(rt *rapid.T) {
			s.clear(rt)
			m := model{}
			steps := rapid.SliceOfN(rapid.Custom(drawStep), 0, 12)
			before, within := steps.Draw(rt, "before"), steps.Draw(rt, "within")
			keys := rapid.SliceOfN(genKey(), 0, 4).Draw(rt, "keys")
			ranges := rapid.SliceOfN(rapid.Custom(drawRange), 0, 3).Draw(rt, "ranges")
			s.update(rt, func(w store.Writer) {
				m = model{}
				for _, step := range before {
					m.do(rt, w, step)
				}
				m.compareFetch(rt, w, keys, ranges)
			})
			s.view(rt, func(r store.Reader) { m.compareFetch(rt, r, keys, ranges) })
			committed := m
			s.update(rt, func(w store.Writer) {
				m = model{}
				maps.Copy(m, committed)
				for _, step := range within {
					m.do(rt, w, step)
				}
				m.compareFetch(rt, w, keys, ranges)
			})
		})
	},
	"Fetch refuses what Get refuses": func(t *testing.T, s suite) {
		s.update(t, func(w store.Writer) {
			_, _, err := store.Fetch(w, [][]byte{[]byte("a"), nil}, []store.Range{{}})
			require.ErrorIs(t, err, store.ErrTooLarge)
		})
		var kept store.Reader
		s.view(t, func(r store.Reader) { kept = r })
		_, _, err := store.Fetch(kept, [][]byte{[]byte("a")}, []store.Range{{}})
		require.Error(t, err, "after the View")
	},
	"Views can run again": func(t *testing.T, s suite) {
		s.Store = Rerun(s.Store)
		s.put(t, "a", "1", "b", "2")
		for range 20 {
			runs := 0
			s.view(t, func(r store.Reader) {
				runs++
				require.Equal(t, []string{"a=1", "b=2"}, all(t, r, store.Range{Limit: 1}))
			})
			require.NotZero(t, runs)
		}
	},
	"a key deleted inside a scanned range": func(t *testing.T, s suite) {
		// One transaction writes down how many keys it has seen in a range; the other deletes one
		// of them. Each reads what the other writes, so one of them comes first.
		for round := range 30 {
			s.update(t, func(w store.Writer) {
				put(t, w, "in/1", "", "in/2", "", "in/3", "", "count", "none")
				require.NoError(t, w.Delete([]byte("seen")))
			})
			run(2, func(i int) {
				err := s.Update(context.Background(), func(w store.Writer) error {
					if i == 0 {
						n := len(all(t, w, store.Prefix([]byte("in/"))))
						return w.Put([]byte("count"), []byte(strconv.Itoa(n)))
					}
					if err := w.Put([]byte("seen"), []byte(get(t, w, "count"))); err != nil {
						return err
					}
					return w.Delete([]byte("in/2"))
				})
				if err != nil {
					t.Error(err)
				}
			})
			count, seen := s.get(t, "count"), s.get(t, "seen")
			require.True(t, count == "3" && seen == "3" || count == "2" && seen == "none",
				"round %d: %s keys were counted, and the count was %s when one was deleted", round, count, seen)
		}
	},
	"Claim changes nothing but conflicts": func(t *testing.T, s suite) {
		s.put(t, "n", "0", "m", "0")
		const callers, rounds = 8, 15
		run(callers, func(caller int) {
			for range rounds {
				err := s.Update(context.Background(), func(w store.Writer) error {
					store.Claim(w, []byte("n"), []byte("never written"), []byte("n"))
					if caller%2 == 0 {
						store.Claim(w, []byte("m"))
					}
					if err := increment(w); err != nil {
						return err
					}
					store.Claim(w, []byte("m"))
					_, _, err := w.Get([]byte("m"))
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		require.Equal(t, []string{"m=0", "n=" + strconv.Itoa(callers*rounds)}, s.all(t, store.Range{}))
	},
	"what is larger than Sizes is refused": func(t *testing.T, s suite) {
		sizes := store.SizesOf(s.Store)
		require.True(t, sizes.Key == 0 || sizes.Key >= longestKey)
		for name, large := range beyond(sizes) {
			err := s.Update(t.Context(), func(w store.Writer) error {
				if err := w.Put([]byte("a"), []byte("1")); err != nil {
					return err
				}
				return large(w)
			})
			require.ErrorIs(t, err, store.ErrTooLarge, name)
			require.Empty(t, s.all(t, store.Range{}), name)
		}
		if sizes.Key > 0 {
			key := strings.Repeat("k", sizes.Key)
			s.put(t, key, "1")
			require.Equal(t, "1", s.get(t, key), "the longest key")
		}
	},
	"numbers and bounds": func(t *testing.T, s suite) {
		first := s.number(t)
		require.Less(t, first, s.number(t), "who begins later has a higher number")
		require.Less(t, s.number(t), uint64(1)<<48)
		// Other users of the same server can hold the bound back for a while.
		for begun := time.Now(); s.bound(t) <= first; {
			require.Less(t, time.Since(begun), time.Minute, "all have ended")
		}
		s.update(t, func(w store.Writer) {
			number, err := store.Number(w)
			require.NoError(t, err)
			bound, err := store.Settled(w)
			require.NoError(t, err)
			require.LessOrEqual(t, bound, number, "the transaction itself has not ended")
			elsewhere(func() {
				require.LessOrEqual(t, s.bound(t), number, "a transaction that is open")
			})
		})
	},
	"nothing is passed over below the bound": func(t *testing.T, s suite) {
		s.number(t)
		const callers, rounds = 6, 25
		var running atomic.Int64
		running.Store(callers)
		seen := make(map[string]bool)
		key := func(number uint64) []byte { return fmt.Appendf(nil, "%016x", number) }
		run(callers+1, func(caller int) {
			if caller < callers {
				defer running.Add(-1)
				for round := range rounds {
					err := s.Update(context.Background(), func(w store.Writer) error {
						number, err := store.Number(w)
						if err != nil {
							return err
						}
						return w.Put(key(number), fmt.Appendf(nil, "%d-%d", caller, round))
					})
					if err != nil {
						t.Error(err)
					}
				}
				return
			}
			// The follower reads what lies between the bounds of two snapshots, and never looks back.
			// Other users of the same server can hold the bound back for a while.
			for last, end := uint64(0), (time.Time{}); ; {
				if running.Load() == 0 && end.IsZero() {
					end = time.Now()
				}
				err := s.View(context.Background(), func(r store.Reader) error {
					bound, err := store.Settled(r)
					if err != nil {
						return err
					}
					if bound < last {
						t.Errorf("the bound goes back from %d to %d", last, bound)
					}
					for _, pair := range all(t, r, store.Range{From: key(last), To: key(bound)}) {
						seen[pair] = true
					}
					last = bound
					return nil
				})
				if err != nil {
					t.Error(err)
				}
				if !end.IsZero() && (len(seen) == callers*rounds || time.Since(end) > time.Minute) {
					return
				}
			}
		})
		written := s.all(t, store.Range{})
		require.Len(t, written, callers*rounds)
		require.Len(t, seen, callers*rounds, "each one is seen once")
	},
	"who has read what was changed since comes later": func(t *testing.T, s suite) {
		if _, ordered := s.tryNumber(t); ordered {
			t.Skip("the store has numbers, which say what comes later")
		}
		for round := range 30 {
			s.put(t, "read", "old")
			changed, seen := make(chan struct{}), ""
			change := sync.OnceFunc(func() {
				go func() {
					defer close(changed)
					ctx := context.Background()
					err := s.Update(ctx, func(w store.Writer) error { return w.Put([]byte("read"), []byte("new")) })
					if err == nil {
						err = s.View(ctx, func(r store.Reader) error {
							seen = fmt.Sprint(all(t, r, store.Range{}))
							return nil
						})
					}
					if err != nil {
						t.Error(err)
					}
				}()
			})
			s.update(t, func(w store.Writer) {
				read := get(t, w, "read")
				change()
				for range 100 * round { // a store may have the other wait
					runtime.Gosched()
				}
				put(t, w, "written", read)
			})
			<-changed
			if s.get(t, "written") == "old" {
				require.Contains(t, seen, "written=old", "round %d: what was changed was seen before it", round)
			}
			s.clear(t)
		}
	},
	"what is announced is heard": func(t *testing.T, s suite) {
		ctx, stop := context.WithCancel(t.Context())
		heard := newTopics()
		done := make(chan error, 1)
		go func() { done <- store.Watch(ctx, s.Store, heard.add) }()
		topics := []string{"topic", "\x00\xff'\"\\ %s", strings.Repeat("ü", 1024)}
		for _, topic := range topics {
			for !heard.has(topic) { // it listens from some time after the call on
				require.Equal(t, errRefused, s.Update(t.Context(), func(w store.Writer) error {
					store.Announce(w, "never committed")
					return errRefused
				}))
				s.update(t, func(w store.Writer) {
					store.Announce(w, topic)
					put(t, w, "a", "1")
				})
				select {
				case err := <-done:
					stop()
					if errors.Is(err, store.ErrNotSupported) {
						t.Skip("the store does not watch")
					}
					require.NoError(t, err)
				default:
				}
			}
		}
		require.False(t, heard.has("never committed"))
		stop()
		require.ErrorIs(t, <-done, context.Canceled)
	},
	"Close ends a Watch": func(t *testing.T, s suite) {
		listening := make(chan struct{}, 1)
		done := make(chan error, 1)
		go func() {
			done <- store.Watch(context.Background(), s.Store, func([]string) {
				select {
				case listening <- struct{}{}:
				default:
				}
			})
		}()
		for {
			s.update(t, func(w store.Writer) { store.Announce(w, "topic"); put(t, w, "a", "1") })
			select {
			case err := <-done:
				require.ErrorIs(t, err, store.ErrNotSupported)
				t.Skip("the store does not watch")
			case <-listening:
				require.NoError(t, s.Close())
				require.ErrorIs(t, <-done, store.ErrClosed)
				require.ErrorIs(t, store.Watch(t.Context(), s.Store, func([]string) {}), store.ErrClosed)
				return
			default:
			}
		}
	},
}

// beyond returns functions that write or read more than a store can take.
func beyond(sizes store.Sizes) map[string]func(store.Writer) error {
	all := make(map[string]func(store.Writer) error)
	if sizes.Key > 0 {
		all["a key"] = func(w store.Writer) error { return w.Put(make([]byte, sizes.Key+1), nil) }
	}
	if sizes.Value > 0 {
		all["a value"] = func(w store.Writer) error { return w.Put([]byte("b"), make([]byte, sizes.Value+1)) }
	}
	if sizes.Writes > 0 {
		all["the number of writes"] = func(w store.Writer) error {
			for n := range sizes.Writes + 1 {
				_ = w.Put(fmt.Appendf(nil, "%08d", n), nil) // the commit is refused at the latest
			}
			return nil
		}
	}
	if sizes.Reads > 0 {
		all["the number of reads"] = func(w store.Writer) error {
			for n := range sizes.Reads + 1 {
				_, _, _ = w.Get(fmt.Appendf(nil, "%08d", n))
			}
			return nil
		}
	}
	if sizes.Bytes > 0 {
		all["the bytes of all writes"] = func(w store.Writer) error {
			part := sizes.Bytes/8 + 1
			if sizes.Value > 0 {
				part = min(part, sizes.Value)
			}
			value := make([]byte, part)
			for n := 0; n*part <= sizes.Bytes; n++ {
				_ = w.Put(fmt.Appendf(nil, "%08d", n), value)
			}
			return nil
		}
	}
	return all
}

// number returns the number of a transaction. It skips the test if the store has none.
func (s suite) number(t *testing.T) uint64 {
	t.Helper()
	number, ok := s.tryNumber(t)
	if !ok {
		t.Skip("the store does not number its transactions")
	}
	return number
}

// tryNumber is number, but reports whether the store has numbers.
func (s suite) tryNumber(t *testing.T) (number uint64, ok bool) {
	t.Helper()
	err := s.Update(t.Context(), func(w store.Writer) (err error) {
		if number, err = store.Number(w); err != nil {
			return err
		}
		return w.Put([]byte("0"), nil)
	})
	if errors.Is(err, store.ErrNotSupported) {
		return 0, false
	}
	require.NoError(t, err)
	s.update(t, func(w store.Writer) { require.NoError(t, w.Delete([]byte("0"))) })
	return number, true
}

// bound returns the bound of the settled numbers, as a new snapshot sees it.
func (s suite) bound(t *testing.T) (bound uint64) {
	t.Helper()
	s.view(t, func(r store.Reader) {
		var err error
		bound, err = store.Settled(r)
		require.NoError(t, err)
	})
	return bound
}
