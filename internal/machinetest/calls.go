package machinetest

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/modeltest"
)

// The calls that change something, by their form.

type onUser struct {
	verb   string
	by, of modeltest.Crowd // who does it to whom, if it is to succeed
	model  func(*modeltest.World, modeltest.Caller, groupkit.GroupID, groupkit.UserID) *modeltest.Refusal
	engine func(groupkit.Actor, context.Context, groupkit.GroupID, groupkit.UserID) error
}

type onUsers struct {
	verb   string
	by, of modeltest.Crowd
	model  func(*modeltest.World, modeltest.Caller, groupkit.GroupID, []groupkit.UserID) ([]modeltest.Entry, *modeltest.Refusal)
	engine func(groupkit.Actor, context.Context, groupkit.GroupID, []groupkit.UserID) (groupkit.Results, error)
}

type onGroup struct {
	verb   string
	by     modeltest.Crowd
	model  func(*modeltest.World, modeltest.Caller, groupkit.GroupID) *modeltest.Refusal
	engine func(groupkit.Actor, context.Context, groupkit.GroupID) error
}

var (
	addMember        = onUser{"AddMember", nil, modeltest.TheStrangers, (*modeltest.World).AddMember, groupkit.Actor.AddMember}
	removeMember     = onUser{"RemoveMember", modeltest.TheMighty, modeltest.TheOthers, (*modeltest.World).RemoveMember, groupkit.Actor.RemoveMember}
	addAdmin         = onUser{"AddAdmin", modeltest.TheOwner, modeltest.TheOthers, (*modeltest.World).AddAdmin, groupkit.Actor.AddAdmin}
	removeAdmin      = onUser{"RemoveAdmin", modeltest.TheOwner, modeltest.TheAdmins, (*modeltest.World).RemoveAdmin, groupkit.Actor.RemoveAdmin}
	transferGroup    = onUser{"TransferGroup", modeltest.TheOwner, modeltest.TheOthers, (*modeltest.World).TransferGroup, groupkit.Actor.TransferGroup}
	removeInviter    = onUser{"RemoveMember", modeltest.TheMighty, modeltest.TheInviters, (*modeltest.World).RemoveMember, groupkit.Actor.RemoveMember}
	dismissInviter   = onUser{"RemoveAdmin", modeltest.TheOwner, modeltest.TheInviters, (*modeltest.World).RemoveAdmin, groupkit.Actor.RemoveAdmin}
	unblock          = onUser{"Unblock", modeltest.TheMighty, modeltest.TheBlocked, (*modeltest.World).Unblock, groupkit.Actor.Unblock}
	unmute           = onUser{"Unmute", modeltest.TheMighty, modeltest.TheMuted, (*modeltest.World).Unmute, groupkit.Actor.Unmute}
	allow            = onUser{"Allow", modeltest.TheMighty, modeltest.TheOthers, (*modeltest.World).Allow, groupkit.Actor.Allow}
	disallow         = onUser{"Disallow", modeltest.TheMighty, modeltest.TheAllowed, (*modeltest.World).Disallow, groupkit.Actor.Disallow}
	approveRequest   = onUser{"ApproveRequest", modeltest.TheMighty, modeltest.TheRequested, (*modeltest.World).ApproveRequest, groupkit.Actor.ApproveRequest}
	declineRequest   = onUser{"DeclineRequest", modeltest.TheMighty, modeltest.TheRequested, (*modeltest.World).DeclineRequest, groupkit.Actor.DeclineRequest}
	cancelInvitation = onUser{"CancelInvitation", modeltest.TheMembers, modeltest.TheInvited, (*modeltest.World).CancelInvitation, groupkit.Actor.CancelInvitation}

	addMembers    = onUsers{"AddMembers", nil, modeltest.TheStrangers, (*modeltest.World).AddMembers, groupkit.Actor.AddMembers}
	removeMembers = onUsers{"RemoveMembers", modeltest.TheMighty, modeltest.TheOthers, (*modeltest.World).RemoveMembers, groupkit.Actor.RemoveMembers}
	unblockUsers  = onUsers{"UnblockUsers", modeltest.TheMighty, modeltest.TheBlocked, (*modeltest.World).UnblockUsers, groupkit.Actor.UnblockUsers}
	unmuteUsers   = onUsers{"UnmuteUsers", modeltest.TheMighty, modeltest.TheMuted, (*modeltest.World).UnmuteUsers, groupkit.Actor.UnmuteUsers}
	allowUsers    = onUsers{"AllowUsers", modeltest.TheMighty, modeltest.TheOthers, (*modeltest.World).AllowUsers, groupkit.Actor.AllowUsers}
	disallowUsers = onUsers{"DisallowUsers", modeltest.TheMighty, modeltest.TheAllowed, (*modeltest.World).DisallowUsers, groupkit.Actor.DisallowUsers}
	inviteUsers   = onUsers{"InviteUsers", modeltest.TheMembers, modeltest.TheStrangers, (*modeltest.World).InviteUsers, groupkit.Actor.InviteUsers}
	approveAll    = onUsers{"ApproveRequests", modeltest.TheMighty, modeltest.TheRequested, (*modeltest.World).ApproveRequests, groupkit.Actor.ApproveRequests}
	declineAll    = onUsers{"DeclineRequests", modeltest.TheMighty, modeltest.TheRequested, (*modeltest.World).DeclineRequests, groupkit.Actor.DeclineRequests}
	cancelAll     = onUsers{"CancelInvitations", modeltest.TheMembers, modeltest.TheInvited, (*modeltest.World).CancelInvitations, groupkit.Actor.CancelInvitations}
	inviteAgain   = onUsers{"InviteUsers", modeltest.TheMembers, modeltest.TheInvited, (*modeltest.World).InviteUsers, groupkit.Actor.InviteUsers}

	deleteGroup       = onGroup{"DeleteGroup", modeltest.TheOwner, (*modeltest.World).DeleteGroup, groupkit.Actor.DeleteGroup}
	leave             = onGroup{"Leave", modeltest.TheMembers, (*modeltest.World).Leave, groupkit.Actor.Leave}
	muteGroup         = onGroup{"MuteGroup", modeltest.TheMighty, (*modeltest.World).MuteGroup, groupkit.Actor.MuteGroup}
	unmuteGroup       = onGroup{"UnmuteGroup", modeltest.TheMighty, (*modeltest.World).UnmuteGroup, groupkit.Actor.UnmuteGroup}
	cancelRequest     = onGroup{"CancelRequest", modeltest.TheRequested, (*modeltest.World).CancelRequest, groupkit.Actor.CancelRequest}
	acceptInvitation  = onGroup{"AcceptInvitation", modeltest.TheInvited, (*modeltest.World).AcceptInvitation, groupkit.Actor.AcceptInvitation}
	declineInvitation = onGroup{"DeclineInvitation", modeltest.TheInvited, (*modeltest.World).DeclineInvitation, groupkit.Actor.DeclineInvitation}
)

// change draws a caller, a group and a user, and makes the call.
func (v onUser) change(m *machine, t *rapid.T) {
	id := m.world.DrawGroup(t, v.of)
	u := m.world.DrawUser(t, id, v.of)
	c := m.world.DrawCaller(t, id, v.by)
	m.change(t, call{0, v.verb, c, id, []any{u},
		func(w *modeltest.World) (any, *modeltest.Refusal) { return nil, v.model(w, c, id, u) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return nil, v.engine(a, ctx, id, u)
		}})
}

func (v onUsers) change(m *machine, t *rapid.T) {
	id := m.world.DrawGroup(t, v.of)
	some := m.world.DrawUsers(t, id, v.of)
	c := m.world.DrawCaller(t, id, v.by)
	m.change(t, call{0, v.verb, c, id, []any{some},
		func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(v.model(w, c, id, some)) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return answer2(v.engine(a, ctx, id, some))
		}})
}

func (v onGroup) change(m *machine, t *rapid.T) {
	id := m.world.DrawGroup(t, v.by)
	c := m.world.DrawCaller(t, id, v.by)
	m.change(t, call{0, v.verb, c, id, nil,
		func(w *modeltest.World) (any, *modeltest.Refusal) { return nil, v.model(w, c, id) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return nil, v.engine(a, ctx, id)
		}})
}

// answer makes an answer of any type one of the type any.
func answer[T any](value T, no *modeltest.Refusal) (any, *modeltest.Refusal) { return value, no }

func answer2[T any](value T, err error) (any, error) { return value, err }

// A change is one of the calls above, or of those below.
type change interface{ change(*machine, *rapid.T) }

// changeFunc is a change of its own form.
type changeFunc func(*machine, *rapid.T)

func (f changeFunc) change(m *machine, t *rapid.T) { f(m, t) }

// The kinds of changes; what leads further is there more than once.

var changesOfGroups = []change{
	changeFunc((*machine).createGroup), changeFunc((*machine).createGroup), changeFunc((*machine).createGroup),
	changeFunc((*machine).updateGroup), changeFunc((*machine).updateGroup), changeFunc((*machine).updateGroup),
	changeFunc((*machine).setAnnouncement), muteGroup, muteGroup, unmuteGroup, transferGroup, transferGroup, deleteGroup,
	addAdmin, addAdmin, addAdmin, removeAdmin, addMembers, addMembers,
}

var changesOfMembers = []change{
	addMember, addMember, addMembers, addMembers, removeMember, removeMembers, addAdmin, addAdmin, addAdmin, removeAdmin, leave,
}

var comings = []change{
	changeFunc((*machine).join), changeFunc((*machine).join), changeFunc((*machine).join), changeFunc((*machine).invite),
	changeFunc((*machine).invite), inviteUsers, inviteUsers, inviteAgain, inviteAgain, approveRequest, approveAll, declineRequest, declineAll, cancelRequest,
	acceptInvitation, acceptInvitation, declineInvitation, cancelInvitation, cancelAll, leave, dismissInviter, removeInviter,
}

var disciplines = []change{
	changeFunc((*machine).block), changeFunc((*machine).block), changeFunc((*machine).blockUsers), unblock, unblockUsers,
	changeFunc((*machine).mute), changeFunc((*machine).mute), changeFunc((*machine).muteUsers), unmute, unmuteUsers,
	changeFunc((*machine).block), changeFunc((*machine).mute), changeFunc((*machine).mute), removeMember, addMember,
	allow, allowUsers, disallow, disallowUsers,
}

var sharings = []change{
	changeFunc((*machine).uploadFile), changeFunc((*machine).uploadFile), changeFunc((*machine).uploadFile),
	changeFunc((*machine).deleteFile), changeFunc((*machine).setAnnouncement),
}

func (m *machine) one(t *rapid.T, changes []change) {
	if len(m.world.Live) == 0 {
		m.createGroup(t)
		return
	}
	modeltest.Pick(t, "verb", changes).change(m, t)
}

func (m *machine) createGroup(t *rapid.T) {
	if len(m.world.Live) >= 3 && !modeltest.Chance(t, "one group more", 30) {
		m.updateGroup(t)
		return
	}
	c := m.world.DrawCaller(t, "", modeltest.Anyone)
	n := groupkit.NewGroup{
		Name: modeltest.Pick(t, "name", []string{
			"night watch", "夜警", "x", "a/b", strings.Repeat("語", m.world.Options.Limits.Name), strings.Repeat("x", m.world.Options.Limits.Name), strings.Repeat("x", m.world.Options.Limits.Name+1), " ", "\u200b\u3164", "a\n",
		}), Description: modeltest.DrawText(t, "description", m.world.Options.Limits.Description), Avatar: modeltest.DrawText(t, "avatar", m.world.Options.Limits.Avatar),
		Custom: modeltest.DrawText(t, "custom", m.world.Options.Limits.Custom/3), Public: modeltest.Bit.Draw(t, "public"), MembersOnly: modeltest.Bit.Draw(t, "members only"),
		AllowInvites: modeltest.Bit.Draw(t, "allow invites"), Members: m.world.DrawUsers(t, "", nil),
		MaxUsers: modeltest.Pick(t, "max users", []int{0, 0, 4, 3, 0, 4, 3, 0, 1, 2, 3, 0, 3, 3, 3, 3, m.world.Options.Limits.MaxUsers + 1, -1}),
	}
	if modeltest.Bit.Draw(t, "says whether to confirm") {
		n.InviteNeedConfirm = new(modeltest.Bit.Draw(t, "invite need confirm"))
	}
	if c.System || modeltest.Chance(t, "names an owner", 10) {
		n.Owner = m.world.DrawUser(t, "", nil)
	}
	if modeltest.Chance(t, "chooses an id", 50) && (c.System || modeltest.Chance(t, "although a user", 15)) {
		n.ID = modeltest.Pick(t, "id", slices.Concat(modeltest.ChosenGroups, m.everyGroup(), m.everyGroup(), m.everyGroup(), modeltest.HostileGroups[1:3]))
	}
	m.makeGroup(t, c, n)
}

// everyGroup is every group that is or was.
func (m *machine) everyGroup() []groupkit.GroupID {
	return append(slices.Sorted(maps.Keys(m.world.Live)), slices.Sorted(maps.Keys(m.world.Deleted))...)
}

func (m *machine) makeGroup(t *rapid.T, c modeltest.Caller, n groupkit.NewGroup) {
	c.Version = nil
	var made groupkit.Group
	m.change(t, call{0, "CreateGroup", c, n.ID, []any{n},
		func(w *modeltest.World) (any, *modeltest.Refusal) {
			g, no := w.CreateGroup(c, n)
			g.Version = 0
			made = g
			return g, no
		},
		func(ctx context.Context, in *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			n := n
			n.ID = id
			g, err := a.CreateGroup(ctx, n)
			if err == nil && n.ID == "" && !in.dry {
				parsed, err := uuid.Parse(string(g.ID))
				require.NoError(t, err)
				require.Equal(t, uuid.Version(7), parsed.Version())
				in.ids[made.ID], in.names[g.ID] = g.ID, made.ID
			}
			g.Version = 0
			return in.named(g), err
		}})
}

func (m *machine) updateGroup(t *rapid.T) {
	id := m.world.DrawGroup(t, nil)
	c := m.world.DrawCaller(t, id, modeltest.TheMighty)
	u, l := groupkit.GroupUpdate{}, m.world.Options.Limits
	for _, field := range []struct {
		text **string
		most int
	}{{&u.Name, l.Name}, {&u.Description, l.Description}, {&u.Avatar, l.Avatar}, {&u.Custom, l.Custom}} {
		if modeltest.Chance(t, "change it", 25) {
			*field.text = new(modeltest.DrawText(t, "text", field.most))
		}
	}
	if modeltest.Chance(t, "options of the owner", 50) {
		for _, flag := range []**bool{&u.MembersOnly, &u.AllowInvites, &u.InviteNeedConfirm} {
			if modeltest.Chance(t, "change it", 40) {
				*flag = new(modeltest.Bit.Draw(t, "flag"))
			}
		}
		if modeltest.Chance(t, "max users", 30) {
			u.MaxUsers = new(modeltest.Pick(t, "max users", []int{3, 1, 2, 4, 5, 200, 10_000, 0, -1, math.MaxInt, 10_001}))
		}
	}
	m.makeUpdate(t, c, id, u)
}

func (m *machine) makeUpdate(t *rapid.T, c modeltest.Caller, id groupkit.GroupID, u groupkit.GroupUpdate) {
	m.change(t, call{0, "UpdateGroup", c, id, []any{u},
		func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(w.UpdateGroup(c, id, u)) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			changed, err := a.UpdateGroup(ctx, id, u)
			if len(changed) == 0 {
				changed = nil
			}
			return changed, err
		}})
}

func (m *machine) setAnnouncement(t *rapid.T) {
	id, s := m.world.DrawGroup(t, nil), modeltest.DrawText(t, "announcement", m.world.Options.Limits.Announcement)
	c := m.world.DrawCaller(t, id, modeltest.TheMighty)
	m.change(t, call{0, "SetAnnouncement", c, id, []any{s},
		func(w *modeltest.World) (any, *modeltest.Refusal) { return nil, w.SetAnnouncement(c, id, s) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return nil, a.SetAnnouncement(ctx, id, s)
		}})
}

func (m *machine) join(t *rapid.T) {
	id := m.world.DrawGroup(t, modeltest.TheCurious)
	c := m.world.DrawCaller(t, id, modeltest.TheCurious)
	m.change(t, call{0, "Join", c, id, nil,
		func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(w.Join(c, id)) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return answer2(a.Join(ctx, id))
		}})
}

func (m *machine) invite(t *rapid.T) {
	id := m.world.DrawGroup(t, modeltest.TheStrangers)
	u := m.world.DrawUser(t, id, modeltest.TheStrangers)
	c := m.world.DrawCaller(t, id, modeltest.TheMembers)
	m.change(t, call{0, "Invite", c, id, []any{u},
		func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(w.Invite(c, id, u)) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return answer2(a.Invite(ctx, id, u))
		}})
}

func (m *machine) block(t *rapid.T) {
	id, d := m.world.DrawGroup(t, modeltest.TheOthers), modeltest.DrawDuration(t)
	u := m.world.DrawUser(t, id, modeltest.TheOthers)
	m.makeBlock(t, m.world.DrawCaller(t, id, modeltest.TheMighty), id, d, u)
}

func (m *machine) makeBlock(t *rapid.T, c modeltest.Caller, id groupkit.GroupID, d time.Duration, u groupkit.UserID) {
	m.change(t, call{0, "Block", c, id, []any{d, u},
		func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(w.Block(c, id, d, u)) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return answer2(a.Block(ctx, id, d, u))
		}})
}

func (m *machine) mute(t *rapid.T) {
	id, d := m.world.DrawGroup(t, modeltest.TheOthers), modeltest.DrawDuration(t)
	u := m.world.DrawUser(t, id, modeltest.TheOthers)
	c := m.world.DrawCaller(t, id, modeltest.TheMighty)
	m.change(t, call{0, "Mute", c, id, []any{d, u},
		func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(w.Mute(c, id, d, u)) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return answer2(a.Mute(ctx, id, d, u))
		}})
}

func (m *machine) blockUsers(t *rapid.T) {
	m.allForTime(t, "BlockUsers", (*modeltest.World).BlockUsers, groupkit.Actor.BlockUsers)
}

func (m *machine) muteUsers(t *rapid.T) {
	m.allForTime(t, "MuteUsers", (*modeltest.World).MuteUsers, groupkit.Actor.MuteUsers)
}

func (m *machine) allForTime(t *rapid.T, verb string,
	model func(*modeltest.World, modeltest.Caller, groupkit.GroupID, time.Duration, []groupkit.UserID) ([]modeltest.Entry, *modeltest.Refusal),
	engine func(groupkit.Actor, context.Context, groupkit.GroupID, time.Duration, []groupkit.UserID) (groupkit.Results, error),
) {
	id, d := m.world.DrawGroup(t, modeltest.TheOthers), modeltest.DrawDuration(t)
	some := m.world.DrawUsers(t, id, modeltest.TheOthers)
	c := m.world.DrawCaller(t, id, modeltest.TheMighty)
	m.change(t, call{0, verb, c, id, []any{d, some},
		func(w *modeltest.World) (any, *modeltest.Refusal) { return answer(model(w, c, id, d, some)) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return answer2(engine(a, ctx, id, d, some))
		}})
}

func (m *machine) uploadFile(t *rapid.T) {
	id := m.world.DrawGroup(t, nil)
	c := m.world.DrawCaller(t, id, modeltest.TheMembers)
	up := modeltest.Upload{
		Name: modeltest.Pick(t, "file name", []string{
			"notes.txt", "überblick.md", "a b", strings.Repeat("語", 255), "x",
			modeltest.Pick(t, "hostile name", []string{strings.Repeat("x", 256), "", ".", "..", "../x", "a/b", `a\b`, "a\nb", "\xff"}),
		}),
		Content: modeltest.Pick(t, "content", []string{"hello", "", "8 bytes!", "9 bytes!!", strings.Repeat("long", 10_000)}),
		Breaks:  modeltest.Chance(t, "breaks", 15),
	}
	var shared groupkit.File
	m.change(t, call{0, "UploadFile", c, id, []any{up.Name, len(up.Content), up.Breaks},
		func(w *modeltest.World) (any, *modeltest.Refusal) {
			f, no := w.UploadFile(c, id, up)
			shared = f
			return f, no
		},
		func(ctx context.Context, in *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			f, err := a.UploadFile(ctx, id, up.Name, up.Reader())
			if err == nil && !in.dry {
				in.files[shared.ID], in.texts[f.ID] = f.ID, shared.ID
			}
			return in.namedFile(f), err
		}})
}

// anyFile draws a file of the group, or of another, or none.
func (m *machine) anyFile(t *rapid.T, id groupkit.GroupID) groupkit.FileID {
	var files []groupkit.FileID
	for _, other := range slices.Sorted(maps.Keys(m.world.Live)) {
		if other == id || modeltest.Chance(t, "file of another group", 10) {
			for _, f := range m.world.Live[other].Files {
				files = append(files, f.ID)
			}
		}
	}
	if len(files) == 0 || modeltest.Chance(t, "no file", 10) {
		return groupkit.FileID(uuid.Max.String())
	}
	return modeltest.Pick(t, "file", files)
}

func (m *machine) deleteFile(t *rapid.T) {
	id := m.world.DrawGroup(t, modeltest.TheSharers)
	c, f := m.world.DrawCaller(t, id, modeltest.TheMembers), m.anyFile(t, id)
	m.change(t, call{0, "DeleteFile", c, id, []any{f},
		func(w *modeltest.World) (any, *modeltest.Refusal) { return nil, w.DeleteFile(c, id, f) },
		func(ctx context.Context, in *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return nil, a.DeleteFile(ctx, id, in.file(f))
		}})
}
