//go:build unix

package crash_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
)

// pathIn returns a path in the folder of the database.
func pathIn(s *grouptest.Stack, name string) string {
	return filepath.Join(filepath.Dir(s.Store.(*boltstore.Store).Path()), name)
}

// backUp writes a backup, of which each write is a step. A file is deleted meanwhile.
func backUp(ctx context.Context, s *grouptest.Stack) error {
	f, err := os.Create(pathIn(s, "backup"))
	if err != nil {
		return err
	}
	file := grouptest.MustCollect(grouptest.PanicT{}, s.System().Files(ctx, grouptest.LargeGroup))[0]
	writes := 0
	_, err = s.Backup(ctx, grouptest.WriterFunc(func(p []byte) (int, error) {
		ofChild.step()
		if writes++; writes == 5 {
			grouptest.Must(s.System().DeleteFile(ctx, grouptest.LargeGroup, file.ID))
		}
		return f.Write(p)
	}))
	return errors.Join(err, f.Close())
}

// openNew opens the store and the contents that a restore or a copy fills.
func openNew(s *grouptest.Stack) (*boltstore.Store, store.Blobs) {
	to, err := boltstore.Open(pathIn(s, "new.db"), nil)
	grouptest.Must(err)
	return to, fileblob.New(pathIn(s, "new.db.files"))
}

func restore(ctx context.Context, s *grouptest.Stack) error {
	backup, err := os.Open(pathIn(s, "backup"))
	if err != nil {
		return err
	}
	to, blobs := openNew(s)
	_, err = groupkit.Restore(ctx, crashPoint{to, &ofChild}, crashPointBlobs{blobs, &ofChild}, backup)
	return errors.Join(err, backup.Close(), to.Close())
}

func copyAll(ctx context.Context, s *grouptest.Stack) error {
	to, blobs := openNew(s)
	_, err := s.Copy(ctx, crashPoint{to, &ofChild}, crashPointBlobs{blobs, &ofChild}, groupkit.CopyOptions{})
	return errors.Join(err, to.Close())
}

// TestCrash_Backup finds a whole backup, or one that is refused. What it held is not held any more.
func TestCrash_Backup(t *testing.T) {
	whole := false
	crashAtEveryStep(t, "backup", 8, func(t *testing.T, s *grouptest.Stack) {
		f, err := os.Open(pathIn(s, "backup"))
		require.NoError(t, err)
		defer f.Close()
		info, err := groupkit.CheckBackup(f)
		if before := whole; err == nil || before { // the last steps remove what was held
			require.NoError(t, err)
			whole = true
			require.Equal(t, 3, info.Contents, "also of the file that was deleted")
		} else if !errors.Is(err, groupkit.ErrInvalid) { // it has no beginning
			require.ErrorIs(t, err, groupkit.ErrCorrupt)
		}
		files := grouptest.MustCollect(t, s.System().Files(t.Context(), grouptest.LargeGroup))
		require.Len(t, grouptest.ContentIDs(t, s.Disk), len(files), "nothing is held")
	})
	require.True(t, whole)
}

// TestCrash_Restore finds a restore that is complete, or can be called again.
func TestCrash_Restore(t *testing.T) {
	again, complete := false, false
	crashAtEveryStep(t, "restore", 8, func(t *testing.T, s *grouptest.Stack) {
		f, err := os.Open(pathIn(s, "backup"))
		require.NoError(t, err)
		defer f.Close()
		_, err = groupkit.RestoreFile(t.Context(), pathIn(s, "new.db"), f)
		requireCompleteOrAgain(t, err, &complete, &again)
		r := requireNew(t, s)
		require.Len(t, grouptest.MustCollect(t, r.System().Files(t.Context(), grouptest.LargeGroup)), 3)
	})
	require.True(t, again && complete)
}

// TestCrash_Copy finds a copy that is complete, or can be called again.
func TestCrash_Copy(t *testing.T) {
	again, complete := false, false
	crashAtEveryStep(t, "copy", 8, func(t *testing.T, s *grouptest.Stack) {
		to, blobs := openNew(s)
		_, err := s.Copy(t.Context(), to, blobs, groupkit.CopyOptions{})
		requireCompleteOrAgain(t, err, &complete, &again)
		require.Equal(t, grouptest.CarriedRecords(t, s.Store), grouptest.CarriedRecords(t, to))
		require.Equal(t, grouptest.StoredContents(t, s.Disk), grouptest.StoredContents(t, blobs))
		require.NoError(t, to.Close())
		requireNew(t, s)
	})
	require.True(t, again && complete)
}

func requireCompleteOrAgain(t *testing.T, err error, complete, again *bool) {
	if err == nil {
		require.False(t, *complete, "a later step makes it complete")
		*again = true
		return
	}
	require.ErrorIs(t, err, groupkit.ErrNotEmpty)
	require.NotErrorIs(t, err, groupkit.ErrUnfinished)
	*complete = true
}

// requireNew opens what was restored or copied.
func requireNew(t *testing.T, s *grouptest.Stack) *groupkit.Engine {
	opts := grouptest.LargeGroupOptions()
	opts.Clock = s.Clock.Now
	eng, err := groupkit.Open(pathIn(s, "new.db"), &opts)
	require.NoError(t, err)
	t.Cleanup(func() { _ = eng.Close() })
	grouptest.RequireVerified(t, eng)
	return eng
}
