package boltstore_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/boltstore"
)

// A stall holds a commit up where it writes its first page.
type stall struct {
	reached, released chan struct{}
	outcome           error // what that write fails with, or that of the meta page, which is made
	write             sync.Once
	restore           func()
}

func stallCommit(db *bolt.DB, meta bool) *stall {
	s := &stall{reached: make(chan struct{}), released: make(chan struct{})}
	s.restore = intercept(db, func(next write) write {
		return func(b []byte, off int64) (n int, err error) {
			first := false
			s.write.Do(func() {
				close(s.reached)
				<-s.released
				first = true
			})
			switch {
			case first && !meta && s.outcome != nil:
				return 0, s.outcome
			case isMeta(off) && meta && s.outcome != nil:
				_, _ = next(b, off)
				return 0, s.outcome
			}
			return next(b, off)
		}
	})
	return s
}

// release lets the write go on, or fail.
func (s *stall) release(outcome error) {
	s.outcome = outcome
	close(s.released)
}

// A crowd is Updates under way.
type crowd struct {
	s    *boltstore.Store
	all  sync.WaitGroup
	mu   sync.Mutex
	errs map[string]error
	runs map[string][]string // what each saw, every time it ran
}

func newCrowd(s *boltstore.Store) *crowd {
	return &crowd{s: s, errs: make(map[string]error), runs: make(map[string][]string)}
}

// update puts a key of that name and then calls more, which gets what was there.
func (c *crowd) update(name string, more func(seen string) error) {
	c.all.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				c.note(name, fmt.Errorf("panic: %v", p))
			}
		}()
		c.note(name, errors.New("ended"))
		c.note(name, c.s.Update(ctx, func(w store.Writer) error {
			page, _, err := w.Scan(store.Range{})
			if err != nil {
				return err
			}
			seen := ""
			for _, p := range page {
				seen += string(p.Key)
			}
			c.mu.Lock()
			c.runs[name] = append(c.runs[name], seen)
			c.mu.Unlock()
			if err := w.Put([]byte(name), nil); err != nil || more == nil {
				return err
			}
			return more(seen)
		}))
	})
}

func (c *crowd) note(name string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs[name] = err
}

// ran waits until the Update of that name has run so often.
func (c *crowd) ran(name string, times int) {
	for {
		c.mu.Lock()
		n := len(c.runs[name])
		c.mu.Unlock()
		if n >= times {
			return
		}
		runtime.Gosched()
	}
}

// outcome waits until all are over.
func (c *crowd) outcome() (map[string]error, map[string][]string) {
	c.all.Wait()
	return c.errs, c.runs
}

// stalled begins an Update "a" and holds its commit up.
func stalled(t *testing.T, s *boltstore.Store, meta bool) (*crowd, *stall) {
	hold := stallCommit(s.DB(), meta)
	t.Cleanup(hold.restore)
	c := newCrowd(s)
	c.update("a", nil)
	<-hold.reached
	return c, hold
}

func TestStore_ahead(t *testing.T) {
	full := errors.New("full")
	t.Run("runs over what is being committed", func(t *testing.T) {
		s := openNew(t, nil)
		before := commits(t, s)
		c, hold := stalled(t, s, false)
		c.update("b", nil)
		c.ran("b", 1)
		c.update("c", func(string) error { return full })
		c.ran("c", 1)
		c.update("d", nil)
		c.ran("d", 1)
		require.Equal(t, "none", get(t, s, "a"), "not durable, and so not there")
		c.mu.Lock()
		require.EqualError(t, c.errs["c"], "ended", "what it has seen is not durable yet")
		c.mu.Unlock()
		hold.release(nil)
		errs, runs := c.outcome()
		require.Equal(t, map[string]error{"a": nil, "b": nil, "c": full, "d": nil}, errs)
		require.Equal(t, map[string][]string{"a": {""}, "b": {"a"}, "c": {"ab"}, "d": {"ab"}}, runs)
		require.Equal(t, 3, count(t, s))
		require.Equal(t, 2, commits(t, s)-before)
	})
	t.Run("runs again if that fails", func(t *testing.T) {
		s := openNew(t, nil)
		c, hold := stalled(t, s, false)
		c.update("b", nil)
		c.ran("b", 1)
		c.update("c", func(seen string) error {
			if seen != "" {
				return full
			}
			return nil
		})
		c.ran("c", 1)
		c.update("d", func(seen string) error {
			if seen == "b" {
				panic("changed")
			}
			return nil
		})
		c.ran("d", 1)
		hold.release(errDisk)
		errs, runs := c.outcome()
		require.ErrorIs(t, errs["a"], errDisk)
		require.NoError(t, errs["b"])
		require.Equal(t, full, errs["c"], "because of b, which is there")
		require.EqualError(t, errs["d"], "panic: changed")
		require.Equal(t, map[string][]string{"a": {""}, "b": {"a", ""}, "c": {"ab", "b"}, "d": {"ab", "b"}}, runs)
		require.Equal(t, 1, count(t, s))
		put(t, s, "later", "")
	})
	t.Run("is told that nothing was done if nobody knows whether that failed", func(t *testing.T) {
		s := openNew(t, nil)
		c, hold := stalled(t, s, true)
		c.update("b", nil)
		c.ran("b", 1)
		c.update("c", func(string) error { return full })
		c.ran("c", 1)
		hold.release(errDisk)
		errs, runs := c.outcome()
		require.ErrorIs(t, errs["a"], store.ErrCommitUnknown)
		for _, name := range []string{"b", "c"} {
			require.ErrorContains(t, errs[name], "refused until it is opened again")
			require.NotErrorIs(t, errs[name], store.ErrCommitUnknown)
		}
		require.Equal(t, map[string][]string{"a": {""}, "b": {"a"}, "c": {"ab"}}, runs)
	})
	for _, outcome := range []error{nil, errDisk} {
		t.Run(fmt.Sprintf("panics, ends its goroutine: %v", outcome), func(t *testing.T) {
			s := openNew(t, nil)
			c, hold := stalled(t, s, false)
			for _, u := range []struct {
				name string
				then func(string) error
			}{
				{"b", nil}, {"c", func(string) error { panic("no") }}, {"d", nil},
				{"e", func(string) error { runtime.Goexit(); return nil }}, {"f", nil},
			} {
				c.update(u.name, u.then)
				c.ran(u.name, 1)
			}
			hold.release(outcome)
			errs, runs := c.outcome()
			require.ErrorIs(t, errs["a"], outcome)
			require.NoError(t, errors.Join(errs["b"], errs["d"], errs["f"]))
			require.EqualError(t, errs["c"], "panic: no")
			require.EqualError(t, errs["e"], "ended")
			want := map[string][]string{"a": {""}, "b": {"a"}, "c": {"ab"}, "d": {"ab"}, "e": {"abd"}, "f": {"abd"}}
			left := 4
			if outcome != nil {
				want["b"], want["d"], want["f"] = []string{"a", ""}, []string{"ab", "b"}, []string{"abd", "bd"}
				left = 3
			}
			require.Equal(t, want, runs, "what was thrown away is run again, but for those who are gone")
			require.Equal(t, left, count(t, s))
		})
	}
	t.Run("half of many leave the other half behind", func(t *testing.T) {
		shared, err := boltstore.New(openBolt(t))
		require.NoError(t, err)
		for s, want := range map[*boltstore.Store]int{openNew(t, nil): 2, shared: 1} {
			before := commits(t, s)
			fns := make([]func(store.Writer) error, 2*boltstore.Few+1)
			for i := range fns {
				fns[i] = func(w store.Writer) error { return w.Put(fmt.Appendf(nil, "%d", i), nil) }
			}
			for _, err := range batch(t, s, fns, nil) {
				require.NoError(t, err)
			}
			require.Equal(t, want, commits(t, s)-before, "where the application writes too nothing can be run ahead")
			require.Equal(t, len(fns), count(t, s))
		}
	})
	t.Run("not where the application writes too", func(t *testing.T) {
		s, err := boltstore.New(openBolt(t))
		require.NoError(t, err)
		c, hold := stalled(t, s, false)
		c.update("b", nil)
		waitFor(s, 1)
		for range 1000 {
			runtime.Gosched()
		}
		require.Equal(t, 1, s.Waiting())
		hold.release(nil)
		errs, runs := c.outcome()
		require.Equal(t, map[string]error{"a": nil, "b": nil}, errs)
		require.Equal(t, map[string][]string{"a": {""}, "b": {"a"}}, runs)
	})
	t.Run("does not keep bbolt's map from growing", func(t *testing.T) {
		s := openNew(t, &boltstore.Options{InitialMmapSize: 1})
		large := make([]byte, 64<<10)
		var all sync.WaitGroup
		for caller := range 2 * boltstore.Few {
			all.Go(func() {
				for i := range 20 {
					err := s.Update(ctx, func(w store.Writer) error { return w.Put(fmt.Appendf(nil, "%d %d", caller, i), large) })
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		require.Equal(t, 2*boltstore.Few*20, count(t, s))
	})
}
