package storetest_test

import (
	"bytes"
	"flag"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/memstore"
	"groupkit/store/storetest"
)

func TestRerun(t *testing.T) {
	t.Run("is a store", func(t *testing.T) {
		storetest.Run(t, func(*testing.T) store.Store { return storetest.Rerun(memstore.New()) })
	})
	t.Run("runs functions twice, and keeps one run", func(t *testing.T) {
		s := storetest.Rerun(memstore.New())
		var runs atomic.Int64
		for range 100 {
			require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
				n := byte(runs.Add(1))
				return w.Put([]byte{n}, nil)
			}))
		}
		require.Greater(t, runs.Load(), int64(110))
		require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
			page, _, err := r.Scan(store.Range{})
			require.Len(t, page, 100)
			return err
		}))
	})
	t.Run("can do what its store can", func(t *testing.T) {
		s := storetest.Rerun(memstore.New())
		require.True(t, store.Exclusive(s))
		require.ErrorIs(t, store.Backup(t.Context(), s, &bytes.Buffer{}), store.ErrNotSupported)
	})
}

func BenchmarkRerun(b *testing.B) {
	storetest.Bench(b, func(*testing.B) store.Store { return storetest.Rerun(memstore.New()) })
}

// TestBench runs each benchmark briefly to check that it works.
func TestBench(t *testing.T) {
	before := flag.Lookup("test.benchtime").Value.String()
	require.NoError(t, flag.Set("test.benchtime", "1x"))
	defer func() { require.NoError(t, flag.Set("test.benchtime", before)) }()
	result := testing.Benchmark(func(b *testing.B) {
		storetest.Bench(b, func(*testing.B) store.Store { return memstore.New() })
	})
	require.NotZero(t, result)
}
