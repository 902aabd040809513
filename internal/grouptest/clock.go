package grouptest

import (
	"sync"
	"time"
)

// A Clock shows the time that it is set to.
type Clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// Set sets the clock to a time, cut off to the millisecond.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = time.UnixMilli(at.UnixMilli()).UTC()
}

// Instant is the time as the engine keeps it: in UTC, to the millisecond.
func (c *Clock) Instant() time.Time { return time.UnixMilli(c.Now().UnixMilli()).UTC() }

// NewClock is off the whole millisecond and away from UTC, which must not show.
func NewClock() *Clock {
	zone := time.FixedZone("elsewhere", 5*60*60)
	return &Clock{t: time.Date(2026, time.March, 4, 5, 6, 7, 8_900_000, zone)}
}

// NewClockAt shows a time of whole milliseconds, in UTC.
func NewClockAt(at time.Time) *Clock {
	c := new(Clock)
	c.Set(at)
	return c
}
