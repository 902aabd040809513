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

func TestActor_Subscribe_Refusals(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	private := grouptest.CreateGroup(t, s.Engine, groupkit.NewGroup{})
	for u, want := range map[groupkit.UserID]error{"carol": groupkit.ErrRoleTooLow, "ivan": groupkit.ErrNotMember, "mallory": groupkit.ErrBlacklisted, " ": groupkit.ErrInvalid} {
		_, err := s.Engine.As(u).Subscribe(t.Context(), s.ID)
		require.ErrorIs(t, err, want)
	}
	require.ErrorIs(t, grouptest.ErrorOf(s.Engine.As("ivan").Subscribe(t.Context(), private)), groupkit.ErrGroupNotFound)
	require.ErrorIs(t, grouptest.ErrorOf(s.Engine.System().Subscribe(t.Context(), "none")), groupkit.ErrGroupNotFound)
	require.NoError(t, s.Engine.System().DeleteGroup(t.Context(), private))
	require.ErrorIs(t, grouptest.ErrorOf(s.Engine.System().Subscribe(t.Context(), private)), groupkit.ErrGroupNotFound)
}

// Who may not read the log any more hears no more of it.
func TestSubscription_EndsWithTheRole(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]struct {
		do   func(context.Context, *grouptest.Fixture) error
		want error
	}{
		"demoted": {func(ctx context.Context, s *grouptest.Fixture) error {
			return s.Engine.As("alice").RemoveAdmin(ctx, s.ID, "bob")
		}, groupkit.ErrRoleTooLow},
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
				sub, owner := follow(t, s, "bob"), follow(t, s, "alice")
				announce(t, s, "while bob may")
				require.Equal(t, groupkit.AnnouncementChanged, next(t, sub).Kind)
				require.NoError(t, end.do(t.Context(), s))
				for i := range more {
					announce(t, s, fmt.Sprint("secret ", i))
				}
				for range 3 {
					_, err := sub.Next(t.Context())
					require.ErrorIs(t, err, end.want)
					_, ok := errors.AsType[*groupkit.Error](err)
					require.True(t, ok)
				}
				_, err := owner.Next(t.Context())
				require.Equal(t, more == 1500, errors.Is(err, groupkit.ErrMissed))
			})
		}
	}
}

// A role that has come back by the time the subscriber looks has not ended for it.
func TestSubscription_RoleComesBack(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	sub := follow(t, s, "bob")
	require.NoError(t, s.Engine.As("alice").RemoveAdmin(t.Context(), s.ID, "bob"))
	require.NoError(t, s.Engine.As("alice").AddAdmin(t.Context(), s.ID, "bob"))
	require.Equal(t, groupkit.AdminRemoved, next(t, sub).Kind)
	require.Equal(t, groupkit.AdminAdded, next(t, sub).Kind)
}

// An old owner follows no longer, a new one may.
func TestSubscription_Transfer(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	sub := follow(t, s, "alice")
	require.NoError(t, s.Engine.As("alice").TransferGroup(t.Context(), s.ID, "carol"))
	_, err := sub.Next(t.Context())
	require.ErrorIs(t, err, groupkit.ErrRoleTooLow)
	follow(t, s, "carol")
}

func TestSubscription_EndsWithTheGroup(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	subs := []*groupkit.Subscription{follow(t, s, ""), follow(t, s, "alice")}
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
func TestSubscription_GoesOnAfterAnError(t *testing.T) {
	t.Parallel()
	st := &unreadableStore{Store: memstore.New()}
	s := grouptest.NewFixtureOver(t, st, memblob.New(), groupkit.Options{})
	sub := follow(t, s, "bob")
	requireSilent(t, sub)
	require.NoError(t, s.Engine.As("alice").RemoveAdmin(t.Context(), s.ID, "ben"))
	requireSilent(t, sub) // bob's role is to be looked up
	st.failing.Store(true)
	_, err := sub.Next(t.Context())
	require.ErrorIs(t, err, grouptest.ErrFailing)
	require.ErrorIs(t, err, groupkit.ErrStorage)
	st.failing.Store(false)
	require.Equal(t, groupkit.AdminRemoved, next(t, sub).Kind)
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

func TestSubscription_WaitEndsWithTheContext(t *testing.T) {
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

func TestSubscription_Close(t *testing.T) {
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

func TestSubscription_EngineCloses(t *testing.T) {
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
		_, err = eng.As("alice").Subscribe(t.Context(), s.ID)
		require.ErrorIs(t, err, groupkit.ErrClosed)
	})
}
