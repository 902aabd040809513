package scenarios_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A deletion that stops after its first step leaves references to a group that nobody can
// see. No list fails because of them.
func TestFailure_BadReferenceFailsList(t *testing.T) {
	t.Parallel()
	st := &grouptest.FailingStore{Store: memstore.New()}
	c := grouptest.NewClock()
	eng, err := groupkit.New(st, memblob.New(), &groupkit.Options{Clock: c.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	s := grouptest.NewFixtureOn(t, eng, c)
	ctx, system := t.Context(), eng.System()
	other := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: grouptest.IDs{"carol"}})
	st.FailAfter(1)
	require.ErrorIs(t, system.DeleteGroup(ctx, s.ID), grouptest.ErrFailing)
	st.Recover()

	joined, err := grouptest.Collect(system.JoinedGroups(ctx, "carol"))
	require.NoError(t, err)
	require.Len(t, joined, 1)
	all, err := grouptest.Collect(system.Groups(ctx))
	require.NoError(t, err)
	require.Len(t, all, 1)
	for _, u := range (grouptest.IDs{"frank", "grace"}) {
		requests, err := grouptest.Collect(system.PendingRequests(ctx, u))
		require.NoError(t, err)
		require.Empty(t, requests)
		invitations, err := grouptest.Collect(system.PendingInvitations(ctx, u))
		require.NoError(t, err)
		require.Empty(t, invitations)
	}
	found, missing, err := system.GroupDetails(ctx, []groupkit.GroupID{"no such", "", "bad id/", s.ID, other, groupkit.GroupID(strings.Repeat("x", 99))})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, other, found[0].ID)
	require.Len(t, missing, 5)
	results, err := system.AddMembers(ctx, other, grouptest.IDs{"", "a\nb", "carol", "dave"})
	require.NoError(t, err)
	require.Equal(t, grouptest.IDs{"dave"}, results.Succeeded())
}

// A group that was created at the same instant as others is on exactly one page.
func TestFailure_PageSkipsOrRepeatsWhereTimestampsTie(t *testing.T) {
	t.Parallel()
	eng, c := grouptest.Setup(t, groupkit.Options{})
	ctx := t.Context()
	want := map[groupkit.GroupID]bool{}
	for i := range 60 {
		if i%20 == 0 {
			c.Advance(time.Millisecond)
		}
		want[grouptest.CreateGroup(t, eng, groupkit.NewGroup{Public: i%3 > 0})] = true
	}
	for _, limit := range []int{1, 3, 7, 20, 59, 60, 61} {
		seen := map[groupkit.GroupID]bool{}
		for cursor, more := "", true; more; more = cursor != "" {
			page, next, err := eng.System().GroupsPage(ctx, limit, cursor)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page), limit)
			for _, g := range page {
				require.False(t, seen[g.ID], "twice")
				seen[g.ID] = true
			}
			cursor = next
		}
		require.Equal(t, want, seen)
	}
}

// So are members who joined at the same instant, and files of the same instant.
func TestFailure_ListsOfOneInstant(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	ctx := t.Context()
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: grouptest.Users("user", 40)})
	for range 25 {
		require.NoError(t, grouptest.ErrorOf(eng.As("alice").UploadFile(ctx, id, "a", strings.NewReader("a"))))
	}
	members, files := map[groupkit.UserID]bool{}, map[groupkit.FileID]bool{}
	for n := 1; n <= 6; n++ {
		page, err := eng.System().MembersPage(ctx, id, groupkit.Page{Number: n, Size: 7})
		require.NoError(t, err)
		for _, m := range page {
			members[m.User] = true
		}
		f, err := eng.System().FilesPage(ctx, id, groupkit.Page{Number: n, Size: 7})
		require.NoError(t, err)
		for _, one := range f {
			files[one.ID] = true
		}
	}
	require.Len(t, members, 41)
	require.Len(t, files, 25)
}

func TestFailure_BatchCheckedAgainstStateBeforeIt(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{Limits: groupkit.Limits{Invitations: 2}})
	ctx, system := t.Context(), eng.System()
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{MaxUsers: 3})

	results, err := system.AddMembers(ctx, id, grouptest.IDs{"bob", "bob", "carol", "dave"})
	require.NoError(t, err)
	require.Equal(t, grouptest.IDs{"bob", "carol"}, results.Succeeded())
	require.ErrorIs(t, results[1].Err, groupkit.ErrAlreadyMember)
	require.ErrorIs(t, results[3].Err, groupkit.ErrGroupFull)

	results, err = system.InviteUsers(ctx, id, grouptest.IDs{"dave", "dave", "erin", "frank"})
	require.NoError(t, err)
	require.ErrorIs(t, results[3].Err, groupkit.ErrTooManyInvitations)
	require.NoError(t, results[1].Err, "it is pending")

	results, err = system.RemoveMembers(ctx, id, grouptest.IDs{"bob", "bob"})
	require.NoError(t, err)
	require.ErrorIs(t, results[1].Err, groupkit.ErrNotMember)

	results, err = system.BlockUsers(ctx, id, time.Hour, grouptest.IDs{"carol", "carol"})
	require.NoError(t, err)
	require.ErrorIs(t, results[1].Err, groupkit.ErrBlacklisted)
	g, err := system.Group(ctx, id)
	require.NoError(t, err)
	require.Equal(t, 1, g.MemberCount)
	grouptest.RequireVerified(t, eng)
}

func TestFailure_CountDriftsByRejectedRequest(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{Limits: groupkit.Limits{Requests: 1, JoinedGroups: 2}})
	ctx := t.Context()
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Public: true, MembersOnly: true, MaxUsers: 2})
	for i := range 5 {
		u := groupkit.UserID(fmt.Sprint("user-", i))
		require.NoError(t, grouptest.ErrorOf(eng.As(u).Join(ctx, id)), "the one request that may be pending")
		require.ErrorIs(t, grouptest.ErrorOf(eng.As("someone").Join(ctx, id)), groupkit.ErrTooManyRequests)
		if i%2 == 0 {
			require.NoError(t, eng.As("alice").DeclineRequest(ctx, id, u))
		} else {
			require.NoError(t, eng.As(u).CancelRequest(ctx, id))
		}
	}
	g, err := eng.System().Group(ctx, id)
	require.NoError(t, err)
	require.Equal(t, 1, g.MemberCount)
	require.NoError(t, grouptest.ErrorOf(eng.As("user-0").Join(ctx, id)))
	require.NoError(t, eng.As("alice").ApproveRequest(ctx, id, "user-0"), "there is room for one")
	require.NoError(t, grouptest.ErrorOf(eng.As("user-1").Join(ctx, id)))
	for range 3 {
		require.ErrorIs(t, eng.As("alice").ApproveRequest(ctx, id, "user-1"), groupkit.ErrGroupFull)
	}
	require.NoError(t, eng.As("alice").DeclineRequest(ctx, id, "user-1"))
	joined, err := grouptest.Collect(eng.System().JoinedGroups(ctx, "user-1"))
	require.NoError(t, err)
	require.Empty(t, joined)
	grouptest.RequireVerified(t, eng)
}
