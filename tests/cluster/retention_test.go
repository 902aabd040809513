//go:build unix

package cluster_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// TestCluster_retention lets the processes cut the logs all the time, also each other's newest events:
// the clock of one of them is days ahead. Then checkpoints take the place of events, but only of those that the
// logs do not have any more.
func TestCluster_retention(t *testing.T) {
	keep := groupkit.Retention{MaxEvents: 2, MaxAge: 24 * time.Hour}
	c := startCluster(t, setup{Keep: keep}, farApart)
	c.run(max(*runTime/4, 2*time.Second))

	o := options(0)
	o.Retention = keep
	st, eng := c.open(o)
	c.awaitCare(st)
	c.requireSound(eng)
	c.announceEnd(eng)
	require.NoError(t, grouptest.ErrorOf(eng.Sweep(t.Context())))
	c.createLast(eng)
	c.requireSound(eng)
	c.readJournals()
	logs := c.readLogs(eng)
	c.requireSameAsLogs(eng, logs)
	c.readHeard(logs)
	c.report.requireHeardOrRemoved(t, logs)
	c.requireCut(logs, keep.MaxEvents)
}

// requireCut checks that the logs are as short as they are to be.
func (c *cluster) requireCut(logs map[groupkit.GroupID][]groupkit.Event, most int) {
	cut := 0
	for id, events := range logs {
		if len(events) == 0 || events[0].Kind != groupkit.Checkpoint {
			continue
		}
		cut++
		calls := 0
		for _, e := range events[1:] {
			if e.Last {
				calls++
			}
		}
		require.LessOrEqual(c.t, calls, most, "the log of %s", id)
	}
	require.NotZero(c.t, cut)
}

// requireHeardOrRemoved checks that each listener heard the events of each group once and in order. Where
// a checkpoint took the place of some, the log did not have them any more, or was rewritten.
func (r *report) requireHeardOrRemoved(t *testing.T, logs map[groupkit.GroupID][]groupkit.Event) {
	known := make(map[place]string)
	for id, events := range logs {
		for _, e := range events {
			if e.Kind != groupkit.Checkpoint {
				known[place{id, e.Version}] = nameless(e)
			}
		}
	}
	rewritten := r.rewritings(logs)
	events, checkpoints, walks := 0, 0, 0
	for i := range r.listeners {
		l := &r.listeners[i]
		require.Empty(t, l.Failure, "a listener to %q as %q from %q", l.Group, l.User, l.From)
		groups, walked := make(map[groupkit.GroupID]*hearer), false
		for _, h := range l.Heard {
			e := &h.Event
			if e.Group == "" {
				walks, walked = walks+1, true
				clear(groups)
				continue
			}
			g := groups[e.Group]
			if g == nil {
				g = &hearer{}
				groups[e.Group] = g
			}
			if e.Kind == groupkit.Checkpoint {
				checkpoints++
				removed := h.First > g.at+1
				again := slices.ContainsFunc(rewritten[e.Group], func(v uint64) bool { return v > g.checkpoint && v <= e.Version })
				require.True(t, !g.begun || g.within || removed || again || g.again || l.User != "", "a listener to %q from %q: no need for a checkpoint after %d: %+v", l.Group, l.From, g.at, h)
				g.begun, g.at, g.checkpoint, g.within, g.again = true, e.Version, e.Version, !e.Last, false
				continue
			}
			events++
			if g.begun && (walked && e.Version <= g.at || l.Group == "" && e.Version <= g.checkpoint) {
				g.again = g.again || e.Kind == groupkit.Pseudonymized
				continue // the checkpoint contains it
			}
			require.True(t, !g.begun || e.Version == g.at+1 || l.User != "" && e.Version > g.at, "a listener to %q from %q is at %d: %+v", l.Group, l.From, g.at, e)
			g.begun, g.at = true, e.Version
			if l.User != "" {
				continue
			}
			at := place{e.Group, e.Version}
			if before, heard := known[at]; heard {
				require.Equal(t, before, nameless(*e))
			}
			known[at] = nameless(*e)
		}
		if g := groups[l.Group]; l.Group != "" && l.User == "" && g != nil {
			l.requireAtEnd(t, g, logs[l.Group])
		}
	}
	t.Logf("%d listeners heard %d events and %d checkpoints, and began anew %d times", len(r.listeners), events, checkpoints, walks)
	require.NotZero(t, checkpoints)
}

// A place is a version of a group.
type place struct {
	group   groupkit.GroupID
	version uint64
}

// rewritings returns the versions at which pseudonyms were written into the logs, as far as anybody heard of it.
func (r *report) rewritings(logs map[groupkit.GroupID][]groupkit.Event) map[groupkit.GroupID][]uint64 {
	versions := make(map[groupkit.GroupID][]uint64)
	note := func(e *groupkit.Event) {
		if e.Kind == groupkit.Pseudonymized {
			versions[e.Group] = append(versions[e.Group], e.Version)
		}
	}
	for _, events := range logs {
		for i := range events {
			note(&events[i])
		}
	}
	for i := range r.listeners {
		for j := range r.listeners[i].Heard {
			note(&r.listeners[i].Heard[j].Event)
		}
	}
	return versions
}

// requireAtEnd checks that a listener to a group knows of everything in its log.
func (l *listener) requireAtEnd(t *testing.T, g *hearer, log []groupkit.Event) {
	if len(log) == 0 || l.Ended != "" {
		gone := len(log) == 0 || slices.ContainsFunc(log, func(e groupkit.Event) bool {
			return e.Kind == groupkit.GroupDeleted || e.Kind == groupkit.Checkpoint && e.Checkpoint.Group.Owner == ""
		})
		require.True(t, gone, "a listener to %s ended, and the group lives", l.Group)
		return
	}
	require.Equal(t, log[len(log)-1].Version, g.at, "a listener to %s has not heard the end", l.Group)
}

// nameless is an event without what pseudonyms and checkpoints change.
func nameless(e groupkit.Event) string {
	e.Actor, e.Users, e.File, e.Last = "", nil, nil, false
	return textOf(e)
}
