package promgroupkit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/contrib/promgroupkit"
	"groupkit/store"
)

// A leaf is a field of a value that contains no others.
type leaf struct {
	path  string
	value reflect.Value
	was   reflect.Value
}

// change gives the leaf another value.
func (l leaf) change() {
	switch v := l.value; v.Kind() {
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1_000_000_000) // a second
	case reflect.Uint64:
		v.SetUint(v.Uint() + 1)
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.String:
		v.SetString(v.String() + " of old")
	case reflect.Interface:
		v.SetZero()
	default:
		v.Set(reflect.ValueOf(v.Interface().(time.Time).Add(time.Hour)))
	}
}

func (l leaf) restore() { l.value.Set(l.was) }

// leavesOf returns the leaves of what v points to. Pointers that are nil get a value, slices an element.
func leavesOf[T any](v *T) (all []leaf) {
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch {
		case v.Kind() == reflect.Pointer:
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			walk(path, v.Elem())
		case v.Kind() == reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			walk(path, v.Index(0))
		case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
			for i := range v.NumField() {
				walk(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
		default:
			was := reflect.New(v.Type()).Elem()
			was.Set(v)
			all = append(all, leaf{path, v, was})
		}
	}
	walk(reflect.TypeFor[T]().Name(), reflect.ValueOf(v).Elem())
	return all
}

// Each field of Stats is in a metric, or stands here.
func TestCollector_Stats_EveryField(t *testing.T) {
	t.Parallel()
	stats := groupkit.Stats{Opened: time.Unix(1_000_000_000, 0)}
	leaves := leavesOf(&stats)
	require.Greater(t, len(leaves), 50)
	scrape := func() map[string]string {
		c := promgroupkit.New(promgroupkit.Options{})
		c.Observe(known(stats))
		return gather(t, register(t, c))
	}
	before := scrape()
	changed := make(map[string]bool)
	var hidden []string
	for _, l := range leaves {
		l.change()
		after := scrape()
		same := true
		for name := range maps.Keys(after) {
			if after[name] != before[name] {
				same, changed[name] = false, true
			}
		}
		if same {
			hidden = append(hidden, l.path)
		}
		l.restore()
	}
	require.Equal(t, []string{"Stats.At"}, hidden) // a scrape has a time of its own
	for name := range before {
		require.True(t, changed[name] || strings.HasPrefix(name, "groupkit_store_info"), "%s shows no field", name)
	}
}

// full is what an engine could tell.
func full() known {
	bins := func(counts ...uint64) *store.Durations {
		return &store.Durations{Count: counts[2], Sum: 1500 * time.Millisecond, Max: time.Second, Bins: []store.Bin{{Bound: 100 * time.Microsecond, Count: counts[0]}, {Bound: time.Second, Count: counts[1]}}}
	}
	return known{
		At: time.Unix(1_700_000_000, 0), Opened: time.UnixMilli(1_600_000_000_250),
		Updates: groupkit.UpdateStats{Running: 3, Durations: *bins(4, 9, 10)},
		Store: store.Stats{
			Kind: "bbolt", Size: new(int64(1 << 20)), Free: new(int64(4096)), Updates: new(uint64(20)), Commits: new(uint64(7)), Largest: new(6),
			Writing: bins(1, 6, 7), Waiting: new(2), Unsaved: new(uint64(1)), Reruns: new(uint64(5)),
			Connections: &store.Connections{Most: 8, Open: 4, Busy: 3, Waits: 2, Waited: 250 * time.Millisecond},
		},
		Cache:     &groupkit.CacheStats{Hits: 90, Misses: 10, ErrorHits: 8, ErrorMisses: 7, Used: 640, Size: 1024, Most: 4096},
		Followers: groupkit.FollowerStats{Followers: 5, Feeds: 4, Missed: 3},
		Work: groupkit.WorkStats{
			Caring: true, Uploads: 1, Loads: 2, Deletions: 3, Contents: 4,
			Pending: groupkit.Pending{Deletions: 5, Contents: 6, Uploads: 7, Pseudonyms: 8, Loads: 9},
		},
		Counts: &groupkit.Counts{Groups: 10, Public: 4, Memberships: 300, Files: 20, Requests: 5, Invitations: 6, At: time.Unix(1_650_000_000, 0)},
	}
}

func TestCollector_Stats(t *testing.T) {
	t.Parallel()
	c := promgroupkit.New(promgroupkit.Options{Labels: prometheus.Labels{"app": "guilds"}})
	c.Observe(full())
	want, err := os.ReadFile("testdata/stats.txt")
	require.NoError(t, err)
	require.NoError(t, testutil.CollectAndCompare(c, strings.NewReader(string(want))))
}

func TestCollector_Lint(t *testing.T) {
	t.Parallel()
	c := promgroupkit.New(promgroupkit.Options{})
	c.Observe(full())
	hooks := c.Hooks(groupkit.Hooks{})
	hooks.Call(t.Context(), groupkit.CallInfo{Op: groupkit.OpJoin})
	hooks.Task(groupkit.TaskInfo{Task: groupkit.TaskSweep})
	problems, err := testutil.GatherAndLint(register(t, c))
	require.NoError(t, err)
	require.Empty(t, problems)
}

// What the engine or the store does not know is missing, and is not 0.
func TestCollector_Unknown(t *testing.T) {
	t.Parallel()
	c := promgroupkit.New(promgroupkit.Options{})
	r := register(t, c)
	require.Empty(t, gather(t, r), "before the hooks are used and an engine is observed")

	c.Observe((*groupkit.Engine)(nil))
	require.Empty(t, gather(t, r))

	c.Observe(known{Opened: time.Unix(1, 0)})
	require.ElementsMatch(t, []string{
		"groupkit_opened_timestamp_seconds", "groupkit_updates_running", "groupkit_update_duration_seconds", "groupkit_update_longest_seconds",
		"groupkit_followers", "groupkit_follower_feeds", "groupkit_follower_misses_total",
		"groupkit_work_caring", "groupkit_work_running", "groupkit_work_pending", "groupkit_work_waiting_contents",
	}, slices.Collect(maps.Keys(gather(t, r))))
	require.Equal(t, map[string]float64{"": 0}, values(t, r, "groupkit_work_caring"))

	c.Observe(known{Opened: time.Unix(1, 0), Store: store.Stats{Kind: "\xff"}})
	require.Equal(t, map[string]float64{"?": 1}, values(t, r, "groupkit_store_info"))

	c.Observe(nil)
	require.Empty(t, gather(t, r))
}

// After Close a scrape has what was counted. The size of a file that is closed is not known. The next engine takes the place of
// the one before.
func TestCollector_Close(t *testing.T) {
	t.Parallel()
	c := promgroupkit.New(promgroupkit.Options{})
	r := register(t, c)
	path := filepath.Join(t.TempDir(), "guilds.db")
	for range 2 {
		opts := groupkit.Options{Hooks: c.Hooks(groupkit.Hooks{})}
		eng, err := groupkit.Open(path, &opts)
		require.NoError(t, err)
		c.Observe(eng)
		_, err = eng.System().CreateGroup(t.Context(), groupkit.NewGroup{Name: "Night Watch", Owner: "alice"})
		require.NoError(t, err)
		require.Positive(t, values(t, r, "groupkit_store_size_bytes")[""])
		before := values(t, r, "groupkit_store_commits_total")[""]
		require.Positive(t, before)
		require.NoError(t, eng.Close())
		after := gather(t, r)
		require.NotContains(t, after, "groupkit_store_size_bytes")
		require.GreaterOrEqual(t, values(t, r, "groupkit_store_commits_total")[""], before)
	}
	require.Equal(t, map[string]float64{"create group/ok": 2, "close/ok": 2}, values(t, r, "groupkit_calls_total"))
}

func TestOptions_Labels(t *testing.T) {
	t.Parallel()
	of := func(labels prometheus.Labels) *promgroupkit.Collector {
		c := promgroupkit.New(promgroupkit.Options{Labels: labels})
		c.Observe(full())
		hooks := c.Hooks(groupkit.Hooks{})
		hooks.Call(t.Context(), groupkit.CallInfo{Op: groupkit.OpJoin})
		hooks.Task(groupkit.TaskInfo{Task: groupkit.TaskSweep})
		return c
	}
	r := register(t, of(prometheus.Labels{"app": "guilds"}), of(prometheus.Labels{"app": "teams"}))
	require.Len(t, values(t, r, "groupkit_store_size_bytes"), 2)
	require.Len(t, values(t, r, "groupkit_calls_total"), 2)
	require.ErrorAs(t, r.Register(of(prometheus.Labels{"app": "teams"})), new(prometheus.AlreadyRegisteredError))

	for _, name := range []string{"op", "code", "le", "quantile", "kind", "result", "task", "visibility", "work"} {
		require.ErrorContains(t, prometheus.NewRegistry().Register(of(prometheus.Labels{"app": "x", name: "x"})),
			"is invalid: promgroupkit: label "+strconv.Quote(name)+" of Options.Labels is a label of the metrics")
	}
	for _, labels := range []prometheus.Labels{{"": "x"}, {"__name__": "x"}, {"app": "\xff"}, {"a\xff": "x"}} {
		require.ErrorContains(t, prometheus.NewRegistry().Register(of(labels)), "is invalid", labels)
	}
}

// Every kind of background work has its counters from the beginning, but for the one that hooks are not told of.
func TestCollector_EveryTask(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "../../hooks.go", nil, 0)
	require.NoError(t, err)
	var all []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Task" {
				text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				require.NoError(t, err)
				all = append(all, text)
			}
		}
		return true
	})
	c := promgroupkit.New(promgroupkit.Options{})
	c.Hooks(groupkit.Hooks{})
	r := register(t, c)
	want := make(map[string]float64)
	for _, task := range all {
		if task != string(groupkit.TaskCompare) {
			want[task+"/ok"], want[task+"/failed"] = 0, 0
		}
	}
	require.Equal(t, want, values(t, r, "groupkit_tasks_total"))
}
