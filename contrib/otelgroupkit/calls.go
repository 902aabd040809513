package otelgroupkit

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"groupkit"
)

// The upper bounds of the bins of the histograms. Durations are in seconds: a read from memory takes microseconds,
// and a change waits for a disk.
var (
	durationBounds = []float64{0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10}
	userBounds     = []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}
)

// The callInstruments are what the hooks record into.
type callInstruments struct {
	duration, task metric.Float64Histogram
	users          metric.Int64Histogram
	retries        metric.Int64Counter

	known sync.Map // of series: their *labels, made once
}

// A series is what tells the measurements of one instrument apart. There are as many as operations and tasks have
// outcomes.
type series struct {
	key  attribute.Key // operationKey or taskKey
	name string
	outcome
}

// The labels of a series are its attributes, in the forms in which the API takes them.
type labels struct {
	start  trace.SpanStartEventOption
	record []metric.RecordOption
	add    []metric.AddOption
}

func (c *callInstruments) create(m metric.Meter) error {
	var bad [4]error
	c.duration, bad[0] = m.Float64Histogram("groupkit.call.duration", metric.WithUnit("s"),
		metric.WithDescription("How long calls took, from the call until it returned."),
		metric.WithExplicitBucketBoundaries(durationBounds...))
	c.users, bad[1] = m.Int64Histogram("groupkit.call.users", metric.WithUnit("{user}"),
		metric.WithDescription("How many users a call named as its targets, of the calls that named any."),
		metric.WithExplicitBucketBoundaries(userBounds...))
	c.retries, bad[2] = m.Int64Counter("groupkit.call.retries", metric.WithUnit("{retry}"),
		metric.WithDescription("How often a transaction of a call had to run again."))
	c.task, bad[3] = m.Float64Histogram("groupkit.task.duration", metric.WithUnit("s"),
		metric.WithDescription("How long pieces of background work took."),
		metric.WithExplicitBucketBoundaries(durationBounds...))
	return errors.Join(bad[:]...)
}

func (t *Telemetry) callHook(next func(context.Context, groupkit.CallInfo)) func(context.Context, groupkit.CallInfo) {
	return func(ctx context.Context, c groupkit.CallInfo) {
		t.call(ctx, c)
		if next != nil {
			next(ctx, c)
		}
	}
}

func (t *Telemetry) taskHook(next func(groupkit.TaskInfo)) func(groupkit.TaskInfo) {
	return func(i groupkit.TaskInfo) {
		t.task(i)
		if next != nil {
			next(i)
		}
	}
}

// call records a call that has just ended.
func (t *Telemetry) call(ctx context.Context, c groupkit.CallInfo) {
	ended, o := time.Now(), outcomeOf(c.Err, c.Code)
	plain := t.labels(series{operationKey, string(c.Op), outcome{}})
	ctx, span := t.tracer.Start(ctx, string(c.Op), trace.WithTimestamp(ended.Add(-c.Duration)), trace.WithSpanKind(trace.SpanKindInternal), plain.start)
	if span.IsRecording() {
		span.SetAttributes(t.details(c, o)...)
		t.mark(span, o, c.Err)
	}
	// The context has the span, so that an exemplar of the histogram leads to it.
	t.calls.duration.Record(ctx, c.Duration.Seconds(), t.labels(series{operationKey, string(c.Op), o}).record...)
	if c.Users > 0 {
		t.calls.users.Record(ctx, int64(c.Users), plain.record...)
	}
	if c.Retries > 0 {
		t.calls.retries.Add(ctx, int64(c.Retries), plain.add...)
	}
	span.End(trace.WithTimestamp(ended))
}

// details returns the attributes of the span of a call that no sampler needs.
func (t *Telemetry) details(c groupkit.CallInfo, o outcome) []attribute.KeyValue {
	out := o.attributes()
	if c.Users > 0 {
		out = append(out, usersKey.Int(c.Users))
	}
	if c.Retries > 0 {
		out = append(out, retriesKey.Int(c.Retries))
	}
	if t.ids && c.Group != "" {
		out = append(out, groupKey.String(string(c.Group)))
	}
	return out
}

// task records a piece of background work that has just ended. Its span has no parent: no call waits for it.
func (t *Telemetry) task(i groupkit.TaskInfo) {
	ended, o := time.Now(), outcomeOf(i.Err, i.Code)
	ctx, span := t.tracer.Start(context.Background(), "background "+string(i.Task), trace.WithNewRoot(),
		trace.WithTimestamp(ended.Add(-i.Duration)), trace.WithSpanKind(trace.SpanKindInternal),
		t.labels(series{taskKey, string(i.Task), outcome{}}).start)
	if span.IsRecording() {
		span.SetAttributes(o.attributes()...)
		t.mark(span, o, i.Err)
	}
	t.calls.task.Record(ctx, i.Duration.Seconds(), t.labels(series{taskKey, string(i.Task), o}).record...)
	span.End(trace.WithTimestamp(ended))
}

// labels returns the labels of a series.
func (t *Telemetry) labels(s series) *labels {
	if made, ok := t.calls.known.Load(s); ok {
		return made.(*labels)
	}
	attributes := append(t.with(s.key.String(s.name)), s.attributes()...)
	set := metric.WithAttributeSet(attribute.NewSet(slices.Clone(attributes)...))
	made, _ := t.calls.known.LoadOrStore(s, &labels{trace.WithAttributes(attributes...), []metric.RecordOption{set}, []metric.AddOption{set}})
	return made.(*labels)
}
