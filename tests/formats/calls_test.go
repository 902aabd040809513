package formats_test

import (
	"context"
	"strings"
	"time"

	"groupkit"
)

// A onceCall is a call with an idempotency key. The generator makes it, and the test of
// the fixture repeats it, so that its arguments must never change.
type onceCall struct {
	key string
	as  groupkit.UserID // "" is the system
	do  func(ctx context.Context, a groupkit.Actor) (any, error)
}

// until is the end that a mute or a block returned.
type until struct{ time.Time }

func (c *onceCall) actor(eng *groupkit.Engine) groupkit.Actor {
	if c.as == "" {
		return eng.System().Once(c.key)
	}
	return eng.As(c.as).Once(c.key)
}

const day = 24 * time.Hour

// onceCalls are calls of every kind of result, in the group "packed" and around it. Their
// batches fail with every refusal that an entry can be recorded with.
var onceCalls = []onceCall{
	{"add", "", func(ctx context.Context, a groupkit.Actor) (any, error) {
		return a.AddMembers(ctx, "packed", []groupkit.UserID{"xena", "rita", "wes", "nobody", " spaced", "alice", "yan", "zed"})
	}},
	{"invite", "paula", func(ctx context.Context, a groupkit.Actor) (any, error) {
		return a.InviteUsers(ctx, "packed", []groupkit.UserID{"ann", "ben", "cid", "rita", "wes"})
	}},
	{"mute", "paula", func(ctx context.Context, a groupkit.Actor) (any, error) {
		return a.MuteUsers(ctx, "packed", 90*day, []groupkit.UserID{"otto", "quinn", "stranger", "rita", "sam", "tina", "uma", "vic"})
	}},
	{"unmute", "otto", func(ctx context.Context, a groupkit.Actor) (any, error) {
		return a.UnmuteUsers(ctx, "packed", []groupkit.UserID{"rita", "vic"})
	}},
	{"block", "otto", func(ctx context.Context, a groupkit.Actor) (any, error) {
		return a.BlockUsers(ctx, "packed", groupkit.Forever, []groupkit.UserID{"vic", "wes", "stranger"})
	}},
	{"unblock", "otto", func(ctx context.Context, a groupkit.Actor) (any, error) {
		return a.UnblockUsers(ctx, "packed", []groupkit.UserID{"vic", "stranger"})
	}},
	{"allow", "quinn", func(ctx context.Context, a groupkit.Actor) (any, error) {
		return a.AllowUsers(ctx, "packed", []groupkit.UserID{"sam", "sam", "stranger"})
	}},
	{"disallow", "quinn", func(ctx context.Context, a groupkit.Actor) (any, error) {
		return a.DisallowUsers(ctx, "packed", []groupkit.UserID{"sam", "tina"})
	}},
	{"remove", "quinn", func(ctx context.Context, a groupkit.Actor) (any, error) {
		return a.RemoveMembers(ctx, "packed", []groupkit.UserID{"ghost", "uma", "stranger"})
	}},
	{"new", "otto", func(ctx context.Context, a groupkit.Actor) (any, error) {
		return a.CreateGroup(ctx, groupkit.NewGroup{Name: "Once only", Custom: `{"kept":true}`, MaxUsers: 4, Members: []groupkit.UserID{"paula"}})
	}},
	{"update", "otto", func(ctx context.Context, a groupkit.Actor) (any, error) {
		return a.UpdateGroup(ctx, "packed", groupkit.GroupUpdate{Name: new("Packed full"), MembersOnly: new(false), AllowInvites: new(true), Custom: new("")})
	}},
	{"mute one", "otto", func(ctx context.Context, a groupkit.Actor) (any, error) {
		end, err := a.Mute(ctx, "packed", groupkit.Forever, "tina")
		return until{end}, err
	}},
	{"block one", "otto", func(ctx context.Context, a groupkit.Actor) (any, error) {
		end, err := a.Block(ctx, "packed", 30*day, "tina")
		return until{end}, err
	}},
	{"block one for good", "otto", func(ctx context.Context, a groupkit.Actor) (any, error) {
		end, err := a.Block(ctx, "packed", groupkit.Forever, "yan")
		return until{end}, err
	}},
	{"invite one", "quinn", func(ctx context.Context, a groupkit.Actor) (any, error) { return a.Invite(ctx, "packed", "ann") }},
	{"join", "ann", func(ctx context.Context, a groupkit.Actor) (any, error) { return a.Join(ctx, "packed") }},
	{"ask", "ben", func(ctx context.Context, a groupkit.Actor) (any, error) { return a.Join(ctx, "club") }},
	{"upload", "quinn", func(ctx context.Context, a groupkit.Actor) (any, error) {
		return a.UploadFile(ctx, "packed", "once.txt", strings.NewReader("uploaded once"))
	}},
	{"announce", "quinn", func(ctx context.Context, a groupkit.Actor) (any, error) {
		return nil, a.SetAnnouncement(ctx, "packed", "Said once.")
	}},
	{"leave", "quinn", func(ctx context.Context, a groupkit.Actor) (any, error) { return nil, a.Leave(ctx, "packed") }},
	{"delete", "otto", func(ctx context.Context, a groupkit.Actor) (any, error) {
		return nil, a.DeleteGroup(ctx, "short-lived")
	}},
	{"forget", "", func(ctx context.Context, a groupkit.Actor) (any, error) {
		return nil, a.ForgetUser(ctx, "temp", groupkit.ForgetOptions{Owned: groupkit.OwnedDelete, Blocks: true})
	}},
}
