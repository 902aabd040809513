package pgstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/pgstore"
	"groupkit/store/storetest"
)

// The table has a million rows before, of groups with 20 members and of their users.
const (
	benchRows   = 1_000_000
	benchGroups = 10_000
)

// benchGroup returns the n-th group, in an order that is not that of the keys.
func benchGroup(n int) []byte { return fmt.Appendf(nil, "%08x", uint32(n)*2654435761) }

// BenchmarkJoinLike joins users to groups as storetest.Join does: three records are read, five are
// written. A hand-written transaction with row locks does the same beside it, in the same table.
func BenchmarkJoinLike(b *testing.B) {
	s, pool := filled(b)
	for _, c := range []struct {
		name            string
		callers, groups int
	}{{"64 on 256", 64, 256}, {"64 on 1", 64, 1}, {"alone", 1, 256}} {
		for _, by := range []struct {
			name string
			join func(ctx context.Context, runs *atomic.Int64, group, user []byte) error
		}{
			{"store", func(ctx context.Context, runs *atomic.Int64, group, user []byte) error {
				return storeJoin(ctx, s, runs, group, user)
			}},
			{"by hand", func(ctx context.Context, runs *atomic.Int64, group, user []byte) error {
				return handJoin(ctx, pool, s.Name(), runs, group, user)
			}},
		} {
			b.Run(c.name+"/"+by.name, func(b *testing.B) {
				var next, runs atomic.Int64
				var all sync.WaitGroup
				b.ResetTimer()
				for range c.callers {
					all.Go(func() {
						for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
							group, user := benchGroup(rand.N(c.groups)), fmt.Appendf(nil, "user-%08d", rand.N(100_000_000))
							if err := by.join(context.Background(), &runs, group, user); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "joins/s")
				b.ReportMetric(float64(runs.Load()-int64(b.N))/float64(b.N), "retries/join")
			})
		}
	}
}

func storeJoin(ctx context.Context, s store.Store, runs *atomic.Int64, group, user []byte) error {
	records := storetest.JoinRecords(group, user)
	return s.Update(ctx, func(w store.Writer) error {
		runs.Add(1)
		store.Claim(w, records[0].Key, records[3].Key)
		if _, err := store.GetMany(w, [][]byte{records[0].Key, records[1].Key, records[3].Key}); err != nil {
			return err
		}
		for _, r := range records {
			if err := w.Put(r.Key, r.Value); err != nil {
				return err
			}
		}
		return nil
	})
}

// handJoin reads and writes the same rows at READ COMMITTED, with locks on the rows of the group and
// of the user, in two round trips.
func handJoin(ctx context.Context, pool *pgxpool.Pool, name string, runs *atomic.Int64, group, user []byte) error {
	runs.Add(1)
	records := storetest.JoinRecords(group, user)
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	first := &pgx.Batch{}
	first.Queue("BEGIN")
	first.Queue("SELECT key, value FROM "+name+"_records WHERE key = ANY($1::bytea[]) ORDER BY key FOR UPDATE",
		[][]byte{records[0].Key, records[3].Key}).Query(discardRows)
	first.Queue("SELECT key, value FROM "+name+"_records WHERE key = ANY($1::bytea[])", [][]byte{records[1].Key}).Query(discardRows)
	if err := conn.SendBatch(ctx, first).Close(); err != nil {
		return err
	}
	var keys, values [][]byte
	for _, r := range records {
		keys, values = append(keys, r.Key), append(values, r.Value)
	}
	second := &pgx.Batch{}
	second.Queue("INSERT INTO "+name+"_records (key, value) SELECT k, v FROM unnest($1::bytea[], $2::bytea[]) AS pairs (k, v) "+
		"ON CONFLICT (key) DO UPDATE SET value = excluded.value", keys, values)
	second.Queue("COMMIT")
	return conn.SendBatch(ctx, second).Close()
}

func discardRows(rows pgx.Rows) error {
	for rows.Next() {
		rows.RawValues()
	}
	return rows.Err()
}

// filled opens a store with the rows, and a pool for the transactions by hand that is like the
// store's own.
func filled(b *testing.B) (*pgstore.Store, *pgxpool.Pool) {
	at := url(b) + "&pool_max_conns=64"
	s, err := pgstore.Open(b.Context(), at, &pgstore.Options{Name: newName()})
	require.NoError(b, err)
	b.Cleanup(func() { _ = s.Close() })
	var rows [][]any
	for n := range benchRows / 5 {
		for _, r := range storetest.JoinRecords(benchGroup(n%benchGroups), fmt.Appendf(nil, "user-%08d", rand.N(100_000_000))) {
			rows = append(rows, []any{r.Key, r.Value})
		}
	}
	c, err := pgx.Connect(b.Context(), url(b))
	require.NoError(b, err)
	defer func() { _ = c.Close(context.Background()) }()
	_, err = c.Exec(b.Context(), "CREATE TEMPORARY TABLE filling (key bytea, value bytea)")
	require.NoError(b, err)
	_, err = c.CopyFrom(b.Context(), pgx.Identifier{"filling"}, []string{"key", "value"}, pgx.CopyFromRows(rows))
	require.NoError(b, err)
	_, err = c.Exec(b.Context(), "INSERT INTO "+s.Name()+"_records SELECT key, value FROM filling ON CONFLICT DO NOTHING")
	require.NoError(b, err)
	admin(b, "ANALYZE "+s.Name()+"_records")
	config, err := pgxpool.ParseConfig(at)
	require.NoError(b, err)
	config.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false }
	pool, err := pgxpool.NewWithConfig(b.Context(), config)
	require.NoError(b, err)
	b.Cleanup(pool.Close)
	return s, pool
}
