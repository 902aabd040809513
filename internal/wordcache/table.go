package wordcache

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// A table holds entries by their keys. A Cache has one for groups and one for users. It
// starts small, so that few entries lie close together, and doubles when it is three
// quarters full, up to its limit. Only then do entries evict others.
//
// A table that has just doubled is empty. Its entries come back from the store as they are
// looked up, at most two readings for each over all its growth. Nothing is copied, so
// nothing can change while it is copied. A change drops its keys from the current buckets
// only. That is enough:
//
//   - Later buckets never hold an entry from before the change. The key is pending by
//     then, and put compares the pending state.
//   - Replaced buckets are seen only by a reader that loaded them before, so it called Get
//     before the change dropped anything. It may still answer as of then.
type table struct {
	current atomic.Pointer[buckets]
	limit   int // of buckets
	growing sync.Mutex
}

// The buckets of a table are in use until it grows.
type buckets struct {
	all   []bucket
	begun int64    // when their entries began to age: none was read before
	_     [64]byte // keeps the counter away from what every reader loads
	used  atomic.Int64
}

const firstBuckets = 8

// init gives a table its first buckets, and a limit of size bytes.
func (t *table) init(size int) {
	t.limit = size / bucketSize
	n := t.limit
	for n > firstBuckets {
		n = (n + 1) / 2
	}
	t.current.Store(&buckets{all: make([]bucket, n)})
}

// get returns an entry, or 0 if it is not there or being written.
func (t *table) get(k Key) uint64 {
	bs, tag := t.current.Load(), k.tag()
	if entry := bs.home(k).get(tag); entry != 0 {
		return entry
	}
	return bs.second(k).get(tag)
}

func (t *table) drop(k Key) { t.current.Load().drop(k) }

// put keeps an entry, unless the pending state of its key is not what was seen, or the entries
// began to age again since.
func (t *table) put(k Key, begun int64, entry uint64, pending *atomic.Uint64, seen uint64) {
	bs := t.current.Load()
	if bs.begun != begun {
		return
	}
	bs.put(k, entry, pending, seen)
	if bs.used.Load()*4 > int64(len(bs.all))*bucketSlots*3 {
		t.grow(bs)
	}
}

// grow replaces buckets by twice as many, unless another call does.
func (t *table) grow(bs *buckets) {
	if len(bs.all) == t.limit || !t.growing.TryLock() {
		return
	}
	defer t.growing.Unlock()
	if t.current.Load() == bs {
		t.current.Store(&buckets{all: make([]bucket, min(2*len(bs.all), t.limit)), begun: bs.begun})
	}
}

// forget replaces all entries by none, which begin to age at begun. A table that was nearly empty
// gets smaller.
func (t *table) forget(begun int64) {
	t.growing.Lock()
	defer t.growing.Unlock()
	bs := t.current.Load()
	n := len(bs.all)
	if n > firstBuckets && bs.used.Load()*8 < int64(n)*bucketSlots {
		n /= 2
	}
	t.current.Store(&buckets{all: make([]bucket, n), begun: begun})
}

func (bs *buckets) drop(k Key) {
	freed := bs.home(k).drop(k.tag()) + bs.second(k).drop(k.tag())
	bs.used.Add(int64(-freed))
}

// put puts an entry over the one of the same key, into a free slot, or over another entry.
func (bs *buckets) put(k Key, entry uint64, pending *atomic.Uint64, seen uint64) {
	put := func(b *bucket, evict bool) bool {
		taken, done := b.put(k.tag(), entry, pending, seen, evict)
		bs.used.Add(int64(taken))
		return done
	}
	if !put(bs.home(k), false) && !put(bs.second(k), false) {
		put(bs.home(k), true)
	}
}

// home is the bucket of a key, if it had room.
func (bs *buckets) home(k Key) *bucket {
	i, _ := bits.Mul64(k.position(), uint64(len(bs.all)))
	return &bs.all[i]
}

// second is the bucket of a key whose home had no room. It is not the neighbour. When the
// table is three quarters full, 2 in 1,000 keys find no room in either bucket. With the
// neighbour it would be 26, and without a second bucket 61.
func (bs *buckets) second(k Key) *bucket {
	i, _ := bits.Mul64(bits.RotateLeft64(k.position(), 32), uint64(len(bs.all)))
	return &bs.all[i]
}
