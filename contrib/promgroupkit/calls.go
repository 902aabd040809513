package promgroupkit

import (
	"context"
	"errors"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"groupkit"
)

// callBuckets are the upper bounds in seconds for the durations of calls, from 100 ns to 10 s. They are narrow
// where a call waits for a disk or for a server: from 100 µs on they are those of groupkit.Stats.
var callBuckets = []float64{1e-7, 1e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1, 3, 10}

// calls are the metrics of what Hooks.Call is told.
type calls struct {
	total, users, retries *prometheus.CounterVec
	durations             *prometheus.HistogramVec
	ops                   *sync.Map // Op to *opMetrics
}

// opMetrics are the metrics of one operation, so that a call looks for them once.
type opMetrics struct {
	ok, users, retries prometheus.Counter
	durations          prometheus.Observer
}

func newCalls(labels prometheus.Labels) calls {
	return calls{
		total: newCounters(labels, "groupkit_calls_total",
			"Calls that have ended, by operation and by the code of their error: \"ok\" if they succeeded.", "op", "code"),
		users: newCounters(labels, "groupkit_call_users_total",
			"Users that calls named as their targets, by operation.", "op"),
		retries: newCounters(labels, "groupkit_call_retries_total",
			"How often transactions of calls ran again, by operation. Always 0 on a store that one process owns.", "op"),
		durations: newHistograms(labels, "groupkit_call_duration_seconds",
			"How long calls took, refused ones too, by operation. That of an iterator includes the body of its loop.", callBuckets, "op"),
		ops: new(sync.Map),
	}
}

func (c *calls) all() []prometheus.Collector {
	return []prometheus.Collector{c.total, c.users, c.retries, c.durations}
}

func (c *calls) describe(descs chan<- *prometheus.Desc) {
	for _, m := range c.all() {
		m.Describe(descs)
	}
}

func (c *calls) collect(metrics chan<- prometheus.Metric) {
	for _, m := range c.all() {
		m.Collect(metrics)
	}
}

// of returns the metrics of an operation.
func (c *calls) of(op groupkit.Op) *opMetrics {
	if m, ok := c.ops.Load(op); ok {
		return m.(*opMetrics)
	}
	name := string(op)
	m, _ := c.ops.LoadOrStore(op, &opMetrics{
		c.total.WithLabelValues(name, codeOK), c.users.WithLabelValues(name), c.retries.WithLabelValues(name), c.durations.WithLabelValues(name),
	})
	return m.(*opMetrics)
}

func (c *calls) count(info groupkit.CallInfo) {
	m := c.of(info.Op)
	if info.Err == nil {
		m.ok.Inc()
	} else {
		c.total.WithLabelValues(string(info.Op), codeOf(info.Code, info.Err)).Inc()
	}
	m.users.Add(float64(info.Users))
	m.retries.Add(float64(info.Retries))
	m.durations.Observe(info.Duration.Seconds())
}

// hookCall returns a hook that counts a call and then calls next, if there is one.
func (c *Collector) hookCall(next func(context.Context, groupkit.CallInfo)) func(context.Context, groupkit.CallInfo) {
	return func(ctx context.Context, info groupkit.CallInfo) {
		c.calls.count(info)
		c.countFailure(info.Code)
		if next != nil {
			next(ctx, info)
		}
	}
}

// Values of the label code that are no codes of groupkit.
const (
	codeOK       = "ok"
	codeCanceled = "canceled"
	codeDeadline = "deadline_exceeded"
	codeOther    = "other"
)

// codeOf returns the label of an error with a code of groupkit, or without one.
func codeOf(code string, err error) string {
	switch {
	case code != "":
		return code
	case errors.Is(err, context.Canceled):
		return codeCanceled
	case errors.Is(err, context.DeadlineExceeded):
		return codeDeadline
	}
	return codeOther
}

func newCounters(constant prometheus.Labels, name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: constant}, labels)
}

func newHistograms(constant prometheus.Labels, name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, ConstLabels: constant, Buckets: buckets}, labels)
}
