package boltstore_test

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/storetest"
)

func BenchmarkStore(b *testing.B) {
	for name, opts := range map[string]*boltstore.Options{
		"sync":     nil,
		"interval": {Durability: boltstore.Interval},
	} {
		b.Run(name, func(b *testing.B) {
			storetest.Bench(b, func(b *testing.B) store.Store { return openNew(b, opts) })
		})
	}
}

// BenchmarkBolt does the work of BenchmarkStore with the API of bbolt.
func BenchmarkBolt(b *testing.B) {
	b.Run("Update/1", func(b *testing.B) {
		db := openRaw(b)
		for n := 0; b.Loop(); n++ {
			require.NoError(b, db.Update(func(t *bolt.Tx) error { return rawJoin(t, n) }))
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "joins/s")
	})
	b.Run("Update/64/each", func(b *testing.B) {
		db := openRaw(b)
		rawCallers(b, func(n int) error {
			return db.Update(func(t *bolt.Tx) error { return rawJoin(t, n) })
		})
	})
	b.Run("Update/64/queue", func(b *testing.B) {
		join, stop := rawQueue(openRaw(b))
		defer stop()
		rawCallers(b, join)
	})
	b.Run("Get", func(b *testing.B) {
		db := openRaw(b)
		rawFill(b, db)
		for n := 0; b.Loop(); n++ {
			key := fmt.Appendf(nil, "key-%08d", n*7919%100_000)
			require.NoError(b, db.View(func(t *bolt.Tx) error {
				_ = t.Bucket([]byte("groupkit")).Get(key)
				return nil
			}))
		}
	})
	b.Run("Scan/100", func(b *testing.B) {
		db := openRaw(b)
		rawFill(b, db)
		for n := 0; b.Loop(); n++ {
			from := fmt.Appendf(nil, "key-%08d", n*7919%100_000)
			require.NoError(b, db.View(func(t *bolt.Tx) error {
				c := t.Bucket([]byte("groupkit")).Cursor()
				k, _ := c.Seek(from)
				for i := 0; i < 100 && k != nil; i++ {
					k, _ = c.Next()
				}
				return nil
			}))
		}
	})
}

func openRaw(b *testing.B) *bolt.DB {
	db, err := bolt.Open(filepath.Join(b.TempDir(), "raw.db"), 0o600, &bolt.Options{
		NoFreelistSync: true, FreelistType: bolt.FreelistMapType, InitialMmapSize: 1 << 30, NoStatistics: true,
	})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	require.NoError(b, db.Update(func(t *bolt.Tx) error {
		_, err := t.CreateBucket([]byte("groupkit"))
		return err
	}))
	return db
}

func rawJoin(t *bolt.Tx, n int) error {
	b := t.Bucket([]byte("groupkit"))
	group, user := binary.BigEndian.AppendUint64(nil, uint64(n)*0x9E3779B97F4A7C15), fmt.Appendf(nil, "user-%08d", n)
	for _, record := range storetest.JoinRecords(group, user) {
		if record.Read {
			_ = b.Get(record.Key)
		}
		if err := b.Put(record.Key, record.Value); err != nil {
			return err
		}
	}
	return nil
}

func rawFill(b *testing.B, db *bolt.DB) {
	value := make([]byte, 60)
	for n := 0; n < 100_000; n += 10_000 {
		require.NoError(b, db.Update(func(t *bolt.Tx) error {
			for i := range 10_000 {
				if err := t.Bucket([]byte("groupkit")).Put(fmt.Appendf(nil, "key-%08d", (n+i)*7919%100_000), value); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	b.ResetTimer()
}

// BenchmarkRatio runs a store and plain bbolt alternately, for short times, so that other
// load on the machine affects both.
func BenchmarkRatio(b *testing.B) {
	b.Run("alone", func(b *testing.B) {
		s, db := openNew(b, nil), openRaw(b)
		ratio(b, 20,
			func(n int) error {
				return s.Update(ctx, func(w store.Writer) error { return storetest.Join(w, n) })
			},
			func(n int) error {
				return db.Update(func(t *bolt.Tx) error { return rawJoin(t, n) })
			}, 1)
	})
	b.Run("64 against a queue", func(b *testing.B) {
		s := openNew(b, nil)
		join, stop := rawQueue(openRaw(b))
		defer stop()
		ratio(b, 1280, func(n int) error {
			return s.Update(ctx, func(w store.Writer) error { return storetest.Join(w, n) })
		}, join, 64)
	})
	b.Run("64 against one by one", func(b *testing.B) {
		s, db := openNew(b, nil), openRaw(b)
		ratio(b, 640, func(n int) error {
			return s.Update(ctx, func(w store.Writer) error { return storetest.Join(w, n) })
		}, func(n int) error {
			return db.Update(func(t *bolt.Tx) error { return rawJoin(t, n) })
		}, 64)
	})
}

// ratio reports the rate of the first function divided by the rate of the second.
func ratio(b *testing.B, stretch int, ours, theirs func(n int) error, callers int) {
	var took [2]time.Duration
	var n atomic.Int64
	for b.Loop() {
		for i, join := range []func(int) error{ours, theirs} {
			end := n.Load() + int64(stretch)
			start := time.Now()
			var all sync.WaitGroup
			for range callers {
				all.Go(func() {
					for k := n.Add(1); k <= end; k = n.Add(1) {
						if err := join(int(k)); err != nil {
							b.Error(err)
						}
					}
				})
			}
			all.Wait()
			took[i] += time.Since(start)
		}
	}
	joins := float64(b.N * stretch)
	b.ReportMetric(joins/took[0].Seconds(), "joins/s")
	b.ReportMetric(joins/took[1].Seconds(), "raw/s")
	b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "ratio")
}

func rawCallers(b *testing.B, join func(n int) error) {
	var next atomic.Int64
	var all sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range 64 {
		all.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				if err := join(int(n)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "joins/s")
}

// rawQueue is a hand-written committer that drains a queue.
func rawQueue(db *bolt.DB) (join func(n int) error, stop func()) {
	type request struct {
		n    int
		done chan error
	}
	queue, stopped := make(chan request, 1024), make(chan struct{})
	commit := func(batch []request) {
		err := db.Update(func(t *bolt.Tx) error {
			for _, r := range batch {
				if err := rawJoin(t, r.n); err != nil {
					return err
				}
			}
			return nil
		})
		for _, r := range batch {
			r.done <- err
		}
	}
	go func() {
		defer close(stopped)
		for r := range queue {
			runtime.Gosched()
			batch := append(make([]request, 0, 64), r)
			for len(queue) > 0 {
				batch = append(batch, <-queue)
			}
			commit(batch)
		}
	}()
	join = func(n int) error {
		r := request{n, make(chan error, 1)}
		queue <- r
		return <-r.done
	}
	return join, func() {
		close(queue)
		<-stopped
	}
}
