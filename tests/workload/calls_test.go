package workload_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"groupkit"
	"groupkit/internal/grouptest"
)

// A callKind is a kind of call, and the users of a group for whom it can succeed.
type callKind struct {
	name string
	fits func(*drawing) grouptest.IDs
	make func(*drawing) callFunc
}

// personal reports whether the call is always about the caller.
func (p *callKind) personal() bool {
	switch p.name {
	case "Leave", "Join", "CancelRequest", "AcceptInvitation", "DeclineInvitation":
		return true
	}
	return false
}

var callKinds = []callKind{
	onWhole("Leave", members, groupkit.Actor.Leave),
	onWhole("Join", invited, func(a groupkit.Actor, ctx context.Context, id groupkit.GroupID) error {
		return grouptest.ErrorOf(a.Join(ctx, id))
	}),
	onWhole("CancelRequest", asking, groupkit.Actor.CancelRequest),
	onWhole("AcceptInvitation", invited, groupkit.Actor.AcceptInvitation),
	onWhole("DeclineInvitation", invited, groupkit.Actor.DeclineInvitation),
	onWhole("MuteGroup", whoever, groupkit.Actor.MuteGroup),
	onWhole("UnmuteGroup", whoever, groupkit.Actor.UnmuteGroup),
	onSingle("AddAdmin", members, groupkit.Actor.AddAdmin),
	onSingle("RemoveAdmin", admins, groupkit.Actor.RemoveAdmin),
	onSingle("TransferGroup", members, groupkit.Actor.TransferGroup),
	onSingle("AddMember", whoever, groupkit.Actor.AddMember),
	onSingle("RemoveMember", members, groupkit.Actor.RemoveMember),
	onSingle("ApproveRequest", asking, groupkit.Actor.ApproveRequest),
	onSingle("DeclineRequest", asking, groupkit.Actor.DeclineRequest),
	onSingle("Invite", asking, func(a groupkit.Actor, ctx context.Context, id groupkit.GroupID, u groupkit.UserID) error {
		return grouptest.ErrorOf(a.Invite(ctx, id, u))
	}),
	onSingle("Invite again", invited, func(a groupkit.Actor, ctx context.Context, id groupkit.GroupID, u groupkit.UserID) error {
		return grouptest.ErrorOf(a.Invite(ctx, id, u))
	}),
	onSingle("RemoveMember of an inviter", inviters, groupkit.Actor.RemoveMember),
	onSingle("CancelInvitation", invited, groupkit.Actor.CancelInvitation),
	onSingle("Unblock", blocked, groupkit.Actor.Unblock),
	onSingle("Unmute", muted, groupkit.Actor.Unmute),
	onSingle("Allow", members, groupkit.Actor.Allow),
	onSingle("Disallow", allowed, groupkit.Actor.Disallow),
	onSeveral("AddMembers", whoever, groupkit.Actor.AddMembers),
	onSeveral("RemoveMembers", members, groupkit.Actor.RemoveMembers),
	onSeveral("InviteUsers", whoever, groupkit.Actor.InviteUsers),
	onSeveral("ApproveRequests", asking, groupkit.Actor.ApproveRequests),
	onSeveral("DeclineRequests", asking, groupkit.Actor.DeclineRequests),
	onSeveral("CancelInvitations", invited, groupkit.Actor.CancelInvitations),
	onSeveral("UnblockUsers", blocked, groupkit.Actor.UnblockUsers),
	onSeveral("UnmuteUsers", muted, groupkit.Actor.UnmuteUsers),
	onSeveral("AllowUsers", members, groupkit.Actor.AllowUsers),
	onSeveral("DisallowUsers", allowed, groupkit.Actor.DisallowUsers),
	{"Block", members, func(o *drawing) callFunc {
		d := oneOf(o.dice, lasting)
		return func(ctx context.Context, a groupkit.Actor) (any, error) { return a.Block(ctx, o.id, d, o.user) }
	}},
	{"BlockUsers", members, func(o *drawing) callFunc {
		d := oneOf(o.dice, lasting)
		return func(ctx context.Context, a groupkit.Actor) (any, error) { return a.BlockUsers(ctx, o.id, d, o.some) }
	}},
	{"Mute", members, func(o *drawing) callFunc {
		d := oneOf(o.dice, lasting)
		return func(ctx context.Context, a groupkit.Actor) (any, error) { return a.Mute(ctx, o.id, d, o.user) }
	}},
	{"MuteUsers", members, func(o *drawing) callFunc {
		d := oneOf(o.dice, lasting)
		return func(ctx context.Context, a groupkit.Actor) (any, error) { return a.MuteUsers(ctx, o.id, d, o.some) }
	}},
	{"SetAnnouncement", whoever, func(o *drawing) callFunc {
		text := oneOf(o.dice, wording)
		return func(ctx context.Context, a groupkit.Actor) (any, error) {
			return nil, a.Because(text).SetAnnouncement(ctx, o.id, text)
		}
	}},
	{"CreateGroup", whoever, drawCreation},
	{"UpdateGroup", whoever, drawUpdate},
	{"DeleteGroup", whoever, drawDeletion},
	{"ForgetUser", members, drawForgetting},
	{"UploadFile", whoever, drawUpload},
	{"DeleteFile", whoever, drawFileDeletion},
}

func whoever(*drawing) grouptest.IDs { return nil }

func members(o *drawing) grouptest.IDs {
	return usersOf(o.group.Members, func(m groupkit.Member) groupkit.UserID { return m.User })
}

func admins(o *drawing) (out grouptest.IDs) {
	for _, m := range o.group.Members {
		if m.Role == groupkit.RoleAdmin {
			out = append(out, m.User)
		}
	}
	return out
}

func muted(o *drawing) grouptest.IDs {
	return usersOf(o.group.Mutes, func(m groupkit.Mute) groupkit.UserID { return m.User })
}

func blocked(o *drawing) grouptest.IDs {
	return usersOf(o.group.Blacklist, func(b groupkit.Block) groupkit.UserID { return b.User })
}

func allowed(o *drawing) grouptest.IDs {
	return usersOf(o.group.AllowList, func(a groupkit.Allowed) groupkit.UserID { return a.User })
}

func asking(o *drawing) grouptest.IDs {
	return usersOf(o.group.Requests, func(r groupkit.Request) groupkit.UserID { return r.User })
}

func invited(o *drawing) grouptest.IDs {
	return usersOf(o.group.Invitations, func(i groupkit.Invitation) groupkit.UserID { return i.User })
}

func inviters(o *drawing) (out grouptest.IDs) {
	for _, i := range o.group.Invitations {
		if i.By != "" {
			out = append(out, i.By)
		}
	}
	return out
}

func usersOf[T any](list []T, user func(T) groupkit.UserID) grouptest.IDs {
	var out grouptest.IDs
	for _, one := range list {
		out = append(out, user(one))
	}
	return out
}

// onWhole is a kind of call on a group.
func onWhole(name string, fits func(*drawing) grouptest.IDs, call func(groupkit.Actor, context.Context, groupkit.GroupID) error) callKind {
	return callKind{name, fits, func(o *drawing) callFunc {
		return func(ctx context.Context, a groupkit.Actor) (any, error) { return nil, call(a, ctx, o.id) }
	}}
}

// onSingle is a kind of call on one user.
func onSingle(name string, fits func(*drawing) grouptest.IDs, call func(groupkit.Actor, context.Context, groupkit.GroupID, groupkit.UserID) error) callKind {
	return callKind{name, fits, func(o *drawing) callFunc {
		return func(ctx context.Context, a groupkit.Actor) (any, error) { return nil, call(a, ctx, o.id, o.user) }
	}}
}

// onSeveral is a kind of call on several users.
func onSeveral(name string, fits func(*drawing) grouptest.IDs, call func(groupkit.Actor, context.Context, groupkit.GroupID, []groupkit.UserID) (groupkit.Results, error)) callKind {
	return callKind{name, fits, func(o *drawing) callFunc {
		return func(ctx context.Context, a groupkit.Actor) (any, error) { return call(a, ctx, o.id, o.some) }
	}}
}

var (
	lasting = []time.Duration{time.Second, time.Minute, groupkit.Forever, 0}
	wording = []string{"", "hear me", "a/b"}
)

func drawCreation(o *drawing) callFunc {
	d := o.dice
	n := groupkit.NewGroup{Name: "made", Public: d.yes(), InviteNeedConfirm: new(d.yes()), MaxUsers: d(6), Members: o.some[1:]}
	if d.yes() {
		n.ID, n.Owner = o.id+groupkit.GroupID(fmt.Sprint(d(3))), oneOf(d, workloadUsers)
	}
	return func(ctx context.Context, a groupkit.Actor) (any, error) {
		g, err := a.CreateGroup(ctx, n)
		if err == nil {
			o.workload.note(ctx, g.ID)
		}
		return g, err
	}
}

func drawUpdate(o *drawing) callFunc {
	var u groupkit.GroupUpdate
	if d := o.dice; d(3) == 0 {
		u.MaxUsers, u.MembersOnly, u.InviteNeedConfirm = new(d(8)), new(d.yes()), new(d.yes())
	} else if d(3) == 0 {
		u.AllowInvites = new(d.yes())
	} else {
		u.Name, u.Custom = new(oneOf(d, wording)), new(oneOf(d, wording))
	}
	return func(ctx context.Context, a groupkit.Actor) (any, error) { return a.UpdateGroup(ctx, o.id, u) }
}

// drawDeletion mostly mutes the group instead, or there would soon be no group.
func drawDeletion(o *drawing) callFunc {
	rare := o.dice(12) == 0
	return func(ctx context.Context, a groupkit.Actor) (any, error) {
		if rare {
			return nil, a.DeleteGroup(ctx, o.id)
		}
		return nil, a.MuteGroup(ctx, o.id)
	}
}

func drawForgetting(o *drawing) callFunc {
	d := o.dice
	opts := groupkit.ForgetOptions{Owned: groupkit.OwnedPolicy(d(2)), Blocks: d.yes(), Pseudonymize: d.yes()}
	if d(4) == 0 {
		opts.Owned = groupkit.OwnedDelete
	}
	return func(ctx context.Context, a groupkit.Actor) (any, error) { return nil, a.ForgetUser(ctx, o.user, opts) }
}

func drawUpload(o *drawing) callFunc {
	name := oneOf(o.dice, []string{"a.txt", "b.txt", "a/b"})
	return func(ctx context.Context, a groupkit.Actor) (any, error) {
		return a.UploadFile(ctx, o.id, name, strings.NewReader(name))
	}
}

func drawFileDeletion(o *drawing) callFunc {
	file := groupkit.FileID("no file")
	if len(o.group.Files) > 0 {
		file = oneOf(o.dice, o.group.Files).ID
	}
	return func(ctx context.Context, a groupkit.Actor) (any, error) { return nil, a.DeleteFile(ctx, o.id, file) }
}
