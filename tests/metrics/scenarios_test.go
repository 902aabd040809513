package metrics_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/stretchr/testify/require"
)

// A scenario is what an alert is for, and what is close to it and no reason to call anybody. Each line is a series with a
// value a minute, in the notation of promtool.
type scenario struct {
	fires string
	quiet []string
}

var scenarios = map[string]scenario{
	"GroupkitStorageFailing": {
		fires: `groupkit_failures_total{code="storage_failed"} 0x10 1+1x60`,
		quiet: []string{
			`groupkit_failures_total{code="storage_failed"} 0x10 1x60`, // one call
			`groupkit_failures_total{code="corrupt"} 0x10 1+1x60`,
		},
	},
	"GroupkitDataDamaged": {
		fires: `groupkit_failures_total{code="corrupt"} 0x10 1x60`,
		quiet: []string{`groupkit_failures_total{code="corrupt"} 7x120`, `groupkit_failures_total{code="storage_failed"} 0x10 1x60`},
	},
	"GroupkitClockWrong": {
		fires: `groupkit_failures_total{code="clock_out_of_range"} 0x10 1x60`,
		quiet: []string{`groupkit_failures_total{code="clock_out_of_range"} 7x120`},
	},
	"GroupkitOutcomesUnknown": {
		fires: `groupkit_failures_total{code="unknown_outcome"} 0x10 1x60`,
		quiet: []string{`groupkit_failures_total{code="unknown_outcome"} 7x120`},
	},
	"GroupkitChangesStuck": {
		fires: "groupkit_updates_running 0x10 3x60\ngroupkit_update_duration_seconds_count 70+1x10 80x60",
		quiet: []string{
			"groupkit_updates_running 0x10 3x60\ngroupkit_update_duration_seconds_count 70+1x70", // they end
			"groupkit_updates_running 0x70\ngroupkit_update_duration_seconds_count 70x70",        // there are none
		},
	},
	"GroupkitChangesQueue": {
		fires: `groupkit_updates_running 257x60`,
		quiet: []string{`groupkit_updates_running 256x60`, `groupkit_updates_running 5 900 5 900 5 900 5 900 5 900 5 900 5 900 5 900`},
	},
	"GroupkitCommitsSlow": {
		fires: "groupkit_store_commit_duration_seconds_sum 0+6x60\ngroupkit_store_commit_duration_seconds_count 0+60x60",
		quiet: []string{
			"groupkit_store_commit_duration_seconds_sum 0+0.6x60\ngroupkit_store_commit_duration_seconds_count 0+60x60",
			"groupkit_store_commit_duration_seconds_sum 600x60\ngroupkit_store_commit_duration_seconds_count 60x60", // no commits
		},
	},
	"GroupkitNotSaving": {
		fires: "groupkit_store_unsaved_commits 5+1x60\ngroupkit_store_commits_total 90x60",
		quiet: []string{
			"groupkit_store_unsaved_commits 5+1x60\ngroupkit_store_commits_total 90+1x60",
			"groupkit_store_unsaved_commits 0x60\ngroupkit_store_commits_total 90x60",
		},
	},
	"GroupkitFileGrowing": {
		fires: `groupkit_store_size_bytes 2000000000+1000000x600`, // 10 GB a week
		quiet: []string{
			`groupkit_store_size_bytes 2000000000+100000x600`, // 1 GB a week
			`groupkit_store_size_bytes 1000000+1000000x600`,   // small
		},
	},
	"GroupkitFileMostlyFree": {
		fires: "groupkit_store_free_bytes 2000000000x120\ngroupkit_store_size_bytes 3000000000x120",
		quiet: []string{
			"groupkit_store_free_bytes 1000000000x120\ngroupkit_store_size_bytes 3000000000x120",
			"groupkit_store_free_bytes 2000000x120\ngroupkit_store_size_bytes 3000000x120",
		},
	},
	"GroupkitConflicts": {
		fires: "groupkit_store_reruns_total 0+120x60\ngroupkit_store_updates_total 0+60x60",
		quiet: []string{
			"groupkit_store_reruns_total 0+30x60\ngroupkit_store_updates_total 0+60x60",
			"groupkit_store_reruns_total 900x60\ngroupkit_store_updates_total 60x60",
		},
	},
	"GroupkitConnectionsShort": {
		fires: "groupkit_store_connections_busy 8x60\ngroupkit_store_connections_limit 8x60\ngroupkit_store_connection_waits_total 0+120x60",
		quiet: []string{
			"groupkit_store_connections_busy 7x60\ngroupkit_store_connections_limit 8x60\ngroupkit_store_connection_waits_total 0+120x60",
			"groupkit_store_connections_busy 8x60\ngroupkit_store_connections_limit 8x60\ngroupkit_store_connection_waits_total 900x60",
		},
	},
	"GroupkitTaskFailing": {
		fires: "groupkit_tasks_total{task=\"sweep\",result=\"failed\"} 0x10 1x90\ngroupkit_tasks_total{task=\"sweep\",result=\"ok\"} 7x100\n" +
			"groupkit_tasks_total{task=\"care\",result=\"failed\"} 0x100\ngroupkit_tasks_total{task=\"care\",result=\"ok\"} 0+4x100",
		quiet: []string{
			// It has succeeded since.
			"groupkit_tasks_total{task=\"care\",result=\"failed\"} 0x10 1x90\ngroupkit_tasks_total{task=\"care\",result=\"ok\"} 0+4x100",
			"groupkit_tasks_total{task=\"care\",result=\"failed\"} 7x100\ngroupkit_tasks_total{task=\"care\",result=\"ok\"} 7x100",
		},
	},
	"GroupkitNobodyCares": {
		fires: "groupkit_work_caring{instance=\"a\"} 1x10 0x60\ngroupkit_work_caring{instance=\"b\"} 0x70",
		quiet: []string{"groupkit_work_caring{instance=\"a\"} 1x10 0x60\ngroupkit_work_caring{instance=\"b\"} 0x10 1x60"},
	},
	"GroupkitWorkPending": {
		fires: `groupkit_work_pending{work="deletion"} 0x10 1x120`,
		quiet: []string{
			`groupkit_work_pending{work="deletion"} 0x10 1x20 0x60`,
			`groupkit_work_pending{work="deletion"} ` + strings.Repeat("1x10 0x2 ", 12), // always others
			`groupkit_work_pending{work="upload"} 1x120`,
		},
	},
	"GroupkitUploadsStuck": {
		fires: "groupkit_work_pending{work=\"upload\",instance=\"a\"} 2x120\ngroupkit_work_pending{work=\"upload\",instance=\"b\"} 2x120\n" +
			"groupkit_work_running{work=\"upload\",instance=\"a\"} 1x120\ngroupkit_work_running{work=\"upload\",instance=\"b\"} 0x120",
		quiet: []string{
			"groupkit_work_pending{work=\"upload\",instance=\"a\"} 2x120\ngroupkit_work_pending{work=\"upload\",instance=\"b\"} 2x120\n" +
				"groupkit_work_running{work=\"upload\",instance=\"a\"} 1x120\ngroupkit_work_running{work=\"upload\",instance=\"b\"} 1x120",
			"groupkit_work_pending{work=\"deletion\"} 2x120\ngroupkit_work_running{work=\"deletion\"} 0x120",
		},
	},
	"GroupkitContentsNotRemoved": {
		fires: `groupkit_work_waiting_contents 1+1x120`,
		quiet: []string{`groupkit_work_waiting_contents 9x120`, `groupkit_work_waiting_contents 900-1x120`},
	},
	"GroupkitFollowersSlow": {
		fires: `groupkit_follower_misses_total 0x10 1+1x90`,
		quiet: []string{`groupkit_follower_misses_total 0x10 1x90`},
	},
}

func TestAlerts_Fire(t *testing.T) {
	t.Parallel()
	rules := alerts(t)
	require.Equal(t, slices.Sorted(maps.Keys(rules)), slices.Sorted(maps.Keys(scenarios)))
	all := exported(t)
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NotEmpty(t, s.quiet)
			require.True(t, fires(t, all, rules[name], s.fires), s.fires)
			for _, quiet := range s.quiet {
				require.False(t, fires(t, all, rules[name], quiet), quiet)
			}
		})
	}
}

// fires evaluates a rule each minute, and reports whether it holds for one series for as long as the rule says.
func fires(t *testing.T, all map[string]series, rule rulefmt.Rule, text string) bool {
	t.Helper()
	data, end := parse(t, all, text)
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1_000_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute, Parser: promQL})
	query, err := engine.NewRangeQuery(t.Context(), data, nil, rule.Expr, time.Unix(0, 0), end, time.Minute)
	require.NoError(t, err)
	defer query.Close()
	matrix, err := query.Exec(t.Context()).Matrix()
	require.NoError(t, err)
	for _, found := range matrix {
		since := int64(-1)
		for i, point := range found.Floats {
			if i == 0 || point.T-found.Floats[i-1].T > time.Minute.Milliseconds() {
				since = point.T
			}
			if point.T-since >= time.Duration(rule.For).Milliseconds() {
				return true
			}
		}
	}
	return false
}
