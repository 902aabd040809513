package groupkit_test

import (
	"cmp"
	"context"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// setup opens an engine in memory whose time is the clock that it returns.
func setup(t testing.TB, opts groupkit.Options) (*groupkit.Engine, *clock) {
	t.Helper()
	c := newClock()
	opts.Clock = c.Now
	opts.CacheBytes = small(opts.CacheBytes)
	eng, err := groupkit.New(memstore.New(), memblob.New(), &opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	return eng, c
}

// small is the memory of an engine of which the tests open thousands at a time.
func small(cacheBytes int) int { return cmp.Or(cacheBytes, 64<<10) }

// A clock shows the time that it is set to.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

// newClock is off the whole millisecond and away from UTC, which must not show.
func newClock() *clock {
	zone := time.FixedZone("elsewhere", 5*60*60)
	return &clock{t: time.Date(2026, time.March, 4, 5, 6, 7, 8_900_000, zone)}
}

// newClockAt shows a time of whole milliseconds, in UTC.
func newClockAt(at time.Time) *clock {
	c := new(clock)
	c.Set(at)
	return c
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// Set sets the clock to a time, cut off to the millisecond.
func (c *clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = time.UnixMilli(at.UnixMilli()).UTC()
}

// instant is the time as the engine keeps it: in UTC, to the millisecond.
func (c *clock) instant() time.Time { return time.UnixMilli(c.Now().UnixMilli()).UTC() }

// collect reads an iterator to its end, or to its error.
func collect[T any](all iter.Seq2[T, error]) ([]T, error) {
	var list []T
	for one, err := range all {
		if err != nil {
			return list, err
		}
		list = append(list, one)
	}
	return list, nil
}

// verified fails the test for every invariant that the engine's data breaks.
func verified(t require.TestingT, eng *groupkit.Engine) {
	violations, err := eng.Verify(context.Background())
	require.NoError(t, err)
	require.Empty(t, violations)
}
