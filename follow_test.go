package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// announce changes the group once.
func announce(t require.TestingT, s *grouptest.Fixture, text string) {
	require.NoError(t, s.Engine.As("alice").SetAnnouncement(context.Background(), s.ID, text))
}

// follow follows the group from now on.
func follow(t testing.TB, s *grouptest.Fixture, u groupkit.UserID) *groupkit.Follower {
	t.Helper()
	sub, err := grouptest.ActorOf(s.Engine, u).Follow(context.Background(), s.ID, groupkit.Latest())
	require.NoError(t, err)
	t.Cleanup(sub.Close)
	return sub
}

// next is the next event, which is there or comes.
func next(t require.TestingT, sub *groupkit.Follower) groupkit.Event {
	e, err := sub.Next(context.Background())
	require.NoError(t, err)
	return e
}

func TestFollower_BeginsAfterTheVersionItSays(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	sub := follow(t, s, "alice")
	require.Equal(t, s.Group(t).Version, sub.Position().Version)
	announce(t, s, "one")
	announce(t, s, "two")
	_, log := s.State(t)
	for i := range 2 {
		after := sub.Position().Version
		e := next(t, sub)
		require.Equal(t, after+1, e.Version)
		require.Equal(t, e.Version, sub.Position().Version)
		require.Equal(t, log[len(log)-2+i], e, "the event is that of the log")
	}
}

// Writers side by side: every follower gets everything once, in order.
func TestFollower_InOrderUnderConcurrentWriters(t *testing.T) {
	const writers, calls = 64, 8
	onEveryStore(t, func(t *testing.T, s *grouptest.Fixture) {
		other := grouptest.CreateGroup(t, s.Engine, groupkit.NewGroup{ID: "other"})
		groups := []groupkit.GroupID{s.ID, other}
		all, err := s.Engine.System().FollowAll(t.Context(), groupkit.Latest())
		require.NoError(t, err)
		defer all.Close()
		one := follow(t, s, "bob")
		start := map[groupkit.GroupID]uint64{}
		for _, id := range groups {
			g, err := s.Engine.System().Group(t.Context(), id)
			require.NoError(t, err)
			start[id] = g.Version
		}
		var fns []func()
		for w := range writers {
			fns = append(fns, func() {
				for i := range calls {
					if err := s.Engine.System().SetAnnouncement(context.Background(), groups[(w+i)%2], fmt.Sprint(w, i)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		grouptest.Concurrently(fns...)
		for range writers * calls {
			e := next(t, all)
			require.Equal(t, start[e.Group]+1, e.Version)
			start[e.Group] = e.Version
		}
		for range writers * calls / 2 {
			after := one.Position().Version
			require.Equal(t, after+1, next(t, one).Version)
		}
		require.Equal(t, s.Group(t).Version, one.Position().Version)
	})
}

// Nobody hears of an event before it is durable.
func TestFollower_NotBeforeDurability(t *testing.T) {
	t.Parallel()
	st := &slowStore{Store: memstore.New()}
	s := grouptest.NewFixtureOver(t, st, memblob.New(), groupkit.Options{})
	sub := follow(t, s, "alice")
	all, err := s.Engine.System().FollowAll(t.Context(), groupkit.Latest())
	require.NoError(t, err)
	defer all.Close()
	hold, held := st.keep()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Engine.As("alice").MuteGroup(context.Background(), s.ID)
	}()
	<-held // committed, and not told yet
	requireSilent(t, sub)
	requireSilent(t, all)
	close(hold)
	<-done
	require.Equal(t, groupkit.GroupMuted, next(t, sub).Kind)
	require.Equal(t, groupkit.GroupMuted, next(t, all).Kind)
}

// requireSilent is about a follower with nothing to give.
func requireSilent(t *testing.T, sub *groupkit.Follower) {
	t.Helper()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := sub.Next(ended)
	require.ErrorIs(t, err, context.Canceled)
}

// A slowStore keeps the answer of one Update back.
type slowStore struct {
	store.Store
	next atomic.Pointer[[2]chan struct{}]
}

func (s *slowStore) Exclusive() bool { return true }

// keep has the answer of the next Update kept back until hold is closed; held tells
// when it is.
func (s *slowStore) keep() (hold, held chan struct{}) {
	hold, held = make(chan struct{}), make(chan struct{})
	s.next.Store(&[2]chan struct{}{hold, held})
	return hold, held
}

func (s *slowStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	err := s.Store.Update(ctx, fn)
	if kept := s.next.Swap(nil); kept != nil {
		close(kept[1])
		<-kept[0]
	}
	return err
}

// The call whose commit came second is told of it first: it brings what it overtook.
func TestFollower_OvertakenAnswers(t *testing.T) {
	t.Parallel()
	st := &slowStore{Store: memstore.New()}
	s := grouptest.NewFixtureOver(t, st, memblob.New(), groupkit.Options{})
	sub := follow(t, s, "alice")
	hold, held := st.keep()
	var all sync.WaitGroup
	all.Go(func() { _ = s.Engine.As("alice").MuteGroup(context.Background(), s.ID) })
	<-held
	announce(t, s, "I am first")
	after := sub.Position().Version
	require.Equal(t, groupkit.GroupMuted, next(t, sub).Kind)
	require.Equal(t, groupkit.AnnouncementChanged, next(t, sub).Kind)
	require.Equal(t, after+2, sub.Position().Version)
	close(hold)
	all.Wait()
	requireSilent(t, sub)
}

// What was refused, undone, or failed, nobody hears of.
func TestFollower_NothingOfWhatFailed(t *testing.T) {
	t.Parallel()
	st := &grouptest.FailingStore{Store: grouptest.RunTwice(memstore.New())}
	s := grouptest.NewFixtureOver(t, st, memblob.New(), groupkit.Options{})
	ctx := t.Context()
	sub := follow(t, s, "alice")
	require.Error(t, s.Engine.As("carol").MuteGroup(ctx, s.ID))
	st.FailAfter(0)
	require.ErrorIs(t, s.Engine.As("alice").MuteGroup(ctx, s.ID), grouptest.ErrFailing)
	st.Recover()
	require.ErrorIs(t, s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
		require.NoError(t, tx.As("alice").MuteGroup(ctx, s.ID))
		return errUndo
	}), errUndo)
	requireSilent(t, sub)
	announce(t, s, "at last")
	require.Equal(t, groupkit.AnnouncementChanged, next(t, sub).Kind)
}

// One that falls behind reads the log, and misses nothing.
func TestFollower_Slow(t *testing.T) {
	t.Parallel()
	for _, behind := range []int{1023, 1024, 1025, 1500, 2500} {
		t.Run(fmt.Sprint(behind), func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewFixture(t, groupkit.Options{})
			one, all := follow(t, s, "alice"), followAll(t, s.Engine)
			first := one.Position().Version + 1
			for i := range behind {
				announce(t, s, fmt.Sprint(i))
			}
			for i := range behind {
				require.Equal(t, first+uint64(i), next(t, one).Version)
				require.Equal(t, first+uint64(i), next(t, all).Version)
			}
			requireSilent(t, one)
			requireSilent(t, all)
			announce(t, s, "and on")
			require.Equal(t, first+uint64(behind), next(t, one).Version)
			require.Equal(t, first+uint64(behind), next(t, all).Version)
		})
	}
}

func TestActor_FollowAll(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	_, err := s.Engine.As("alice").FollowAll(t.Context(), groupkit.Latest())
	require.ErrorIs(t, err, groupkit.ErrSystemOnly)
	_, err = s.Engine.As("\x00").FollowAll(t.Context(), groupkit.Latest())
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	sub, err := s.Engine.System().FollowAll(t.Context(), groupkit.Latest())
	require.NoError(t, err)
	defer sub.Close()
	id := grouptest.CreateGroup(t, s.Engine, groupkit.NewGroup{})
	announce(t, s, "hear me")
	require.NoError(t, s.Engine.System().DeleteGroup(t.Context(), id))
	for _, kind := range []groupkit.EventKind{groupkit.GroupCreated, groupkit.MemberJoined, groupkit.AnnouncementChanged, groupkit.GroupDeleted} {
		require.Equal(t, kind, next(t, sub).Kind)
	}
	requireSilent(t, sub)
}

func TestFollower_All(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	sub := follow(t, s, "")
	for i := range 1030 {
		announce(t, s, fmt.Sprint(i))
	}
	require.NoError(t, s.Engine.As("alice").DeleteGroup(t.Context(), s.ID))
	events, last := 0, error(nil)
	for _, err := range sub.All(t.Context()) {
		if last = err; err == nil {
			events++
		}
	}
	require.Equal(t, 1031, events)
	require.ErrorIs(t, last, groupkit.ErrGroupNotFound)
}

// Many follow, one of them never reads: the writers are not held up, and the others
// hear everything.
func TestFollower_OneNeverReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := grouptest.NewFixture(t, groupkit.Options{})
		const followers, events = 1000, 1500
		lazy := follow(t, s, "alice")
		first := lazy.Position().Version
		var heard atomic.Int64
		var all sync.WaitGroup
		for range followers {
			sub := follow(t, s, "bob")
			all.Go(func() {
				for range events {
					if e, err := sub.Next(context.Background()); err != nil || e.Version != sub.Position().Version {
						t.Error(e.Version, err)
						return
					}
					heard.Add(1)
				}
			})
		}
		for i := range events {
			announce(t, s, fmt.Sprint(i))
			if i%500 == 0 {
				time.Sleep(time.Second) // they are given time: it is the lazy one that is slow
			}
		}
		all.Wait()
		require.EqualValues(t, followers*events, heard.Load())
		for i := range uint64(events) {
			require.Equal(t, first+1+i, next(t, lazy).Version)
		}
	})
}

// What is heard is what the log says, of every call that there is.
func TestFollower_HearsWhatTheLogSays(t *testing.T) {
	t.Parallel()
	grouptest.EachVerb(t, groupkit.Options{}, func(t *testing.T, v *grouptest.Verb, s *grouptest.Fixture) {
		sub, err := s.Engine.System().FollowAll(t.Context(), groupkit.Latest())
		require.NoError(t, err)
		defer sub.Close()
		before := s.Group(t).Version
		require.NoError(t, grouptest.ErrorOf(v.Do(s)))
		require.NoError(t, grouptest.ErrorOf(s.Engine.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "end", Name: "n", Owner: "alice"})))
		heard := map[groupkit.GroupID][]groupkit.Event{}
		for e := next(t, sub); e.Group != "end"; e = next(t, sub) {
			if e.Kind != groupkit.Checkpoint {
				heard[e.Group] = append(heard[e.Group], e)
			}
		}
		for id, events := range heard {
			log, err := grouptest.Collect(s.Engine.System().Events(t.Context(), id, events[0].Version))
			require.NoError(t, err)
			if v.Op != groupkit.OpForgetUser { // which then takes the name out of the log
				require.Equal(t, log, events)
			}
			require.Len(t, events, len(log))
		}
		if v.Op != groupkit.OpCreateGroup && v.Op != groupkit.OpUnmuteGroup {
			require.Equal(t, before+1, heard[s.ID][0].Version)
		}
	})
}

var errUndo = errors.New("undo")
