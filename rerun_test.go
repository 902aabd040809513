package groupkit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/store"
)

// twiceOver wraps a store that runs all functions twice.
func twiceOver(s store.Store, b store.Blobs) (store.Store, store.Blobs) {
	return grouptest.RunTwice(s), b
}

// TestRunAgain_Answers compares what is read by functions that run once and that run twice.
func TestRunAgain_Answers(t *testing.T) {
	t.Parallel()
	answers := func(around grouptest.Wrapper) grouptest.Answers {
		s := grouptest.NewDatasetOver(t, grouptest.DatasetOptions(), around)
		groups := []groupkit.GroupID{grouptest.Guild, s.Rangers, grouptest.OpenGroup, grouptest.Archive, grouptest.Ended, "none"}
		got, _ := grouptest.ReadAnswers(t.Context(), s.Engine, groups, grouptest.IDs{"alice", "bob", "carol", "zoe", "nobody"})
		return got
	}
	require.Equal(t, answers(grouptest.Unwrapped), answers(twiceOver))
}

// TestRunAgain_Lists reads lists that are longer than what is read in one transaction.
func TestRunAgain_Lists(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	opts := grouptest.LargeGroupOptions()
	opts.Limits = groupkit.Limits{Batch: 1000, JoinedGroups: 1000, Admins: 600}
	s := grouptest.NewStack(t, opts)
	grouptest.NewLargeGroup(t, s, 600)
	for _, user := range grouptest.Users("m", 300)[1:] {
		require.NoError(t, s.System().AddAdmin(ctx, grouptest.LargeGroup, user))
	}
	require.NoError(t, grouptest.ErrorOf(s.System().MuteUsers(ctx, grouptest.LargeGroup, time.Hour, grouptest.Users("m", 300))))
	for i := range 300 {
		grouptest.CreateGroup(t, s.Engine, groupkit.NewGroup{Name: fmt.Sprint("group ", i), Owner: "alice"})
	}
	once := s.System()
	s.OpenWhole(t, opts, grouptest.RunTwice(grouptest.KeptStore{Store: s.Store}), grouptest.KeptBlobs{Blobs: s.Blobs})
	twice := s.System()
	for _, l := range rolls {
		want, err := l.all(ctx, once, grouptest.LargeGroup)
		require.NoError(t, err)
		got, err := l.all(ctx, twice, grouptest.LargeGroup)
		require.NoError(t, err)
		require.Equal(t, want, got, l.name)
		requirePages(t, l, twice, want, 3)
		var parts []string
		for from, more := (groupkit.From{Limit: 100}), true; more; more = from.Cursor != "" {
			var part []string
			part, from.Cursor, err = entered[l.name](ctx, twice, grouptest.LargeGroup, from)
			require.NoError(t, err)
			parts = append(parts, part...)
		}
		require.Equal(t, want, parts, l.name)
	}
	requireSameList(t, once.JoinedGroups(ctx, "alice"), twice.JoinedGroups(ctx, "alice"))
	page, err := twice.JoinedGroupsPage(ctx, "alice", groupkit.Page{Number: 2, Size: 100})
	require.NoError(t, err)
	require.Len(t, page, 100)
	part, next, err := twice.JoinedGroupsFrom(ctx, "alice", groupkit.From{Limit: 100})
	require.NoError(t, err)
	second, _, err := twice.JoinedGroupsFrom(ctx, "alice", groupkit.From{Limit: 100, Cursor: next})
	require.NoError(t, err)
	require.Len(t, part, 100)
	require.Equal(t, page, second)
}

// TestRunAgain_Verify reports each violation once.
func TestRunAgain_Verify(t *testing.T) {
	t.Parallel()
	report := func(around grouptest.Wrapper) groupkit.Report {
		s := grouptest.NewDatasetOver(t, grouptest.DatasetOptions(), around)
		s.Put(t, key.Of(string(grouptest.Guild), key.Custom), nil)
		s.Put(t, key.User("carol", key.UserHeader), []byte(grouptest.Garbage))
		s.Put(t, key.Deletion("none"), nil)
		require.NoError(t, s.Store.Update(t.Context(), func(w store.Writer) error {
			return w.Put(key.OfUser(string(grouptest.Guild), key.Members, "bob"), []byte("no seal"))
		}))
		report, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
		require.NoError(t, err)
		require.NotEmpty(t, report.Violations)
		return report
	}
	require.Equal(t, report(grouptest.Unwrapped), report(twiceOver))
}

// TestRunAgain_Upkeep compares what Sweep and an upgrade leave.
func TestRunAgain_Upkeep(t *testing.T) {
	t.Parallel()
	grouptest.NeedsOwnStore(t, "calls have random marks")
	swept := func(around grouptest.Wrapper) map[string]string {
		opts := grouptest.DatasetOptions()
		opts.Retention.MaxAge = time.Minute
		s := grouptest.NewDatasetOver(t, opts, around)
		s.Clock.Advance(time.Hour)
		require.NoError(t, grouptest.ErrorOf(s.Sweep(t.Context())))
		s.RequireVerified(t)
		all := s.Dump(t)
		delete(all, string(key.Identity())) // it counts the openings
		return all
	}
	require.Equal(t, swept(grouptest.Unwrapped), swept(twiceOver))

	f, _ := newFormat1(t)
	s := f.copy(t)
	require.NoError(t, groupkit.UpgradeInSteps(t.Context(), grouptest.RunTwice(s), &f.opts, 3))
	require.Equal(t, f.upgraded(t), grouptest.RawRecords(t, s))
}
