package groupkit_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// BenchmarkSubscribers measures writers without followers, and with 1,000 of one group,
// of which one never reads. Events missed are counted.
func BenchmarkSubscribers(b *testing.B) {
	for name, open := range map[string]func(b *testing.B) store.Store{
		"bolt": func(b *testing.B) store.Store {
			s, err := boltstore.Open(filepath.Join(b.TempDir(), "groups.db"), nil)
			require.NoError(b, err)
			return s
		},
		"memory": func(*testing.B) store.Store { return memstore.New() },
	} {
		for _, subscribers := range []int{0, 1000} {
			for _, writers := range []int{1, 16} {
				b.Run(fmt.Sprintf("%s/subscribers=%d/writers=%d", name, subscribers, writers), func(b *testing.B) {
					benchmarkSubscribers(b, open(b), subscribers, writers)
				})
			}
		}
	}
}

func benchmarkSubscribers(b *testing.B, st store.Store, subscribers, writers int) {
	eng, err := groupkit.New(st, memblob.New(), nil)
	require.NoError(b, err)
	defer eng.Close()
	s := grouptest.NewFixtureOn(b, eng, grouptest.NewClock())
	var heard, missed atomic.Int64
	var following, writing sync.WaitGroup
	ctx, cancel := context.WithCancel(b.Context())
	for i := range subscribers {
		sub, err := eng.System().Follow(ctx, s.ID, groupkit.Latest())
		require.NoError(b, err)
		if i > 0 {
			following.Go(func() { listen(ctx, sub, &heard, &missed) })
		}
	}
	b.ResetTimer()
	for w := range writers {
		writing.Go(func() {
			for i := w; i < b.N; i += writers {
				if err := eng.As("alice").SetAnnouncement(ctx, s.ID, fmt.Sprint(i)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	writing.Wait()
	b.StopTimer()
	cancel()
	following.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
	if subscribers > 0 {
		b.ReportMetric(float64(heard.Load())/b.Elapsed().Seconds(), "heard/s")
		b.ReportMetric(float64(missed.Load()), "missed")
	}
}

// listen counts what it hears, and how often it misses something.
func listen(ctx context.Context, sub *groupkit.Follower, heard, missed *atomic.Int64) {
	defer sub.Close()
	for n := int64(0); ; n++ {
		if _, err := sub.Next(ctx); err == nil {
			continue
		}
		heard.Add(n)
		if n = -1; ctx.Err() != nil {
			return
		}
		missed.Add(1)
	}
}
