//go:build unix

package cluster_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// A report is everything that the processes told, and the logs in the end.
type report struct {
	operations []operation
	listeners  []listener
	histories  map[groupkit.GroupID]*history
	logs       map[groupkit.GroupID]*namedLog
}

// requireLogged checks that the logs have every call that was granted, and no call that was refused
// or of which the caller was told that it changed nothing; each one once.
func (r *report) requireLogged(t *testing.T) {
	known := make(map[string]bool)
	for i := range r.operations {
		o := &r.operations[i]
		known[o.Reason] = true
		if o.apart {
			continue // another attempt was made
		}
		in := 0
		for _, h := range r.histories {
			if _, ok := h.calls[o.Reason]; ok {
				in++
			}
		}
		if o.Verb != "ForgetUser" {
			require.LessOrEqual(t, in, 1, "%+v", o)
		}
		if o.Fate == refused || o.Fate == failed || o.Dry {
			require.Zero(t, in, "%+v was not to be made", o)
		}
	}
	for id, h := range r.histories {
		for reason := range h.calls {
			require.True(t, known[reason], "nobody has made the call %s in the log of %s", reason, id)
		}
		for _, e := range h.events {
			require.True(t, id == lastGroup || e.Reason != "" || slices.Contains([]groupkit.EventKind{groupkit.MuteExpired, groupkit.BlockExpired, groupkit.Pseudonymized}, e.Kind), "%+v", e)
		}
	}
}

// requireLinearizable checks that there is an order of the calls in which each of them gives its
// answer, and which no two calls contradict of which one ended before the other began. Whether a
// granted call changes something, and so has to be in the log, is part of the answer.
func (r *report) requireLinearizable(t *testing.T) {
	for id, h := range r.histories {
		if !h.clear {
			t.Logf("%s is not judged: who was forgotten is not known: %v", id, h.names)
			continue
		}
		ops := h.operations(r.operations)
		if stuck, version := h.order(ops); stuck != nil {
			require.Fail(t, "the history is not linearizable", "%s\ndoes not fit into the order of %s at the version %d or before\n%s", stuck, id, version, h.explain(stuck, version))
		}
	}
}

// requireLimits checks, event by event in the order of the commits, that no limit was passed. The
// first listener hears all groups from the beginning.
func (r *report) requireLimits(t *testing.T) {
	first := &r.listeners[0]
	require.Empty(t, first.Group)
	limits := options(0).Limits
	joined, groups := make(map[groupkit.UserID]int), 1 // the large one
	for _, heard := range first.Heard {
		heard := &heard.Event
		if heard.Group == lastGroup {
			break
		}
		if heard.Group == largeGroup || heard.Kind == groupkit.Checkpoint || heard.Kind == groupkit.Pseudonymized {
			continue
		}
		h := r.histories[heard.Group]
		e, now, before := h.events[heard.Version-1], h.states[heard.Version], h.states[heard.Version-1]
		for i, user := range e.Users {
			switch e.Kind {
			case groupkit.GroupCreated:
				if i == 0 {
					groups++
				}
			case groupkit.MemberJoined:
				joined[user]++
				require.LessOrEqual(t, joined[user], limits.JoinedGroups, "%s joins by %+v", user, e)
			case groupkit.MemberLeft:
				joined[user]--
			}
		}
		if e.Kind == groupkit.GroupDeleted {
			groups--
			for user := range before.Joined {
				joined[user]--
			}
			continue
		}
		require.LessOrEqual(t, groups, limits.Groups)
		require.LessOrEqual(t, len(now.Joined), maxUsers, "%+v", e)
		require.LessOrEqual(t, 1+len(now.Admins), limits.Admins, "%+v", e)
		require.LessOrEqual(t, len(now.Files), limits.Files, "%+v", e)
		require.LessOrEqual(t, len(now.Requests), limits.Requests, "%+v", e)
	}
}

// requireEnough checks that it came to something.
func (r *report) requireEnough(t *testing.T, least int) {
	fates, made, codes := make(map[fate]int), make(map[string]int), make(map[string]int)
	for i := range r.operations {
		o := &r.operations[i]
		fates[o.Fate]++
		if o.Fate == refused {
			codes[o.Answer.Code]++
		}
		if o.Fate == granted {
			made[o.Verb]++
		}
	}
	t.Logf("granted %d, refused %d, failed %d, unknown %d; granted by verb: %v", fates[granted], fates[refused], fates[failed], fates[unknown], made)
	t.Logf("refused: %v", codes)
	t.Logf("%d groups, %d listeners", len(r.histories), len(r.listeners))
	require.GreaterOrEqual(t, fates[granted], least)
	switch { // how many calls a slow machine makes in a minute, and so how many of the seldom ones, is chance
	case *runTime >= 10*time.Minute:
		require.GreaterOrEqual(t, len(made), len(verbs)*9/10, "too many verbs never succeeded")
	case *runTime >= time.Minute:
		require.GreaterOrEqual(t, len(made), len(verbs)*2/3, "too many verbs never succeeded")
	}
}
