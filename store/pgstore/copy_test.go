package pgstore_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
	"groupkit/store/pgstore"
)

// From a bbolt file to PostgreSQL and back, all is the same, down to the bytes of an export. A backup can be taken from the one
// and restored into the other.
func TestEngine_Copy_boltAndBack(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server := open(t, pgstore.Options{})
	s := grouptest.NewDataset(t)
	grouptest.PutBucket(t, s.Store, "gold", map[string]string{"alice": "7", "bob": strings.Repeat("8", 2<<20)})
	_, err := s.As("carol").UploadFile(ctx, grouptest.Guild, "large", strings.NewReader(strings.Repeat("large ", 1<<19)))
	require.NoError(t, err)
	want, records, buckets := exportOf(t, s.Engine), grouptest.CarriedRecords(t, s.Store), grouptest.Buckets(t, s.Store)

	path := filepath.Join(t.TempDir(), "groups.db")
	openFile := func(name string) (store.Store, store.Blobs) {
		file, err := boltstore.Open(path+name, &boltstore.Options{Durability: boltstore.None})
		require.NoError(t, err)
		return file, fileblob.New(path + name + ".files")
	}
	file, files := openFile("")
	_, err = s.Copy(ctx, file, files, groupkit.CopyOptions{})
	require.NoError(t, err)
	first := openCopy(t, s, file, files)
	require.Equal(t, want, exportOf(t, first))

	done, err := first.Copy(ctx, server, server.Blobs(), groupkit.CopyOptions{})
	require.NoError(t, err)
	require.Equal(t, records, grouptest.CarriedRecords(t, server))
	require.Equal(t, buckets, grouptest.Buckets(t, server))
	second := openCopy(t, s, server, server.Blobs())
	require.Equal(t, want, exportOf(t, second))
	f, err := second.System().FollowAll(ctx, groupkit.Position{})
	require.NoError(t, err)
	e, err := f.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, groupkit.Checkpoint, e.Kind)
	f.Close()

	file, files = openFile("2")
	again, err := second.Copy(ctx, file, files, groupkit.CopyOptions{})
	require.NoError(t, err)
	require.Equal(t, done.Contents, again.Contents)
	require.Equal(t, buckets, grouptest.Buckets(t, file))
	require.Equal(t, want, exportOf(t, openCopy(t, s, file, files)))

	backup, _ := grouptest.TakeBackup(t, second)
	require.NoError(t, second.System().AddMember(ctx, grouptest.Guild, "late"))
	later, _ := grouptest.TakeBackup(t, second, backup)
	to, blobs := memstore.New(), memblob.New()
	_, err = groupkit.Restore(ctx, to, blobs, grouptest.BackupReaders(backup, later)...)
	require.NoError(t, err)
	other := open(t, pgstore.Options{})
	_, err = groupkit.Restore(ctx, other, other.Blobs(), grouptest.BackupReaders(backup, later)...)
	require.NoError(t, err)
	require.Equal(t, exportOf(t, second), exportOf(t, openCopy(t, s, to, blobs)))
	require.Equal(t, exportOf(t, second), exportOf(t, openCopy(t, s, other, other.Blobs())))
}

func openCopy(t *testing.T, s *grouptest.Dataset, over store.Store, blobs store.Blobs) *groupkit.Engine {
	opts := grouptest.DatasetOptions()
	opts.Clock, opts.MaxSkew = s.Clock.Now, -1
	eng, err := groupkit.New(grouptest.KeptStore{Store: over}, grouptest.KeptBlobs{Blobs: blobs}, &opts)
	require.NoError(t, err)
	t.Cleanup(func() { _ = eng.Close() })
	grouptest.RequireVerified(t, eng)
	return eng
}

func exportOf(t *testing.T, eng *groupkit.Engine) string {
	var out bytes.Buffer
	require.NoError(t, eng.System().Export(t.Context(), &out, groupkit.ExportOptions{Contents: true}))
	return out.String()
}
