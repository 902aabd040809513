package promgroupkit_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/contrib/promgroupkit"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// In a bubble a call takes the time in which it sleeps, and no other.
func TestCollector_History(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		eng, r := open(t, groupkit.Options{})
		ctx := t.Context()
		g, err := eng.System().CreateGroup(ctx, groupkit.NewGroup{Name: "Night Watch", Owner: "alice", Members: []groupkit.UserID{"bob"}})
		require.NoError(t, err)
		_, err = eng.System().AddMembers(ctx, g.ID, []groupkit.UserID{"carol", "dave"})
		require.NoError(t, err)
		require.ErrorIs(t, eng.As("bob").RemoveMember(ctx, g.ID, "carol"), groupkit.ErrRoleTooLow)
		require.ErrorIs(t, eng.As("bob").RemoveMember(ctx, g.ID, "alice"), groupkit.ErrRoleTooLow)
		for range eng.As("bob").Members(ctx, g.ID) {
			time.Sleep(20 * time.Millisecond)
		}
		synctest.Wait()
		require.NoError(t, testutil.GatherAndCompare(r, strings.NewReader(`
# HELP groupkit_call_duration_seconds How long calls took, refused ones too, by operation. That of an iterator includes the body of its loop.
# TYPE groupkit_call_duration_seconds histogram
`+durations("add member", "0", 15)+durations("create group", "0", 15)+durations("list members", "0.08", 5)+
			durations("remove member", "0", 15, 2)+`
# HELP groupkit_call_retries_total How often transactions of calls ran again, by operation. Always 0 on a store that one process owns.
# TYPE groupkit_call_retries_total counter
groupkit_call_retries_total{op="add member"} 0
groupkit_call_retries_total{op="create group"} 0
groupkit_call_retries_total{op="list members"} 0
groupkit_call_retries_total{op="remove member"} 0
# HELP groupkit_call_users_total Users that calls named as their targets, by operation.
# TYPE groupkit_call_users_total counter
groupkit_call_users_total{op="add member"} 2
groupkit_call_users_total{op="create group"} 2
groupkit_call_users_total{op="list members"} 0
groupkit_call_users_total{op="remove member"} 2
# HELP groupkit_calls_total Calls that have ended, by operation and by the code of their error: "ok" if they succeeded.
# TYPE groupkit_calls_total counter
groupkit_calls_total{code="ok",op="add member"} 1
groupkit_calls_total{code="ok",op="create group"} 1
groupkit_calls_total{code="ok",op="list members"} 1
groupkit_calls_total{code="ok",op="remove member"} 0
groupkit_calls_total{code="role_too_low",op="remove member"} 2
# HELP groupkit_failures_total Calls and pieces of background work that failed with an error that the operator has to look into, by its code.
# TYPE groupkit_failures_total counter
groupkit_failures_total{code="clock_out_of_range"} 0
groupkit_failures_total{code="corrupt"} 0
groupkit_failures_total{code="storage_failed"} 0
groupkit_failures_total{code="unknown_outcome"} 0
# HELP groupkit_store_info Always 1. The label kind is the kind of the store, such as "bbolt".
# TYPE groupkit_store_info gauge
groupkit_store_info{kind="memory"} 1
# HELP groupkit_tasks_total Pieces of background work that have ended, by kind and result. What has failed is tried again; the log has the errors.
# TYPE groupkit_tasks_total counter
groupkit_tasks_total{result="failed",task="care"} 0
groupkit_tasks_total{result="ok",task="care"} 0
groupkit_tasks_total{result="failed",task="count"} 0
groupkit_tasks_total{result="ok",task="count"} 0
groupkit_tasks_total{result="failed",task="follow"} 0
groupkit_tasks_total{result="ok",task="follow"} 0
groupkit_tasks_total{result="failed",task="remove contents"} 0
groupkit_tasks_total{result="ok",task="remove contents"} 0
groupkit_tasks_total{result="failed",task="remove load"} 0
groupkit_tasks_total{result="ok",task="remove load"} 0
groupkit_tasks_total{result="failed",task="resume"} 0
groupkit_tasks_total{result="ok",task="resume"} 1
groupkit_tasks_total{result="failed",task="retention"} 0
groupkit_tasks_total{result="ok",task="retention"} 0
groupkit_tasks_total{result="failed",task="sweep"} 0
groupkit_tasks_total{result="ok",task="sweep"} 0
`), "groupkit_call_duration_seconds", "groupkit_call_retries_total", "groupkit_call_users_total", "groupkit_calls_total",
			"groupkit_failures_total", "groupkit_store_info", "groupkit_tasks_total"))
	})
}

// durations is the text of a histogram of one call, or of some, that are in the last buckets.
func durations(op, sum string, last int, calls ...int) string {
	bounds := []string{"1e-07", "1e-06", "1e-05", "3e-05", "0.0001", "0.0003", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1", "3", "10"}
	count := append(calls, 1)[0]
	var text strings.Builder
	for i, bound := range bounds {
		in := 0
		if i >= len(bounds)-last {
			in = count
		}
		fmt.Fprintf(&text, "groupkit_call_duration_seconds_bucket{op=%q,le=%q} %d\n", op, bound, in)
	}
	fmt.Fprintf(&text, "groupkit_call_duration_seconds_bucket{op=%q,le=\"+Inf\"} %d\n", op, count)
	fmt.Fprintf(&text, "groupkit_call_duration_seconds_sum{op=%q} %s\ngroupkit_call_duration_seconds_count{op=%q} %d\n", op, sum, op, count)
	return text.String()
}

func TestCollector_Codes(t *testing.T) {
	t.Parallel()
	c := promgroupkit.New(promgroupkit.Options{})
	hooks := c.Hooks(groupkit.Hooks{})
	r := register(t, c)
	for _, err := range []error{
		nil, groupkit.ErrGroupFull, groupkit.ErrCorrupt, groupkit.ErrStorage, groupkit.ErrUnknownOutcome, groupkit.ErrClock,
		context.Canceled, fmt.Errorf("read: %w", context.DeadlineExceeded), errors.New("of the application"),
	} {
		hooks.Call(t.Context(), groupkit.CallInfo{Op: groupkit.OpJoin, Err: err, Code: groupkit.Code(err), Retries: 3})
	}
	require.Equal(t, map[string]float64{
		"join group/ok": 1, "join group/group_full": 1, "join group/corrupt": 1, "join group/storage_failed": 1,
		"join group/unknown_outcome": 1, "join group/clock_out_of_range": 1, "join group/canceled": 1,
		"join group/deadline_exceeded": 1, "join group/other": 1,
	}, values(t, r, "groupkit_calls_total"))
	require.Equal(t, map[string]float64{"corrupt": 1, "storage_failed": 1, "unknown_outcome": 1, "clock_out_of_range": 1}, values(t, r, "groupkit_failures_total"))
	require.Equal(t, map[string]float64{"join group": 27}, values(t, r, "groupkit_call_retries_total"))
}

// sick is a store that fails when it is told to.
type sick struct {
	*memstore.Store
	failing *atomic.Bool
}

func (s sick) View(ctx context.Context, fn func(store.Reader) error) error {
	if s.failing.Load() {
		return errors.New("the disk is gone")
	}
	return s.Store.View(ctx, fn)
}

func TestCollector_Tasks_Failed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := promgroupkit.New(promgroupkit.Options{})
		r := register(t, c)
		s := sick{memstore.New(), new(atomic.Bool)}
		eng, err := groupkit.New(s, memblob.New(), &groupkit.Options{SweepEvery: time.Hour, Hooks: c.Hooks(groupkit.Hooks{})})
		require.NoError(t, err)
		sweeps := func() [3]float64 {
			time.Sleep(time.Hour)
			synctest.Wait()
			return [3]float64{
				values(t, r, "groupkit_tasks_total")["sweep/ok"], values(t, r, "groupkit_tasks_total")["sweep/failed"],
				values(t, r, "groupkit_failures_total")["storage_failed"],
			}
		}
		require.Equal(t, [3]float64{1, 0, 0}, sweeps())
		s.failing.Store(true)
		require.Equal(t, [3]float64{1, 1, 1}, sweeps())
		s.failing.Store(false)
		require.Equal(t, [3]float64{2, 1, 1}, sweeps())
		require.NoError(t, eng.Close())
	})
}

func TestCollector_Tasks(t *testing.T) {
	t.Parallel()
	c := promgroupkit.New(promgroupkit.Options{})
	r := register(t, c)
	hooks := c.Hooks(groupkit.Hooks{})
	hooks.Task(groupkit.TaskInfo{Task: groupkit.TaskSweep, Duration: 2 * time.Second})
	hooks.Task(groupkit.TaskInfo{Task: groupkit.TaskSweep, Err: groupkit.ErrCorrupt, Code: "corrupt"})
	hooks.Task(groupkit.TaskInfo{Task: groupkit.TaskSweep, Err: fmt.Errorf("closing: %w", context.Canceled)})
	for result, want := range map[string]float64{"ok": 1, "failed": 1, "canceled": 1} {
		require.Equal(t, want, values(t, r, "groupkit_tasks_total")["sweep/"+result], result)
	}
	require.EqualValues(t, 1, values(t, r, "groupkit_failures_total")["corrupt"])
	require.Contains(t, gather(t, r)["groupkit_task_duration_seconds"], "sample_sum:2")
}

// The hooks of the application are called after what happened was counted, also those that Hooks gets in the future.
func TestCollector_Hooks_Next(t *testing.T) {
	t.Parallel()
	c := promgroupkit.New(promgroupkit.Options{})
	r := register(t, c)
	var next groupkit.Hooks
	called := make(map[string]int)
	fields := reflect.ValueOf(&next).Elem()
	for i := range fields.NumField() {
		name := fields.Type().Field(i).Name
		fields.Field(i).Set(reflect.MakeFunc(fields.Field(i).Type(), func([]reflect.Value) []reflect.Value {
			called[name] += len(values(t, r, "groupkit_calls_total")) // what was counted before
			return nil
		}))
	}
	hooks := c.Hooks(next)
	hooks.Call(t.Context(), groupkit.CallInfo{Op: groupkit.OpJoin})
	hooks.Call(t.Context(), groupkit.CallInfo{Op: groupkit.OpLeave, Err: groupkit.ErrIsOwner, Code: "is_owner"})
	hooks.Task(groupkit.TaskInfo{Task: groupkit.TaskSweep})
	require.Equal(t, map[string]int{"Call": 1 + 3, "Task": 3}, called)
	for _, field := range reflect.ValueOf(hooks).Fields() {
		require.False(t, field.IsNil())
	}
}

// Each field of what the hooks are told is in a metric, or stands here.
func TestCollector_Hooks_EveryField(t *testing.T) {
	t.Parallel()
	count := func(call groupkit.CallInfo, task groupkit.TaskInfo) map[string]string {
		c := promgroupkit.New(promgroupkit.Options{})
		hooks := c.Hooks(groupkit.Hooks{})
		hooks.Call(t.Context(), call)
		hooks.Task(task)
		return gather(t, register(t, c))
	}
	call := groupkit.CallInfo{Op: groupkit.OpJoin, Err: groupkit.ErrGroupFull, Code: "group_full"}
	task := groupkit.TaskInfo{Task: groupkit.TaskSweep, Err: groupkit.ErrCorrupt, Code: "corrupt"}
	before := count(call, task)
	var hidden []string
	for _, l := range leavesOf(&call) {
		l.change()
		if reflect.DeepEqual(before, count(call, task)) {
			hidden = append(hidden, l.path)
		}
		l.restore()
	}
	for _, l := range leavesOf(&task) {
		l.change()
		if reflect.DeepEqual(before, count(call, task)) {
			hidden = append(hidden, l.path)
		}
		l.restore()
	}
	require.Equal(t, []string{"CallInfo.Group"}, hidden) // the number of series would grow with the groups
}

func TestCollector_Concurrent(t *testing.T) {
	t.Parallel()
	eng, r := open(t, groupkit.Options{})
	g, err := eng.System().CreateGroup(t.Context(), groupkit.NewGroup{Name: "Night Watch", Owner: "alice"})
	require.NoError(t, err)
	const callers, rounds = 4, 50
	var all sync.WaitGroup
	for i := range callers {
		user := groupkit.UserID(fmt.Sprint("user", i))
		all.Go(func() {
			for range rounds {
				if err := errors.Join(eng.System().AddMember(context.Background(), g.ID, user), eng.As(user).Leave(context.Background(), g.ID)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		all.Go(func() {
			for range rounds {
				if _, err := r.Gather(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	require.EqualValues(t, callers*rounds, values(t, r, "groupkit_calls_total")["add member/ok"])
	require.EqualValues(t, callers*rounds, values(t, r, "groupkit_calls_total")["leave group/ok"])
}

// The cost of the hook beside that of a join and a leave in memory, which calls it twice.
func BenchmarkHooks_Call(b *testing.B) {
	join := func(b *testing.B, hooks groupkit.Hooks) {
		eng, err := groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{Hooks: hooks})
		require.NoError(b, err)
		defer eng.Close()
		g, err := eng.System().CreateGroup(b.Context(), groupkit.NewGroup{Name: "Night Watch", Owner: "alice", Public: true})
		require.NoError(b, err)
		bob := eng.As("bob")
		b.ReportAllocs()
		for b.Loop() {
			if _, err := bob.Join(b.Context(), g.ID); err != nil {
				b.Fatal(err)
			}
			if err := bob.Leave(b.Context(), g.ID); err != nil {
				b.Fatal(err)
			}
		}
	}
	hooks := promgroupkit.New(promgroupkit.Options{}).Hooks(groupkit.Hooks{})
	b.Run("join and leave", func(b *testing.B) { join(b, groupkit.Hooks{}) })
	b.Run("join and leave, hooked", func(b *testing.B) { join(b, hooks) })
	b.Run("the hook alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			hooks.Call(b.Context(), groupkit.CallInfo{Op: groupkit.OpJoin, Duration: time.Millisecond, Users: 1})
		}
	})
}
