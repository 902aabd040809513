package machinetest

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/key"
	"groupkit/internal/modeltest"
	"groupkit/store"
)

// letTimePass moves the clock: a little, a lot, or to an instant at which
// something ends, or to the millisecond before or after.
func (m *machine) letTimePass(t *rapid.T) {
	if modeltest.Chance(t, "backwards", 5) {
		m.wentBack = true
		m.setClock(t, m.world.Backwards(time.Duration(modeltest.Number.Draw(t, "back"))*time.Millisecond))
		return
	}
	steps := []time.Time{
		m.world.Now.Add(time.Millisecond), m.world.Now.Add(3 * time.Millisecond), m.world.Now.Add(time.Second), m.world.Now.Add(time.Hour),
	}
	for _, end := range m.world.Ends() {
		if end.After(m.world.Now.Add(time.Millisecond)) && end.Before(modeltest.LastInstant) {
			steps = append(steps, end.Add(-time.Millisecond), end, end, end.Add(time.Millisecond))
		}
	}
	m.setClock(t, modeltest.Pick(t, "until", steps))
}

func (m *machine) setClock(t *rapid.T, to time.Time) {
	t.Logf("it is %v", to)
	m.clock.Advance(to.Sub(m.world.Now))
	m.world.Now = to
	require.Equal(t, to, m.clock.Instant())
}

// sweep clears what has expired away. That it is cleared, and nothing else, is
// seen in the log, which is replayed afterwards.
func (m *machine) sweep(t *rapid.T) {
	t.Logf("Sweep")
	clear(m.world.Touched)
	var swept []int
	for _, in := range m.engines {
		n, err := in.turn(t).Sweep(context.Background())
		require.NoError(t, err, in.Name)
		swept = append(swept, n)
		require.Equal(t, swept[0], n, "%s: as many as %s", in.Name, m.engines[0].Name)
		n, err = in.turn(t).Sweep(context.Background())
		require.NoError(t, err, in.Name)
		require.Zero(t, n, "%s: something left for a second sweep", in.Name)
	}
	for _, g := range m.world.Live {
		for _, u := range modeltest.Users {
			m.world.Clear(g, u)
		}
	}
	m.compareVersions(t)
	require.Equal(t, len(m.world.Touched) > 0, swept[0] > 0)
	for _, g := range m.world.Live {
		m.requireSwept(t, g)
	}
}

// changeUsers makes the application forget a user, or know it again.
func (m *machine) changeUsers(t *rapid.T) {
	if m.world.Known == nil {
		return
	}
	u := modeltest.Pick(t, "user", modeltest.Users)
	known := modeltest.Chance(t, "known", 70)
	t.Logf("known %q: %v", u, known)
	m.world.Known[u] = known
}

// reopen closes the engines and opens them again, with other options at times, and at times
// with data that comes from an older version.
func (m *machine) reopen(t *rapid.T) {
	if modeltest.Bit.Draw(t, "other options") {
		m.world.Options, _ = modeltest.DrawOptions(t)
		for _, in := range m.engines {
			in.setGroupLimit(t, m.world.Options.Limits.Groups)
		}
	}
	older := modeltest.Chance(t, "written by an older version", 30) && m.fitsFormat1()
	t.Logf("reopen with %+v, older: %v", m.world.Options, older)
	for _, in := range m.engines {
		require.NoError(t, in.close(), in.Name)
		_, _, err := in.turn(t).System().GroupDetails(context.Background(), []groupkit.GroupID{"g"})
		if errors.Is(err, groupkit.ErrClosed) {
			m.seen.note(modeltest.Refuse(groupkit.ErrClosed))
		}
		if older && !in.Fails {
			in.goBack(t, m.options())
		}
		require.NoError(t, in.open(m.options()), in.Name)
	}
}

// setGroupLimit gives a store that processes share another limit of groups, which its engines
// have to be opened with.
func (in *instance) setGroupLimit(t *rapid.T, most int) {
	err := in.turn(t).SetGroupLimit(context.Background(), most)
	if in.Engines == 0 && errors.Is(err, groupkit.ErrInvalid) {
		return // the store belongs to this process alone
	}
	require.NoError(t, err, in.Name)
}

// fitsFormat1 reports whether format 1 could name the contents of all files. Its names contained
// the ID of the group.
func (m *machine) fitsFormat1() bool {
	for _, g := range m.world.Live {
		if len(g.Files) > 0 && len(key.Content1(string(g.ID), uuid.Nil)) > store.MaxBlobID {
			return false
		}
	}
	return true
}

func (m *machine) forgetUser(t *rapid.T) {
	u, c := m.world.DrawUser(t, "", nil), m.world.DrawCaller(t, "", nil)
	opts := groupkit.ForgetOptions{
		Owned:  modeltest.Pick(t, "owned", []groupkit.OwnedPolicy{groupkit.OwnedSucceed, groupkit.OwnedRefuse, groupkit.OwnedDelete}),
		Blocks: modeltest.Bit.Draw(t, "blocks"), Pseudonymize: modeltest.Bit.Draw(t, "pseudonymize"),
	}
	m.change(t, call{0, "ForgetUser", c, "", []any{u, opts},
		func(w *modeltest.World) (any, *modeltest.Refusal) { return nil, w.ForgetUser(c, u, opts) },
		func(ctx context.Context, _ *instance, a groupkit.Actor, _ groupkit.GroupID) (any, error) {
			return nil, a.ForgetUser(ctx, u, opts)
		}})
}
