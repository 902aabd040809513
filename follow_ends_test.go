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

func TestActor_Follow_Refusals(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	private := grouptest.CreateGroup(t, s.Engine, groupkit.NewGroup{})
	for u, want := range map[groupkit.UserID]error{"ivan": groupkit.ErrNotMember, "mallory": groupkit.ErrBlacklisted, " ": groupkit.ErrInvalid} {
		_, err := s.Engine.As(u).Follow(t.Context(), s.ID, groupkit.Latest())
		require.ErrorIs(t, err, want)
	}
	require.ErrorIs(t, grouptest.ErrorOf(s.Engine.As("ivan").Follow(t.Context(), private, groupkit.Latest())), groupkit.ErrGroupNotFound)
	require.ErrorIs(t, grouptest.ErrorOf(s.Engine.System().Follow(t.Context(), "none", groupkit.Latest())), groupkit.ErrGroupNotFound)
	require.NoError(t, s.Engine.System().DeleteGroup(t.Context(), private))
	require.ErrorIs(t, grouptest.ErrorOf(s.Engine.System().Follow(t.Context(), private, groupkit.Latest())), groupkit.ErrGroupNotFound)
}

// The event that ends the right to follow is the last one.
func TestFollower_EndsWithTheRole(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]struct {
		do   func(context.Context, *grouptest.Fixture) error
		want error
	}{
		"removed": {func(ctx context.Context, s *grouptest.Fixture) error {
			return s.Engine.As("alice").RemoveMember(ctx, s.ID, "bob")
		}, groupkit.ErrNotMember},
		"left": {func(ctx context.Context, s *grouptest.Fixture) error { return s.Engine.As("bob").Leave(ctx, s.ID) }, groupkit.ErrNotMember},
		"forgotten": {func(ctx context.Context, s *grouptest.Fixture) error {
			return s.Engine.System().ForgetUser(ctx, "bob", groupkit.ForgetOptions{Pseudonymize: true})
		}, groupkit.ErrNotMember},
		"blocked": {func(ctx context.Context, s *grouptest.Fixture) error {
			return grouptest.ErrorOf(s.Engine.As("alice").Block(ctx, s.ID, groupkit.Forever, "bob"))
		}, groupkit.ErrBlacklisted},
	} {
		for _, more := range []int{0, 3, 1500} { // events that come before it looks again
			t.Run(fmt.Sprint(name, " ", more), func(t *testing.T) {
				t.Parallel()
				s := grouptest.NewFixture(t, groupkit.Options{})
				sub := follow(t, s, "bob")
				announce(t, s, "while bob may")
				require.Equal(t, groupkit.AnnouncementChanged, next(t, sub).Kind)
				require.NoError(t, end.do(t.Context(), s))
				for i := range more {
					announce(t, s, fmt.Sprint("secret ", i))
				}
				last, err := groupkit.Event{}, error(nil)
				for err == nil {
					var e groupkit.Event
					if e, err = sub.Next(t.Context()); err == nil {
						require.NotEqual(t, groupkit.AnnouncementChanged, e.Kind)
						last = e
					}
				}
				if name != "forgotten" || more < 1500 { // the log that it would read names it no more
					require.Equal(t, groupkit.MemberLeft, last.Kind)
				}
				for range 3 {
					require.ErrorIs(t, err, end.want)
					_, ok := errors.AsType[*groupkit.Error](err)
					require.True(t, ok)
					_, err = sub.Next(t.Context())
				}
			})
		}
	}
}

// The event by which a plain member leaves is a call by itself. It ends following too, whoever waits.
func TestFollower_EndsForAPlainMember(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	sub := follow(t, s, "carol")
	announce(t, s, "while carol may")
	require.Equal(t, groupkit.AnnouncementChanged, next(t, sub).Kind)
	require.NoError(t, s.Engine.As("carol").Leave(t.Context(), s.ID))
	announce(t, s, "secret")
	e := next(t, sub)
	require.Equal(t, groupkit.MemberLeft, e.Kind)
	require.True(t, e.Last)
	_, err := sub.Next(t.Context())
	require.ErrorIs(t, err, groupkit.ErrNotMember)
}

// Who is appointed or dismissed begins anew, with what it may see then.
func TestFollower_RoleChanges(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	carol := follow(t, s, "carol")
	require.NoError(t, grouptest.ErrorOf(s.Engine.As("alice").Because("secret").Mute(t.Context(), s.ID, time.Hour, "dave")))
	require.NoError(t, s.Engine.As("alice").AddAdmin(t.Context(), s.ID, "carol"))
	before := carol.Position()
	e := next(t, carol)
	require.Equal(t, groupkit.AdminAdded, e.Kind)
	require.False(t, e.Last)
	require.Equal(t, before, carol.Position(), "whoever goes on from here begins anew, too")
	e = next(t, carol)
	snapshot, _ := s.State(t)
	require.Equal(t, snapshot, *e.Checkpoint)
	require.Equal(t, "secret", e.Checkpoint.Mutes[0].Reason)

	require.NoError(t, s.Engine.As("alice").RemoveAdmin(t.Context(), s.ID, "carol"))
	require.NoError(t, grouptest.ErrorOf(s.Engine.As("alice").Because("secret").Mute(t.Context(), s.ID, time.Hour, "ben")))
	require.Equal(t, groupkit.AdminRemoved, next(t, carol).Kind)
	e = next(t, carol)
	require.Equal(t, groupkit.Checkpoint, e.Kind)
	require.Empty(t, e.Checkpoint.Mutes)
	require.Equal(t, snapshot.Members[0], e.Checkpoint.Members[0])
	requireSilent(t, carol)
	require.Equal(t, s.Group(t).Version, carol.Position().Version)
}

// Who goes on from a position at which it had another role begins anew, too.
func TestFollower_RoleChangedMeanwhile(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ctx, alice := t.Context(), s.Engine.As("alice")
	require.NoError(t, grouptest.ErrorOf(alice.Mute(ctx, s.ID, time.Hour, "dave")))
	for mutes, change := range []func(context.Context, groupkit.GroupID, groupkit.UserID) error{alice.RemoveAdmin, alice.AddAdmin} {
		if mutes == 0 {
			require.NoError(t, alice.AddAdmin(ctx, s.ID, "carol"))
		}
		before := follow(t, s, "carol")
		before.Close()
		announce(t, s, fmt.Sprint("meanwhile ", mutes))
		require.NoError(t, change(ctx, s.ID, "carol"))
		carol, err := s.Engine.As("carol").Follow(ctx, s.ID, before.Position())
		require.NoError(t, err)
		defer carol.Close()
		require.Equal(t, groupkit.AnnouncementChanged, next(t, carol).Kind)
		require.False(t, next(t, carol).Last)
		e := next(t, carol)
		require.Equal(t, groupkit.Checkpoint, e.Kind)
		require.Len(t, e.Checkpoint.Mutes, mutes)
		requireSilent(t, carol)
	}
}

// Within an old owner's view, a transfer is a dismissal; an admin who becomes the owner sees the same as before.
func TestFollower_Transfer(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	alice, bob, carol := follow(t, s, "alice"), follow(t, s, "bob"), follow(t, s, "carol")
	require.NoError(t, s.Engine.As("alice").TransferGroup(t.Context(), s.ID, "bob"))
	for _, f := range []*groupkit.Follower{alice, bob, carol} {
		require.Equal(t, groupkit.AdminRemoved, next(t, f).Kind)
		e := next(t, f)
		require.Equal(t, groupkit.OwnerChanged, e.Kind)
		require.Equal(t, f == carol, e.Last)
	}
	require.Equal(t, groupkit.InvitationCancelled, next(t, alice).Kind)
	e := next(t, bob)
	require.Equal(t, groupkit.InvitationCancelled, e.Kind)
	require.True(t, e.Last)
	require.Equal(t, groupkit.Checkpoint, next(t, alice).Kind)
	requireSilent(t, bob)
	requireSilent(t, carol)
}

func TestFollower_EndsWithTheGroup(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	subs := []*groupkit.Follower{follow(t, s, ""), follow(t, s, "alice")}
	announce(t, s, "the end is near")
	require.NoError(t, s.Engine.As("alice").DeleteGroup(t.Context(), s.ID))
	for _, sub := range subs {
		require.Equal(t, groupkit.AnnouncementChanged, next(t, sub).Kind)
		require.Equal(t, groupkit.GroupDeleted, next(t, sub).Kind)
		for range 2 {
			_, err := sub.Next(t.Context())
			require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
		}
	}
}

// The end of a context, or a store that fails, ends one wait, and nothing else.
func TestFollower_GoesOnAfterAnError(t *testing.T) {
	t.Parallel()
	st := &unreadableStore{Store: memstore.New()}
	s := grouptest.NewFixtureOver(t, st, memblob.New(), groupkit.Options{})
	sub, err := s.Engine.As("bob").Follow(t.Context(), s.ID, groupkit.Position{})
	require.NoError(t, err)
	defer sub.Close()
	st.failing.Store(true)
	_, err = sub.Next(t.Context())
	require.ErrorIs(t, err, grouptest.ErrFailing)
	require.ErrorIs(t, err, groupkit.ErrStorage)
	st.failing.Store(false)
	for sub.Position().Version < s.Group(t).Version {
		next(t, sub)
	}
	requireSilent(t, sub)
	announce(t, s, "and on")
	require.Equal(t, groupkit.AnnouncementChanged, next(t, sub).Kind)
}

// An unreadableStore fails Views.
type unreadableStore struct {
	store.Store
	failing atomic.Bool
}

func (s *unreadableStore) View(ctx context.Context, fn func(store.Reader) error) error {
	if s.failing.Load() {
		return grouptest.ErrFailing
	}
	return s.Store.View(ctx, fn)
}

func TestFollower_WaitEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := grouptest.NewFixture(t, groupkit.Options{})
		sub := follow(t, s, "bob")
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		_, err := sub.Next(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Hour, time.Since(began))
		go func() {
			time.Sleep(time.Minute)
			announce(t, s, "hear me")
		}()
		require.Equal(t, groupkit.AnnouncementChanged, next(t, sub).Kind)
	})
}

func TestFollower_Close(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	sub, other := follow(t, s, "alice"), follow(t, s, "alice")
	announce(t, s, "unheard")
	sub.Close()
	sub.Close()
	_, err := sub.Next(t.Context())
	require.ErrorIs(t, err, groupkit.ErrClosed)
	require.Equal(t, groupkit.AnnouncementChanged, next(t, other).Kind, "others go on")
	other.Close()
	again := follow(t, s, "alice")
	announce(t, s, "heard")
	require.Equal(t, groupkit.AnnouncementChanged, next(t, again).Kind)
}

func TestFollower_EngineCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		eng, err := groupkit.New(memstore.New(), memblob.New(), nil)
		require.NoError(t, err)
		s := grouptest.NewFixtureOn(t, eng, grouptest.NewClock())
		var waiting sync.WaitGroup
		for _, u := range (grouptest.IDs{"", "alice", "bob"}) {
			sub := follow(t, s, u)
			waiting.Go(func() {
				_, err := sub.Next(context.Background())
				if !errors.Is(err, groupkit.ErrClosed) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		require.NoError(t, eng.Close())
		waiting.Wait()
		_, err = eng.As("alice").Follow(t.Context(), s.ID, groupkit.Latest())
		require.ErrorIs(t, err, groupkit.ErrClosed)
	})
}
