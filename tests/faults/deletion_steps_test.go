package faults_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// TestActor_DeleteGroup_TenThousand deletes a large group. The deletion goes in steps of a
// bounded size, and others read and write between any two of them.
func TestActor_DeleteGroup_TenThousand(t *testing.T) {
	t.Parallel()
	const members = 10_000
	raw := memstore.New()
	s := &grouptest.Stack{Store: raw, Blobs: memblob.New(), Clock: grouptest.NewClockAt(grouptest.Dawn)}
	between := &watched{Store: raw}
	s.Open(t, grouptest.LargeGroupOptions(), between, s.Blobs)
	grouptest.NewLargeGroup(t, s, members)
	require.NoError(t, grouptest.ErrorOf(s.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "other", Name: "Other", Owner: "carol", Public: true})))
	s.RequireVerified(t)

	steps := 0
	between.after(func() {
		steps++
		passing(t, s, steps)
	})
	require.NoError(t, s.System().DeleteGroup(t.Context(), grouptest.LargeGroup))
	between.after(nil)

	require.Greater(t, steps, members/100, "it goes in steps")
	for i, n := range between.writes {
		require.LessOrEqual(t, n, 1000, "step %d", i)
	}
	s.RequireVerified(t)
	grouptest.RequireDeleted(t, s.Dump(t), grouptest.LargeGroup)
	require.Empty(t, grouptest.ContentIDs(t, s.Blobs))
	other, err := s.System().Group(t.Context(), "other")
	require.NoError(t, err)
	require.EqualValues(t, steps+1, other.Version-1, "one update got through at every step")
	grouptest.RequireDeletedLog(t, s, grouptest.LargeGroup, members)
}

// passing is what others do between two steps of the deletion of the large group.
func passing(t *testing.T, s *grouptest.Stack, step int) {
	ctx := t.Context()
	require.NoError(t, s.As("carol").SetAnnouncement(ctx, "other", fmt.Sprint(step)))
	require.ErrorIs(t, grouptest.ErrorOf(s.System().Group(ctx, grouptest.LargeGroup)), groupkit.ErrGroupNotFound)
	if step%50 != 1 {
		return
	}
	requireGone(t, s)
	report, err := s.Verify(ctx, groupkit.VerifyOptions{})
	require.NoError(t, err)
	if len(report.Deletions) > 0 {
		require.Equal(t, []groupkit.GroupID{grouptest.LargeGroup}, report.Deletions)
		report.Deletions = nil
	}
	require.Zero(t, report)
}

// requireGone checks that nobody can see a group that is being deleted.
func requireGone(t *testing.T, s *grouptest.Stack) {
	ctx := t.Context()
	last := groupkit.UserID("m-09999")
	require.ErrorIs(t, grouptest.ErrorOf(s.As("alice").Role(ctx, grouptest.LargeGroup, "alice")), groupkit.ErrGroupNotFound)
	require.ErrorIs(t, s.As(last).MaySpeak(ctx, grouptest.LargeGroup), groupkit.ErrGroupNotFound)
	require.ErrorIs(t, grouptest.ErrorOf(grouptest.Collect(s.As("alice").Members(ctx, grouptest.LargeGroup))), groupkit.ErrGroupNotFound)
	require.ErrorIs(t, grouptest.ErrorOf(s.As("alice").FilesPage(ctx, grouptest.LargeGroup, groupkit.Page{})), groupkit.ErrGroupNotFound)
	require.ErrorIs(t, s.System().AddMember(ctx, grouptest.LargeGroup, "new"), groupkit.ErrGroupNotFound)
	require.ErrorIs(t, s.System().DeleteGroup(ctx, grouptest.LargeGroup), groupkit.ErrGroupNotFound)
	require.ErrorIs(t, grouptest.ErrorOf(s.System().CreateGroup(ctx, groupkit.NewGroup{ID: grouptest.LargeGroup, Name: "Again", Owner: "alice"})), groupkit.ErrGroupExists)
	require.Len(t, grouptest.MustCollect(t, s.System().Groups(ctx)), 1)
	require.Empty(t, grouptest.MustCollect(t, s.System().JoinedGroups(ctx, last)))
	require.Empty(t, grouptest.MustCollect(t, s.System().PendingRequests(ctx, "asking-00009")))
	require.Empty(t, grouptest.MustCollect(t, s.System().PendingInvitations(ctx, "invited-00009")))
	found, missing, err := s.System().GroupDetails(ctx, []groupkit.GroupID{grouptest.LargeGroup, "other"})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, []groupkit.GroupID{grouptest.LargeGroup}, missing)
}

// TestActor_AddMember_WhileGroupIsDeleted adds a user who is in as many groups as allowed,
// one of which is being deleted. That one does not count, and is subtracted once.
func TestActor_AddMember_WhileGroupIsDeleted(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	raw := memstore.New()
	s := &grouptest.Stack{Store: raw, Blobs: memblob.New(), Clock: grouptest.NewClockAt(grouptest.Dawn)}
	between := &watched{Store: raw}
	s.Open(t, grouptest.LargeGroupOptions(), between, s.Blobs)
	grouptest.NewLargeGroup(t, s, 300)
	last := groupkit.UserID("m-00299")
	for _, id := range []groupkit.GroupID{"second", "third", "fourth"} {
		require.NoError(t, grouptest.ErrorOf(s.System().CreateGroup(ctx, groupkit.NewGroup{ID: id, Name: "x", Owner: "carol-" + groupkit.UserID(id)})))
	}
	require.NoError(t, s.System().AddMember(ctx, "second", last))
	require.ErrorIs(t, s.System().AddMember(ctx, "third", last), groupkit.ErrTooManyJoined)
	steps := 0
	between.after(func() {
		if steps++; steps != 2 { // some are gone already, this one is not
			return
		}
		require.NotEmpty(t, s.Keys(t, key.UserGroup(string(last), string(grouptest.LargeGroup), true)))
		require.NoError(t, s.System().AddMember(ctx, "third", last))
		require.ErrorIs(t, s.System().AddMember(ctx, "fourth", last), groupkit.ErrTooManyJoined)
	})
	require.NoError(t, s.As("alice").DeleteGroup(ctx, grouptest.LargeGroup))
	between.after(nil)
	require.Greater(t, steps, 2)
	require.Len(t, grouptest.MustCollect(t, s.System().JoinedGroups(ctx, last)), 2)
	require.ErrorIs(t, s.System().AddMember(ctx, "fourth", last), groupkit.ErrTooManyJoined)
	s.RequireVerified(t)
}

// TestActor_DeleteGroup_CutOff cancels the context of a deletion at every step. The group is
// gone for everyone at once, and the next opening finishes the deletion.
func TestActor_DeleteGroup_CutOff(t *testing.T) {
	t.Parallel()
	finished := false
	for step := 1; !finished; step++ {
		raw, blobs := memstore.New(), memblob.New()
		s := &grouptest.Stack{Store: raw, Blobs: blobs, Clock: grouptest.NewClockAt(grouptest.Dawn)}
		between := &watched{Store: raw}
		s.Open(t, grouptest.LargeGroupOptions(), grouptest.KeptStore{Store: between}, grouptest.KeptBlobs{Blobs: blobs})
		grouptest.NewLargeGroup(t, s, 130)
		ctx, cancel := context.WithCancel(t.Context())
		steps := 0
		between.after(func() {
			if steps++; steps == step {
				cancel()
			}
		})
		err := s.System().DeleteGroup(ctx, grouptest.LargeGroup)
		if finished = err == nil; !finished {
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, grouptest.ErrorOf(s.System().Group(t.Context(), grouptest.LargeGroup)), groupkit.ErrGroupNotFound)
		}
		require.NoError(t, s.Close())
		s.OpenWhole(t, grouptest.LargeGroupOptions(), raw, blobs)
		s.RequireVerified(t)
		grouptest.RequireDeleted(t, s.Dump(t), grouptest.LargeGroup)
		require.ErrorIs(t, s.System().DeleteGroup(t.Context(), grouptest.LargeGroup), groupkit.ErrGroupNotFound)
		cancel()
	}
}

// TestActor_DeleteGroup_ContentsFail cannot delete the content of a file. The deletion stays
// pending, and the next opening finishes it and deletes the content.
func TestActor_DeleteGroup_ContentsFail(t *testing.T) {
	t.Parallel()
	raw, blobs := memstore.New(), memblob.New()
	s := &grouptest.Stack{Store: raw, Blobs: blobs, Clock: grouptest.NewClockAt(grouptest.Dawn)}
	s.Open(t, grouptest.LargeGroupOptions(), grouptest.KeptStore{Store: raw}, sticky{grouptest.KeptBlobs{Blobs: blobs}})
	grouptest.NewLargeGroup(t, s, 10)
	err := s.System().DeleteGroup(t.Context(), grouptest.LargeGroup)
	require.ErrorIs(t, err, errSticky)
	require.ErrorIs(t, err, groupkit.ErrStorage)
	require.ErrorIs(t, grouptest.ErrorOf(s.System().Group(t.Context(), grouptest.LargeGroup)), groupkit.ErrGroupNotFound)
	require.NoError(t, s.Close())
	s.OpenWhole(t, grouptest.LargeGroupOptions(), raw, blobs)
	require.Empty(t, grouptest.ContentIDs(t, blobs))
	s.RequireVerified(t)
}

// TestActor_DeleteGroup_DuringTheOpening deletes a group while the engine still resumes
// earlier work. The caller gets the error of its own deletion.
func TestActor_DeleteGroup_DuringTheOpening(t *testing.T) {
	t.Parallel()
	raw, blobs := memstore.New(), memblob.New()
	s := &grouptest.Stack{Store: raw, Blobs: blobs, Clock: grouptest.NewClockAt(grouptest.Dawn)}
	s.Open(t, grouptest.LargeGroupOptions(), grouptest.KeptStore{Store: raw}, grouptest.KeptBlobs{Blobs: blobs})
	grouptest.NewLargeGroup(t, s, 10)
	require.NoError(t, s.Close())
	late, opening, opts := &late{watched: &watched{Store: raw}, on: make(chan struct{})}, grouptest.NewOpening(), grouptest.LargeGroupOptions()
	opts.Logger = opening.Logger()
	s.Open(t, opts, late, sticky{blobs})
	late.after(func() {
		close(late.on)
		opening.Wait(t)
		late.after(nil)
	})
	require.ErrorIs(t, s.System().DeleteGroup(t.Context(), grouptest.LargeGroup), errSticky)
}

func broken(inv groupkit.Invariant, group groupkit.GroupID, user groupkit.UserID, what, problem string) groupkit.Violation {
	return groupkit.Violation{Invariant: inv, Group: group, User: user, Record: what, Problem: problem}
}
