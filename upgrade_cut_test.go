package groupkit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// goBack turns the data of a Stack into that of format 1 and opens it again with options. The
// engine that it had goes on over a copy.
func goBack(t *testing.T, s *grouptest.Stack, opts groupkit.Options) *grouptest.Stack {
	t.Helper()
	old := &grouptest.Stack{Store: memstore.New(), Blobs: memblob.New(), Clock: s.Clock}
	grouptest.ReplaceAll(t, old.Store, grouptest.RawRecords(t, s.Store))
	for _, id := range grouptest.ContentIDs(t, s.Blobs) {
		r, err := s.Blobs.Get(t.Context(), id)
		require.NoError(t, err)
		require.NoError(t, old.Blobs.Put(t.Context(), id, r))
		require.NoError(t, r.Close())
	}
	grouptest.ToFormat1(t, old.Store, old.Blobs)
	old.Open(t, opts, grouptest.KeptStore{Store: old.Store}, grouptest.KeptBlobs{Blobs: old.Blobs})
	return old
}

// again opens the data of a Stack with other options. Its engine is closed.
func again(t *testing.T, s *grouptest.Stack, opts groupkit.Options) {
	t.Helper()
	require.NoError(t, s.Close())
	s.Open(t, opts, grouptest.KeptStore{Store: s.Store}, grouptest.KeptBlobs{Blobs: s.Blobs})
}

// crowdOf makes a group whose members, requests, invitations and files came in another order
// than that of their names. A second passes before each of them.
func crowdOf(t *testing.T, s *grouptest.Stack) groupkit.GroupID {
	t.Helper()
	ctx := t.Context()
	g, err := s.System().CreateGroup(ctx, groupkit.NewGroup{ID: "crowd", Name: "Crowd", Public: true, MembersOnly: true, Owner: "owner"})
	require.NoError(t, err)
	for _, n := range []int{3, 1, 2} {
		s.Clock.Advance(time.Second)
		require.NoError(t, s.System().AddMember(ctx, g.ID, groupkit.UserID(fmt.Sprint("member ", n))))
		require.NoError(t, grouptest.ErrorOf(s.As(groupkit.UserID(fmt.Sprint("asking ", n))).Join(ctx, g.ID)))
		require.NoError(t, grouptest.ErrorOf(s.As("owner").Invite(ctx, g.ID, groupkit.UserID(fmt.Sprint("invited ", n)))))
		require.NoError(t, grouptest.ErrorOf(s.As("owner").UploadFile(ctx, g.ID, fmt.Sprint("file ", n), strings.NewReader("text"))))
	}
	s.Clock.Advance(time.Second)
	return g.ID
}

// TestUpgrade_CutLog upgrades a group whose log has been cut: what began in the part that is
// gone is in the order of time, and before what began later.
func TestUpgrade_CutLog(t *testing.T) {
	t.Parallel()
	opts := groupkit.Options{Retention: groupkit.Retention{MaxEvents: 1}, OwnerLeave: groupkit.OwnerSucceed}
	s := grouptest.NewStack(t, opts)
	id := crowdOf(t, s)
	require.NoError(t, s.As("owner").SetAnnouncement(t.Context(), id, "The only event in the log."))
	require.NoError(t, grouptest.ErrorOf(s.Sweep(t.Context())))
	up := goBack(t, s, opts)
	up.RequireVerified(t)
	system, ctx := up.System(), t.Context()
	requireSameList(t, s.System().Events(ctx, id, 0), system.Events(ctx, id, 0))
	requireSameList(t, s.System().Requests(ctx, id), system.Requests(ctx, id))
	requireSameList(t, s.System().Invitations(ctx, id), system.Invitations(ctx, id))
	requireSameList(t, s.System().Files(ctx, id), system.Files(ctx, id))

	require.NoError(t, grouptest.ErrorOf(up.As("asking 0").Join(ctx, id)))
	requests, err := grouptest.Collect(system.Requests(ctx, id))
	require.NoError(t, err)
	require.Equal(t, []groupkit.UserID{"asking 3", "asking 1", "asking 2", "asking 0"}, usersOf(requests))
	require.NoError(t, grouptest.ErrorOf(up.As("owner").UploadFile(ctx, id, "file 0", strings.NewReader("text"))))
	files, err := grouptest.Collect(system.Files(ctx, id))
	require.NoError(t, err)
	require.Equal(t, []string{"file 0", "file 2", "file 1", "file 3"}, namesOf(files), "the newest first")
	require.NoError(t, system.AddMember(ctx, id, "member 0"))
	require.NoError(t, up.As("owner").Leave(ctx, id))
	g, err := system.Group(ctx, id)
	require.NoError(t, err)
	require.Equal(t, groupkit.UserID("member 3"), g.Owner, "who was there first")
	require.NoError(t, system.DeleteFile(ctx, id, files[1].ID))
	up.RequireVerified(t)
	require.NoError(t, grouptest.ErrorOf(up.Sweep(ctx)), "the log is cut again")
	up.RequireVerified(t)
}

func usersOf(requests []groupkit.Request) (users []groupkit.UserID) {
	for _, r := range requests {
		users = append(users, r.User)
	}
	return users
}

func namesOf(files []groupkit.File) (names []string) {
	for _, f := range files {
		names = append(names, f.Name)
	}
	return names
}

// TestUpgrade_DeletedFile cuts an upgraded log between the event that adds a file and the event
// that deletes it, and then behind that.
func TestUpgrade_DeletedFile(t *testing.T) {
	t.Parallel()
	s := grouptest.NewStack(t, groupkit.Options{})
	ctx, id := t.Context(), crowdOf(t, s)
	files, err := grouptest.Collect(s.System().Files(ctx, id))
	require.NoError(t, err)
	require.NoError(t, s.System().DeleteFile(ctx, id, files[0].ID))
	up := goBack(t, s, groupkit.Options{})
	for _, events := range []int{1, 2} {
		require.NoError(t, up.System().SetAnnouncement(ctx, id, fmt.Sprint(events)))
	}
	for kept := 3; kept > 0; kept-- {
		again(t, up, groupkit.Options{Retention: groupkit.Retention{MaxEvents: kept}})
		require.NoError(t, grouptest.ErrorOf(up.Sweep(ctx)))
		up.RequireVerified(t)
		all, err := grouptest.Collect(up.System().Events(ctx, id, 0))
		require.NoError(t, err)
		require.Len(t, all, kept+1)
		require.Equal(t, kept < 3, !slices.ContainsFunc(all[0].Checkpoint.Files, func(f groupkit.File) bool { return f.ID == files[0].ID }))
	}
}

// TestUpgrade_Gap upgrades a group whose log lacks a call: what came later keeps its place, and
// Verify reports the gap as before.
func TestUpgrade_Gap(t *testing.T) {
	t.Parallel()
	s := grouptest.NewStack(t, groupkit.Options{})
	id := crowdOf(t, s)
	violations := func(s *grouptest.Stack) (problems []string) {
		found, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
		require.NoError(t, err)
		for _, v := range found.Violations {
			if v.Invariant == groupkit.LogComplete {
				problems = append(problems, v.String())
			}
		}
		return problems
	}
	for k := range grouptest.RawRecords(t, s.Store) {
		if strings.HasPrefix(k, "G\x02crowd\x00e") && strings.HasSuffix(k, "\x04") {
			require.NoError(t, s.Store.Update(t.Context(), func(w store.Writer) error { return w.Delete([]byte(k)) }))
		}
	}
	want := violations(s)
	require.NotEmpty(t, want)
	up := goBack(t, s, groupkit.Options{})
	require.ElementsMatch(t, want, violations(up))
	requireSameList(t, s.System().Requests(t.Context(), id), up.System().Requests(t.Context(), id))
	requireSameList(t, s.System().Files(t.Context(), id), up.System().Files(t.Context(), id))
}
