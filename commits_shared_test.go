package groupkit_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/sharedmem"
	"groupkit/store"
)

// sharedCommits returns the calls to which the index of commits leads, in the order of their
// numbers, and checks that each call has its number.
func sharedCommits(t *testing.T, s store.Store) (calls []string) {
	t.Helper()
	dump, last := grouptest.DumpStore(t, s), uint64(0)
	for _, k := range slices.Sorted(func(yield func(string) bool) {
		for k := range dump {
			if k[0] == key.FamilyCommits && k != string(key.LastRemoved()) && !yield(k) {
				return
			}
		}
	}) {
		number, err := key.CutCommit([]byte(k))
		require.NoError(t, err)
		require.Greater(t, number, max(last, 1<<16-1))
		last = number
		group, version, err := key.CutPoint([]byte(dump[k]))
		require.NoError(t, err)
		call, err := record.DecodeCall([]byte(dump[string(key.Event(group, version))]))
		require.NoError(t, err)
		require.Equal(t, number, call.Commit)
		calls = append(calls, fmt.Sprint(group, " ", version))
	}
	return calls
}

// TestCommits_SharedNumbers numbers the calls of two processes, of which one makes several in a
// transaction. The number of the transaction is that of its last run.
func TestCommits_SharedNumbers(t *testing.T) {
	t.Parallel()
	data := sharedmem.New(sharedmem.Options{Numbers: true, Rerun: 0.5})
	engines := processes(t, 2, data, groupkit.Options{})
	for _, id := range []groupkit.GroupID{"a", "b"} {
		require.NoError(t, grouptest.ErrorOf(engines[0].System().CreateGroup(t.Context(), groupkit.NewGroup{ID: id, Name: "x", Owner: "alice"})))
	}
	require.NoError(t, engines[1].System().AddMember(t.Context(), "a", "bob"))
	require.NoError(t, engines[0].Atomic(t.Context(), func(tx *groupkit.Tx) error {
		ctx := t.Context()
		require.ErrorIs(t, tx.System().AddMember(ctx, "a", "bob"), groupkit.ErrAlreadyMember)
		return errors.Join(tx.System().AddMember(ctx, "b", "bob"), tx.System().AddMember(ctx, "a", "carol"), tx.System().AddMember(ctx, "b", "carol"))
	}))
	require.NoError(t, engines[1].System().MuteGroup(t.Context(), "a"))
	require.Equal(t, []string{"a 2", "b 2", "a 3", "b 3", "a 4", "b 4", "a 5"}, sharedCommits(t, data.Open()))
	for _, eng := range engines {
		grouptest.RequireVerified(t, eng)
	}
}

// TestCommits_SharedRetention removes calls from the logs, and their entries. What is left says
// up to where.
func TestCommits_SharedRetention(t *testing.T) {
	t.Parallel()
	clock := grouptest.NewClock()
	data := sharedmem.New(sharedmem.Options{Numbers: true})
	engines := processes(t, 2, data, groupkit.Options{Clock: clock.Now, Retention: groupkit.Retention{MaxAge: time.Hour}})
	require.NoError(t, grouptest.ErrorOf(engines[0].System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "a", Name: "x", Owner: "alice"})))
	clock.Advance(2 * time.Hour)
	for _, user := range []groupkit.UserID{"bob", "carol"} {
		require.NoError(t, engines[0].System().AddMember(t.Context(), "a", user))
		require.NoError(t, grouptest.ErrorOf(engines[1].Sweep(t.Context())))
		grouptest.RequireVerified(t, engines[0])
	}
	require.Equal(t, []string{"a 3", "a 4"}, sharedCommits(t, data.Open()))
	clock.Advance(2 * time.Hour)
	require.NoError(t, grouptest.ErrorOf(engines[1].Sweep(t.Context())))
	require.Empty(t, sharedCommits(t, data.Open()))
	require.Contains(t, grouptest.DumpStore(t, data.Open()), string(key.LastRemoved()))
	grouptest.RequireVerified(t, engines[0])
	require.NoError(t, engines[0].System().AddMember(t.Context(), "a", "dave"))
	require.Equal(t, []string{"a 5"}, sharedCommits(t, data.Open()))
	grouptest.PutAll(t, data.Open(), map[string]string{string(key.LastRemoved()): "?"})
	report, err := engines[0].Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Len(t, report.Violations, 1)
}

// TestCommits_SharedUpgrade numbers the calls of an older format.
func TestCommits_SharedUpgrade(t *testing.T) {
	t.Parallel()
	f, _ := newFormat1(t)
	data := sharedmem.New(sharedmem.Options{Numbers: true, Rerun: 0.3})
	grouptest.ReplaceAll(t, data.Open(), f.records)
	require.NoError(t, groupkit.UpgradeInSteps(t.Context(), data.Open(), &f.opts, 7))
	calls := len(sharedCommits(t, data.Open()))
	require.Greater(t, calls, 20)
	eng := processes(t, 1, data, groupkit.Options{})[0]
	report, err := eng.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	for _, v := range report.Violations {
		require.NotEqual(t, groupkit.ViewsAgree, v.Invariant, "%v", v)
	}
	n := 0
	for k := range grouptest.DumpStore(t, data.Open()) {
		if _, kind, _, err := key.CutGroup([]byte(k)); err == nil && kind == key.Events && k[0] == key.FamilyGroups {
			n++
		}
	}
	require.Equal(t, n, calls)
}

// TestUpgrade_LostAnswers upgrades a shared store that loses the answers to many commits, made or not.
func TestUpgrade_LostAnswers(t *testing.T) {
	t.Parallel()
	f, _ := newFormat1(t)
	upgraded := func(every int, lost sharedmem.Outcome) map[string]string {
		armed, commits := false, 0
		data := sharedmem.New(sharedmem.Options{Rerun: 0.3, Fault: func(int) sharedmem.Outcome {
			if commits++; armed && commits%every == 0 {
				return lost
			}
			return sharedmem.Made
		}})
		grouptest.ReplaceAll(t, data.Open(), f.records)
		armed, commits = true, 0
		require.NoError(t, groupkit.UpgradeInSteps(t.Context(), data.Open(), &f.opts, 7))
		require.Greater(t, commits, 10)
		return grouptest.RawRecords(t, data.Open())
	}
	want := upgraded(1, sharedmem.Made)
	for _, every := range []int{2, 3} {
		for _, lost := range []sharedmem.Outcome{sharedmem.UnknownMade, sharedmem.UnknownLost} {
			require.Equal(t, want, upgraded(every, lost), "%d %d", every, lost)
		}
	}
}
