package groupkit_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/sharedmem"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// calls keeps what Hooks.Call is told.
type calls struct {
	mu   sync.Mutex
	told []groupkit.CallInfo
}

func (c *calls) tell(_ context.Context, info groupkit.CallInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, info)
}

// take returns the operations that were told, and forgets them.
func (c *calls) take() (ops []groupkit.Op) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, info := range c.told {
		ops = append(ops, info.Op)
	}
	c.told = nil
	return ops
}

func TestHooks_Call(t *testing.T) {
	t.Parallel()
	grouptest.NeedsOwnStore(t, "functions run again")
	var told calls
	eng, _ := grouptest.Setup(t, groupkit.Options{Hooks: groupkit.Hooks{Call: told.tell}})
	ctx := t.Context()
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: grouptest.IDs{"bob", "carol"}})
	_, err := eng.System().AddMembers(ctx, id, grouptest.IDs{"dave", "erin", "frank"})
	require.NoError(t, err)
	err = eng.As("carol").RemoveMember(ctx, id, "bob")
	require.ErrorIs(t, err, groupkit.ErrRoleTooLow)
	require.Len(t, told.told, 3)
	for i, want := range []groupkit.CallInfo{
		{Op: groupkit.OpCreateGroup, Users: 3},
		{Op: groupkit.OpAddMembers, Group: id, Users: 3},
		{Op: groupkit.OpRemoveMembers, Group: id, Users: 1, Err: err, Code: "role_too_low"},
	} {
		got := told.told[i]
		require.Positive(t, got.Duration)
		got.Duration = 0
		require.Equal(t, want, got)
	}
	told.take()

	t.Run("an iterator is told when its loop ends, each loop once", func(t *testing.T) {
		members := eng.System().Members(ctx, id)
		for range members {
			require.Empty(t, told.take())
			break
		}
		require.Equal(t, []groupkit.Op{groupkit.OpListMembers}, told.take())
		for range members {
			require.Empty(t, told.take())
		}
		require.Equal(t, []groupkit.Op{groupkit.OpListMembers}, told.take())
	})
	t.Run("Atomic is told as a whole", func(t *testing.T) {
		require.NoError(t, eng.Atomic(ctx, func(tx *groupkit.Tx) error {
			require.NoError(t, tx.System().AddMember(ctx, id, "grace"))
			require.NoError(t, grouptest.ErrorOf(grouptest.Collect(tx.System().Members(ctx, id))))
			require.ErrorIs(t, eng.System().AddMember(ctx, id, "heidi"), groupkit.ErrNested)
			require.Empty(t, told.take())
			return nil
		}))
		require.Equal(t, []groupkit.Op{groupkit.OpAtomic}, told.take())
	})
	t.Run("MaySpeak is told unless memory has the answer", func(t *testing.T) {
		for range 3 {
			require.NoError(t, eng.As("carol").MaySpeak(ctx, id))
		}
		require.Equal(t, []groupkit.Op{groupkit.OpSpeak}, told.take())
	})
}

// A hook runs after the transaction: it can call the engine. If it panics, the change is made, and
// the engine can be used further.
func TestHooks_Call_Panic(t *testing.T) {
	t.Parallel()
	var eng *groupkit.Engine
	var id groupkit.GroupID
	armed := false
	seen := 0
	eng, _ = grouptest.Setup(t, groupkit.Options{Hooks: groupkit.Hooks{Call: func(ctx context.Context, c groupkit.CallInfo) {
		if armed && c.Op == groupkit.OpAddMembers {
			armed = false
			require.NoError(t, eng.System().AddMember(ctx, id, "carol"))
			g, err := eng.System().Group(ctx, id)
			require.NoError(t, err)
			seen = g.MemberCount
			panic("the hook is broken")
		}
	}}})
	id = grouptest.CreateGroup(t, eng, groupkit.NewGroup{})
	armed = true
	require.PanicsWithValue(t, "the hook is broken", func() { _ = eng.System().AddMember(t.Context(), id, "bob") })
	require.Equal(t, 3, seen)
	require.ErrorIs(t, eng.System().AddMember(t.Context(), id, "bob"), groupkit.ErrAlreadyMember)
}

// A store that runs functions again is told as retries.
func TestHooks_Call_Retries(t *testing.T) {
	t.Parallel()
	for _, reruns := range []int{0, 1} {
		var told calls
		data := sharedmem.New(sharedmem.Options{Rerun: float64(reruns), Numbers: true})
		eng, err := groupkit.New(data.Open(), memblob.New(), &groupkit.Options{Hooks: groupkit.Hooks{Call: told.tell}})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, eng.Close()) })
		ctx := t.Context()
		id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{})
		require.NoError(t, eng.System().AddMember(ctx, id, "bob"))
		require.NoError(t, grouptest.ErrorOf(eng.System().Role(ctx, id, "bob")))
		require.NoError(t, grouptest.ErrorOf(grouptest.Collect(eng.System().Members(ctx, id))))
		require.NoError(t, eng.Atomic(ctx, func(tx *groupkit.Tx) error { return nil }))
		require.Len(t, told.told, 5)
		for _, c := range told.told {
			require.Equal(t, reruns, c.Retries, c.Op)
		}
	}
}

// A read with a hook makes no allocation that it does not make without one.
func TestHooks_Call_Allocations(t *testing.T) {
	grouptest.NeedsOwnStore(t, "functions run again")
	allocations := func(hook func(context.Context, groupkit.CallInfo)) float64 {
		eng, _ := grouptest.Setup(t, groupkit.Options{Hooks: groupkit.Hooks{Call: hook}})
		id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{})
		a := eng.As("alice")
		return testing.AllocsPerRun(1000, func() {
			if _, err := a.Role(context.Background(), id, "alice"); err != nil {
				panic(err)
			}
		})
	}
	var n int
	require.Equal(t, allocations(nil), allocations(func(context.Context, groupkit.CallInfo) { n++ }))
	require.Positive(t, n)
}

// tasks keeps what Hooks.Task is told.
type tasks struct {
	mu   sync.Mutex
	told []groupkit.TaskInfo
}

func (r *tasks) tell(info groupkit.TaskInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, info)
}

func (r *tasks) take() (all []groupkit.Task, failed []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, info := range r.told {
		all = append(all, info.Task)
		failed = append(failed, info.Code)
	}
	r.told = nil
	return all, slices.Compact(failed)
}

func TestHooks_Task(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told tasks
		var called calls
		s := &sickStore{Store: memstore.New()}
		eng, err := groupkit.New(s, memblob.New(), &groupkit.Options{
			SweepEvery: time.Hour, Retention: groupkit.Retention{MaxEvents: 5}, Hooks: groupkit.Hooks{Task: told.tell, Call: called.tell},
		})
		require.NoError(t, err)
		synctest.Wait()
		all, failed := told.take()
		require.Equal(t, []groupkit.Task{groupkit.TaskResume}, all)
		require.Equal(t, []string{""}, failed)
		time.Sleep(time.Hour + time.Second)
		all, failed = told.take()
		require.Equal(t, []groupkit.Task{groupkit.TaskRetention, groupkit.TaskSweep}, all)
		require.Equal(t, []string{""}, failed)
		s.sick.Store(true)
		time.Sleep(time.Hour)
		all, failed = told.take()
		require.Equal(t, []groupkit.Task{groupkit.TaskSweep}, all)
		require.Equal(t, []string{"storage_failed"}, failed)
		s.sick.Store(false)
		require.Empty(t, called.take(), "a sweep in the background is no call")
		require.NoError(t, grouptest.ErrorOf(eng.Sweep(t.Context())))
		require.Equal(t, []groupkit.Op{groupkit.OpSweep}, called.take())
		require.NoError(t, eng.Close())
	})
}

// On a shared store the look at what other processes have left is told every 15 seconds.
func TestHooks_Task_Care(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told tasks
		eng, err := groupkit.New(sharedmem.New(sharedmem.Options{Numbers: true}).Open(), memblob.New(), &groupkit.Options{
			CountEvery: time.Hour, Hooks: groupkit.Hooks{Task: told.tell},
		})
		require.NoError(t, err)
		synctest.Wait()
		all, _ := told.take()
		require.ElementsMatch(t, []groupkit.Task{groupkit.TaskResume, groupkit.TaskCount}, all)
		time.Sleep(31 * time.Second)
		all, failed := told.take()
		require.Equal(t, []groupkit.Task{groupkit.TaskCare, groupkit.TaskCare}, all)
		require.Equal(t, []string{""}, failed)
		require.True(t, eng.Stats().Work.Caring)
		require.NoError(t, eng.Close())
	})
}
