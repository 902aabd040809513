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

func TestFailure_OwnerOrphanedByKick(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{BlockOutsiders: true, OwnerLeave: groupkit.OwnerSucceed})
	ctx := t.Context()
	for name, a := range map[string]groupkit.Actor{"system": s.Engine.System(), "owner": s.Engine.As("alice"), "admin": s.Engine.As("bob")} {
		require.ErrorIs(t, a.RemoveMember(ctx, s.ID, "alice"), groupkit.ErrIsOwner, name)
		require.ErrorIs(t, grouptest.ErrorOf(a.Block(ctx, s.ID, time.Minute, "alice")), groupkit.ErrIsOwner, name)
		results, err := a.RemoveMembers(ctx, s.ID, grouptest.IDs{"alice", "ivan", "alice"})
		require.ErrorIs(t, err, groupkit.ErrIsOwner, name)
		require.Empty(t, results.Succeeded())
	}
	results, err := s.Engine.System().RemoveMembers(ctx, s.ID, grouptest.IDs{"bob", "alice"})
	require.NoError(t, err)
	require.Equal(t, grouptest.IDs{"bob"}, results.Succeeded())
	require.EqualValues(t, "alice", grouptest.RequireOneOwner(t, s.Engine, s.ID))
}

func TestFailure_OwnerOrphanedByLeave(t *testing.T) {
	t.Parallel()
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{})
		require.ErrorIs(t, s.Engine.As("alice").Leave(t.Context(), s.ID), groupkit.ErrIsOwner)
		require.EqualValues(t, "alice", grouptest.RequireOneOwner(t, s.Engine, s.ID))
	})
	t.Run("succeeded", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{OwnerLeave: groupkit.OwnerSucceed})
		for g := s.Group(t); g.MemberCount > 1; g = s.Group(t) {
			require.NoError(t, s.Engine.As(g.Owner).Leave(t.Context(), s.ID))
			require.NotEqual(t, g.Owner, grouptest.RequireOneOwner(t, s.Engine, s.ID))
		}
	})
}

func TestFailure_OwnerOrphanedByAccountDeletion(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ctx, system := t.Context(), s.Engine.System()
	require.ErrorIs(t, system.ForgetUser(ctx, "alice", groupkit.ForgetOptions{}), groupkit.ErrIsOwner)
	require.EqualValues(t, "alice", grouptest.RequireOneOwner(t, s.Engine, s.ID))
	require.NoError(t, system.ForgetUser(ctx, "alice", groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed}))
	require.EqualValues(t, "bob", grouptest.RequireOneOwner(t, s.Engine, s.ID), "of two admins since the same instant who was appointed first")
	require.NoError(t, system.ForgetUser(ctx, "bob", groupkit.ForgetOptions{Owned: groupkit.OwnedDelete}))
	require.ErrorIs(t, grouptest.ErrorOf(system.Group(ctx, s.ID)), groupkit.ErrGroupNotFound)
	grouptest.RequireVerified(t, s.Engine)
}

// The new owner leaves, or is removed, while ownership passes to it.
func TestFailure_OwnerOrphanedByTransferRacingLeave(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{OwnerLeave: groupkit.OwnerRefuse})
	for i := range 100 {
		id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{ID: groupkit.GroupID(fmt.Sprint(i)), Members: grouptest.IDs{"bob", "carol"}})
		grouptest.Concurrently(
			func() { _ = eng.As("alice").TransferGroup(context.Background(), id, "bob") },
			func() { _ = eng.As("bob").Leave(context.Background(), id) },
			func() { _ = eng.System().RemoveMember(context.Background(), id, "carol") },
			func() { _ = eng.System().TransferGroup(context.Background(), id, "carol") },
		)
		_, err := eng.System().Role(t.Context(), id, "bob")
		require.NoError(t, err)
		if i%20 == 0 {
			grouptest.RequireOneOwner(t, eng, id)
		}
	}
	grouptest.RequireVerified(t, eng)
}

func TestFailure_TwoOwners(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	for i := range 50 {
		id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{ID: groupkit.GroupID(fmt.Sprint(i)), Members: grouptest.IDs{"bob", "carol"}})
		var won [2]error
		grouptest.Concurrently(
			func() { won[0] = eng.As("alice").TransferGroup(context.Background(), id, "bob") },
			func() { won[1] = eng.As("alice").TransferGroup(context.Background(), id, "carol") },
		)
		require.True(t, (won[0] == nil) != (won[1] == nil), "%v", won)
		require.ErrorIs(t, errors.Join(won[:]...), groupkit.ErrRoleTooLow)
		require.Equal(t, won[0] == nil, grouptest.RequireOneOwner(t, eng, id) == "bob")
	}
}

func TestFailure_PeerAdminDemotedThenKicked(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ctx, bob := t.Context(), s.Engine.As("bob")
	for name, err := range map[string]error{
		"demote": bob.RemoveAdmin(ctx, s.ID, "ben"),
		"kick":   bob.RemoveMember(ctx, s.ID, "ben"),
		"block":  grouptest.ErrorOf(bob.Block(ctx, s.ID, groupkit.Forever, "ben")),
		"mute":   grouptest.ErrorOf(bob.Mute(ctx, s.ID, groupkit.Forever, "ben")),
	} {
		require.ErrorIs(t, err, groupkit.ErrRoleTooLow, name)
	}
	_, err := bob.RemoveMembers(ctx, s.ID, grouptest.IDs{"ben", "carol"})
	require.NoError(t, err)
	role, err := bob.Role(ctx, s.ID, "ben")
	require.NoError(t, err)
	require.Equal(t, groupkit.RoleAdmin, role)
	require.NoError(t, s.Engine.As("alice").RemoveAdmin(ctx, s.ID, "ben"), "the owner may")
	require.NoError(t, bob.RemoveMember(ctx, s.ID, "ben"), "who is a plain member then")
	grouptest.RequireVerified(t, s.Engine)
}

func TestFailure_RoleSurvivesRemoval(t *testing.T) {
	t.Parallel()
	for name, out := range map[string]func(context.Context, *grouptest.Fixture) error{
		"removed": func(ctx context.Context, s *grouptest.Fixture) error {
			return s.Engine.As("alice").RemoveMember(ctx, s.ID, "bob")
		},
		"left": func(ctx context.Context, s *grouptest.Fixture) error { return s.Engine.As("bob").Leave(ctx, s.ID) },
		"blocked": func(ctx context.Context, s *grouptest.Fixture) error {
			_, err := s.Engine.As("alice").Block(ctx, s.ID, time.Minute, "bob")
			return errors.Join(err, s.Engine.As("alice").Unblock(ctx, s.ID, "bob"))
		},
		"forgotten": func(ctx context.Context, s *grouptest.Fixture) error {
			return s.Engine.System().ForgetUser(ctx, "bob", groupkit.ForgetOptions{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewFixture(t, groupkit.Options{})
			require.NoError(t, s.Engine.System().Allow(t.Context(), s.ID, "bob"))
			require.NoError(t, out(t.Context(), s))
			require.ErrorIs(t, s.Engine.As("bob").SetAnnouncement(t.Context(), s.ID, "still here"), groupkit.ErrNotMember)
			require.NoError(t, s.Engine.System().AddMember(t.Context(), s.ID, "bob"))
			require.ErrorIs(t, s.Engine.As("bob").SetAnnouncement(t.Context(), s.ID, "back again"), groupkit.ErrRoleTooLow)
			require.NoError(t, s.Engine.System().MuteGroup(t.Context(), s.ID))
			require.ErrorIs(t, s.Engine.As("bob").MaySpeak(t.Context(), s.ID), groupkit.ErrGroupMuted, "the allow list is left too")
			require.Equal(t, 1, s.Group(t).AdminCount)
			grouptest.RequireVerified(t, s.Engine)
		})
	}
}

func TestFailure_DeletedGroupComesBack(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ctx, system := t.Context(), s.Engine.System()
	require.NoError(t, system.Once("k").AddMember(ctx, s.ID, "ivan"))
	require.NoError(t, s.Engine.As("alice").DeleteGroup(ctx, s.ID))
	for i := range grouptest.Verbs {
		if v := &grouptest.Verbs[i]; v.Op != groupkit.OpCreateGroup && v.Op != groupkit.OpForgetUser {
			require.ErrorIs(t, grouptest.ErrorOf(v.Do(s)), groupkit.ErrGroupNotFound, v.Name)
		}
	}
	require.NoError(t, system.Once("k").AddMember(ctx, s.ID, "ivan"), "what was done is told again, and not done")
	require.ErrorIs(t, grouptest.ErrorOf(system.CreateGroup(ctx, groupkit.NewGroup{ID: s.ID, Name: "n", Owner: "alice"})), groupkit.ErrGroupExists)
	for _, u := range (grouptest.IDs{"alice", "carol", "ivan", "grace", "frank"}) {
		groups, err := grouptest.Collect(system.JoinedGroups(ctx, u))
		require.NoError(t, err)
		require.Empty(t, groups)
	}
	require.ErrorIs(t, grouptest.ErrorOf(system.Group(ctx, s.ID)), groupkit.ErrGroupNotFound)
	_, err := s.Engine.Sweep(ctx)
	require.NoError(t, err)
	grouptest.RequireVerified(t, s.Engine)
}
