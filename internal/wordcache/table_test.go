package wordcache

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// newTable makes a table with all the buckets it may have.
func newTable(n int) *table {
	t := &table{limit: n}
	t.current.Store(&buckets{all: make([]bucket, n)})
	return t
}

// randomKey is a key of those that a table of that many buckets has at home in the i-th.
func randomKey(bs *buckets, i int) Key {
	for {
		k := Key{rand.Uint64(), rand.Uint64() | 1}
		if bs.home(k) == &bs.all[i] {
			return k
		}
	}
}

// entryFrom is an entry of two slots, or of one.
func entryFrom(n uint64) uint64 {
	if n%2 == 0 {
		return entryOf(n%(1<<46) + 1)
	}
	return Known | n>>1%Timed
}

// requireSound asserts that every number follows an entry that is timed, and the other way
// round, that no tag stands in a bucket twice, and that the slots are counted.
func requireSound(t *testing.T, bs *buckets) {
	t.Helper()
	used := 0
	for i := range bs.all {
		b := &bs.all[i]
		require.Zero(t, b[0].Load()&1)
		tags := make(map[uint64]bool)
		for at := 1; at <= bucketSlots; at++ {
			entry := b[at].Load()
			if entry == 0 {
				continue
			}
			used++
			require.NotZero(t, entry&Known, "a number stands alone")
			require.False(t, tags[entry>>StateBits])
			tags[entry>>StateBits] = true
			if entry&Timed != 0 {
				at, used = at+1, used+1
				require.LessOrEqual(t, at, bucketSlots)
				require.NotZero(t, b[at].Load())
				require.Zero(t, b[at].Load()&(1<<StateBits-1), "the number is missing")
			}
		}
	}
	require.EqualValues(t, used, bs.used.Load())
}

// Entries of one slot and of two are put beside each other, over each other and in each
// other's slots, and taken out.
func TestTable(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 5} {
		table, pending := newTable(n), new(atomic.Uint64)
		keys := make([]Key, 9*n)
		for i := range keys {
			keys[i] = Key{rand.Uint64(), rand.Uint64() | 1}
		}
		latest := make(map[Key]uint64)
		found, timedOnes := 0, 0
		for range 20_000 {
			k := keys[rand.IntN(len(keys))]
			switch rand.IntN(4) {
			case 0:
				delete(latest, k)
				table.drop(k)
				require.Zero(t, table.get(k))
			case 1:
				table.drop(k)
				latest[k] = entryFrom(rand.Uint64())
				table.put(k, 0, latest[k], pending, 0)
				require.Equal(t, latest[k], table.get(k), "it has just been put")
			default:
				entry := table.get(k)
				if entry != 0 {
					require.Equal(t, latest[k], entry)
					found++
					timedOnes += int(entry & Timed / Timed)
				}
				table.put(k, 0, entry, pending, 1) // not what was seen
				require.Equal(t, entry, table.get(k))
			}
			requireSound(t, table.current.Load())
		}
		require.Greater(t, timedOnes, 500)
		require.Greater(t, found-timedOnes, 500)
	}
}

// An entry may be put over one of the same key that takes more slots, or fewer.
func TestBucket_put_over(t *testing.T) {
	t.Parallel()
	for range 2000 {
		var bs buckets
		bs.all = make([]bucket, 1)
		b, pending := &bs.all[0], new(atomic.Uint64)
		for range 20 {
			tag := rand.Uint64N(4)<<60 | Known
			entry := entryFrom(rand.Uint64())
			evict := rand.IntN(2) == 0
			taken, done := b.put(tag, entry, pending, 0, evict)
			bs.used.Add(int64(taken))
			require.True(t, done || !evict)
			if !done {
				entry = 0
			}
			require.Equal(t, entry, b.get(tag))
			requireSound(t, &bs)
		}
	}
}

// A number is taken for no entry, whatever it is.
func TestBucket_number(t *testing.T) {
	t.Parallel()
	var b bucket
	pending := new(atomic.Uint64)
	const until = 1e12
	b.put(7<<50|Known, entryOf(until), pending, 0, true)
	require.Equal(t, uint64(until<<StateBits), b[2].Load())
	like := uint64(until<<StateBits | Known)
	require.Zero(t, b.get(like))
	require.Zero(t, b.drop(like))
	require.EqualValues(t, entryOf(until), b.get(7<<50|Known))
	_, done := b.put(like, Known|1, pending, 0, true)
	require.True(t, done)
	require.EqualValues(t, Known|1, b.get(like))
	require.EqualValues(t, entryOf(until), b.get(7<<50|Known))
}

// Keys that find no room at home stand in their second buckets, and are found and dropped
// there.
func TestTable_second(t *testing.T) {
	t.Parallel()
	table, pending := newTable(64), new(atomic.Uint64)
	bs := table.current.Load()
	var keys []Key
	for len(keys) < 2*bucketSlots {
		if k := randomKey(bs, 3); bs.second(k) != bs.home(k) {
			keys = append(keys, k)
			table.put(k, 0, Known, pending, 0)
		}
	}
	for _, k := range keys {
		require.NotZero(t, table.get(k))
	}
	requireSound(t, bs)
	require.EqualValues(t, len(keys), bs.used.Load())
	for _, k := range keys {
		table.drop(k)
		require.Zero(t, table.get(k))
	}
	require.Zero(t, bs.used.Load())
}

// Where a table is three quarters full, next to nothing has to make room.
func TestTable_full(t *testing.T) {
	t.Parallel()
	table, pending := newTable(1<<12), new(atomic.Uint64)
	keys := make([]Key, 1<<12*bucketSlots*3/4)
	for i := range keys {
		keys[i] = Key{rand.Uint64(), rand.Uint64() | 1}
	}
	missing := 0
	for range 6 {
		missing = 0
		for _, k := range keys {
			if table.get(k) == 0 {
				missing++
				table.put(k, 0, Known, pending, 0)
			}
		}
	}
	require.Less(t, missing, len(keys)/200)
}

// A table begins small, doubles as it is filled, and ends at its limit.
func TestTable_grow(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 7, 8, 9, 100, 1 << 9} {
		var table table
		table.init(limit*bucketSize + bucketSize/2)
		pending := new(atomic.Uint64)
		last := len(table.current.Load().all)
		require.LessOrEqual(t, last, firstBuckets)
		for range 10 * limit * bucketSlots {
			k := Key{rand.Uint64(), rand.Uint64() | 1}
			table.put(k, 0, Known, pending, 0)
			bs := table.current.Load()
			n := len(bs.all)
			if n != last {
				require.Greater(t, n, last)
				require.LessOrEqual(t, n, 2*last)
				require.Zero(t, bs.used.Load())
				last = n
				continue
			}
			require.NotZero(t, table.get(k))
			require.True(t, n == limit || bs.used.Load()*4 <= int64(n)*bucketSlots*3)
		}
		require.Equal(t, limit, last)
		requireSound(t, table.current.Load())
		table.limit *= 2
		grown := table.current.Load()
		table.grow(&buckets{all: grown.all})
		require.Same(t, grown, table.current.Load(), "another call has replaced those buckets")
	}
}

// Many fill a table at once. It grows by each size once, and counts what it holds.
func TestTable_grow_concurrently(t *testing.T) {
	t.Parallel()
	var table table
	table.init(1 << 16)
	pending := new(atomic.Uint64)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			var mine []Key
			for range 4000 {
				k := Key{rand.Uint64(), rand.Uint64() | 1}
				entry := entryFrom(k.group)
				table.put(k, 0, entry, pending, 0)
				if found := table.get(k); found != 0 && found != entry {
					t.Errorf("put %x, found %x", entry, found)
				}
				if mine = append(mine, k); rand.IntN(3) == 0 {
					table.drop(mine[rand.IntN(len(mine))])
				}
			}
		})
	}
	all.Wait()
	require.Len(t, table.current.Load().all, 1<<16/bucketSize)
	requireSound(t, table.current.Load())
}

// A bucket is one line of the processor's cache.
func TestTable_aligned(t *testing.T) {
	t.Parallel()
	require.EqualValues(t, bucketSize, unsafe.Sizeof(bucket{}))
	for n := 1; n < 3000; n++ {
		require.Zero(t, uintptr(unsafe.Pointer(&newTable(n).current.Load().all[0]))%bucketSize, "%d buckets", n)
	}
}
