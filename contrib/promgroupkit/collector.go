package promgroupkit

import (
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"groupkit"
)

// Options are the options of a Collector. The zero value has none.
type Options struct {
	// Labels are added to every metric. Collectors of several engines in one registry need labels with different values, such
	// as {"app": "guilds"} and {"app": "teams"}. If a name is not valid, or is that of a label of a metric, the
	// registration of the Collector fails.
	Labels prometheus.Labels
}

// taken are the names of labels that metrics have.
var taken = []string{"code", "kind", "le", "op", "quantile", "result", "task", "visibility", "work"}

// check refuses labels that would hide others. Prometheus checks the rest.
func (o Options) check() error {
	for _, name := range slices.Sorted(maps.Keys(o.Labels)) {
		if slices.Contains(taken, name) {
			return fmt.Errorf("promgroupkit: label %q of Options.Labels is a label of the metrics", name)
		}
	}
	return nil
}

// A Collector has the metrics of one engine. It is a [prometheus.Collector]. Any number of goroutines can use one.
type Collector struct {
	calls    calls
	tasks    tasks
	stats    []statsMetric
	failures *prometheus.CounterVec
	observed atomic.Pointer[Source]
	invalid  error // why the options cannot be used; the registration returns it
}

// A Source tells about an engine. [groupkit.Engine] is one. For an engine in another process it is a type that returns the Stats
// which that process has sent.
type Source interface {
	Stats() groupkit.Stats
}

// New returns a Collector that has no numbers yet. Register it once, with any [prometheus.Registerer].
func New(o Options) *Collector {
	invalid := o.check()
	if invalid != nil {
		o.Labels = nil
	}
	return &Collector{
		invalid:  invalid,
		calls:    newCalls(o.Labels),
		tasks:    newTasks(o.Labels),
		stats:    newStatsMetrics(o.Labels),
		failures: newFailures(o.Labels),
	}
}

// Hooks returns hooks for groupkit.Options.Hooks that count calls and background work, and then call those of next. The
// metrics of calls and of tasks need them. Use the result for one engine at a time: what several engines do is counted together.
func (c *Collector) Hooks(next groupkit.Hooks) groupkit.Hooks {
	c.tasks.begin()
	beginFailures(c.failures)
	hooks := next
	hooks.Call = c.hookCall(next.Call)
	hooks.Task = c.hookTask(next.Task)
	return hooks
}

// Observe makes the Stats of an engine part of each scrape, in place of those of the engine before. Call it when
// the engine is open. Before, there are only the metrics of the hooks.
//
// After Close of the engine its metrics keep their last values, but those that the store no longer knows, such as the size of the
// file, are missing. Observe(nil) ends all of them.
func (c *Collector) Observe(s Source) {
	if s == nil {
		c.observed.Store(nil)
		return
	}
	c.observed.Store(&s)
}

// Describe is for the registry.
func (c *Collector) Describe(descs chan<- *prometheus.Desc) {
	if c.invalid != nil {
		descs <- prometheus.NewInvalidDesc(c.invalid)
		return
	}
	c.calls.describe(descs)
	c.tasks.describe(descs)
	c.failures.Describe(descs)
	for _, m := range c.stats {
		descs <- m.desc
	}
}

// Collect is for the registry. It waits for no transaction and makes no round trip.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	c.calls.collect(metrics)
	c.tasks.collect(metrics)
	c.failures.Collect(metrics)
	source := c.observed.Load()
	if source == nil {
		return
	}
	stats := (*source).Stats()
	if stats.Opened.IsZero() {
		return // there is no engine
	}
	for _, m := range c.stats {
		m.read(sample{m.desc, m.kind, metrics}, &stats)
	}
}
