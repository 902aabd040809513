// Package machinetest is the state machine of the property tests: one random history runs on
// several engines at once and in the model, and every answer, refusal, list and count has to be
// the model's. CONTRIBUTING.md says how to run a longer one, and how to run a failing one again.
package machinetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/modeltest"
)

// Run runs histories on the sides, under the default limits and under tiny ones, and looks at last
// whether each way to be refused was met.
func Run(t *testing.T, sides ...Side) {
	t.Helper()
	seen := &coverage{refused: map[error]int{}, granted: map[string]int{}}
	for range 4 { // what chance has left out comes in the next round
		rapid.Check(t, func(t *rapid.T) { history(t, seen, sides) })
		t.Logf("%d steps", seen.steps)
		if seen.steps < 5000 {
			t.Logf("%d steps are too few to have met everything", seen.steps)
			return
		}
		if len(seen.missing()) == 0 {
			return
		}
	}
	require.Empty(t, seen.missing(), "in %d steps", seen.steps)
}

// missing is what no history has met yet.
func (c *coverage) missing() (list []string) {
	for is := range grouptest.Classes {
		if !slices.Contains(unmet, is) && c.refused[is] == 0 {
			list = append(list, fmt.Sprintf("a refusal with %q", is))
		}
	}
	for verb, n := range c.granted {
		if n == 0 {
			list = append(list, "a grant of "+verb)
		}
	}
	return list
}

// unmet are the sentinels that no history meets.
var unmet = []error{
	groupkit.ErrCorrupt,         // nothing is damaged: tests/faults
	groupkit.ErrStorage,         // no store fails: tests/faults
	groupkit.ErrUnknownOutcome,  // no store loses an answer: tests/faults
	groupkit.ErrVetoed,          // there is no Guard: guard_test.go
	groupkit.ErrKeyReused,       // no key is used for two calls: idempotency_test.go
	groupkit.ErrForeignContents, // no contents are those of another: contents_test.go
	groupkit.ErrReadOnly,        // every engine can write: tests/faults
	groupkit.ErrNotEmpty,        // nothing is restored into a place in use: restore_test.go
	groupkit.ErrUnfinished,      // no restore is cut off: restore_test.go
	groupkit.ErrContentAbsent,   // no group is loaded: load_group_test.go
	groupkit.ErrNested,          // no call is made in the midst of an Atomic: atomic_outside_test.go
	groupkit.ErrClock,           // the clock is right: clock_range_test.go
}

// coverage counts what the histories of a test met.
type coverage struct {
	steps   int
	refused map[error]int
	granted map[string]int
}

// A machine runs one history.
type machine struct {
	world   *modeltest.World
	clock   *grouptest.Clock
	engines []*instance
	seen    *coverage
	calls   int

	wentBack bool // the clock did
}

// history is one run: rounds of random calls, the engines being reopened in between.
func history(t *rapid.T, seen *coverage, sides []Side) {
	m := newMachine(t, seen, sides)
	m.begin(t)
	backs := modeltest.Chance(t, "backs up", 30)
	for round := range 6 {
		t.Repeat(map[string]func(*rapid.T){"step": m.step})
		m.lookAtLogs(t)
		m.reopen(t)
		if round%2 == 1 {
			m.lookAtEverything(t)
			if backs {
				m.backUp(t)
			}
		}
	}
	m.lookAtLoads(t)
	if backs {
		m.lookAtBackups(t)
	}
}

// begin makes two groups with a few members, whom a public group lets invite without
// effect, and a blacklist that will soon be full where the option allows it.
func (m *machine) begin(t *rapid.T) {
	system := modeltest.Caller{System: true}
	for _, public := range []bool{true, false} {
		m.makeGroup(t, system, groupkit.NewGroup{
			Name: "night watch", Owner: m.world.DrawUser(t, "", nil), Members: modeltest.Users[:2], Public: public, MembersOnly: true,
		})
	}
	for _, id := range slices.Sorted(maps.Keys(m.world.Live)) {
		m.makeUpdate(t, system, id, groupkit.GroupUpdate{AllowInvites: new(true)})
		for _, u := range modeltest.Users[len(modeltest.Users)-min(4, m.world.Options.Limits.MaxUsers-1):] {
			m.makeBlock(t, system, id, groupkit.Forever, u)
		}
	}
}

// step makes a change, mostly, and looks at something.
func (m *machine) step(t *rapid.T) {
	m.seen.steps++
	switch n := modeltest.Number.Draw(t, "step") % 100; {
	case n < 20:
		m.one(t, changesOfGroups)
	case n < 40:
		m.one(t, changesOfMembers)
	case n < 62:
		m.one(t, comings)
	case n < 82:
		m.one(t, disciplines)
	case n < 90:
		m.one(t, sharings)
	case n < 96:
		m.letTimePass(t)
	case n < 97:
		m.sweep(t)
	case n < 98:
		m.changeUsers(t)
	case n < 99:
		m.forgetUser(t)
	case modeltest.Chance(t, "look at everything", 30): // it takes as long as thirty steps
		m.lookAtEverything(t)
	}
	m.look(t)
}

func newMachine(t *rapid.T, seen *coverage, sides []Side) *machine {
	m := &machine{clock: grouptest.NewClock(), seen: seen}
	opts, known := modeltest.DrawOptions(t)
	m.world = modeltest.NewWorld(m.clock.Instant(), opts, known)
	for _, side := range sides {
		in := newInstance(t, side)
		require.NoError(t, in.open(m.options()))
		t.Cleanup(func() { _ = in.close() })
		m.engines = append(m.engines, in)
	}
	return m
}

// options are the model's, and what it keeps for itself.
func (m *machine) options() *groupkit.Options {
	opts := m.world.Options
	opts.Clock, opts.CacheBytes = m.clock.Now, 4096 // a few entries, which have to make room for others
	opts.MaxSkew = -1                               // all have one clock
	if m.world.Known != nil {
		opts.UserExists = func(_ context.Context, u groupkit.UserID) (bool, error) { return m.world.Known[u], nil }
	}
	return &opts
}

// A call is one operation: what the model says to it, and what an engine does.
type call struct {
	number int // 0 for one that only looks
	verb   string
	who    modeltest.Caller
	group  groupkit.GroupID
	args   []any
	model  func(*modeltest.World) (any, *modeltest.Refusal)
	engine func(context.Context, *instance, groupkit.Actor, groupkit.GroupID) (any, error)
}

func (c call) String() string {
	return fmt.Sprintf("%.300s", fmt.Sprintf("%v: %s %.70q %+v", c.who, c.verb, c.group, c.args))
}

// change makes a call that may change something, and looks whether what should
// have changed did, and nothing else.
func (m *machine) change(t *rapid.T, c call) {
	clear(m.world.Touched)
	clear(m.world.Cleared)
	t.Logf("%v", c)
	m.calls++
	c.number = m.calls
	m.ask(t, c)
	m.compareVersions(t)
}

// ask makes a call of the model and of every engine, and compares the answers.
func (m *machine) ask(t *rapid.T, c call) {
	want, no := c.model(m.world)
	m.seen.note(no)
	if m.seen.granted[c.verb] += 0; no == nil {
		m.seen.granted[c.verb]++
	}
	if want, ok := want.([]modeltest.Entry); ok {
		m.seen.noteAll(want)
	}
	for _, in := range m.engines {
		how := Plainly
		if c.number > 0 {
			how = in.How
		}
		for _, got := range how(t, in, c, no) {
			asked{in, c}.requireReply(t, want, no, got)
		}
	}
}

func (c *coverage) note(no *modeltest.Refusal) {
	if no != nil {
		for _, is := range no.Is {
			c.refused[is]++
		}
	}
}

func (c *coverage) noteAll(all []modeltest.Entry) {
	for _, e := range all {
		c.note(e.Refused)
	}
}

// compareVersions takes the groups' versions from the engines, which have to agree,
// and looks that they grew where, and only where, something changed.
func (m *machine) compareVersions(t *rapid.T) {
	for _, id := range slices.Sorted(maps.Keys(m.world.Live)) {
		g := m.world.Live[id]
		before := g.Version
		for i, in := range m.engines {
			got, err := in.turn(t).System().Group(context.Background(), in.id(id))
			require.NoError(t, err, in.Name)
			if i == 0 {
				g.Version = got.Version
			}
			if m.world.Cleared[id] && g.Version > before {
				m.world.Touch(g)
			}
			requireEqual(t, m.world.Info(modeltest.Caller{System: true}, g), in.named(got), in.Name)
		}
		if m.world.Touched[id] {
			require.Greater(t, g.Version, before, "%s: the version of a changed group", id)
			m.requireEvents(t, g, before)
		} else {
			require.Equal(t, before, g.Version, "%s: the version of an unchanged group", id)
		}
	}
}

// requireEvents is about the events of one call: one of a kind, and all of its instant.
func (m *machine) requireEvents(t *rapid.T, g *modeltest.Group, before uint64) {
	type kind struct {
		groupkit.EventKind
		groupkit.Cause
		until, at time.Time
	}
	seen := map[kind]bool{}
	in := m.engines[0]
	for e, err := range in.turn(t).System().Events(context.Background(), in.id(g.ID), before+1) {
		require.NoError(t, err)
		before++
		require.Equal(t, before, e.Version)
		require.Equal(t, g.Modified, e.At)
		k := kind{e.Kind, e.Cause, e.Until, e.At}
		require.False(t, seen[k], "%s: two events of the kind %v in one call", g.ID, e.Kind)
		seen[k] = true
	}
	require.Equal(t, g.Version, before)
}
