package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// Quick finds what its documentation says.
func TestEngine_Verify_Quick(t *testing.T) {
	t.Parallel()
	header := func(change func(*record.Header)) func(*testing.T, *grouptest.Dataset) {
		return changeHeader(grouptest.Guild, change)
	}
	last := func(t *testing.T, s *grouptest.Dataset) []byte {
		return key.Event("guild", s.Version(t, grouptest.Guild))
	}
	for name, c := range map[string]struct {
		do   func(*testing.T, *grouptest.Dataset)
		want groupkit.Violation
	}{
		"no header": {removeKey(key.Of("guild", key.Header)), broken(groupkit.OneOwner, grouptest.Guild, "", "header", "is missing")},
		"another owner": {header(func(h *record.Header) { h.Owner = "bob" }),
			broken(groupkit.OneOwner, grouptest.Guild, "bob", "header", `names "bob" as the owner`)},
		"an owner without a record": {header(func(h *record.Header) { h.Owner = "nobody" }),
			broken(groupkit.OneOwner, grouptest.Guild, "nobody", "header", `names "nobody" as the owner`)},
		"a muted owner": {changeMember("alice", func(st *record.Standing) { st.Mute = &record.Mark{Until: 1} }),
			broken(groupkit.MutesInBounds, grouptest.Guild, "alice", "member record", "has a mute")},
		"a higher version": {header(func(h *record.Header) { h.Version++ }),
			broken(groupkit.LogComplete, grouptest.Guild, "", "log", "but the group is at version")},
		"the last call is missing": {func(t *testing.T, s *grouptest.Dataset) { s.Remove(t, last(t, s)) },
			broken(groupkit.LogComplete, grouptest.Guild, "", "log", "but the group is at version")},
		"the last call is damaged": {func(t *testing.T, s *grouptest.Dataset) { s.Put(t, last(t, s), []byte{0xff}) },
			broken(groupkit.ViewsAgree, grouptest.Guild, "", "log", "cannot be read")},
		"no index entry of the last call": {func(t *testing.T, s *grouptest.Dataset) {
			call, err := record.DecodeCall(s.Get(t, last(t, s)))
			require.NoError(t, err)
			s.Remove(t, key.Commit(call.Commit))
		}, broken(groupkit.ViewsAgree, grouptest.Guild, "", "log", "has no entry in the index of commits")},
		"an unknown state": {header(func(h *record.Header) { h.State = 9 }),
			broken(groupkit.DeletedIsGone, grouptest.Guild, "", "header", "unknown state")},
		"a load that nobody makes": {header(func(h *record.Header) { h.State = record.Loading }),
			broken(groupkit.ViewsAgree, grouptest.Guild, "", "header", "nobody loads it")},
		"a deletion that is not pending": {header(func(h *record.Header) { h.State = record.Deleting }),
			broken(groupkit.DeletedIsGone, grouptest.Guild, "", "header", "no pending deletion")},
		"half a pseudonym": {header(func(h *record.Header) { h.Rename.From = "x" }),
			broken(groupkit.LogComplete, grouptest.Guild, "", "header", "half a pseudonym")},
		"not in the list of groups": {func(t *testing.T, s *grouptest.Dataset) {
			for _, k := range s.Keys(t, []byte{key.FamilyCreation}) {
				s.Remove(t, []byte(k))
			}
		}, broken(groupkit.ViewsAgree, grouptest.Guild, "", "entry in the list of groups", "is missing")},
		"a wrong number of groups": {putKey(key.GroupCount(), string(record.EncodeCount(9))),
			broken(groupkit.CountsExact, "", "", "number of groups", "is 9")},
		"no identity":    {removeKey(key.Identity()), broken(groupkit.ViewsAgree, "", "", "identity of the database", "is missing")},
		"an unknown key": {putKey([]byte("?"), ""), broken(groupkit.ViewsAgree, "", "", "key", "has an unknown form")},
		"a missing content": {func(t *testing.T, s *grouptest.Dataset) {
			require.NoError(t, s.Blobs.Delete(t.Context(), grouptest.ContentID(s.Chart)))
		}, broken(groupkit.FilesWhole, grouptest.Guild, "carol", `content of file "map.png"`, "is missing")},
		"a content of another size": {grouptest.PutContent("longer than it was before"),
			broken(groupkit.FilesWhole, grouptest.Guild, "carol", `content of file "map.png"`, "has 25 bytes instead of")},
		"a file without a record": {func(t *testing.T, s *grouptest.Dataset) { s.Remove(t, s.FileKey(t, s.Chart)) },
			broken(groupkit.FilesWhole, grouptest.Guild, "", "entry in the index of files", "leads to no file")},
		"a damaged file": {grouptest.ChangeFileBytes("?"),
			broken(groupkit.ViewsAgree, grouptest.Guild, "", "file record", "cannot be read")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewDataset(t)
			c.do(t, s)
			requireViolationOf(t, s, groupkit.VerifyOptions{Quick: true}, c.want)
			if c.want.Invariant == groupkit.OneOwner && c.want.User != "" {
				return // the full form finds it at the record of the owner
			}
			requireViolationOf(t, s, groupkit.VerifyOptions{}, c.want)
		})
	}
	t.Run("nothing in an intact store", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewDataset(t)
		report, err := s.Verify(t.Context(), groupkit.VerifyOptions{Quick: true})
		require.NoError(t, err)
		require.Zero(t, report)
	})
}

// Quick lists what is under way, and files without contents, as the full form does.
func TestEngine_Verify_QuickLists(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	grouptest.ChangeFile(func(f *record.File) { f.Absent = true })(t, s)
	s.ChangeHeader(t, grouptest.OpenGroup, func(h *record.Header) { h.State = record.Deleting })
	s.Put(t, key.Deletion("open"), nil)
	full, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	quick, err := s.Verify(t.Context(), groupkit.VerifyOptions{Quick: true})
	require.NoError(t, err)
	require.Len(t, quick.Absent, 1)
	require.Equal(t, full.Absent, quick.Absent)
	require.Equal(t, []groupkit.GroupID{grouptest.OpenGroup}, quick.Deletions)
}

// Quick reads as much of a large group as of a small one, and nothing of a content.
func TestEngine_Verify_QuickReads(t *testing.T) {
	t.Parallel()
	grouptest.NeedsOwnStore(t, "functions run again")
	reads := func(members int) (n int) {
		opts := grouptest.LargeGroupOptions()
		var counted *pairsStore
		s := grouptest.NewStackOver(t, opts, func(s store.Store, b store.Blobs) (store.Store, store.Blobs) {
			counted = &pairsStore{KeptStore: grouptest.KeptStore{Store: s}}
			return counted, unreadBlobs{b}
		})
		grouptest.NewLargeGroup(t, s, members)
		for range members {
			require.NoError(t, errors.Join(s.System().MuteGroup(t.Context(), grouptest.LargeGroup), s.System().UnmuteGroup(t.Context(), grouptest.LargeGroup)))
		}
		counted.pairs = 0
		report, err := s.Verify(t.Context(), groupkit.VerifyOptions{Quick: true})
		require.NoError(t, err)
		require.Zero(t, report)
		return counted.pairs
	}
	few := reads(20)
	require.Positive(t, few)
	require.Equal(t, few, reads(500))
}

// A pairsStore counts the records that Views read.
type pairsStore struct {
	grouptest.KeptStore
	pairs int
}

func (s *pairsStore) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.KeptStore.View(ctx, func(r store.Reader) error { return fn(pairsReader{r, s}) })
}

type pairsReader struct {
	store.Reader
	store *pairsStore
}

func (r pairsReader) Get(k []byte) ([]byte, bool, error) {
	r.store.pairs++
	return r.Reader.Get(k)
}

func (r pairsReader) Scan(rng store.Range) ([]store.Pair, bool, error) {
	page, more, err := r.Reader.Scan(rng)
	r.store.pairs += len(page)
	return page, more, err
}

// unreadBlobs have contents whose sizes can be asked, and that fail when they are read.
type unreadBlobs struct{ store.Blobs }

func (b unreadBlobs) Get(ctx context.Context, id string) (io.ReadCloser, error) {
	content, err := b.Blobs.Get(ctx, id)
	if err != nil || id == grouptest.ContentsMark {
		return content, err
	}
	return unread{content.(io.Seeker), content}, nil
}

type unread struct {
	io.Seeker
	io.Closer
}

func (unread) Read([]byte) (int, error) { panic("a content is read") }

// The lists of a report are bounded, and the rest is counted.
func TestReport_Omitted(t *testing.T) {
	t.Parallel()
	const more = 5
	s := grouptest.NewDataset(t)
	records := make(map[string]string)
	for i := range 1000 + more {
		records[fmt.Sprintf("?%04d", i)] = ""
		records[string(key.Deletion(fmt.Sprintf("d%04d", i)))] = ""
		h := record.Header{State: record.Deleting, Owner: "x"}
		records[string(key.Of(fmt.Sprintf("d%04d", i), key.Header))] = string(h.Encode())
		require.NoError(t, s.Blobs.Put(t.Context(), fmt.Sprintf("unknown-%04d", i), grouptest.During(func() {})))
	}
	grouptest.PutAll(t, s.Store, records)
	report, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Len(t, report.Violations, 1000)
	require.Len(t, report.Deletions, 1000)
	require.Len(t, report.UnknownContents, 1000)
	require.Equal(t, more, report.Omitted.UnknownContents)
	require.Equal(t, more, report.Omitted.Deletions)
	require.GreaterOrEqual(t, report.Omitted.Violations, more)
	require.False(t, report.Sound())

	for k := range records {
		s.Remove(t, []byte(k))
	}
	n, err := s.RemoveUnknownContents(t.Context(), 0)
	require.NoError(t, err)
	require.Zero(t, n, "their IDs do not say when they were uploaded")
}

// All unknown contents are removed, however many there are.
func TestEngine_RemoveUnknownContents_Many(t *testing.T) {
	t.Parallel()
	const many = 2500
	s := grouptest.NewDataset(t)
	before := grouptest.ContentIDs(t, s.Blobs)
	for i := range many {
		id := fmt.Sprintf("01980000-0000-7000-8000-%012d", i)
		require.NoError(t, s.Blobs.Put(t.Context(), id, grouptest.During(func() {})))
	}
	n, err := s.RemoveUnknownContents(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, many, n)
	require.Equal(t, before, grouptest.ContentIDs(t, s.Blobs))
}
