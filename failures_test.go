package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// What went wrong in other systems of groups, each as a test that it does not here.

// requireOneOwner is about the first invariant: one owner, a member, no admin.
func requireOneOwner(t require.TestingT, eng *groupkit.Engine, id groupkit.GroupID) groupkit.UserID {
	ctx := context.Background()
	g, err := eng.System().Group(ctx, id)
	require.NoError(t, err)
	members, err := collect(eng.System().Members(ctx, id))
	require.NoError(t, err)
	owners := slices.DeleteFunc(slices.Clone(members), func(m groupkit.Member) bool { return m.Role != groupkit.RoleOwner })
	require.Len(t, owners, 1)
	require.Equal(t, g.Owner, owners[0].User)
	require.Len(t, members, g.MemberCount)
	verified(t, eng)
	return g.Owner
}

func TestFailure_OwnerOrphanedByKick(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{BlockOutsiders: true, OwnerLeave: groupkit.OwnerSucceed})
	ctx := t.Context()
	for name, a := range map[string]groupkit.Actor{"system": s.eng.System(), "owner": s.eng.As("alice"), "admin": s.eng.As("bob")} {
		require.ErrorIs(t, a.RemoveMember(ctx, s.id, "alice"), groupkit.ErrOwner, name)
		require.ErrorIs(t, second(a.Block(ctx, s.id, time.Minute, "alice")), groupkit.ErrOwner, name)
		results, err := a.RemoveMembers(ctx, s.id, ids{"alice", "ivan", "alice"})
		require.ErrorIs(t, err, groupkit.ErrOwner, name)
		require.Empty(t, results.Done())
	}
	results, err := s.eng.System().RemoveMembers(ctx, s.id, ids{"bob", "alice"})
	require.NoError(t, err)
	require.Equal(t, ids{"bob"}, results.Done())
	require.EqualValues(t, "alice", requireOneOwner(t, s.eng, s.id))
}

func TestFailure_OwnerOrphanedByLeave(t *testing.T) {
	t.Parallel()
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		s := staged(t, groupkit.Options{})
		require.ErrorIs(t, s.eng.As("alice").Leave(t.Context(), s.id), groupkit.ErrOwner)
		require.EqualValues(t, "alice", requireOneOwner(t, s.eng, s.id))
	})
	t.Run("succeeded", func(t *testing.T) {
		t.Parallel()
		s := staged(t, groupkit.Options{OwnerLeave: groupkit.OwnerSucceed})
		for g := s.group(t); g.MemberCount > 1; g = s.group(t) {
			require.NoError(t, s.eng.As(g.Owner).Leave(t.Context(), s.id))
			require.NotEqual(t, g.Owner, requireOneOwner(t, s.eng, s.id))
		}
	})
}

func TestFailure_OwnerOrphanedByAccountDeletion(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	ctx, system := t.Context(), s.eng.System()
	require.ErrorIs(t, system.ForgetUser(ctx, "alice", groupkit.ForgetOptions{}), groupkit.ErrOwner)
	require.EqualValues(t, "alice", requireOneOwner(t, s.eng, s.id))
	require.NoError(t, system.ForgetUser(ctx, "alice", groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed}))
	require.EqualValues(t, "ben", requireOneOwner(t, s.eng, s.id), "of two admins since the same instant the first by id")
	require.NoError(t, system.ForgetUser(ctx, "ben", groupkit.ForgetOptions{Owned: groupkit.OwnedDelete}))
	require.ErrorIs(t, second(system.Group(ctx, s.id)), groupkit.ErrGroupNotFound)
	verified(t, s.eng)
}

// The new owner leaves, or is thrown out, while ownership passes to it.
func TestFailure_OwnerOrphanedByTransferRacingLeave(t *testing.T) {
	t.Parallel()
	eng, _ := setup(t, groupkit.Options{OwnerLeave: groupkit.OwnerRefuse})
	for i := range 100 {
		id := group(t, eng, groupkit.NewGroup{ID: groupkit.GroupID(fmt.Sprint(i)), Members: ids{"bob", "carol"}})
		atOnce(
			func() { _ = eng.As("alice").TransferGroup(context.Background(), id, "bob") },
			func() { _ = eng.As("bob").Leave(context.Background(), id) },
			func() { _ = eng.System().RemoveMember(context.Background(), id, "carol") },
			func() { _ = eng.System().TransferGroup(context.Background(), id, "carol") },
		)
		_, err := eng.System().Role(t.Context(), id, "bob")
		require.NoError(t, err)
		if i%20 == 0 {
			requireOneOwner(t, eng, id)
		}
	}
	verified(t, eng)
}

// atOnce runs functions side by side.
func atOnce(fns ...func()) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for _, fn := range fns {
		all.Go(func() {
			<-start
			fn()
		})
	}
	close(start)
	all.Wait()
}

func TestFailure_TwoOwners(t *testing.T) {
	t.Parallel()
	eng, _ := setup(t, groupkit.Options{})
	for i := range 50 {
		id := group(t, eng, groupkit.NewGroup{ID: groupkit.GroupID(fmt.Sprint(i)), Members: ids{"bob", "carol"}})
		var won [2]error
		atOnce(
			func() { won[0] = eng.As("alice").TransferGroup(context.Background(), id, "bob") },
			func() { won[1] = eng.As("alice").TransferGroup(context.Background(), id, "carol") },
		)
		require.True(t, (won[0] == nil) != (won[1] == nil), "%v", won)
		require.ErrorIs(t, errors.Join(won[:]...), groupkit.ErrRoleTooLow)
		require.Equal(t, won[0] == nil, requireOneOwner(t, eng, id) == "bob")
	}
}

func TestFailure_BanDroppedByKick(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	ctx, system := t.Context(), s.eng.System()
	require.ErrorIs(t, system.RemoveMember(ctx, s.id, "mallory"), groupkit.ErrNotMember)
	_, err := system.RemoveMembers(ctx, s.id, ids{"mallory", "carol"})
	require.NoError(t, err)
	require.NoError(t, system.ForgetUser(ctx, "mallory", groupkit.ForgetOptions{Pseudonymize: true}))
	requireBlocked(t, s, "mallory")
}

// requireBlocked tries every way in.
func requireBlocked(t *testing.T, s *stage, u groupkit.UserID) {
	t.Helper()
	ctx, system := t.Context(), s.eng.System()
	for name, err := range map[string]error{
		"see":      second(s.eng.As(u).Group(ctx, s.id)),
		"join":     second(s.eng.As(u).Join(ctx, s.id)),
		"accept":   s.eng.As(u).AcceptInvitation(ctx, s.id),
		"add":      system.AddMember(ctx, s.id, u),
		"batch":    second(system.AddMembers(ctx, s.id, ids{u})),
		"invite":   second(system.Invite(ctx, s.id, u)),
		"invited":  second(s.eng.As("alice").Invite(ctx, s.id, u)),
		"speaking": s.eng.As(u).MaySpeak(ctx, s.id),
	} {
		require.ErrorIs(t, err, groupkit.ErrBlacklisted, name)
	}
	require.ErrorIs(t, system.ApproveRequest(ctx, s.id, u), groupkit.ErrRequestNotFound)
	role, err := system.Role(ctx, s.id, u)
	require.NoError(t, err)
	require.Equal(t, groupkit.RoleOutsider, role)
	verified(t, s.eng)
}

func TestFailure_RoleSurvivesRemoval(t *testing.T) {
	t.Parallel()
	for name, out := range map[string]func(context.Context, *stage) error{
		"removed": func(ctx context.Context, s *stage) error { return s.eng.As("alice").RemoveMember(ctx, s.id, "bob") },
		"left":    func(ctx context.Context, s *stage) error { return s.eng.As("bob").Leave(ctx, s.id) },
		"blocked": func(ctx context.Context, s *stage) error {
			_, err := s.eng.As("alice").Block(ctx, s.id, time.Minute, "bob")
			return errors.Join(err, s.eng.As("alice").Unblock(ctx, s.id, "bob"))
		},
		"forgotten": func(ctx context.Context, s *stage) error {
			return s.eng.System().ForgetUser(ctx, "bob", groupkit.ForgetOptions{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := staged(t, groupkit.Options{})
			require.NoError(t, s.eng.System().Allow(t.Context(), s.id, "bob"))
			require.NoError(t, out(t.Context(), s))
			require.ErrorIs(t, s.eng.As("bob").SetAnnouncement(t.Context(), s.id, "still here"), groupkit.ErrNotMember)
			require.NoError(t, s.eng.System().AddMember(t.Context(), s.id, "bob"))
			require.ErrorIs(t, s.eng.As("bob").SetAnnouncement(t.Context(), s.id, "back again"), groupkit.ErrRoleTooLow)
			require.NoError(t, s.eng.System().MuteGroup(t.Context(), s.id))
			require.ErrorIs(t, s.eng.As("bob").MaySpeak(t.Context(), s.id), groupkit.ErrGroupMuted, "the allow list is left too")
			require.Equal(t, 1, s.group(t).AdminCount)
			verified(t, s.eng)
		})
	}
}

func TestFailure_MuteShakenOff(t *testing.T) {
	t.Parallel()
	for name, shake := range map[string]func(context.Context, *stage) error{
		"by rejoining": func(ctx context.Context, s *stage) error {
			return errors.Join(s.eng.As("dave").Leave(ctx, s.id), s.eng.System().AddMember(ctx, s.id, "dave"))
		},
		"by removal": func(ctx context.Context, s *stage) error {
			return errors.Join(s.eng.System().RemoveMember(ctx, s.id, "dave"), s.eng.System().AddMember(ctx, s.id, "dave"))
		},
		"by a block": func(ctx context.Context, s *stage) error {
			_, err := s.eng.System().Block(ctx, s.id, time.Minute, "dave")
			return errors.Join(err, s.eng.System().Unblock(ctx, s.id, "dave"), s.eng.System().AddMember(ctx, s.id, "dave"))
		},
		"by promotion": func(ctx context.Context, s *stage) error { return s.eng.As("alice").AddAdmin(ctx, s.id, "dave") },
		"by the allow list": func(ctx context.Context, s *stage) error {
			return errors.Join(s.eng.As("alice").Allow(ctx, s.id, "dave"), s.eng.As("alice").MuteGroup(ctx, s.id))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := staged(t, groupkit.Options{})
			require.NoError(t, shake(t.Context(), s))
			require.ErrorIs(t, s.eng.As("dave").MaySpeak(t.Context(), s.id), groupkit.ErrMuted)
			require.ErrorIs(t, s.eng.As("dave").Unmute(t.Context(), s.id, "dave"), groupkit.ErrRoleTooLow)
			verified(t, s.eng)
		})
	}
}

func TestFailure_ExpiredMuteReturns(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	ctx, dave := t.Context(), s.eng.As("dave")
	s.clock.Advance(time.Hour)
	require.NoError(t, dave.MaySpeak(ctx, s.id))
	require.NoError(t, dave.Leave(ctx, s.id), "with what has expired still on record")
	require.NoError(t, s.eng.System().AddMember(ctx, s.id, "dave"))
	require.NoError(t, dave.MaySpeak(ctx, s.id))
	require.NoError(t, s.eng.As("alice").MuteGroup(ctx, s.id))
	require.NoError(t, s.eng.As("alice").UnmuteGroup(ctx, s.id))
	require.NoError(t, dave.MaySpeak(ctx, s.id))
	require.ErrorIs(t, s.eng.As("alice").Unmute(ctx, s.id, "dave"), groupkit.ErrNotMuted)
	mutes, err := collect(s.eng.As("alice").Mutes(ctx, s.id))
	require.NoError(t, err)
	require.Empty(t, mutes)
	s.clock.Advance(-30 * time.Minute)
	require.NoError(t, dave.MaySpeak(ctx, s.id), "once it is cleared away not even a clock that goes back brings it back")
	verified(t, s.eng)
}

func TestFailure_InvitationLetsBlockedUserIn(t *testing.T) {
	t.Parallel()
	t.Run("invited before", func(t *testing.T) {
		t.Parallel()
		s := staged(t, groupkit.Options{BlockOutsiders: true})
		require.NoError(t, second(s.eng.As("bob").Block(t.Context(), s.id, groupkit.Forever, "grace")))
		requireBlocked(t, s, "grace")
		require.NoError(t, s.eng.As("bob").Unblock(t.Context(), s.id, "grace"))
		require.ErrorIs(t, s.eng.As("grace").AcceptInvitation(t.Context(), s.id), groupkit.ErrInvitationNotFound)
	})
	t.Run("asked before", func(t *testing.T) {
		t.Parallel()
		s := staged(t, groupkit.Options{BlockOutsiders: true})
		require.NoError(t, second(s.eng.As("bob").Block(t.Context(), s.id, groupkit.Forever, "frank")))
		requireBlocked(t, s, "frank")
		require.NoError(t, s.eng.As("bob").Unblock(t.Context(), s.id, "frank"))
		require.ErrorIs(t, s.eng.As("bob").ApproveRequest(t.Context(), s.id, "frank"), groupkit.ErrRequestNotFound)
	})
	t.Run("at the same time", func(t *testing.T) {
		t.Parallel()
		eng, _ := setup(t, groupkit.Options{BlockOutsiders: true})
		for i := range 50 {
			id := group(t, eng, groupkit.NewGroup{ID: groupkit.GroupID(fmt.Sprint(i)), AllowInvites: true, Members: ids{"bob"}})
			require.NoError(t, second(eng.As("bob").Invite(t.Context(), id, "grace")))
			atOnce(
				func() { _ = eng.As("grace").AcceptInvitation(context.Background(), id) },
				func() { _, _ = eng.As("alice").Block(context.Background(), id, groupkit.Forever, "grace") },
			)
			require.ErrorIs(t, second(eng.As("grace").Group(t.Context(), id)), groupkit.ErrBlacklisted)
			role, err := eng.System().Role(t.Context(), id, "grace")
			require.NoError(t, err)
			require.Equal(t, groupkit.RoleOutsider, role)
		}
		verified(t, eng)
	})
	t.Run("by an inviter who was blocked", func(t *testing.T) {
		t.Parallel()
		eng, _ := setup(t, groupkit.Options{})
		id := group(t, eng, groupkit.NewGroup{AllowInvites: true, Members: ids{"bob"}})
		require.NoError(t, second(eng.As("bob").Invite(t.Context(), id, "grace")))
		require.NoError(t, second(eng.As("alice").Block(t.Context(), id, groupkit.Forever, "bob")))
		require.ErrorIs(t, eng.As("grace").AcceptInvitation(t.Context(), id), groupkit.ErrNotMember)
	})
}

func TestFailure_RequestApprovedTwice(t *testing.T) {
	t.Parallel()
	t.Run("one after the other", func(t *testing.T) {
		t.Parallel()
		s := staged(t, groupkit.Options{})
		before := s.group(t).MemberCount
		require.NoError(t, s.eng.As("bob").ApproveRequest(t.Context(), s.id, "frank"))
		require.ErrorIs(t, s.eng.As("ben").ApproveRequest(t.Context(), s.id, "frank"), groupkit.ErrRequestNotFound)
		require.ErrorIs(t, s.eng.As("ben").DeclineRequest(t.Context(), s.id, "frank"), groupkit.ErrRequestNotFound)
		require.Equal(t, before+1, s.group(t).MemberCount)
		verified(t, s.eng)
	})
	t.Run("at the same time", func(t *testing.T) {
		t.Parallel()
		s := staged(t, groupkit.Options{})
		before := s.group(t).MemberCount
		var results [8]error
		var fns []func()
		for i := range results {
			admin := ids{"alice", "bob", "ben", ""}[i%4]
			fns = append(fns, func() { results[i] = by(s.eng, admin).ApproveRequest(context.Background(), s.id, "frank") })
		}
		atOnce(fns...)
		granted := 0
		for _, err := range results {
			if err == nil {
				granted++
			} else {
				require.ErrorIs(t, err, groupkit.ErrRequestNotFound)
			}
		}
		require.Equal(t, 1, granted)
		require.Equal(t, before+1, s.group(t).MemberCount)
		verified(t, s.eng)
	})
}

// by is the actor of a name; "" is the system.
func by(scope groupkit.Scope, u groupkit.UserID) groupkit.Actor {
	if u == "" {
		return scope.System()
	}
	return scope.As(u)
}

func TestFailure_CountDriftsByRejectedRequest(t *testing.T) {
	t.Parallel()
	eng, _ := setup(t, groupkit.Options{Limits: groupkit.Limits{Requests: 1, JoinedGroups: 2}})
	ctx := t.Context()
	id := group(t, eng, groupkit.NewGroup{Public: true, MembersOnly: true, MaxUsers: 2})
	for i := range 5 {
		u := groupkit.UserID(fmt.Sprint("user-", i))
		require.NoError(t, second(eng.As(u).Join(ctx, id)), "the one request that may be pending")
		require.ErrorIs(t, second(eng.As("someone").Join(ctx, id)), groupkit.ErrTooManyRequests)
		if i%2 == 0 {
			require.NoError(t, eng.As("alice").DeclineRequest(ctx, id, u))
		} else {
			require.NoError(t, eng.As(u).CancelRequest(ctx, id))
		}
	}
	g, err := eng.System().Group(ctx, id)
	require.NoError(t, err)
	require.Equal(t, 1, g.MemberCount)
	require.NoError(t, second(eng.As("user-0").Join(ctx, id)))
	require.NoError(t, eng.As("alice").ApproveRequest(ctx, id, "user-0"), "there is room for one")
	require.NoError(t, second(eng.As("user-1").Join(ctx, id)))
	for range 3 {
		require.ErrorIs(t, eng.As("alice").ApproveRequest(ctx, id, "user-1"), groupkit.ErrGroupFull)
	}
	require.NoError(t, eng.As("alice").DeclineRequest(ctx, id, "user-1"))
	joined, err := collect(eng.System().JoinedGroups(ctx, "user-1"))
	require.NoError(t, err)
	require.Empty(t, joined)
	verified(t, eng)
}

func TestFailure_PeerAdminDemotedThenKicked(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	ctx, bob := t.Context(), s.eng.As("bob")
	for name, err := range map[string]error{
		"demote": bob.RemoveAdmin(ctx, s.id, "ben"),
		"kick":   bob.RemoveMember(ctx, s.id, "ben"),
		"block":  second(bob.Block(ctx, s.id, groupkit.Forever, "ben")),
		"mute":   second(bob.Mute(ctx, s.id, groupkit.Forever, "ben")),
	} {
		require.ErrorIs(t, err, groupkit.ErrRoleTooLow, name)
	}
	_, err := bob.RemoveMembers(ctx, s.id, ids{"ben", "carol"})
	require.NoError(t, err)
	role, err := bob.Role(ctx, s.id, "ben")
	require.NoError(t, err)
	require.Equal(t, groupkit.RoleAdmin, role)
	require.NoError(t, s.eng.As("alice").RemoveAdmin(ctx, s.id, "ben"), "the owner may")
	require.NoError(t, bob.RemoveMember(ctx, s.id, "ben"), "who is a plain member then")
	verified(t, s.eng)
}

func TestFailure_DeletedGroupComesBack(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	ctx, system := t.Context(), s.eng.System()
	require.NoError(t, system.Once("k").AddMember(ctx, s.id, "ivan"))
	require.NoError(t, s.eng.As("alice").DeleteGroup(ctx, s.id))
	for i := range verbs {
		if v := &verbs[i]; v.op != groupkit.OpCreateGroup && v.op != groupkit.OpForgetUser {
			require.ErrorIs(t, second(v.do(s)), groupkit.ErrGroupNotFound, v.name)
		}
	}
	require.NoError(t, system.Once("k").AddMember(ctx, s.id, "ivan"), "what was done is told again, and not done")
	require.ErrorIs(t, second(system.CreateGroup(ctx, groupkit.NewGroup{ID: s.id, Name: "n", Owner: "alice"})), groupkit.ErrGroupExists)
	for _, u := range (ids{"alice", "carol", "ivan", "grace", "frank"}) {
		groups, err := collect(system.JoinedGroups(ctx, u))
		require.NoError(t, err)
		require.Empty(t, groups)
	}
	require.ErrorIs(t, second(system.Group(ctx, s.id)), groupkit.ErrGroupNotFound)
	_, err := s.eng.Sweep(ctx)
	require.NoError(t, err)
	verified(t, s.eng)
}

// A deletion, cut off after its first step, leaves references to a group that is
// there for nobody: no list fails by them.
func TestFailure_BadReferenceFailsList(t *testing.T) {
	t.Parallel()
	st := &failingStore{Store: memstore.New()}
	c := newClock()
	eng, err := groupkit.New(st, memblob.New(), &groupkit.Options{Clock: c.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	s := act(t, eng, c)
	ctx, system := t.Context(), eng.System()
	other := group(t, eng, groupkit.NewGroup{Members: ids{"carol"}})
	st.failAfter(1)
	require.ErrorIs(t, system.DeleteGroup(ctx, s.id), errFailing)
	st.recover()

	joined, err := collect(system.JoinedGroups(ctx, "carol"))
	require.NoError(t, err)
	require.Len(t, joined, 1)
	all, err := collect(system.Groups(ctx))
	require.NoError(t, err)
	require.Len(t, all, 1)
	for _, u := range (ids{"frank", "grace"}) {
		requests, err := collect(system.PendingRequests(ctx, u))
		require.NoError(t, err)
		require.Empty(t, requests)
		invitations, err := collect(system.PendingInvitations(ctx, u))
		require.NoError(t, err)
		require.Empty(t, invitations)
	}
	found, missing, err := system.GroupDetails(ctx, []groupkit.GroupID{"no such", "", "bad id/", s.id, other, groupkit.GroupID(strings.Repeat("x", 99))})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, other, found[0].ID)
	require.Len(t, missing, 5)
	results, err := system.AddMembers(ctx, other, ids{"", "a\nb", "carol", "dave"})
	require.NoError(t, err)
	require.Equal(t, ids{"dave"}, results.Done())
}

var errFailing = errors.New("the disk is gone")

// A failingStore fails Updates once it has let some through.
type failingStore struct {
	store.Store
	mu     sync.Mutex
	left   int
	failed bool
}

func (s *failingStore) failAfter(n int) { s.set(n, true) }

func (s *failingStore) recover() { s.set(0, false) }

func (s *failingStore) set(left int, failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left, s.failed = left, failed
}

func (s *failingStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	s.mu.Lock()
	fails := s.failed && s.left <= 0
	s.left--
	s.mu.Unlock()
	if fails {
		return errFailing
	}
	return s.Store.Update(ctx, fn)
}

// Groups that were made in the same instant are on one page or the other, once.
func TestFailure_PageSkipsOrRepeatsWhereTimestampsTie(t *testing.T) {
	t.Parallel()
	eng, c := setup(t, groupkit.Options{})
	ctx := t.Context()
	want := map[groupkit.GroupID]bool{}
	for i := range 60 {
		if i%20 == 0 {
			c.Advance(time.Millisecond)
		}
		want[group(t, eng, groupkit.NewGroup{Public: i%3 > 0})] = true
	}
	for _, limit := range []int{1, 3, 7, 20, 59, 60, 61} {
		seen := map[groupkit.GroupID]bool{}
		for cursor, more := "", true; more; more = cursor != "" {
			page, next, err := eng.System().GroupsPage(ctx, limit, cursor)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page), limit)
			for _, g := range page {
				require.False(t, seen[g.ID], "twice")
				seen[g.ID] = true
			}
			cursor = next
		}
		require.Equal(t, want, seen)
	}
}

// Members who joined at the same time, and files of the same instant, too.
func TestFailure_ListsOfOneInstant(t *testing.T) {
	t.Parallel()
	eng, _ := setup(t, groupkit.Options{})
	ctx := t.Context()
	id := group(t, eng, groupkit.NewGroup{Members: several("user", 40)})
	for range 25 {
		require.NoError(t, second(eng.As("alice").UploadFile(ctx, id, "a", strings.NewReader("a"))))
	}
	members, files := map[groupkit.UserID]bool{}, map[groupkit.FileID]bool{}
	for n := 1; n <= 6; n++ {
		page, err := eng.System().MembersPage(ctx, id, groupkit.Page{Number: n, Size: 7})
		require.NoError(t, err)
		for _, m := range page {
			members[m.User] = true
		}
		f, err := eng.System().FilesPage(ctx, id, groupkit.Page{Number: n, Size: 7})
		require.NoError(t, err)
		for _, one := range f {
			files[one.ID] = true
		}
	}
	require.Len(t, members, 41)
	require.Len(t, files, 25)
}

func TestFailure_BatchCheckedAgainstStateBeforeIt(t *testing.T) {
	t.Parallel()
	eng, _ := setup(t, groupkit.Options{Limits: groupkit.Limits{Invitations: 2}})
	ctx, system := t.Context(), eng.System()
	id := group(t, eng, groupkit.NewGroup{MaxUsers: 3})

	results, err := system.AddMembers(ctx, id, ids{"bob", "bob", "carol", "dave"})
	require.NoError(t, err)
	require.Equal(t, ids{"bob", "carol"}, results.Done())
	require.ErrorIs(t, results[1].Err, groupkit.ErrAlreadyMember)
	require.ErrorIs(t, results[3].Err, groupkit.ErrGroupFull)

	results, err = system.InviteUsers(ctx, id, ids{"dave", "dave", "erin", "frank"})
	require.NoError(t, err)
	require.ErrorIs(t, results[3].Err, groupkit.ErrTooManyInvitations)
	require.NoError(t, results[1].Err, "it is pending")

	results, err = system.RemoveMembers(ctx, id, ids{"bob", "bob"})
	require.NoError(t, err)
	require.ErrorIs(t, results[1].Err, groupkit.ErrNotMember)

	results, err = system.BlockUsers(ctx, id, time.Hour, ids{"carol", "carol"})
	require.NoError(t, err)
	require.ErrorIs(t, results[1].Err, groupkit.ErrBlacklisted)
	g, err := system.Group(ctx, id)
	require.NoError(t, err)
	require.Equal(t, 1, g.MemberCount)
	verified(t, eng)
}
