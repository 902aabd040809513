package restkit_test

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/rest"
	"groupkit/rest/restkit"
)

func newRateLimit(t require.TestingT, opts restkit.RateLimitOptions) (*restkit.RateLimit, *grouptest.Clock) {
	clock := grouptest.NewClock()
	opts.Clock = clock.Now
	l, err := restkit.NewRateLimit(&opts)
	require.NoError(t, err)
	return l, clock
}

func TestRateLimit_Allow(t *testing.T) {
	t.Parallel()
	l, clock := newRateLimit(t, restkit.RateLimitOptions{User: restkit.Rate{PerSecond: 2, Burst: 3}})
	app, other := new(rest.App), new(rest.App)
	for range 3 {
		wait, ok := l.Allow(app, user("alice"), nil)
		require.True(t, ok)
		require.Zero(t, wait)
	}
	for range 2 {
		wait, ok := l.Allow(app, user("alice"), nil)
		require.False(t, ok)
		require.Equal(t, time.Second/2, wait, "a refused call does not count")
	}
	_, ok := l.Allow(app, user("bob"), nil)
	require.True(t, ok, "another user")
	_, ok = l.Allow(other, user("alice"), nil)
	require.True(t, ok, "a user of another application")
	for range 100 {
		_, ok = l.Allow(app, system, nil)
		require.True(t, ok, "the application has no limit here")
	}
	clock.Advance(time.Second/2 - 1)
	wait, ok := l.Allow(app, user("alice"), nil)
	require.False(t, ok)
	require.LessOrEqual(t, wait, time.Microsecond)
	clock.Advance(1)
	_, ok = l.Allow(app, user("alice"), nil)
	require.True(t, ok)
}

// TestRateLimit_Token limits requests for tokens by where they come from.
func TestRateLimit_Token(t *testing.T) {
	t.Parallel()
	l, _ := newRateLimit(t, restkit.RateLimitOptions{Token: restkit.Rate{PerSecond: 1}})
	app := new(rest.App)
	for _, c := range []struct {
		from    string
		allowed bool
	}{
		{"192.0.2.1:1000", true},
		{"192.0.2.1:2000", false},
		{"[::ffff:192.0.2.1]:3000", false},
		{"192.0.2.2:1000", true},
		{"[2001:db8::1]:1000", true},
		{"[2001:db8::2]:1000", false},
		{"[2001:db8:0:1::1]:1000", true},
		{"[fe80::1%eth0]:1000", true},
		{"[fe80::1%eth1]:1000", false},
		{"pipe", true},
		{"", false},
	} {
		_, ok := l.Allow(app, rest.Caller{}, &http.Request{RemoteAddr: c.from})
		require.Equal(t, c.allowed, ok, c.from)
	}
	_, ok := l.Allow(new(rest.App), rest.Caller{}, &http.Request{RemoteAddr: "192.0.2.1:1000"})
	require.True(t, ok, "of another application")
	_, ok = l.Allow(app, user("alice"), nil)
	require.True(t, ok, "users have no limit here")
}

func TestRateLimit_System(t *testing.T) {
	t.Parallel()
	l, _ := newRateLimit(t, restkit.RateLimitOptions{System: restkit.Rate{PerSecond: 0.25}})
	app := new(rest.App)
	_, ok := l.Allow(app, system, nil)
	require.True(t, ok, "a burst of at least 1")
	wait, ok := l.Allow(app, rest.Caller{System: true, User: "alice"}, nil)
	require.False(t, ok, "the application is one caller")
	require.Equal(t, 4*time.Second, wait)
	for range 100 {
		_, ok = l.Allow(app, user("alice"), nil)
		require.True(t, ok)
	}
}

func TestNewRateLimit_Invalid(t *testing.T) {
	t.Parallel()
	for _, opts := range []restkit.RateLimitOptions{
		{User: restkit.Rate{PerSecond: -1}}, {User: restkit.Rate{Burst: 1}}, {User: restkit.Rate{PerSecond: 1, Burst: -1}},
		{System: restkit.Rate{PerSecond: math.NaN()}}, {System: restkit.Rate{PerSecond: math.Inf(1)}}, {Memory: -1},
	} {
		_, err := restkit.NewRateLimit(&opts)
		require.ErrorIs(t, err, groupkit.ErrInvalid, "%+v", opts)
	}
	l, err := restkit.NewRateLimit(nil)
	require.NoError(t, err)
	_, ok := l.Allow(new(rest.App), user("alice"), nil)
	require.True(t, ok)
}

// TestRateLimit_Model compares random calls with a naive list of callers. Times and rates are
// such that no fraction is rounded.
func TestRateLimit_Model(t *testing.T) {
	t.Parallel()
	type entry struct {
		who  string
		left float64
		at   time.Time
	}
	rapid.Check(t, func(t *rapid.T) {
		rate := restkit.Rate{
			PerSecond: rapid.SampledFrom([]float64{0.5, 1, 2, 4}).Draw(t, "rate"), Burst: rapid.IntRange(1, 4).Draw(t, "burst"),
		}
		memory := rapid.IntRange(1, 3).Draw(t, "memory")
		l, clock := newRateLimit(t, restkit.RateLimitOptions{User: rate, System: rate, Memory: memory})
		apps := []*rest.App{{}, {}}
		callers := []rest.Caller{system, user("alice"), user("bob")}
		var known []entry // the last caller last
		for range rapid.IntRange(1, 60).Draw(t, "calls") {
			clock.Advance(time.Duration(rapid.SampledFrom([]int{0, 0, 125, 250, 1000}).Draw(t, "ms")) * time.Millisecond)
			app, caller := rapid.IntRange(0, 1).Draw(t, "app"), rapid.SampledFrom(callers).Draw(t, "caller")
			e := entry{fmt.Sprint(app, caller), float64(rate.Burst), clock.Now()}
			if i := slices.IndexFunc(known, func(k entry) bool { return k.who == e.who }); i >= 0 {
				e.left = min(float64(rate.Burst), known[i].left+e.at.Sub(known[i].at).Seconds()*rate.PerSecond)
				known = slices.Delete(known, i, i+1)
			} else if len(known) == memory {
				known = known[1:]
			}
			wait, ok := l.Allow(apps[app], caller, nil)
			require.Equal(t, e.left >= 1, ok)
			if ok {
				e.left--
				require.Zero(t, wait)
			} else {
				require.Equal(t, time.Duration((1-e.left)/rate.PerSecond*float64(time.Second)), wait)
			}
			known = append(known, e)
		}
	})
}

// TestRateLimit_Concurrent calls from many goroutines while callers are forgotten. The one who
// always calls is never allowed more than its burst.
func TestRateLimit_Concurrent(t *testing.T) {
	t.Parallel()
	l, _ := newRateLimit(t, restkit.RateLimitOptions{User: restkit.Rate{PerSecond: 1, Burst: 50}, Memory: 64})
	app := new(rest.App)
	var allowed atomic.Int32
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 100 {
				if _, ok := l.Allow(app, user("alice"), nil); ok {
					allowed.Add(1)
				}
				if i%4 == 0 {
					l.Allow(app, user(groupkit.UserID(fmt.Sprint(g, i))), nil)
				}
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 50, allowed.Load())
}
