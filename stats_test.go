package groupkit_test

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/sharedmem"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

func TestEngine_Stats(t *testing.T) {
	t.Parallel()
	grouptest.NeedsOwnStore(t, "it has no cache, and functions run again")
	eng, clock := grouptest.Setup(t, groupkit.Options{})
	ctx := t.Context()
	opened := clock.Now().UTC().Truncate(time.Millisecond)
	require.Equal(t, groupkit.Stats{}, (*groupkit.Engine)(nil).Stats())
	before := eng.Stats()
	require.Equal(t, opened, before.Opened)
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: grouptest.IDs{"bob"}})
	clock.Advance(time.Minute)

	t.Run("updates are those that succeeded", func(t *testing.T) {
		require.NoError(t, eng.System().AddMember(ctx, id, "carol"))
		require.Error(t, eng.System().AddMember(ctx, id, "carol"))
		s := eng.Stats()
		require.Equal(t, clock.Now().UTC().Truncate(time.Millisecond), s.At)
		require.Equal(t, before.Updates.Durations.Count+2, s.Updates.Durations.Count)
		require.Zero(t, s.Updates.Running)
	})
	t.Run("the cache counts from the first call on", func(t *testing.T) {
		require.NoError(t, eng.As("bob").MaySpeak(ctx, id))
		for range 5 {
			require.NoError(t, eng.As("bob").MaySpeak(ctx, id))
			require.ErrorIs(t, eng.As("nobody").MaySpeak(ctx, id), groupkit.ErrGroupNotFound)
		}
		c := eng.Stats().Cache
		require.Equal(t, []uint64{9, 2}, []uint64{c.Hits, c.Misses})
		require.Equal(t, []uint64{3, 1}, []uint64{c.ErrorHits, c.ErrorMisses})
		require.EqualValues(t, 3*8, c.Used)
		require.LessOrEqual(t, c.Used, c.Size)
		require.LessOrEqual(t, c.Size, c.Most)
	})
	t.Run("followers", func(t *testing.T) {
		one, err := eng.System().Follow(ctx, id, groupkit.Latest())
		require.NoError(t, err)
		all, err := eng.System().FollowAll(ctx, groupkit.Latest())
		require.NoError(t, err)
		require.Equal(t, groupkit.FollowerStats{Followers: 2, Feeds: 2}, eng.Stats().Followers)
		for range 600 { // more than a feed keeps
			require.NoError(t, eng.As("alice").MuteGroup(ctx, id))
			require.NoError(t, eng.As("alice").UnmuteGroup(ctx, id))
		}
		_, err = one.Next(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 1, eng.Stats().Followers.Missed)
		one.Close()
		all.Close()
		require.Equal(t, groupkit.FollowerStats{Missed: 1}, eng.Stats().Followers)
	})
	t.Run("an upload that runs", func(t *testing.T) {
		r, w := io.Pipe()
		done := make(chan error)
		go func() { done <- grouptest.ErrorOf(eng.As("bob").UploadFile(context.Background(), id, "a.txt", r)) }()
		_, err := w.Write([]byte("a"))
		require.NoError(t, err)
		require.Equal(t, 1, eng.Stats().Work.Uploads)
		require.NoError(t, w.Close())
		require.NoError(t, <-done)
		require.Equal(t, groupkit.WorkStats{Caring: true}, eng.Stats().Work)
	})
}

// Stats neither waits for a transaction that is running, nor for one that waits, and counts both.
func TestEngine_Stats_Running(t *testing.T) {
	t.Parallel()
	for _, on := range []string{"memory", "bbolt"} {
		synctest.Test(t, func(t *testing.T) {
			eng := openOn(t, on)
			hold := make(chan struct{})
			var all sync.WaitGroup
			all.Go(func() { _ = eng.Atomic(context.Background(), func(*groupkit.Tx) error { <-hold; return nil }) })
			synctest.Wait()
			for range 2 {
				all.Go(func() {
					_ = grouptest.ErrorOf(eng.System().CreateGroup(context.Background(), groupkit.NewGroup{Name: "x", Owner: "alice"}))
				})
			}
			synctest.Wait()
			s := eng.Stats()
			require.Equal(t, 3, s.Updates.Running, on)
			require.Equal(t, 2, *s.Store.Waiting, on)
			close(hold)
			all.Wait()
			synctest.Wait()
			s = eng.Stats()
			require.Zero(t, s.Updates.Running)
			require.Zero(t, *s.Store.Waiting)
			require.NoError(t, eng.Close())
			closed := eng.Stats()
			require.Equal(t, on, closed.Store.Kind)
			require.GreaterOrEqual(t, closed.Updates.Durations.Count, s.Updates.Durations.Count)
		})
	}
}

func openOn(t *testing.T, on string) *groupkit.Engine {
	t.Helper()
	open := func() (*groupkit.Engine, error) { return groupkit.New(memstore.New(), memblob.New(), nil) }
	if on == "bbolt" {
		open = func() (*groupkit.Engine, error) { return groupkit.Open(filepath.Join(t.TempDir(), "guilds.db"), nil) }
	}
	eng, err := open()
	require.NoError(t, err)
	synctest.Wait()
	return eng
}

// Counting walks over all groups, in several transactions, and its result has an age.
func TestOptions_CountEvery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		eng, err := groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{CountEvery: time.Hour, Limits: groupkit.Limits{JoinedGroups: 1000}})
		require.NoError(t, err)
		synctest.Wait()
		begun := time.Now().UTC()
		require.Equal(t, groupkit.Counts{At: begun}, *eng.Stats().Counts)
		ctx := t.Context()
		require.NoError(t, eng.Atomic(ctx, func(tx *groupkit.Tx) error {
			for i := range 600 {
				id := groupkit.GroupID(fmt.Sprintf("g%03d", i))
				if err := grouptest.ErrorOf(tx.System().CreateGroup(ctx, groupkit.NewGroup{ID: id, Name: "x", Public: i%2 == 0, MembersOnly: true, Owner: "alice", Members: grouptest.IDs{"bob"}})); err != nil {
					return err
				}
			}
			return nil
		}))
		require.NoError(t, eng.System().DeleteGroup(ctx, "g000"))
		require.NoError(t, grouptest.ErrorOf(eng.As("carol").Join(ctx, "g002")))
		require.NoError(t, grouptest.ErrorOf(eng.As("alice").Invite(ctx, "g001", "carol")))
		require.NoError(t, grouptest.ErrorOf(eng.As("alice").UploadFile(ctx, "g001", "a", strings.NewReader("a"))))
		require.Equal(t, groupkit.Counts{At: begun}, *eng.Stats().Counts, "an hour has not passed")
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, groupkit.Counts{
			Groups: 599, Public: 299, Memberships: 1198, Files: 1, Requests: 1, Invitations: 1, At: begun.Add(time.Hour),
		}, *eng.Stats().Counts)
		require.NoError(t, eng.Close())
	})
}

// Without the option nothing is counted.
func TestOptions_CountEvery_None(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		eng, err := groupkit.New(memstore.New(), memblob.New(), nil)
		require.NoError(t, err)
		time.Sleep(1000 * time.Hour)
		require.Nil(t, eng.Stats().Counts)
		require.NoError(t, eng.Close())
	})
	_, err := groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{CountEvery: -1})
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	require.ErrorContains(t, err, "Options.CountEvery")
}

// What a shared store has, and where the work is done, is told by the engine that does it.
func TestEngine_Stats_Shared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data := sharedmem.New(sharedmem.Options{Numbers: true})
		blobs := memblob.New()
		var all []*groupkit.Engine
		for range 2 {
			eng, err := groupkit.New(data.Open(), grouptest.KeptBlobs{Blobs: blobs}, nil)
			require.NoError(t, err)
			all = append(all, eng)
			time.Sleep(time.Second)
		}
		id := grouptest.CreateGroup(t, all[0], groupkit.NewGroup{})
		r, w := io.Pipe()
		done := make(chan error)
		go func() { done <- grouptest.ErrorOf(all[1].As("alice").UploadFile(context.Background(), id, "a", r)) }()
		time.Sleep(20 * time.Second)
		one, two := all[0].Stats(), all[1].Stats()
		require.Nil(t, one.Cache)
		require.Equal(t, []bool{true, false}, []bool{one.Work.Caring, two.Work.Caring})
		require.Equal(t, groupkit.Pending{Uploads: 1}, one.Work.Pending)
		require.Equal(t, one.Work.Pending, two.Work.Pending)
		require.Equal(t, []int{0, 1}, []int{one.Work.Uploads, two.Work.Uploads})
		require.NotNil(t, one.Store.Reruns)
		require.NoError(t, w.Close())
		require.NoError(t, <-done)
		for _, eng := range all {
			require.NoError(t, eng.Close())
		}
	})
}
