package otelgroupkit_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"groupkit"
	"groupkit/contrib/otelgroupkit"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A collector is what telemetry goes to: it keeps everything in memory.
type collector struct {
	reader *metric.ManualReader
	meters *metric.MeterProvider
	spans  *tracetest.SpanRecorder
	traces *trace.TracerProvider
}

func newCollector() *collector {
	c := &collector{reader: metric.NewManualReader(), spans: tracetest.NewSpanRecorder()}
	c.meters = metric.NewMeterProvider(metric.WithReader(c.reader))
	c.traces = trace.NewTracerProvider(trace.WithSpanProcessor(c.spans))
	return c
}

// telemetry returns a Telemetry that tells the collector.
func (c *collector) telemetry(t testing.TB, options ...otelgroupkit.Option) *otelgroupkit.Telemetry {
	t.Helper()
	options = append(options, otelgroupkit.WithMeterProvider(c.meters), otelgroupkit.WithTracerProvider(c.traces))
	tel, err := otelgroupkit.New(options...)
	require.NoError(t, err)
	return tel
}

// metrics collects, and returns the metrics by name.
func (c *collector) metrics(t testing.TB) map[string]metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, c.reader.Collect(context.Background(), &all))
	out := make(map[string]metricdata.Metrics)
	for _, scope := range all.ScopeMetrics {
		require.Equal(t, otelgroupkit.ScopeName, scope.Scope.Name)
		for _, m := range scope.Metrics {
			require.NotContains(t, out, m.Name)
			out[m.Name] = m
		}
	}
	return out
}

// series returns the values of a metric by their attributes, as "a=1,b=2". The value of a histogram is "count sum".
func series(m metricdata.Metrics) map[string]string {
	out := make(map[string]string)
	add := func(attributes attribute.Set, value string) {
		out[attributes.Encoded(attribute.DefaultEncoder())] = value
	}
	switch data := m.Data.(type) {
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			add(p.Attributes, fmt.Sprint(p.Count, " ", p.Sum))
		}
	case metricdata.Histogram[int64]:
		for _, p := range data.DataPoints {
			add(p.Attributes, fmt.Sprint(p.Count, " ", p.Sum))
		}
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			add(p.Attributes, fmt.Sprint(p.Value))
		}
	case metricdata.Sum[float64]:
		for _, p := range data.DataPoints {
			add(p.Attributes, fmt.Sprint(p.Value))
		}
	case metricdata.Gauge[int64]:
		for _, p := range data.DataPoints {
			add(p.Attributes, fmt.Sprint(p.Value))
		}
	case metricdata.Gauge[float64]:
		for _, p := range data.DataPoints {
			add(p.Attributes, fmt.Sprint(p.Value))
		}
	}
	return out
}

// kindOf returns the kind of a metric in the words of the package documentation.
func kindOf(m metricdata.Metrics) string {
	switch data := m.Data.(type) {
	case metricdata.Histogram[float64], metricdata.Histogram[int64]:
		return "histogram"
	case metricdata.Sum[int64]:
		return sumKind(data.IsMonotonic)
	case metricdata.Sum[float64]:
		return sumKind(data.IsMonotonic)
	}
	return "gauge"
}

func sumKind(monotonic bool) string {
	if monotonic {
		return "counter"
	}
	return "updowncounter"
}

// open opens an engine in memory, over s if it is not nil. The background work of the opening has ended.
func open(t testing.TB, s store.Store, opts groupkit.Options) *groupkit.Engine {
	t.Helper()
	if s == nil {
		s = memstore.New()
	}
	opts.CacheBytes = 64 << 10
	resumed, task := make(chan struct{}), opts.Hooks.Task
	opts.Hooks.Task = func(i groupkit.TaskInfo) {
		if task != nil {
			task(i)
		}
		if i.Task == groupkit.TaskResume {
			close(resumed)
		}
	}
	eng, err := groupkit.New(s, memblob.New(), &opts)
	require.NoError(t, err)
	<-resumed
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	return eng
}

// guild creates a group of alice.
func guild(t testing.TB, eng *groupkit.Engine, members ...groupkit.UserID) groupkit.GroupID {
	t.Helper()
	g, err := eng.System().CreateGroup(context.Background(), groupkit.NewGroup{Name: "Night Watch", Owner: "alice", Members: members})
	require.NoError(t, err)
	return g.ID
}

var errSick = errors.New("the disk is not well")

// A testStore takes 2 ms for each change, fails while it is sick, and tells fixed Stats.
type testStore struct {
	store.Store
	sick  atomic.Bool
	stats store.Stats
}

func (s *testStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	if s.sick.Load() {
		return errSick
	}
	time.Sleep(2 * time.Millisecond)
	return s.Store.Update(ctx, fn)
}

func (s *testStore) View(ctx context.Context, fn func(store.Reader) error) error {
	if s.sick.Load() {
		return errSick
	}
	return s.Store.View(ctx, fn)
}

func (s *testStore) Exclusive() bool    { return true }
func (s *testStore) Stats() store.Stats { return s.stats }

// exemplars returns the spans to which the exemplars of a histogram lead.
func exemplars(m metricdata.Metrics) (out []oteltrace.SpanID) {
	for _, p := range m.Data.(metricdata.Histogram[float64]).DataPoints {
		for _, e := range p.Exemplars {
			out = append(out, oteltrace.SpanID(e.SpanID))
		}
	}
	return out
}
