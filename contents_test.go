package groupkit_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// openFile opens an engine over a file, and returns when the opening has done its work.
func openFile(t *testing.T, path string) *groupkit.Engine {
	t.Helper()
	opening := grouptest.NewOpening()
	eng, err := groupkit.Open(path, &groupkit.Options{Logger: opening.Logger()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = eng.Close() })
	opening.Wait(t)
	return eng
}

func share(t *testing.T, eng *groupkit.Engine, group groupkit.GroupID, texts ...string) (files []groupkit.File) {
	t.Helper()
	for _, text := range texts {
		f, err := eng.As("alice").UploadFile(t.Context(), group, "x", strings.NewReader(text))
		require.NoError(t, err)
		files = append(files, f)
	}
	return files
}

func contentsOf(t *testing.T, path string) []string {
	return grouptest.ContentIDs(t, fileblob.New(path+".files"))
}

// identityOf reads the identity of a database that is closed.
func identityOf(t *testing.T, path string) record.Identity {
	s, err := boltstore.Open(path, nil)
	require.NoError(t, err)
	defer s.Close()
	id, err := record.DecodeIdentity([]byte(grouptest.DumpStore(t, s)[string(key.Identity())]))
	require.NoError(t, err)
	return id
}

// An opening beside contents of another state of the database removes none of them, whatever
// is put in the place of the database meanwhile.
func TestOpen_BesideForeignContents(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(t *testing.T, path, older string){
		"the database is away":  func(t *testing.T, path, _ string) { require.NoError(t, os.Remove(path)) },
		"the database is empty": func(t *testing.T, path, _ string) { require.NoError(t, os.Truncate(path, 0)) },
		"an older copy":         func(t *testing.T, path, older string) { copyFile(t, older, path) },
		"another database": func(t *testing.T, path, _ string) {
			other := filepath.Join(t.TempDir(), "other")
			eng := openFile(t, other)
			share(t, eng, grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "alice"}), "other")
			for range 5 { // its number is not what tells them apart
				require.NoError(t, eng.Close())
				eng = openFile(t, other)
			}
			require.NoError(t, eng.Close())
			copyFile(t, other, path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path, older, today := filepath.Join(dir, "guilds.db"), filepath.Join(dir, "older"), filepath.Join(dir, "today")
			eng := openFile(t, path)
			group := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "alice"})
			files := share(t, eng, group, "1", "2")
			require.NoError(t, eng.Close())
			copyFile(t, path, older)
			eng = openFile(t, path)
			files = append(files, share(t, eng, group, "3", "4", "5")...)
			require.NoError(t, eng.Close())
			copyFile(t, path, today)
			before := contentsOf(t, path)
			require.Len(t, before, 5)

			replace(t, path, older)
			for range 2 { // the second opening is not more certain than the first
				eng = openFile(t, path)
				report, err := eng.Verify(t.Context(), groupkit.VerifyOptions{})
				require.NoError(t, err)
				require.True(t, report.ForeignContents)
				require.NotEmpty(t, report.UnknownContents)
				_, err = eng.RemoveUnknownContents(t.Context(), 0)
				require.ErrorIs(t, err, groupkit.ErrForeignContents)
				requireNothingRemoved(t, eng, group, path, before)
				require.NoError(t, eng.Close())
			}

			copyFile(t, today, path)
			eng = openFile(t, path)
			report, err := eng.Verify(t.Context(), groupkit.VerifyOptions{})
			require.NoError(t, err)
			require.True(t, report.Sound(), report.Violations)
			require.False(t, report.ForeignContents)
			for _, f := range files {
				_, r, err := eng.As("alice").OpenFile(t.Context(), group, f.ID)
				require.NoError(t, err)
				_, err = io.ReadAll(r)
				require.NoError(t, err)
				require.NoError(t, r.Close())
			}
		})
	}
}

// requireNothingRemoved uses an engine beside foreign contents: it deletes a file, and uploads
// another and deletes it. None of the contents from before goes.
func requireNothingRemoved(t *testing.T, eng *groupkit.Engine, group groupkit.GroupID, path string, before []string) {
	t.Helper()
	for f, err := range eng.System().Files(t.Context(), group) {
		if err != nil {
			break // the database does not know the group
		}
		require.NoError(t, eng.System().DeleteFile(t.Context(), group, f.ID))
		break
	}
	own := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "alice"})
	f := share(t, eng, own, "more")[0]
	require.NoError(t, eng.As("alice").DeleteFile(t.Context(), own, f.ID))
	require.NoError(t, eng.System().DeleteGroup(t.Context(), own))
	_, err := eng.As("alice").UploadFile(t.Context(), group, "x", iotestReader{})
	require.Error(t, err)
	_, err = eng.Sweep(t.Context())
	require.NoError(t, err)
	require.Subset(t, contentsOf(t, path), before)
}

// iotestReader fails.
type iotestReader struct{}

func (iotestReader) Read([]byte) (int, error) { return 0, errBoom }

func copyFile(t *testing.T, from, to string) {
	content, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, content, 0o600))
}

func TestEngine_AdoptContents(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, older := filepath.Join(dir, "guilds.db"), filepath.Join(dir, "older")
	eng := openFile(t, path)
	group := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "alice"})
	files := share(t, eng, group, "1", "2")
	require.NoError(t, eng.AdoptContents(t.Context()), "they are its own")
	require.NoError(t, eng.Close())
	copyFile(t, path, older)
	eng = openFile(t, path)
	late := share(t, eng, group, "3")[0]
	require.NoError(t, eng.Close())
	was := identityOf(t, path)
	unfinished := grouptest.ContentID(late)
	copyFile(t, path, filepath.Join(dir, "today"))
	copyFile(t, older, path)
	reserve(t, path, unfinished)

	eng = openFile(t, path)
	require.NoError(t, eng.As("alice").DeleteFile(t.Context(), group, files[0].ID))
	require.Len(t, contentsOf(t, path), 3, "the deletion waits")
	require.NoError(t, eng.AdoptContents(t.Context()))
	require.NoError(t, eng.AdoptContents(t.Context()), "a second time")
	require.ElementsMatch(t, []string{grouptest.ContentID(files[1]), unfinished}, contentsOf(t, path),
		"what has been deleted goes, what an upload of the other database has left does not")
	report, err := eng.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	began := time.Unix(late.Created.Unix(), int64(late.Created.Nanosecond())).UTC()
	require.Equal(t, groupkit.Report{UnknownContents: []groupkit.UnknownContent{{ID: unfinished, Created: began}}}, report)
	require.NoError(t, eng.As("alice").DeleteFile(t.Context(), group, files[1].ID))
	require.Equal(t, []string{unfinished}, contentsOf(t, path))
	require.NoError(t, eng.Close())
	now := identityOf(t, path)
	require.NotEqual(t, was.Database, now.Database)
	require.NotEqual(t, was.History, now.History)

	eng = openFile(t, path)
	report, err = eng.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.False(t, report.ForeignContents)
	require.NoError(t, eng.Close())
	require.Equal(t, now.History, identityOf(t, path).History)

	copyFile(t, filepath.Join(dir, "today"), path)
	eng = openFile(t, path)
	report, err = eng.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.True(t, report.ForeignContents, "the contents are those of the older copy now")
	require.NoError(t, eng.Close())
	require.ErrorIs(t, eng.AdoptContents(t.Context()), groupkit.ErrClosed)
}

// reserve records that an upload of an earlier engine is running.
func reserve(t *testing.T, path, content string) {
	s, err := boltstore.Open(path, nil)
	require.NoError(t, err)
	defer s.Close()
	grouptest.PutAll(t, s, map[string]string{string(key.Upload(content)): string((&record.Upload{Process: "another", At: 1}).Encode())})
}

// A mark that cannot be read is nobody's, and contents that cannot be read are compared later.
func TestNew_UnreadableMark(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	require.NoError(t, s.Blobs.Put(t.Context(), grouptest.ContentsMark, strings.NewReader("no mark")))
	s.Reopen(t)
	report, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Equal(t, groupkit.Report{ForeignContents: true}, report)

	s = grouptest.NewDataset(t)
	failing := &failingGet{KeptBlobs: grouptest.KeptBlobs{Blobs: s.Blobs}, fails: true}
	s.OpenWhole(t, grouptest.DatasetOptions(), grouptest.KeptStore{Store: s.Store}, failing)
	require.NoError(t, s.As("bob").DeleteFile(t.Context(), grouptest.Guild, s.Chart.ID))
	require.Contains(t, grouptest.ContentIDs(t, s.Blobs), grouptest.ContentID(s.Chart), "nobody knows whose it is")
	require.ErrorIs(t, grouptest.ErrorOf(s.As("carol").UploadFile(t.Context(), grouptest.Guild, "x", strings.NewReader("x"))), errBoom)
	failing.fails = false
	require.NoError(t, grouptest.ErrorOf(s.Sweep(t.Context())))
	require.NotContains(t, grouptest.ContentIDs(t, s.Blobs), grouptest.ContentID(s.Chart))
	s.RequireVerified(t)
}

type failingGet struct {
	grouptest.KeptBlobs
	fails bool
}

func (b *failingGet) Get(ctx context.Context, id string) (io.ReadCloser, error) {
	if b.fails {
		return nil, errBoom
	}
	return b.KeptBlobs.Get(ctx, id)
}

// The engine says once that it finds foreign contents.
func TestNew_LogsForeignContents(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s, blobs := memstore.New(), memblob.New()
	require.NoError(t, blobs.Put(t.Context(), grouptest.ContentsMark, bytes.NewReader((&record.ContentsMark{Database: "x"}).Encode())))
	eng, err := groupkit.New(s, blobs, &groupkit.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	require.NoError(t, eng.Close())
	require.Equal(t, 1, strings.Count(log.String(), "AdoptContents"), log.String())
}

// A database from before there were identities gets one and a mark at its first opening. What
// its uploads have left is not known to be cut off: it stays.
func TestNew_DatabaseWithoutIdentity(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	s.Remove(t, key.Identity())
	require.NoError(t, s.Blobs.Delete(t.Context(), grouptest.ContentsMark))
	left := key.Content(uuid.Must(uuid.NewV7()))
	require.NoError(t, s.Blobs.Put(t.Context(), left, strings.NewReader("x")))
	s.Put(t, key.Upload(left), (&record.Upload{Process: "another", At: 1}).Encode())
	s.Reopen(t)
	require.Contains(t, grouptest.ContentIDs(t, s.Blobs), left)
	require.Empty(t, s.Keys(t, key.Uploads()))
	mark := readContent(t, s.Blobs, grouptest.ContentsMark)
	id, err := record.DecodeIdentity(s.Get(t, key.Identity()))
	require.NoError(t, err)
	require.Equal(t, string((&record.ContentsMark{Database: id.Database, Opening: id.Opening}).Encode()), mark)
}

func readContent(t *testing.T, blobs store.Blobs, id string) string {
	r, err := blobs.Get(t.Context(), id)
	require.NoError(t, err)
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return string(content)
}

// An opening does not list the contents.
func TestNew_ListsNoContents(t *testing.T) {
	t.Parallel()
	grouptest.NeedsOwnStore(t, "an opening cannot know which uploads still run")
	s := grouptest.NewDataset(t)
	s.Put(t, key.Upload(key.Content(uuid.Max)), (&record.Upload{Process: "another"}).Encode())
	s.Put(t, key.ToGo(key.Content(uuid.Max)), []byte{})
	s.OpenWhole(t, grouptest.DatasetOptions(), grouptest.KeptStore{Store: s.Store}, unlisted{grouptest.KeptBlobs{Blobs: s.Blobs}})
	require.Empty(t, s.Keys(t, key.AllToGo()))
	require.Empty(t, s.Keys(t, key.Uploads()))
}

type unlisted struct{ grouptest.KeptBlobs }

func (unlisted) List(context.Context, string, int) ([]string, bool, error) {
	panic("the contents are listed")
}

// Opening, using and closing an engine without files leaves no folder for contents.
func TestOpen_WithoutFilesMakesNoFolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "guilds.db")
	for range 2 {
		eng := openFile(t, path)
		grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "alice"})
		require.NoError(t, grouptest.ErrorOf(eng.Backup(t.Context(), io.Discard)))
		require.NoError(t, grouptest.ErrorOf(eng.Sweep(t.Context())))
		require.NoError(t, eng.Close())
	}
	require.NoDirExists(t, path+".files")
}

// Deleting a file costs one commit. The records about removed contents go together.
func TestActor_DeleteFile_Commits(t *testing.T) {
	t.Parallel()
	commits := &committed{Store: memstore.New()}
	blobs := memblob.New()
	eng, err := groupkit.New(commits, blobs, &groupkit.Options{Limits: groupkit.Limits{Files: 1000}})
	require.NoError(t, err)
	group := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "alice"})
	files := share(t, eng, group, strings.Split(strings.Repeat("x", 250), "")...)
	commits.n = 0
	for i, f := range files {
		require.NoError(t, eng.As("alice").DeleteFile(t.Context(), group, f.ID))
		require.Len(t, grouptest.ContentIDs(t, blobs), len(files)-i-1, "the content goes before the call returns")
	}
	require.Equal(t, 250+2, commits.n)
	require.Equal(t, 50, toGoIn(t, commits))
	require.NoError(t, grouptest.ErrorOf(eng.Sweep(t.Context())))
	require.Zero(t, toGoIn(t, commits))
	require.NoError(t, eng.As("alice").DeleteFile(t.Context(), group, share(t, eng, group, "x")[0].ID))
	require.Equal(t, 1, toGoIn(t, commits))
	require.NoError(t, eng.Close())
	require.Zero(t, toGoIn(t, commits))
}

func toGoIn(t *testing.T, s store.Store) (n int) {
	for k := range grouptest.DumpStore(t, s) {
		if strings.HasPrefix(k, string(key.AllToGo())) {
			n++
		}
	}
	return n
}

// A committed store counts Updates. It stays open.
type committed struct {
	store.Store
	n int
}

func (s *committed) Close() error { return nil }

func (s *committed) Exclusive() bool { return true }

func (s *committed) Update(ctx context.Context, fn func(store.Writer) error) error {
	s.n++
	return s.Store.Update(ctx, fn)
}

// An opening removes what a crash has left of contents and of the mark, unless the contents
// belong to another database or other processes can be writing to the folder.
func TestOpen_RemovesTemporaryFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "groups.db")
	eng := openFile(t, path)
	group := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "alice"})
	share(t, eng, group, "x")
	require.NoError(t, eng.Close())
	tmp := filepath.Join(path+".files", "tmp")
	crash := func() {
		for _, name := range []string{"put-groupkit-mark", "other-1", "put-019cb73d-3218-7221-8b65-4bbd88374e3c"} {
			require.NoError(t, os.WriteFile(filepath.Join(tmp, name), []byte("half a fi"), 0o600))
		}
	}
	left := func() int {
		entries, err := os.ReadDir(tmp)
		require.NoError(t, err)
		return len(entries)
	}
	crash()
	eng = openFile(t, path)
	require.Zero(t, left())
	crash()
	require.NoError(t, eng.Close())
	require.Equal(t, 3, left(), "Close has not written them")

	t.Run("foreign contents", func(t *testing.T) {
		other := filepath.Join(t.TempDir(), "other")
		require.NoError(t, openFile(t, other).Close())
		require.NoError(t, os.CopyFS(other+".files", os.DirFS(path+".files")))
		tmp = filepath.Join(other+".files", "tmp")
		openFile(t, other)
		require.Equal(t, 3, left())
	})
	t.Run("a shared store", func(t *testing.T) {
		tmp = filepath.Join(path+".files", "tmp")
		s, err := boltstore.Open(path, nil)
		require.NoError(t, err)
		// Without its method Exclusive it is a store that others can share.
		eng, err := groupkit.New(struct{ store.Store }{s}, fileblob.New(path+".files"), nil)
		require.NoError(t, err)
		share(t, eng, group, "y")
		require.NoError(t, eng.Close())
		require.Equal(t, 3, left())
	})
}
