package store_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit/store"
)

func TestMeter(t *testing.T) {
	t.Parallel()
	var m store.Meter
	require.Zero(t, m.Durations().Count)
	var all sync.WaitGroup
	for _, d := range []time.Duration{0, -time.Second, 100 * time.Microsecond, 100*time.Microsecond + 1, time.Second, time.Hour} {
		all.Go(func() {
			for range 100 {
				m.Record(d)
			}
		})
	}
	all.Wait()
	d := m.Durations()
	require.EqualValues(t, 600, d.Count)
	require.Equal(t, time.Hour, d.Max)
	require.Equal(t, 100*(time.Hour+time.Second+200*time.Microsecond+1), d.Sum)
	require.Len(t, d.Bins, 11)
	for i, b := range d.Bins {
		want := uint64(300)
		if b.Bound > 100*time.Microsecond {
			want = 400
		}
		if b.Bound >= time.Second {
			want = 500
		}
		require.Equal(t, want, b.Count, b.Bound)
		require.True(t, i == 0 || d.Bins[i-1].Bound < b.Bound)
	}
}

func TestDurations_JSON(t *testing.T) {
	t.Parallel()
	d := store.Durations{Count: 1, Sum: 90*time.Second + 5*time.Millisecond, Max: time.Nanosecond, Bins: []store.Bin{{Bound: time.Millisecond, Count: 1}}}
	text, err := json.Marshal(d)
	require.NoError(t, err)
	require.Equal(t, `{"count":1,"sum":"90.005s","max":"0.000000001s","bins":[{"bound":"0.001s","count":1}]}`, string(text))
	var back store.Durations
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, d, back)
	for _, bad := range []string{`{"sum":"-1s"}`, `{"sum":"soon"}`, `{"sum":1}`, `{"bins":[{"bound":"x"}]}`} {
		require.Error(t, json.Unmarshal([]byte(bad), &back), bad)
	}
}

func TestStatsOf(t *testing.T) {
	t.Parallel()
	require.Equal(t, store.Stats{}, store.StatsOf(struct{ store.Store }{}), "a store that tells nothing")
}
