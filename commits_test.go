package groupkit_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// requireCommits checks that the calls in a store have the numbers 1 to n, each once, and that
// the versions of each group grow with them.
func requireCommits(t *testing.T, s store.Store, n int) {
	t.Helper()
	dump, versions := grouptest.DumpStore(t, s), make(map[string]uint64)
	for number := range uint64(n) {
		group, version, err := key.CutPoint([]byte(dump[string(key.Commit(number+1))]))
		require.NoError(t, err, "number %d", number+1)
		require.Greater(t, version, versions[group])
		versions[group] = version
		call, err := record.DecodeCall([]byte(dump[string(key.Event(group, version))]))
		require.NoError(t, err)
		require.Equal(t, number+1, call.Commit)
	}
	require.NotContains(t, dump, string(key.Commit(uint64(n)+1)))
}

// TestCommits_Concurrent has callers change groups of their own, in shared commits.
func TestCommits_Concurrent(t *testing.T) {
	t.Parallel()
	s, err := boltstore.Open(filepath.Join(t.TempDir(), "groups.db"), nil)
	require.NoError(t, err)
	eng, err := groupkit.New(grouptest.KeptStore{Store: s}, memblob.New(), nil)
	require.NoError(t, err)
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			id := groupkit.GroupID(fmt.Sprint("group-", i))
			_, err := eng.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: id, Name: "x", Owner: "alice"})
			for n := range 20 {
				if err == nil {
					err = eng.System().AddMember(t.Context(), id, groupkit.UserID(fmt.Sprint("user-", n)))
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	require.ErrorIs(t, eng.System().AddMember(t.Context(), "group-0", "user-0"), groupkit.ErrAlreadyMember, "has no number")
	requireCommits(t, s, 8*21)
	require.NoError(t, eng.Close())
	require.NoError(t, s.Close())
}

// TestCommits_Atomic numbers each call of a transaction, and none of one that fails.
func TestCommits_Atomic(t *testing.T) {
	grouptest.NeedsOwnStore(t, "calls have no numbers")
	t.Parallel()
	s := grouptest.NewStack(t, groupkit.Options{})
	for _, id := range (grouptest.IDs{"a", "b"}) {
		require.NoError(t, grouptest.ErrorOf(s.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: groupkit.GroupID(id), Name: "x", Owner: "alice"})))
	}
	both := func(last groupkit.UserID) error {
		return s.Atomic(t.Context(), func(tx *groupkit.Tx) error {
			if err := tx.System().AddMember(t.Context(), "a", last); err != nil {
				return err
			}
			return tx.System().AddMember(t.Context(), "b", last)
		})
	}
	require.NoError(t, both("bob"))
	require.ErrorIs(t, both("bob"), groupkit.ErrAlreadyMember)
	require.NoError(t, both("carol"))
	requireCommits(t, s.Store, 6)
}

// TestCommits_Retention removes all calls from the log. The counter goes on, also in another
// engine, and leaves nothing behind.
func TestCommits_Retention(t *testing.T) {
	grouptest.NeedsOwnStore(t, "calls have no numbers")
	t.Parallel()
	s := grouptest.NewStack(t, groupkit.Options{Retention: groupkit.Retention{MaxAge: time.Hour}})
	require.NoError(t, grouptest.ErrorOf(s.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "a", Name: "x", Owner: "alice"})))
	require.NoError(t, s.System().AddMember(t.Context(), "a", "bob"))
	s.Clock.Advance(2 * time.Hour)
	require.NoError(t, grouptest.ErrorOf(s.Sweep(t.Context())))
	require.Equal(t, []string{string(key.Commit(2))}, s.Keys(t, key.Commits()))
	s.RequireVerified(t)
	s.Open(t, groupkit.Options{}, grouptest.KeptStore{Store: s.Store}, s.Blobs)
	require.NoError(t, s.System().AddMember(t.Context(), "a", "carol"))
	require.Equal(t, []string{string(key.Commit(3))}, s.Keys(t, key.Commits()))
	s.RequireVerified(t)
}

// TestCommits_SharedStore numbers nothing.
func TestCommits_SharedStore(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	eng, err := groupkit.New(struct{ store.Store }{s}, memblob.New(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, eng.Close()) }()
	require.NoError(t, grouptest.ErrorOf(eng.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "a", Name: "x", Owner: "alice"})))
	requireCommits(t, s, 0)
}
