package groupkit_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
)

// TestActor_UploadFile_LosesTheRight has uploaders who may not upload any more when they
// are done.
func TestActor_UploadFile_LosesTheRight(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile func(ctx context.Context, s *grouptest.Dataset) error
		want      error
	}{
		"removed": {func(ctx context.Context, s *grouptest.Dataset) error {
			return s.As("bob").RemoveMember(ctx, grouptest.Guild, "carol")
		}, groupkit.ErrNotMember},
		"left": {func(ctx context.Context, s *grouptest.Dataset) error {
			return s.As("carol").Leave(ctx, grouptest.Guild)
		}, groupkit.ErrNotMember},
		"blocked": {func(ctx context.Context, s *grouptest.Dataset) error {
			return grouptest.ErrorOf(s.As("bob").Block(ctx, grouptest.Guild, groupkit.Forever, "carol"))
		}, groupkit.ErrBlacklisted},
		"the group deleted": {func(ctx context.Context, s *grouptest.Dataset) error {
			return s.As("alice").DeleteGroup(ctx, grouptest.Guild)
		}, groupkit.ErrGroupNotFound},
		"the app closed": {func(_ context.Context, s *grouptest.Dataset) error { return s.Close() }, groupkit.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewDataset(t)
			_, err := s.As("carol").UploadFile(t.Context(), grouptest.Guild, "new", grouptest.Halfway(func() {
				require.NoError(t, c.meanwhile(t.Context(), s))
			}))
			require.ErrorIs(t, err, c.want)
			grouptest.RequireError(t, err, groupkit.OpUploadFile, grouptest.Guild)
			if c.want == groupkit.ErrClosed {
				return
			}
			require.Empty(t, s.Keys(t, key.Uploads()))
			for _, id := range grouptest.ContentIDs(t, s.Blobs) {
				require.Contains(t, []string{grouptest.ContentID(s.Chart), grouptest.ContentID(s.Rules), scrollContent(t, s)}, id)
			}
			s.RequireVerified(t)
		})
	}
}

// scrollContent is the content of the file of the archive.
func scrollContent(t *testing.T, s *grouptest.Dataset) string {
	files := grouptest.MustCollect(t, s.System().Files(t.Context(), grouptest.Archive))
	require.Len(t, files, 1)
	return grouptest.ContentID(files[0])
}

// TestActor_OpenFile_WhileItIsDeleted deletes files that someone opens, or reads.
func TestActor_OpenFile_WhileItIsDeleted(t *testing.T) {
	t.Parallel()
	t.Run("what has been opened can be read", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewDataset(t)
		_, r, err := s.As("carol").OpenFile(t.Context(), grouptest.Guild, s.Chart.ID)
		require.NoError(t, err)
		require.NoError(t, s.As("bob").DeleteFile(t.Context(), grouptest.Guild, s.Chart.ID))
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, "a map of the north", string(got))
		require.NoError(t, r.Close())
		require.NotContains(t, grouptest.ContentIDs(t, s.Blobs), grouptest.ContentID(s.Chart))
	})
	t.Run("between the record and the content", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewDataset(t)
		s.Open(t, grouptest.DatasetOptions(), grouptest.KeptStore{Store: s.Store}, lateBlobs{grouptest.KeptBlobs{Blobs: s.Blobs}, func() {
			require.NoError(t, s.As("bob").DeleteFile(t.Context(), grouptest.Guild, s.Chart.ID))
		}})
		_, _, err := s.As("carol").OpenFile(t.Context(), grouptest.Guild, s.Chart.ID)
		require.ErrorIs(t, err, groupkit.ErrFileNotFound)
		grouptest.RequireError(t, err, groupkit.OpOpenFile, grouptest.Guild)
	})
	t.Run("together with the group", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewDataset(t)
		s.Open(t, grouptest.DatasetOptions(), grouptest.KeptStore{Store: s.Store}, lateBlobs{grouptest.KeptBlobs{Blobs: s.Blobs}, func() {
			require.NoError(t, s.As("alice").DeleteGroup(t.Context(), grouptest.Guild))
		}})
		_, _, err := s.As("carol").OpenFile(t.Context(), grouptest.Guild, s.Chart.ID)
		require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
	})
}

// lateBlobs do something before they open a content.
type lateBlobs struct {
	grouptest.KeptBlobs
	before func()
}

func (b lateBlobs) Get(ctx context.Context, id string) (io.ReadCloser, error) {
	b.before()
	return b.KeptBlobs.Get(ctx, id)
}

// TestActor_Files_Together uploads, lists, reads and deletes at the same time: what is
// listed can be read whole, or has been deleted.
func TestActor_Files_Together(t *testing.T) {
	t.Parallel()
	s := grouptest.NewStack(t, groupkit.Options{})
	ctx := t.Context()
	require.NoError(t, grouptest.ErrorOf(s.System().CreateGroup(ctx, groupkit.NewGroup{ID: grouptest.Guild, Name: "x", Owner: "alice"})))
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 30 {
				text := strings.Repeat(fmt.Sprint(i, " ", j, " "), 1000)
				f, err := s.As("alice").UploadFile(ctx, grouptest.Guild, "x", strings.NewReader(text))
				require.NoError(t, err)
				if j%2 == 0 {
					require.NoError(t, s.As("alice").DeleteFile(ctx, grouptest.Guild, f.ID))
				}
			}
		})
		all.Go(func() {
			for range 30 {
				for f, err := range s.As("alice").Files(ctx, grouptest.Guild) {
					require.NoError(t, err)
					readWhole(t, s, f)
				}
			}
		})
	}
	all.Wait()
	require.Len(t, grouptest.MustCollect(t, s.As("alice").Files(ctx, grouptest.Guild)), 60)
	require.Len(t, grouptest.ContentIDs(t, s.Blobs), 60)
	s.RequireVerified(t)
}

func readWhole(t *testing.T, s *grouptest.Stack, f groupkit.File) {
	_, r, err := s.As("alice").OpenFile(t.Context(), grouptest.Guild, f.ID)
	if err != nil {
		require.ErrorIs(t, err, groupkit.ErrFileNotFound)
		return
	}
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.EqualValues(t, f.Size, len(got))
	require.NoError(t, r.Close())
}

// TestActor_File_BadIDs asks for files by ids that none can have.
func TestActor_File_BadIDs(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	for _, id := range []groupkit.FileID{"", "x", groupkit.FileID(strings.ToUpper(string(s.Chart.ID))), "{" + s.Chart.ID + "}", s.Chart.ID + "0", groupkit.FileID(uuid.Nil.String())} {
		require.ErrorIs(t, grouptest.ErrorOf(s.As("carol").File(t.Context(), grouptest.Guild, id)), groupkit.ErrFileNotFound, id)
		_, _, err := s.As("carol").OpenFile(t.Context(), grouptest.Guild, id)
		require.ErrorIs(t, err, groupkit.ErrFileNotFound, id)
		require.ErrorIs(t, s.As("bob").DeleteFile(t.Context(), grouptest.Guild, id), groupkit.ErrFileNotFound, id)
		require.ErrorIs(t, grouptest.ErrorOf(s.As("zoe").File(t.Context(), grouptest.OpenGroup, s.Chart.ID)), groupkit.ErrFileNotFound, "of another group")
	}
}
