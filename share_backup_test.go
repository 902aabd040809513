//go:build !js && !wasip1 && !plan9 && !windows

package groupkit_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
	"groupkit/store/sockstore"
)

// shared is a Dataset that is looked at through a socket.
func shared(t *testing.T) (s *grouptest.Dataset, eyes *groupkit.Engine) {
	path := filepath.Join(shortDir(t), "s")
	opts := grouptest.DatasetOptions()
	opts.Share = sockstore.At(path)
	s = grouptest.NewDatasetOver(t, opts, grouptest.Unwrapped)
	eyes, _ = look(t, path)
	return s, eyes
}

// Files and groups that are deleted while another process makes a backup or a copy are in it, with their contents. The contents
// go when it ends.
func TestOptions_ShareBackup(t *testing.T) {
	t.Parallel()
	grouptest.NeedsOwnStore(t, "a store that processes share is not shown on a socket")
	for name, carry := range map[string]func(*testing.T, *groupkit.Engine, func()) (store.Store, store.Blobs){
		"backup": func(t *testing.T, eyes *groupkit.Engine, meanwhile func()) (store.Store, store.Blobs) {
			var out bytes.Buffer
			_, err := eyes.Backup(t.Context(), &grouptest.HookWriter{Writer: &out, At: 4, Then: meanwhile})
			require.NoError(t, err)
			s, b := memstore.New(), memblob.New()
			_, err = groupkit.Restore(t.Context(), s, b, bytes.NewReader(out.Bytes()))
			require.NoError(t, err)
			return s, b
		},
		"copy": func(t *testing.T, eyes *groupkit.Engine, meanwhile func()) (store.Store, store.Blobs) {
			s, b := memstore.New(), memblob.New()
			_, err := eyes.Copy(t.Context(), s, b, groupkit.CopyOptions{Progress: func(groupkit.Transfer) { meanwhile(); meanwhile = func() {} }})
			require.NoError(t, err)
			return s, b
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, eyes := shared(t)
			records, contents := grouptest.CarriedRecords(t, s.Store), grouptest.StoredContents(t, s.Blobs)
			deleted := 0
			to, blobs := carry(t, eyes, func() {
				require.NoError(t, s.As("bob").DeleteFile(context.Background(), grouptest.Guild, s.Chart.ID))
				require.NoError(t, s.System().DeleteGroup(context.Background(), grouptest.Archive))
				require.NoError(t, grouptest.ErrorOf(s.Sweep(context.Background())))
				require.Equal(t, contents, grouptest.StoredContents(t, s.Blobs), "they are held")
				deleted++
			})
			require.Equal(t, 1, deleted)
			require.True(t, maps.Equal(records, grouptest.CarriedRecords(t, to)), "what there was at the beginning")
			require.Len(t, grouptest.StoredContents(t, blobs), len(contents), "with the mark of its own")
			require.Less(t, len(grouptest.StoredContents(t, s.Blobs)), len(contents), "they have gone by now")
			grouptest.RequireVerified(t, s.Engine)
		})
	}
}

// A process that goes away while its data is backed up lets the backup fail.
func TestOptions_ShareBackupLost(t *testing.T) {
	t.Parallel()
	grouptest.NeedsOwnStore(t, "a store that processes share is not shown on a socket")
	s, eyes := shared(t)
	_, err := eyes.Backup(t.Context(), &grouptest.HookWriter{Writer: io.Discard, At: 4, Then: func() { require.NoError(t, s.Close()) }})
	require.ErrorIs(t, err, groupkit.ErrStorage)
}

// A backup that is given up lets the contents go.
func TestOptions_ShareBackupCancelled(t *testing.T) {
	t.Parallel()
	grouptest.NeedsOwnStore(t, "a store that processes share is not shown on a socket")
	s, eyes := shared(t)
	contents := grouptest.ContentIDs(t, s.Blobs)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := eyes.Backup(ctx, &grouptest.HookWriter{Writer: io.Discard, At: 4, Then: func() {
		require.NoError(t, s.As("bob").DeleteFile(context.Background(), grouptest.Guild, s.Chart.ID))
		require.Equal(t, contents, grouptest.ContentIDs(t, s.Blobs), "they are held")
		cancel()
	}})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, len(grouptest.ContentIDs(t, s.Blobs)), len(contents))
}

// Contents that a process shows without an engine cannot be held.
func TestOptions_ShareBackupUnheld(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "s")
	l, err := sockstore.Listen(path)
	require.NoError(t, err)
	source := memstore.New()
	eng, err := groupkit.New(source, memblob.New(), nil)
	require.NoError(t, err)
	defer eng.Close()
	server := sockstore.Serve(l, source, memblob.New(), nil)
	defer server.Close()
	eyes, _ := look(t, path)
	require.ErrorIs(t, grouptest.ErrorOf(eyes.Backup(t.Context(), io.Discard)), groupkit.ErrReadOnly)
	require.ErrorIs(t, grouptest.ErrorOf(eyes.Copy(t.Context(), memstore.New(), memblob.New(), groupkit.CopyOptions{})), groupkit.ErrReadOnly)
}
