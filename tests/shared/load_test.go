package shared_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/sharedmem"
)

// logOfG returns the log of the group that fill makes, and its snapshot.
func logOfG(t *testing.T) ([]groupkit.Event, groupkit.Snapshot) {
	n := newNameless(t, sharedmem.Options{})
	p := n.openLittle()
	n.fill(p)
	s, err := p.System().Snapshot(t.Context(), "g")
	require.NoError(t, err)
	return grouptest.MustCollect(t, p.System().Events(t.Context(), "g", 0)), s
}

func loadG(t *testing.T, eng *groupkit.Engine, log []groupkit.Event) error {
	events := func(yield func(groupkit.Event, error) bool) {
		for _, e := range log {
			if !yield(e, nil) {
				return
			}
		}
	}
	return grouptest.ErrorOf(eng.System().LoadFrom(t.Context(), "g", events, groupkit.LoadOptions{}))
}

func requireG(t *testing.T, eng *groupkit.Engine, want groupkit.Snapshot) {
	got, err := eng.System().Snapshot(t.Context(), "g")
	require.NoError(t, err)
	require.Equal(t, want, got)
	report, err := eng.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Empty(t, report.Violations)
	require.Empty(t, report.Loads)
}

// A store that takes little at once gets a group in many steps. The answers of all of them can be lost.
func TestActor_LoadFrom_lostAnswers(t *testing.T) {
	t.Parallel()
	log, want := logOfG(t)
	for said, outcome := range map[string]sharedmem.Outcome{"made": sharedmem.UnknownMade, "lost": sharedmem.UnknownLost} {
		t.Run(said, func(t *testing.T) {
			t.Parallel()
			for n, more := 1, true; more; n++ {
				w := newWorld(t, sharedmem.Options{Numbers: true})
				require.NoError(t, w.System().DeleteGroup(t.Context(), "g"))
				renamed := renamedTo(log, "other")
				w.faults.nth(n, outcome)
				events := func(yield func(groupkit.Event, error) bool) {
					for _, e := range renamed {
						if !yield(e, nil) {
							return
						}
					}
				}
				_, err := w.System().LoadFrom(t.Context(), "other", events, groupkit.LoadOptions{})
				require.NoError(t, err, "the answer %d", n)
				more = !w.faults.pending()
				require.True(t, more || n > 5, "it goes in steps")
				w.faults.always(sharedmem.Made)
				s, err := w.System().Snapshot(t.Context(), "other")
				require.NoError(t, err)
				require.Equal(t, want.Group.MemberCount, s.Group.MemberCount)
				report, err := w.Verify(t.Context(), groupkit.VerifyOptions{})
				require.NoError(t, err)
				require.Empty(t, report.Violations)
			}
		})
	}
}

// renamedTo gives a log to another group.
func renamedTo(log []groupkit.Event, group groupkit.GroupID) []groupkit.Event {
	out := make([]groupkit.Event, len(log))
	for i, e := range log {
		e.Group = group
		out[i] = e
	}
	return out
}

// A process that dies leaves a load behind. Another process removes it, or loads the group itself at
// once.
func TestActor_LoadFrom_cutOffBeside(t *testing.T) {
	t.Parallel()
	log, want := logOfG(t)
	for at := 1; at < 40; at += 6 {
		synctest.Test(t, func(t *testing.T) {
			n := newNameless(t, sharedmem.Options{})
			living := n.openLittle()
			s := &stepping{Store: n.data.Open(), after: func(update int) error {
				if update == at {
					return errors.New("the process is dead")
				}
				return nil
			}}
			mortal := n.openAs(s)
			synctest.Wait()
			before := len(grouptest.DumpStore(t, living.store))
			s.arm()
			require.Error(t, loadG(t, mortal.Engine, log))
			_ = mortal.Close()
			require.NotEmpty(t, n.keys(key.Loads()))
			require.ErrorIs(t, grouptest.ErrorOf(living.System().Group(t.Context(), "g")), groupkit.ErrGroupNotFound)
			if at%4 == 1 {
				require.NoError(t, loadG(t, living.Engine, log))
				requireG(t, living.Engine, want)
				return
			}
			time.Sleep(2 * time.Hour)
			synctest.Wait()
			require.Empty(t, n.keys(key.Loads()))
			require.LessOrEqual(t, len(grouptest.DumpStore(t, living.store)), before+2, "but for the lease and the limit")
			require.NoError(t, loadG(t, living.Engine, log))
			requireG(t, living.Engine, want)
		})
	}
}

// Two processes load a group at the same time. One of them takes over, and the group is whole.
func TestActor_LoadFrom_twice(t *testing.T) {
	t.Parallel()
	log, want := logOfG(t)
	n := newNameless(t, sharedmem.Options{})
	one, other := n.openLittle(), n.openLittle()
	first := func(yield func(groupkit.Event, error) bool) {
		for i, e := range log {
			if i == len(log)/2 {
				require.NoError(t, loadG(t, other.Engine, log))
			}
			if !yield(e, nil) {
				return
			}
		}
	}
	_, err := one.System().LoadFrom(t.Context(), "g", first, groupkit.LoadOptions{})
	require.ErrorIs(t, err, groupkit.ErrGroupExists)
	requireG(t, one.Engine, want)
}
