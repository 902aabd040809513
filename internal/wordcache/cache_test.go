package wordcache

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNew_tooSmall(t *testing.T) {
	t.Parallel()
	require.Nil(t, New(-1, -1))
	require.Nil(t, New(0, 0))
	require.Nil(t, New(bucketSize-1, 2*bucketSize))
	require.Nil(t, New(bucketSize, bucketSize-1))
	require.NotNil(t, New(bucketSize, bucketSize))
}

// An entry is not kept if its key was pending since it was read, be it so now or not. One
// that is there is dropped when a change begins.
func TestCache_pending(t *testing.T) {
	t.Parallel()
	c := newCache(1 << 10)
	g, u := c.keys()
	before := c.Snapshot(g, u)
	change := c.Begin([]Key{u})
	c.Keep(before, Known, Known)
	requireEntries(t, c, Known, 0)
	during := c.Snapshot(g, u)
	c.Keep(during, Known, Known)
	requireEntries(t, c, Known, 0)
	c.End(change)
	c.Keep(before, Known, Known)
	c.Keep(during, Known, Known)
	requireEntries(t, c, Known, 0)
	c.Keep(c.Snapshot(g, u), Known, Known|1)
	requireEntries(t, c, Known, Known|1)
	c.End(c.Begin([]Key{g, u}))
	requireEntries(t, c, 0, 0)
}

// A transaction may change the same user any number of times.
func TestCache_pending_often(t *testing.T) {
	t.Parallel()
	c := newCache(1 << 10)
	g, u := c.keys()
	var changes []Pending
	const often = 1 << 16
	for range often {
		changes = append(changes, c.Begin([]Key{u}))
	}
	require.Equal(t, often, c.Pending())
	for i, change := range changes {
		if i == 0 || i == often-1 {
			c.Keep(c.Snapshot(g, u), Known, Known)
			requireEntries(t, c, Known, 0)
		}
		c.End(change)
	}
	require.Zero(t, c.Pending())
	c.Keep(c.Snapshot(g, u), Known, Known)
	requireEntries(t, c, Known, Known)
}

// Two entries are of one instant only if no change began between the reading of the one
// and of the other: so the epoch must not be the new one while an old entry is there. It
// is tried a few times, as the change may be interrupted where it must not be seen.
func TestCache_epoch(t *testing.T) {
	t.Parallel()
	for range 4 {
		requireOldEpoch(t)
	}
}

// requireOldEpoch holds up a change before it drops the old entry.
func requireOldEpoch(t *testing.T) {
	t.Helper()
	c := newCache(1 << 16)
	g, u := c.keys()
	c.End(c.Begin([]Key{g, u})) // touches the memory, so that the change below does not wait for it
	c.Keep(c.Snapshot(g, u), Known, Known)
	home := c.groups.current.Load().home(g)
	seq := home.lock() // so that the change cannot drop the old entry
	begun := make(chan struct{})
	go func() {
		c.Begin([]Key{g, u})
		close(begun)
	}()
	for c.pendingOf(g).Load() == 0 {
		runtime.Gosched()
	}
	for range 1000 { // the change goes on to the lock
		runtime.Gosched()
	}
	before := c.epochOf(g).Load()
	home[0].Store(seq)
	<-begun
	require.NotEqual(t, before, c.epochOf(g).Load())
}

// The entries of a group and of a user change together, over and over, and are kept anew
// by several at once, while the tables grow under all of them. They are read together,
// and never as they were before a change that is over.
func TestCache_Get(t *testing.T) {
	t.Parallel()
	c := newCache(1 << 10)
	g, u := c.keys()
	var stop atomic.Bool
	var others sync.WaitGroup
	var stored, over atomic.Uint64 // a change is stored while it is pending
	var found, torn, stale atomic.Int64
	always := func(do func()) {
		others.Go(func() {
			for !stop.Load() {
				do()
			}
		})
	}
	for range 2 {
		always(func() {
			least := over.Load()
			group, user, ok := c.Get(g, u)
			if !ok {
				return
			}
			found.Add(1)
			if group != user {
				torn.Add(1)
			}
			if user < entryOf(least) {
				stale.Add(1)
			}
		})
		always(func() {
			before := c.Snapshot(g, u)
			entry := entryOf(stored.Load())
			c.Keep(before, entry, entry)
		})
	}
	always(func() {
		outgrow(&c.groups)
		outgrow(&c.users)
		runtime.Gosched()
	})
	for (over.Load() < 300_000 || found.Load() == 0) && torn.Load()+stale.Load() == 0 {
		change := c.Begin([]Key{g, u})
		n := stored.Add(1)
		c.End(change)
		over.Store(n)
		for range n % 8000 { // so that the entries are found between the changes too
		}
	}
	stop.Store(true)
	others.Wait()
	require.Zero(t, torn.Load(), "the entry of the group is of one change, that of the user of another")
	require.Zero(t, stale.Load(), "an entry is of before a change that is over")
}

// Growth may come between any two steps of those who keep and of those who change.
func TestCache_Stalled_OverGrowth(t *testing.T) {
	t.Parallel()
	for name, stall := range map[string]func(c *Cache, seen Snapshot, keep, change func()){
		"keeper, then a change": func(c *Cache, seen Snapshot, _, change func()) {
			bs := c.users.current.Load()
			outgrow(&c.users)
			bs.put(seen.user, Known, c.pendingOf(seen.user), seen.userSeen)
			change()
		},
		"keeper over a change": func(c *Cache, seen Snapshot, _, change func()) {
			bs := c.users.current.Load()
			change()
			outgrow(&c.users)
			bs.put(seen.user, Known, c.pendingOf(seen.user), seen.userSeen)
		},
		"snapshot over growth and change": func(c *Cache, _ Snapshot, keep, change func()) {
			outgrow(&c.users)
			change()
			keep()
		},
		"change, pending and not dropped yet": func(c *Cache, seen Snapshot, keep, _ func()) {
			bs := c.users.current.Load()
			c.pendingOf(seen.user).Add(1<<pendingBits | 1)
			outgrow(&c.users)
			keep()
			bs.drop(seen.user)
			keep()
			c.Keep(c.Snapshot(seen.group, seen.user), Known, Known)
			c.pendingOf(seen.user).Add(^uint64(0))
			keep()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCache(1 << 10)
			g, u := c.keys()
			seen := c.Snapshot(g, u)
			stall(c, seen, func() { c.Keep(seen, Known, Known) }, func() { c.End(c.Begin([]Key{u})) })
			require.Zero(t, c.users.get(u))
		})
	}
}

// newCache makes a cache of three quarters of size, the larger part for users.
func newCache(size int) *Cache { return New(size/4, size/2) }

// keys are the keys of a group and of a user in it.
func (c *Cache) keys() (group, user Key) {
	group = c.Key("g")
	return group, c.UserKey(group, "u")
}

// entryOf is an entry that takes two slots.
func entryOf(n uint64) uint64 { return n<<StateBits | Timed | Known }

// outgrow replaces the buckets of a table as it does when it grows.
func outgrow(t *table) {
	t.current.Store(&buckets{all: make([]bucket, len(t.current.Load().all))})
}

func requireEntries(t *testing.T, c *Cache, group, user uint64) {
	t.Helper()
	g, u := c.keys()
	require.Equal(t, group, c.groups.get(g))
	require.Equal(t, user, c.users.get(u))
}
