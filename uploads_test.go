package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// requireNoTrace checks that nothing of an upload is left, and that nothing was logged.
func requireNoTrace(t *testing.T, s *town, version uint64) {
	t.Helper()
	require.Len(t, contents(t, s.blobs), 3)
	require.Empty(t, s.keys(t, key.Uploads()))
	g, err := s.System().Group(t.Context(), guild)
	require.NoError(t, err)
	require.Equal(t, version, g.Version)
	s.clean(t)
}

func (s *town) version(t *testing.T, group groupkit.GroupID) uint64 {
	g, err := s.System().Group(t.Context(), group)
	require.NoError(t, err)
	return g.Version
}

// halfway is a reader that yields something, does something else, and goes on.
func halfway(do func()) io.Reader {
	return io.MultiReader(strings.NewReader("first half "), during(do))
}

// TestActor_UploadFile_Fails has uploads that come to nothing: the cause is in the error,
// and nothing is left behind.
func TestActor_UploadFile_Fails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the line is dead")
	for name, c := range map[string]struct {
		r    func(s *town, cancel func()) io.Reader
		want error
	}{
		"the reader fails at once":    {func(*town, func()) io.Reader { return iotest.ErrReader(broken) }, broken},
		"the reader fails in between": {func(*town, func()) io.Reader { return io.MultiReader(strings.NewReader("x"), iotest.ErrReader(broken)) }, broken},
		"the reader is cut off":       {func(*town, func()) io.Reader { return iotest.ErrReader(io.ErrUnexpectedEOF) }, io.ErrUnexpectedEOF},
		"the reader times out": {func(*town, func()) io.Reader {
			return iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("xyz")))
		}, iotest.ErrTimeout},
		"the context ends in between": {func(_ *town, cancel func()) io.Reader { return halfway(cancel) }, context.Canceled},
		"it is too large": {func(*town, func()) io.Reader {
			return io.LimitReader(readerFunc(func(p []byte) (int, error) { return len(p), nil }), 10<<20+1)
		}, groupkit.ErrFileTooLarge},
		"it has no end": {func(*town, func()) io.Reader {
			return readerFunc(func(p []byte) (int, error) { return len(p), nil })
		}, groupkit.ErrFileTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTown(t)
			before := s.version(t, guild)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f, err := s.As("carol").UploadFile(ctx, guild, "new", c.r(s, cancel))
			require.ErrorIs(t, err, c.want)
			require.NotErrorIs(t, err, groupkit.ErrStorage)
			requireError(t, err, groupkit.OpUploadFile, guild)
			require.Zero(t, f)
			requireNoTrace(t, s, before)
		})
	}
}

// requireError checks that an error has the form that all of them have.
func requireError(t require.TestingT, err error, op groupkit.Op, group groupkit.GroupID) *groupkit.Error {
	e, ok := err.(*groupkit.Error) //nolint:errorlint // it is the outermost
	require.True(t, ok, "%T %v", err, err)
	require.Equal(t, op, e.Op)
	require.Equal(t, group, e.Group)
	return e
}

// TestActor_UploadFile_LosesTheRight has uploaders who may not upload any more when they
// are done.
func TestActor_UploadFile_LosesTheRight(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile func(ctx context.Context, s *town) error
		want      error
	}{
		"removed": {func(ctx context.Context, s *town) error { return s.As("bob").RemoveMember(ctx, guild, "carol") }, groupkit.ErrNotMember},
		"left":    {func(ctx context.Context, s *town) error { return s.As("carol").Leave(ctx, guild) }, groupkit.ErrNotMember},
		"blocked": {func(ctx context.Context, s *town) error {
			return second(s.As("bob").Block(ctx, guild, groupkit.Forever, "carol"))
		}, groupkit.ErrBlacklisted},
		"the group deleted": {func(ctx context.Context, s *town) error { return s.As("alice").DeleteGroup(ctx, guild) }, groupkit.ErrGroupNotFound},
		"the app closed":    {func(_ context.Context, s *town) error { return s.Close() }, groupkit.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTown(t)
			_, err := s.As("carol").UploadFile(t.Context(), guild, "new", halfway(func() {
				require.NoError(t, c.meanwhile(t.Context(), s))
			}))
			require.ErrorIs(t, err, c.want)
			requireError(t, err, groupkit.OpUploadFile, guild)
			if c.want == groupkit.ErrClosed {
				return
			}
			require.Empty(t, s.keys(t, key.Uploads()))
			for _, id := range contents(t, s.blobs) {
				require.Contains(t, []string{contentOf(guild, s.chart), contentOf(guild, s.rules), scrollContent(t, s)}, id)
			}
			s.clean(t)
		})
	}
}

// scrollContent is the content of the file of the archive.
func scrollContent(t *testing.T, s *town) string {
	files := every(t, s.System().Files(t.Context(), archive))
	require.Len(t, files, 1)
	return contentOf(archive, files[0])
}

// TestActor_UploadFile_Panics has a reader that panics: the caller gets the panic, the
// engine goes on, and the next opening takes away what is left.
func TestActor_UploadFile_Panics(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	require.PanicsWithValue(t, "no more", func() {
		_, _ = s.As("carol").UploadFile(t.Context(), guild, "new", halfway(func() { panic("no more") }))
	})
	require.NoError(t, second(s.As("carol").UploadFile(t.Context(), guild, "new", strings.NewReader("new"))))
	s.reopen(t)
	require.Empty(t, s.keys(t, key.Uploads()))
	require.Len(t, contents(t, s.blobs), 4)
	s.clean(t)
}

// reopen opens another engine over what the town is in, as after a crash: the one before
// is left as it is. It waits until nothing of an upload that was cut off is left.
func (s *town) reopen(t tester) {
	opening := newQuiet(s.blobs)
	s.open(t, townOptions(), keptStore{s.raw}, struct{ keptBlobs }{keptBlobs{opening}})
	opening.wait(t)
	until(t, func() bool {
		dump := s.dump(t)
		for _, id := range contents(t, s.blobs) {
			group, file, err := key.CutContent(id)
			if _, named := dump[string(key.File(group, file))]; err != nil || !named {
				return false
			}
		}
		return true
	})
}

// TestEngine_SweepsContents has contents and announcements that uploads have left which
// were cut off.
func TestEngine_SweepsContents(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	before := contents(t, s.blobs)
	lost, foreign := key.Content("guild", uuid.Max), "nothing-of-ours"
	for _, id := range []string{lost, foreign, key.Content("nowhere", uuid.Max)} {
		require.NoError(t, s.blobs.Put(t.Context(), id, strings.NewReader("lost")))
	}
	s.put(t, key.Upload(lost), (&record.Upload{Process: "another", At: s.clock.Now().UnixMilli()}).Encode())
	s.put(t, key.Upload(key.Content("guild", uuid.Nil)), (&record.Upload{Process: "another", At: 1}).Encode())
	s.put(t, key.Upload(key.Content("open", uuid.Nil)), []byte(garbage))
	s.reopen(t)
	require.Equal(t, before, contents(t, s.blobs))
	require.Empty(t, s.keys(t, key.Uploads()))
	s.clean(t)
}

// A shared store may be open in several processes.
type shared struct{ keptStore }

func (shared) Exclusive() bool { return false }

// TestEngine_SweepsContents_SharedStore has an upload under way when another process
// opens the same store: it is left alone, for a day.
func TestEngine_SweepsContents_SharedStore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		age  time.Duration
		want error
	}{
		"young": {24*time.Hour - time.Millisecond, nil},
		"old":   {24 * time.Hour, groupkit.ErrStorage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sharedTown(t)
			other := &town{site: &site{raw: s.raw, blobs: s.blobs, clock: newClockAt(dawn)}}
			f, err := s.As("carol").UploadFile(t.Context(), guild, "new", halfway(func() {
				s.cut = func() {
					other.clock.Set(s.clock.Now().Add(c.age))
					opening := newQuiet(s.blobs)
					other.open(t, townOptions(), shared{keptStore{s.raw}}, keptBlobs{opening})
					opening.wait(t)
					until(t, func() bool { return len(contents(t, s.blobs)) == either(c.want == nil, 4, 3) })
				}
			}))
			require.ErrorIs(t, err, c.want)
			s.clean(t)
			require.Empty(t, s.keys(t, key.Uploads()))
			if c.want == nil {
				requireContent(t, s.site, guild, f, "first half slow")
			}
		})
	}
}

// A cutTown does something between the content and the record of a file.
type cutTown struct {
	*town
	cut func()
}

type cutBlobs struct {
	keptBlobs
	s *cutTown
}

func (b cutBlobs) Put(ctx context.Context, id string, r io.Reader) error {
	err := b.keptBlobs.Put(ctx, id, r)
	if b.s.cut != nil {
		b.s.cut()
	}
	return err
}

func sharedTown(t *testing.T) *cutTown {
	s := &cutTown{town: newTown(t)}
	s.open(t, townOptions(), shared{keptStore{s.raw}}, cutBlobs{keptBlobs{s.blobs}, s})
	return s
}

// TestActor_OpenFile_WhileItIsDeleted deletes files that someone opens, or reads.
func TestActor_OpenFile_WhileItIsDeleted(t *testing.T) {
	t.Parallel()
	t.Run("what has been opened can be read", func(t *testing.T) {
		t.Parallel()
		s := newTown(t)
		_, r, err := s.As("carol").OpenFile(t.Context(), guild, s.chart.ID)
		require.NoError(t, err)
		require.NoError(t, s.As("bob").DeleteFile(t.Context(), guild, s.chart.ID))
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, "a map of the north", string(got))
		require.NoError(t, r.Close())
		require.NotContains(t, contents(t, s.blobs), contentOf(guild, s.chart))
	})
	t.Run("between the record and the content", func(t *testing.T) {
		t.Parallel()
		s := newTown(t)
		s.open(t, townOptions(), keptStore{s.raw}, lateBlobs{keptBlobs{s.blobs}, func() {
			require.NoError(t, s.As("bob").DeleteFile(t.Context(), guild, s.chart.ID))
		}})
		_, _, err := s.As("carol").OpenFile(t.Context(), guild, s.chart.ID)
		require.ErrorIs(t, err, groupkit.ErrFileNotFound)
		requireError(t, err, groupkit.OpOpenFile, guild)
	})
	t.Run("together with the group", func(t *testing.T) {
		t.Parallel()
		s := newTown(t)
		s.open(t, townOptions(), keptStore{s.raw}, lateBlobs{keptBlobs{s.blobs}, func() {
			require.NoError(t, s.As("alice").DeleteGroup(t.Context(), guild))
		}})
		_, _, err := s.As("carol").OpenFile(t.Context(), guild, s.chart.ID)
		require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
	})
}

// lateBlobs do something before they open a content.
type lateBlobs struct {
	keptBlobs
	before func()
}

func (b lateBlobs) Get(ctx context.Context, id string) (io.ReadCloser, error) {
	b.before()
	return b.keptBlobs.Get(ctx, id)
}

// TestActor_UploadFile_UnknownOutcome loses the answer to the commit that names the
// content: the content stays, as the file may be there. The next opening knows.
func TestActor_UploadFile_UnknownOutcome(t *testing.T) {
	t.Parallel()
	for _, committed := range []bool{true, false} {
		t.Run(fmt.Sprint("committed ", committed), func(t *testing.T) {
			t.Parallel()
			s := newTown(t)
			lossy := &lossy{Store: s.raw, committed: committed}
			s.open(t, townOptions(), keptStore{lossy}, keptBlobs{s.blobs})
			_, err := s.As("carol").UploadFile(t.Context(), guild, "new", halfway(func() { lossy.on = true }))
			require.ErrorIs(t, err, groupkit.ErrUnknownOutcome)
			require.NotErrorIs(t, err, groupkit.ErrStorage)
			requireError(t, err, groupkit.OpUploadFile, guild)
			require.Len(t, contents(t, s.blobs), 4)
			lossy.on = false
			s.reopen(t)
			s.clean(t)
			require.Empty(t, s.keys(t, key.Uploads()))
			files := every(t, s.As("carol").Files(t.Context(), guild))
			require.Len(t, files, either(committed, 3, 2))
			if committed {
				requireContent(t, s.site, guild, files[0], "first half slow")
			}
		})
	}
}

// A lossy store loses the answer to commits.
type lossy struct {
	store.Store
	on, committed bool
}

func (s *lossy) Update(ctx context.Context, fn func(store.Writer) error) error {
	if !s.on {
		return s.Store.Update(ctx, fn)
	}
	errUndo := errors.New("undo")
	err := s.Store.Update(ctx, func(w store.Writer) error {
		if err := fn(w); err != nil || s.committed {
			return err
		}
		return errUndo
	})
	if err == nil || err == errUndo {
		return fmt.Errorf("%w: the line is dead", store.ErrCommitUnknown)
	}
	return err
}

// TestActor_Files_BlobsFail has contents that cannot be stored, read or removed.
func TestActor_Files_BlobsFail(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	before := s.version(t, guild)
	s.open(t, townOptions(), keptStore{s.raw}, full{keptBlobs{s.blobs}})
	err := second(s.As("carol").UploadFile(t.Context(), guild, "new", strings.NewReader("new")))
	require.ErrorIs(t, err, groupkit.ErrStorage)
	require.ErrorIs(t, err, store.ErrNoSpace)
	requireError(t, err, groupkit.OpUploadFile, guild)
	requireNoTrace(t, s, before)

	s.open(t, townOptions(), keptStore{s.raw}, blind{keptBlobs{s.blobs}})
	_, _, err = s.As("carol").OpenFile(t.Context(), guild, s.chart.ID)
	require.ErrorIs(t, err, groupkit.ErrStorage)
	requireError(t, err, groupkit.OpOpenFile, guild)

	s.open(t, townOptions(), keptStore{s.raw}, sticky{keptBlobs{s.blobs}})
	require.NoError(t, s.As("bob").DeleteFile(t.Context(), guild, s.chart.ID), "the file is gone; its content follows")
	require.Len(t, contents(t, s.blobs), 3)
	s.reopen(t)
	require.Len(t, contents(t, s.blobs), 2)
	s.clean(t)
}

// full contents take no more.
type full struct{ keptBlobs }

func (full) Put(context.Context, string, io.Reader) error { return store.ErrNoSpace }

// blind contents give nothing.
type blind struct{ keptBlobs }

func (blind) Get(context.Context, string) (io.ReadCloser, error) {
	return nil, errors.New("a bad block")
}

// TestActor_Files_ReadFails has a content that cannot be read to its end.
func TestActor_Files_ReadFails(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	bad := errors.New("a bad block")
	s.open(t, townOptions(), keptStore{s.raw}, badBlobs{keptBlobs{s.blobs}, bad})
	_, r, err := s.As("carol").OpenFile(t.Context(), guild, s.chart.ID)
	require.NoError(t, err)
	_, err = io.ReadAll(r)
	require.ErrorIs(t, err, groupkit.ErrStorage)
	require.ErrorIs(t, err, bad)
	requireError(t, err, groupkit.OpOpenFile, guild)
	violations, err := s.Verify(t.Context())
	require.NoError(t, err)
	require.Contains(t, violations, broken(groupkit.FilesWhole, guild, "carol", `content of file "map.png"`, "cannot be read: a bad block"))
}

type badBlobs struct {
	keptBlobs
	err error
}

func (b badBlobs) Get(ctx context.Context, id string) (io.ReadCloser, error) {
	r, err := b.keptBlobs.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(r, 3), iotest.ErrReader(b.err)), r}, nil
}

// TestActor_Files_Together uploads, lists, reads and deletes at the same time: what is
// listed can be read whole, or has been deleted.
func TestActor_Files_Together(t *testing.T) {
	t.Parallel()
	s := newSite(t, groupkit.Options{})
	ctx := t.Context()
	require.NoError(t, second(s.System().CreateGroup(ctx, groupkit.NewGroup{ID: guild, Name: "x", Owner: "alice"})))
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 30 {
				text := strings.Repeat(fmt.Sprint(i, " ", j, " "), 1000)
				f, err := s.As("alice").UploadFile(ctx, guild, "x", strings.NewReader(text))
				require.NoError(t, err)
				if j%2 == 0 {
					require.NoError(t, s.As("alice").DeleteFile(ctx, guild, f.ID))
				}
			}
		})
		all.Go(func() {
			for range 30 {
				for f, err := range s.As("alice").Files(ctx, guild) {
					require.NoError(t, err)
					readWhole(t, s, f)
				}
			}
		})
	}
	all.Wait()
	require.Len(t, every(t, s.As("alice").Files(ctx, guild)), 60)
	require.Len(t, contents(t, s.blobs), 60)
	s.clean(t)
}

func readWhole(t *testing.T, s *site, f groupkit.File) {
	_, r, err := s.As("alice").OpenFile(t.Context(), guild, f.ID)
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
	s := newTown(t)
	for _, id := range []groupkit.FileID{"", "x", groupkit.FileID(strings.ToUpper(string(s.chart.ID))), "{" + s.chart.ID + "}", s.chart.ID + "0", groupkit.FileID(uuid.Nil.String())} {
		require.ErrorIs(t, second(s.As("carol").File(t.Context(), guild, id)), groupkit.ErrFileNotFound, id)
		_, _, err := s.As("carol").OpenFile(t.Context(), guild, id)
		require.ErrorIs(t, err, groupkit.ErrFileNotFound, id)
		require.ErrorIs(t, s.As("bob").DeleteFile(t.Context(), guild, id), groupkit.ErrFileNotFound, id)
		require.ErrorIs(t, second(s.As("zoe").File(t.Context(), open, s.chart.ID)), groupkit.ErrFileNotFound, "of another group")
	}
}
