// Package wordcache is a coherent cache of 64-bit words, one for each group and one for each
// user in a group. It does not know what the words mean: the caller encodes them, reads them
// from its store, and tells the cache which words a change makes invalid.
package wordcache

import (
	"hash/maphash"
	"sync/atomic"
)

// A Cache keeps one entry, a uint64, for a group and one for each user in a group, within
// a bound. It answers from memory what would otherwise be read from a store. It is
// correct only where every change of the store goes through Begin and End.
//
// A reader calls Get. If that finds nothing, the reader takes a Snapshot, reads the store,
// and calls Keep. A writer calls Begin with the keys whose entries change, before it
// writes, and End after the commit or the rollback.
//
// What must hold:
//
//   - While no change of a key is pending, an entry of the key is what the store holds.
//     Begin marks its keys as pending and drops their entries. Keep keeps nothing of a key
//     that is pending, or that was pending at any time since the Snapshot.
//   - So no Get that starts after Begin has returned finds an entry from before the change.
//   - The two entries that one Get returns were both valid at one instant.
//   - Readers take no lock. The tables have no pointers, so the garbage collector does not
//     scan them.
//
// A cache that NewAging makes is also right where others change the store, but late: no Get
// finds an entry that was read longer ago than its age.
type Cache struct {
	groupSeed, userSeed maphash.Seed
	usage               usage

	aging         *aging // nil: entries do not age
	groups, users table
	pending       [1 << 12]atomic.Uint64 // by key: how many changes began << pendingBits | how many are pending
	epochs        [1 << 10]atomic.Uint64 // by group: how many changes of its entry began
}

const pendingBits = 24 // one transaction may change a user thousands of times

// New makes a cache with a table of up to groupBytes for groups and one of up to userBytes
// for users. It returns nil if one of them has no room for anything.
func New(groupBytes, userBytes int) *Cache {
	if min(groupBytes, userBytes) < bucketSize {
		return nil
	}
	c := &Cache{groupSeed: maphash.MakeSeed(), userSeed: maphash.MakeSeed()}
	c.groups.init(groupBytes)
	c.users.init(userBytes)
	return c
}

// Get returns the entries of a group and of a user in it, as of one instant: the group's
// did not change from before the user's was looked up until after. It loads the epoch
// before it loads the buckets of a table. Buckets that are replaced after that may hold an
// old entry, but only one whose change has not increased the epoch yet.
func (c *Cache) Get(group, user Key) (groupEntry, userEntry uint64, ok bool) {
	epoch := c.epochOf(group)
	before := epoch.Load()
	if c.aging != nil {
		c.forgetOld()
	}
	groupEntry = c.groups.get(group)
	userEntry = c.users.get(user)
	ok = groupEntry != 0 && userEntry != 0 && epoch.Load() == before
	c.usage.count(user, ok)
	return groupEntry, userEntry, ok
}

// A Snapshot is the pending state of a group's key and a user's key before the store is
// read. Keep compares it with the state afterwards.
type Snapshot struct {
	group, user         Key
	groupSeen, userSeen uint64
	begun               int64 // when the entries of the cache began to age
}

// Snapshot is to be taken before the store is read.
func (c *Cache) Snapshot(group, user Key) Snapshot {
	return Snapshot{group, user, c.pendingOf(group).Load(), c.pendingOf(user).Load(), c.forgetOld()}
}

// Keep keeps two entries that were read from the store after the snapshot, each unless it
// may have changed since. An entry has the bit Known, and the bits above StateBits only
// with the bit Timed.
func (c *Cache) Keep(s Snapshot, groupEntry, userEntry uint64) {
	c.keep(s.group, s.begun, s.groupSeen, groupEntry)
	c.keep(s.user, s.begun, s.userSeen, userEntry)
}

func (c *Cache) keep(k Key, begun int64, seen, entry uint64) {
	if seen&(1<<pendingBits-1) == 0 {
		c.tableOf(k).put(k, begun, entry, c.pendingOf(k), seen)
	}
}

// A Pending is a change that has begun: the keys whose entries it makes different. It ends
// with exactly one End.
type Pending []Key

// Begin marks the keys as pending and drops their entries. A writer calls it before it
// writes. The cache may be nil if there are no keys.
func (c *Cache) Begin(keys []Key) Pending {
	for _, k := range keys {
		c.pendingOf(k).Add(1<<pendingBits | 1)
		c.tableOf(k).drop(k)
		if k.isGroup() {
			c.epochOf(k).Add(1) // not earlier: a reader that finds the old entry must find the old epoch
		}
	}
	return keys
}

// End says that the change is over, whether it was committed or not.
func (c *Cache) End(p Pending) {
	for _, k := range p {
		c.pendingOf(k).Add(^uint64(0))
	}
}

// Pending is how many keys are pending, a key of two changes counted twice.
func (c *Cache) Pending() (keys int) {
	for i := range c.pending {
		keys += int(c.pending[i].Load() & (1<<pendingBits - 1))
	}
	return keys
}

func (c *Cache) tableOf(k Key) *table {
	if k.isGroup() {
		return &c.groups
	}
	return &c.users
}

func (c *Cache) pendingOf(k Key) *atomic.Uint64 {
	return &c.pending[k.position()>>52]
}

func (c *Cache) epochOf(k Key) *atomic.Uint64 {
	return &c.epochs[k.group%uint64(len(c.epochs))]
}
