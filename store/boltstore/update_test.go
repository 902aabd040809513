package boltstore_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/boltstore"
)

// batch runs the functions in one commit, in their order, and returns their errors. It
// calls before when all functions are waiting, and the result of before at the end of the
// test.
func batch(t *testing.T, s *boltstore.Store, fns []func(store.Writer) error, before func() (after func())) []error {
	errs := make([]error, len(fns))
	var all sync.WaitGroup
	occupy(t, s, func() {
		for i, fn := range fns {
			all.Go(func() { errs[i] = s.Update(ctx, fn) })
			waitFor(s, i+1)
		}
		if before != nil {
			t.Cleanup(before())
		}
	})
	all.Wait()
	return errs
}

// occupy runs fn during an Update that writes nothing.
func occupy(t *testing.T, s *boltstore.Store, fn func()) {
	require.NoError(t, s.Update(ctx, func(store.Writer) error {
		fn()
		return nil
	}))
}

// waitFor waits until n Updates are waiting.
func waitFor(s *boltstore.Store, n int) {
	for s.Waiting() < n {
		runtime.Gosched()
	}
}

// commits returns the number of the last transaction.
func commits(t *testing.T, s *boltstore.Store) (id int) {
	require.NoError(t, s.DB().View(func(tx *bolt.Tx) error {
		id = tx.ID()
		return nil
	}))
	return id
}

func TestStore_Update(t *testing.T) {
	t.Run("those who wait share a commit", func(t *testing.T) {
		s := openNew(t, nil)
		before := commits(t, s)
		fns := make([]func(store.Writer) error, 2*boltstore.MaxBatch+10)
		for i := range fns {
			fns[i] = func(w store.Writer) error { return w.Put(fmt.Appendf(nil, "%d", i), nil) }
		}
		for _, err := range batch(t, s, fns, nil) {
			require.NoError(t, err)
		}
		require.Equal(t, len(fns), count(t, s))
		require.Equal(t, 3, commits(t, s)-before, "commits of %d Updates", len(fns))
	})
	t.Run("those who write nothing commit nothing", func(t *testing.T) {
		s := openNew(t, nil)
		before := commits(t, s)
		none := func(store.Writer) error { return nil }
		require.NoError(t, s.Update(ctx, none))
		for _, err := range batch(t, s, []func(store.Writer) error{none, none}, nil) {
			require.NoError(t, err)
		}
		require.Equal(t, before, commits(t, s))
	})
	t.Run("each sees those before it, and not those who fail", func(t *testing.T) {
		s := openNew(t, nil)
		var seen []string
		add := func(name string, err error) func(store.Writer) error {
			return func(w store.Writer) error {
				page, _, scanErr := w.Scan(store.Range{})
				seen = append(seen, fmt.Sprint(len(page)))
				if err := w.Put([]byte(name), nil); err != nil || scanErr != nil {
					return err
				}
				return err
			}
		}
		errs := batch(t, s, []func(store.Writer) error{
			add("a", nil), add("b", errDisk), add("c", nil),
		}, nil)
		require.Equal(t, []error{nil, errDisk, nil}, errs)
		require.Equal(t, []string{"0", "1", "1"}, seen)
		require.Equal(t, 2, count(t, s))
	})
	t.Run("who waits can withdraw", func(t *testing.T) {
		s := openNew(t, nil)
		short, cancel := context.WithCancel(ctx)
		var all sync.WaitGroup
		errs := make([]error, 3)
		ran := make([]bool, 3)
		occupy(t, s, func() {
			for i, ctx := range []context.Context{ctx, short, ctx} {
				all.Go(func() {
					errs[i] = s.Update(ctx, func(w store.Writer) error {
						ran[i] = true
						return w.Put(fmt.Appendf(nil, "%d", i), nil)
					})
				})
				waitFor(s, i+1)
			}
			cancel()
			for s.Waiting() > 2 {
				runtime.Gosched()
			}
		})
		all.Wait()
		require.Equal(t, []error{nil, context.Canceled, nil}, errs)
		require.Equal(t, []bool{true, false, true}, ran)
		require.Equal(t, 2, count(t, s))
	})
	t.Run("who has been taken up can't", func(t *testing.T) {
		s := openNew(t, nil)
		short, cancel := context.WithCancel(ctx)
		var err error
		var all sync.WaitGroup
		occupy(t, s, func() {
			all.Go(func() {
				err = s.Update(short, func(w store.Writer) error {
					cancel()
					return w.Put([]byte("a"), []byte("1"))
				})
			})
			waitFor(s, 1)
		})
		all.Wait()
		require.NoError(t, err)
		require.Equal(t, "1", get(t, s, "a"))
	})
	t.Run("refuses sizes, alone and in a batch", func(t *testing.T) {
		s := openNew(t, nil)
		key, value := make([]byte, 32<<10+1), make([]byte, 64<<20+1)
		fn := func(w store.Writer) error {
			require.ErrorContains(t, w.Put(key, nil), "key of 32769 bytes (1 to 32768)")
			require.ErrorIs(t, w.Put(key, nil), store.ErrTooLarge)
			require.ErrorContains(t, w.Put([]byte("k"), value), "value of 67108865 bytes (at most 67108864)")
			require.ErrorIs(t, w.Put([]byte("k"), value), store.ErrTooLarge)
			return w.Put(key[1:], value[:10])
		}
		require.NoError(t, s.Update(ctx, fn))
		for _, err := range batch(t, s, []func(store.Writer) error{fn, fn}, nil) {
			require.NoError(t, err)
		}
		require.Equal(t, 1, count(t, s))
	})
	t.Run("a function that ends its goroutine in a batch", func(t *testing.T) {
		s := openNew(t, nil)
		before := commits(t, s)
		ended := []error{errDisk, errDisk, errDisk, errDisk}
		var all sync.WaitGroup
		occupy(t, s, func() {
			for i := range ended {
				all.Go(func() {
					ended[i] = s.Update(ctx, func(w store.Writer) error {
						if err := w.Put(fmt.Appendf(nil, "%d", i), nil); err != nil || i%2 == 0 {
							return err
						}
						runtime.Goexit()
						return nil
					})
				})
				waitFor(s, i+1)
			}
		})
		all.Wait()
		require.Equal(t, []error{nil, errDisk, nil, errDisk}, ended)
		require.Equal(t, 2, count(t, s))
		require.Equal(t, 1, commits(t, s)-before)
		put(t, s, "after", "")
	})
}
