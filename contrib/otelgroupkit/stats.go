package otelgroupkit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"groupkit"
)

// Observe tells the meter provider the Stats of an engine whenever it collects, until Unregister of the result is called. The engine is read
// once a collection. A number that the store or the engine does not know has no series.
//
// From then on the engine counts the lookups of its cache, as from the first call of [groupkit.Engine.Stats]. A closed engine goes on to be
// observed, with what it has counted. After Unregister the Telemetry can observe another one.
//
// Observe returns an error if the engine was not opened, and if the Telemetry observes an engine already: the two could not be told
// apart.
func (t *Telemetry) Observe(eng *groupkit.Engine) (metric.Registration, error) {
	if eng.Stats().Opened.IsZero() {
		return nil, errors.New("otelgroupkit: the engine to observe was not opened")
	}
	o := &observation{of: t}
	if !t.observed.CompareAndSwap(nil, o) {
		return nil, errors.New("otelgroupkit: an engine is observed already: make a Telemetry for each engine")
	}
	var err error
	if o.Registration, err = t.register(eng.Stats); err != nil {
		t.observed.Store(nil)
		return nil, fmt.Errorf("otelgroupkit: observe: %w", err)
	}
	return o, nil
}

// An observation is what Observe has begun.
type observation struct {
	metric.Registration
	of *Telemetry
}

// Unregister ends the observation. The Telemetry can then observe another engine, or this one again. Further calls do nothing.
func (o *observation) Unregister() error {
	err := o.Registration.Unregister()
	if err == nil {
		o.of.observed.CompareAndSwap(o, nil)
	}
	return err
}

// register creates the instruments of the tables numbers and seconds, and has them read together.
func (t *Telemetry) register(stats func() groupkit.Stats) (metric.Registration, error) {
	var all []metric.Observable
	var bad []error
	ints := make([]metric.Int64Observable, len(numbers))
	for i, n := range numbers {
		var err error
		ints[i], err = createInt(t.meter, n)
		all, bad = append(all, ints[i]), append(bad, err)
	}
	floats := make([]metric.Float64Observable, len(seconds))
	for i, s := range seconds {
		var err error
		floats[i], err = createFloat(t.meter, s)
		all, bad = append(all, floats[i]), append(bad, err)
	}
	if err := errors.Join(bad...); err != nil {
		return nil, err
	}
	return t.meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		s := stats()
		for i, n := range numbers {
			n.read(&s, func(value int64, attributes ...attribute.KeyValue) {
				to.ObserveInt64(ints[i], value, metric.WithAttributes(t.with(attributes...)...))
			})
		}
		for i, n := range seconds {
			n.read(&s, func(value float64, attributes ...attribute.KeyValue) {
				to.ObserveFloat64(floats[i], value, metric.WithAttributes(t.with(attributes...)...))
			})
		}
		return nil
	}, slices.Clip(all)...)
}

// A kind is what the values of an instrument mean when they are added up.
type kind int

const (
	counter kind = iota // it only grows, and starts with the engine
	upDown              // the values of several engines can be added up
	gauge               // they can't: engines that share a store all tell the same, or the sum means nothing
)

// A shown is one row of the tables: an instrument, and how to read it from Stats.
type shown[N int64 | float64] struct {
	kind              kind
	name, unit, about string
	read              func(s *groupkit.Stats, tell func(value N, attributes ...attribute.KeyValue))
}

func createInt(m metric.Meter, n shown[int64]) (metric.Int64Observable, error) {
	unit, about := metric.WithUnit(n.unit), metric.WithDescription(n.about)
	switch n.kind {
	case counter:
		return m.Int64ObservableCounter(n.name, unit, about)
	case upDown:
		return m.Int64ObservableUpDownCounter(n.name, unit, about)
	}
	return m.Int64ObservableGauge(n.name, unit, about)
}

func createFloat(m metric.Meter, n shown[float64]) (metric.Float64Observable, error) {
	unit, about := metric.WithUnit(n.unit), metric.WithDescription(n.about)
	switch n.kind {
	case counter:
		return m.Float64ObservableCounter(n.name, unit, about)
	case upDown:
		return m.Float64ObservableUpDownCounter(n.name, unit, about)
	}
	return m.Float64ObservableGauge(n.name, unit, about)
}
