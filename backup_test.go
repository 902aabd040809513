package groupkit_test

import (
	"bytes"
	"context"
	"errors"
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

// places are stores of every kind into which a backup is restored.
var places = map[string]func(t *testing.T) store.Store{
	"memory":   func(*testing.T) store.Store { return memstore.New() },
	"bolt":     func(t *testing.T) store.Store { return grouptest.NewBolt(t) },
	"shared":   func(*testing.T) store.Store { return grouptest.NewShared() },
	"no order": func(*testing.T) store.Store { return sharedmem.New(sharedmem.Options{Rerun: 0.5}).Open() },
	"small": func(*testing.T) store.Store {
		return sharedmem.New(sharedmem.Options{Numbers: true, Sizes: store.Sizes{Writes: 900, Reads: 3000, Bytes: 1 << 20}}).Open()
	},
}

// openPlace opens what was restored or copied.
func openPlace(t *testing.T, s *grouptest.Dataset, over store.Store, blobs *memblob.Blobs) *grouptest.Dataset {
	t.Helper()
	other := &grouptest.Dataset{Stack: &grouptest.Stack{Store: over, Blobs: blobs, Clock: s.Clock}, Rangers: s.Rangers, Chart: s.Chart, Rules: s.Rules}
	other.OpenWhole(t, grouptest.DatasetOptions(), grouptest.KeptStore{Store: over}, grouptest.KeptBlobs{Blobs: blobs})
	return other
}

// What was restored is what was backed up, in a store of any kind, and goes on like any other.
func TestRestore(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	grouptest.PutBucket(t, s.Store, "gold", map[string]string{"alice": "7", "bob": "8"})
	grouptest.PutBucket(t, s.Store, "a", map[string]string{strings.Repeat("k", 300): strings.Repeat("v", 100_000)})
	backup, info := grouptest.TakeBackup(t, s.Engine)
	checked, err := groupkit.CheckBackup(bytes.NewReader(backup))
	require.NoError(t, err)
	require.Equal(t, info, checked)
	require.Equal(t, s.Clock.Now().UTC(), info.At)
	require.Equal(t, 3, info.Contents)
	require.Zero(t, info.Removed)
	want, contents, buckets := grouptest.CarriedRecords(t, s.Store), grouptest.StoredContents(t, s.Blobs), grouptest.Buckets(t, s.Store)
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to, blobs := place(t), memblob.New()
			done, err := groupkit.Restore(t.Context(), to, blobs, bytes.NewReader(backup))
			require.NoError(t, err)
			require.Equal(t, info.Transfer, done)
			require.Equal(t, want, grouptest.CarriedRecords(t, to))
			require.Equal(t, contents, grouptest.StoredContents(t, blobs))
			require.Equal(t, buckets, grouptest.Buckets(t, to))
			r := openPlace(t, s, to, blobs)
			grouptest.RequireVerified(t, r.Engine)
			require.NotEqual(t, s.History(), r.History())
			requireGoesOn(t, r)
		})
	}
}

// requireGoesOn makes calls in a restored or copied database.
func requireGoesOn(t *testing.T, r *grouptest.Dataset) {
	t.Helper()
	ctx := t.Context()
	f, err := r.System().FollowAll(ctx, groupkit.Position{})
	require.NoError(t, err)
	defer f.Close()
	e, err := f.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, groupkit.Checkpoint, e.Kind)
	require.Empty(t, e.Group, "everything begins anew")
	groups := map[groupkit.GroupID]bool{grouptest.Archive: true, grouptest.Guild: true, grouptest.OpenGroup: true, r.Rangers: true}
	for len(groups) > 0 {
		e, err = f.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, groupkit.Checkpoint, e.Kind)
		delete(groups, e.Group)
	}
	latest, err := r.System().FollowAll(ctx, groupkit.Latest())
	require.NoError(t, err)
	defer latest.Close()
	require.NoError(t, r.System().AddMember(ctx, grouptest.Guild, "late"))
	for _, f := range []*groupkit.Follower{f, latest} {
		e, err = f.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, groupkit.MemberJoined, e.Kind)
		require.Equal(t, grouptest.IDs{"late"}, e.Users)
	}
	require.NoError(t, r.As("bob").DeleteFile(ctx, grouptest.Guild, r.Chart.ID))
	require.NotContains(t, grouptest.StoredContents(t, r.Blobs), grouptest.ContentID(r.Chart))
	_, err = r.As("carol").UploadFile(ctx, grouptest.Guild, "new", strings.NewReader("new"))
	require.NoError(t, err)
	require.NoError(t, r.System().DeleteGroup(ctx, r.Rangers))
	grouptest.RequireVerified(t, r.Engine)
	backup, _ := grouptest.TakeBackup(t, r.Engine)
	_, err = groupkit.Restore(ctx, memstore.New(), memblob.New(), bytes.NewReader(backup))
	require.NoError(t, err)
}

// The entry of a load in the order of calls stays behind.
func TestRestore_Loaded(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	snapshot, err := s.System().Snapshot(t.Context(), grouptest.Guild)
	require.NoError(t, err)
	snapshot.Group.ID, snapshot.Files, snapshot.Requests, snapshot.Invitations = "loaded", nil, nil, nil
	require.NoError(t, grouptest.ErrorOf(s.System().Load(t.Context(), snapshot)))
	backup, _ := grouptest.TakeBackup(t, s.Engine)
	to, blobs := memstore.New(), memblob.New()
	_, err = groupkit.Restore(t.Context(), to, blobs, bytes.NewReader(backup))
	require.NoError(t, err)
	require.Equal(t, grouptest.CarriedRecords(t, s.Store), grouptest.CarriedRecords(t, to))
	grouptest.RequireVerified(t, openPlace(t, s, to, blobs).Engine)
}

// A follower of the original that goes on with what was restored gets checkpoints.
func TestRestore_Followers(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	of, err := s.System().FollowAll(t.Context(), groupkit.Latest())
	require.NoError(t, err)
	all := of.Position()
	of.Close()
	one := s.Engine.Position(s.Version(t, grouptest.Guild))
	backup, _ := grouptest.TakeBackup(t, s.Engine)
	to, blobs := memstore.New(), memblob.New()
	_, err = groupkit.Restore(t.Context(), to, blobs, bytes.NewReader(backup))
	require.NoError(t, err)
	r := openPlace(t, s, to, blobs)
	f, err := r.System().FollowAll(t.Context(), all)
	require.NoError(t, err)
	defer f.Close()
	e, err := f.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, groupkit.Checkpoint, e.Kind)
	g, err := r.System().Follow(t.Context(), grouptest.Guild, one)
	require.NoError(t, err)
	defer g.Close()
	e, err = g.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, groupkit.Checkpoint, e.Kind)
}

// A backup that continues others has what has changed since, and nothing else.
func TestEngine_Backup_Earlier(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := grouptest.NewDataset(t)
	grouptest.PutBucket(t, s.Store, "gold", map[string]string{"alice": "7", "bob": "8"})
	first, info := grouptest.TakeBackup(t, s.Engine)
	same, none := grouptest.TakeBackup(t, s.Engine, first)
	require.Equal(t, groupkit.BackupInfo{ID: none.ID, Earlier: []string{info.ID}, At: none.At}, none)

	_, err := s.As("carol").UploadFile(ctx, grouptest.Guild, "new", strings.NewReader("new content"))
	require.NoError(t, err)
	require.NoError(t, s.As("bob").DeleteFile(ctx, grouptest.Guild, s.Chart.ID))
	require.NoError(t, s.System().DeleteGroup(ctx, grouptest.OpenGroup))
	grouptest.PutBucket(t, s.Store, "gold", map[string]string{"alice": "", "bob": ""})
	grouptest.PutBucket(t, s.Store, "silver", map[string]string{"alice": "1"})
	second, more := grouptest.TakeBackup(t, s.Engine, first, same)
	require.Equal(t, []string{info.ID, none.ID}, more.Earlier)
	require.Equal(t, 1, more.Contents, "only the new one")
	require.Equal(t, int64(len("new content")), more.Bytes)
	require.Less(t, more.Records, info.Records/2)
	require.Greater(t, more.Removed, 5)
	require.NotContains(t, string(second), "hear my words")
	grouptest.PutBucket(t, s.Store, "gold", map[string]string{"bob": "9"})
	third, _ := grouptest.TakeBackup(t, s.Engine, first, same, second)

	to, blobs := memstore.New(), memblob.New()
	_, err = groupkit.Restore(ctx, to, blobs, grouptest.BackupReaders(first, same, second, third)...)
	require.NoError(t, err)
	require.Equal(t, grouptest.CarriedRecords(t, s.Store), grouptest.CarriedRecords(t, to))
	require.Equal(t, grouptest.StoredContents(t, s.Blobs), grouptest.StoredContents(t, blobs))
	require.Equal(t, grouptest.Buckets(t, s.Store), grouptest.Buckets(t, to))
	grouptest.RequireVerified(t, openPlace(t, s, to, blobs).Engine)

	_, err = s.Backup(ctx, io.Discard, grouptest.BackupReaders(second)...)
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	require.ErrorContains(t, err, more.ID)
	whole, _ := grouptest.TakeBackup(t, s.Engine)
	for name, chain := range map[string][][]byte{
		"of another": {whole, same}, "not the first": {same}, "another order": {first, second, same}, "one is missing": {first, second}, "twice": {first, first},
	} {
		to, blobs := memstore.New(), memblob.New()
		_, err := groupkit.Restore(ctx, to, blobs, grouptest.BackupReaders(chain...)...)
		require.ErrorIs(t, err, groupkit.ErrInvalid, name)
		grouptest.RequireError(t, err, groupkit.OpRestore, "")
		require.Empty(t, grouptest.RawRecords(t, to), name)
	}
}

// A store can run the function of a View again: what the first run has written does not count.
func TestEngine_Backup_ViewRunsAgain(t *testing.T) {
	t.Parallel()
	s := &grouptest.Stack{Store: sharedmem.New(sharedmem.Options{Numbers: true, Rerun: 1}).Open(), Blobs: memblob.New(), Clock: grouptest.NewClockAt(grouptest.Dawn)}
	s.OpenWhole(t, grouptest.LargeGroupOptions(), s.Store, s.Blobs)
	grouptest.NewLargeGroup(t, s, 50)
	grouptest.PutBucket(t, s.Store, "large", map[string]string{"a": strings.Repeat("x", 2<<20), "b": "1"})
	first, info := grouptest.TakeBackup(t, s.Engine)
	require.NoError(t, s.System().SetAnnouncement(t.Context(), grouptest.LargeGroup, "Late"))
	second, _ := grouptest.TakeBackup(t, s.Engine, first)
	checked, err := groupkit.CheckBackup(bytes.NewReader(first))
	require.NoError(t, err)
	require.Equal(t, info, checked)
	to, blobs := memstore.New(), memblob.New()
	_, err = groupkit.Restore(t.Context(), to, blobs, grouptest.BackupReaders(first, second)...)
	require.NoError(t, err)
	require.Equal(t, grouptest.CarriedRecords(t, s.Store), grouptest.CarriedRecords(t, to))
	r := &grouptest.Stack{Clock: s.Clock}
	r.OpenWhole(t, groupkit.Options{}, to, blobs)
	once, _ := grouptest.TakeBackup(t, r.Engine)
	require.Greater(t, bytes.Count(first, []byte("m-00049")), bytes.Count(once, []byte("m-00049")), "it has been run again")
}

// A backup of damaged data contains the rest, and says so.
func TestEngine_Backup_Damaged(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := grouptest.NewDataset(t)
	scroll := grouptest.MustCollect(t, s.System().Files(ctx, grouptest.Archive))[0]
	require.NoError(t, s.Blobs.Delete(ctx, grouptest.ContentID(s.Chart)))
	require.NoError(t, s.Blobs.Put(ctx, grouptest.ContentID(s.Rules), strings.NewReader("hear my wordz")))
	require.NoError(t, s.Blobs.Put(ctx, grouptest.ContentID(scroll), strings.NewReader("of old, and more")))
	broken := key.Event(string(grouptest.Guild), 3)
	require.NoError(t, s.Store.Update(ctx, func(w store.Writer) error { return w.Put(broken, []byte("what is this")) }))

	var out bytes.Buffer
	info, err := s.Backup(ctx, &out)
	require.ErrorIs(t, err, groupkit.ErrCorrupt)
	require.ErrorContains(t, err, "the backup is whole, but 1 records")
	require.Equal(t, 1, info.BrokenRecords)
	require.ElementsMatch(t, []groupkit.DamagedContent{
		{Group: grouptest.Guild, File: s.Chart.ID, Problem: "is missing"},
		{Group: grouptest.Guild, File: s.Rules.ID, Problem: "does not match the hash of the file"},
		{Group: grouptest.Archive, File: scroll.ID, Problem: "has more than the 6 bytes of the file"},
	}, info.Damaged)
	checked, err := groupkit.CheckBackup(bytes.NewReader(out.Bytes()))
	require.NoError(t, err)
	require.Equal(t, info, checked)

	to, blobs := memstore.New(), memblob.New()
	done, err := groupkit.Restore(ctx, to, blobs, bytes.NewReader(out.Bytes()))
	require.NoError(t, err)
	require.Len(t, done.Damaged, 3)
	require.Equal(t, 1, done.BrokenRecords)
	require.Empty(t, grouptest.StoredContents(t, blobs))
	r := openPlace(t, s, to, blobs)
	report, err := r.Verify(ctx, groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.NotEmpty(t, report.Violations, "the record stays broken")
	require.Len(t, report.Absent, 3)
	require.NoError(t, r.System().PutContent(ctx, grouptest.Guild, s.Rules.ID, strings.NewReader("hear my words")))

	// What is whole again comes with the next one.
	require.NoError(t, s.Blobs.Put(ctx, grouptest.ContentID(s.Rules), strings.NewReader("hear my words")))
	var next bytes.Buffer
	info, err = s.Backup(ctx, &next, bytes.NewReader(out.Bytes()))
	require.ErrorIs(t, err, groupkit.ErrCorrupt)
	require.Equal(t, 1, info.Contents)
	blobs = memblob.New()
	_, err = groupkit.Restore(ctx, memstore.New(), blobs, grouptest.BackupReaders(out.Bytes(), next.Bytes())...)
	require.NoError(t, err)
	require.Equal(t, map[string]string{grouptest.ContentID(s.Rules): "hear my words"}, grouptest.StoredContents(t, blobs))
}

// Deletions, loads and pseudonyms that are cut off are finished, or removed, where they are restored.
func TestRestore_cutOff(t *testing.T) {
	t.Parallel()
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			s := grouptest.NewStack(t, grouptest.LargeGroupOptions())
			grouptest.NewLargeGroup(t, s, 50)
			s.ChangeHeader(t, grouptest.LargeGroup, func(h *record.Header) { h.State = record.Deleting })
			s.Put(t, key.Deletion(string(grouptest.LargeGroup)), record.EncodeCount(1))
			s.Remove(t, key.Created(true, grouptest.Dawn.UnixMilli(), string(grouptest.LargeGroup)))
			backup, info := grouptest.TakeBackup(t, s.Engine)
			require.Zero(t, info.Contents, "those of a group that is being deleted do not come")
			to, blobs := place(t), memblob.New()
			_, err := groupkit.Restore(ctx, to, blobs, bytes.NewReader(backup))
			require.NoError(t, err)
			r := &grouptest.Stack{Store: to, Clock: s.Clock}
			r.OpenWhole(t, grouptest.LargeGroupOptions(), grouptest.KeptStore{Store: to}, blobs)
			require.NotContains(t, r.Dump(t), string(key.Deletion(string(grouptest.LargeGroup))))
			_, err = r.System().Group(ctx, grouptest.LargeGroup)
			require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
			require.Empty(t, grouptest.MustCollect(t, r.System().JoinedGroups(ctx, "m-00001")))
		})
	}
}

// A backup ends with the error of its writer, or with that of its context.
func TestEngine_Backup_Fails(t *testing.T) {
	t.Parallel()
	grouptest.NeedsOwnStore(t, "functions run again, and write more")
	s := grouptest.NewDataset(t)
	backup, _ := grouptest.TakeBackup(t, s.Engine)
	writes := 0
	counting := &grouptest.HookWriter{Writer: grouptest.WriterFunc(func(p []byte) (int, error) { writes++; return len(p), nil })}
	_, err := s.Backup(t.Context(), counting)
	require.NoError(t, err)
	require.Greater(t, writes, 8)
	for n := 1; n <= writes; n++ {
		at, boom := 0, errors.New("boom")
		_, err := s.Backup(t.Context(), grouptest.WriterFunc(func(p []byte) (int, error) {
			if at++; at == n {
				return 0, boom
			}
			return len(p), nil
		}))
		require.ErrorIs(t, err, boom)
		require.NotErrorIs(t, err, groupkit.ErrStorage)
		grouptest.RequireError(t, err, groupkit.OpBackup, "")
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = s.Backup(ctx, &grouptest.HookWriter{Writer: io.Discard, At: 2, Then: cancel})
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, s.Keys(t, key.Holds()), "nothing is left of it")
	_, err = s.Backup(t.Context(), io.Discard, bytes.NewReader(backup[:len(backup)-1]))
	require.ErrorIs(t, err, groupkit.ErrCorrupt)
	_, err = s.Backup(t.Context(), io.Discard, strings.NewReader("no backup"))
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	grouptest.RequireVerified(t, s.Engine)
}
