//go:build unix

package cluster_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// A namedLog is the log of a group, with the users in place of their pseudonyms.
type namedLog struct {
	names  names
	clear  bool // all of them are known
	log    []groupkit.Event
	events []groupkit.Event // with the users

	states map[uint64]groupkit.Snapshot
}

func newNamedLog(log []groupkit.Event, n names) *namedLog {
	l := &namedLog{names: n, log: log, states: make(map[uint64]groupkit.Snapshot)}
	l.events, l.clear = n.named(log)
	return l
}

// stateAt returns what the log says of the group at a version.
func (l *namedLog) stateAt(t *testing.T, version uint64) groupkit.Snapshot {
	s, known := l.states[version]
	if !known {
		state, err := groupkit.Replay(func(yield func(groupkit.Event, error) bool) {
			for _, e := range l.log[:version] {
				if !yield(e, nil) {
					return
				}
			}
		})
		require.NoError(t, err)
		s, err = l.names.inSnapshot(state)
		require.NoError(t, err)
		l.states[version] = s
	}
	return s
}

// rewrites reports whether pseudonyms were written into the log after a version, up to another one.
func (l *namedLog) rewrites(after, to uint64) bool {
	return slices.ContainsFunc(l.log, func(e groupkit.Event) bool {
		return e.Kind == groupkit.Pseudonymized && e.Version > after && e.Version <= to
	})
}

// A hearer is where a listener is in a group.
type hearer struct {
	begun      bool
	at         uint64 // the version of the last event or checkpoint
	checkpoint uint64 // the version of the last checkpoint
	within     bool   // a checkpoint
	deleted    bool
	again      bool // a rewriting that the checkpoint contains came again: so does the checkpoint
}

// requireHeard checks that every listener heard everything, once and in order, and what it was to hear. Only a
// rewriting of the log, and a position of another history, lead to a checkpoint.
func (r *report) requireHeard(t *testing.T) {
	events, checkpoints, parts, resumed := 0, 0, 0, 0
	for i := range r.listeners {
		l := &r.listeners[i]
		require.Empty(t, l.Failure, "a listener to %q as %q from %q", l.Group, l.User, l.From)
		for _, h := range l.Heard {
			events++
			if h.State != nil {
				checkpoints++
			}
			if h.Event.Part > 0 {
				parts++
			}
		}
		resumed += l.Resumed
		if l.User != "" {
			r.requireSeen(t, l)
			continue
		}
		groups := make(map[groupkit.GroupID]*hearer)
		if l.Group != "" && l.From != foreign.String() && len(l.Heard) > 0 && l.Heard[0].Event.Kind != groupkit.Checkpoint {
			groups[l.Group] = &hearer{begun: true, at: l.began(t).Version, checkpoint: l.began(t).Version}
		}
		for i := range l.Heard {
			r.requireNext(t, l, i, groups)
		}
		r.requireEnd(t, l, groups)
	}
	t.Logf("%d listeners heard %d events, %d checkpoints and %d further parts of them, and went on %d times", len(r.listeners), events, checkpoints, parts, resumed)
}

// began returns the position from which the listener began.
func (l *listener) began(t *testing.T) groupkit.Position {
	from, err := groupkit.ParsePosition(l.From)
	require.NoError(t, err)
	return from
}

// requireNext checks an event that the system was given.
func (r *report) requireNext(t *testing.T, l *listener, i int, groups map[groupkit.GroupID]*hearer) {
	e, walks := &l.Heard[i].Event, l.Group == "" && l.From == foreign.String()
	if e.Group == "" {
		require.Equal(t, groupkit.Event{Kind: groupkit.Checkpoint}, *e)
		require.True(t, walks && i == 0, "a listener to all groups began anew at %d", i)
		return
	}
	log, g := r.logs[e.Group], groups[e.Group]
	require.NotNil(t, log, "%+v", e)
	if g == nil {
		g = &hearer{}
		groups[e.Group] = g
	}
	if e.Kind == groupkit.Checkpoint {
		first := !g.begun && (walks || l.Group != "")
		require.True(t, g.within || first || g.again || log.rewrites(g.checkpoint, e.Version), "a listener to %q from %q: no need for a checkpoint after %+v: %+v", l.Group, l.From, g, e)
		g.begun, g.at, g.within, g.again = true, e.Version, !e.Last, false
		if e.Last {
			g.checkpoint = e.Version
			r.requireState(t, log, l.Heard[i].State, log.stateAt(t, e.Version))
		}
		return
	}
	switch {
	case !g.begun && l.From != "": // all groups, or a group that was deleted before its checkpoint
		g.at = e.Version - 1
	case l.Group == "" && g.begun && (walks && e.Version <= g.at || e.Version <= g.checkpoint):
		g.again = g.again || e.Kind == groupkit.Pseudonymized
		return // the checkpoint contains it
	}
	require.Equal(t, g.at+1, e.Version, "a listener to %q from %q: %+v", l.Group, l.From, e)
	want := log.events[e.Version-1]
	require.True(t, e.Last == want.Last || want.Last && (g.within || e.Kind == groupkit.Pseudonymized), "%+v", e)
	r.requireSame(t, log, want, *e)
	g.begun, g.at = true, e.Version
	g.deleted = g.deleted || e.Kind == groupkit.GroupDeleted
}

// requireSame compares an event with what it must be. Between the parts of a checkpoint, no event is the last.
func (r *report) requireSame(t *testing.T, log *namedLog, want, e groupkit.Event) {
	want.Last, e.Last = false, false
	require.JSONEq(t, textOf(want), textOf(log.names.inEvent(e)))
}

// requireState compares a state that was given with what the log says.
func (r *report) requireState(t *testing.T, log *namedLog, state *groupkit.Snapshot, want groupkit.Snapshot) {
	if !log.clear {
		return
	}
	named, err := log.names.inSnapshot(*state)
	require.NoError(t, err)
	require.JSONEq(t, textOf(want), textOf(named))
}

// requireEnd checks that a listener has heard the end.
func (r *report) requireEnd(t *testing.T, l *listener, groups map[groupkit.GroupID]*hearer) {
	for id, g := range groups {
		end := uint64(len(r.logs[id].log))
		if l.Ended != "" {
			// Who is cut off within a checkpoint goes on from the position before it, to which a deleted group does not lead.
			require.True(t, g.deleted || g.within || r.logs[id].rewrites(g.at, end), "a listener to %q from %q ended: %s, %+v", id, l.From, l.Ended, *g)
			continue
		}
		require.False(t, g.within)
		require.Equal(t, end, g.at, "a listener to %q from %q has not heard the end of %s", l.Group, l.From, id)
	}
	if l.Group != "" {
		return
	}
	require.Empty(t, l.Ended)
	if l.From == "" {
		for id, log := range r.logs {
			require.True(t, len(log.log) == 0 || groups[id] != nil, "a listener to all groups has not heard of %s", id)
		}
	}
	if l.From != foreign.String() {
		r.requireBegun(t, l)
	}
}

// requireBegun checks that a listener to all groups heard every call that began after it.
func (r *report) requireBegun(t *testing.T, l *listener) {
	first := make(map[groupkit.GroupID]uint64)
	for i := range l.Heard {
		e := &l.Heard[i].Event
		if _, begun := first[e.Group]; !begun && e.Kind != groupkit.Checkpoint {
			first[e.Group] = e.Version
		}
	}
	for i := range r.operations {
		o := &r.operations[i]
		if place, logged := r.histories[o.Group].place(o); logged && o.Begun > l.Begun {
			begun, any := first[o.Group]
			require.True(t, any && begun <= place.first, "a listener to all groups has not heard %+v", o)
		}
	}
}
