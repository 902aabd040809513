package escalation_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"groupkit"
	"groupkit/internal/grouptest"
)

// Arguments are what a call draws from, all at once, so that every verb takes the same number of draws.
type arguments struct {
	id       groupkit.GroupID
	user     groupkit.UserID
	some     []groupkit.UserID
	file     groupkit.FileID
	text     string
	duration time.Duration
	made     groupkit.NewGroup
	update   groupkit.GroupUpdate
	forget   groupkit.ForgetOptions
}

func (x *arguments) String() string {
	text, err := json.Marshal([]any{x.id, x.some, x.file, x.text, x.duration, x.made, x.update, x.forget})
	return cmp.Or(string(text), fmt.Sprint(err))
}

// A verb makes one call. named says whom its arguments name.
type verb struct {
	name  string
	often int
	named func(*arguments) []groupkit.UserID
	call  func(context.Context, groupkit.Actor, *arguments) error
}

func nobody(*arguments) []groupkit.UserID { return nil }

func whole(name string, often int, call func(groupkit.Actor, context.Context, groupkit.GroupID) error) verb {
	return verb{name, often, nobody, func(ctx context.Context, a groupkit.Actor, x *arguments) error { return call(a, ctx, x.id) }}
}

func single(name string, often int, call func(groupkit.Actor, context.Context, groupkit.GroupID, groupkit.UserID) error) verb {
	return verb{name, often, func(x *arguments) []groupkit.UserID { return x.some[:1] },
		func(ctx context.Context, a groupkit.Actor, x *arguments) error { return call(a, ctx, x.id, x.user) }}
}

func several(name string, often int, call func(groupkit.Actor, context.Context, groupkit.GroupID, []groupkit.UserID) (groupkit.Results, error)) verb {
	return verb{name, often, func(x *arguments) []groupkit.UserID { return x.some },
		func(ctx context.Context, a groupkit.Actor, x *arguments) error {
			return grouptest.ErrorOf(call(a, ctx, x.id, x.some))
		}}
}

func outcome(call func(groupkit.Actor, context.Context, groupkit.GroupID) (groupkit.Outcome, error)) func(groupkit.Actor, context.Context, groupkit.GroupID) error {
	return func(a groupkit.Actor, ctx context.Context, id groupkit.GroupID) error {
		return grouptest.ErrorOf(call(a, ctx, id))
	}
}

// verbs are all calls that can change a group, and some that only read.
var verbs = []verb{
	{"CreateGroup", 8, func(x *arguments) []groupkit.UserID { return x.some },
		func(ctx context.Context, a groupkit.Actor, x *arguments) error {
			g, err := a.CreateGroup(ctx, x.made)
			x.made.ID = g.ID
			return err
		}},
	{"UpdateGroup", 3, nobody, func(ctx context.Context, a groupkit.Actor, x *arguments) error {
		return grouptest.ErrorOf(a.UpdateGroup(ctx, x.id, x.update))
	}},
	whole("DeleteGroup", 1, groupkit.Actor.DeleteGroup),
	single("AddAdmin", 6, groupkit.Actor.AddAdmin),
	single("RemoveAdmin", 2, groupkit.Actor.RemoveAdmin),
	single("TransferGroup", 1, groupkit.Actor.TransferGroup),
	single("AddMember", 1, groupkit.Actor.AddMember),
	several("AddMembers", 1, groupkit.Actor.AddMembers),
	single("RemoveMember", 1, groupkit.Actor.RemoveMember),
	several("RemoveMembers", 1, groupkit.Actor.RemoveMembers),
	whole("Leave", 1, groupkit.Actor.Leave),
	whole("Join", 8, outcome(groupkit.Actor.Join)),
	single("ApproveRequest", 1, groupkit.Actor.ApproveRequest),
	several("ApproveRequests", 1, groupkit.Actor.ApproveRequests),
	single("DeclineRequest", 1, groupkit.Actor.DeclineRequest),
	several("DeclineRequests", 1, groupkit.Actor.DeclineRequests),
	whole("CancelRequest", 1, groupkit.Actor.CancelRequest),
	single("Invite", 8, func(a groupkit.Actor, ctx context.Context, id groupkit.GroupID, u groupkit.UserID) error {
		return grouptest.ErrorOf(a.Invite(ctx, id, u))
	}),
	several("InviteUsers", 3, groupkit.Actor.InviteUsers),
	whole("AcceptInvitation", 2, groupkit.Actor.AcceptInvitation),
	whole("DeclineInvitation", 1, groupkit.Actor.DeclineInvitation),
	single("CancelInvitation", 3, groupkit.Actor.CancelInvitation),
	several("CancelInvitations", 1, groupkit.Actor.CancelInvitations),
	single("Block", 1, func(a groupkit.Actor, ctx context.Context, id groupkit.GroupID, u groupkit.UserID) error {
		return grouptest.ErrorOf(a.Block(ctx, id, groupkit.Forever, u))
	}),
	{"BlockUsers", 1, func(x *arguments) []groupkit.UserID { return x.some },
		func(ctx context.Context, a groupkit.Actor, x *arguments) error {
			return grouptest.ErrorOf(a.BlockUsers(ctx, x.id, x.duration, x.some))
		}},
	single("Unblock", 2, groupkit.Actor.Unblock),
	several("UnblockUsers", 2, groupkit.Actor.UnblockUsers),
	{"Mute", 3, func(x *arguments) []groupkit.UserID { return x.some[:1] },
		func(ctx context.Context, a groupkit.Actor, x *arguments) error {
			return grouptest.ErrorOf(a.Mute(ctx, x.id, x.duration, x.user))
		}},
	{"MuteUsers", 2, func(x *arguments) []groupkit.UserID { return x.some },
		func(ctx context.Context, a groupkit.Actor, x *arguments) error {
			return grouptest.ErrorOf(a.MuteUsers(ctx, x.id, x.duration, x.some))
		}},
	single("Unmute", 2, groupkit.Actor.Unmute),
	several("UnmuteUsers", 1, groupkit.Actor.UnmuteUsers),
	whole("MuteGroup", 1, groupkit.Actor.MuteGroup),
	whole("UnmuteGroup", 1, groupkit.Actor.UnmuteGroup),
	single("Allow", 2, groupkit.Actor.Allow),
	several("AllowUsers", 1, groupkit.Actor.AllowUsers),
	single("Disallow", 1, groupkit.Actor.Disallow),
	several("DisallowUsers", 1, groupkit.Actor.DisallowUsers),
	{"SetAnnouncement", 2, nobody, func(ctx context.Context, a groupkit.Actor, x *arguments) error {
		return a.SetAnnouncement(ctx, x.id, x.text)
	}},
	{"UploadFile", 3, nobody, func(ctx context.Context, a groupkit.Actor, x *arguments) error {
		return grouptest.ErrorOf(a.UploadFile(ctx, x.id, "a.txt", strings.NewReader(x.text)))
	}},
	{"DeleteFile", 3, nobody, func(ctx context.Context, a groupkit.Actor, x *arguments) error {
		return a.DeleteFile(ctx, x.id, x.file)
	}},
	{"ForgetUser", 1, func(x *arguments) []groupkit.UserID { return x.some[:1] },
		func(ctx context.Context, a groupkit.Actor, x *arguments) error {
			return a.ForgetUser(ctx, x.user, x.forget)
		}},
	{"PutContent", 1, nobody, func(ctx context.Context, a groupkit.Actor, x *arguments) error {
		return a.PutContent(ctx, x.id, x.file, strings.NewReader(x.text))
	}},
	{"Load", 1, nobody, func(ctx context.Context, a groupkit.Actor, x *arguments) error { // of a group that is there, or was
		s := groupkit.Snapshot{Group: groupkit.Group{ID: x.id, Name: "n", Owner: x.user, MaxUsers: 3, Version: 1}}
		s.Members = []groupkit.Member{{User: x.user, Role: groupkit.RoleOwner}}
		return grouptest.ErrorOf(a.Load(ctx, s))
	}},
	{"Import", 1, nobody, func(ctx context.Context, a groupkit.Actor, x *arguments) error {
		return grouptest.ErrorOf(a.Import(ctx, strings.NewReader(fmt.Sprintf("{\"export\":1}\n%s", x.text)), groupkit.ImportOptions{Existing: true}))
	}},
	{"Sweep", 1, nobody, nil},
	whole("MaySpeak", 1, groupkit.Actor.MaySpeak),
	{"Standing", 1, nobody, func(ctx context.Context, a groupkit.Actor, x *arguments) error {
		return grouptest.ErrorOf(a.Standing(ctx, x.id, x.user))
	}},
}

// lottery has every verb as often as it is to be drawn.
var lottery = func() (out []*verb) {
	for i := range verbs {
		for range verbs[i].often {
			out = append(out, &verbs[i])
		}
	}
	return out
}()
