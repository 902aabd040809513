//go:build unix

package crash_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

func TestCrash_DeleteGroup(t *testing.T) {
	before := false
	crashAtEveryStep(t, "delete", 10, func(t *testing.T, s *grouptest.Stack) {
		g, err := s.System().Group(t.Context(), grouptest.LargeGroup)
		if err == nil && !before { // it died before the first commit
			require.Equal(t, 131, g.MemberCount)
			require.Len(t, grouptest.ContentIDs(t, s.Disk), 3)
			return
		}
		before = true
		require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
		grouptest.RequireDeleted(t, s.Dump(t), grouptest.LargeGroup)
		require.Empty(t, grouptest.ContentIDs(t, s.Disk))
		require.Empty(t, grouptest.MustCollect(t, s.System().JoinedGroups(t.Context(), "m-00129")))
		grouptest.RequireDeletedLog(t, s, grouptest.LargeGroup, 130)
	})
}

func TestCrash_LastMemberLeaves(t *testing.T) {
	gone := false
	crashAtEveryStep(t, "leave", 5, func(t *testing.T, s *grouptest.Stack) {
		_, err := s.System().Group(t.Context(), "lonely")
		gone = gone || err != nil
		if gone {
			require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
			grouptest.RequireDeleted(t, s.Dump(t), "lonely")
			require.Len(t, grouptest.ContentIDs(t, s.Disk), 3)
		}
	})
	require.True(t, gone)
}

// TestCrash_Resume crashes children while they resume a deletion that was interrupted.
func TestCrash_Resume(t *testing.T) {
	t.Parallel()
	half, died := runChild(t, "delete", largeGroupOnDisk(t), 3) // the tombstone, and a few members
	require.True(t, died)
	for steps := 1; died; steps++ {
		var dir string
		dir, died = runChild(t, "nothing", half, steps)
		s := onDisk(dir, nil)
		grouptest.Eventually(t, func() bool { return settled(t, s) })
		s.RequireVerified(t)
		grouptest.RequireDeleted(t, s.Dump(t), grouptest.LargeGroup)
		require.Empty(t, grouptest.ContentIDs(t, s.Disk))
		require.NoError(t, s.Close())
		require.True(t, died || steps > 8, "the story has %d steps", steps-1)
	}
}

// TestCrash_ForgetUser calls ForgetUser again after a crash, which finishes it.
func TestCrash_ForgetUser(t *testing.T) {
	crashAtEveryStep(t, "forget", 3, func(t *testing.T, s *grouptest.Stack) {
		forget := groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed, Blocks: true, Pseudonymize: true}
		require.NoError(t, s.System().ForgetUser(t.Context(), "alice", forget))
		for k, v := range s.Dump(t) {
			require.NotContains(t, k+v, "alice")
		}
		g, err := s.System().Group(t.Context(), grouptest.LargeGroup)
		require.NoError(t, err)
		require.EqualValues(t, "m-00000", g.Owner)
		require.Equal(t, 130, g.MemberCount)
	})
}

// TestCrash_UploadFile finds either the whole file or nothing of it.
func TestCrash_UploadFile(t *testing.T) {
	listed := false
	crashAtEveryStep(t, "upload", 5, func(t *testing.T, s *grouptest.Stack) {
		files := grouptest.MustCollect(t, s.System().Files(t.Context(), grouptest.LargeGroup))
		if len(files) == 3 {
			require.False(t, listed)
			require.Len(t, grouptest.ContentIDs(t, s.Disk), 3)
			return
		}
		listed = true
		require.Len(t, files, 4)
		require.Len(t, grouptest.ContentIDs(t, s.Disk), 4)
		added := slices.IndexFunc(files, func(f groupkit.File) bool { return f.Name == "new" })
		grouptest.RequireContent(t, s, grouptest.LargeGroup, files[added], strings.Repeat("new", 1<<16))
	})
	require.True(t, listed)
}

// TestCrash_DeleteFile finds either the whole file or nothing of it.
func TestCrash_DeleteFile(t *testing.T) {
	deleted := false
	crashAtEveryStep(t, "delete file", 2, func(t *testing.T, s *grouptest.Stack) {
		files := grouptest.MustCollect(t, s.System().Files(t.Context(), grouptest.LargeGroup))
		deleted = deleted || len(files) == 2
		require.Len(t, files, grouptest.Either(deleted, 2, 3))
		require.Len(t, grouptest.ContentIDs(t, s.Disk), len(files))
		for _, f := range files {
			grouptest.RequireContent(t, s, grouptest.LargeGroup, f, f.Name)
		}
	})
	require.True(t, deleted)
}
