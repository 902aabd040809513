package workload_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/memstore"
)

// 64 goroutines make random calls as users on a few groups: single calls, calls with
// idempotency keys, several in Atomic, and Can. Others subscribe. In the end the log of each
// group replays to the group.
func TestEngine_Stress(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) store.Store{
		"memory":           func(*testing.T) store.Store { return memstore.New() },
		"memory run again": func(*testing.T) store.Store { return grouptest.RunTwice(memstore.New()) },
		"bolt":             func(t *testing.T) store.Store { return grouptest.NewBolt(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := grouptest.NewClock()
			opts := narrowOptions(c)
			opts.Retention = groupkit.Retention{MaxEvents: 40}
			p := newWorkload(t, open(t), c, opts)
			t.Cleanup(func() { require.NoError(t, p.eng.Close()) })
			p.stress(t)
			p.requireSound(t)
			require.NoError(t, grouptest.ErrorOf(p.eng.Sweep(t.Context())))
			p.requireSound(t)
		})
	}
}

func (p *workload) stress(t *testing.T) {
	const people, rounds = 64, 20
	ctx, cancel := context.WithCancel(t.Context())
	var listening, acting sync.WaitGroup
	heard := p.listeners(ctx, t, &listening)
	var granted atomic.Int64
	for i := range people {
		acting.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 3))
			for range rounds {
				if p.stressStep(t, rng.IntN) == nil {
					granted.Add(1)
				}
			}
		})
	}
	acting.Wait()
	cancel()
	listening.Wait()
	require.Greater(t, granted.Load(), int64(people*rounds/8), "it came to something")
	require.Positive(t, heard.Load())
}

// stressStep is one action of one goroutine.
func (p *workload) stressStep(t *testing.T, d dice) error {
	ctx := context.Background()
	switch d(8) {
	case 0:
		err := p.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
			return errors.Join(p.userCall(d).tryOn(t, tx), p.userCall(d).tryOn(t, tx))
		})
		return err
	case 1:
		l := p.userCall(d)
		_, err := l.call(ctx, p.eng.As(l.by).Once(fmt.Sprint(d(5))))
		requireRefusalIn(t, err)
		return err
	case 2:
		l := p.userCall(d)
		_, err := l.call(ctx, p.eng.As(l.by).Can())
		requireRefusalIn(t, err)
		return errors.Join(err, errUndo) // nothing was done
	case 3:
		p.clock.Advance(1)
		return grouptest.ErrorOf(p.eng.Sweep(ctx))
	default:
		return p.userCall(d).tryOn(t, p.eng)
	}
}

// userCall draws a call by a user, mostly by the owner of the group.
func (p *workload) userCall(d dice) call {
	for {
		if l := p.draw(d); l.by != "" {
			return l
		}
	}
}

// tryOn makes the call.
func (l call) tryOn(t *testing.T, scope groupkit.Scope) error {
	_, err := l.makeOn(scope)
	requireRefusalIn(t, err)
	return err
}

// requireRefusalIn is requireRefusal for any goroutine, and inside Atomic.
func requireRefusalIn(t *testing.T, err error) {
	if err != nil && !errors.Is(err, groupkit.ErrNested) {
		requireRefusal(failer{t}, err)
	}
}

// failer fails a test from any goroutine.
type failer struct{ *testing.T }

func (f failer) FailNow() { f.Fail() }

// listeners subscribe to each group and to all groups, and check the order of events.
func (p *workload) listeners(ctx context.Context, t *testing.T, all *sync.WaitGroup) *atomic.Int64 {
	heard := new(atomic.Int64)
	for _, id := range workloadGroups {
		sub, err := p.eng.System().Follow(ctx, id, groupkit.Latest())
		require.NoError(t, err)
		all.Go(func() {
			defer sub.Close()
			after := sub.Position().Version
			for e, err := range sub.All(ctx) {
				if err != nil {
					return
				}
				if heard.Add(1); e.Kind != groupkit.Checkpoint && e.Version != after+1 || e.Group != id {
					t.Errorf("after event %d of %s comes event %d of %s", after, id, e.Version, e.Group)
				}
				after = e.Version
			}
		})
	}
	sub, err := p.eng.System().FollowAll(ctx, groupkit.Latest())
	require.NoError(t, err)
	all.Go(func() {
		defer sub.Close()
		last := map[groupkit.GroupID]uint64{}
		for e, err := range sub.All(ctx) {
			if err != nil {
				return
			}
			before, known := last[e.Group]
			if known && e.Kind != groupkit.Checkpoint && e.Version <= before {
				continue // it is in the checkpoint
			}
			if known && e.Kind != groupkit.Checkpoint && e.Version != before+1 {
				t.Errorf("after event %d of %s comes event %d", before, e.Group, e.Version)
			}
			last[e.Group] = e.Version
		}
	})
	return heard
}
