package groupkit_test

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
)

// The log of a group, replayed by hand: what it says has to be what the model knows.

// lookAtLog compares who may read the log.
func (m *machine) lookAtLog(t *rapid.T, c caller, id groupkit.GroupID) {
	m.ask(t, call{0, "Events", c, id, nil,
		func(w *world) (any, *refusal) { return nil, w.mayReadLog(c, id) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			for _, err := range a.Events(ctx, id, 0) {
				return nil, err
			}
			return nil, nil
		}})
}

// mayReadLog: admins may, and the system even when the group is gone.
func (w *world) mayReadLog(c caller, id groupkit.GroupID) *refusal {
	if no := c.wrong(id, true); no != nil {
		return no
	}
	if c.system && w.deleted[id] {
		return nil
	}
	_, no := w.as(c, id, groupkit.RoleAdmin)
	return no
}

// replay builds a group from its log on one engine.
func (m *machine) replay(t *rapid.T, in *instance, name groupkit.GroupID) *modelGroup {
	g := m.world.newGroup(groupkit.NewGroup{ID: name}, "")
	g.created, g.modified = time.Time{}, time.Time{}
	for e, err := range in.eng.System().Events(context.Background(), in.id(name), 0) {
		if err != nil || e.Version != g.version+1 || e.At.Before(g.modified) {
			t.Fatalf("%s: %s: after event %d at %v comes %+v, %v", in.name, name, g.version, g.modified, e, err)
		}
		g.version, g.modified = e.Version, e.At
		for _, u := range e.Users {
			if end := g.mark(u, e.Kind); !m.wentBack && !end.IsZero() && !end.After(e.At) {
				t.Fatalf("%s: %s: %v replaces what expired at %v, and nothing told of that", in.name, name, e, end)
			}
		}
		g.apply(in, e)
	}
	return g
}

// mark is when that ends which an event of the kind would replace; zero if nothing.
func (g *modelGroup) mark(u groupkit.UserID, kind groupkit.EventKind) time.Time {
	switch kind {
	case groupkit.MemberMuted:
		return g.mutes[u].Until
	case groupkit.MemberBlocked:
		return g.blocks[u].Until
	case groupkit.JoinRequested:
		return g.requests[u].Expires
	case groupkit.MemberInvited:
		return g.invitations[u].Expires
	}
	return time.Time{}
}

// apply makes the change that an event tells of.
func (g *modelGroup) apply(in *instance, e groupkit.Event) {
	switch e.Kind {
	case groupkit.GroupCreated:
		g.created, g.owner = e.At, e.Users[0]
		g.set(e.Changes)
	case groupkit.GroupUpdated:
		g.set(e.Changes)
	case groupkit.OwnerChanged:
		g.owner = e.Users[0]
	case groupkit.GroupMuted, groupkit.GroupUnmuted:
		g.muted = e.Kind == groupkit.GroupMuted
	case groupkit.AnnouncementChanged:
		g.announcement = groupkit.Announcement{Text: e.Changes[0].After, By: e.Actor, At: e.At}
	case groupkit.FileAdded:
		g.files = append(g.files, modelFile{File: in.namedFile(*e.File)})
	case groupkit.FileDeleted:
		i := g.file(in.namedFile(*e.File).ID)
		g.files = slices.Delete(g.files, i, i+1)
	}
	for _, u := range e.Users {
		g.applyTo(u, e)
	}
}

func (g *modelGroup) applyTo(u groupkit.UserID, e groupkit.Event) {
	switch e.Kind {
	case groupkit.MemberJoined:
		g.joined[u] = e.At
	case groupkit.MemberLeft:
		delete(g.joined, u)
	case groupkit.AdminAdded:
		g.admins[u] = e.At
	case groupkit.AdminRemoved:
		delete(g.admins, u)
	case groupkit.JoinRequested:
		g.requests[u] = groupkit.Request{Group: g.id, User: u, At: e.At, Expires: e.Until, Reason: e.Reason}
	case groupkit.RequestApproved, groupkit.RequestDeclined, groupkit.RequestCancelled, groupkit.RequestExpired:
		delete(g.requests, u)
	case groupkit.MemberInvited:
		g.invitations[u] = groupkit.Invitation{Group: g.id, User: u, By: e.Actor, At: e.At, Expires: e.Until, Reason: e.Reason}
	case groupkit.InvitationAccepted, groupkit.InvitationDeclined, groupkit.InvitationCancelled, groupkit.InvitationExpired:
		delete(g.invitations, u)
	case groupkit.MemberBlocked:
		g.blocks[u] = groupkit.Block{User: u, Until: e.Until, By: e.Actor, At: e.At, Reason: e.Reason}
	case groupkit.MemberUnblocked, groupkit.BlockExpired:
		delete(g.blocks, u)
	case groupkit.MemberMuted:
		g.mutes[u] = groupkit.Mute{User: u, Until: e.Until, By: e.Actor, At: e.At, Reason: e.Reason}
	case groupkit.MemberUnmuted, groupkit.MuteExpired:
		delete(g.mutes, u)
	case groupkit.MemberAllowed:
		g.allowed[u] = groupkit.Allowed{User: u, By: e.Actor, At: e.At, Reason: e.Reason}
	case groupkit.MemberDisallowed:
		delete(g.allowed, u)
	}
}

func (g *modelGroup) set(changes []groupkit.Change) {
	texts := map[groupkit.Field]*string{
		groupkit.FieldName: &g.name, groupkit.FieldDescription: &g.description,
		groupkit.FieldAvatar: &g.avatar, groupkit.FieldCustom: &g.custom,
	}
	flags := map[groupkit.Field]*bool{
		groupkit.FieldPublic: &g.public, groupkit.FieldMembersOnly: &g.membersOnly,
		groupkit.FieldAllowInvites: &g.allowInvites, groupkit.FieldInviteNeedConfirm: &g.needConfirm,
	}
	for _, c := range changes {
		if text, ok := texts[c.Field]; ok {
			*text = c.After
		}
		if flag, ok := flags[c.Field]; ok {
			*flag = c.After == "true"
		}
		if c.Field == groupkit.FieldMaxUsers {
			g.maxUsers, _ = strconv.Atoi(c.After)
		}
	}
}

// requireLog is about the log of a group on every engine: replayed, it gives the
// group, and beyond that at most what has expired.
func (m *machine) requireLog(t *rapid.T, g *modelGroup) {
	for _, in := range m.engines {
		got := m.replay(t, in, g.id)
		requireEqual(t, g.group(), got.group(), in.name+" replayed")
		requireEqual(t, g.joined, got.joined, in.name+" replayed")
		requireEqual(t, g.admins, got.admins, in.name+" replayed")
		requireEqual(t, g.allowed, got.allowed, in.name+" replayed")
		requireEqual(t, g.announcement, got.announcement, in.name+" replayed")
		requireSameMarks(t, m.world, g.blocks, got.blocks, func(b groupkit.Block) time.Time { return b.Until })
		requireSameMarks(t, m.world, g.mutes, got.mutes, func(m groupkit.Mute) time.Time { return m.Until })
		requireSameMarks(t, m.world, g.requests, got.requests, func(r groupkit.Request) time.Time { return r.Expires })
		requireSameMarks(t, m.world, g.invitations, got.invitations, func(i groupkit.Invitation) time.Time { return i.Expires })
		require.Len(t, got.files, len(g.files), "%s: files of %s replayed", in.name, g.id)
		for i, f := range g.files {
			requireEqual(t, f.File, got.files[i].File, in.name+" replayed")
		}
	}
}

// requireSameMarks compares what holds now; what has expired may be cleared or not.
func requireSameMarks[V any](t *rapid.T, w *world, want, got map[groupkit.UserID]V, end func(V) time.Time) {
	for u, mark := range got {
		if w.holds(end(mark)) {
			requireEqual(t, want[u], mark, "replayed")
		} else {
			require.Contains(t, want, u, "replayed")
		}
	}
	for u, mark := range want {
		if w.holds(end(mark)) {
			require.Contains(t, got, u, "replayed")
		}
	}
}

// requireSwept is about a group just after a sweep: its log knows of nothing that
// has expired.
func (m *machine) requireSwept(t *rapid.T, g *modelGroup) {
	got := m.replay(t, m.engines[0], g.id)
	require.Equal(t, len(got.blocks), count(got.blocks, func(u groupkit.UserID) bool { return m.world.blocked(got, u) }))
	require.Equal(t, len(got.mutes), count(got.mutes, func(u groupkit.UserID) bool { return m.world.muted(got, u) }))
	require.Equal(t, len(got.requests), m.world.requests(got))
	require.Equal(t, len(got.invitations), m.world.invitations(got))
	for _, u := range slices.Concat(slices.Collect(maps.Keys(g.blocks)), slices.Collect(maps.Keys(g.mutes))) {
		require.Equal(t, m.world.blocked(g, u), has(got.blocks, u))
		require.Equal(t, m.world.muted(g, u), has(got.mutes, u))
	}
}
