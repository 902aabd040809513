package metrics_test

import (
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/stretchr/testify/require"

	"groupkit/contrib/promgroupkit"
)

// alerts returns the rules, by name.
func alerts(t *testing.T) map[string]rulefmt.Rule {
	t.Helper()
	groups, errs := rulefmt.Parse([]byte(promgroupkit.Alerts()), false, model.UTF8Validation, promQL, slog.New(slog.DiscardHandler))
	require.Empty(t, errs)
	all := make(map[string]rulefmt.Rule)
	for _, g := range groups.Groups {
		for _, rule := range g.Rules {
			require.NotContains(t, all, rule.Alert)
			all[rule.Alert] = rule
		}
	}
	return all
}

func alertQueries(t *testing.T) (queries []string) {
	t.Helper()
	for _, rule := range alerts(t) {
		queries = append(queries, rule.Expr)
	}
	return queries
}

// Whoever is called reads what has happened and what to do.
func TestAlerts(t *testing.T) {
	t.Parallel()
	all := exported(t)
	operations := documentation(t)
	section := regexp.MustCompile(`"([A-Z][^"]*)"`)
	inText := regexp.MustCompile(`\$labels\.(\w+)`)
	for name, rule := range alerts(t) {
		_, labels, err := check(all, rule.Expr)
		require.NoError(t, err, name)
		require.True(t, strings.HasPrefix(name, "Groupkit"), name)
		require.Positive(t, rule.For, name)
		require.Len(t, rule.Labels, 1, name)
		require.Contains(t, []string{"critical", "warning", "info"}, rule.Labels["severity"], name)
		require.Len(t, rule.Annotations, 2, name)
		for _, text := range []string{rule.Annotations["summary"], rule.Annotations["description"]} {
			require.True(t, strings.HasSuffix(text, "."), name)
			for _, label := range inText.FindAllStringSubmatch(text, -1) {
				require.Contains(t, labels, label[1], name)
			}
		}
		_, where, _ := strings.Cut(rule.Annotations["description"], "See docs/")
		require.NotEmpty(t, where, "%s does not say where to read on", name)
		for _, title := range section.FindAllStringSubmatch(where, -1) {
			require.Contains(t, operations, "\n## "+title[1]+"\n", name)
		}
		require.Contains(t, operations, "`"+name+"`")
	}
}
