package wordcache

import "sync/atomic"

// A usage counts lookups. It counts nothing before read is called: counting costs about a tenth of a
// lookup. The lookups are spread over many counters by their keys, so that goroutines seldom
// write to the same line of the processor's cache.
type usage struct {
	counters atomic.Pointer[[64]counter] // nil: nothing is counted
}

// A counter has a line of the processor's cache of its own.
type counter struct {
	hits, misses atomic.Uint64
	_            [48]byte
}

// count counts a lookup of the key, if lookups are counted.
func (u *usage) count(k Key, hit bool) {
	if all := u.counters.Load(); all != nil {
		all[k.position()>>58].add(hit)
	}
}

func (c *counter) add(hit bool) {
	if hit {
		c.hits.Add(1)
	} else {
		c.misses.Add(1)
	}
}

// read returns what was counted, and counts from now on.
func (u *usage) read() (hits, misses uint64) {
	all := u.counters.Load()
	if all == nil {
		u.counters.CompareAndSwap(nil, new([64]counter))
		return 0, 0
	}
	for i := range all {
		hits += all[i].hits.Load()
		misses += all[i].misses.Load()
	}
	return hits, misses
}

// Stats is what a cache has done, and its size.
type Stats struct {
	Hits, Misses uint64 // lookups since the first call of Stats
	Used         int64  // bytes that entries take
	Size         int64  // bytes of the tables as they are
	Most         int64  // bytes to which the tables can grow
}

// Stats returns what the cache has done since the first call of Stats. A nil cache has done nothing.
func (c *Cache) Stats() (s Stats) {
	if c == nil {
		return s
	}
	s.Hits, s.Misses = c.usage.read()
	for _, t := range []*table{&c.groups, &c.users} {
		bs := t.current.Load()
		s.Used += bs.used.Load() * 8
		s.Size += int64(len(bs.all)) * bucketSize
		s.Most += int64(t.limit) * bucketSize
	}
	return s
}

// Lookups returns how many calls of Get have found a value, and how many have not, since the first call of
// Lookups. A nil memo has none.
func (m *Memo[I, V]) Lookups() (hits, misses uint64) {
	if m == nil {
		return 0, 0
	}
	return m.usage.read()
}
