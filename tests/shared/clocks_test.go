package shared_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/sharedmem"
	"groupkit/store/memblob"
)

// A process whose clock is ahead removes nothing that has not expired for the others: not in the
// background. A call to it is judged by its own clock.
func TestOptions_MaxSkew(t *testing.T) {
	t.Parallel()
	ctx, data := t.Context(), sharedmem.New(sharedmem.Options{})
	clock, ahead := grouptest.NewClockAt(grouptest.Dawn), grouptest.NewClockAt(grouptest.Dawn.Add(50*time.Second))
	open := func(c *grouptest.Clock) *groupkit.Engine {
		eng, err := groupkit.New(data.Open(), memblob.New(), &groupkit.Options{
			Clock: c.Now, KeyTTL: 30 * time.Second, Retention: groupkit.Retention{MaxAge: 30 * time.Second}})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, eng.Close()) })
		return eng
	}
	here, there := open(clock), open(ahead)
	_, err := here.System().CreateGroup(ctx, groupkit.NewGroup{ID: "g", Name: "G", Owner: "olga", Members: []groupkit.UserID{"dora"}})
	require.NoError(t, err)
	_, err = here.As("olga").Once("k").Mute(ctx, "g", 30*time.Second, "dora")
	require.NoError(t, err)
	requireKept := func(kept bool) {
		t.Helper()
		first := uint64(0)
		for e, err := range here.System().Events(ctx, "g", 1) {
			require.NoError(t, err)
			first = e.Version
			break
		}
		require.Equal(t, kept, first == 1, "the log begins at %d", first)
	}

	require.NoError(t, there.As("dora").MaySpeak(ctx, "g"))
	require.ErrorIs(t, here.As("dora").MaySpeak(ctx, "g"), groupkit.ErrMuted)
	cleared, err := there.Sweep(ctx)
	require.NoError(t, err)
	require.Zero(t, cleared)
	require.ErrorIs(t, here.As("dora").MaySpeak(ctx, "g"), groupkit.ErrMuted)
	requireKept(true)
	_, err = here.As("olga").Once("k").Mute(ctx, "g", time.Hour, "dora")
	require.ErrorIs(t, err, groupkit.ErrKeyReused) // the key was kept

	ahead.Advance(39*time.Second + 999*time.Millisecond)
	cleared, err = there.Sweep(ctx)
	require.NoError(t, err)
	require.Zero(t, cleared)
	ahead.Advance(time.Millisecond) // a minute after the end by its own clock
	cleared, err = there.Sweep(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, cleared)
	_, err = here.As("olga").Once("k").Mute(ctx, "g", time.Hour, "dora")
	require.NoError(t, err)
	ahead.Advance(time.Millisecond)
	_, err = there.Sweep(ctx)
	require.NoError(t, err)
	requireKept(false)
	grouptest.RequireVerified(t, there)
}

// On a store of one's own nobody else has a clock.
func TestOptions_MaxSkew_alone(t *testing.T) {
	t.Parallel()
	ctx, clock := t.Context(), grouptest.NewClockAt(grouptest.Dawn)
	for skew, cleared := range map[time.Duration]int{0: 1, -time.Second: 1, time.Second: 0} {
		eng, err := groupkit.New(grouptest.NewBolt(t), memblob.New(), &groupkit.Options{Clock: clock.Now, MaxSkew: skew})
		require.NoError(t, err)
		defer eng.Close()
		_, err = eng.System().CreateGroup(ctx, groupkit.NewGroup{ID: "g", Name: "G", Owner: "olga", Members: []groupkit.UserID{"dora"}})
		require.NoError(t, err)
		_, err = eng.As("olga").Mute(ctx, "g", time.Second, "dora")
		require.NoError(t, err)
		clock.Advance(time.Second)
		n, err := eng.Sweep(ctx)
		require.NoError(t, err)
		require.Equal(t, cleared, n, "%v", skew)
	}
}
