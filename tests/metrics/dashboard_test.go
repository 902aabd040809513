package metrics_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"groupkit/contrib/promgroupkit"
)

// classic is a dashboard in the form that every Grafana imports.
//
//lint:ignore SA1019 the new form is a resource of the newest Grafana alone
type classic = dashboard.Dashboard

var register = sync.OnceFunc(plugins.RegisterDefaultPlugins)

// loadDashboard reads the dashboard by the schema of Grafana, which refuses fields that it does not know.
func loadDashboard(t *testing.T) (d classic) {
	t.Helper()
	register()
	text := []byte(promgroupkit.Dashboard())
	err := new(classic).UnmarshalJSONStrict(text)
	if problems, ok := errors.AsType[cog.BuildErrors](err); !ok || len(problems) > 0 { // an empty list is no error
		require.NoError(t, err)
	}
	require.NoError(t, json.Unmarshal(text, &d))
	require.NoError(t, d.Validate())
	return d
}

// inGrafana are the variables of the dashboard, with a value that they can have.
var inGrafana = strings.NewReplacer("$__rate_interval", "5m", "$job", "guilds", "$app", ".*", "$instance", "a:1")

// panels calls visit for each query of each panel.
func panels(t *testing.T, visit func(p dashboard.Panel, q prometheus.Dataquery)) {
	t.Helper()
	for _, p := range loadDashboard(t).Panels {
		if p.Panel == nil {
			continue // a row
		}
		for _, target := range p.Panel.Targets {
			q, ok := target.(prometheus.Dataquery)
			if !ok {
				q = *target.(*prometheus.Dataquery)
			}
			visit(*p.Panel, q)
		}
	}
}

func dashboardQueries(t *testing.T) (queries []string) {
	t.Helper()
	panels(t, func(_ dashboard.Panel, q prometheus.Dataquery) { queries = append(queries, inGrafana.Replace(q.Expr)) })
	return queries
}

func TestDashboard_Queries(t *testing.T) {
	t.Parallel()
	all := exported(t)
	inLegend := regexp.MustCompile(`{{(\w+)}}`)
	selected := regexp.MustCompile(`\{job=~"\$job",app=~"\$app",instance=~"\$instance"[,}]`)
	count := 0
	panels(t, func(p dashboard.Panel, q prometheus.Dataquery) {
		count++
		expr := inGrafana.Replace(q.Expr)
		require.NotContains(t, expr, "$", *p.Title)
		_, labels, err := check(all, expr)
		require.NoError(t, err, *p.Title)
		tree, err := promQL.ParseExpr(expr)
		require.NoError(t, err)
		selectors := parser.ExtractSelectors(tree)
		require.Len(t, selected.FindAllString(q.Expr, -1), len(selectors), "%s: each series is chosen by the variables", *p.Title)
		if sum, ok := tree.(*parser.AggregateExpr); ok {
			labels = sum.Grouping
		}
		for _, name := range inLegend.FindAllStringSubmatch(*q.LegendFormat, -1) {
			require.Contains(t, labels, name[1], *p.Title)
		}
		require.Equal(t, "${datasource}", *q.Datasource.Uid, *p.Title)
	})
	require.Greater(t, count, 50)
}

func TestDashboard_Layout(t *testing.T) {
	t.Parallel()
	d := loadDashboard(t)
	var rows []string
	ids := make(map[uint32]bool)
	var taken [200][24]string
	for _, p := range d.Panels {
		id, title, at := placeOf(p)
		require.False(t, ids[id], "two panels have the id %d", id)
		ids[id] = true
		for y := at.Y; y < at.Y+at.H; y++ {
			for x := at.X; x < at.X+at.W; x++ {
				require.Less(t, x, uint32(24), title)
				require.Empty(t, taken[y][x], "%s lies over another panel", title)
				taken[y][x] = title
			}
		}
		if p.RowPanel != nil {
			rows = append(rows, title)
			require.False(t, p.RowPanel.Collapsed, "%s: its panels follow it", title)
			continue
		}
		require.Equal(t, "${datasource}", *p.Panel.Datasource.Uid, title)
		require.NotNil(t, p.Panel.FieldConfig.Defaults.Unit, "%s has no unit", title)
		require.Contains(t, []string{"bytes", "ops", "percentunit", "s", "short"}, *p.Panel.FieldConfig.Defaults.Unit, title)
	}
	require.Equal(t, []string{"Calls", "Store", "Cache", "Followers", "Background work", "Groups"}, rows)
}

// placeOf returns the id, the title and the place of a panel or of a row.
func placeOf(p dashboard.PanelOrRowPanel) (id uint32, title string, at dashboard.GridPos) {
	if p.RowPanel != nil {
		return p.RowPanel.Id, *p.RowPanel.Title, *p.RowPanel.GridPos
	}
	return *p.Panel.Id, *p.Panel.Title, *p.Panel.GridPos
}

// The variables are filled from labels that exist.
func TestDashboard_Variables(t *testing.T) {
	t.Parallel()
	all := exported(t)
	inQuery := regexp.MustCompile(`^label_values\((groupkit_\w+(?:\{.*\})?), (\w+)\)$`)
	var names []string
	for _, v := range loadDashboard(t).Templating.List {
		names = append(names, v.Name)
		if v.Type == dashboard.VariableTypeDatasource {
			require.Equal(t, "prometheus", *v.Query.String)
			continue
		}
		parts := inQuery.FindStringSubmatch(*v.Definition)
		require.NotNil(t, parts, *v.Definition)
		_, labels, err := check(all, inGrafana.Replace(parts[1]))
		require.NoError(t, err)
		require.Contains(t, labels, parts[2])
		require.Equal(t, v.Name, parts[2])
		require.Equal(t, ".*", *v.AllValue, "an engine without the label is among all")
	}
	require.Equal(t, []string{"datasource", "job", "app", "instance"}, names)
}
