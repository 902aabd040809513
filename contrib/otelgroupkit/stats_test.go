package otelgroupkit_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"groupkit"
	"groupkit/contrib/otelgroupkit"
	"groupkit/store"
	"groupkit/store/memstore"
)

// everything runs an engine in which every instrument has a value, and collects. Its time is that of the bubble.
func everything(t *testing.T) map[string]metricdata.Metrics {
	c := newCollector()
	tel := c.telemetry(t)
	s := &testStore{Store: memstore.New(), stats: store.Stats{
		Kind: "test", Size: new(int64(4096)), Free: new(int64(1024)), Updates: new(uint64(40)), Commits: new(uint64(20)), Largest: new(7),
		Writing: &store.Durations{Count: 20, Sum: 3 * time.Second, Max: time.Second, Bins: []store.Bin{{Bound: time.Millisecond, Count: 12}, {Bound: time.Second, Count: 19}}},
		Waiting: new(3), Unsaved: new(uint64(2)), Reruns: new(uint64(5)),
		Connections: &store.Connections{Most: 16, Open: 9, Busy: 4, Waits: 6, Waited: 1500 * time.Millisecond},
	}}
	hooks := tel.Hooks(groupkit.Hooks{})
	eng := open(t, s, groupkit.Options{CountEvery: time.Hour, Hooks: hooks})
	synctest.Wait()
	registration, err := tel.Observe(eng)
	require.NoError(t, err)
	c.metrics(t) // the first Stats begin to count lookups

	ctx := t.Context()
	id := guild(t, eng, "bob", "carol")
	public, err := eng.System().CreateGroup(ctx, groupkit.NewGroup{Name: "Market", Owner: "alice", Public: true, MembersOnly: true})
	require.NoError(t, err)
	_, err = eng.As("dora").Join(ctx, public.ID)
	require.NoError(t, err)
	_, err = eng.As("alice").Invite(ctx, id, "erin")
	require.NoError(t, err)
	_, err = eng.As("alice").UploadFile(ctx, id, "plan.txt", strings.NewReader("the plan"))
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, eng.As("bob").MaySpeak(ctx, id))
	}
	_, err = eng.As("alice").Mute(ctx, id, 2*time.Hour, "carol")
	require.NoError(t, err)
	for range 3 {
		require.ErrorIs(t, eng.As("carol").MaySpeak(ctx, id), groupkit.ErrMuted)
	}
	follower, err := eng.As("bob").Follow(ctx, id, groupkit.Latest())
	require.NoError(t, err)
	t.Cleanup(follower.Close)
	hooks.Call(ctx, groupkit.CallInfo{Op: groupkit.OpJoin, Duration: time.Second, Retries: 4}) // a store of one's own has none
	time.Sleep(time.Hour + time.Minute)
	s.sick.Store(true)
	_, err = eng.As("bob").Group(ctx, id)
	require.ErrorIs(t, err, groupkit.ErrStorage)
	time.Sleep(time.Hour)
	synctest.Wait()
	all := c.metrics(t)
	require.NoError(t, registration.Unregister())
	return all
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := everything(t)
		got := make(map[string]map[string]string)
		for name, m := range all {
			got[name] = series(m)
		}
		durations := []float64{0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10}
		require.Equal(t, durations, all["groupkit.call.duration"].Data.(metricdata.Histogram[float64]).DataPoints[0].Bounds)
		require.Equal(t, durations, all["groupkit.task.duration"].Data.(metricdata.Histogram[float64]).DataPoints[0].Bounds)
		require.Equal(t, []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}, all["groupkit.call.users"].Data.(metricdata.Histogram[int64]).DataPoints[0].Bounds)
		one := func(value string) map[string]string { return map[string]string{"": value} }
		require.Equal(t, map[string]map[string]string{
			"groupkit.cache.errors": {
				"groupkit.cache.result=hit":  "1",
				"groupkit.cache.result=miss": "1",
			},
			"groupkit.cache.limit": one("49152"),
			"groupkit.cache.lookups": {
				"groupkit.cache.result=hit":  "4",
				"groupkit.cache.result=miss": "2",
			},
			"groupkit.cache.size":  one("1024"),
			"groupkit.cache.usage": one("32"),
			"groupkit.call.duration": {
				"error.type=storage_failed,groupkit.code=storage_failed,groupkit.operation=read group": "1 0",
				"groupkit.code=muted,groupkit.operation=speak":                                         "1 0",
				"groupkit.operation=create group":                                                      "2 0.004",
				"groupkit.operation=follow":                                                            "1 0",
				"groupkit.operation=invite":                                                            "1 0.002",
				"groupkit.operation=join group":                                                        "2 1.002",
				"groupkit.operation=mute":                                                              "1 0.002",
				"groupkit.operation=speak":                                                             "1 0",
				"groupkit.operation=upload file":                                                       "1 0.006",
			},
			"groupkit.call.retries": {
				"groupkit.operation=join group": "4",
			},
			"groupkit.call.users": {
				"groupkit.operation=create group": "2 4",
				"groupkit.operation=invite":       "1 1",
				"groupkit.operation=mute":         "1 1",
			},
			"groupkit.count.age":   one("3660.016"),
			"groupkit.count.files": one("1"),
			"groupkit.count.groups": {
				"groupkit.group.visibility=private": "1",
				"groupkit.group.visibility=public":  "1",
			},
			"groupkit.count.invitations": one("1"),
			"groupkit.count.memberships": one("4"),
			"groupkit.count.requests":    one("1"),
			"groupkit.engine.uptime":     one("7260.018"),
			"groupkit.follower.count":    one("1"),
			"groupkit.follower.feeds":    one("1"),
			"groupkit.follower.missed":   one("0"),
			"groupkit.store.commit.duration.bucket": {
				"le=+Inf":  "20",
				"le=0.001": "12",
				"le=1":     "19",
			},
			"groupkit.store.commit.duration.max": one("1"),
			"groupkit.store.commit.duration.sum": one("3"),
			"groupkit.store.commit.largest":      one("7"),
			"groupkit.store.commits":             one("20"),
			"groupkit.store.connection.count": {
				"groupkit.store.connection.state=idle": "5",
				"groupkit.store.connection.state=used": "4",
			},
			"groupkit.store.connection.max":       one("16"),
			"groupkit.store.connection.wait_time": one("1.5"),
			"groupkit.store.connection.waits":     one("6"),
			"groupkit.store.free":                 one("1024"),
			"groupkit.store.reruns":               one("5"),
			"groupkit.store.size":                 one("4096"),
			"groupkit.store.unsaved":              one("2"),
			"groupkit.store.updates":              one("40"),
			"groupkit.store.waiting":              one("3"),
			"groupkit.task.duration": {
				"error.type=storage_failed,groupkit.code=storage_failed,groupkit.task=count": "1 0",
				"groupkit.task=count":  "2 0",
				"groupkit.task=resume": "1 0",
			},
			"groupkit.update.duration.bucket": {
				"le=+Inf":   "9",
				"le=0.0001": "0",
				"le=0.0003": "0",
				"le=0.001":  "0",
				"le=0.003":  "9",
				"le=0.01":   "9",
				"le=0.03":   "9",
				"le=0.1":    "9",
				"le=0.3":    "9",
				"le=1":      "9",
				"le=10":     "9",
				"le=3":      "9",
			},
			"groupkit.update.duration.max": one("0.002"),
			"groupkit.update.duration.sum": one("0.018"),
			"groupkit.update.running":      one("0"),
			"groupkit.work.caring":         one("1"),
			"groupkit.work.contents":       one("0"),
			"groupkit.work.pending": {
				"groupkit.work.kind=contents":   "0",
				"groupkit.work.kind=deletions":  "0",
				"groupkit.work.kind=loads":      "0",
				"groupkit.work.kind=pseudonyms": "0",
				"groupkit.work.kind=uploads":    "0",
			},
			"groupkit.work.running": {
				"groupkit.work.kind=deletions": "0",
				"groupkit.work.kind=loads":     "0",
				"groupkit.work.kind=uploads":   "0",
			},
		}, got)
	})
}

// The package documentation has every instrument that is collected, as it is, and no other.
func TestMetrics_Documentation(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	documented := make(map[string]string)
	for _, m := range regexp.MustCompile(`(?m)^//\t(groupkit[a-z._]+): ([^\n]+)\n//\t    (.+)$`).FindAllStringSubmatch(string(text), -1) {
		require.NotContains(t, documented, m[1])
		fields := strings.Split(m[2], ", ")
		slices.Sort(fields[2:])
		documented[m[1]] = strings.Join(fields, ", ") + "; " + m[3]
	}
	synctest.Test(t, func(t *testing.T) {
		collected := make(map[string]string)
		for name, m := range everything(t) {
			line := []string{kindOf(m), m.Unit}
			collected[name] = strings.Join(append(line, keysOf(m)...), ", ") + "; " + m.Description
		}
		require.Equal(t, documented, collected)
	})
}

// keysOf returns the keys of the attributes of all series of a metric.
func keysOf(m metricdata.Metrics) (keys []string) {
	for attributes := range series(m) {
		for pair := range strings.SplitSeq(attributes, ",") {
			if key, _, ok := strings.Cut(pair, "="); ok && !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

func TestTelemetry_Observe(t *testing.T) {
	t.Parallel()
	t.Run("an engine that was not opened", func(t *testing.T) {
		t.Parallel()
		tel := newCollector().telemetry(t)
		for _, eng := range []*groupkit.Engine{nil, new(groupkit.Engine)} {
			_, err := tel.Observe(eng)
			require.EqualError(t, err, "otelgroupkit: the engine to observe was not opened")
		}
	})
	t.Run("the meter refuses", func(t *testing.T) {
		t.Parallel()
		tel, err := otelgroupkit.New(otelgroupkit.WithMeterProvider(refusing{observable: true}))
		require.NoError(t, err)
		for range 2 {
			_, err = tel.Observe(open(t, nil, groupkit.Options{}))
			require.ErrorIs(t, err, errSick)
			require.ErrorContains(t, err, "otelgroupkit: observe: ")
		}
	})
	t.Run("a second engine", func(t *testing.T) {
		t.Parallel()
		c := newCollector()
		tel, first, second := c.telemetry(t), open(t, nil, groupkit.Options{}), open(t, nil, groupkit.Options{})
		registration, err := tel.Observe(first)
		require.NoError(t, err)
		_, err = tel.Observe(second)
		require.EqualError(t, err, "otelgroupkit: an engine is observed already: make a Telemetry for each engine")
		require.Contains(t, c.metrics(t), "groupkit.engine.uptime")
		require.NoError(t, registration.Unregister())
		require.Empty(t, c.metrics(t))
		guild(t, second)
		ended := registration
		registration, err = tel.Observe(second)
		require.NoError(t, err)
		require.NoError(t, ended.Unregister(), "a second time")
		_, err = tel.Observe(first)
		require.ErrorContains(t, err, "observed already")
		require.Equal(t, map[string]string{"": "2"}, series(c.metrics(t)["groupkit.store.commits"]), "one of the opening")
		require.NoError(t, registration.Unregister())
	})
	t.Run("engines with an attribute each", func(t *testing.T) {
		t.Parallel()
		c := newCollector()
		for name, groups := range map[string]int{"guilds": 1, "parties": 2} {
			tel := c.telemetry(t, otelgroupkit.WithAttributes(attribute.String("groupkit.engine", name)))
			eng := open(t, nil, groupkit.Options{Hooks: tel.Hooks(groupkit.Hooks{})})
			registration, err := tel.Observe(eng)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, registration.Unregister()) })
			for range groups {
				guild(t, eng)
			}
		}
		all := c.metrics(t)
		require.Equal(t, map[string]string{"groupkit.engine=guilds": "2", "groupkit.engine=parties": "3"}, series(all["groupkit.store.updates"]))
		for _, m := range all {
			for attributes := range series(m) {
				require.Contains(t, attributes, "groupkit.engine=", m.Name)
			}
		}
		for _, span := range c.spans.Ended() {
			require.Contains(t, keys(span.Attributes()), "groupkit.engine", span.Name())
		}
	})
	t.Run("a closed engine", func(t *testing.T) {
		t.Parallel()
		c := newCollector()
		tel := c.telemetry(t)
		eng := open(t, nil, groupkit.Options{})
		registration, err := tel.Observe(eng)
		require.NoError(t, err)
		guild(t, eng)
		require.NoError(t, eng.Close())
		require.Equal(t, map[string]string{"": "2"}, series(c.metrics(t)["groupkit.store.commits"]), "one of the opening")
		require.NoError(t, registration.Unregister())
	})
}

func keys(attributes []attribute.KeyValue) (out []string) {
	for _, a := range attributes {
		out = append(out, string(a.Key))
	}
	return out
}
