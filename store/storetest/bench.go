package storetest

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
)

// Bench measures a store. open opens a new, empty store for each benchmark. Bench closes
// it.
func Bench(b *testing.B, open func(b *testing.B) store.Store) {
	for _, m := range []struct {
		name string
		run  func(*testing.B, store.Store)
	}{
		{"Update/1", func(b *testing.B, s store.Store) { benchUpdate(b, s, 1) }},
		{"Update/64", func(b *testing.B, s store.Store) { benchUpdate(b, s, 64) }},
		{"Get", benchGet},
		{"GetMany/10", benchGetMany},
		{"Scan/100", benchScan},
	} {
		b.Run(m.name, func(b *testing.B) {
			s := open(b)
			defer func() { require.NoError(b, s.Close()) }()
			b.ReportAllocs()
			m.run(b, s)
		})
	}
}

// Join writes the records that change when a user joins a group: five small records, of
// which two are read first. Use it to compare a store with other ways to write the same
// records.
func Join(w store.Writer, n int) error {
	group, user := binary.BigEndian.AppendUint64(nil, uint64(n)*0x9E3779B97F4A7C15), fmt.Appendf(nil, "user-%08d", n)
	for _, record := range JoinRecords(group, user) {
		if record.Read {
			if _, _, err := w.Get(record.Key); err != nil {
				return err
			}
		}
		if err := w.Put(record.Key, record.Value); err != nil {
			return err
		}
	}
	return nil
}

// A Record is one of the records that Join writes.
type Record struct {
	store.Pair
	Read bool // the record is read before it is written
}

// JoinRecords returns the records that change when a user joins a group.
func JoinRecords(group, user []byte) []Record {
	key := func(parts ...string) []byte {
		k := append([]byte("g"), group...)
		for _, part := range parts {
			k = append(k, part...)
		}
		return k
	}
	return []Record{
		{store.Pair{Key: key("header"), Value: make([]byte, 120)}, true},
		{store.Pair{Key: key("member", string(user)), Value: make([]byte, 24)}, true},
		{store.Pair{Key: key("event", string(user)), Value: make([]byte, 90)}, false},
		{store.Pair{Key: append([]byte("u"), user...), Value: make([]byte, 16)}, true},
		{store.Pair{Key: append(append([]byte("u"), user...), group...), Value: make([]byte, 24)}, false},
	}
}

func benchUpdate(b *testing.B, s store.Store, callers int) {
	var next atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	for range callers {
		all.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				err := s.Update(context.Background(), func(w store.Writer) error { return Join(w, int(n)) })
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "joins/s")
}

const benchKeys = 100_000

// fill writes numbered keys.
func fill(b *testing.B, s store.Store) {
	value := make([]byte, 60)
	for n := 0; n < benchKeys; {
		require.NoError(b, s.Update(b.Context(), func(w store.Writer) error {
			for range 10_000 {
				if err := w.Put(benchKey(n), value); err != nil {
					return err
				}
				n++
			}
			return nil
		}))
	}
	b.ResetTimer()
}

// benchKey returns the n-th key in the store, in an order that is not that of the keys.
func benchKey(n int) []byte { return fmt.Appendf(nil, "key-%08d", n*7919%benchKeys) }

func benchGet(b *testing.B, s store.Store) {
	fill(b, s)
	key := benchKey(0)
	for n := 0; b.Loop(); n++ {
		key = fmt.Appendf(key[:0], "key-%08d", n*7919%benchKeys)
		require.NoError(b, s.View(b.Context(), func(r store.Reader) error {
			_, _, err := r.Get(key)
			return err
		}))
	}
}

func benchGetMany(b *testing.B, s store.Store) {
	fill(b, s)
	keys := make([][]byte, 10)
	for n := 0; b.Loop(); n++ {
		for i := range keys {
			keys[i] = fmt.Appendf(keys[i][:0], "key-%08d", (n*7919+i)%benchKeys)
		}
		require.NoError(b, s.View(b.Context(), func(r store.Reader) error {
			_, err := store.GetMany(r, keys)
			return err
		}))
	}
}

func benchScan(b *testing.B, s store.Store) {
	fill(b, s)
	for n := 0; b.Loop(); n++ {
		from := benchKey(n)
		require.NoError(b, s.View(b.Context(), func(r store.Reader) error {
			_, _, err := r.Scan(store.Range{From: from, Limit: 100})
			return err
		}))
	}
}
