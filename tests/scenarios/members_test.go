// Package scenarios_test holds the ways in which group systems are known to fail, one test
// for each, named after the failure.
package scenarios_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

func TestFailure_BanDroppedByKick(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ctx, system := t.Context(), s.Engine.System()
	require.ErrorIs(t, system.RemoveMember(ctx, s.ID, "mallory"), groupkit.ErrNotMember)
	_, err := system.RemoveMembers(ctx, s.ID, grouptest.IDs{"mallory", "carol"})
	require.NoError(t, err)
	require.NoError(t, system.ForgetUser(ctx, "mallory", groupkit.ForgetOptions{Pseudonymize: true}))
	requireBlocked(t, s, "mallory")
}

// requireBlocked tries every way in.
func requireBlocked(t *testing.T, s *grouptest.Fixture, u groupkit.UserID) {
	t.Helper()
	ctx, system := t.Context(), s.Engine.System()
	for name, err := range map[string]error{
		"see":      grouptest.ErrorOf(s.Engine.As(u).Group(ctx, s.ID)),
		"join":     grouptest.ErrorOf(s.Engine.As(u).Join(ctx, s.ID)),
		"accept":   s.Engine.As(u).AcceptInvitation(ctx, s.ID),
		"add":      system.AddMember(ctx, s.ID, u),
		"batch":    grouptest.ErrorOf(system.AddMembers(ctx, s.ID, grouptest.IDs{u})),
		"invite":   grouptest.ErrorOf(system.Invite(ctx, s.ID, u)),
		"invited":  grouptest.ErrorOf(s.Engine.As("alice").Invite(ctx, s.ID, u)),
		"speaking": s.Engine.As(u).MaySpeak(ctx, s.ID),
	} {
		require.ErrorIs(t, err, groupkit.ErrBlacklisted, name)
	}
	require.ErrorIs(t, system.ApproveRequest(ctx, s.ID, u), groupkit.ErrRequestNotFound)
	role, err := system.Role(ctx, s.ID, u)
	require.NoError(t, err)
	require.Equal(t, groupkit.RoleOutsider, role)
	grouptest.RequireVerified(t, s.Engine)
}

func TestFailure_MuteShakenOff(t *testing.T) {
	t.Parallel()
	for name, shake := range map[string]func(context.Context, *grouptest.Fixture) error{
		"by rejoining": func(ctx context.Context, s *grouptest.Fixture) error {
			return errors.Join(s.Engine.As("dave").Leave(ctx, s.ID), s.Engine.System().AddMember(ctx, s.ID, "dave"))
		},
		"by removal": func(ctx context.Context, s *grouptest.Fixture) error {
			return errors.Join(s.Engine.System().RemoveMember(ctx, s.ID, "dave"), s.Engine.System().AddMember(ctx, s.ID, "dave"))
		},
		"by a block": func(ctx context.Context, s *grouptest.Fixture) error {
			_, err := s.Engine.System().Block(ctx, s.ID, time.Minute, "dave")
			return errors.Join(err, s.Engine.System().Unblock(ctx, s.ID, "dave"), s.Engine.System().AddMember(ctx, s.ID, "dave"))
		},
		"by promotion": func(ctx context.Context, s *grouptest.Fixture) error {
			return s.Engine.As("alice").AddAdmin(ctx, s.ID, "dave")
		},
		"by the allow list": func(ctx context.Context, s *grouptest.Fixture) error {
			return errors.Join(s.Engine.As("alice").Allow(ctx, s.ID, "dave"), s.Engine.As("alice").MuteGroup(ctx, s.ID))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewFixture(t, groupkit.Options{})
			require.NoError(t, shake(t.Context(), s))
			require.ErrorIs(t, s.Engine.As("dave").MaySpeak(t.Context(), s.ID), groupkit.ErrMuted)
			require.ErrorIs(t, s.Engine.As("dave").Unmute(t.Context(), s.ID, "dave"), groupkit.ErrRoleTooLow)
			grouptest.RequireVerified(t, s.Engine)
		})
	}
}

func TestFailure_ExpiredMuteReturns(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ctx, dave := t.Context(), s.Engine.As("dave")
	s.Clock.Advance(time.Hour)
	require.NoError(t, dave.MaySpeak(ctx, s.ID))
	require.NoError(t, dave.Leave(ctx, s.ID), "with what has expired still on record")
	require.NoError(t, s.Engine.System().AddMember(ctx, s.ID, "dave"))
	require.NoError(t, dave.MaySpeak(ctx, s.ID))
	require.NoError(t, s.Engine.As("alice").MuteGroup(ctx, s.ID))
	require.NoError(t, s.Engine.As("alice").UnmuteGroup(ctx, s.ID))
	require.NoError(t, dave.MaySpeak(ctx, s.ID))
	require.ErrorIs(t, s.Engine.As("alice").Unmute(ctx, s.ID, "dave"), groupkit.ErrNotMuted)
	mutes, err := grouptest.Collect(s.Engine.As("alice").Mutes(ctx, s.ID))
	require.NoError(t, err)
	require.Empty(t, mutes)
	s.Clock.Advance(-30 * time.Minute)
	require.NoError(t, dave.MaySpeak(ctx, s.ID), "once it is cleared away not even a clock that goes back brings it back")
	grouptest.RequireVerified(t, s.Engine)
}

func TestFailure_InvitationLetsBlockedUserIn(t *testing.T) {
	t.Parallel()
	t.Run("invited before", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{BlockOutsiders: true})
		require.NoError(t, grouptest.ErrorOf(s.Engine.As("bob").Block(t.Context(), s.ID, groupkit.Forever, "grace")))
		requireBlocked(t, s, "grace")
		require.NoError(t, s.Engine.As("bob").Unblock(t.Context(), s.ID, "grace"))
		require.ErrorIs(t, s.Engine.As("grace").AcceptInvitation(t.Context(), s.ID), groupkit.ErrInvitationNotFound)
	})
	t.Run("asked before", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{BlockOutsiders: true})
		require.NoError(t, grouptest.ErrorOf(s.Engine.As("bob").Block(t.Context(), s.ID, groupkit.Forever, "frank")))
		requireBlocked(t, s, "frank")
		require.NoError(t, s.Engine.As("bob").Unblock(t.Context(), s.ID, "frank"))
		require.ErrorIs(t, s.Engine.As("bob").ApproveRequest(t.Context(), s.ID, "frank"), groupkit.ErrRequestNotFound)
	})
	t.Run("at the same time", func(t *testing.T) {
		t.Parallel()
		eng, _ := grouptest.Setup(t, groupkit.Options{BlockOutsiders: true})
		for i := range 50 {
			id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{ID: groupkit.GroupID(fmt.Sprint(i)), AllowInvites: true, Members: grouptest.IDs{"bob"}})
			require.NoError(t, grouptest.ErrorOf(eng.As("bob").Invite(t.Context(), id, "grace")))
			grouptest.Concurrently(
				func() { _ = eng.As("grace").AcceptInvitation(context.Background(), id) },
				func() { _, _ = eng.As("alice").Block(context.Background(), id, groupkit.Forever, "grace") },
			)
			require.ErrorIs(t, grouptest.ErrorOf(eng.As("grace").Group(t.Context(), id)), groupkit.ErrBlacklisted)
			role, err := eng.System().Role(t.Context(), id, "grace")
			require.NoError(t, err)
			require.Equal(t, groupkit.RoleOutsider, role)
		}
		grouptest.RequireVerified(t, eng)
	})
	t.Run("by an inviter who was blocked", func(t *testing.T) {
		t.Parallel()
		eng, _ := grouptest.Setup(t, groupkit.Options{})
		id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{AllowInvites: true, Members: grouptest.IDs{"bob"}})
		require.NoError(t, grouptest.ErrorOf(eng.As("bob").Invite(t.Context(), id, "grace")))
		require.NoError(t, grouptest.ErrorOf(eng.As("alice").Block(t.Context(), id, groupkit.Forever, "bob")))
		require.ErrorIs(t, eng.As("grace").AcceptInvitation(t.Context(), id), groupkit.ErrGroupNotFound)
	})
}

func TestFailure_RequestApprovedTwice(t *testing.T) {
	t.Parallel()
	t.Run("one after the other", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{})
		before := s.Group(t).MemberCount
		require.NoError(t, s.Engine.As("bob").ApproveRequest(t.Context(), s.ID, "frank"))
		require.ErrorIs(t, s.Engine.As("ben").ApproveRequest(t.Context(), s.ID, "frank"), groupkit.ErrRequestNotFound)
		require.ErrorIs(t, s.Engine.As("ben").DeclineRequest(t.Context(), s.ID, "frank"), groupkit.ErrRequestNotFound)
		require.Equal(t, before+1, s.Group(t).MemberCount)
		grouptest.RequireVerified(t, s.Engine)
	})
	t.Run("at the same time", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{})
		before := s.Group(t).MemberCount
		var results [8]error
		var fns []func()
		for i := range results {
			admin := grouptest.IDs{"alice", "bob", "ben", ""}[i%4]
			fns = append(fns, func() {
				results[i] = grouptest.ActorOf(s.Engine, admin).ApproveRequest(context.Background(), s.ID, "frank")
			})
		}
		grouptest.Concurrently(fns...)
		granted := 0
		for _, err := range results {
			if err == nil {
				granted++
			} else {
				require.ErrorIs(t, err, groupkit.ErrRequestNotFound)
			}
		}
		require.Equal(t, 1, granted)
		require.Equal(t, before+1, s.Group(t).MemberCount)
		grouptest.RequireVerified(t, s.Engine)
	})
}
