package groupkit_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
)

func TestEngine_RemoveUnknownContents(t *testing.T) {
	t.Parallel()
	content := func(s *grouptest.Dataset, age time.Duration) string {
		id := uuid.Must(uuid.NewV7())
		ms := s.Clock.Now().Add(-age).UnixMilli()
		for i := range 6 {
			id[i] = byte(ms >> (40 - 8*i))
		}
		return id.String()
	}
	t.Run("those that are old enough", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewDataset(t)
		before := grouptest.ContentIDs(t, s.Blobs)
		old := []string{content(s, time.Hour), key.Content1("nowhere", uuid.MustParse(content(s, 2*time.Hour)))}
		kept := []string{content(s, time.Hour-time.Millisecond), content(s, -time.Hour), "stray", key.Content1("nowhere", uuid.Max), uuid.NewString()}
		for _, id := range append(old, kept...) {
			require.NoError(t, s.Blobs.Put(t.Context(), id, strings.NewReader("x")))
		}
		n, err := s.RemoveUnknownContents(t.Context(), time.Hour)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		require.ElementsMatch(t, append(before, kept...), grouptest.ContentIDs(t, s.Blobs))
		_, err = s.RemoveUnknownContents(t.Context(), -1)
		require.ErrorIs(t, err, groupkit.ErrInvalid)
		grouptest.RequireError(t, err, groupkit.OpRemoveUnknownContents, "")
	})
	t.Run("not those of an upload that runs", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewDataset(t)
		s.OpenWhole(t, grouptest.DatasetOptions(), grouptest.KeptStore{Store: s.Store}, afterPut{grouptest.KeptBlobs{Blobs: s.Blobs}, func() {
			s.Clock.Advance(time.Hour)
			n, err := s.RemoveUnknownContents(t.Context(), 0)
			require.NoError(t, err)
			require.Zero(t, n)
		}})
		f, err := s.As("carol").UploadFile(t.Context(), grouptest.Guild, "new", strings.NewReader("new"))
		require.NoError(t, err)
		grouptest.RequireContent(t, s.Stack, grouptest.Guild, f, "new")
	})
	t.Run("not those of a damaged record", func(t *testing.T) {
		t.Parallel()
		for _, damage := range []func(*testing.T, *grouptest.Dataset){
			grouptest.ChangeFileBytes(grouptest.Garbage),
			removeChart,
		} {
			s := grouptest.NewDataset(t)
			damage(t, s)
			s.Clock.Advance(time.Hour)
			before := grouptest.ContentIDs(t, s.Blobs)
			_, err := s.RemoveUnknownContents(t.Context(), 0)
			require.ErrorIs(t, err, groupkit.ErrCorrupt)
			require.Equal(t, before, grouptest.ContentIDs(t, s.Blobs))
		}
	})
}

func removeChart(t *testing.T, s *grouptest.Dataset) {
	s.Remove(t, s.FileKey(t, s.Chart))
}

// afterPut contents do something after a content of a file has been put.
type afterPut struct {
	grouptest.KeptBlobs
	then func()
}

func (b afterPut) Put(ctx context.Context, id string, r io.Reader) error {
	err := b.KeptBlobs.Put(ctx, id, r)
	if id != grouptest.ContentsMark {
		b.then()
	}
	return err
}
