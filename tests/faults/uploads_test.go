package faults_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// requireNoTrace checks that an upload has left nothing, and that nothing was logged.
func requireNoTrace(t *testing.T, s *grouptest.Dataset, version uint64) {
	t.Helper()
	require.Len(t, grouptest.ContentIDs(t, s.Blobs), 3)
	require.Empty(t, s.Keys(t, key.Uploads()))
	g, err := s.System().Group(t.Context(), grouptest.Guild)
	require.NoError(t, err)
	require.Equal(t, version, g.Version)
	s.RequireVerified(t)
}

// TestActor_UploadFile_Fails makes uploads that fail. The error names the cause, and nothing
// of the upload is left.
func TestActor_UploadFile_Fails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the line is dead")
	for name, c := range map[string]struct {
		r    func(s *grouptest.Dataset, cancel func()) io.Reader
		want error
	}{
		"the reader fails at once": {func(*grouptest.Dataset, func()) io.Reader { return iotest.ErrReader(broken) }, broken},
		"the reader fails in between": {func(*grouptest.Dataset, func()) io.Reader {
			return io.MultiReader(strings.NewReader("x"), iotest.ErrReader(broken))
		}, broken},
		"the reader is cut off": {func(*grouptest.Dataset, func()) io.Reader { return iotest.ErrReader(io.ErrUnexpectedEOF) }, io.ErrUnexpectedEOF},
		"the reader times out": {func(*grouptest.Dataset, func()) io.Reader {
			return iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("xyz")))
		}, iotest.ErrTimeout},
		"the context ends in between": {func(_ *grouptest.Dataset, cancel func()) io.Reader { return grouptest.Halfway(cancel) }, context.Canceled},
		"it is too large": {func(*grouptest.Dataset, func()) io.Reader {
			return io.LimitReader(grouptest.ReaderFunc(func(p []byte) (int, error) { return len(p), nil }), 10<<20+1)
		}, groupkit.ErrFileTooLarge},
		"it has no end": {func(*grouptest.Dataset, func()) io.Reader {
			return grouptest.ReaderFunc(func(p []byte) (int, error) { return len(p), nil })
		}, groupkit.ErrFileTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewDataset(t)
			before := s.Version(t, grouptest.Guild)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f, err := s.As("carol").UploadFile(ctx, grouptest.Guild, "new", c.r(s, cancel))
			require.ErrorIs(t, err, c.want)
			require.NotErrorIs(t, err, groupkit.ErrStorage)
			grouptest.RequireError(t, err, groupkit.OpUploadFile, grouptest.Guild)
			require.Zero(t, f)
			requireNoTrace(t, s, before)
		})
	}
}

// TestActor_UploadFile_Panics uploads from a reader that panics. The caller gets the panic,
// nothing is left, and the engine goes on.
func TestActor_UploadFile_Panics(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	require.PanicsWithValue(t, "no more", func() {
		_, _ = s.As("carol").UploadFile(t.Context(), grouptest.Guild, "new", grouptest.Halfway(func() { panic("no more") }))
	})
	require.Empty(t, s.Keys(t, key.Uploads()))
	require.Len(t, grouptest.ContentIDs(t, s.Blobs), 3)
	require.NoError(t, grouptest.ErrorOf(s.As("carol").UploadFile(t.Context(), grouptest.Guild, "new", strings.NewReader("new"))))
	s.Reopen(t)
	require.Empty(t, s.Keys(t, key.Uploads()))
	require.Len(t, grouptest.ContentIDs(t, s.Blobs), 4)
	s.RequireVerified(t)
}

// TestEngine_SweepsContents opens a store with contents and reservations that interrupted
// uploads have left. What the database has never heard of stays.
func TestEngine_SweepsContents(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	before := grouptest.ContentIDs(t, s.Blobs)
	lost, unknown := key.Content(uuid.Max), []string{key.Content1("nowhere", uuid.Max), "nothing-of-ours"}
	for _, id := range append(unknown, lost) {
		require.NoError(t, s.Blobs.Put(t.Context(), id, strings.NewReader("lost")))
	}
	s.Put(t, key.Upload(lost), (&record.Upload{Process: "another", At: s.Clock.Now().UnixMilli()}).Encode())
	s.Put(t, key.Upload(key.Content(uuid.Nil)), (&record.Upload{Process: "another", At: 1}).Encode())
	s.Put(t, key.Upload(key.Content1("open", uuid.Nil)), []byte(grouptest.Garbage))
	s.Put(t, key.Upload("of no form"), []byte(grouptest.Garbage))
	s.Reopen(t)
	require.ElementsMatch(t, append(before, unknown...), grouptest.ContentIDs(t, s.Blobs))
	require.Empty(t, s.Keys(t, key.Uploads()))
	require.Empty(t, s.Keys(t, key.AllToGo()))
	report, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Equal(t, groupkit.Report{UnknownContents: []groupkit.UnknownContent{{ID: unknown[0]}, {ID: unknown[1]}}}, report)
}

// A shared store may be open in several processes.
type shared struct{ grouptest.KeptStore }

func (shared) Exclusive() bool { return false }

// TestEngine_SweepsContents_SharedStore has an upload under way when another process opens
// the same store. The other process leaves the upload alone, whatever its clock says.
func TestEngine_SweepsContents_SharedStore(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{0, 365 * 24 * time.Hour} {
		t.Run(ahead.String(), func(t *testing.T) {
			t.Parallel()
			s := newSharedDataset(t)
			other := &grouptest.Dataset{Stack: &grouptest.Stack{Store: s.Store, Blobs: s.Blobs, Clock: grouptest.NewClockAt(grouptest.Dawn)}}
			f, err := s.As("carol").UploadFile(t.Context(), grouptest.Guild, "new", grouptest.Halfway(func() {
				s.cut = func() {
					other.Clock.Set(s.Clock.Now().Add(ahead))
					other.OpenWhole(t, grouptest.DatasetOptions(), shared{grouptest.KeptStore{Store: s.Store}}, grouptest.KeptBlobs{Blobs: s.Blobs})
					require.Len(t, grouptest.ContentIDs(t, s.Blobs), 4)
				}
			}))
			require.NoError(t, err)
			s.RequireVerified(t)
			require.Empty(t, s.Keys(t, key.Uploads()))
			grouptest.RequireContent(t, s.Stack, grouptest.Guild, f, "first half slow")
		})
	}
}

// A cutDataset calls cut between writing the content and the record of a file.
type cutDataset struct {
	*grouptest.Dataset
	cut func()
}

type cutBlobs struct {
	grouptest.KeptBlobs
	s *cutDataset
}

func (b cutBlobs) Put(ctx context.Context, id string, r io.Reader) error {
	err := b.KeptBlobs.Put(ctx, id, r)
	if b.s.cut != nil {
		b.s.cut()
	}
	return err
}

func newSharedDataset(t *testing.T) *cutDataset {
	s := &cutDataset{Dataset: grouptest.NewDataset(t)}
	s.Open(t, grouptest.DatasetOptions(), shared{grouptest.KeptStore{Store: s.Store}}, cutBlobs{grouptest.KeptBlobs{Blobs: s.Blobs}, s})
	return s
}

// TestActor_UploadFile_UnknownOutcome loses the answer to the commit of the file's record. The
// content stays, for the file may be there. The next opening keeps or removes it.
func TestActor_UploadFile_UnknownOutcome(t *testing.T) {
	t.Parallel()
	for _, committed := range []bool{true, false} {
		t.Run(fmt.Sprint("committed ", committed), func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewDataset(t)
			lossy := &lossyStore{Store: s.Store, committed: committed}
			s.Open(t, grouptest.DatasetOptions(), grouptest.KeptStore{Store: lossy}, grouptest.KeptBlobs{Blobs: s.Blobs})
			_, err := s.As("carol").UploadFile(t.Context(), grouptest.Guild, "new", grouptest.Halfway(func() { lossy.on = true }))
			require.ErrorIs(t, err, groupkit.ErrUnknownOutcome)
			require.NotErrorIs(t, err, groupkit.ErrStorage)
			grouptest.RequireError(t, err, groupkit.OpUploadFile, grouptest.Guild)
			require.Len(t, grouptest.ContentIDs(t, s.Blobs), 4)
			lossy.on = false
			s.Reopen(t)
			s.RequireVerified(t)
			require.Empty(t, s.Keys(t, key.Uploads()))
			files := grouptest.MustCollect(t, s.As("carol").Files(t.Context(), grouptest.Guild))
			require.Len(t, files, grouptest.Either(committed, 3, 2))
			if committed {
				grouptest.RequireContent(t, s.Stack, grouptest.Guild, files[0], "first half slow")
			}
		})
	}
}

// A lossyStore loses the answers to commits.
type lossyStore struct {
	store.Store
	on, committed bool
}

func (s *lossyStore) Update(ctx context.Context, fn func(store.Writer) error) error {
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

// TestActor_Files_BlobsFail has contents that cannot be stored, read or deleted.
func TestActor_Files_BlobsFail(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	before := s.Version(t, grouptest.Guild)
	s.Open(t, grouptest.DatasetOptions(), grouptest.KeptStore{Store: s.Store}, full{grouptest.KeptBlobs{Blobs: s.Blobs}})
	err := grouptest.ErrorOf(s.As("carol").UploadFile(t.Context(), grouptest.Guild, "new", strings.NewReader("new")))
	require.ErrorIs(t, err, groupkit.ErrStorage)
	require.ErrorIs(t, err, store.ErrNoSpace)
	grouptest.RequireError(t, err, groupkit.OpUploadFile, grouptest.Guild)
	requireNoTrace(t, s, before)

	s.Open(t, grouptest.DatasetOptions(), grouptest.KeptStore{Store: s.Store}, blind{grouptest.KeptBlobs{Blobs: s.Blobs}})
	_, _, err = s.As("carol").OpenFile(t.Context(), grouptest.Guild, s.Chart.ID)
	require.ErrorIs(t, err, groupkit.ErrStorage)
	grouptest.RequireError(t, err, groupkit.OpOpenFile, grouptest.Guild)

	s.Open(t, grouptest.DatasetOptions(), grouptest.KeptStore{Store: s.Store}, sticky{grouptest.KeptBlobs{Blobs: s.Blobs}})
	require.NoError(t, s.As("bob").DeleteFile(t.Context(), grouptest.Guild, s.Chart.ID), "the file is gone; its content follows")
	require.Len(t, grouptest.ContentIDs(t, s.Blobs), 3)
	s.Reopen(t)
	require.Len(t, grouptest.ContentIDs(t, s.Blobs), 2)
	s.RequireVerified(t)
}

// full contents take no more.
type full struct{ grouptest.KeptBlobs }

func (full) Put(context.Context, string, io.Reader) error { return store.ErrNoSpace }

// blind contents give nothing.
type blind struct{ grouptest.KeptBlobs }

func (blind) Get(context.Context, string) (io.ReadCloser, error) {
	return nil, errors.New("a bad block")
}

// TestActor_Files_ReadFails has a content that cannot be read to its end.
func TestActor_Files_ReadFails(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	bad := errors.New("a bad block")
	s.Open(t, grouptest.DatasetOptions(), grouptest.KeptStore{Store: s.Store}, badBlobs{grouptest.KeptBlobs{Blobs: s.Blobs}, bad})
	_, r, err := s.As("carol").OpenFile(t.Context(), grouptest.Guild, s.Chart.ID)
	require.NoError(t, err)
	_, err = io.ReadAll(r)
	require.ErrorIs(t, err, groupkit.ErrStorage)
	require.ErrorIs(t, err, bad)
	grouptest.RequireError(t, err, groupkit.OpOpenFile, grouptest.Guild)
	report, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Contains(t, report.Violations, broken(groupkit.FilesWhole, grouptest.Guild, "carol", `content of file "map.png"`, "cannot be read: a bad block"))
}

type badBlobs struct {
	grouptest.KeptBlobs
	err error
}

func (b badBlobs) Get(ctx context.Context, id string) (io.ReadCloser, error) {
	r, err := b.KeptBlobs.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(r, 3), iotest.ErrReader(b.err)), r}, nil
}
