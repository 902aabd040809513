package groupkit

import (
	"hash/maphash"
	"sync/atomic"
)

// A cache holds what MaySpeak has to know of groups and standings, within a bound. It
// is used only where this process alone changes the store.
//
// Before a change is written its call takes the words that change out of the cache and
// bars their keys; after the commit it lifts the bar. A reader that missed notes the
// state of the bars before it reads the store, and keeps what it read only if nothing
// has changed since: so what is in the cache is what the store holds, at any instant at
// which no call that changes it is under way, and no read after a change ever finds what
// was before it.
//
// A key is the hashes of group and user, two times 64 bits under seeds of this process.
// It is not kept: an entry has a tag of 58 bits, which do not depend on where the entry
// stands. So a key that is asked for and not there, which is compared with 14 words at
// most, is taken for another with a probability of 14/2^58, once in 2·10^16 keys; nobody
// can look for one who does not know the seeds. The tables have no pointers, so that the
// garbage collector passes them over, and a reader takes no lock.
type cache struct {
	groupSeed, userSeed maphash.Seed

	groups, standings table
	bars              [1 << 12]atomic.Uint64 // by key: how often it was barred << barring | how many bar it
	epochs            [1 << 10]atomic.Uint64 // by group: how many changes of its word have begun
	refusals          []atomic.Pointer[keptRefusal]
}

const (
	refusalSize = 384 // bytes that a kept refusal takes at most, with the longest ids
	barring     = 24  // bits; one transaction may change a user thousands of times
)

// newCache makes a cache that takes up to size bytes: half of them for standings, a
// quarter each for groups and for refusals; nil if that is nothing.
func newCache(size int) *cache {
	if size/4 < lineSize {
		return nil
	}
	c := &cache{
		groupSeed: maphash.MakeSeed(), userSeed: maphash.MakeSeed(),
		refusals: make([]atomic.Pointer[keptRefusal], max(1, size/4/refusalSize)),
	}
	c.groups.open(size / 4)
	c.standings.open(size / 2)
	return c
}

func (c *cache) key(group GroupID) cacheKey {
	return cacheKey{maphash.String(c.groupSeed, string(group)), 0}
}

func (c *cache) table(k cacheKey) *table {
	if k.of == 0 {
		return &c.groups
	}
	return &c.standings
}

func (c *cache) bar(k cacheKey) *atomic.Uint64 {
	return &c.bars[k.place()>>52]
}

func (c *cache) epoch(k cacheKey) *atomic.Uint64 {
	return &c.epochs[k.group%uint64(len(c.epochs))]
}

// both returns the words of a group and of a user in it, as of one instant: the group's
// has not changed from before the user's was looked for until after. The epoch is read
// before the lines of a table are: those that are replaced then may hold an old word, but
// of a change that has not counted up the epoch yet.
func (c *cache) both(g, u cacheKey) (groupWord, standingWord, bool) {
	epoch := c.epoch(g)
	before := epoch.Load()
	gw := groupWord(c.groups.get(g))
	sw := standingWord(c.standings.get(u))
	return gw, sw, gw != 0 && sw != 0 && epoch.Load() == before
}

// A ticket is the state of the bars of two keys before the store is read.
type ticket struct {
	group, user   cacheKey
	groupBar, bar uint64
}

func (c *cache) ticket(group GroupID, user UserID) ticket {
	g := c.key(group)
	u := g.user(c, user)
	return ticket{g, u, c.bar(g).Load(), c.bar(u).Load()}
}

// keep puts in what was read from the store, unless it may have changed since.
func (c *cache) keep(t ticket, g groupWord, s standingWord) {
	c.put(t.group, t.groupBar, uint64(g))
	c.put(t.user, t.bar, uint64(s))
}

func (c *cache) put(k cacheKey, seen, word uint64) {
	if seen&(1<<barring-1) == 0 {
		c.table(k).put(k, word, c.bar(k), seen)
	}
}

// begin bars the keys whose words a call changes and takes the words out. It runs before
// the call is written.
func (c *cache) begin(u *change) {
	if c == nil {
		return
	}
	g := c.key(u.id)
	if wordOfGroup(u.loaded.existed, &u.loaded.head) != wordOfGroup(true, u.head) {
		u.barred = append(u.barred, g)
	}
	for user, before := range u.loaded.standings {
		if wordOfStanding(&before) != wordOfStanding(u.state.standing(user)) {
			u.barred = append(u.barred, g.user(c, UserID(user)))
		}
	}
	for _, k := range u.barred {
		c.bar(k).Add(1<<barring | 1)
		c.table(k).drop(k)
		if k == g {
			c.epoch(g).Add(1) // not before: a reader who finds the old word is to find the old epoch
		}
	}
}

// end lifts the bars of a call that is settled.
func (c *cache) end(u *change) {
	if c == nil {
		return
	}
	for _, k := range u.barred {
		c.bar(k).Add(^uint64(0))
	}
	u.barred = nil
}

// A keptRefusal is an error of MaySpeak that is returned again.
type keptRefusal struct {
	user   cacheKey
	reason error
	until  int64
	err    error
}
