package groupkit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// A stage is a group in which every verb that changes a group can succeed: bob and
// ben are admins, carol to erin members, dave is muted, erin on the allow list, frank
// has asked to join, grace is invited, mallory is blocked, and ivan is a stranger.
type stage struct {
	eng   *groupkit.Engine
	clock *clock
	id    groupkit.GroupID
	file  groupkit.FileID // of carol's
}

// act sets the stage.
func act(t require.TestingT, eng *groupkit.Engine, c *clock) *stage {
	ctx, system := context.Background(), eng.System()
	g, err := system.CreateGroup(ctx, groupkit.NewGroup{
		ID: "guild", Name: "night watch", Owner: "alice", Public: true, MembersOnly: true,
		Members: []groupkit.UserID{"bob", "ben", "carol", "dave", "erin", "mallory"},
	})
	require.NoError(t, err)
	s := &stage{eng: eng, clock: c, id: g.ID}
	f, err := eng.As("carol").UploadFile(ctx, s.id, "map.txt", strings.NewReader("here be dragons"))
	require.NoError(t, err)
	s.file = f.ID
	require.NoError(t, errors.Join(
		system.AddAdmin(ctx, s.id, "bob"),
		system.AddAdmin(ctx, s.id, "ben"),
		second(system.Because("loud").Mute(ctx, s.id, time.Hour, "dave")),
		system.Allow(ctx, s.id, "erin"),
		second(eng.As("frank").Join(ctx, s.id)),
		second(eng.As("alice").Invite(ctx, s.id, "grace")),
		second(system.Because("spam").Block(ctx, s.id, groupkit.Forever, "mallory")),
	))
	return s
}

// staged is a stage on an engine in memory.
func staged(t testing.TB, opts groupkit.Options) *stage {
	t.Helper()
	eng, c := setup(t, opts)
	return act(t, eng, c)
}

func (s *stage) group(t require.TestingT) groupkit.Group {
	g, err := s.eng.System().Group(context.Background(), s.id)
	require.NoError(t, err)
	return g
}

// whole is all that is so of the group, and its log.
func (s *stage) whole(t require.TestingT) (groupkit.Snapshot, []groupkit.Event) {
	ctx, system := context.Background(), s.eng.System()
	log, err := collect(system.Events(ctx, s.id, 0))
	require.NoError(t, err)
	snapshot, err := system.Snapshot(ctx, s.id)
	if errors.Is(err, groupkit.ErrGroupNotFound) {
		return groupkit.Snapshot{}, log
	}
	require.NoError(t, err)
	return snapshot, log
}

// A verb is one call that changes the group, who makes it, and what it answers.
type deed struct {
	name string
	op   groupkit.Op
	by   groupkit.UserID // "" is the system
	call func(context.Context, groupkit.Actor, *stage) (any, error)

	users    []groupkit.UserID // what a Guard sees of it
	duration time.Duration
	text     string
}

// do makes the call as the one who may.
func (v *deed) do(s *stage, change ...func(groupkit.Actor) groupkit.Actor) (any, error) {
	return v.in(s.eng, s, change...)
}

// in makes the call as an actor of a scope: the engine, or a transaction.
func (v *deed) in(scope groupkit.Scope, s *stage, change ...func(groupkit.Actor) groupkit.Actor) (any, error) {
	a := v.actor(scope)
	for _, c := range change {
		a = c(a)
	}
	return v.call(context.Background(), a, s)
}

func (v *deed) actor(scope groupkit.Scope) groupkit.Actor {
	if v.by == "" {
		return scope.System()
	}
	return scope.As(v.by)
}

// alone is a call that answers with an error and nothing else.
func alone(call func(groupkit.Actor, context.Context, groupkit.GroupID) error) func(context.Context, groupkit.Actor, *stage) (any, error) {
	return func(ctx context.Context, a groupkit.Actor, s *stage) (any, error) { return nil, call(a, ctx, s.id) }
}

// onOne is alone for a call on one user.
func onOne(call func(groupkit.Actor, context.Context, groupkit.GroupID, groupkit.UserID) error, u groupkit.UserID) func(context.Context, groupkit.Actor, *stage) (any, error) {
	return func(ctx context.Context, a groupkit.Actor, s *stage) (any, error) { return nil, call(a, ctx, s.id, u) }
}

// onMany is a batch.
func onMany(call func(groupkit.Actor, context.Context, groupkit.GroupID, []groupkit.UserID) (groupkit.Results, error), users ...groupkit.UserID) func(context.Context, groupkit.Actor, *stage) (any, error) {
	return func(ctx context.Context, a groupkit.Actor, s *stage) (any, error) { return call(a, ctx, s.id, users) }
}

type ids = []groupkit.UserID

// verbs are all calls that change a group. In each batch one entry succeeds, and
// others fail.
var verbs = []deed{
	{name: "CreateGroup", op: groupkit.OpCreateGroup, by: "carol", users: ids{"carol", "ivan"},
		call: func(ctx context.Context, a groupkit.Actor, _ *stage) (any, error) {
			return a.CreateGroup(ctx, groupkit.NewGroup{Name: "day watch", Custom: "x=1", Members: ids{"ivan"}})
		}},
	{name: "UpdateGroup", op: groupkit.OpUpdateGroup, by: "alice",
		call: func(ctx context.Context, a groupkit.Actor, s *stage) (any, error) {
			return a.UpdateGroup(ctx, s.id, groupkit.GroupUpdate{Name: new("day watch"), Custom: new("x=2"), MaxUsers: new(100)})
		}},
	{name: "DeleteGroup", op: groupkit.OpDeleteGroup, by: "alice", call: alone(groupkit.Actor.DeleteGroup)},
	{name: "AddAdmin", op: groupkit.OpAddAdmin, by: "alice", users: ids{"carol"}, call: onOne(groupkit.Actor.AddAdmin, "carol")},
	{name: "RemoveAdmin", op: groupkit.OpRemoveAdmin, by: "alice", users: ids{"bob"}, call: onOne(groupkit.Actor.RemoveAdmin, "bob")},
	{name: "TransferGroup", op: groupkit.OpTransferGroup, by: "alice", users: ids{"dave"}, call: onOne(groupkit.Actor.TransferGroup, "dave")},
	{name: "AddMember", op: groupkit.OpAddMembers, users: ids{"ivan"}, call: onOne(groupkit.Actor.AddMember, "ivan")},
	{name: "AddMembers", op: groupkit.OpAddMembers, users: ids{"ivan", "ivan", "mallory", "\x00"}, call: onMany(groupkit.Actor.AddMembers, "ivan", "ivan", "mallory", "\x00")},
	{name: "RemoveMember", op: groupkit.OpRemoveMembers, by: "bob", users: ids{"erin"}, call: onOne(groupkit.Actor.RemoveMember, "erin")},
	{name: "RemoveMembers", op: groupkit.OpRemoveMembers, by: "bob", users: ids{"ivan", "erin", "ben", "alice"}, call: onMany(groupkit.Actor.RemoveMembers, "ivan", "erin", "ben", "alice")},
	{name: "Leave", op: groupkit.OpLeave, by: "erin", call: alone(groupkit.Actor.Leave)},
	{name: "Join", op: groupkit.OpJoin, by: "ivan",
		call: func(ctx context.Context, a groupkit.Actor, s *stage) (any, error) { return a.Join(ctx, s.id) }},
	{name: "ApproveRequest", op: groupkit.OpApproveRequest, by: "bob", users: ids{"frank"}, call: onOne(groupkit.Actor.ApproveRequest, "frank")},
	{name: "DeclineRequest", op: groupkit.OpDeclineRequest, by: "bob", users: ids{"frank"}, call: onOne(groupkit.Actor.DeclineRequest, "frank")},
	{name: "CancelRequest", op: groupkit.OpCancelRequest, by: "frank", call: alone(groupkit.Actor.CancelRequest)},
	{name: "Invite", op: groupkit.OpInviteUsers, by: "bob", users: ids{"frank"},
		call: func(ctx context.Context, a groupkit.Actor, s *stage) (any, error) {
			return a.Invite(ctx, s.id, "frank")
		}},
	{name: "InviteUsers", op: groupkit.OpInviteUsers, by: "bob", users: ids{"ivan", "frank", "mallory", "carol"}, call: onMany(groupkit.Actor.InviteUsers, "ivan", "frank", "mallory", "carol")},
	{name: "AcceptInvitation", op: groupkit.OpAcceptInvitation, by: "grace", call: alone(groupkit.Actor.AcceptInvitation)},
	{name: "DeclineInvitation", op: groupkit.OpDeclineInvitation, by: "grace", call: alone(groupkit.Actor.DeclineInvitation)},
	{name: "CancelInvitation", op: groupkit.OpCancelInvitation, by: "alice", users: ids{"grace"}, call: onOne(groupkit.Actor.CancelInvitation, "grace")},
	{name: "Block", op: groupkit.OpBlockUsers, by: "bob", users: ids{"carol"}, duration: time.Minute,
		call: func(ctx context.Context, a groupkit.Actor, s *stage) (any, error) {
			return a.Block(ctx, s.id, time.Minute, "carol")
		}},
	{name: "BlockUsers", op: groupkit.OpBlockUsers, by: "bob", users: ids{"carol", "mallory", "ben"}, duration: time.Hour,
		call: func(ctx context.Context, a groupkit.Actor, s *stage) (any, error) {
			return a.BlockUsers(ctx, s.id, time.Hour, ids{"carol", "mallory", "ben"})
		}},
	{name: "Unblock", op: groupkit.OpUnblockUsers, by: "bob", users: ids{"mallory"}, call: onOne(groupkit.Actor.Unblock, "mallory")},
	{name: "UnblockUsers", op: groupkit.OpUnblockUsers, by: "bob", users: ids{"mallory", "carol"}, call: onMany(groupkit.Actor.UnblockUsers, "mallory", "carol")},
	{name: "Mute", op: groupkit.OpMuteUsers, by: "bob", users: ids{"carol"}, duration: time.Minute,
		call: func(ctx context.Context, a groupkit.Actor, s *stage) (any, error) {
			return a.Mute(ctx, s.id, time.Minute, "carol")
		}},
	{name: "MuteUsers", op: groupkit.OpMuteUsers, by: "bob", users: ids{"carol", "ben", "ivan"}, duration: groupkit.Forever,
		call: func(ctx context.Context, a groupkit.Actor, s *stage) (any, error) {
			return a.MuteUsers(ctx, s.id, groupkit.Forever, ids{"carol", "ben", "ivan"})
		}},
	{name: "Unmute", op: groupkit.OpUnmuteUsers, by: "bob", users: ids{"dave"}, call: onOne(groupkit.Actor.Unmute, "dave")},
	{name: "UnmuteUsers", op: groupkit.OpUnmuteUsers, by: "bob", users: ids{"dave", "carol"}, call: onMany(groupkit.Actor.UnmuteUsers, "dave", "carol")},
	{name: "MuteGroup", op: groupkit.OpMuteGroup, by: "bob", call: alone(groupkit.Actor.MuteGroup)},
	{name: "UnmuteGroup", op: groupkit.OpUnmuteGroup, by: "bob", call: alone(groupkit.Actor.UnmuteGroup)}, // succeeds, though there is nothing to do
	{name: "Allow", op: groupkit.OpAllowUsers, by: "bob", users: ids{"carol"}, call: onOne(groupkit.Actor.Allow, "carol")},
	{name: "AllowUsers", op: groupkit.OpAllowUsers, by: "bob", users: ids{"carol", "erin", "ivan"}, call: onMany(groupkit.Actor.AllowUsers, "carol", "erin", "ivan")},
	{name: "Disallow", op: groupkit.OpDisallowUsers, by: "bob", users: ids{"erin"}, call: onOne(groupkit.Actor.Disallow, "erin")},
	{name: "DisallowUsers", op: groupkit.OpDisallowUsers, by: "bob", users: ids{"erin", "carol"}, call: onMany(groupkit.Actor.DisallowUsers, "erin", "carol")},
	{name: "SetAnnouncement", op: groupkit.OpSetAnnouncement, by: "bob", text: "the gate is shut",
		call: func(ctx context.Context, a groupkit.Actor, s *stage) (any, error) {
			return nil, a.SetAnnouncement(ctx, s.id, "the gate is shut")
		}},
	{name: "UploadFile", op: groupkit.OpUploadFile, by: "carol", text: "plan.txt",
		call: func(ctx context.Context, a groupkit.Actor, s *stage) (any, error) {
			return a.UploadFile(ctx, s.id, "plan.txt", strings.NewReader("march at dawn"))
		}},
	{name: "DeleteFile", op: groupkit.OpDeleteFile, by: "carol",
		call: func(ctx context.Context, a groupkit.Actor, s *stage) (any, error) {
			return nil, a.DeleteFile(ctx, s.id, s.file)
		}},
	{name: "ForgetUser", op: groupkit.OpForgetUser, users: ids{"erin"},
		call: func(ctx context.Context, a groupkit.Actor, _ *stage) (any, error) {
			return nil, a.ForgetUser(ctx, "erin", groupkit.ForgetOptions{Pseudonymize: true})
		}},
}

// eachVerb runs a test for every verb, each on a stage of its own.
func eachVerb(t *testing.T, opts groupkit.Options, test func(t *testing.T, v *deed, s *stage)) {
	for i := range verbs {
		t.Run(verbs[i].name, func(t *testing.T) {
			t.Parallel()
			test(t, &verbs[i], staged(t, opts))
		})
	}
}
