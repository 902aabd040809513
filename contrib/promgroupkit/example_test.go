package promgroupkit_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"groupkit"
	"groupkit/contrib/promgroupkit"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// Serve the metrics of an engine under /metrics.
func Example() {
	metrics := promgroupkit.New(promgroupkit.Options{Labels: prometheus.Labels{"app": "guilds"}})
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics)

	var opts groupkit.Options
	opts.Hooks = metrics.Hooks(opts.Hooks)
	eng, err := groupkit.New(memstore.New(), memblob.New(), &opts)
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	metrics.Observe(eng)

	ctx := context.Background()
	g, err := eng.System().CreateGroup(ctx, groupkit.NewGroup{Name: "Night Watch", Owner: "alice", Public: true})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := eng.As("bob").Join(ctx, g.ID); err != nil {
		log.Fatal(err)
	}
	fmt.Println(eng.As("bob").AddAdmin(ctx, g.ID, "bob") != nil)

	// http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(answer.Body.String()) {
		if strings.HasPrefix(line, "groupkit_calls_total") || strings.HasPrefix(line, "groupkit_store_info") {
			fmt.Print(line)
		}
	}
	// Output:
	// true
	// groupkit_calls_total{app="guilds",code="ok",op="add admin"} 0
	// groupkit_calls_total{app="guilds",code="ok",op="create group"} 1
	// groupkit_calls_total{app="guilds",code="ok",op="join group"} 1
	// groupkit_calls_total{app="guilds",code="role_too_low",op="add admin"} 1
	// groupkit_store_info{app="guilds",kind="memory"} 1
}
