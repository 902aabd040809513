package coherence_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/modeltest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// TestMaySpeak_CacheOnAndOff makes the same changes on an engine without a cache and on
// engines with caches of several sizes. All of them give the same answers as time passes.
func TestMaySpeak_CacheOnAndOff(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := newPanel(t)
		p.each(t, func(e *groupkit.Engine) error { return p.found(t, e, "1") })
		for range rapid.IntRange(10, 60).Draw(t, "steps") {
			change := p.draw(t)
			p.each(t, change)
			p.clock.Advance(rapid.SampledFrom([]time.Duration{0, 0, time.Millisecond, time.Second, time.Hour}).Draw(t, "pause"))
			for _, id := range []groupkit.GroupID{"0", "1", "2"} {
				for _, user := range append(modeltest.Users[:groupUsers:groupUsers], "", "\xff") {
					p.each(t, func(e *groupkit.Engine) error { return e.As(user).MaySpeak(t.Context(), id) })
				}
			}
		}
	})
}

// A panel is engines that have to give the same answers.
type panel struct {
	clock   *grouptest.Clock
	engines []*groupkit.Engine
}

func newPanel(t *rapid.T) *panel {
	p := &panel{clock: grouptest.NewClock()}
	for _, size := range []int{-1, 300, 0} {
		eng, err := groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{CacheBytes: size, Clock: p.clock.Now, BlockOutsiders: true})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, eng.Close()) })
		p.engines = append(p.engines, eng)
	}
	return p
}

// each asks all engines and compares their answers: errors to the last field.
func (p *panel) each(t *rapid.T, ask func(*groupkit.Engine) error) {
	want := ask(p.engines[0])
	for _, e := range p.engines[1:] {
		require.Equal(t, want, ask(e))
	}
}

func (p *panel) found(t *rapid.T, e *groupkit.Engine, id groupkit.GroupID) error {
	_, err := e.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: id, Name: "panel", Owner: modeltest.Users[0], Members: modeltest.Users[1:3], Public: id == "1"})
	return err
}

// draw draws a change.
func (p *panel) draw(t *rapid.T) func(*groupkit.Engine) error {
	ctx := t.Context()
	id := rapid.SampledFrom([]groupkit.GroupID{"1", "1", "1", "2"}).Draw(t, "group")
	user := modeltest.Users[modeltest.Number.Draw(t, "user")%groupUsers]
	d := rapid.SampledFrom([]time.Duration{time.Nanosecond, time.Millisecond, 2 * time.Second, time.Hour, groupkit.Forever}).Draw(t, "duration")
	as := func(e *groupkit.Engine) groupkit.Actor { return e.System() }
	if modeltest.Bit.Draw(t, "by the owner") {
		as = func(e *groupkit.Engine) groupkit.Actor { return e.As(modeltest.Users[0]) }
	}
	changes := []func(*groupkit.Engine) error{
		func(e *groupkit.Engine) error { _, err := as(e).Mute(ctx, id, d, user); return err },
		func(e *groupkit.Engine) error { _, err := as(e).Mute(ctx, id, d, user); return err },
		func(e *groupkit.Engine) error { return as(e).Unmute(ctx, id, user) },
		func(e *groupkit.Engine) error { _, err := as(e).Block(ctx, id, d, user); return err },
		func(e *groupkit.Engine) error { return as(e).Unblock(ctx, id, user) },
		func(e *groupkit.Engine) error { return e.System().AddMember(ctx, id, user) },
		func(e *groupkit.Engine) error { return e.System().AddMember(ctx, id, user) },
		func(e *groupkit.Engine) error { return as(e).RemoveMember(ctx, id, user) },
		func(e *groupkit.Engine) error { return e.As(user).Leave(ctx, id) },
		func(e *groupkit.Engine) error { return as(e).AddAdmin(ctx, id, user) },
		func(e *groupkit.Engine) error { return as(e).RemoveAdmin(ctx, id, user) },
		func(e *groupkit.Engine) error { return as(e).TransferGroup(ctx, id, user) },
		func(e *groupkit.Engine) error { return as(e).Allow(ctx, id, user) },
		func(e *groupkit.Engine) error { return as(e).Disallow(ctx, id, user) },
		func(e *groupkit.Engine) error { return as(e).MuteGroup(ctx, id) },
		func(e *groupkit.Engine) error { return as(e).UnmuteGroup(ctx, id) },
		func(e *groupkit.Engine) error { _, err := e.Sweep(ctx); return err },
		func(e *groupkit.Engine) error {
			return e.System().ForgetUser(ctx, user, groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed})
		},
		func(e *groupkit.Engine) error { return p.found(t, e, "2") },
	}
	n := modeltest.Number.Draw(t, "change")
	if n%64 == 63 {
		return func(e *groupkit.Engine) error { return e.System().DeleteGroup(ctx, id) }
	}
	return changes[n%len(changes)]
}
