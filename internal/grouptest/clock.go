package grouptest

import (
	"sync"
	"time"
)

// A Clock shows the time to which a test sets it.
type Clock struct {
	mu sync.Mutex
	t  time.Time
}

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// Advance moves the clock, backwards if d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// Set sets the clock to a time, truncated to milliseconds.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = time.UnixMilli(at.UnixMilli()).UTC()
}

// Instant returns the time as the engine keeps it: in UTC, truncated to milliseconds.
func (c *Clock) Instant() time.Time { return time.UnixMilli(c.Now().UnixMilli()).UTC() }

// NewClock returns a clock with a part of a millisecond and a zone other than UTC. Neither may
// show in any result.
func NewClock() *Clock {
	zone := time.FixedZone("elsewhere", 5*60*60)
	return &Clock{t: time.Date(2026, time.March, 4, 5, 6, 7, 8_900_000, zone)}
}

// NewClockAt returns a clock that shows whole milliseconds, in UTC.
func NewClockAt(at time.Time) *Clock {
	c := new(Clock)
	c.Set(at)
	return c
}
