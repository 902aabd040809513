package machinetest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/modeltest"
)

// The log of a group, replayed by the model: the result has to be the model's group.

// lookAtLog compares who may read the log.
func (m *machine) lookAtLog(t *rapid.T, c modeltest.Caller, id groupkit.GroupID) {
	m.ask(t, call{0, "Events", c, id, nil,
		func(w *modeltest.World) (any, *modeltest.Refusal) { return nil, w.MayReadLog(c, id) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			for _, err := range a.Events(ctx, id, 0) {
				return nil, err
			}
			return nil, nil
		}})
}

// replay builds a group from its log on one engine.
func (m *machine) replay(t *rapid.T, in *instance, name groupkit.GroupID) *modeltest.Group {
	g := m.world.NewGroup(groupkit.NewGroup{ID: name}, "")
	g.Created, g.Modified = time.Time{}, time.Time{}
	for e, err := range in.turn(t).System().Events(context.Background(), in.id(name), 0) {
		if err != nil || e.Version != g.Version+1 || e.At.Before(g.Modified) {
			t.Fatalf("%s: %s: after event %d at %v comes %+v, %v", in.Name, name, g.Version, g.Modified, e, err)
		}
		g.Version, g.Modified = e.Version, e.At
		for _, u := range e.Users {
			if end := g.EndOf(u, e.Kind); !m.wentBack && !end.IsZero() && !end.After(e.At) {
				t.Fatalf("%s: %s: %v replaces what expired at %v, and nothing told of that", in.Name, name, e, end)
			}
		}
		if e.File != nil {
			e.File = new(in.namedFile(*e.File))
		}
		g.Apply(e)
	}
	return g
}

// requireLog is about the log of a group on every engine: replayed, it gives the
// group, and beyond that at most what has expired.
func (m *machine) requireLog(t *rapid.T, g *modeltest.Group) {
	for _, in := range m.engines {
		got := m.replay(t, in, g.ID)
		requireEqual(t, g.Info(), got.Info(), in.Name+" replayed")
		requireEqual(t, g.Joined, got.Joined, in.Name+" replayed")
		requireEqual(t, g.Admins, got.Admins, in.Name+" replayed")
		requireEqual(t, g.Allowed, got.Allowed, in.Name+" replayed")
		requireEqual(t, g.Announcement, got.Announcement, in.Name+" replayed")
		requireSameMarks(t, m.world, g.Blocks, got.Blocks, func(b groupkit.Block) time.Time { return b.Until })
		requireSameMarks(t, m.world, g.Mutes, got.Mutes, func(m groupkit.Mute) time.Time { return m.Until })
		requireSameMarks(t, m.world, g.Requests, got.Requests, func(r groupkit.Request) time.Time { return r.Expires })
		requireSameMarks(t, m.world, g.Invitations, got.Invitations, func(i groupkit.Invitation) time.Time { return i.Expires })
		require.Len(t, got.Files, len(g.Files), "%s: files of %s replayed", in.Name, g.ID)
		for i, f := range g.Files {
			requireEqual(t, f.File, got.Files[i].File, in.Name+" replayed")
		}
	}
}

// requireSameMarks compares what holds now; what has expired may be cleared or not.
func requireSameMarks[V any](t *rapid.T, w *modeltest.World, want, got map[groupkit.UserID]V, end func(V) time.Time) {
	for u, mark := range got {
		if w.Holds(end(mark)) {
			requireEqual(t, want[u], mark, "replayed")
		} else {
			require.Contains(t, want, u, "replayed")
		}
	}
	for u, mark := range want {
		if w.Holds(end(mark)) {
			require.Contains(t, got, u, "replayed")
		}
	}
}

// requireSwept is about a group just after a sweep: its log knows of nothing that
// has expired.
func (m *machine) requireSwept(t *rapid.T, g *modeltest.Group) {
	got := m.replay(t, m.engines[0], g.ID)
	require.Equal(t, len(got.Blocks), modeltest.Count(got.Blocks, func(u groupkit.UserID) bool { return m.world.Blocked(got, u) }))
	require.Equal(t, len(got.Mutes), modeltest.Count(got.Mutes, func(u groupkit.UserID) bool { return m.world.Muted(got, u) }))
	require.Equal(t, len(got.Requests), m.world.CountRequests(got))
	require.Equal(t, len(got.Invitations), m.world.CountInvitations(got))
	for _, u := range slices.Concat(slices.Collect(maps.Keys(g.Blocks)), slices.Collect(maps.Keys(g.Mutes))) {
		require.Equal(t, m.world.Blocked(g, u), modeltest.Has(got.Blocks, u))
		require.Equal(t, m.world.Muted(g, u), modeltest.Has(got.Mutes, u))
	}
}
