package grouptest

import (
	"context"
	"strings"
	"testing"
	"time"

	"groupkit"
)

// A Verb is one call that changes the group of a Fixture, and its caller.
type Verb struct {
	Name string
	Op   groupkit.Op
	By   groupkit.UserID // "" is the system
	Call func(context.Context, groupkit.Actor, *Fixture) (any, error)

	Users    []groupkit.UserID // Users, Duration and Text are what a Guard sees
	Duration time.Duration
	Text     string
}

// Do makes the call on the engine of the Fixture.
func (v *Verb) Do(s *Fixture, change ...func(groupkit.Actor) groupkit.Actor) (any, error) {
	return v.In(s.Engine, s, change...)
}

// In makes the call in a scope: an engine, or a transaction.
func (v *Verb) In(scope groupkit.Scope, s *Fixture, change ...func(groupkit.Actor) groupkit.Actor) (any, error) {
	a := v.Actor(scope)
	for _, c := range change {
		a = c(a)
	}
	return v.Call(context.Background(), a, s)
}

// Actor returns the caller in a scope.
func (v *Verb) Actor(scope groupkit.Scope) groupkit.Actor {
	if v.By == "" {
		return scope.System()
	}
	return scope.As(v.By)
}

// alone is a call on the group that returns an error alone.
func alone(call func(groupkit.Actor, context.Context, groupkit.GroupID) error) func(context.Context, groupkit.Actor, *Fixture) (any, error) {
	return func(ctx context.Context, a groupkit.Actor, s *Fixture) (any, error) { return nil, call(a, ctx, s.ID) }
}

// onOne is a call on one user that returns an error alone.
func onOne(call func(groupkit.Actor, context.Context, groupkit.GroupID, groupkit.UserID) error, u groupkit.UserID) func(context.Context, groupkit.Actor, *Fixture) (any, error) {
	return func(ctx context.Context, a groupkit.Actor, s *Fixture) (any, error) {
		return nil, call(a, ctx, s.ID, u)
	}
}

// onMany is a call on several users.
func onMany(call func(groupkit.Actor, context.Context, groupkit.GroupID, []groupkit.UserID) (groupkit.Results, error), users ...groupkit.UserID) func(context.Context, groupkit.Actor, *Fixture) (any, error) {
	return func(ctx context.Context, a groupkit.Actor, s *Fixture) (any, error) { return call(a, ctx, s.ID, users) }
}

// Verbs are all calls that change a group. Each of them succeeds. In a batch, some entries
// succeed and others fail.
var Verbs = []Verb{
	{Name: "CreateGroup", Op: groupkit.OpCreateGroup, By: "carol", Users: IDs{"carol", "ivan"},
		Call: func(ctx context.Context, a groupkit.Actor, _ *Fixture) (any, error) {
			return a.CreateGroup(ctx, groupkit.NewGroup{Name: "day watch", Custom: "x=1", Members: IDs{"ivan"}})
		}},
	{Name: "UpdateGroup", Op: groupkit.OpUpdateGroup, By: "alice",
		Call: func(ctx context.Context, a groupkit.Actor, s *Fixture) (any, error) {
			return a.UpdateGroup(ctx, s.ID, groupkit.GroupUpdate{Name: new("day watch"), Custom: new("x=2"), MaxUsers: new(100)})
		}},
	{Name: "DeleteGroup", Op: groupkit.OpDeleteGroup, By: "alice", Call: alone(groupkit.Actor.DeleteGroup)},
	{Name: "AddAdmin", Op: groupkit.OpAddAdmin, By: "alice", Users: IDs{"carol"}, Call: onOne(groupkit.Actor.AddAdmin, "carol")},
	{Name: "RemoveAdmin", Op: groupkit.OpRemoveAdmin, By: "alice", Users: IDs{"bob"}, Call: onOne(groupkit.Actor.RemoveAdmin, "bob")},
	{Name: "TransferGroup", Op: groupkit.OpTransferGroup, By: "alice", Users: IDs{"dave"}, Call: onOne(groupkit.Actor.TransferGroup, "dave")},
	{Name: "AddMember", Op: groupkit.OpAddMembers, Users: IDs{"ivan"}, Call: onOne(groupkit.Actor.AddMember, "ivan")},
	{Name: "AddMembers", Op: groupkit.OpAddMembers, Users: IDs{"ivan", "ivan", "mallory", "\x00"}, Call: onMany(groupkit.Actor.AddMembers, "ivan", "ivan", "mallory", "\x00")},
	{Name: "RemoveMember", Op: groupkit.OpRemoveMembers, By: "bob", Users: IDs{"erin"}, Call: onOne(groupkit.Actor.RemoveMember, "erin")},
	{Name: "RemoveMembers", Op: groupkit.OpRemoveMembers, By: "bob", Users: IDs{"ivan", "erin", "ben", "alice"}, Call: onMany(groupkit.Actor.RemoveMembers, "ivan", "erin", "ben", "alice")},
	{Name: "Leave", Op: groupkit.OpLeave, By: "erin", Call: alone(groupkit.Actor.Leave)},
	{Name: "Join", Op: groupkit.OpJoin, By: "ivan",
		Call: func(ctx context.Context, a groupkit.Actor, s *Fixture) (any, error) { return a.Join(ctx, s.ID) }},
	{Name: "ApproveRequest", Op: groupkit.OpApproveRequests, By: "bob", Users: IDs{"frank"}, Call: onOne(groupkit.Actor.ApproveRequest, "frank")},
	{Name: "DeclineRequest", Op: groupkit.OpDeclineRequests, By: "bob", Users: IDs{"frank"}, Call: onOne(groupkit.Actor.DeclineRequest, "frank")},
	{Name: "ApproveRequests", Op: groupkit.OpApproveRequests, By: "bob", Users: IDs{"frank", "grace", "\x00"}, Call: onMany(groupkit.Actor.ApproveRequests, "frank", "grace", "\x00")},
	{Name: "DeclineRequests", Op: groupkit.OpDeclineRequests, By: "bob", Users: IDs{"carol", "frank", "frank"}, Call: onMany(groupkit.Actor.DeclineRequests, "carol", "frank", "frank")},
	{Name: "CancelRequest", Op: groupkit.OpCancelRequest, By: "frank", Call: alone(groupkit.Actor.CancelRequest)},
	{Name: "Invite", Op: groupkit.OpInviteUsers, By: "bob", Users: IDs{"frank"},
		Call: func(ctx context.Context, a groupkit.Actor, s *Fixture) (any, error) {
			return a.Invite(ctx, s.ID, "frank")
		}},
	{Name: "InviteUsers", Op: groupkit.OpInviteUsers, By: "bob", Users: IDs{"ivan", "frank", "mallory", "carol"}, Call: onMany(groupkit.Actor.InviteUsers, "ivan", "frank", "mallory", "carol")},
	{Name: "AcceptInvitation", Op: groupkit.OpAcceptInvitation, By: "grace", Call: alone(groupkit.Actor.AcceptInvitation)},
	{Name: "DeclineInvitation", Op: groupkit.OpDeclineInvitation, By: "grace", Call: alone(groupkit.Actor.DeclineInvitation)},
	{Name: "CancelInvitation", Op: groupkit.OpCancelInvitations, By: "alice", Users: IDs{"grace"}, Call: onOne(groupkit.Actor.CancelInvitation, "grace")},
	{Name: "CancelInvitations", Op: groupkit.OpCancelInvitations, By: "alice", Users: IDs{"frank", "grace"}, Call: onMany(groupkit.Actor.CancelInvitations, "frank", "grace")},
	{Name: "Block", Op: groupkit.OpBlockUsers, By: "bob", Users: IDs{"carol"}, Duration: time.Minute,
		Call: func(ctx context.Context, a groupkit.Actor, s *Fixture) (any, error) {
			return a.Block(ctx, s.ID, time.Minute, "carol")
		}},
	{Name: "BlockUsers", Op: groupkit.OpBlockUsers, By: "bob", Users: IDs{"carol", "mallory", "ben"}, Duration: time.Hour,
		Call: func(ctx context.Context, a groupkit.Actor, s *Fixture) (any, error) {
			return a.BlockUsers(ctx, s.ID, time.Hour, IDs{"carol", "mallory", "ben"})
		}},
	{Name: "Unblock", Op: groupkit.OpUnblockUsers, By: "bob", Users: IDs{"mallory"}, Call: onOne(groupkit.Actor.Unblock, "mallory")},
	{Name: "UnblockUsers", Op: groupkit.OpUnblockUsers, By: "bob", Users: IDs{"mallory", "carol"}, Call: onMany(groupkit.Actor.UnblockUsers, "mallory", "carol")},
	{Name: "Mute", Op: groupkit.OpMuteUsers, By: "bob", Users: IDs{"carol"}, Duration: time.Minute,
		Call: func(ctx context.Context, a groupkit.Actor, s *Fixture) (any, error) {
			return a.Mute(ctx, s.ID, time.Minute, "carol")
		}},
	{Name: "MuteUsers", Op: groupkit.OpMuteUsers, By: "bob", Users: IDs{"carol", "ben", "ivan"}, Duration: groupkit.Forever,
		Call: func(ctx context.Context, a groupkit.Actor, s *Fixture) (any, error) {
			return a.MuteUsers(ctx, s.ID, groupkit.Forever, IDs{"carol", "ben", "ivan"})
		}},
	{Name: "Unmute", Op: groupkit.OpUnmuteUsers, By: "bob", Users: IDs{"dave"}, Call: onOne(groupkit.Actor.Unmute, "dave")},
	{Name: "UnmuteUsers", Op: groupkit.OpUnmuteUsers, By: "bob", Users: IDs{"dave", "carol"}, Call: onMany(groupkit.Actor.UnmuteUsers, "dave", "carol")},
	{Name: "MuteGroup", Op: groupkit.OpMuteGroup, By: "bob", Call: alone(groupkit.Actor.MuteGroup)},
	{Name: "UnmuteGroup", Op: groupkit.OpUnmuteGroup, By: "bob", Call: alone(groupkit.Actor.UnmuteGroup)}, // succeeds, though there is nothing to do
	{Name: "Allow", Op: groupkit.OpAllowUsers, By: "bob", Users: IDs{"carol"}, Call: onOne(groupkit.Actor.Allow, "carol")},
	{Name: "AllowUsers", Op: groupkit.OpAllowUsers, By: "bob", Users: IDs{"carol", "erin", "ivan"}, Call: onMany(groupkit.Actor.AllowUsers, "carol", "erin", "ivan")},
	{Name: "Disallow", Op: groupkit.OpDisallowUsers, By: "bob", Users: IDs{"erin"}, Call: onOne(groupkit.Actor.Disallow, "erin")},
	{Name: "DisallowUsers", Op: groupkit.OpDisallowUsers, By: "bob", Users: IDs{"erin", "carol"}, Call: onMany(groupkit.Actor.DisallowUsers, "erin", "carol")},
	{Name: "SetAnnouncement", Op: groupkit.OpSetAnnouncement, By: "bob", Text: "the gate is shut",
		Call: func(ctx context.Context, a groupkit.Actor, s *Fixture) (any, error) {
			return nil, a.SetAnnouncement(ctx, s.ID, "the gate is shut")
		}},
	{Name: "UploadFile", Op: groupkit.OpUploadFile, By: "carol", Text: "plan.txt",
		Call: func(ctx context.Context, a groupkit.Actor, s *Fixture) (any, error) {
			return a.UploadFile(ctx, s.ID, "plan.txt", strings.NewReader("march at dawn"))
		}},
	{Name: "DeleteFile", Op: groupkit.OpDeleteFile, By: "carol",
		Call: func(ctx context.Context, a groupkit.Actor, s *Fixture) (any, error) {
			return nil, a.DeleteFile(ctx, s.ID, s.File)
		}},
	{Name: "ForgetUser", Op: groupkit.OpForgetUser, Users: IDs{"erin"},
		Call: func(ctx context.Context, a groupkit.Actor, _ *Fixture) (any, error) {
			return nil, a.ForgetUser(ctx, "erin", groupkit.ForgetOptions{Pseudonymize: true})
		}},
}

// EachVerb runs a test for every verb, each with a Fixture of its own.
func EachVerb(t *testing.T, opts groupkit.Options, test func(t *testing.T, v *Verb, s *Fixture)) {
	for i := range Verbs {
		t.Run(Verbs[i].Name, func(t *testing.T) {
			t.Parallel()
			test(t, &Verbs[i], NewFixture(t, opts))
		})
	}
}
