package otelgroupkit

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"groupkit"
)

// ScopeName is the name of the instrumentation scope of all metrics and spans.
const ScopeName = "groupkit/contrib/otelgroupkit"

// The keys of the attributes that the package sets, besides error.type.
const (
	operationKey       = attribute.Key("groupkit.operation")              // a groupkit.Op
	taskKey            = attribute.Key("groupkit.task")                   // a groupkit.Task
	codeKey            = attribute.Key("groupkit.code")                   // groupkit.Code of the error, or "canceled"
	usersKey           = attribute.Key("groupkit.users")                  // how many users a call names as its targets
	retriesKey         = attribute.Key("groupkit.retries")                // how often a transaction of a call ran again
	groupKey           = attribute.Key("groupkit.group.id")               // a groupkit.GroupID; only with WithIDs
	visibilityKey      = attribute.Key("groupkit.group.visibility")       // "public" or "private"
	cacheResultKey     = attribute.Key("groupkit.cache.result")           // "hit" or "miss"
	connectionStateKey = attribute.Key("groupkit.store.connection.state") // "idle" or "used"
	workKey            = attribute.Key("groupkit.work.kind")              // a field of groupkit.WorkStats or groupkit.Pending
	boundKey           = attribute.Key("le")                              // the upper bound of a bin in seconds, or "+Inf"
)

// own are the keys that WithAttributes refuses.
var own = []attribute.Key{
	operationKey, taskKey, codeKey, usersKey, retriesKey, groupKey, visibilityKey, cacheResultKey, connectionStateKey, workKey, boundKey,
	semconv.ErrorTypeKey,
}

// Telemetry shows one engine to OpenTelemetry. Any number of goroutines can use it.
type Telemetry struct {
	config
	tracer   trace.Tracer
	meter    metric.Meter
	calls    callInstruments
	observed atomic.Pointer[observation] // nil: Observe is not in effect
}

// An Option is an option of New.
type Option func(*config)

type config struct {
	tracers    trace.TracerProvider
	meters     metric.MeterProvider
	attributes []attribute.KeyValue
	ids        bool
}

// WithTracerProvider says where the spans go. Default, also for nil: otel.GetTracerProvider(). For metrics without spans give
// noop.NewTracerProvider() of package go.opentelemetry.io/otel/trace/noop.
func WithTracerProvider(p trace.TracerProvider) Option {
	return func(c *config) { c.tracers = p }
}

// WithMeterProvider says where the metrics go. Default, also for nil: otel.GetMeterProvider(). For spans without metrics give
// noop.NewMeterProvider() of package go.opentelemetry.io/otel/metric/noop.
func WithMeterProvider(p metric.MeterProvider) Option {
	return func(c *config) { c.meters = p }
}

// WithAttributes adds attributes to all metrics and spans. If a process has several engines, give each a Telemetry
// of its own, with an attribute that tells them apart:
//
//	otelgroupkit.WithAttributes(attribute.String("groupkit.engine", "guilds"))
//
// New refuses an attribute without a key or a value, and one whose key the package sets itself. Default: none.
func WithAttributes(attributes ...attribute.KeyValue) Option {
	return func(c *config) { c.attributes = append(c.attributes, attributes...) }
}

// WithIDs puts onto spans what can name groups and users: the group ID of the call (groupkit.group.id), and, as the description of the
// status, the text of an error with its causes. Metrics never have IDs. Default: spans have none.
func WithIDs() Option {
	return func(c *config) { c.ids = true }
}

// New returns the Telemetry of one engine. Give its Hooks to the engine, and then the engine to Observe. It returns an
// error if an attribute of WithAttributes is refused, or the meter provider refuses an instrument.
func New(options ...Option) (*Telemetry, error) {
	t := new(Telemetry)
	for _, set := range options {
		set(&t.config)
	}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("otelgroupkit: %w", err)
	}
	if t.tracers == nil {
		t.tracers = otel.GetTracerProvider()
	}
	if t.meters == nil {
		t.meters = otel.GetMeterProvider()
	}
	t.tracer = t.tracers.Tracer(ScopeName, trace.WithSchemaURL(semconv.SchemaURL))
	t.meter = t.meters.Meter(ScopeName, metric.WithSchemaURL(semconv.SchemaURL))
	if err := t.calls.create(t.meter); err != nil {
		return nil, fmt.Errorf("otelgroupkit: %w", err)
	}
	return t, nil
}

func (c *config) check() error {
	var bad []error
	for _, a := range c.attributes {
		switch {
		case !a.Valid():
			bad = append(bad, fmt.Errorf("attribute %q has no key or no value", string(a.Key)))
		case slices.Contains(own, a.Key):
			bad = append(bad, fmt.Errorf("attribute %q is set by the package", string(a.Key)))
		}
	}
	return errors.Join(bad...)
}

// with returns the attributes of all metrics and spans, and others.
func (c *config) with(others ...attribute.KeyValue) []attribute.KeyValue {
	return append(slices.Clip(c.attributes), others...)
}

// Hooks returns functions for groupkit.Options.Hooks that record each call and each piece of background work, and then call the functions of
// next. They record also if those of next panic.
func (t *Telemetry) Hooks(next groupkit.Hooks) groupkit.Hooks {
	return groupkit.Hooks{Call: t.callHook(next.Call), Task: t.taskHook(next.Task)}
}
