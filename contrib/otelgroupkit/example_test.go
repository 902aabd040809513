package otelgroupkit_test

import (
	"context"
	"fmt"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"groupkit"
	"groupkit/contrib/otelgroupkit"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// Give the hooks to the engine, and the engine to Observe. Exporters of your program take the place of the reader and the
// recorder in memory.
func ExampleNew() {
	reader, spans := metric.NewManualReader(), tracetest.NewSpanRecorder()
	tel, err := otelgroupkit.New(
		otelgroupkit.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader))),
		otelgroupkit.WithTracerProvider(trace.NewTracerProvider(trace.WithSpanProcessor(spans))),
		otelgroupkit.WithAttributes(attribute.String("groupkit.engine", "guilds")),
	)
	orDie(err)
	eng, err := groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{Hooks: tel.Hooks(groupkit.Hooks{})})
	orDie(err)
	defer eng.Close()
	registration, err := tel.Observe(eng)
	orDie(err)
	defer registration.Unregister()

	ctx := context.Background()
	g, err := eng.As("alice").CreateGroup(ctx, groupkit.NewGroup{Name: "Night Watch"})
	orDie(err)
	_, err = eng.As("bob").Join(ctx, g.ID)
	fmt.Println(err != nil)

	for _, span := range spans.Ended() {
		if span.Name() != "background resume" { // once after each opening
			attributes := attribute.NewSet(span.Attributes()...)
			fmt.Println(span.Name(), span.Status().Code, attributes.Encoded(attribute.DefaultEncoder()))
		}
	}
	var collected metricdata.ResourceMetrics
	orDie(reader.Collect(ctx, &collected))
	metrics := collected.ScopeMetrics[0].Metrics
	at := slices.IndexFunc(metrics, func(m metricdata.Metrics) bool { return m.Name == "groupkit.store.updates" })
	fmt.Println(metrics[at].Name, metrics[at].Data.(metricdata.Sum[int64]).DataPoints[0].Value)
	// Output:
	// true
	// create group Unset groupkit.engine=guilds,groupkit.operation=create group,groupkit.users=1
	// join group Unset groupkit.code=group_not_found,groupkit.engine=guilds,groupkit.operation=join group
	// groupkit.store.updates 2
}

func orDie(err error) {
	if err != nil {
		panic(err)
	}
}
