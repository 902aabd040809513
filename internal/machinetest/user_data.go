package machinetest

import (
	"cmp"
	"context"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/modeltest"
)

// lookAtUserData compares what UserData gives with what the lists and the logs of all groups say about
// the user.
func (m *machine) lookAtUserData(t *rapid.T, user groupkit.UserID) {
	for _, in := range m.engines {
		if in.Fails {
			continue
		}
		system := in.turn(t).System()
		if !modeltest.ValidUser(user) {
			for _, err := range system.UserData(context.Background(), user) {
				require.ErrorIs(t, err, groupkit.ErrInvalid)
			}
			continue
		}
		got := map[groupkit.GroupID]groupkit.UserData{}
		for _, d := range collect(t, system.UserData(context.Background(), user)) {
			if before, ok := got[d.Group]; ok {
				require.Equal(t, before.Part+1, d.Part, in.Name)
				d = joined(before, d)
			} else {
				require.Zero(t, d.Part, in.Name)
			}
			got[d.Group] = d
		}
		want := map[groupkit.GroupID]groupkit.UserData{}
		for _, name := range m.everyGroup() {
			_, live := m.world.Live[name]
			if d, ok := searched(t, system, in.id(name), user, live); ok {
				want[d.Group] = d
			}
		}
		for id, d := range got {
			d.Part = 0
			w := want[id]
			inOrder(&w)
			inOrder(&d)
			requireEqual(t, w, d, in.Name+": data of "+string(user)+" in "+string(id))
		}
		require.Len(t, got, len(want), in.Name)
	}
}

// joined puts two parts of one group together.
func joined(a, b groupkit.UserData) groupkit.UserData {
	a.Part = b.Part
	if b.Announcement != nil {
		a.Announcement = b.Announcement
	}
	a.Files, a.Events = append(a.Files, b.Files...), append(a.Events, b.Events...)
	a.Mutes, a.Blocks = append(a.Mutes, b.Mutes...), append(a.Blocks, b.Blocks...)
	a.AllowList, a.Invitations = append(a.AllowList, b.AllowList...), append(a.Invitations, b.Invitations...)
	if a.Checkpoint == nil {
		a.Checkpoint = b.Checkpoint
	} else if s := b.Checkpoint; s != nil {
		a.Checkpoint.Members = append(a.Checkpoint.Members, s.Members...)
		a.Checkpoint.Mutes = append(a.Checkpoint.Mutes, s.Mutes...)
		a.Checkpoint.Blacklist = append(a.Checkpoint.Blacklist, s.Blacklist...)
		a.Checkpoint.AllowList = append(a.Checkpoint.AllowList, s.AllowList...)
		a.Checkpoint.Requests = append(a.Checkpoint.Requests, s.Requests...)
		a.Checkpoint.Invitations = append(a.Checkpoint.Invitations, s.Invitations...)
		a.Checkpoint.Files = append(a.Checkpoint.Files, s.Files...)
		if s.Announcement.By != "" {
			a.Checkpoint.Announcement = s.Announcement
		}
	}
	return a
}

// searched is the model of UserData: it reads everything of a group, and keeps what names the user.
func searched(t *rapid.T, system groupkit.Actor, id groupkit.GroupID, user groupkit.UserID, live bool) (d groupkit.UserData, found bool) {
	ctx := context.Background()
	d.Group, d.Deleted = id, !live
	for _, e := range collect(t, system.Events(ctx, id, 0)) {
		switch {
		case e.Kind == groupkit.Checkpoint && live:
			d.Checkpoint = about(*e.Checkpoint, user)
		case e.Actor == user, slices.Contains(e.Users, user), e.File != nil && e.File.Owner == user:
			d.Events = append(d.Events, e)
		}
	}
	if !live {
		return d, d.Events != nil
	}
	g, err := system.Group(ctx, id)
	require.NoError(t, err)
	d.Name = g.Name
	st, err := system.Standing(ctx, id, user)
	require.NoError(t, err)
	if st != (groupkit.Standing{User: user}) {
		d.Standing = &st
	}
	a, err := system.Announcement(ctx, id)
	require.NoError(t, err)
	if a.By == user {
		d.Announcement = &a
	}
	d.Files = kept(collect(t, system.Files(ctx, id)), func(f groupkit.File) bool { return f.Owner == user })
	slices.Reverse(d.Files)
	d.Mutes = kept(collect(t, system.Mutes(ctx, id)), func(m groupkit.Mute) bool { return m.By == user && m.User != user })
	d.Blocks = kept(collect(t, system.Blacklist(ctx, id)), func(b groupkit.Block) bool { return b.By == user && b.User != user })
	d.AllowList = kept(collect(t, system.AllowList(ctx, id)), func(a groupkit.Allowed) bool { return a.By == user && a.User != user })
	d.Invitations = kept(collect(t, system.Invitations(ctx, id)), func(i groupkit.Invitation) bool { return i.By == user && i.User != user })
	return d, d.Standing != nil || d.Announcement != nil || d.Checkpoint != nil ||
		len(d.Files)+len(d.Mutes)+len(d.Blocks)+len(d.AllowList)+len(d.Invitations)+len(d.Events) > 0
}

// about is the part of a snapshot that names the user; nil if nothing does.
func about(s groupkit.Snapshot, user groupkit.UserID) *groupkit.Snapshot {
	out := groupkit.Snapshot{Group: groupkit.Group{ID: s.Group.ID, Version: s.Group.Version}}
	if s.Announcement.By == user {
		out.Announcement = s.Announcement
	}
	out.Members = kept(s.Members, func(m groupkit.Member) bool { return m.User == user })
	out.Mutes = kept(s.Mutes, func(m groupkit.Mute) bool { return m.User == user || m.By == user })
	out.Blacklist = kept(s.Blacklist, func(b groupkit.Block) bool { return b.User == user || b.By == user })
	out.AllowList = kept(s.AllowList, func(a groupkit.Allowed) bool { return a.User == user || a.By == user })
	out.Requests = kept(s.Requests, func(r groupkit.Request) bool { return r.User == user })
	out.Invitations = kept(s.Invitations, func(i groupkit.Invitation) bool { return i.User == user || i.By == user })
	out.Files = kept(s.Files, func(f groupkit.File) bool { return f.Owner == user })
	slices.Reverse(out.Files)
	if out.Announcement == (groupkit.Announcement{}) &&
		len(out.Members)+len(out.Mutes)+len(out.Blacklist)+len(out.AllowList)+len(out.Requests)+len(out.Invitations)+len(out.Files) == 0 {
		return nil
	}
	return &out
}

func kept[T any](all []T, keep func(T) bool) (some []T) {
	for _, one := range all {
		if keep(one) {
			some = append(some, one)
		}
	}
	return some
}

// inOrder sorts the lists whose order has no meaning.
func inOrder(d *groupkit.UserData) {
	mutes, blocks, allowed, invitations := func(m groupkit.Mute) groupkit.UserID { return m.User }, func(b groupkit.Block) groupkit.UserID { return b.User },
		func(a groupkit.Allowed) groupkit.UserID { return a.User }, func(i groupkit.Invitation) groupkit.UserID { return i.User }
	byUser(d.Mutes, mutes)
	byUser(d.Blocks, blocks)
	byUser(d.AllowList, allowed)
	byUser(d.Invitations, invitations)
	if s := d.Checkpoint; s != nil {
		byUser(s.Mutes, mutes)
		byUser(s.Blacklist, blocks)
		byUser(s.AllowList, allowed)
		byUser(s.Invitations, invitations)
	}
}

func byUser[T any](list []T, user func(T) groupkit.UserID) {
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(user(a), user(b)) })
}
