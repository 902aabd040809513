package groupkit_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// succession is a group of alice's whose members joined an hour after another.
func succession(t *testing.T, joining ...groupkit.UserID) (*groupkit.Engine, *grouptest.Clock, groupkit.GroupID) {
	t.Helper()
	eng, c := grouptest.Setup(t, groupkit.Options{OwnerLeave: groupkit.OwnerSucceed})
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{})
	for _, u := range joining {
		c.Advance(time.Hour)
		require.NoError(t, eng.System().AddMember(t.Context(), id, u))
	}
	c.Advance(time.Hour)
	return eng, c, id
}

// requireHeir has the owner leave.
func requireHeir(t *testing.T, eng *groupkit.Engine, id groupkit.GroupID, heir groupkit.UserID) {
	t.Helper()
	g, err := eng.System().Group(t.Context(), id)
	require.NoError(t, err)
	require.NoError(t, eng.As(g.Owner).Can().Leave(t.Context(), id))
	require.NoError(t, eng.As(g.Owner).Leave(t.Context(), id))
	require.Equal(t, heir, grouptest.RequireOneOwner(t, eng, id))
	require.ErrorIs(t, eng.As(g.Owner).Leave(t.Context(), id), groupkit.ErrGroupNotFound, "the private group is gone for who left")
	replayed(t, eng, id)
}

func TestOwnerSucceed(t *testing.T) {
	t.Parallel()
	t.Run("the longest-serving admin, by the time of the appointment", func(t *testing.T) {
		t.Parallel()
		eng, c, id := succession(t, "bob", "carol", "dave")
		for _, u := range (grouptest.IDs{"dave", "bob"}) {
			require.NoError(t, eng.As("alice").AddAdmin(t.Context(), id, u))
			c.Advance(time.Hour)
		}
		requireHeir(t, eng, id, "dave")
		requireHeir(t, eng, id, "bob")
		requireHeir(t, eng, id, "carol")
	})
	t.Run("an appointment that was interrupted counts from the last", func(t *testing.T) {
		t.Parallel()
		eng, c, id := succession(t, "bob", "carol")
		alice := eng.As("alice")
		require.NoError(t, alice.AddAdmin(t.Context(), id, "bob"))
		c.Advance(time.Hour)
		require.NoError(t, alice.AddAdmin(t.Context(), id, "carol"))
		require.NoError(t, alice.RemoveAdmin(t.Context(), id, "bob"))
		c.Advance(time.Hour)
		require.NoError(t, alice.AddAdmin(t.Context(), id, "bob"))
		requireHeir(t, eng, id, "carol")
	})
	t.Run("else the longest-serving member", func(t *testing.T) {
		t.Parallel()
		eng, c, id := succession(t, "zoe", "bob", "carol")
		require.NoError(t, eng.As("zoe").Leave(t.Context(), id))
		c.Advance(time.Hour)
		require.NoError(t, eng.System().AddMember(t.Context(), id, "zoe"), "who begins anew")
		requireHeir(t, eng, id, "bob")
		requireHeir(t, eng, id, "carol")
		requireHeir(t, eng, id, "zoe")
	})
	t.Run("of several the first in the call", func(t *testing.T) {
		t.Parallel()
		eng, _, id := succession(t)
		_, err := eng.System().AddMembers(t.Context(), id, grouptest.IDs{"dave", "carol", "bob", "B", "ä"})
		require.NoError(t, err)
		for _, u := range (grouptest.IDs{"dave", "carol"}) {
			require.NoError(t, eng.As("alice").AddAdmin(t.Context(), id, u))
		}
		for _, heir := range (grouptest.IDs{"dave", "carol", "bob", "B", "ä"}) {
			requireHeir(t, eng, id, heir)
		}
	})
	t.Run("an old owner has served since it joined", func(t *testing.T) {
		t.Parallel()
		eng, _, id := succession(t, "bob", "carol")
		require.NoError(t, eng.As("alice").TransferGroup(t.Context(), id, "carol"))
		requireHeir(t, eng, id, "alice")
	})
	t.Run("with the last member the group goes", func(t *testing.T) {
		t.Parallel()
		eng, _, id := succession(t)
		require.NoError(t, eng.As("alice").Can().Leave(t.Context(), id))
		require.NoError(t, eng.As("alice").Leave(t.Context(), id))
		require.ErrorIs(t, grouptest.ErrorOf(eng.System().Group(t.Context(), id)), groupkit.ErrGroupNotFound)
		joined, err := grouptest.Collect(eng.System().JoinedGroups(t.Context(), "alice"))
		require.NoError(t, err)
		require.Empty(t, joined)
		log, err := grouptest.Collect(eng.System().Events(t.Context(), id, 0))
		require.NoError(t, err)
		require.Equal(t, groupkit.GroupDeleted, log[len(log)-1].Kind)
		grouptest.RequireVerified(t, eng)
	})
}

func TestOwnerSucceed_Mute(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(context.Context, *groupkit.Engine, groupkit.GroupID) error{
		"leave": func(ctx context.Context, eng *groupkit.Engine, id groupkit.GroupID) error {
			return eng.As("alice").Leave(ctx, id)
		},
		"forget": func(ctx context.Context, eng *groupkit.Engine, id groupkit.GroupID) error {
			return eng.System().ForgetUser(ctx, "alice", groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed})
		},
		"transfer": func(ctx context.Context, eng *groupkit.Engine, id groupkit.GroupID) error {
			return eng.As("alice").TransferGroup(ctx, id, "bob")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range 4 {
				expired, admin := i%2 == 0, i/2 == 0
				eng, c, id := succession(t, "bob")
				if admin {
					require.NoError(t, eng.As("alice").AddAdmin(t.Context(), id, "bob"))
				}
				require.NoError(t, grouptest.ErrorOf(eng.As("alice").Mute(t.Context(), id, time.Hour, "bob")))
				if expired {
					c.Advance(time.Hour)
				}
				require.NoError(t, change(t.Context(), eng, id))
				require.NoError(t, eng.As("bob").MaySpeak(t.Context(), id))
				requireEnded(t, eng, id, expired)
				require.EqualValues(t, "bob", grouptest.RequireOneOwner(t, eng, id))
				replayed(t, eng, id)
			}
		})
	}
}

// requireEnded is about how the log says that bob's mute ended: in one way.
func requireEnded(t *testing.T, eng *groupkit.Engine, id groupkit.GroupID, expired bool) {
	t.Helper()
	log, err := grouptest.Collect(eng.System().Events(t.Context(), id, 0))
	require.NoError(t, err)
	var ends []groupkit.EventKind
	for _, e := range log {
		if e.Kind == groupkit.MemberUnmuted || e.Kind == groupkit.MuteExpired {
			require.True(t, slices.Contains(e.Users, "bob"))
			ends = append(ends, e.Kind)
		}
	}
	want := groupkit.MemberUnmuted
	if expired {
		want = groupkit.MuteExpired
	}
	require.Equal(t, []groupkit.EventKind{want}, ends)
}

func TestActor_AddMember(t *testing.T) {
	t.Parallel()
	t.Run("ends the invitation and the request", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{})
		added, err := s.Engine.System().AddMembers(t.Context(), s.ID, grouptest.IDs{"frank", "grace"})
		require.NoError(t, err)
		require.Empty(t, added.Failed())
		snapshot, log := s.State(t)
		require.Empty(t, snapshot.Requests)
		require.Empty(t, snapshot.Invitations)
		var kinds []groupkit.EventKind
		for _, e := range log[len(log)-3:] {
			kinds = append(kinds, e.Kind)
		}
		require.Equal(t, []groupkit.EventKind{groupkit.RequestCancelled, groupkit.InvitationCancelled, groupkit.MemberJoined}, kinds)
		grouptest.RequireVerified(t, s.Engine)
	})
}
