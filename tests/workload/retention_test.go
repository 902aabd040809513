package workload_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memstore"
)

// A log that retention has cut still replays to the group: it begins with a checkpoint and
// goes on without gaps.
func TestRetention(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, d := grouptest.NewClock(), rapidDice(t)
		opts := narrowOptions(c)
		opts.Retention = oneOf(d, []groupkit.Retention{
			{MaxEvents: 1}, {MaxEvents: 3}, {MaxEvents: 10}, {MaxAge: time.Millisecond}, {MaxAge: time.Minute},
			{MaxEvents: 5, MaxAge: 30 * time.Second},
		})
		p := newWorkload(t, memstore.New(), c, opts)
		defer p.eng.Close()
		for range 3 {
			p.run(t, d, 20)
			require.NoError(t, grouptest.ErrorOf(p.eng.Sweep(context.Background())))
			p.requireSound(t)
			for _, id := range p.groups() {
				p.requireKept(t, id, opts.Retention)
			}
		}
	})
}

// requireKept checks the form of a log that may have been cut.
func (p *workload) requireKept(t require.TestingT, id groupkit.GroupID, keep groupkit.Retention) {
	log, err := grouptest.Collect(p.eng.System().Events(context.Background(), id, 0))
	require.NoError(t, err)
	if len(log) == 0 {
		return // all of it, of a group that was deleted
	}
	require.True(t, log[0].Version == 1 || log[0].Kind == groupkit.Checkpoint, "%+v", log[0])
	cut := log[0].Kind == groupkit.Checkpoint
	if cut {
		require.Equal(t, log[0].Version, log[0].Checkpoint.Group.Version)
		require.Equal(t, log[0].At, log[0].Checkpoint.Group.LastModified)
		log = log[1:]
	}
	at := instantOf(log) // of a call: events of one call have one time, though not only they
	for i, e := range log {
		require.NotEqual(t, groupkit.Checkpoint, e.Kind)
		require.True(t, i == 0 || e.Version == log[i-1].Version+1)
	}
	if keep.MaxAge > 0 && len(log) > 0 {
		require.GreaterOrEqual(t, at.UnixMilli(), p.clock.Now().UnixMilli()-keep.MaxAge.Milliseconds())
	}
	if keep.MaxEvents > 0 && cut && len(log) > keep.MaxEvents {
		beyond := log[:len(log)-keep.MaxEvents+1]
		require.Equal(t, beyond[0].At, beyond[len(beyond)-1].At, "more are kept only where a call would be cut in two")
	}
}

func instantOf(log []groupkit.Event) time.Time {
	if len(log) == 0 {
		return time.Time{}
	}
	return log[0].At
}
