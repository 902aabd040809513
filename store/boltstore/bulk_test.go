package boltstore_test

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store"
)

// BenchmarkBulk writes 100,000 records in random order, 10,000 in each transaction.
func BenchmarkBulk(b *testing.B) {
	const records, each = 100_000, 10_000
	key := func(n int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)*0x9E3779B97F4A7C15) }
	value := make([]byte, 60)
	b.Run("store", func(b *testing.B) {
		for b.Loop() {
			s := openNew(b, nil)
			for n := 0; n < records; n += each {
				require.NoError(b, s.Update(ctx, func(w store.Writer) error {
					for i := range each {
						if err := w.Put(key(n+i), value); err != nil {
							return err
						}
					}
					return nil
				}))
			}
		}
	})
	b.Run("bolt", func(b *testing.B) {
		for b.Loop() {
			db := openRaw(b)
			for n := 0; n < records; n += each {
				require.NoError(b, db.Update(func(t *bolt.Tx) error {
					for i := range each {
						if err := t.Bucket([]byte("groupkit")).Put(key(n+i), value); err != nil {
							return err
						}
					}
					return nil
				}))
			}
		}
	})
}
