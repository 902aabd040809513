package groupkit_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memblob"
)

// newInterrupted opens an engine with the group of the Fixture. The function that it returns says
// what happens when the engine reads its clock the next time, which it does in the transaction of
// every change.
func newInterrupted(t *testing.T, opts groupkit.Options) (*grouptest.Fixture, func(func())) {
	c := grouptest.NewClock()
	var next atomic.Pointer[func()]
	opts.Clock = func() time.Time {
		if do := next.Swap(nil); do != nil {
			(*do)()
		}
		return c.Now()
	}
	eng, err := groupkit.New(grouptest.NewBolt(t), memblob.New(), &opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	return grouptest.NewFixtureOn(t, eng, c), func(do func()) { next.Store(&do) }
}

// A context that has ended before the commit begins ends the call, with nothing written.
func TestContext_EndsBeforeTheCommit(t *testing.T) {
	t.Parallel()
	for i := range grouptest.Verbs {
		v := &grouptest.Verbs[i]
		t.Run(v.Name+" in its transaction", func(t *testing.T) {
			t.Parallel()
			s, atNextTime := newInterrupted(t, groupkit.Options{})
			ctx, cancel := context.WithCancel(t.Context())
			atNextTime(cancel)
			requireInterrupted(ctx, t, s, v)
		})
		t.Run(v.Name+" in the Guard", func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			armed := new(atomic.Bool)
			s := grouptest.NewFixture(t, groupkit.Options{Guard: func(context.Context, groupkit.Command, groupkit.Scope) error {
				if armed.Load() {
					cancel()
				}
				return nil
			}})
			armed.Store(true)
			requireInterrupted(ctx, t, s, v)
		})
		t.Run(v.Name+" in Atomic", func(t *testing.T) {
			t.Parallel()
			if v.Name == "ForgetUser" || v.Name == "UploadFile" {
				t.Skip("not possible in Atomic")
			}
			s := grouptest.NewFixture(t, groupkit.Options{})
			ctx, cancel := context.WithCancel(t.Context())
			before, log := s.State(t)
			require.ErrorIs(t, s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
				require.NoError(t, grouptest.ErrorOf(v.In(tx, s)))
				cancel()
				return nil
			}), context.Canceled)
			requireAsBefore(t, s, before, log)
		})
	}
}

func requireInterrupted(ctx context.Context, t *testing.T, s *grouptest.Fixture, v *grouptest.Verb) {
	before, log := s.State(t)
	_, err := v.Call(ctx, v.Actor(s.Engine), s)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, ctx.Err(), context.Canceled)
	requireAsBefore(t, s, before, log)
}

func requireAsBefore(t *testing.T, s *grouptest.Fixture, before groupkit.Snapshot, log []groupkit.Event) {
	after, logAfter := s.State(t)
	require.Equal(t, before, after)
	require.Equal(t, log, logAfter)
	grouptest.RequireVerified(t, s.Engine)
}

// UserExists is asked before the transaction.
func TestContext_EndsInUserExists(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	armed := new(atomic.Bool)
	s := grouptest.NewFixture(t, groupkit.Options{UserExists: func(context.Context, groupkit.UserID) (bool, error) {
		if armed.Load() {
			cancel()
		}
		return true, nil
	}})
	armed.Store(true)
	before, log := s.State(t)
	require.ErrorIs(t, s.Engine.System().AddMember(ctx, s.ID, "ivan"), context.Canceled)
	requireAsBefore(t, s, before, log)
}
