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
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// announce changes the group once.
func announce(t require.TestingT, s *stage, text string) {
	require.NoError(t, s.eng.As("alice").SetAnnouncement(context.Background(), s.id, text))
}

// follow subscribes to the group.
func follow(t testing.TB, s *stage, u groupkit.UserID) *groupkit.Subscription {
	t.Helper()
	sub, err := by(s.eng, u).Subscribe(context.Background(), s.id)
	require.NoError(t, err)
	t.Cleanup(sub.Close)
	return sub
}

// next is the next event, which is there or comes.
func next(t require.TestingT, sub *groupkit.Subscription) groupkit.Event {
	e, err := sub.Next(context.Background())
	require.NoError(t, err)
	return e
}

func TestSubscription_BeginsAfterTheVersionItSays(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	sub := follow(t, s, "alice")
	require.Equal(t, s.group(t).Version, sub.After())
	announce(t, s, "one")
	announce(t, s, "two")
	_, log := s.whole(t)
	for i := range 2 {
		after := sub.After()
		e := next(t, sub)
		require.Equal(t, after+1, e.Version)
		require.Equal(t, e.Version, sub.After())
		require.Equal(t, log[len(log)-2+i], e, "the event is that of the log")
	}
}

// Writers side by side: every subscriber hears everything once, in order.
func TestSubscription_InOrderUnderConcurrentWriters(t *testing.T) {
	const writers, calls = 64, 8
	onEveryStore(t, func(t *testing.T, s *stage) {
		other := group(t, s.eng, groupkit.NewGroup{ID: "other"})
		groups := []groupkit.GroupID{s.id, other}
		all, err := s.eng.System().SubscribeAll(t.Context())
		require.NoError(t, err)
		defer all.Close()
		one := follow(t, s, "bob")
		start := map[groupkit.GroupID]uint64{}
		for _, id := range groups {
			g, err := s.eng.System().Group(t.Context(), id)
			require.NoError(t, err)
			start[id] = g.Version
		}
		var fns []func()
		for w := range writers {
			fns = append(fns, func() {
				for i := range calls {
					if err := s.eng.System().SetAnnouncement(context.Background(), groups[(w+i)%2], fmt.Sprint(w, i)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		atOnce(fns...)
		for range writers * calls {
			e := next(t, all)
			require.Equal(t, start[e.Group]+1, e.Version)
			start[e.Group] = e.Version
		}
		for range writers * calls / 2 {
			after := one.After()
			require.Equal(t, after+1, next(t, one).Version)
		}
		require.Equal(t, s.group(t).Version, one.After())
	})
}

// Nobody hears of an event before it is durable.
func TestSubscription_NotBeforeDurability(t *testing.T) {
	t.Parallel()
	st := &slowStore{Store: memstore.New()}
	s := stagedOn(t, st, memblob.New(), groupkit.Options{})
	sub := follow(t, s, "alice")
	all, err := s.eng.System().SubscribeAll(t.Context())
	require.NoError(t, err)
	defer all.Close()
	hold, held := st.keep()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.eng.As("alice").MuteGroup(context.Background(), s.id)
	}()
	<-held // committed, and not told yet
	requireSilent(t, sub)
	requireSilent(t, all)
	close(hold)
	<-done
	require.Equal(t, groupkit.GroupMuted, next(t, sub).Kind)
	require.Equal(t, groupkit.GroupMuted, next(t, all).Kind)
}

// requireSilent is about a subscription with nothing to hear.
func requireSilent(t *testing.T, sub *groupkit.Subscription) {
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
func TestSubscription_OvertakenAnswers(t *testing.T) {
	t.Parallel()
	st := &slowStore{Store: memstore.New()}
	s := stagedOn(t, st, memblob.New(), groupkit.Options{})
	sub := follow(t, s, "alice")
	hold, held := st.keep()
	var all sync.WaitGroup
	all.Go(func() { _ = s.eng.As("alice").MuteGroup(context.Background(), s.id) })
	<-held
	announce(t, s, "I am first")
	after := sub.After()
	require.Equal(t, groupkit.GroupMuted, next(t, sub).Kind)
	require.Equal(t, groupkit.AnnouncementChanged, next(t, sub).Kind)
	require.Equal(t, after+2, sub.After())
	close(hold)
	all.Wait()
	requireSilent(t, sub)
}

// What was refused, undone, or failed, nobody hears of.
func TestSubscription_NothingOfWhatFailed(t *testing.T) {
	t.Parallel()
	st := &failingStore{Store: runTwice(memstore.New())}
	s := stagedOn(t, st, memblob.New(), groupkit.Options{})
	ctx := t.Context()
	sub := follow(t, s, "alice")
	require.Error(t, s.eng.As("carol").MuteGroup(ctx, s.id))
	st.failAfter(0)
	require.ErrorIs(t, s.eng.As("alice").MuteGroup(ctx, s.id), errFailing)
	st.recover()
	require.ErrorIs(t, s.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
		require.NoError(t, tx.As("alice").MuteGroup(ctx, s.id))
		return errUndo
	}), errUndo)
	requireSilent(t, sub)
	announce(t, s, "at last")
	require.Equal(t, groupkit.AnnouncementChanged, next(t, sub).Kind)
}

// One that is too slow is told what it missed, and catches up by the log.
func TestSubscription_Slow(t *testing.T) {
	t.Parallel()
	for _, behind := range []int{1023, 1024, 1025, 1500, 2500} {
		t.Run(fmt.Sprint(behind), func(t *testing.T) {
			t.Parallel()
			s := staged(t, groupkit.Options{})
			sub := follow(t, s, "alice")
			first := sub.After() + 1
			for i := range behind {
				announce(t, s, fmt.Sprint(i))
			}
			heard := catchUp(t, s, sub, behind > 1024)
			for i, e := range heard {
				require.Equal(t, first+uint64(i), e.Version)
			}
			require.Len(t, heard, behind)
			announce(t, s, "and on")
			require.Equal(t, first+uint64(behind), next(t, sub).Version)
		})
	}
}

// catchUp hears all that there is, with the help of the log.
func catchUp(t *testing.T, s *stage, sub *groupkit.Subscription, misses bool) (heard []groupkit.Event) {
	t.Helper()
	missed := 0
	for sub.After() < s.group(t).Version {
		e, err := sub.Next(t.Context())
		m, ok := errors.AsType[*groupkit.MissedError](err)
		if !ok {
			require.NoError(t, err)
			heard = append(heard, e)
			continue
		}
		missed++
		require.ErrorIs(t, err, groupkit.ErrMissed)
		require.Equal(t, s.id, m.Group)
		require.Contains(t, m.Error(), fmt.Sprint("from version ", m.From))
		for e, err := range upTo(s.eng.As("alice").Events(t.Context(), s.id, m.From), sub.After()) {
			require.NoError(t, err)
			heard = append(heard, e)
		}
	}
	require.Equal(t, misses, missed == 1)
	return heard
}

// A subscription to all groups that is too slow cannot say what of which group.
func TestSubscription_SlowToAll(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	sub, err := s.eng.System().SubscribeAll(t.Context())
	require.NoError(t, err)
	defer sub.Close()
	for i := range 1100 {
		announce(t, s, fmt.Sprint(i))
	}
	_, err = sub.Next(t.Context())
	require.ErrorIs(t, err, groupkit.ErrMissed)
	m, ok := errors.AsType[*groupkit.MissedError](err)
	require.True(t, ok)
	require.Equal(t, groupkit.MissedError{}, *m)
	for want := s.group(t).Version - 1023; want <= s.group(t).Version; want++ {
		require.Equal(t, want, next(t, sub).Version)
	}
	requireSilent(t, sub)
}

func TestActor_SubscribeAll(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	_, err := s.eng.As("alice").SubscribeAll(t.Context())
	require.ErrorIs(t, err, groupkit.ErrSystemOnly)
	_, err = s.eng.As("\x00").SubscribeAll(t.Context())
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	sub, err := s.eng.System().SubscribeAll(t.Context())
	require.NoError(t, err)
	defer sub.Close()
	id := group(t, s.eng, groupkit.NewGroup{})
	announce(t, s, "hear me")
	require.NoError(t, s.eng.System().DeleteGroup(t.Context(), id))
	for _, kind := range []groupkit.EventKind{groupkit.GroupCreated, groupkit.MemberJoined, groupkit.AnnouncementChanged, groupkit.GroupDeleted} {
		require.Equal(t, kind, next(t, sub).Kind)
	}
	requireSilent(t, sub)
}

func TestActor_Subscribe_Refusals(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	private := group(t, s.eng, groupkit.NewGroup{})
	for u, want := range map[groupkit.UserID]error{"carol": groupkit.ErrRoleTooLow, "ivan": groupkit.ErrNotMember, "mallory": groupkit.ErrBlacklisted, " ": groupkit.ErrInvalid} {
		_, err := s.eng.As(u).Subscribe(t.Context(), s.id)
		require.ErrorIs(t, err, want)
	}
	require.ErrorIs(t, second(s.eng.As("ivan").Subscribe(t.Context(), private)), groupkit.ErrGroupNotFound)
	require.ErrorIs(t, second(s.eng.System().Subscribe(t.Context(), "none")), groupkit.ErrGroupNotFound)
	require.NoError(t, s.eng.System().DeleteGroup(t.Context(), private))
	require.ErrorIs(t, second(s.eng.System().Subscribe(t.Context(), private)), groupkit.ErrGroupNotFound)
}

// Who may not read the log any more hears no more of it.
func TestSubscription_EndsWithTheRole(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]struct {
		do   func(context.Context, *stage) error
		want error
	}{
		"demoted": {func(ctx context.Context, s *stage) error { return s.eng.As("alice").RemoveAdmin(ctx, s.id, "bob") }, groupkit.ErrRoleTooLow},
		"removed": {func(ctx context.Context, s *stage) error { return s.eng.As("alice").RemoveMember(ctx, s.id, "bob") }, groupkit.ErrNotMember},
		"left":    {func(ctx context.Context, s *stage) error { return s.eng.As("bob").Leave(ctx, s.id) }, groupkit.ErrNotMember},
		"forgotten": {func(ctx context.Context, s *stage) error {
			return s.eng.System().ForgetUser(ctx, "bob", groupkit.ForgetOptions{Pseudonymize: true})
		}, groupkit.ErrNotMember},
		"blocked": {func(ctx context.Context, s *stage) error {
			return second(s.eng.As("alice").Block(ctx, s.id, groupkit.Forever, "bob"))
		}, groupkit.ErrBlacklisted},
	} {
		for _, more := range []int{0, 3, 1500} { // events that come before it looks again
			t.Run(fmt.Sprint(name, " ", more), func(t *testing.T) {
				t.Parallel()
				s := staged(t, groupkit.Options{})
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
	s := staged(t, groupkit.Options{})
	sub := follow(t, s, "bob")
	require.NoError(t, s.eng.As("alice").RemoveAdmin(t.Context(), s.id, "bob"))
	require.NoError(t, s.eng.As("alice").AddAdmin(t.Context(), s.id, "bob"))
	require.Equal(t, groupkit.AdminRemoved, next(t, sub).Kind)
	require.Equal(t, groupkit.AdminAdded, next(t, sub).Kind)
}

// An old owner follows no longer, a new one may.
func TestSubscription_Transfer(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	sub := follow(t, s, "alice")
	require.NoError(t, s.eng.As("alice").TransferGroup(t.Context(), s.id, "carol"))
	_, err := sub.Next(t.Context())
	require.ErrorIs(t, err, groupkit.ErrRoleTooLow)
	follow(t, s, "carol")
}

func TestSubscription_EndsWithTheGroup(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	subs := []*groupkit.Subscription{follow(t, s, ""), follow(t, s, "alice")}
	announce(t, s, "the end is near")
	require.NoError(t, s.eng.As("alice").DeleteGroup(t.Context(), s.id))
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
	s := stagedOn(t, st, memblob.New(), groupkit.Options{})
	sub := follow(t, s, "bob")
	requireSilent(t, sub)
	require.NoError(t, s.eng.As("alice").RemoveAdmin(t.Context(), s.id, "ben"))
	requireSilent(t, sub) // bob's role is to be looked up
	st.failing.Store(true)
	_, err := sub.Next(t.Context())
	require.ErrorIs(t, err, errFailing)
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
		return errFailing
	}
	return s.Store.View(ctx, fn)
}

func TestSubscription_WaitEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := staged(t, groupkit.Options{})
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
	s := staged(t, groupkit.Options{})
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
		s := act(t, eng, newClock())
		var waiting sync.WaitGroup
		for _, u := range (ids{"", "alice", "bob"}) {
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
		_, err = eng.As("alice").Subscribe(t.Context(), s.id)
		require.ErrorIs(t, err, groupkit.ErrClosed)
	})
}

func TestSubscription_All(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	sub := follow(t, s, "")
	for i := range 1030 {
		announce(t, s, fmt.Sprint(i))
	}
	require.NoError(t, s.eng.As("alice").DeleteGroup(t.Context(), s.id))
	events, missed, last := 0, 0, error(nil)
	for _, err := range sub.All(t.Context()) {
		switch {
		case err == nil:
			events++
		case errors.Is(err, groupkit.ErrMissed):
			missed++
		default:
			last = err
		}
	}
	require.Equal(t, []int{1024, 1}, []int{events, missed})
	require.ErrorIs(t, last, groupkit.ErrGroupNotFound)
}

// Many follow, one of them never reads: the writers are not held up, and the others
// hear everything.
func TestSubscription_OneNeverReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := staged(t, groupkit.Options{})
		const followers, events = 1000, 1500
		lazy := follow(t, s, "alice")
		first := lazy.After()
		var heard atomic.Int64
		var all sync.WaitGroup
		for range followers {
			sub := follow(t, s, "bob")
			all.Go(func() {
				for range events {
					if e, err := sub.Next(context.Background()); err != nil || e.Version != sub.After() {
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
		_, err := lazy.Next(t.Context())
		m, ok := errors.AsType[*groupkit.MissedError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, first+1, m.From)
		require.Equal(t, first+events-1024, lazy.After())
	})
}

// What is heard is what the log says, of every call that there is.
func TestSubscription_HearsWhatTheLogSays(t *testing.T) {
	t.Parallel()
	eachVerb(t, groupkit.Options{}, func(t *testing.T, v *deed, s *stage) {
		sub, err := s.eng.System().SubscribeAll(t.Context())
		require.NoError(t, err)
		defer sub.Close()
		before := s.group(t).Version
		require.NoError(t, second(v.do(s)))
		require.NoError(t, second(s.eng.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "end", Name: "n", Owner: "alice"})))
		heard := map[groupkit.GroupID][]groupkit.Event{}
		for e := next(t, sub); e.Group != "end"; e = next(t, sub) {
			heard[e.Group] = append(heard[e.Group], e)
		}
		for id, events := range heard {
			log, err := collect(s.eng.System().Events(t.Context(), id, events[0].Version))
			require.NoError(t, err)
			if v.op != groupkit.OpForgetUser { // which then takes the name out of the log
				require.Equal(t, log, events)
			}
			require.Len(t, events, len(log))
		}
		if v.op != groupkit.OpCreateGroup && v.op != groupkit.OpUnmuteGroup {
			require.Equal(t, before+1, heard[s.id][0].Version)
		}
	})
}
