package groupkit

import (
	"hash/maphash"
	"math/bits"
	"runtime"
	"strings"
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
// A key is the hashes of group and user, two times 64 bits under seeds of this process;
// a word is 64 bits. The table has no pointers, so that the garbage collector passes it
// over, and a reader takes no lock.
type cache struct {
	groupSeed, userSeed maphash.Seed

	buckets  []bucket
	bars     [1 << 12]atomic.Uint64 // by key: how often it was barred << barring | how many bar it
	epochs   [1 << 10]atomic.Uint64 // by group: how many changes of its word have begun
	refusals []atomic.Pointer[keptRefusal]
}

const (
	bucketSize  = 128 // bytes
	bucketWays  = 5
	refusalSize = 384 // bytes that a kept refusal takes at most, with the longest ids
	barring     = 24  // bits; one transaction may change a user thousands of times
)

// A bucket is two cache lines: a sequence number, odd while it is written, and five
// entries of two hashes and a word.
type bucket [16]atomic.Uint64

// newCache makes a cache that takes up to size bytes; nil if that is nothing.
func newCache(size int) *cache {
	n := size / 4 * 3 / bucketSize
	if n < 1 {
		return nil
	}
	return &cache{
		groupSeed: maphash.MakeSeed(), userSeed: maphash.MakeSeed(),
		buckets:  make([]bucket, n),
		refusals: make([]atomic.Pointer[keptRefusal], max(1, size/4/refusalSize)),
	}
}

// A cacheKey is a group, or a user in a group.
type cacheKey struct{ group, of uint64 }

func (c *cache) key(group GroupID) cacheKey {
	return cacheKey{maphash.String(c.groupSeed, string(group)), 0}
}

// user is the key of a user in the group.
func (k cacheKey) user(c *cache, user UserID) cacheKey {
	return cacheKey{k.group, maphash.String(c.userSeed, string(user)) | 1}
}

func (k cacheKey) mix() uint64 { return (k.group ^ k.of*0x9e3779b97f4a7c15) * 0xd6e8feb86659fd93 }

func (c *cache) bucket(k cacheKey) *bucket {
	i, _ := bits.Mul64(k.mix(), uint64(len(c.buckets)))
	return &c.buckets[i]
}

func (c *cache) bar(k cacheKey) *atomic.Uint64 {
	return &c.bars[k.mix()>>8%uint64(len(c.bars))]
}

func (c *cache) epoch(k cacheKey) *atomic.Uint64 {
	return &c.epochs[k.group%uint64(len(c.epochs))]
}

// get returns a word; 0 if it is not there, or being written.
func (b *bucket) get(k cacheKey) uint64 {
	seq := b[0].Load()
	for i := 1; i < len(b); i += 3 {
		if b[i].Load() == k.group && b[i+1].Load() == k.of {
			if word := b[i+2].Load(); seq&1 == 0 && b[0].Load() == seq {
				return word
			}
			return 0
		}
	}
	return 0
}

// drop takes the key's word out.
func (b *bucket) drop(k cacheKey) {
	seq := b.lock()
	for i := 1; i < len(b); i += 3 {
		if b[i].Load() == k.group && b[i+1].Load() == k.of {
			b[i+2].Store(0)
		}
	}
	b[0].Store(seq + 2)
}

// set puts a word in the place of the key's, or of another, unless the key was barred
// since its bar was seen. As who bars a key drops it afterwards, and waits for the
// bucket, a word that was set too late is dropped before its change is written.
func (b *bucket) set(k cacheKey, word uint64, bar *atomic.Uint64, seen uint64) {
	seq := b.lock()
	if bar.Load() != seen {
		b[0].Store(seq)
		return
	}
	slot := 0
	for i := 1; i < len(b); i += 3 {
		if b[i].Load() == k.group && b[i+1].Load() == k.of {
			slot = i
			break
		}
		if slot == 0 && b[i+2].Load() == 0 {
			slot = i
		}
	}
	if slot == 0 {
		slot = 1 + 3*int(seq/2%bucketWays)
	}
	b[slot].Store(k.group)
	b[slot+1].Store(k.of)
	b[slot+2].Store(word)
	b[0].Store(seq + 2)
}

// lock makes the sequence number odd and returns what it was.
func (b *bucket) lock() uint64 {
	for {
		if seq := b[0].Load(); seq&1 == 0 && b[0].CompareAndSwap(seq, seq|1) {
			return seq
		}
		runtime.Gosched()
	}
}

// both returns the words of a group and of a user in it, as of one instant: that at
// which the user's is read, for the group's has not changed until then.
func (c *cache) both(g, u cacheKey) (groupWord, standingWord, bool) {
	epoch := c.epoch(g)
	before := epoch.Load()
	gw := groupWord(c.bucket(g).get(g))
	sw := standingWord(c.bucket(u).get(u))
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
		c.bucket(k).set(k, word, c.bar(k), seen)
	}
}

// begin bars the keys whose words a call changes and takes the words out. It runs before
// the call is written.
func (c *cache) begin(u *unit) {
	if c == nil {
		return
	}
	g := c.key(u.id)
	if wordOfGroup(u.existed, &u.before.head) != wordOfGroup(true, u.head) {
		u.barred = append(u.barred, g)
	}
	for user, before := range u.before.standings {
		if wordOfStanding(&before) != wordOfStanding(u.state.standing(user)) {
			u.barred = append(u.barred, g.user(c, UserID(user)))
		}
	}
	for _, k := range u.barred {
		c.bar(k).Add(1<<barring | 1)
		c.bucket(k).drop(k)
		if k == g {
			c.epoch(g).Add(1) // not before: a reader who finds the old word is to find the old epoch
		}
	}
}

// end lifts the bars of a call that is settled.
func (c *cache) end(u *unit) {
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

// refusalReach is how many places after its own a refusal may be kept in.
const refusalReach = 8

// refusal is the error of MaySpeak, one for all calls that are refused alike. It has ids
// of its own: those of a caller may be parts of something large.
func (c *cache) refusal(group GroupID, user UserID, reason error, until int64) error {
	k := c.key(group).user(c, user)
	i, _ := bits.Mul64(k.mix(), uint64(len(c.refusals)))
	slot := &c.refusals[i] // the place of its own, if all that it reaches are taken
	for n := range min(refusalReach, uint64(len(c.refusals))) {
		place := &c.refusals[(i+n)%uint64(len(c.refusals))]
		r := place.Load()
		if r != nil && r.user == k && r.reason == reason && r.until == until {
			return r.err
		}
		if r == nil || r.user == k {
			slot = place
			break
		}
	}
	err := &Error{Op: OpSpeak, Group: GroupID(strings.Clone(string(group))), Err: speech(reason, until)}
	if reason != ErrGroupNotFound {
		err.User = UserID(strings.Clone(string(user)))
	}
	slot.Store(&keptRefusal{k, reason, until, err})
	return err
}
