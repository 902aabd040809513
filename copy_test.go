package groupkit_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/sharedmem"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A copy is what it was copied from, in a store of any kind, and goes on like any other.
func TestEngine_Copy(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	grouptest.PutBucket(t, s.Store, "gold", map[string]string{"alice": "7", "bob": strings.Repeat("8", 100_000)})
	want, contents, buckets := grouptest.CarriedRecords(t, s.Store), grouptest.StoredContents(t, s.Blobs), grouptest.Buckets(t, s.Store)
	_, info := grouptest.TakeBackup(t, s.Engine)
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to, blobs := place(t), memblob.New()
			var seen groupkit.Transfer
			done, err := s.Copy(t.Context(), to, blobs, groupkit.CopyOptions{Progress: func(d groupkit.Transfer) {
				require.GreaterOrEqual(t, d.Records, seen.Records)
				require.GreaterOrEqual(t, d.Contents, seen.Contents)
				seen = d
			}})
			require.NoError(t, err)
			require.Equal(t, info.Transfer, done)
			require.Equal(t, done, seen)
			require.Equal(t, want, grouptest.CarriedRecords(t, to))
			require.Equal(t, contents, grouptest.StoredContents(t, blobs))
			require.Equal(t, buckets, grouptest.Buckets(t, to))
			r := openPlace(t, s, to, blobs)
			grouptest.RequireVerified(t, r.Engine)
			require.NotEqual(t, s.History(), r.History())
			requireGoesOn(t, r)
			_, err = s.Copy(t.Context(), to, blobs, groupkit.CopyOptions{})
			require.ErrorIs(t, err, groupkit.ErrNotEmpty)
		})
	}
}

// A copy that is cut off at any step goes on with the same call, also when the original has changed since.
func TestEngine_Copy_CutOff(t *testing.T) {
	t.Parallel()
	for steps, cut := 0, true; cut; steps++ {
		s := grouptest.NewDataset(t)
		grouptest.PutBucket(t, s.Store, "gold", map[string]string{"alice": "7"})
		to, blobs, left := memstore.New(), memblob.New(), steps
		_, err := s.Copy(t.Context(), cuttingStore{to, &left}, cuttingBlobs{blobs, &left}, groupkit.CopyOptions{})
		if cut = err != nil; cut {
			require.ErrorIs(t, err, errCutOff)
			if steps > 0 {
				_, err := groupkit.New(grouptest.KeptStore{Store: to}, grouptest.KeptBlobs{Blobs: blobs}, nil)
				require.ErrorIs(t, err, groupkit.ErrUnfinished)
			}
			require.NoError(t, s.As("bob").DeleteFile(t.Context(), grouptest.Guild, s.Chart.ID))
			require.NoError(t, s.System().DeleteGroup(t.Context(), grouptest.Archive))
			_, err = s.As("carol").UploadFile(t.Context(), grouptest.Guild, "new", strings.NewReader("new"))
			require.NoError(t, err)
			grouptest.PutBucket(t, s.Store, "gold", map[string]string{"alice": ""})
			_, err = s.Copy(t.Context(), to, blobs, groupkit.CopyOptions{})
			require.NoError(t, err, "after %d steps", steps)
		} else {
			require.GreaterOrEqual(t, steps, 6)
		}
		require.Equal(t, grouptest.CarriedRecords(t, s.Store), grouptest.CarriedRecords(t, to), "after %d steps", steps)
		require.Equal(t, grouptest.Buckets(t, s.Store), grouptest.Buckets(t, to))
		require.Equal(t, grouptest.StoredContents(t, s.Blobs), grouptest.StoredContents(t, blobs))
		grouptest.RequireVerified(t, openPlace(t, s, to, blobs).Engine)
	}
}

// Copy does not believe what it has not read again.
func TestEngine_Copy_Compares(t *testing.T) {
	t.Parallel()
	grouptest.NeedsOwnStore(t, "functions run again, and write again")
	s := grouptest.NewDataset(t)
	_, err := s.Copy(t.Context(), &lossyStore{Store: memstore.New()}, memblob.New(), groupkit.CopyOptions{})
	require.ErrorIs(t, err, groupkit.ErrCorrupt)
	require.ErrorContains(t, err, "does not return what was written")
	_, err = s.Copy(t.Context(), memstore.New(), lossyBlobs{memblob.New()}, groupkit.CopyOptions{})
	require.ErrorIs(t, err, groupkit.ErrCorrupt)
	require.ErrorContains(t, err, "contents do not return what was written")
}

// A lossyStore loses a bit of one value. lossyBlobs lose the last byte of each content.
type lossyStore struct {
	store.Store
	steps int
}

func (*lossyStore) Exclusive() bool { return true }
func (s *lossyStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	s.steps++
	return s.Store.Update(ctx, func(w store.Writer) error { return fn(lossyWriter{w, s.steps == 2}) })
}

type lossyWriter struct {
	store.Writer
	lossy bool
}

func (w lossyWriter) Put(k, v []byte) error {
	if w.lossy && len(v) > 4 {
		v[2] ^= 1
	}
	return w.Writer.Put(k, v)
}

type lossyBlobs struct{ store.Blobs }

func (b lossyBlobs) Put(ctx context.Context, id string, r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil || id == grouptest.ContentsMark {
		return b.Blobs.Put(ctx, id, strings.NewReader(string(content)))
	}
	return b.Blobs.Put(ctx, id, strings.NewReader(string(content[:len(content)-1])))
}

// A copy of damaged data has the rest, and says so. It holds what is deleted meanwhile.
func TestEngine_Copy_Damaged(t *testing.T) {
	t.Parallel()
	grouptest.NeedsOwnStore(t, "functions run again, and find the file deleted")
	s := grouptest.NewDataset(t)
	require.NoError(t, s.Blobs.Put(t.Context(), grouptest.ContentID(s.Rules), strings.NewReader("hear my wordz")))
	to, blobs, deleted := memstore.New(), memblob.New(), false
	done, err := s.Copy(t.Context(), to, blobs, groupkit.CopyOptions{Progress: func(groupkit.Transfer) {
		if !deleted {
			deleted = true
			require.NoError(t, s.As("bob").DeleteFile(context.Background(), grouptest.Guild, s.Chart.ID))
		}
	}})
	require.ErrorIs(t, err, groupkit.ErrCorrupt)
	require.ErrorContains(t, err, "the copy is whole")
	require.Equal(t, []groupkit.DamagedContent{{Group: grouptest.Guild, File: s.Rules.ID, Problem: "does not match the hash of the file"}}, done.Damaged)
	require.NotContains(t, grouptest.StoredContents(t, s.Blobs), grouptest.ContentID(s.Chart))
	r := openPlace(t, s, to, blobs)
	grouptest.RequireContent(t, r.Stack, grouptest.Guild, s.Chart, "a map of the north")
	report, err := r.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Empty(t, report.Violations)
	require.Len(t, report.Absent, 1)
}

// A store that runs functions again is read whole. The target has more pages than one, and what does not belong there.
func TestEngine_Copy_IntoSharedStore(t *testing.T) {
	t.Parallel()
	opts := grouptest.LargeGroupOptions()
	s := grouptest.NewStack(t, opts)
	grouptest.NewLargeGroup(t, s, 2500)
	var want, got bytes.Buffer
	require.NoError(t, s.System().Export(t.Context(), &want, groupkit.ExportOptions{}))
	for seed := range uint64(10) {
		to, blobs := sharedmem.New(sharedmem.Options{Seed: seed, Rerun: 0.5}).Open(), memblob.New()
		_, err := s.Copy(t.Context(), to, blobs, groupkit.CopyOptions{})
		require.NoError(t, err)
		eng, err := groupkit.New(to, blobs, &opts)
		require.NoError(t, err)
		got.Reset()
		require.NoError(t, eng.System().Export(t.Context(), &got, groupkit.ExportOptions{}))
		require.Equal(t, want.String(), got.String())
		require.NoError(t, eng.Close())
	}
}

// A record that a View writes again when it runs again counts once, and one that is gone by then does not count.
func TestEngine_Copy_CountsOnce(t *testing.T) {
	t.Parallel()
	grouptest.NeedsOwnStore(t, "the limit of groups is one more record")
	var changing *changingStore
	s := grouptest.NewStackOver(t, groupkit.Options{}, func(s store.Store, b store.Blobs) (store.Store, store.Blobs) {
		changing = &changingStore{KeptStore: grouptest.KeptStore{Store: s}}
		return changing, b
	})
	ctx := t.Context()
	_, err := s.System().CreateGroup(ctx, groupkit.NewGroup{ID: "g", Name: "x", Owner: "alice", Members: grouptest.Users("u", 50)})
	require.NoError(t, err)
	rounds := 0
	changing.change = func() {
		require.NoError(t, s.System().SetAnnouncement(ctx, "g", fmt.Sprint(rounds)))
		require.NoError(t, s.System().RemoveMember(ctx, "g", grouptest.Users("u", 50)[rounds]))
		rounds++
	}
	to := memstore.New()
	done, err := s.Copy(ctx, to, memblob.New(), groupkit.CopyOptions{})
	require.NoError(t, err)
	require.Greater(t, rounds, 1)
	require.Equal(t, len(grouptest.CarriedRecords(t, to)), done.Records)
}

// A changingStore calls change after each View, and then runs the function of the View again.
type changingStore struct {
	grouptest.KeptStore
	change func()
}

func (s *changingStore) View(ctx context.Context, fn func(store.Reader) error) error {
	err := s.KeptStore.View(ctx, fn)
	if change := s.change; change != nil && err == nil {
		s.change = nil
		change()
		s.change = change
		err = s.KeptStore.View(ctx, fn)
	}
	return err
}
