package groupkit_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/sharedmem"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// Files and groups that are deleted while a backup runs are in it, with their contents. The contents go when it ends.
func TestEngine_Backup_HoldsContents(t *testing.T) {
	t.Parallel()
	grouptest.NeedsOwnStore(t, "functions run again, and the number of writes differs")
	probe := grouptest.NewDataset(t)
	writes := 0
	_, err := probe.Backup(t.Context(), grouptest.WriterFunc(func(p []byte) (int, error) { writes++; return len(p), nil }))
	require.NoError(t, err)
	for at := 1; at <= writes; at++ {
		s := grouptest.NewDataset(t)
		before, contents := grouptest.CarriedRecords(t, s.Store), grouptest.StoredContents(t, s.Blobs)
		var out bytes.Buffer
		_, err := s.Backup(t.Context(), &grouptest.HookWriter{Writer: &out, At: at, Then: func() {
			require.NoError(t, s.As("bob").DeleteFile(context.Background(), grouptest.Guild, s.Chart.ID))
			require.NoError(t, s.System().DeleteGroup(context.Background(), grouptest.Archive))
			require.NoError(t, grouptest.ErrorOf(s.Sweep(context.Background())))
			require.Equal(t, contents, grouptest.StoredContents(t, s.Blobs), "they are held")
			grouptest.RequireVerified(t, s.Engine)
		}})
		require.NoError(t, err)
		require.Len(t, grouptest.StoredContents(t, s.Blobs), 1, "they have gone")
		require.Empty(t, s.Keys(t, key.AllToGo()))
		require.Empty(t, s.Keys(t, key.Uploads()))
		grouptest.RequireVerified(t, s.Engine)

		to, blobs := memstore.New(), memblob.New()
		_, err = groupkit.Restore(t.Context(), to, blobs, bytes.NewReader(out.Bytes()))
		require.NoError(t, err)
		if at > 2 { // the deletions come after the snapshot
			require.Equal(t, before, grouptest.CarriedRecords(t, to), "write %d", at)
			require.Equal(t, contents, grouptest.StoredContents(t, blobs), "write %d", at)
		}
		grouptest.RequireVerified(t, openPlace(t, s, to, blobs).Engine)
	}
}

// While several backups run, contents go when the last one ends.
func TestEngine_Backup_SeveralHold(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	var inner bytes.Buffer
	_, err := s.Backup(t.Context(), &grouptest.HookWriter{Writer: io.Discard, At: 4, Then: func() {
		_, err := s.Backup(context.Background(), &grouptest.HookWriter{Writer: &inner, At: 4, Then: func() {
			require.NoError(t, s.As("bob").DeleteFile(context.Background(), grouptest.Guild, s.Chart.ID))
		}})
		require.NoError(t, err)
		require.Contains(t, grouptest.StoredContents(t, s.Blobs), grouptest.ContentID(s.Chart), "the outer one holds it")
	}})
	require.NoError(t, err)
	require.NotContains(t, grouptest.StoredContents(t, s.Blobs), grouptest.ContentID(s.Chart))
	require.Contains(t, inner.String(), "a map of the north")
}

// Verify finds a hold that has no form of one.
func TestEngine_Verify_Hold(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	s.Put(t, append(key.Holds(), 'x'), (&record.Upload{Process: "another", At: 1}).Encode())
	report, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Len(t, report.Violations, 1)
}

// An engine that shares the store holds the contents for all.
func TestEngine_Backup_HoldsForOthers(t *testing.T) {
	t.Parallel()
	data, blobs := sharedmem.New(sharedmem.Options{Numbers: true, Rerun: 0.3}), memblob.New()
	open := func() (*groupkit.Engine, store.Store) {
		s := data.Open()
		eng, err := groupkit.New(s, grouptest.KeptBlobs{Blobs: blobs}, nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = eng.Close() })
		return eng, s
	}
	one, _ := open()
	other, _ := open()
	ctx := t.Context()
	group := grouptest.CreateGroup(t, one, groupkit.NewGroup{Owner: "alice"})
	f, err := one.As("alice").UploadFile(ctx, group, "x", strings.NewReader("content"))
	require.NoError(t, err)
	var out bytes.Buffer
	_, err = one.Backup(ctx, &grouptest.HookWriter{Writer: &out, At: 3, Then: func() {
		require.NoError(t, other.As("alice").DeleteFile(context.Background(), group, f.ID))
		require.NotEmpty(t, grouptest.StoredContents(t, blobs))
	}})
	require.NoError(t, err)
	require.Empty(t, grouptest.StoredContents(t, blobs))
	restored := memblob.New()
	_, err = groupkit.Restore(ctx, memstore.New(), restored, bytes.NewReader(out.Bytes()))
	require.NoError(t, err)
	require.Len(t, grouptest.StoredContents(t, restored), 1)

	// A backup that has lost its hold to another engine fails.
	_, err = one.As("alice").UploadFile(ctx, group, "x", strings.NewReader("content"))
	require.NoError(t, err)
	_, err = one.Backup(ctx, &grouptest.HookWriter{Writer: io.Discard, At: 3, Then: func() {
		require.NoError(t, data.Open().Update(context.Background(), func(w store.Writer) error {
			page, _, err := w.Scan(store.Prefix(key.Holds()))
			if err != nil {
				return err
			}
			return w.Delete(page[0].Key)
		}))
	}})
	require.ErrorIs(t, err, groupkit.ErrStorage)
	require.ErrorContains(t, err, "not held any more")
}
