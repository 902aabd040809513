package otelgroupkit_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	otelmetric "go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"groupkit"
	"groupkit/contrib/otelgroupkit"
	"groupkit/internal/sharedmem"
)

func TestNew(t *testing.T) {
	t.Parallel()
	t.Run("refuses attributes", func(t *testing.T) {
		t.Parallel()
		_, err := otelgroupkit.New(otelgroupkit.WithAttributes(
			attribute.String("app", "guilds"), attribute.String("", "guilds"), attribute.String("error.type", "none"),
			attribute.String("groupkit.operation", "join"),
		))
		require.EqualError(t, err, "otelgroupkit: attribute \"\" has no key or no value\n"+
			"attribute \"error.type\" is set by the package\nattribute \"groupkit.operation\" is set by the package")
	})
	t.Run("takes the global providers", func(t *testing.T) {
		t.Parallel()
		tel, err := otelgroupkit.New(otelgroupkit.WithMeterProvider(nil), otelgroupkit.WithTracerProvider(nil))
		require.NoError(t, err)
		eng := open(t, nil, groupkit.Options{Hooks: tel.Hooks(groupkit.Hooks{})})
		_, err = tel.Observe(eng)
		require.NoError(t, err)
		guild(t, eng)
	})
	t.Run("passes the error of a meter on", func(t *testing.T) {
		t.Parallel()
		_, err := otelgroupkit.New(otelgroupkit.WithMeterProvider(refusing{}))
		require.ErrorIs(t, err, errSick)
	})
}

// refusing is a meter provider that refuses counters, or observable ones.
type refusing struct {
	noop.MeterProvider
	observable bool
}

func (r refusing) Meter(string, ...otelmetric.MeterOption) otelmetric.Meter {
	return refusingMeter{observable: r.observable}
}

type refusingMeter struct {
	noop.Meter
	observable bool
}

func (m refusingMeter) Int64Counter(name string, options ...otelmetric.Int64CounterOption) (otelmetric.Int64Counter, error) {
	if m.observable {
		return m.Meter.Int64Counter(name, options...)
	}
	return nil, errSick
}

func (m refusingMeter) Int64ObservableCounter(string, ...otelmetric.Int64ObservableCounterOption) (otelmetric.Int64ObservableCounter, error) {
	return nil, errSick
}

// The functions of the application are called too, after the call was recorded.
func TestTelemetry_Hooks(t *testing.T) {
	t.Parallel()
	c := newCollector()
	var mu sync.Mutex
	var ops []groupkit.Op
	var tasks []groupkit.Task
	eng := open(t, nil, groupkit.Options{Hooks: c.telemetry(t).Hooks(groupkit.Hooks{
		Call: func(_ context.Context, info groupkit.CallInfo) {
			mu.Lock()
			defer mu.Unlock()
			ops = append(ops, info.Op)
			if info.Op == groupkit.OpLeave {
				panic("the hook is broken")
			}
		},
		Task: func(info groupkit.TaskInfo) {
			mu.Lock()
			defer mu.Unlock()
			tasks = append(tasks, info.Task)
		},
	})})
	id := guild(t, eng, "bob")
	require.PanicsWithValue(t, "the hook is broken", func() { _ = eng.As("bob").Leave(t.Context(), id) })
	require.Equal(t, []groupkit.Op{groupkit.OpCreateGroup, groupkit.OpLeave}, ops)
	require.Equal(t, []groupkit.Task{groupkit.TaskResume}, tasks)
	require.Len(t, series(c.metrics(t)["groupkit.call.duration"]), 2)
	require.Len(t, series(c.metrics(t)["groupkit.task.duration"]), 1)
}

// A store that runs functions again is told as retries, on the metric and on the span.
func TestCalls_Retries(t *testing.T) {
	t.Parallel()
	c := newCollector()
	data := sharedmem.New(sharedmem.Options{Rerun: 1, Numbers: true})
	eng := open(t, data.Open(), groupkit.Options{Hooks: c.telemetry(t).Hooks(groupkit.Hooks{})})
	id := guild(t, eng)
	for _, user := range []groupkit.UserID{"bob", "carol"} {
		require.NoError(t, eng.System().AddMember(t.Context(), id, user))
	}
	require.Equal(t, map[string]string{"groupkit.operation=create group": "1", "groupkit.operation=add member": "2"},
		series(c.metrics(t)["groupkit.call.retries"]))
	for _, s := range c.spans.Ended() {
		if s.Name() == "add member" {
			require.Contains(t, s.Attributes(), attribute.Int("groupkit.retries", 1))
		}
	}
}

// However many groups and users there are, the series are the same.
func TestCalls_Cardinality(t *testing.T) {
	t.Parallel()
	c := newCollector()
	tel := c.telemetry(t, otelgroupkit.WithIDs())
	eng := open(t, nil, groupkit.Options{Hooks: tel.Hooks(groupkit.Hooks{})})
	_, err := tel.Observe(eng)
	require.NoError(t, err)
	round := func(n int) {
		ctx, user := t.Context(), groupkit.UserID(fmt.Sprint("user-", n))
		id := guild(t, eng, "bob")
		require.NoError(t, eng.System().AddMember(ctx, id, user))
		require.ErrorIs(t, eng.As(user).RemoveMember(ctx, id, "bob"), groupkit.ErrRoleTooLow)
		require.ErrorIs(t, eng.As(user).MaySpeak(ctx, groupkit.GroupID(fmt.Sprint("group-", n))), groupkit.ErrGroupNotFound)
		require.NoError(t, eng.As(user).MaySpeak(ctx, id))
		require.ErrorIs(t, eng.Atomic(ctx, func(*groupkit.Tx) error { return errSick }), errSick)
		require.NoError(t, eng.As(user).Leave(ctx, id))
	}
	round(0)
	names := func() (out []string) {
		for name, m := range c.metrics(t) {
			for attributes := range series(m) {
				out = append(out, name+" "+attributes)
			}
		}
		return out
	}
	first := names()
	for n := range 200 {
		round(n + 1)
	}
	require.ElementsMatch(t, first, names())
	require.Less(t, len(first), 100)
}

// Many goroutines call one engine while it is observed.
func TestCalls_Concurrent(t *testing.T) {
	t.Parallel()
	c := newCollector()
	tel := c.telemetry(t)
	eng := open(t, nil, groupkit.Options{Hooks: tel.Hooks(groupkit.Hooks{})})
	_, err := tel.Observe(eng)
	require.NoError(t, err)
	id := guild(t, eng)
	var running sync.WaitGroup
	for n := range 8 {
		running.Go(func() {
			for range 50 {
				_ = eng.As(groupkit.UserID(fmt.Sprint("user-", n))).Leave(context.Background(), id)
			}
		})
		running.Go(func() {
			var all metricdata.ResourceMetrics
			_ = c.reader.Collect(context.Background(), &all)
		})
	}
	running.Wait()
	got := c.metrics(t)["groupkit.call.duration"].Data.(metricdata.Histogram[float64])
	var count uint64
	for _, p := range got.DataPoints {
		count += p.Count
	}
	require.EqualValues(t, 401, count)
	require.Len(t, c.spans.Ended(), 402, "with that of the background work of the opening")
}

// BenchmarkHook is what the telemetry adds to one call.
func BenchmarkHook(b *testing.B) {
	meters := otelgroupkit.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())))
	for name, tracers := range map[string]oteltrace.TracerProvider{
		"metrics":                    tracenoop.NewTracerProvider(),
		"metrics, spans not sampled": sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())),
		"metrics, spans":             sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(discard{})),
	} {
		b.Run(name, func(b *testing.B) {
			tel, err := otelgroupkit.New(meters, otelgroupkit.WithTracerProvider(tracers))
			require.NoError(b, err)
			hooks := tel.Hooks(groupkit.Hooks{})
			b.ReportAllocs()
			for b.Loop() {
				hooks.Call(context.Background(), groupkit.CallInfo{Op: groupkit.OpRole, Group: "night-watch", Duration: time.Microsecond})
			}
		})
	}
}

// discard is a span processor that drops all spans.
type discard struct{}

func (discard) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (discard) OnEnd(sdktrace.ReadOnlySpan)                     {}
func (discard) Shutdown(context.Context) error                  { return nil }
func (discard) ForceFlush(context.Context) error                { return nil }
