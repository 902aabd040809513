package groupkit_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A relaxedStore is a store that is durable when the test, or the engine, says Sync.
type relaxedStore struct {
	*memstore.Store
	mu      sync.Mutex
	durable map[string]string
	waiting []func()
	fails   error // what Sync returns instead
}

func newRelaxedStore() *relaxedStore { return &relaxedStore{Store: memstore.New()} }

func (s *relaxedStore) Relaxed() bool { return true }

func (s *relaxedStore) Sync(context.Context) error {
	s.mu.Lock()
	if s.fails != nil {
		s.mu.Unlock()
		return s.fails
	}
	s.durable = grouptest.DumpStore(grouptest.PanicT{}, s.Store)
	waiting := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	for _, fn := range waiting {
		fn()
	}
	return nil
}

func (s *relaxedStore) AfterSync(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, fn)
}

// Close does not sync: what a test wants to be durable, it says.
func (s *relaxedStore) Close() error { return nil }

// crash returns a store as a crash leaves it.
func (s *relaxedStore) crash(t *testing.T) *relaxedStore {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := newRelaxedStore()
	grouptest.PutAll(t, left.Store, s.durable)
	left.durable = maps.Clone(s.durable)
	return left
}

func (s *relaxedStore) identity(t *testing.T) record.Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, err := record.DecodeIdentity([]byte(s.durable[string(key.Identity())]))
	require.NoError(t, err)
	return id
}

// newRelaxed opens an engine, and returns when the opening has done its work.
func newRelaxed(t *testing.T, s store.Store, blobs store.Blobs) *groupkit.Engine {
	t.Helper()
	opening := grouptest.NewOpening()
	eng, err := groupkit.New(s, grouptest.KeptBlobs{Blobs: blobs}, &groupkit.Options{Logger: opening.Logger()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = eng.Close() })
	opening.Wait(t)
	return eng
}

// The content of a deleted file goes when the deletion is durable. A crash before brings the
// file back, and its content is there.
func TestActor_DeleteFile_Relaxed(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(ctx context.Context, eng *groupkit.Engine, group groupkit.GroupID, f groupkit.File) error{
		"the file": func(ctx context.Context, eng *groupkit.Engine, group groupkit.GroupID, f groupkit.File) error {
			return eng.As("alice").DeleteFile(ctx, group, f.ID)
		},
		"the group": func(ctx context.Context, eng *groupkit.Engine, group groupkit.GroupID, _ groupkit.File) error {
			return eng.As("alice").DeleteGroup(ctx, group)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, blobs := newRelaxedStore(), memblob.New()
			eng := newRelaxed(t, s, blobs)
			group := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "alice"})
			f := share(t, eng, group, "x")[0]
			require.NoError(t, s.Sync(t.Context()))
			require.NoError(t, remove(t.Context(), eng, group, f))
			require.Len(t, grouptest.ContentIDs(t, blobs), 1)

			after := newRelaxed(t, s.crash(t), blobs)
			_, r, err := after.As("alice").OpenFile(t.Context(), group, f.ID)
			require.NoError(t, err)
			content, err := io.ReadAll(r)
			require.NoError(t, err)
			require.Equal(t, "x", string(content))
			require.NoError(t, after.Close())
		})
		t.Run(name+", durably", func(t *testing.T) {
			t.Parallel()
			s, blobs := newRelaxedStore(), memblob.New()
			eng := newRelaxed(t, s, blobs)
			group := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "alice"})
			f := share(t, eng, group, "x")[0]
			require.NoError(t, remove(t.Context(), eng, group, f))
			require.NoError(t, s.Sync(t.Context()))
			grouptest.Eventually(t, func() bool { return len(grouptest.ContentIDs(t, blobs)) == 0 })
			require.NoError(t, eng.Close())
			require.Zero(t, toGoIn(t, s.Store))
		})
	}
}

// Close removes the contents whose deletion it makes durable.
func TestEngine_Close_RemovesContents(t *testing.T) {
	t.Parallel()
	s, blobs := newRelaxedStore(), memblob.New()
	eng := newRelaxed(t, s, blobs)
	group := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "alice"})
	for _, f := range share(t, eng, group, "x", "y") {
		require.NoError(t, eng.As("alice").DeleteFile(t.Context(), group, f.ID))
	}
	require.NoError(t, eng.Close())
	require.Empty(t, grouptest.ContentIDs(t, blobs))
	require.Zero(t, toGoIn(t, s.Store))
}

// The reservation of an upload, and what the mark says, are durable before the content.
func TestActor_UploadFile_ReservesDurably(t *testing.T) {
	t.Parallel()
	s, blobs := newRelaxedStore(), memblob.New()
	puts := 0
	eng := newRelaxed(t, s, beforePut{blobs, func(id string) {
		puts++
		if id == grouptest.ContentsMark {
			require.EqualValues(t, 1, s.identity(t).Opening)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		require.Contains(t, s.durable, string(key.Upload(id)))
	}})
	share(t, eng, grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "alice"}), "x", "y")
	require.Equal(t, 3, puts)
}

// beforePut contents do something before a content is put.
type beforePut struct {
	store.Blobs
	first func(id string)
}

func (b beforePut) Put(ctx context.Context, id string, r io.Reader) error {
	b.first(id)
	return b.Blobs.Put(ctx, id, r)
}

// Followers get an event when it is durable, in order, and at the latest at Close.
func TestFollower_Relaxed(t *testing.T) {
	t.Parallel()
	s := newRelaxedStore()
	eng := newRelaxed(t, s, memblob.New())
	group := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "alice", Members: grouptest.IDs{"bob"}})
	one, err := eng.System().Follow(t.Context(), group, groupkit.Latest())
	require.NoError(t, err)
	defer one.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 {
		require.NoError(t, eng.System().MuteGroup(t.Context(), group))
		require.ErrorIs(t, eng.As("bob").MaySpeak(t.Context(), group), groupkit.ErrGroupMuted, "who reads sees what is committed")
		require.NoError(t, eng.System().UnmuteGroup(t.Context(), group))
		_, err := one.Next(ended)
		require.ErrorIs(t, err, context.Canceled, "nothing is durable")
		require.NoError(t, s.Sync(t.Context()))
		for _, kind := range []groupkit.EventKind{groupkit.GroupMuted, groupkit.GroupUnmuted} {
			e, err := one.Next(t.Context())
			require.NoError(t, err)
			require.Equal(t, kind, e.Kind)
		}
	}
	require.NoError(t, eng.System().MuteGroup(t.Context(), group))
	require.NoError(t, eng.Close())
	e, err := one.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, groupkit.GroupMuted, e.Kind)
	_, err = one.Next(t.Context())
	require.ErrorIs(t, err, groupkit.ErrClosed)
}

// A history ends with a crash that can have lost its end, and only with such a crash.
func TestNew_History(t *testing.T) {
	t.Parallel()
	t.Run("goes on after Close", func(t *testing.T) {
		t.Parallel()
		s := newRelaxedStore()
		require.NoError(t, newRelaxed(t, s, memblob.New()).Close())
		first := s.identity(t)
		require.NoError(t, s.Sync(t.Context()))
		require.False(t, s.identity(t).Open)
		require.NoError(t, newRelaxed(t, s, memblob.New()).Close())
		require.Equal(t, first.History, s.identity(t).History)
	})
	t.Run("ends with a crash", func(t *testing.T) {
		t.Parallel()
		s := newRelaxedStore()
		eng := newRelaxed(t, s, memblob.New())
		first := s.identity(t)
		require.True(t, first.Open)
		require.Equal(t, first.History, eng.History())
		grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "alice"})
		after := s.crash(t)
		second := newRelaxed(t, after, memblob.New())
		require.NotEqual(t, first.History, after.identity(t).History)
		require.Equal(t, after.identity(t).History, second.History())
		require.Equal(t, first.Database, after.identity(t).Database)
	})
	t.Run("ends with a crash, also if the next engine is not relaxed", func(t *testing.T) {
		t.Parallel()
		s := newRelaxedStore()
		newRelaxed(t, s, memblob.New())
		first, after := s.identity(t), s.crash(t)
		require.NoError(t, newRelaxed(t, struct{ store.Store }{after}, memblob.New()).Close())
		require.NoError(t, after.Sync(t.Context()))
		second := after.identity(t)
		require.NotEqual(t, first.History, second.History)
		require.False(t, second.Open)
		require.NoError(t, newRelaxed(t, struct{ store.Store }{after}, memblob.New()).Close())
		require.NoError(t, after.Sync(t.Context()))
		require.Equal(t, second, after.identity(t))
	})
	t.Run("ends if Close could not save", func(t *testing.T) {
		t.Parallel()
		s := newRelaxedStore()
		eng := newRelaxed(t, s, memblob.New())
		s.fails = errors.New("full")
		require.NoError(t, eng.Close(), "the store does not say so")
		id, err := record.DecodeIdentity([]byte(grouptest.DumpStore(t, s.Store)[string(key.Identity())]))
		require.NoError(t, err)
		require.True(t, id.Open)
	})
	t.Run("ends beside foreign contents", func(t *testing.T) {
		t.Parallel()
		s, blobs := grouptest.NewDataset(t), (&record.ContentsMark{Database: "another"}).Encode()
		before, err := record.DecodeIdentity(s.Get(t, key.Identity()))
		require.NoError(t, err)
		require.NoError(t, s.Blobs.Put(t.Context(), grouptest.ContentsMark, strings.NewReader(string(blobs))))
		s.Reopen(t)
		after, err := record.DecodeIdentity(s.Get(t, key.Identity()))
		require.NoError(t, err)
		require.NotEqual(t, before.History, after.History)
		require.Equal(t, after.History, s.Engine.History())
		require.Equal(t, before.Opening, after.Opening, "nothing is counted")
		require.Equal(t, before.Database, after.Database)
	})
}
