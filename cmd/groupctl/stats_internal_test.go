package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store"
)

func TestStatsWords(t *testing.T) {
	t.Parallel()
	d := &store.Durations{Count: 200, Sum: time.Second, Max: 1234567 * time.Microsecond, Bins: []store.Bin{{Bound: time.Millisecond, Count: 197}, {Bound: 3 * time.Millisecond, Count: 198}, {Bound: 10 * time.Millisecond, Count: 200}}}
	require.Equal(t, "200, mean 5ms, 99 % within 3ms, the longest 1.23s", durationWords(d))
	require.Equal(t, "none", durationWords(new(store.Durations)))
	require.Empty(t, durationWords(nil))
	require.Equal(t, "mean 5ms", latencyWords(&store.Durations{Count: 200, Sum: time.Second, Bins: d.Bins[:1]}), "the histogram does not reach so far")
	for d, want := range map[time.Duration]string{0: "0s", 999: "999ns", 1234: "1.23µs", 12345 * time.Microsecond: "12.3ms", 999 * time.Millisecond: "999ms", 90 * time.Second: "1m30s"} {
		require.Equal(t, want, short(d))
	}
	require.Equal(t, "99.9 %", percent(9999, 10000), "only all is 100 %")
	require.Equal(t, "100.0 %", percent(7, 7))
	require.Equal(t, "0.0 %", percent(0, 7))
	require.Equal(t, "none", workWords(new(groupkit.WorkStats)))
	require.Equal(t, "2 uploads, 1,000 pending contents", workWords(&groupkit.WorkStats{Uploads: 2, Pending: groupkit.Pending{Contents: 1000}}))
	require.Equal(t, "1,000, feeds: 3, too slow 2 times", followerWords(&groupkit.FollowerStats{Followers: 1000, Feeds: 3, Missed: 2}))
	require.Equal(t, "1.0 KiB, 512 B of it free", sizeWords(&groupkit.Stats{Store: store.Stats{Size: new(int64(1024)), Free: new(int64(512))}}))
	require.Empty(t, sizeWords(new(groupkit.Stats)))
	require.Equal(t, "1.0 MiB of at most 3.0 MiB, 75.0 % of 4 lookups", cacheWords(&groupkit.CacheStats{Used: 1 << 20, Most: 3 << 20, Hits: 3, Misses: 1}))
	require.Empty(t, cacheWords(nil))
	require.Equal(t, "0 commits", known(new(uint64(0)), "commits"))
}

func TestRates(t *testing.T) {
	t.Parallel()
	at := func(seconds int, changes, commits, hits, misses uint64) *groupkit.Stats {
		d := func(n uint64, each time.Duration) store.Durations {
			return store.Durations{Count: n, Sum: time.Duration(n) * each, Bins: []store.Bin{{Bound: 10 * time.Millisecond, Count: n}}}
		}
		writing := d(commits, 2*time.Millisecond)
		return &groupkit.Stats{
			At: now.Add(time.Duration(seconds) * time.Second), Opened: now, Updates: groupkit.UpdateStats{Durations: d(changes, 5*time.Millisecond)},
			Store: store.Stats{Writing: &writing}, Cache: &groupkit.CacheStats{Hits: hits, Misses: misses},
		}
	}
	r := ratesOf(at(10, 100, 10, 1000, 1000), at(12, 300, 20, 1900, 1100))
	require.Equal(t, []float64{100, 5, 500}, []float64{r.changes, r.commits, r.lookups})
	require.Equal(t, []string{"5ms", "2ms", "90.0 %"}, []string{mean(&r.updating), mean(&r.writing), r.hitRate()})
	require.Equal(t, ", mean 5ms, 99 % within 10ms", latency(&r.updating))
	quiet := ratesOf(at(10, 1, 1, 1, 1), at(11, 1, 1, 1, 1))
	require.Equal(t, []string{"", "", "", ""}, []string{mean(&quiet.updating), mean(&quiet.writing), quiet.hitRate(), latency(&quiet.updating)})
	again := at(13, 1, 1, 1, 1)
	again.Opened = now.Add(12500 * time.Millisecond)
	for name, r := range map[string]*rates{"opened again": ratesOf(at(12, 300, 20, 1900, 1100), again), "clock set back": ratesOf(at(12, 1, 1, 1, 1), at(11, 3, 3, 3, 3)), "no time": ratesOf(at(12, 1, 1, 1, 1), at(12, 3, 3, 3, 3))} {
		require.Equal(t, &rates{}, r, name)
	}
	require.Equal(t, []string{"0.0", "9.9", "12,346"}, []string{perSecond(0), perSecond(9.94), perSecond(12345.6)})
	require.Len(t, remember(make([]float64, remembered), 7), remembered)
}
