package groupkit_test

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
)

// The log of a group, replayed by clock: what it says has to be what the model knows.

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
		if e.File != nil {
			e.File = new(in.namedFile(*e.File))
		}
		g.apply(e)
	}
	return g
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
