//go:build unix

package cluster_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/modeltest"
)

// An operation is a call with its arguments and its answer, as a process tells it.
type operation struct {
	Verb    string            `json:"v"`
	By      groupkit.UserID   `json:"b,omitempty"` // "" is the system
	Group   groupkit.GroupID  `json:"g,omitempty"`
	User    groupkit.UserID   `json:"u,omitempty"`
	Users   []groupkit.UserID `json:"us,omitempty"`
	For     time.Duration     `json:"d,omitempty"`
	Text    string            `json:"t,omitempty"`
	Number  int               `json:"n,omitempty"` // chooses among the forms of a call
	Reason  string            `json:"r"`           // no two operations have the same
	Attempt string            `json:"at"`          // the same as Reason, unless another process has begun the operation
	Dry     bool              `json:"dry,omitempty"`
	Version *uint64           `json:"if,omitempty"`
	Once    bool              `json:"key,omitempty"`
	Answer  answer            `json:"a"`
	Fate    fate              `json:"f"`
	Failure string            `json:"e,omitempty"` // of the fates failed and unknown
	Begun   int64             `json:"t0"`
	Ended   int64             `json:"t1"`

	fitting []groupkit.UserID // from whom its users are drawn
	apart   bool              // another attempt was made, and this one changed nothing
}

// A fate is what became of a call.
type fate int

const (
	granted fate = iota
	refused
	failed  // nothing was changed, as far as the caller is told
	unknown // it was made, or was not
)

// An answer is what a call told.
type answer struct {
	Code    string   `json:"c,omitempty"`  // why it was refused
	Entries []string `json:"es,omitempty"` // the same, of the entries of a batch
	Read    string   `json:"r,omitempty"`
}

func (o *operation) caller() modeltest.Caller {
	return modeltest.Caller{System: o.By == "", User: o.By, Reason: o.Reason, Version: o.Version}
}

func (o *operation) actor(scope groupkit.Scope) groupkit.Actor {
	a := o.caller().Actor(scope)
	if o.Dry {
		a = a.Can()
	}
	if o.Once {
		a = a.Once(o.Reason)
	}
	return a
}

// A verb is one kind of operation: how it is drawn, made, and judged by the model.
type verb struct {
	name  string
	reads bool
	alone bool // not inside Atomic
	steps bool // it can fail after it was made in part
	rare  bool // it ends so much that it is drawn seldom

	fitting modeltest.Crowd // the users for whom it can succeed
	draw    func(d dice, o *operation)

	make  func(context.Context, groupkit.Actor, *operation) (answer, error)
	judge func(*modeltest.World, modeltest.Caller, *operation) (answer, *modeltest.Refusal)
}

var verbs = []verb{
	whole("MuteGroup", modeltest.Anyone, groupkit.Actor.MuteGroup, (*modeltest.World).MuteGroup),
	whole("UnmuteGroup", modeltest.Anyone, groupkit.Actor.UnmuteGroup, (*modeltest.World).UnmuteGroup),
	personal(whole("Leave", modeltest.TheMembers, groupkit.Actor.Leave, (*modeltest.World).Leave)),
	personal(whole("CancelRequest", modeltest.TheRequested, groupkit.Actor.CancelRequest, (*modeltest.World).CancelRequest)),
	personal(whole("AcceptInvitation", modeltest.TheInvited, groupkit.Actor.AcceptInvitation, (*modeltest.World).AcceptInvitation)),
	personal(whole("DeclineInvitation", modeltest.TheInvited, groupkit.Actor.DeclineInvitation, (*modeltest.World).DeclineInvitation)),
	single("AddAdmin", modeltest.TheOthers, groupkit.Actor.AddAdmin, (*modeltest.World).AddAdmin),
	single("RemoveAdmin", modeltest.TheAdmins, groupkit.Actor.RemoveAdmin, (*modeltest.World).RemoveAdmin),
	single("TransferGroup", modeltest.TheOthers, groupkit.Actor.TransferGroup, (*modeltest.World).TransferGroup),
	single("AddMember", modeltest.TheStrangers, groupkit.Actor.AddMember, (*modeltest.World).AddMember),
	single("RemoveMember", modeltest.TheOthers, groupkit.Actor.RemoveMember, (*modeltest.World).RemoveMember),
	single("ApproveRequest", modeltest.TheRequested, groupkit.Actor.ApproveRequest, (*modeltest.World).ApproveRequest),
	single("DeclineRequest", modeltest.TheRequested, groupkit.Actor.DeclineRequest, (*modeltest.World).DeclineRequest),
	single("CancelInvitation", modeltest.TheInvited, groupkit.Actor.CancelInvitation, (*modeltest.World).CancelInvitation),
	single("Unblock", modeltest.TheBlocked, groupkit.Actor.Unblock, (*modeltest.World).Unblock),
	single("Unmute", modeltest.TheMuted, groupkit.Actor.Unmute, (*modeltest.World).Unmute),
	single("Allow", modeltest.TheMembers, groupkit.Actor.Allow, (*modeltest.World).Allow),
	single("Disallow", modeltest.TheAllowed, groupkit.Actor.Disallow, (*modeltest.World).Disallow),
	several("AddMembers", modeltest.TheStrangers, groupkit.Actor.AddMembers, (*modeltest.World).AddMembers),
	several("RemoveMembers", modeltest.TheOthers, groupkit.Actor.RemoveMembers, (*modeltest.World).RemoveMembers),
	several("InviteUsers", modeltest.TheStrangers, groupkit.Actor.InviteUsers, (*modeltest.World).InviteUsers),
	several("ApproveRequests", modeltest.TheRequested, groupkit.Actor.ApproveRequests, (*modeltest.World).ApproveRequests),
	several("DeclineRequests", modeltest.TheRequested, groupkit.Actor.DeclineRequests, (*modeltest.World).DeclineRequests),
	several("CancelInvitations", modeltest.TheInvited, groupkit.Actor.CancelInvitations, (*modeltest.World).CancelInvitations),
	several("UnblockUsers", modeltest.TheBlocked, groupkit.Actor.UnblockUsers, (*modeltest.World).UnblockUsers),
	several("UnmuteUsers", modeltest.TheMuted, groupkit.Actor.UnmuteUsers, (*modeltest.World).UnmuteUsers),
	several("AllowUsers", modeltest.TheMembers, groupkit.Actor.AllowUsers, (*modeltest.World).AllowUsers),
	several("DisallowUsers", modeltest.TheAllowed, groupkit.Actor.DisallowUsers, (*modeltest.World).DisallowUsers),
	lasting("Mute", modeltest.TheOthers, groupkit.Actor.Mute, (*modeltest.World).Mute),
	lasting("Block", modeltest.TheOthers, groupkit.Actor.Block, (*modeltest.World).Block),
	lastingSeveral("MuteUsers", modeltest.TheOthers, groupkit.Actor.MuteUsers, (*modeltest.World).MuteUsers),
	lastingSeveral("BlockUsers", modeltest.TheOthers, groupkit.Actor.BlockUsers, (*modeltest.World).BlockUsers),
	personal(verb{name: "Join", fitting: modeltest.TheStrangers,
		make: func(ctx context.Context, a groupkit.Actor, o *operation) (answer, error) {
			out, err := a.Join(ctx, o.Group)
			return answer{Read: out.String()}, err
		},
		judge: func(w *modeltest.World, c modeltest.Caller, o *operation) (answer, *modeltest.Refusal) {
			out, no := w.Join(c, o.Group)
			return answer{Read: out.String()}, no
		}}),
	{name: "Invite", fitting: modeltest.TheStrangers, draw: drawUser,
		make: func(ctx context.Context, a groupkit.Actor, o *operation) (answer, error) {
			out, err := a.Invite(ctx, o.Group, o.User)
			return answer{Read: out.String()}, err
		},
		judge: func(w *modeltest.World, c modeltest.Caller, o *operation) (answer, *modeltest.Refusal) {
			out, no := w.Invite(c, o.Group, o.User)
			return answer{Read: out.String()}, no
		}},
	{name: "SetAnnouncement",
		make: func(ctx context.Context, a groupkit.Actor, o *operation) (answer, error) {
			return answer{}, a.SetAnnouncement(ctx, o.Group, o.Reason)
		},
		judge: func(w *modeltest.World, c modeltest.Caller, o *operation) (answer, *modeltest.Refusal) {
			return answer{}, w.SetAnnouncement(c, o.Group, o.Reason)
		}},
	{name: "UpdateGroup", draw: func(d dice, o *operation) { o.Number = d(12) },
		make: func(ctx context.Context, a groupkit.Actor, o *operation) (answer, error) {
			changed, err := a.UpdateGroup(ctx, o.Group, o.update())
			return answer{Read: fieldsRead(changed)}, err
		},
		judge: func(w *modeltest.World, c modeltest.Caller, o *operation) (answer, *modeltest.Refusal) {
			changed, no := w.UpdateGroup(c, o.Group, o.update())
			return answer{Read: fieldsRead(changed)}, no
		}},
	{name: "CreateGroup", rare: true, draw: func(d dice, o *operation) { o.Number, o.User, o.Users = d(16), oneOf(d, users), someOf(d, users) },
		make: func(ctx context.Context, a groupkit.Actor, o *operation) (answer, error) {
			_, err := a.CreateGroup(ctx, o.newGroup())
			return answer{}, err
		},
		judge: func(w *modeltest.World, c modeltest.Caller, o *operation) (answer, *modeltest.Refusal) {
			_, no := w.CreateGroup(c, o.newGroup())
			return answer{}, no
		}},
	{name: "DeleteGroup", alone: true, rare: true, steps: true,
		make: func(ctx context.Context, a groupkit.Actor, o *operation) (answer, error) {
			return answer{}, a.DeleteGroup(ctx, o.Group)
		},
		judge: func(w *modeltest.World, c modeltest.Caller, o *operation) (answer, *modeltest.Refusal) {
			return answer{}, w.DeleteGroup(c, o.Group)
		}},
	{name: "ForgetUser", alone: true, rare: true, steps: true, draw: func(d dice, o *operation) { o.By, o.Group, o.User, o.Number = "", "", oneOf(d, users), d(6) },
		make: func(ctx context.Context, a groupkit.Actor, o *operation) (answer, error) {
			return answer{}, a.ForgetUser(ctx, o.User, groupkit.ForgetOptions{
				Owned: groupkit.OwnedPolicy(o.Number % 2), Blocks: o.Number < 3, Pseudonymize: slices.Contains(forgettable, o.User),
			})
		}},
	{name: "UploadFile", alone: true, draw: func(d dice, o *operation) { o.Text = oneOf(d, []string{"a.txt", "b.txt", "a/b"}) },
		make: func(ctx context.Context, a groupkit.Actor, o *operation) (answer, error) {
			_, err := a.UploadFile(ctx, o.Group, o.Text, strings.NewReader(o.Reason))
			return answer{}, err
		},
		judge: func(w *modeltest.World, c modeltest.Caller, o *operation) (answer, *modeltest.Refusal) {
			_, no := w.UploadFile(c, o.Group, modeltest.Upload{Name: o.Text, Content: o.Reason})
			return answer{}, no
		}},
	{name: "DeleteFile",
		make: func(ctx context.Context, a groupkit.Actor, o *operation) (answer, error) {
			return answer{}, a.DeleteFile(ctx, o.Group, groupkit.FileID(o.Text))
		},
		judge: func(w *modeltest.World, c modeltest.Caller, o *operation) (answer, *modeltest.Refusal) {
			return answer{}, w.DeleteFile(c, o.Group, groupkit.FileID(o.Text))
		}},
	{name: "read Group", reads: true,
		make: func(ctx context.Context, a groupkit.Actor, o *operation) (answer, error) {
			g, err := a.Group(ctx, o.Group)
			return answer{Read: groupRead(g)}, err
		},
		judge: func(w *modeltest.World, c modeltest.Caller, o *operation) (answer, *modeltest.Refusal) {
			g, no := w.Group(c, o.Group)
			return answer{Read: groupRead(g)}, no
		}},
	{name: "read Role", reads: true, draw: drawUser,
		make: func(ctx context.Context, a groupkit.Actor, o *operation) (answer, error) {
			role, err := a.Role(ctx, o.Group, o.User)
			return answer{Read: role.String()}, err
		},
		judge: func(w *modeltest.World, c modeltest.Caller, o *operation) (answer, *modeltest.Refusal) {
			role, no := w.Role(c, o.Group, o.User)
			return answer{Read: role.String()}, no
		}},
	{name: "read Members", reads: true,
		make: func(ctx context.Context, a groupkit.Actor, o *operation) (answer, error) {
			members, err := grouptest.Collect(a.Members(ctx, o.Group))
			return answer{Read: membersRead(members)}, err
		},
		judge: func(w *modeltest.World, c modeltest.Caller, o *operation) (answer, *modeltest.Refusal) {
			members, no := w.Members(c, o.Group)
			return answer{Read: membersRead(members)}, no
		}},
	personal(verb{name: "read MaySpeak", fitting: modeltest.TheMembers, reads: true,
		make: func(ctx context.Context, a groupkit.Actor, o *operation) (answer, error) {
			return answer{}, a.MaySpeak(ctx, o.Group)
		},
		judge: func(w *modeltest.World, c modeltest.Caller, o *operation) (answer, *modeltest.Refusal) {
			return answer{}, w.MaySpeak(c, o.Group)
		}}),
}

func verbNamed(name string) *verb {
	return &verbs[slices.IndexFunc(verbs, func(v verb) bool { return v.name == name })]
}

func drawUser(d dice, o *operation) { o.User = oneOf(d, o.fitting) }

func drawUsers(d dice, o *operation) { o.Users = someOf(d, o.fitting) }

func drawDuration(d dice, o *operation) {
	o.For = oneOf(d, []time.Duration{groupkit.Forever, groupkit.Forever, time.Hour, 300 * time.Millisecond})
}

// personal is for calls that only a user makes.
func personal(v verb) verb {
	draw := v.draw
	v.draw = func(d dice, o *operation) {
		if draw != nil {
			draw(d, o)
		}
		o.By = oneOf(d, o.fitting)
	}
	return v
}

func whole(name string, fitting modeltest.Crowd, call func(groupkit.Actor, context.Context, groupkit.GroupID) error, judge func(*modeltest.World, modeltest.Caller, groupkit.GroupID) *modeltest.Refusal) verb {
	return verb{
		name: name, fitting: fitting, steps: name == "Leave", alone: name == "Leave", // which can delete the group
		make: func(ctx context.Context, a groupkit.Actor, o *operation) (answer, error) {
			return answer{}, call(a, ctx, o.Group)
		},
		judge: func(w *modeltest.World, c modeltest.Caller, o *operation) (answer, *modeltest.Refusal) {
			return answer{}, judge(w, c, o.Group)
		},
	}
}

func single(name string, fitting modeltest.Crowd, call func(groupkit.Actor, context.Context, groupkit.GroupID, groupkit.UserID) error, judge func(*modeltest.World, modeltest.Caller, groupkit.GroupID, groupkit.UserID) *modeltest.Refusal) verb {
	return verb{
		name: name, fitting: fitting, draw: drawUser,
		make: func(ctx context.Context, a groupkit.Actor, o *operation) (answer, error) {
			return answer{}, call(a, ctx, o.Group, o.User)
		},
		judge: func(w *modeltest.World, c modeltest.Caller, o *operation) (answer, *modeltest.Refusal) {
			return answer{}, judge(w, c, o.Group, o.User)
		},
	}
}

func lasting(name string, fitting modeltest.Crowd, call func(groupkit.Actor, context.Context, groupkit.GroupID, time.Duration, groupkit.UserID) (time.Time, error), judge func(*modeltest.World, modeltest.Caller, groupkit.GroupID, time.Duration, groupkit.UserID) (time.Time, *modeltest.Refusal)) verb {
	return verb{
		name: name, fitting: fitting, draw: func(d dice, o *operation) { drawUser(d, o); drawDuration(d, o) },
		make: func(ctx context.Context, a groupkit.Actor, o *operation) (answer, error) {
			_, err := call(a, ctx, o.Group, o.For, o.User)
			return answer{}, err
		},
		judge: func(w *modeltest.World, c modeltest.Caller, o *operation) (answer, *modeltest.Refusal) {
			_, no := judge(w, c, o.Group, o.For, o.User)
			return answer{}, no
		},
	}
}

func several(name string, fitting modeltest.Crowd, call func(groupkit.Actor, context.Context, groupkit.GroupID, []groupkit.UserID) (groupkit.Results, error), judge func(*modeltest.World, modeltest.Caller, groupkit.GroupID, []groupkit.UserID) ([]modeltest.Entry, *modeltest.Refusal)) verb {
	return verb{
		name: name, fitting: fitting, draw: drawUsers,
		make: func(ctx context.Context, a groupkit.Actor, o *operation) (answer, error) {
			results, err := call(a, ctx, o.Group, o.Users)
			return answer{Entries: resultsRead(results)}, err
		},
		judge: func(w *modeltest.World, c modeltest.Caller, o *operation) (answer, *modeltest.Refusal) {
			entries, no := judge(w, c, o.Group, o.Users)
			return answer{Entries: entriesRead(entries)}, no
		},
	}
}

func lastingSeveral(name string, fitting modeltest.Crowd, call func(groupkit.Actor, context.Context, groupkit.GroupID, time.Duration, []groupkit.UserID) (groupkit.Results, error), judge func(*modeltest.World, modeltest.Caller, groupkit.GroupID, time.Duration, []groupkit.UserID) ([]modeltest.Entry, *modeltest.Refusal)) verb {
	return verb{
		name: name, fitting: fitting, draw: func(d dice, o *operation) { drawUsers(d, o); drawDuration(d, o) },
		make: func(ctx context.Context, a groupkit.Actor, o *operation) (answer, error) {
			results, err := call(a, ctx, o.Group, o.For, o.Users)
			return answer{Entries: resultsRead(results)}, err
		},
		judge: func(w *modeltest.World, c modeltest.Caller, o *operation) (answer, *modeltest.Refusal) {
			entries, no := judge(w, c, o.Group, o.For, o.Users)
			return answer{Entries: entriesRead(entries)}, no
		},
	}
}

// Groups in the slot 1 are private, and those in the slot 2 take members by request.
func (o *operation) newGroup() groupkit.NewGroup {
	private := strings.HasPrefix(string(o.Group), "1-")
	n := groupkit.NewGroup{
		ID: o.Group, Name: o.Reason, Owner: o.User, Members: o.Users, Public: !private,
		MembersOnly: strings.HasPrefix(string(o.Group), "2-"), AllowInvites: o.Number%2 == 0, InviteNeedConfirm: new(o.Number%3 > 0),
	}
	return n
}

func (o *operation) update() groupkit.GroupUpdate {
	var u groupkit.GroupUpdate
	switch o.Number {
	case 0, 1, 2:
		u.MaxUsers = new(maxUsers - o.Number)
	case 3, 4:
		u.MembersOnly = new(o.Number == 3)
	case 5, 6:
		u.InviteNeedConfirm = new(o.Number == 5)
	case 7, 8:
		u.AllowInvites = new(o.Number == 7)
	default:
		u.Name, u.Custom = new(o.Reason), new(o.Reason)
	}
	return u
}

// What answers are compared by.

func fieldsRead(changed []groupkit.Field) string { return fmt.Sprint(changed) }

func resultsRead(results groupkit.Results) (codes []string) {
	for _, r := range results {
		codes = append(codes, groupkit.Code(r.Err))
	}
	return codes
}

func entriesRead(entries []modeltest.Entry) (codes []string) {
	for _, e := range entries {
		codes = append(codes, codeOf(e.Refused))
	}
	return codes
}

func codeOf(no *modeltest.Refusal) string {
	if no == nil {
		return ""
	}
	return groupkit.Code(no.Is[0])
}

func groupRead(g groupkit.Group) string {
	return fmt.Sprint(g.Version, g.Owner, g.MemberCount, g.AdminCount, g.Muted, g.MaxUsers, g.Name)
}

func membersRead(members []groupkit.Member) string {
	var s []string
	for _, m := range members {
		s = append(s, fmt.Sprint(m.User, " ", m.Role))
	}
	return strings.Join(s, ", ")
}
