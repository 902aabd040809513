package groupkit_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// smallBackup is a backup with a part of every kind.
func smallBackup(t *testing.T) []byte {
	t.Helper()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{ID: "watch"})
	_, err := eng.As("alice").UploadFile(t.Context(), id, "x", strings.NewReader("content"))
	require.NoError(t, err)
	backup, _ := grouptest.TakeBackup(t, eng)
	return backup
}

// Every flipped bit, and every place at which a backup ends too early, is told by the name of the part. Nothing is written then.
func TestRestore_DamagedStream(t *testing.T) {
	t.Parallel()
	backup := smallBackup(t)
	refused := func(damaged []byte, at int) {
		t.Helper()
		to, blobs := memstore.New(), memblob.New()
		_, err := groupkit.Restore(t.Context(), to, blobs, bytes.NewReader(damaged))
		grouptest.RequireError(t, err, groupkit.OpRestore, "")
		if at < len("groupkit backup 1\n") {
			require.ErrorIs(t, err, groupkit.ErrInvalid, "byte %d", at)
		} else {
			require.ErrorIs(t, err, groupkit.ErrCorrupt, "byte %d", at)
			require.ErrorContains(t, err, "part ", "byte %d", at)
		}
		require.Empty(t, grouptest.RawRecords(t, to))
		ids, _, err := blobs.List(t.Context(), "", 0)
		require.NoError(t, err)
		require.Empty(t, ids)
		_, err = groupkit.CheckBackup(bytes.NewReader(damaged))
		require.Error(t, err)
	}
	for at := range backup {
		damaged := bytes.Clone(backup)
		damaged[at] ^= 1 << (at % 8)
		refused(damaged, at)
		refused(backup[:at], at)
	}
	refused(append(bytes.Clone(backup), 'x'), len(backup))
	refused(append(bytes.Clone(backup), backup...), len(backup))
	_, err := groupkit.CheckBackup(bytes.NewReader(backup))
	require.NoError(t, err)
}

// Parts of two backups cannot be mixed, dropped, or put into another order.
func TestCheckBackup_Parts(t *testing.T) {
	t.Parallel()
	grouptest.NeedsOwnStore(t, "functions run again, and write more")
	one, two := partsOf(t, smallBackup(t)), partsOf(t, smallBackup(t))
	require.Len(t, one, 7, "magic, header, records, content, data, finish, end")
	for n := 1; n < len(one); n++ {
		for name, parts := range map[string][][]byte{
			"of another":     append(append(append([][]byte{}, one[:n]...), two[n]), one[n+1:]...),
			"is missing":     append(append([][]byte{}, one[:n]...), one[n+1:]...),
			"is there twice": append(append([][]byte{}, one[:n+1]...), one[n:]...),
		} {
			_, err := groupkit.CheckBackup(bytes.NewReader(bytes.Join(parts, nil)))
			require.ErrorIs(t, err, groupkit.ErrCorrupt, "part %d %s", n-1, name)
		}
	}
	_, err := groupkit.CheckBackup(bytes.NewReader(bytes.Join(append(one[:4:4], two[4][:20]), nil)))
	require.ErrorContains(t, err, "part 3, within the content")
	damaged := bytes.Clone(one[3])
	damaged[20]++
	_, err = groupkit.CheckBackup(bytes.NewReader(bytes.Join([][]byte{one[0], one[1], one[2], damaged}, nil)))
	require.ErrorContains(t, err, `part 2, after the records of user "alice", does not match its checksum`)
}

// partsOf splits a backup into its first line and its parts.
func partsOf(t *testing.T, backup []byte) (parts [][]byte) {
	end := bytes.IndexByte(backup, '\n') + 1
	parts = append(parts, backup[:end])
	for backup = backup[end:]; len(backup) > 0; backup = backup[end:] {
		end = 13 + int(binary.BigEndian.Uint32(backup[9:])) + 32
		require.LessOrEqual(t, end, len(backup))
		parts = append(parts, backup[:end])
	}
	return parts
}

// Restore refuses a place where something is, and leaves it alone.
func TestRestore_NotEmpty(t *testing.T) {
	t.Parallel()
	backup := smallBackup(t)
	for name, fill := range map[string]func(*memstore.Store, *memblob.Blobs){
		"a record": func(s *memstore.Store, _ *memblob.Blobs) {
			grouptest.PutAll(t, s, map[string]string{"G": "x"})
		},
		"data": func(s *memstore.Store, _ *memblob.Blobs) {
			eng, err := groupkit.New(grouptest.KeptStore{Store: s}, memblob.New(), nil)
			require.NoError(t, err)
			require.NoError(t, eng.Close())
		},
		"a bucket": func(s *memstore.Store, _ *memblob.Blobs) {
			grouptest.PutBucket(t, s, "gold", map[string]string{"a": "1"})
		},
		"a content": func(_ *memstore.Store, b *memblob.Blobs) {
			require.NoError(t, b.Put(t.Context(), "x", strings.NewReader("y")))
		},
		"another restore": func(s *memstore.Store, b *memblob.Blobs) {
			restoreCutOff(t, s, b, smallBackup(t), 1)
		},
		"other contents": func(s *memstore.Store, b *memblob.Blobs) {
			restoreCutOff(t, s, memblob.New(), backup, 1)
			require.NoError(t, b.Put(t.Context(), "x", strings.NewReader("y")))
		},
		"contents of another": func(s *memstore.Store, b *memblob.Blobs) {
			restoreCutOff(t, memstore.New(), b, backup, 2)
			restoreCutOff(t, s, memblob.New(), backup, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, blobs := memstore.New(), memblob.New()
			fill(s, blobs)
			contents := grouptest.StoredContents(t, blobs)
			before := grouptest.CarriedRecords(t, s)
			_, err := groupkit.Restore(t.Context(), s, blobs, bytes.NewReader(backup))
			require.ErrorIs(t, err, groupkit.ErrNotEmpty)
			require.ErrorIs(t, err, groupkit.ErrConflict)
			require.NotErrorIs(t, err, groupkit.ErrStorage)
			require.Equal(t, before, grouptest.CarriedRecords(t, s))
			require.Equal(t, contents, grouptest.StoredContents(t, blobs))
		})
	}
}

var errCutOff = errors.New("cut off")

// cuttingStore fails every Update after a number of them, and cuttingBlobs every Put, as if the process had ended.
type cuttingStore struct {
	store.Store
	left *int
}

func (s cuttingStore) Exclusive() bool { return store.Exclusive(s.Store) }
func (s cuttingStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	if *s.left--; *s.left < 0 {
		return errCutOff
	}
	return s.Store.Update(ctx, fn)
}

type cuttingBlobs struct {
	store.Blobs
	left *int
}

func (b cuttingBlobs) Put(ctx context.Context, id string, r io.Reader) error {
	if *b.left--; *b.left < 0 {
		return errCutOff
	}
	return b.Blobs.Put(ctx, id, r)
}

// restoreCutOff restores a backup into a place until a step fails. It reports whether one did.
func restoreCutOff(t *testing.T, s store.Store, blobs store.Blobs, backup []byte, steps int) bool {
	_, err := groupkit.Restore(t.Context(), cuttingStore{s, &steps}, cuttingBlobs{blobs, &steps}, bytes.NewReader(backup))
	if err != nil {
		require.ErrorIs(t, err, errCutOff)
	}
	return err != nil
}

// A restore that is cut off at any step leaves a store that no engine opens. The same call goes on.
func TestRestore_CutOff(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	grouptest.PutBucket(t, s.Store, "gold", map[string]string{"a": strings.Repeat("x", 2<<20)})
	backup, info := grouptest.TakeBackup(t, s.Engine)
	for steps, cut := 0, true; cut; steps++ {
		to, blobs := memstore.New(), memblob.New()
		cut = restoreCutOff(t, to, blobs, backup, steps)
		if cut && steps > 0 {
			_, err := groupkit.New(grouptest.KeptStore{Store: to}, grouptest.KeptBlobs{Blobs: blobs}, nil)
			require.ErrorIs(t, err, groupkit.ErrUnfinished)
			require.ErrorIs(t, err, groupkit.ErrConflict)
			require.NotErrorIs(t, err, groupkit.ErrStorage)
			require.ErrorContains(t, err, info.ID)
			require.ErrorIs(t, groupkit.Upgrade(t.Context(), to, nil), groupkit.ErrUnfinished)
		}
		if cut {
			_, err := groupkit.Restore(t.Context(), to, blobs, bytes.NewReader(backup))
			require.NoError(t, err, "after %d steps", steps)
		} else {
			require.GreaterOrEqual(t, steps, 7, "there are steps of all kinds")
		}
		require.Equal(t, grouptest.CarriedRecords(t, s.Store), grouptest.CarriedRecords(t, to))
		require.Equal(t, grouptest.Buckets(t, s.Store), grouptest.Buckets(t, to))
		require.Equal(t, grouptest.StoredContents(t, s.Blobs), grouptest.StoredContents(t, blobs))
		grouptest.RequireVerified(t, openPlace(t, s, to, blobs).Engine)
		_, err := groupkit.Restore(t.Context(), to, blobs, bytes.NewReader(backup))
		require.ErrorIs(t, err, groupkit.ErrNotEmpty, "it is complete")
	}
}

// A call that another one has taken over from writes nothing more.
func TestRestore_TakenOver(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	backup, _ := grouptest.TakeBackup(t, s.Engine)
	to, blobs := memstore.New(), memblob.New()
	over := &hookedStore{Store: to, at: 2, then: func() {
		_, err := groupkit.Restore(context.Background(), to, blobs, bytes.NewReader(backup))
		require.NoError(t, err)
	}}
	_, err := groupkit.Restore(t.Context(), over, blobs, bytes.NewReader(backup))
	require.ErrorIs(t, err, groupkit.ErrConflict)
	require.ErrorContains(t, err, "another call goes on")
	grouptest.RequireVerified(t, openPlace(t, s, to, blobs).Engine)
}

// A hookedStore calls a function before the Update with a number.
type hookedStore struct {
	store.Store
	at   int
	then func()
}

func (s *hookedStore) Exclusive() bool { return store.Exclusive(s.Store) }
func (s *hookedStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	if s.at--; s.at == 0 {
		s.then()
	}
	return s.Store.Update(ctx, fn)
}

// RestoreFile makes the files that Open opens, and none if a backup is damaged.
func TestRestoreFile(t *testing.T) {
	t.Parallel()
	backup := smallBackup(t)
	path := filepath.Join(t.TempDir(), "guilds.db")
	_, err := groupkit.RestoreFile(t.Context(), path, bytes.NewReader(backup[:len(backup)-5]))
	require.ErrorIs(t, err, groupkit.ErrCorrupt)
	require.NoFileExists(t, path)
	done, err := groupkit.RestoreFile(t.Context(), path, bytes.NewReader(backup))
	require.NoError(t, err)
	require.Equal(t, 1, done.Contents)
	_, err = groupkit.RestoreFile(t.Context(), path, bytes.NewReader(backup))
	require.ErrorIs(t, err, groupkit.ErrNotEmpty)
	eng := openFile(t, path)
	grouptest.RequireVerified(t, eng)
	require.NoError(t, eng.Close())
	entries, err := os.ReadDir(path + ".files")
	require.NoError(t, err)
	require.NotEmpty(t, entries)
}

// What is restored or copied has a history of its own, each time: a position of the original leads to a checkpoint.
func TestRestore_NewHistory(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := grouptest.NewDataset(t)
	at := s.Position(s.Version(t, grouptest.Guild))
	backup, _ := grouptest.TakeBackup(t, s.Engine)
	histories := map[string]bool{s.History(): true}
	for n := range 4 {
		to, blobs := memstore.New(), memblob.New()
		var err error
		if n < 2 {
			_, err = groupkit.Restore(ctx, to, blobs, bytes.NewReader(backup))
		} else {
			_, err = s.Copy(ctx, to, blobs, groupkit.CopyOptions{})
		}
		require.NoError(t, err)
		eng, err := groupkit.New(to, blobs, nil)
		require.NoError(t, err)
		require.False(t, histories[eng.History()], "it is another's")
		histories[eng.History()] = true
		follower, err := eng.System().Follow(ctx, grouptest.Guild, at)
		require.NoError(t, err)
		e, err := follower.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, groupkit.Checkpoint, e.Kind)
		follower.Close()
		require.NoError(t, eng.Close())
	}
}
