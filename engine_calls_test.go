package groupkit_test

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
)

// The calls that change something, by their form.

type onUser struct {
	verb   string
	by, of crowd // who does it to whom, if it is to succeed
	model  func(*world, caller, groupkit.GroupID, groupkit.UserID) *refusal
	engine func(groupkit.Actor, context.Context, groupkit.GroupID, groupkit.UserID) error
}

type onUsers struct {
	verb   string
	by, of crowd
	model  func(*world, caller, groupkit.GroupID, []groupkit.UserID) ([]entry, *refusal)
	engine func(groupkit.Actor, context.Context, groupkit.GroupID, []groupkit.UserID) (groupkit.Results, error)
}

type onGroup struct {
	verb   string
	by     crowd
	model  func(*world, caller, groupkit.GroupID) *refusal
	engine func(groupkit.Actor, context.Context, groupkit.GroupID) error
}

var (
	addMember        = onUser{"AddMember", nil, theStrangers, (*world).AddMember, groupkit.Actor.AddMember}
	removeMember     = onUser{"RemoveMember", theMighty, theOthers, (*world).RemoveMember, groupkit.Actor.RemoveMember}
	addAdmin         = onUser{"AddAdmin", theOwner, theOthers, (*world).AddAdmin, groupkit.Actor.AddAdmin}
	removeAdmin      = onUser{"RemoveAdmin", theOwner, theAdmins, (*world).RemoveAdmin, groupkit.Actor.RemoveAdmin}
	transferGroup    = onUser{"TransferGroup", theOwner, theOthers, (*world).TransferGroup, groupkit.Actor.TransferGroup}
	unblock          = onUser{"Unblock", theMighty, theBlocked, (*world).Unblock, groupkit.Actor.Unblock}
	unmute           = onUser{"Unmute", theMighty, theMuted, (*world).Unmute, groupkit.Actor.Unmute}
	allow            = onUser{"Allow", theMighty, theOthers, (*world).Allow, groupkit.Actor.Allow}
	disallow         = onUser{"Disallow", theMighty, theAllowed, (*world).Disallow, groupkit.Actor.Disallow}
	approveRequest   = onUser{"ApproveRequest", theMighty, theRequested, (*world).ApproveRequest, groupkit.Actor.ApproveRequest}
	declineRequest   = onUser{"DeclineRequest", theMighty, theRequested, (*world).DeclineRequest, groupkit.Actor.DeclineRequest}
	cancelInvitation = onUser{"CancelInvitation", theMembers, theInvited, (*world).CancelInvitation, groupkit.Actor.CancelInvitation}

	addMembers    = onUsers{"AddMembers", nil, theStrangers, (*world).AddMembers, groupkit.Actor.AddMembers}
	removeMembers = onUsers{"RemoveMembers", theMighty, theOthers, (*world).RemoveMembers, groupkit.Actor.RemoveMembers}
	unblockUsers  = onUsers{"UnblockUsers", theMighty, theBlocked, (*world).UnblockUsers, groupkit.Actor.UnblockUsers}
	unmuteUsers   = onUsers{"UnmuteUsers", theMighty, theMuted, (*world).UnmuteUsers, groupkit.Actor.UnmuteUsers}
	allowUsers    = onUsers{"AllowUsers", theMighty, theOthers, (*world).AllowUsers, groupkit.Actor.AllowUsers}
	disallowUsers = onUsers{"DisallowUsers", theMighty, theAllowed, (*world).DisallowUsers, groupkit.Actor.DisallowUsers}
	inviteUsers   = onUsers{"InviteUsers", theMembers, theStrangers, (*world).InviteUsers, groupkit.Actor.InviteUsers}

	deleteGroup       = onGroup{"DeleteGroup", theOwner, (*world).DeleteGroup, groupkit.Actor.DeleteGroup}
	leave             = onGroup{"Leave", theMembers, (*world).Leave, groupkit.Actor.Leave}
	muteGroup         = onGroup{"MuteGroup", theMighty, (*world).MuteGroup, groupkit.Actor.MuteGroup}
	unmuteGroup       = onGroup{"UnmuteGroup", theMighty, (*world).UnmuteGroup, groupkit.Actor.UnmuteGroup}
	cancelRequest     = onGroup{"CancelRequest", theRequested, (*world).CancelRequest, groupkit.Actor.CancelRequest}
	acceptInvitation  = onGroup{"AcceptInvitation", theInvited, (*world).AcceptInvitation, groupkit.Actor.AcceptInvitation}
	declineInvitation = onGroup{"DeclineInvitation", theInvited, (*world).DeclineInvitation, groupkit.Actor.DeclineInvitation}
)

// change draws a caller, a group and a user, and makes the call.
func (v onUser) change(m *machine, t *rapid.T) {
	id := m.world.drawGroup(t, v.of)
	u := m.world.drawUser(t, id, v.of)
	c := m.world.drawCaller(t, id, v.by)
	m.change(t, call{0, v.verb, c, id, []any{u},
		func(w *world) (any, *refusal) { return nil, v.model(w, c, id, u) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return nil, v.engine(a, ctx, id, u)
		}})
}

func (v onUsers) change(m *machine, t *rapid.T) {
	id := m.world.drawGroup(t, v.of)
	some := m.world.drawUsers(t, id, v.of)
	c := m.world.drawCaller(t, id, v.by)
	m.change(t, call{0, v.verb, c, id, []any{some},
		func(w *world) (any, *refusal) { return answer(v.model(w, c, id, some)) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return answer2(v.engine(a, ctx, id, some))
		}})
}

func (v onGroup) change(m *machine, t *rapid.T) {
	id := m.world.drawGroup(t, v.by)
	c := m.world.drawCaller(t, id, v.by)
	m.change(t, call{0, v.verb, c, id, nil,
		func(w *world) (any, *refusal) { return nil, v.model(w, c, id) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return nil, v.engine(a, ctx, id)
		}})
}

// answer makes an answer of any type one of the type any.
func answer[T any](value T, no *refusal) (any, *refusal) { return value, no }
func answer2[T any](value T, err error) (any, error)     { return value, err }

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
	changeFunc((*machine).invite), inviteUsers, inviteUsers, approveRequest, approveRequest, declineRequest, cancelRequest,
	acceptInvitation, acceptInvitation, declineInvitation, cancelInvitation, leave,
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
	if len(m.world.groups) == 0 {
		m.createGroup(t)
		return
	}
	pick(t, "verb", changes).change(m, t)
}

func (m *machine) createGroup(t *rapid.T) {
	if len(m.world.groups) >= 3 && !chance(t, "one group more", 30) {
		m.updateGroup(t)
		return
	}
	c := m.world.drawCaller(t, "", anyone)
	n := groupkit.NewGroup{
		Name: pick(t, "name", []string{"night watch", "夜警", "x", "a/b", strings.Repeat("語", 128), strings.Repeat("x", 128), strings.Repeat("x", 129)}), Description: text(t, "description", 512), Avatar: text(t, "avatar", 1024),
		Custom: text(t, "custom", 100), Public: bit.Draw(t, "public"), MembersOnly: bit.Draw(t, "members only"),
		AllowInvites: bit.Draw(t, "allow invites"), Members: m.world.drawUsers(t, "", nil),
		MaxUsers: pick(t, "max users", []int{0, 0, 4, 3, 0, 4, 3, 0, 1, 2, 3, 0, 3, 3, 3, 3, m.world.opts.Limits.MaxGroupSize + 1, -1}),
	}
	if bit.Draw(t, "says whether to confirm") {
		n.InviteNeedConfirm = new(bit.Draw(t, "invite need confirm"))
	}
	if c.system || chance(t, "names an owner", 10) {
		n.Owner = m.world.drawUser(t, "", nil)
	}
	if chance(t, "chooses an id", 50) && (c.system || chance(t, "although a user", 15)) {
		n.ID = pick(t, "id", slices.Concat(chosenGroups, m.everyGroup(), m.everyGroup(), m.everyGroup(), hostileGroups[1:3]))
	}
	m.makeGroup(t, c, n)
}

// everyGroup is every group that is or was.
func (m *machine) everyGroup() []groupkit.GroupID {
	return append(slices.Sorted(maps.Keys(m.world.groups)), slices.Sorted(maps.Keys(m.world.deleted))...)
}

func (m *machine) makeGroup(t *rapid.T, c caller, n groupkit.NewGroup) {
	c.version = nil
	var made groupkit.Group
	m.change(t, call{0, "CreateGroup", c, n.ID, []any{n},
		func(w *world) (any, *refusal) {
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
	id := m.world.drawGroup(t, nil)
	c := m.world.drawCaller(t, id, theMighty)
	var u groupkit.GroupUpdate
	for _, field := range []struct {
		text **string
		most int
	}{{&u.Name, 128}, {&u.Description, 512}, {&u.Avatar, 1024}, {&u.Custom, 8192}} {
		if chance(t, "change it", 25) {
			*field.text = new(text(t, "text", field.most))
		}
	}
	if chance(t, "options of the owner", 50) {
		for _, flag := range []**bool{&u.MembersOnly, &u.AllowInvites, &u.InviteNeedConfirm} {
			if chance(t, "change it", 40) {
				*flag = new(bit.Draw(t, "flag"))
			}
		}
		if chance(t, "max users", 30) {
			u.MaxUsers = new(pick(t, "max users", []int{3, 1, 2, 4, 5, 200, 10_000, 0, -1, math.MaxInt, 10_001}))
		}
	}
	m.makeUpdate(t, c, id, u)
}

func (m *machine) makeUpdate(t *rapid.T, c caller, id groupkit.GroupID, u groupkit.GroupUpdate) {
	m.change(t, call{0, "UpdateGroup", c, id, []any{u},
		func(w *world) (any, *refusal) { return answer(w.UpdateGroup(c, id, u)) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			changed, err := a.UpdateGroup(ctx, id, u)
			if len(changed) == 0 {
				changed = nil
			}
			return changed, err
		}})
}

func (m *machine) setAnnouncement(t *rapid.T) {
	id, s := m.world.drawGroup(t, nil), text(t, "announcement", m.world.opts.Limits.Announcement)
	c := m.world.drawCaller(t, id, theMighty)
	m.change(t, call{0, "SetAnnouncement", c, id, []any{s},
		func(w *world) (any, *refusal) { return nil, w.SetAnnouncement(c, id, s) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return nil, a.SetAnnouncement(ctx, id, s)
		}})
}

func (m *machine) join(t *rapid.T) {
	id := m.world.drawGroup(t, theCurious)
	c := m.world.drawCaller(t, id, theCurious)
	m.change(t, call{0, "Join", c, id, nil,
		func(w *world) (any, *refusal) { return answer(w.Join(c, id)) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return answer2(a.Join(ctx, id))
		}})
}

func (m *machine) invite(t *rapid.T) {
	id := m.world.drawGroup(t, theStrangers)
	u := m.world.drawUser(t, id, theStrangers)
	c := m.world.drawCaller(t, id, theMembers)
	m.change(t, call{0, "Invite", c, id, []any{u},
		func(w *world) (any, *refusal) { return answer(w.Invite(c, id, u)) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return answer2(a.Invite(ctx, id, u))
		}})
}

func (m *machine) block(t *rapid.T) {
	id, d := m.world.drawGroup(t, theOthers), drawDuration(t)
	u := m.world.drawUser(t, id, theOthers)
	m.makeBlock(t, m.world.drawCaller(t, id, theMighty), id, d, u)
}

func (m *machine) makeBlock(t *rapid.T, c caller, id groupkit.GroupID, d time.Duration, u groupkit.UserID) {
	m.change(t, call{0, "Block", c, id, []any{d, u},
		func(w *world) (any, *refusal) { return answer(w.Block(c, id, d, u)) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return answer2(a.Block(ctx, id, d, u))
		}})
}

func (m *machine) mute(t *rapid.T) {
	id, d := m.world.drawGroup(t, theOthers), drawDuration(t)
	u := m.world.drawUser(t, id, theOthers)
	c := m.world.drawCaller(t, id, theMighty)
	m.change(t, call{0, "Mute", c, id, []any{d, u},
		func(w *world) (any, *refusal) { return answer(w.Mute(c, id, d, u)) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return answer2(a.Mute(ctx, id, d, u))
		}})
}

func (m *machine) blockUsers(t *rapid.T) {
	m.allForTime(t, "BlockUsers", (*world).BlockUsers, groupkit.Actor.BlockUsers)
}

func (m *machine) muteUsers(t *rapid.T) {
	m.allForTime(t, "MuteUsers", (*world).MuteUsers, groupkit.Actor.MuteUsers)
}

func (m *machine) allForTime(t *rapid.T, verb string,
	model func(*world, caller, groupkit.GroupID, time.Duration, []groupkit.UserID) ([]entry, *refusal),
	engine func(groupkit.Actor, context.Context, groupkit.GroupID, time.Duration, []groupkit.UserID) (groupkit.Results, error),
) {
	id, d := m.world.drawGroup(t, theOthers), drawDuration(t)
	some := m.world.drawUsers(t, id, theOthers)
	c := m.world.drawCaller(t, id, theMighty)
	m.change(t, call{0, verb, c, id, []any{d, some},
		func(w *world) (any, *refusal) { return answer(model(w, c, id, d, some)) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return answer2(engine(a, ctx, id, d, some))
		}})
}

func (m *machine) uploadFile(t *rapid.T) {
	id := m.world.drawGroup(t, nil)
	c := m.world.drawCaller(t, id, theMembers)
	up := upload{
		name: pick(t, "file name", []string{
			"notes.txt", "überblick.md", "a b", strings.Repeat("語", 255), "x",
			pick(t, "hostile name", []string{strings.Repeat("x", 256), "", ".", "..", "../x", "a/b", `a\b`, "a\nb", "\xff"}),
		}),
		content: pick(t, "content", []string{"hello", "", "8 bytes!", "9 bytes!!", strings.Repeat("long", 10_000)}),
		breaks:  chance(t, "breaks", 15),
	}
	var shared groupkit.File
	m.change(t, call{0, "UploadFile", c, id, []any{up.name, len(up.content), up.breaks},
		func(w *world) (any, *refusal) {
			f, no := w.UploadFile(c, id, up)
			shared = f
			return f, no
		},
		func(ctx context.Context, in *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			f, err := a.UploadFile(ctx, id, up.name, up.reader())
			if err == nil && !in.dry {
				in.files[shared.ID], in.texts[f.ID] = f.ID, shared.ID
			}
			return in.namedFile(f), err
		}})
}

func (in *instance) namedFile(f groupkit.File) groupkit.File {
	if name, ok := in.texts[f.ID]; ok {
		f.ID = name
	}
	return f
}

func (in *instance) file(name groupkit.FileID) groupkit.FileID {
	if id, ok := in.files[name]; ok {
		return id
	}
	return name
}

// anyFile draws a file of the group, or of another, or none.
func (m *machine) anyFile(t *rapid.T, id groupkit.GroupID) groupkit.FileID {
	var files []groupkit.FileID
	for _, other := range slices.Sorted(maps.Keys(m.world.groups)) {
		if other == id || chance(t, "file of another group", 10) {
			for _, f := range m.world.groups[other].files {
				files = append(files, f.ID)
			}
		}
	}
	if len(files) == 0 || chance(t, "no file", 10) {
		return groupkit.FileID(uuid.Max.String())
	}
	return pick(t, "file", files)
}

func (m *machine) deleteFile(t *rapid.T) {
	id := m.world.drawGroup(t, theSharers)
	c, f := m.world.drawCaller(t, id, theMembers), m.anyFile(t, id)
	m.change(t, call{0, "DeleteFile", c, id, []any{f},
		func(w *world) (any, *refusal) { return nil, w.DeleteFile(c, id, f) },
		func(ctx context.Context, in *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return nil, a.DeleteFile(ctx, id, in.file(f))
		}})
}

func (m *machine) forgetUser(t *rapid.T) {
	u, c := m.world.drawUser(t, "", nil), m.world.drawCaller(t, "", nil)
	opts := groupkit.ForgetOptions{
		Owned:  pick(t, "owned", []groupkit.OwnedPolicy{groupkit.OwnedSucceed, groupkit.OwnedRefuse, groupkit.OwnedDelete}),
		Blocks: bit.Draw(t, "blocks"),
	}
	m.change(t, call{0, "ForgetUser", c, "", []any{u, opts},
		func(w *world) (any, *refusal) { return nil, w.ForgetUser(c, u, opts) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, _ groupkit.GroupID) (any, error) {
			return nil, a.ForgetUser(ctx, u, opts)
		}})
}

// letTimePass moves the clock: a little, a lot, or to an instant at which
// something ends, or to the millisecond before or after.
func (m *machine) letTimePass(t *rapid.T) {
	if chance(t, "backwards", 5) {
		m.wentBack = true
		m.setClock(t, m.world.backwards(time.Duration(number.Draw(t, "back"))*time.Millisecond))
		return
	}
	steps := []time.Time{
		m.world.now.Add(time.Millisecond), m.world.now.Add(3 * time.Millisecond), m.world.now.Add(time.Second), m.world.now.Add(time.Hour),
	}
	for _, end := range m.world.ends() {
		if end.After(m.world.now.Add(time.Millisecond)) && end.Before(lastInstant) {
			steps = append(steps, end.Add(-time.Millisecond), end, end, end.Add(time.Millisecond))
		}
	}
	m.setClock(t, pick(t, "until", steps))
}

func (m *machine) setClock(t *rapid.T, to time.Time) {
	t.Logf("it is %v", to)
	m.clock.Advance(to.Sub(m.world.now))
	m.world.now = to
	require.Equal(t, to, m.clock.instant())
}

// sweep clears what has expired away. That it is cleared, and nothing else, is
// seen in the log, which is replayed afterwards.
func (m *machine) sweep(t *rapid.T) {
	t.Logf("Sweep")
	clear(m.world.touched)
	var swept []int
	for _, in := range m.engines {
		n, err := in.eng.Sweep(context.Background())
		require.NoError(t, err, in.name)
		swept = append(swept, n)
		require.Equal(t, swept[0], n, "%s: as many as %s", in.name, m.engines[0].name)
		n, err = in.eng.Sweep(context.Background())
		require.NoError(t, err, in.name)
		require.Zero(t, n, "%s: something left for a second sweep", in.name)
	}
	for _, g := range m.world.groups {
		for _, u := range users {
			m.world.clear(g, u)
		}
	}
	m.compareVersions(t)
	require.Equal(t, len(m.world.touched) > 0, swept[0] > 0)
	for _, g := range m.world.groups {
		m.requireSwept(t, g)
	}
}

// changeUsers makes the application forget a user, or know it again.
func (m *machine) changeUsers(t *rapid.T) {
	if m.world.known == nil {
		return
	}
	u := pick(t, "user", users)
	known := chance(t, "known", 70)
	t.Logf("known %q: %v", u, known)
	m.world.known[u] = known
}

// reopen closes the engines and opens them again, with other options at times.
func (m *machine) reopen(t *rapid.T) {
	if bit.Draw(t, "other options") {
		m.world.opts, _ = options(t)
	}
	t.Logf("reopen with %+v", m.world.opts)
	for _, in := range m.engines {
		require.NoError(t, in.eng.Close(), in.name)
		_, _, err := in.eng.System().GroupDetails(context.Background(), []groupkit.GroupID{"g"})
		if errors.Is(err, groupkit.ErrClosed) {
			m.seen.note(refuse(groupkit.ErrClosed))
		}
		require.NoError(t, in.open(m.options()), in.name)
	}
}
