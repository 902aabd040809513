package otelgroupkit

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"groupkit"
)

// Each field of Stats is in the series of its name. An engine at rest has 0 in most of these.
func TestTelemetry_register(t *testing.T) {
	t.Parallel()
	reader := metric.NewManualReader()
	tel, err := New(WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader))))
	require.NoError(t, err)
	_, err = tel.register(func() groupkit.Stats {
		return groupkit.Stats{
			Updates:   groupkit.UpdateStats{Running: 1},
			Cache:     &groupkit.CacheStats{Hits: 2, Misses: 3, ErrorHits: 4, ErrorMisses: 5, Used: 6, Size: 7, Most: 8},
			Followers: groupkit.FollowerStats{Followers: 9, Feeds: 10, Missed: 11},
			Work: groupkit.WorkStats{
				Uploads: 12, Loads: 13, Deletions: 14, Contents: 15,
				Pending: groupkit.Pending{Deletions: 16, Contents: 17, Uploads: 18, Pseudonyms: 19, Loads: 20},
			},
			Counts: &groupkit.Counts{Groups: 30, Public: 9, Memberships: 22, Files: 23, Requests: 24, Invitations: 25, At: time.Unix(100, 0)},
			At:     time.Unix(126, 0), Opened: time.Unix(99, 0),
		}
	})
	require.NoError(t, err)
	var all metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(context.Background(), &all))
	got := make(map[string][]int)
	for _, m := range all.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			got[m.Name] = values(data.DataPoints)
		case metricdata.Gauge[int64]:
			got[m.Name] = values(data.DataPoints)
		case metricdata.Gauge[float64]:
			got[m.Name] = []int{int(data.DataPoints[0].Value)}
		}
	}
	for name, want := range map[string][]int{
		"groupkit.update.running": {1}, "groupkit.cache.lookups": {2, 3}, "groupkit.cache.errors": {4, 5}, "groupkit.cache.usage": {6},
		"groupkit.cache.size": {7}, "groupkit.cache.limit": {8}, "groupkit.follower.count": {9}, "groupkit.follower.feeds": {10},
		"groupkit.follower.missed": {11}, "groupkit.work.caring": {0}, "groupkit.work.contents": {15}, "groupkit.count.memberships": {22},
		"groupkit.count.files": {23}, "groupkit.count.requests": {24}, "groupkit.count.invitations": {25}, "groupkit.count.age": {26},
		"groupkit.engine.uptime": {27}, "groupkit.count.groups": {21, 9},
		"groupkit.work.running": {14, 13, 12},         // deletions, loads, uploads
		"groupkit.work.pending": {17, 16, 20, 19, 18}, // contents, deletions, loads, pseudonyms, uploads
	} {
		require.Equal(t, want, got[name], name)
	}
	require.NotContains(t, got, "groupkit.store.size", "no store has told it")
	require.NotContains(t, got, "groupkit.store.connection.count")
}

// values returns the values of points in the order of their attributes.
func values(points []metricdata.DataPoint[int64]) []int {
	byAttributes := make(map[string]int)
	for _, p := range points {
		byAttributes[p.Attributes.Encoded(attribute.DefaultEncoder())] = int(p.Value)
	}
	var out []int
	for _, key := range slices.Sorted(maps.Keys(byAttributes)) {
		out = append(out, byAttributes[key])
	}
	return out
}
