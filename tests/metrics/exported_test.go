// Package metrics_test holds the dashboard and the alerts of promgroupkit against the metrics that it exports, and runs the
// alerts over series.
package metrics_test

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/contrib/promgroupkit"
)

var promQL = parser.NewParser(parser.Options{})

// targetLabels are the labels that Prometheus and Options.Labels add.
var targetLabels = []string{"app", "cluster", "instance", "job", "namespace"}

// A series is what a query can name: its labels, and whether it only grows.
type series struct {
	metric  string
	labels  []string
	counter bool
}

// stats is a Source whose Stats have every field.
type stats struct{}

func (stats) Stats() (s groupkit.Stats) {
	fill(reflect.ValueOf(&s).Elem())
	s.Opened = time.Unix(1, 0)
	s.Store.Kind = "bbolt"
	return s
}

func fill(v reflect.Value) {
	for _, field := range v.Fields() {
		if field.Kind() == reflect.Pointer {
			field.Set(reflect.New(field.Type().Elem()))
			field = field.Elem()
		}
		if field.Kind() == reflect.Struct && field.Type() != reflect.TypeFor[time.Time]() {
			fill(field)
		}
	}
}

// exported returns what the collector exports, by name.
func exported(t *testing.T) map[string]series {
	t.Helper()
	c := promgroupkit.New(promgroupkit.Options{})
	hooks := c.Hooks(groupkit.Hooks{})
	hooks.Call(t.Context(), groupkit.CallInfo{Op: groupkit.OpJoin})
	hooks.Task(groupkit.TaskInfo{Task: groupkit.TaskSweep})
	c.Observe(stats{})
	r := prometheus.NewPedanticRegistry()
	require.NoError(t, r.Register(c))
	families, err := r.Gather()
	require.NoError(t, err)
	all := make(map[string]series)
	for _, f := range families {
		s := series{metric: f.GetName(), counter: f.Metric[0].Counter != nil}
		for _, l := range f.Metric[0].Label {
			s.labels = append(s.labels, l.GetName())
		}
		if f.Metric[0].Histogram == nil {
			all[s.metric] = s
			continue
		}
		s.counter = true
		all[s.metric+"_sum"], all[s.metric+"_count"] = s, s
		s.labels = append(slices.Clone(s.labels), "le")
		all[s.metric+"_bucket"] = s
	}
	return all
}

// metrics returns the names of the metrics.
func metrics(all map[string]series) []string {
	names := make(map[string]bool)
	for _, s := range all {
		names[s.metric] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// growth are the functions that make a number of a counter.
var growth = []string{"increase", "rate"}

// check holds a query against what is exported: its metrics, its labels, and that counters are never shown as they are. It returns the
// metrics that the query names, and the labels of their series.
func check(all map[string]series, query string) (used map[string]bool, labels []string, err error) {
	expr, err := promQL.ParseExpr(query)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", query, err)
	}
	used = make(map[string]bool)
	labels = slices.Clone(targetLabels)
	var problems []string
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		v, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		s, ok := all[v.Name]
		if !ok {
			problem("%q is not exported", v.Name)
			return nil
		}
		used[s.metric] = true
		labels = append(labels, s.labels...)
		for _, m := range v.LabelMatchers {
			if m.Name != "__name__" && !slices.Contains(s.labels, m.Name) && !slices.Contains(targetLabels, m.Name) {
				problem("%s has no label %q", v.Name, m.Name)
			}
		}
		grows := slices.ContainsFunc(path, func(n parser.Node) bool {
			call, ok := n.(*parser.Call)
			return ok && slices.Contains(growth, call.Func.Name)
		})
		if grows != s.counter {
			problem("%s: a counter needs one of %v, and a gauge none", v.Name, growth)
		}
		return nil
	})
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		var named []string
		switch n := node.(type) {
		case *parser.AggregateExpr:
			named = n.Grouping
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				named = append(slices.Clone(n.VectorMatching.MatchingLabels), n.VectorMatching.Include...)
			}
		}
		for _, name := range named {
			if !slices.Contains(labels, name) {
				problem("no series has the label %q", name)
			}
		}
		return nil
	})
	if problems != nil {
		return nil, nil, fmt.Errorf("%s: %s", query, strings.Join(problems, "; "))
	}
	return used, labels, nil
}

// What check is for, it finds.
func TestCheck(t *testing.T) {
	t.Parallel()
	all := exported(t)
	for query, want := range map[string]string{
		`rate(groupkit_calls_total{op="speak"}[5m])`:                                   "",
		`sum by (le, job) (rate(groupkit_call_duration_seconds_bucket[5m]))`:           "",
		`groupkit_followers > 2`:                                                       "",
		`rate(groupkit_callings_total[5m])`:                                            `"groupkit_callings_total" is not exported`,
		`rate(groupkit_call_duration_seconds[5m])`:                                     `"groupkit_call_duration_seconds" is not exported`,
		`rate(groupkit_calls_total{operation="speak"}[5m])`:                            `has no label "operation"`,
		`sum by (task) (rate(groupkit_calls_total[5m]))`:                               `no series has the label "task"`,
		`groupkit_followers / on (op) groupkit_follower_feeds`:                         `no series has the label "op"`,
		`groupkit_calls_total > 5`:                                                     "a counter needs",
		`rate(groupkit_followers[5m])`:                                                 "a counter needs",
		`rate(groupkit_calls_total[5m]`:                                                "unclosed left parenthesis",
		`sum without (code) (increase(groupkit_failures_total{code="corrupt"}[5m]))`:   "",
		`sum without (result) (increase(groupkit_failures_total{code="corrupt"}[5m]))`: `no series has the label "result"`,
	} {
		_, _, err := check(all, query)
		if want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, want, query)
		}
	}
}

// documentation returns the text for operators.
func documentation(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	return string(text)
}

// Each metric is shown, or an alert asks for it, and the documentation says what it means.
func TestEveryMetric(t *testing.T) {
	t.Parallel()
	all := exported(t)
	used := make(map[string]bool)
	for _, query := range append(dashboardQueries(t), alertQueries(t)...) {
		some, _, err := check(all, query)
		require.NoError(t, err)
		maps.Copy(used, some)
	}
	require.Equal(t, metrics(all), slices.Sorted(maps.Keys(used)))
	text := documentation(t)
	for _, name := range metrics(all) {
		require.Contains(t, text, "`"+name, "docs/operations.md does not say what it means")
	}
}
