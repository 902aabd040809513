package groupkit_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// invitersGroup makes a private group of alice (owner), bob (admin), carol and dave. The system,
// alice and bob have invited by-system, by-alice and by-bob; carol by-carol, if members may invite.
func invitersGroup(t *testing.T, opts groupkit.Options, membersInvite bool) (*groupkit.Engine, groupkit.GroupID) {
	t.Helper()
	eng, _ := grouptest.Setup(t, opts)
	ctx, system := t.Context(), eng.System()
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{AllowInvites: membersInvite, Members: grouptest.IDs{"bob", "carol", "dave"}})
	require.NoError(t, system.AddAdmin(ctx, id, "bob"))
	require.NoError(t, grouptest.ErrorOf(system.Invite(ctx, id, "by-system")))
	require.NoError(t, grouptest.ErrorOf(eng.As("alice").Invite(ctx, id, "by-alice")))
	require.NoError(t, grouptest.ErrorOf(eng.As("bob").Invite(ctx, id, "by-bob")))
	if membersInvite {
		require.NoError(t, grouptest.ErrorOf(eng.As("carol").Invite(ctx, id, "by-carol")))
	}
	return eng, id
}

// Whatever ends a user's right to invite cancels the pending invitations of that user in the
// same call, and nothing else does.
func TestInvitations_EndWithTheRightToInvite(t *testing.T) {
	t.Parallel()
	succeed := groupkit.Options{OwnerLeave: groupkit.OwnerSucceed}
	for name, c := range map[string]struct {
		opts groupkit.Options
		open bool // members may invite
		by   groupkit.UserID
		do   func(context.Context, groupkit.Actor, groupkit.GroupID) error
		ends grouptest.IDs
	}{
		"leaving": {open: true, by: "carol", ends: grouptest.IDs{"by-carol"}, do: func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) error {
			return a.Leave(ctx, id)
		}},
		"removal": {open: true, by: "bob", ends: grouptest.IDs{"by-carol"}, do: func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) error {
			return a.RemoveMember(ctx, id, "carol")
		}},
		"removal of several": {open: true, ends: grouptest.IDs{"by-bob", "by-carol"}, do: func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) error {
			return grouptest.ErrorOf(a.RemoveMembers(ctx, id, grouptest.IDs{"bob", "", "carol", "dave"}))
		}},
		"block": {by: "alice", ends: grouptest.IDs{"by-bob"}, do: func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) error {
			return grouptest.ErrorOf(a.Block(ctx, id, time.Hour, "bob"))
		}},
		"block of inviter and invited": {
			opts: groupkit.Options{BlockOutsiders: true}, open: true, ends: grouptest.IDs{"by-system", "by-carol"},
			do: func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) error {
				return grouptest.ErrorOf(a.BlockUsers(ctx, id, groupkit.Forever, grouptest.IDs{"by-system", "carol"}))
			},
		},
		"dismissal": {by: "alice", ends: grouptest.IDs{"by-bob"}, do: func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) error {
			return a.RemoveAdmin(ctx, id, "bob")
		}},
		"dismissal where members may invite": {open: true, by: "alice", do: func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) error {
			return a.RemoveAdmin(ctx, id, "bob")
		}},
		"transfer": {by: "alice", ends: grouptest.IDs{"by-alice"}, do: func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) error {
			return a.TransferGroup(ctx, id, "bob")
		}},
		"transfer by the system": {ends: grouptest.IDs{"by-alice"}, do: func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) error {
			return a.TransferGroup(ctx, id, "dave")
		}},
		"transfer where members may invite": {open: true, do: func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) error {
			return a.TransferGroup(ctx, id, "bob")
		}},
		"AllowInvites switched off": {open: true, by: "alice", ends: grouptest.IDs{"by-carol"}, do: func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) error {
			return grouptest.ErrorOf(a.UpdateGroup(ctx, id, groupkit.GroupUpdate{AllowInvites: new(false)}))
		}},
		"AllowInvites as it was": {open: true, by: "alice", do: func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) error {
			return grouptest.ErrorOf(a.UpdateGroup(ctx, id, groupkit.GroupUpdate{AllowInvites: new(true), Name: new("other")}))
		}},
		"succession": {opts: succeed, open: true, by: "alice", ends: grouptest.IDs{"by-alice"}, do: func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) error {
			return a.Leave(ctx, id)
		}},
		"being forgotten": {open: true, ends: grouptest.IDs{"by-carol"}, do: func(ctx context.Context, a groupkit.Actor, _ groupkit.GroupID) error {
			return a.ForgetUser(ctx, "carol", groupkit.ForgetOptions{})
		}},
		"being forgotten as the owner": {ends: grouptest.IDs{"by-alice"}, do: func(ctx context.Context, a groupkit.Actor, _ groupkit.GroupID) error {
			return a.ForgetUser(ctx, "alice", groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed, Pseudonymize: true})
		}},
		"appointment": {open: true, by: "alice", do: func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) error {
			return a.AddAdmin(ctx, id, "carol")
		}},
		"a mute": {open: true, by: "alice", do: func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) error {
			return grouptest.ErrorOf(a.Mute(ctx, id, time.Hour, "carol"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eng, id := invitersGroup(t, c.opts, c.open)
			before := eventsOf(t, eng, id, 0)
			a := grouptest.ActorOf(eng, c.by).Because("why not")
			require.NoError(t, c.do(t.Context(), a.Can(), id))
			require.Len(t, eventsOf(t, eng, id, 0), len(before))
			require.NoError(t, c.do(t.Context(), a, id))
			requireCancelled(t, eventsOf(t, eng, id, before[len(before)-1].Version+1), c.by, c.ends)
			requireInvitationsEnded(t, eng, id, c.ends)
		})
	}
}

func eventsOf(t *testing.T, eng *groupkit.Engine, id groupkit.GroupID, from uint64) []groupkit.Event {
	t.Helper()
	return grouptest.MustCollect(t, eng.System().Events(t.Context(), id, from))
}

// requireCancelled checks that the events of a call cancel these invitations in one event, which
// has the actor and the reason of the call.
func requireCancelled(t *testing.T, call []groupkit.Event, by groupkit.UserID, users grouptest.IDs) {
	t.Helper()
	cancelled := 0
	for _, e := range call {
		if e.Kind == groupkit.InvitationCancelled {
			cancelled++
			require.Equal(t, users, e.Users)
			require.Equal(t, by, e.Actor)
			require.Equal(t, "why not", e.Reason)
		}
	}
	require.Equal(t, min(1, len(users)), cancelled, "%v", call)
}

// requireInvitationsEnded checks that these invitations are gone, that the others can be accepted, and
// that the log gives the same group.
func requireInvitationsEnded(t *testing.T, eng *groupkit.Engine, id groupkit.GroupID, users grouptest.IDs) {
	t.Helper()
	grouptest.RequireVerified(t, eng)
	want, err := eng.System().Snapshot(t.Context(), id)
	require.NoError(t, err)
	got, err := groupkit.Replay(eng.System().Events(t.Context(), id, 0))
	require.NoError(t, err)
	require.Equal(t, want, got)
	for _, i := range want.Invitations {
		require.NotContains(t, users, i.User)
		require.NoError(t, eng.As(i.User).AcceptInvitation(t.Context(), id))
	}
	for _, u := range users {
		err := eng.As(u).AcceptInvitation(t.Context(), id)
		if !errors.Is(err, groupkit.ErrBlacklisted) {
			require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
		}
	}
}

// Inside Atomic, the call after the one that ended the right sees no invitation any more; and
// nothing has happened if the transaction is rolled back.
func TestInvitations_EndWithTheRightToInvite_Atomic(t *testing.T) {
	t.Parallel()
	eng, id := invitersGroup(t, groupkit.Options{}, true)
	undo := func(tx *groupkit.Tx) error {
		require.NoError(t, tx.As("carol").Leave(t.Context(), id))
		require.ErrorIs(t, tx.As("by-carol").AcceptInvitation(t.Context(), id), groupkit.ErrGroupNotFound)
		return context.Canceled
	}
	require.ErrorIs(t, eng.Atomic(t.Context(), undo), context.Canceled)
	require.NoError(t, eng.As("by-carol").AcceptInvitation(t.Context(), id))
}

// What has expired is cleared away as expired, and not cancelled.
func TestInvitations_EndWithTheRightToInvite_Expired(t *testing.T) {
	t.Parallel()
	eng, clock := grouptest.Setup(t, groupkit.Options{InvitationTTL: time.Minute})
	ctx := t.Context()
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{AllowInvites: true, Members: grouptest.IDs{"carol"}})
	require.NoError(t, grouptest.ErrorOf(eng.As("carol").Invite(ctx, id, "early")))
	clock.Advance(time.Minute)
	require.NoError(t, grouptest.ErrorOf(eng.As("carol").Invite(ctx, id, "late")))
	before := eventsOf(t, eng, id, 0)
	require.NoError(t, eng.As("carol").Leave(ctx, id))
	added := eventsOf(t, eng, id, uint64(len(before)+1))
	require.Len(t, added, 3)
	require.Equal(t, groupkit.InvitationExpired, added[0].Kind)
	require.Equal(t, grouptest.IDs{"early"}, added[0].Users)
	require.Equal(t, groupkit.MemberLeft, added[1].Kind)
	require.Equal(t, groupkit.InvitationCancelled, added[2].Kind)
	require.Equal(t, grouptest.IDs{"late"}, added[2].Users)
	grouptest.RequireVerified(t, eng)
}

// A higher role takes a pending invitation over by inviting again.
func TestActor_Invite_TakesOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		by, invited groupkit.UserID
		takes       bool
	}{
		"the system from a member":     {"", "by-carol", true},
		"the system from the owner":    {"", "by-alice", true},
		"the system from itself":       {"", "by-system", false},
		"the owner from a member":      {"alice", "by-carol", true},
		"the owner from an admin":      {"alice", "by-bob", true},
		"the owner from herself":       {"alice", "by-alice", false},
		"the owner from the system":    {"alice", "by-system", false},
		"an admin from a member":       {"bob", "by-carol", true},
		"an admin from another admin":  {"dave", "by-bob", false},
		"an admin from the owner":      {"bob", "by-alice", false},
		"a member from another member": {"erin", "by-carol", false},
		"a member from an admin":       {"carol", "by-bob", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eng, id := invitersGroup(t, groupkit.Options{Limits: groupkit.Limits{Invitations: 4}}, true)
			ctx, system := t.Context(), eng.System()
			require.NoError(t, system.AddMember(ctx, id, "erin"))
			require.NoError(t, system.AddAdmin(ctx, id, "dave"))
			before, err := system.Snapshot(ctx, id)
			require.NoError(t, err)
			outcome, err := grouptest.ActorOf(eng, c.by).Because("again").Invite(ctx, id, c.invited)
			require.NoError(t, err, "the list is full, but an invitation that is taken over needs no room")
			require.Equal(t, groupkit.OutcomeInvited, outcome)
			added := eventsOf(t, eng, id, before.Group.Version+1)
			if !c.takes {
				require.Empty(t, added)
				return
			}
			require.Len(t, added, 1)
			require.Equal(t, groupkit.MemberInvited, added[0].Kind)
			require.Equal(t, grouptest.IDs{c.invited}, added[0].Users)
			after, err := system.Snapshot(ctx, id)
			require.NoError(t, err)
			require.Len(t, after.Invitations, 4)
			for _, i := range after.Invitations {
				if i.User == c.invited {
					require.Equal(t, groupkit.Invitation{Group: id, User: c.invited, By: c.by, At: added[0].At, Reason: "again"}, i)
				}
			}
			again, err := groupkit.Replay(system.Events(ctx, id, 0))
			require.NoError(t, err)
			require.Equal(t, after, again)
			grouptest.RequireVerified(t, eng)
		})
	}
}

// An invitation that was taken over has the end of the new one, and lives on without its first
// inviter.
func TestActor_Invite_TakesOver_OutlivesTheFirstInviter(t *testing.T) {
	t.Parallel()
	eng, clock := grouptest.Setup(t, groupkit.Options{InvitationTTL: time.Hour})
	ctx := t.Context()
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{AllowInvites: true, Members: grouptest.IDs{"carol"}})
	require.NoError(t, grouptest.ErrorOf(eng.As("carol").InviteUsers(ctx, id, grouptest.IDs{"frank", "grace"})))
	clock.Advance(time.Minute)
	require.NoError(t, grouptest.ErrorOf(eng.As("alice").InviteUsers(ctx, id, grouptest.IDs{"frank", "frank"})))
	require.NoError(t, eng.As("alice").RemoveMember(ctx, id, "carol"))
	require.ErrorIs(t, eng.As("grace").AcceptInvitation(ctx, id), groupkit.ErrGroupNotFound)
	clock.Advance(time.Hour - time.Minute)
	require.NoError(t, grouptest.ErrorOf(eng.Sweep(ctx)), "the first end has passed")
	grouptest.RequireVerified(t, eng)
	require.NoError(t, eng.As("frank").AcceptInvitation(ctx, id))
}

// The invitations of one who was blocked do not keep the group shut: there is room for new ones,
// the owner's invitation can be accepted, and those who were invited see the group no more.
func TestInvitations_OfABlockedInviterShutNothing(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{Limits: groupkit.Limits{Batch: 500}})
	ctx := t.Context()
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{AllowInvites: true, Members: grouptest.IDs{"carol"}})
	users := grouptest.Users("user", 500)
	require.NoError(t, grouptest.ErrorOf(eng.As("carol").InviteUsers(ctx, id, users)))
	require.ErrorIs(t, grouptest.ErrorOf(eng.As("alice").Invite(ctx, id, "ivan")), groupkit.ErrTooManyInvitations)
	require.NoError(t, grouptest.ErrorOf(eng.As("alice").Block(ctx, id, groupkit.Forever, "carol")))
	for _, u := range users[:10] {
		_, err := eng.As(u).Group(ctx, id)
		require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
	}
	for _, u := range (grouptest.IDs{"ivan", users[0]}) {
		outcome, err := eng.As("alice").Invite(ctx, id, u)
		require.NoError(t, err)
		require.Equal(t, groupkit.OutcomeInvited, outcome)
		require.NoError(t, eng.As(u).AcceptInvitation(ctx, id))
	}
	grouptest.RequireVerified(t, eng)
}
