package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store"
	"groupkit/store/memblob"
)

// Dice give a number from 0 to n-1: rapid's, or those of math/rand.
type dice func(n int) int

func (d dice) yes() bool { return d(2) == 0 }

func oneOf[T any](d dice, from []T) T { return from[d(len(from))] }

// A troupe is an engine on which anything is done by whoever, in a few groups with
// narrow limits.
type troupe struct {
	eng   *groupkit.Engine
	store store.Store
	clock *clock

	mu   sync.Mutex
	made []groupkit.GroupID
}

var (
	actors = ids{"", "alice", "bob", "carol", "dave", "erin", "frank"} // "" is the system
	stages = []groupkit.GroupID{"public", "guarded", "private", "open"}
)

// narrow are options under which everything soon is at its limit.
func narrow(c *clock) groupkit.Options {
	return groupkit.Options{
		Limits: groupkit.Limits{JoinedGroups: 4, Admins: 3, Requests: 2, Invitations: 2, Files: 2, MaxGroupSize: 6, GroupSize: 5, Batch: 4, Groups: 8},
		Clock:  c.Now, BlockOutsiders: true, OwnerLeave: groupkit.OwnerSucceed,
		RequestTTL: time.Minute, InvitationTTL: time.Minute,
	}
}

func newTroupe(t require.TestingT, st store.Store, c *clock, opts groupkit.Options) *troupe {
	eng, err := groupkit.New(st, memblob.New(), &opts)
	require.NoError(t, err)
	p := &troupe{eng: eng, store: st, clock: c}
	for i, id := range stages {
		_, err := eng.System().CreateGroup(context.Background(), groupkit.NewGroup{
			ID: id, Name: "n", Owner: actors[1+i%3], Members: ids{"dave", "erin"},
			Public: i < 2, MembersOnly: i == 1, AllowInvites: true, InviteNeedConfirm: new(i != 3),
		})
		require.NoError(t, err)
	}
	p.made = append(p.made, stages...)
	return p
}

// groups are all that were ever made, deleted ones too.
func (p *troupe) groups() []groupkit.GroupID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]groupkit.GroupID(nil), p.made...)
}

// A line is one call that was drawn: it can be made by any form of its actor.
type line struct {
	name string
	by   groupkit.UserID
	call speech
}

type speech func(context.Context, groupkit.Actor) (any, error)

func (l line) say(scope groupkit.Scope) (any, error) {
	return l.call(context.Background(), by(scope, l.by))
}

// An occasion is what a call is made with.
type occasion struct {
	troupe *troupe
	dice   dice
	id     groupkit.GroupID
	user   groupkit.UserID
	some   ids
	group  groupkit.Snapshot // empty if it has been deleted
}

// A part is a kind of call, and for whom of a group it is meant, so that it is granted
// now and then.
type part struct {
	name string
	fits func(*occasion) ids
	make func(*occasion) speech
}

// draw draws a call.
func (p *troupe) draw(d dice) line {
	o := &occasion{troupe: p, dice: d, id: oneOf(d, p.groups())}
	o.group, _ = p.eng.System().Snapshot(context.Background(), o.id)
	part := &parts[d(len(parts))]
	l := line{name: part.name, by: oneOf(d, actors)}
	if o.user = oneOf(d, actors[1:]); d(4) > 0 {
		l.by = oneOf(d, ids{"", o.group.Group.Owner})
		if fitting := part.fits(o); len(fitting) > 0 {
			o.user = oneOf(d, fitting)
		}
	}
	if part.personal() && d(8) > 0 {
		l.by = o.user
	}
	o.some = ids{o.user, oneOf(d, actors[1:]), oneOf(d, actors)}[:1+d(3)] // "" is no user
	l.call = part.make(o)
	return l
}

// personal calls are made on nobody but oneself.
func (p *part) personal() bool {
	switch p.name {
	case "Leave", "Join", "CancelRequest", "AcceptInvitation", "DeclineInvitation":
		return true
	}
	return false
}

func usersOf[T any](list []T, user func(T) groupkit.UserID) ids {
	var out ids
	for _, one := range list {
		out = append(out, user(one))
	}
	return out
}

func whoever(*occasion) ids { return nil }

func members(o *occasion) ids {
	return usersOf(o.group.Members, func(m groupkit.Member) groupkit.UserID { return m.User })
}

func admins(o *occasion) (out ids) {
	for _, m := range o.group.Members {
		if m.Role == groupkit.RoleAdmin {
			out = append(out, m.User)
		}
	}
	return out
}

func muted(o *occasion) ids {
	return usersOf(o.group.Mutes, func(m groupkit.Mute) groupkit.UserID { return m.User })
}

func blocked(o *occasion) ids {
	return usersOf(o.group.Blacklist, func(b groupkit.Block) groupkit.UserID { return b.User })
}

func allowed(o *occasion) ids {
	return usersOf(o.group.AllowList, func(a groupkit.Allowed) groupkit.UserID { return a.User })
}

func asking(o *occasion) ids {
	return usersOf(o.group.Requests, func(r groupkit.Request) groupkit.UserID { return r.User })
}

func invited(o *occasion) ids {
	return usersOf(o.group.Invitations, func(i groupkit.Invitation) groupkit.UserID { return i.User })
}

// onWhole is a part whose call names the group alone.
func onWhole(name string, fits func(*occasion) ids, call func(groupkit.Actor, context.Context, groupkit.GroupID) error) part {
	return part{name, fits, func(o *occasion) speech {
		return func(ctx context.Context, a groupkit.Actor) (any, error) { return nil, call(a, ctx, o.id) }
	}}
}

// onSingle is a part whose call is on one user.
func onSingle(name string, fits func(*occasion) ids, call func(groupkit.Actor, context.Context, groupkit.GroupID, groupkit.UserID) error) part {
	return part{name, fits, func(o *occasion) speech {
		return func(ctx context.Context, a groupkit.Actor) (any, error) { return nil, call(a, ctx, o.id, o.user) }
	}}
}

// onSeveral is a part whose call is a batch.
func onSeveral(name string, fits func(*occasion) ids, call func(groupkit.Actor, context.Context, groupkit.GroupID, []groupkit.UserID) (groupkit.Results, error)) part {
	return part{name, fits, func(o *occasion) speech {
		return func(ctx context.Context, a groupkit.Actor) (any, error) { return call(a, ctx, o.id, o.some) }
	}}
}

var parts = []part{
	onWhole("Leave", members, groupkit.Actor.Leave),
	onWhole("Join", invited, func(a groupkit.Actor, ctx context.Context, id groupkit.GroupID) error { return second(a.Join(ctx, id)) }),
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
		return second(a.Invite(ctx, id, u))
	}),
	onSingle("CancelInvitation", invited, groupkit.Actor.CancelInvitation),
	onSingle("Unblock", blocked, groupkit.Actor.Unblock),
	onSingle("Unmute", muted, groupkit.Actor.Unmute),
	onSingle("Allow", members, groupkit.Actor.Allow),
	onSingle("Disallow", allowed, groupkit.Actor.Disallow),
	onSeveral("AddMembers", whoever, groupkit.Actor.AddMembers),
	onSeveral("RemoveMembers", members, groupkit.Actor.RemoveMembers),
	onSeveral("InviteUsers", whoever, groupkit.Actor.InviteUsers),
	onSeveral("UnblockUsers", blocked, groupkit.Actor.UnblockUsers),
	onSeveral("UnmuteUsers", muted, groupkit.Actor.UnmuteUsers),
	onSeveral("AllowUsers", members, groupkit.Actor.AllowUsers),
	onSeveral("DisallowUsers", allowed, groupkit.Actor.DisallowUsers),
	{"Block", members, func(o *occasion) speech {
		d := oneOf(o.dice, lasting)
		return func(ctx context.Context, a groupkit.Actor) (any, error) { return a.Block(ctx, o.id, d, o.user) }
	}},
	{"BlockUsers", members, func(o *occasion) speech {
		d := oneOf(o.dice, lasting)
		return func(ctx context.Context, a groupkit.Actor) (any, error) { return a.BlockUsers(ctx, o.id, d, o.some) }
	}},
	{"Mute", members, func(o *occasion) speech {
		d := oneOf(o.dice, lasting)
		return func(ctx context.Context, a groupkit.Actor) (any, error) { return a.Mute(ctx, o.id, d, o.user) }
	}},
	{"MuteUsers", members, func(o *occasion) speech {
		d := oneOf(o.dice, lasting)
		return func(ctx context.Context, a groupkit.Actor) (any, error) { return a.MuteUsers(ctx, o.id, d, o.some) }
	}},
	{"SetAnnouncement", whoever, func(o *occasion) speech {
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

var (
	lasting = []time.Duration{time.Second, time.Minute, groupkit.Forever, 0}
	wording = []string{"", "hear me", "a/b"}
)

func drawCreation(o *occasion) speech {
	d := o.dice
	n := groupkit.NewGroup{Name: "made", Public: d.yes(), InviteNeedConfirm: new(d.yes()), MaxUsers: d(6), Members: o.some[1:]}
	if d.yes() {
		n.ID, n.Owner = o.id+groupkit.GroupID(fmt.Sprint(d(3))), oneOf(d, actors)
	}
	return func(ctx context.Context, a groupkit.Actor) (any, error) {
		g, err := a.CreateGroup(ctx, n)
		if err == nil {
			o.troupe.note(ctx, g.ID)
		}
		return g, err
	}
}

// note keeps the id of a group that was made, if it was, and not asked for by Can.
func (p *troupe) note(ctx context.Context, id groupkit.GroupID) {
	if _, err := p.eng.System().Group(ctx, id); err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.made = append(p.made, id)
	}
}

func drawUpdate(o *occasion) speech {
	var u groupkit.GroupUpdate
	if d := o.dice; d(3) == 0 {
		u.MaxUsers, u.MembersOnly, u.InviteNeedConfirm = new(d(8)), new(d.yes()), new(d.yes())
	} else {
		u.Name, u.Custom = new(oneOf(d, wording)), new(oneOf(d, wording))
	}
	return func(ctx context.Context, a groupkit.Actor) (any, error) { return a.UpdateGroup(ctx, o.id, u) }
}

// drawDeletion mutes the group instead, mostly: or there would soon be none.
func drawDeletion(o *occasion) speech {
	rare := o.dice(12) == 0
	return func(ctx context.Context, a groupkit.Actor) (any, error) {
		if rare {
			return nil, a.DeleteGroup(ctx, o.id)
		}
		return nil, a.MuteGroup(ctx, o.id)
	}
}

func drawForgetting(o *occasion) speech {
	d := o.dice
	opts := groupkit.ForgetOptions{Owned: groupkit.OwnedPolicy(d(2)), Blocks: d.yes(), Pseudonymize: d.yes()}
	if d(4) == 0 {
		opts.Owned = groupkit.OwnedDelete
	}
	return func(ctx context.Context, a groupkit.Actor) (any, error) { return nil, a.ForgetUser(ctx, o.user, opts) }
}

func drawUpload(o *occasion) speech {
	name := oneOf(o.dice, []string{"a.txt", "b.txt", "a/b"})
	return func(ctx context.Context, a groupkit.Actor) (any, error) {
		return a.UploadFile(ctx, o.id, name, strings.NewReader(name))
	}
}

func drawFileDeletion(o *occasion) speech {
	file := groupkit.FileID("no file")
	if len(o.group.Files) > 0 {
		file = oneOf(o.dice, o.group.Files).ID
	}
	return func(ctx context.Context, a groupkit.Actor) (any, error) { return nil, a.DeleteFile(ctx, o.id, file) }
}

// history makes so many random calls, some in Atomic, and lets time pass.
func (p *troupe) history(t require.TestingT, d dice, calls int) {
	for range calls {
		switch d(12) {
		case 0:
			p.clock.Advance(oneOf(d, []time.Duration{time.Millisecond, 20 * time.Second, time.Hour}))
		case 1:
			_, err := p.eng.Sweep(context.Background())
			require.NoError(t, err)
		case 2:
			p.together(t, d)
		default:
			requireRefusal(t, second(p.draw(d).say(p.eng)))
		}
	}
}

var errUndo = errors.New("undo")

// together makes some calls in one transaction, which may be undone.
func (p *troupe) together(t require.TestingT, d dice) {
	lines := []line{p.draw(d), p.draw(d), p.draw(d)}[:1+d(3)]
	end := oneOf(d, []error{nil, nil, errUndo})
	require.Equal(t, end, p.eng.Atomic(context.Background(), func(tx *groupkit.Tx) error {
		for _, l := range lines {
			if err := second(l.say(tx)); !errors.Is(err, groupkit.ErrNested) {
				requireRefusal(t, err)
			}
		}
		return end
	}))
}

// requireRefusal is about a call that was granted, or refused for a reason.
func requireRefusal(t require.TestingT, err error) {
	if err == nil {
		return
	}
	for _, class := range []error{groupkit.ErrNotFound, groupkit.ErrForbidden, groupkit.ErrLimit, groupkit.ErrInvalid, groupkit.ErrConflict} {
		if errors.Is(err, class) {
			return
		}
	}
	require.NoError(t, err)
}

// sound is about the logs of all groups, replayed, and all invariants.
func (p *troupe) sound(t require.TestingT) {
	ctx, system := context.Background(), p.eng.System()
	for _, id := range p.groups() {
		snapshot, err := system.Snapshot(ctx, id)
		if errors.Is(err, groupkit.ErrGroupNotFound) {
			p.soundLog(t, id)
			continue
		}
		require.NoError(t, err)
		again, err := groupkit.Replay(system.Events(ctx, id, 0))
		require.NoError(t, err)
		require.Equal(t, snapshot, again)
	}
	verified(t, p.eng)
}

// soundLog is about the log of a deleted group: numbered without gaps to its end.
func (p *troupe) soundLog(t require.TestingT, id groupkit.GroupID) {
	last := uint64(0)
	var kind groupkit.EventKind
	for e, err := range p.eng.System().Events(context.Background(), id, 0) {
		require.NoError(t, err)
		require.True(t, e.Version == last+1 || e.Kind == groupkit.Checkpoint && last == 0)
		last, kind = e.Version, e.Kind
	}
	if last > 0 {
		require.Contains(t, []groupkit.EventKind{groupkit.GroupDeleted, groupkit.Checkpoint}, kind)
	}
}
