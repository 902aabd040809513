package promgroupkit_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/contrib/promgroupkit"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// open opens an engine over memory that a new Collector observes, in a registry of its own that holds the Collector to what it
// has described.
func open(t testing.TB, opts groupkit.Options) (*groupkit.Engine, *prometheus.Registry) {
	t.Helper()
	c := promgroupkit.New(promgroupkit.Options{})
	opts.Hooks = c.Hooks(opts.Hooks)
	eng, err := groupkit.New(memstore.New(), memblob.New(), &opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	c.Observe(eng)
	return eng, register(t, c)
}

func register(t testing.TB, all ...prometheus.Collector) *prometheus.Registry {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	for _, c := range all {
		require.NoError(t, r.Register(c))
	}
	return r
}

// gather returns the metrics, by name, as text.
func gather(t testing.TB, r prometheus.Gatherer) map[string]string {
	t.Helper()
	families, err := r.Gather()
	require.NoError(t, err)
	all := make(map[string]string)
	for _, f := range families {
		require.True(t, strings.HasPrefix(f.GetName(), "groupkit_"), f.GetName())
		var text strings.Builder
		for _, m := range f.Metric {
			if m.Counter != nil {
				m.Counter.CreatedTimestamp = nil // when the test ran
			}
			if m.Histogram != nil {
				m.Histogram.CreatedTimestamp = nil
			}
			text.WriteString(m.String() + "\n")
		}
		all[f.GetName()] = text.String()
	}
	return all
}

// values returns the values of a counter or a gauge, by its labels, as "add member/ok".
func values(t testing.TB, r prometheus.Gatherer, name string) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	require.NoError(t, err)
	all := make(map[string]float64)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.Metric {
			var labels []string
			for i := len(m.Label) - 1; i >= 0; i-- {
				labels = append(labels, m.Label[i].GetValue())
			}
			all[strings.Join(labels, "/")] = m.Counter.GetValue() + m.Gauge.GetValue()
		}
	}
	return all
}

// known is a Source with the Stats that a test gives it.
type known groupkit.Stats

func (k known) Stats() groupkit.Stats { return groupkit.Stats(k) }
