package wordcache

import (
	"sync"
	"sync/atomic"
	"time"
)

// aging makes a cache forget all its entries when the first of them can be too old.
//
// All entries of the tables were read after begun, and begun is at most an age ago when Get looks
// into the tables. Keep keeps what was read after a Snapshot only in tables that have the begun of
// that Snapshot. So no entry is ever found that is older than the age.
type aging struct {
	age   int64        // nanoseconds
	now   func() int64 // of a monotonic clock
	begun atomic.Int64
	mu    sync.Mutex // held by who forgets
}

// NewAging makes a cache whose entries are found for at most an age after the Snapshot before they were
// read. now is a monotonic clock, which never shows 0. NewAging returns nil where New does.
func NewAging(groupBytes, userBytes int, age time.Duration, now func() time.Duration) *Cache {
	c := New(groupBytes, userBytes)
	if c != nil {
		c.aging = &aging{age: int64(age), now: func() int64 { return int64(now()) }}
	}
	return c
}

// forgetOld forgets all entries if the first of them can be too old. It returns when those that
// are there began to age; 0 if entries do not age.
func (c *Cache) forgetOld() (begun int64) {
	a := c.aging
	if a == nil {
		return 0
	}
	begun = a.begun.Load()
	if now := a.now(); now-begun < a.age && begun != 0 {
		return begun
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if begun = a.begun.Load(); now-begun >= a.age || begun == 0 {
		begun = now
		c.groups.forget(begun)
		c.users.forget(begun)
		a.begun.Store(begun)
	}
	return begun
}
