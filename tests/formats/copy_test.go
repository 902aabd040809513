package formats_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit"
	"groupkit/store/boltstore"
)

// open opens a database of format 1 as a program does, and closes it.
func open(path string, change func(*groupkit.Options)) error {
	opts := lastOptions()
	opts.Durability = groupkit.SyncNever
	if change != nil {
		change(opts)
	}
	eng, err := groupkit.Open(path, opts)
	if err != nil {
		return err
	}
	return eng.Close()
}

// requireNames fails the test unless the folder of the database has these files and folders.
func requireNames(t *testing.T, path string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	require.ElementsMatch(t, want, names)
}

// TestFormat1_Copy opens a file: there is a copy of what it was, and a program can go back to
// it. A file that is up to date gets no copy.
func TestFormat1_Copy(t *testing.T) {
	t.Parallel()
	path := unpack(t, "format1.tar.gz")
	want := dump(t, path)
	require.NoError(t, open(path, nil))
	requireNames(t, path, database, database+".files", database+".format1")
	require.Equal(t, want, dump(t, path+".format1"))
	require.NotEqual(t, want, dump(t, path))
	require.NoError(t, open(path, nil))
	requireNames(t, path, database, database+".files", database+".format1")

	all := format1.scan(t, path+".format1")
	require.NoError(t, os.Rename(path+".format1", path))
	requireText(t, format1.reads(t), read(t, format1.openShut(t, path), all).text())
}

// TestFormat1_Copy_Names has files in the place of the copy.
func TestFormat1_Copy_Names(t *testing.T) {
	t.Parallel()
	path := unpack(t, "format1.tar.gz")
	want := dump(t, path)
	for _, name := range []string{".format1", ".format1-2", ".format1-3.part"} {
		require.NoError(t, os.WriteFile(path+name, []byte("something else"), 0o600))
	}
	require.NoError(t, open(path, nil))
	requireNames(t, path, database, database+".files", database+".format1", database+".format1-2", database+".format1-3")
	require.Equal(t, want, dump(t, path+".format1-3"))
	for _, name := range []string{".format1", ".format1-2"} {
		content, err := os.ReadFile(path + name)
		require.NoError(t, err)
		require.Equal(t, "something else", string(content))
	}
}

// TestFormat1_Copy_Begun opens a file whose upgrade was interrupted. It is no file of format 1
// any more, so there is no copy of it.
func TestFormat1_Copy_Begun(t *testing.T) {
	t.Parallel()
	path := unpack(t, "format1.tar.gz")
	s, err := boltstore.Open(path, nil)
	require.NoError(t, err)
	require.ErrorIs(t, groupkit.Upgrade(t.Context(), newGate(s, 2), lastOptions()), errShut)
	require.NoError(t, s.Close())
	require.NoError(t, open(path, nil))
	requireNames(t, path, database, database+".files")
}

func TestFormat1_WithoutCopy(t *testing.T) {
	t.Parallel()
	path := unpack(t, "format1.tar.gz")
	require.NoError(t, open(path, func(o *groupkit.Options) { o.UpgradeWithoutCopy = true }))
	requireNames(t, path, database, database+".files")
}

// TestFormat1_CopyFails has no place for the copy: the file stays as it is.
func TestFormat1_CopyFails(t *testing.T) {
	t.Parallel()
	path := unpack(t, "format1.tar.gz")
	want := dump(t, path)
	require.NoError(t, os.MkdirAll(path+".format1.part/full", 0o700))
	err := open(path, nil)
	require.ErrorIs(t, err, groupkit.ErrStorage)
	require.ErrorContains(t, err, "copy of the old data (see Options.UpgradeWithoutCopy)")
	require.Equal(t, want, dump(t, path))
}

// TestFormat1_Damaged has a record that cannot be converted: the file stays as it is, however
// often it is opened, and is not copied either.
func TestFormat1_Damaged(t *testing.T) {
	t.Parallel()
	path := unpack(t, "format1.tar.gz")
	db, err := bolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	header := []byte("g\x02lobby\x00h")
	err = db.Update(func(tx *bolt.Tx) error { return tx.Bucket([]byte("groupkit")).Put(header, []byte("\x80")) })
	require.NoError(t, errors.Join(err, db.Close()))
	want := dump(t, path)
	for range 2 {
		err := open(path, nil)
		require.ErrorIs(t, err, groupkit.ErrCorrupt)
		require.ErrorContains(t, err, `header in group "lobby" (key 67026c6f6262790068)`)
		require.Equal(t, want, dump(t, path))
		requireNames(t, path, database, database+".files")
	}
}

// TestFormat1_Buckets checks that the application's own data is what it was.
func TestFormat1_Buckets(t *testing.T) {
	t.Parallel()
	path := unpack(t, "format1.tar.gz")
	want := dump(t, path)
	require.NoError(t, open(path, nil))
	got := dump(t, path)
	delete(want, "groupkit")
	delete(got, "groupkit")
	delete(got, "groupkit.format")
	require.Len(t, want, 2)
	require.Equal(t, want, got)
}
