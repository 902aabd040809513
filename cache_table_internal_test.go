package groupkit

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// newTable makes a table with all the lines it may have.
func newTable(n int) *table {
	t := &table{limit: n}
	t.now.Store(&lines{all: make([]line, n)})
	return t
}

// randomKey is a key of those that a table of that many lines has at home in the i-th.
func randomKey(ls *lines, i int) cacheKey {
	for {
		k := cacheKey{rand.Uint64(), rand.Uint64() | 1}
		if ls.home(k) == &ls.all[i] {
			return k
		}
	}
}

// wordFrom is a word of two places, or of one.
func wordFrom(n uint64) uint64 {
	if n%2 == 0 {
		return wordOf(n%(1<<46) + 1)
	}
	return known | n>>1%timed
}

// requireSound asserts that every end follows an entry that is timed, and the other way
// round, that no tag stands in a line twice, and that the places are counted.
func requireSound(t *testing.T, ls *lines) {
	t.Helper()
	used := 0
	for i := range ls.all {
		l := &ls.all[i]
		require.Zero(t, l[0].Load()&1)
		tags := make(map[uint64]bool)
		for at := 1; at <= linePlaces; at++ {
			word := l[at].Load()
			if word == 0 {
				continue
			}
			used++
			require.NotZero(t, word&known, "an end stands alone")
			require.False(t, tags[word>>stateBits])
			tags[word>>stateBits] = true
			if word&timed != 0 {
				at, used = at+1, used+1
				require.LessOrEqual(t, at, linePlaces)
				require.NotZero(t, l[at].Load())
				require.Zero(t, l[at].Load()&(1<<stateBits-1), "the end is missing")
			}
		}
	}
	require.EqualValues(t, used, ls.used.Load())
}

// Words of one place and of two are put beside each other, over each other and in each
// other's place, and taken out.
func TestTable(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 5} {
		table, bar := newTable(n), new(atomic.Uint64)
		keys := make([]cacheKey, 9*n)
		for i := range keys {
			keys[i] = cacheKey{rand.Uint64(), rand.Uint64() | 1}
		}
		latest := make(map[cacheKey]uint64)
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
				latest[k] = wordFrom(rand.Uint64())
				table.put(k, latest[k], bar, 0)
				require.Equal(t, latest[k], table.get(k), "it has just been put")
			default:
				word := table.get(k)
				if word != 0 {
					require.Equal(t, latest[k], word)
					found++
					timedOnes += int(word & timed / timed)
				}
				table.put(k, word, bar, 1) // barred
				require.Equal(t, word, table.get(k))
			}
			requireSound(t, table.now.Load())
		}
		require.Greater(t, timedOnes, 500)
		require.Greater(t, found-timedOnes, 500)
	}
}

// A word may be put over one of the same key that takes more places, or fewer.
func TestLine_put_over(t *testing.T) {
	t.Parallel()
	for range 2000 {
		var ls lines
		ls.all = make([]line, 1)
		l, bar := &ls.all[0], new(atomic.Uint64)
		for range 20 {
			tag := rand.Uint64N(4)<<60 | known
			word := wordFrom(rand.Uint64())
			evict := rand.IntN(2) == 0
			taken, done := l.put(tag, word, bar, 0, evict)
			ls.used.Add(int64(taken))
			require.True(t, done || !evict)
			if !done {
				word = 0
			}
			require.Equal(t, word, l.get(tag))
			requireSound(t, &ls)
		}
	}
}

// An end is taken for no entry, whatever it is.
func TestLine_end(t *testing.T) {
	t.Parallel()
	var l line
	bar := new(atomic.Uint64)
	const until = 1e12
	l.put(7<<50|known, wordOf(until), bar, 0, true)
	require.EqualValues(t, until<<stateBits, l[2].Load())
	like := uint64(until<<stateBits | known)
	require.Zero(t, l.get(like))
	require.Zero(t, l.drop(like))
	require.EqualValues(t, wordOf(until), l.get(7<<50|known))
	_, done := l.put(like, known|1, bar, 0, true)
	require.True(t, done)
	require.EqualValues(t, known|1, l.get(like))
	require.EqualValues(t, wordOf(until), l.get(7<<50|known))
}

// Keys that find no room at home stand in their second lines, and are found and dropped
// there.
func TestTable_second(t *testing.T) {
	t.Parallel()
	table, bar := newTable(64), new(atomic.Uint64)
	ls := table.now.Load()
	var keys []cacheKey
	for len(keys) < 2*linePlaces {
		if k := randomKey(ls, 3); ls.second(k) != ls.home(k) {
			keys = append(keys, k)
			table.put(k, known, bar, 0)
		}
	}
	for _, k := range keys {
		require.NotZero(t, table.get(k))
	}
	requireSound(t, ls)
	require.EqualValues(t, len(keys), ls.used.Load())
	for _, k := range keys {
		table.drop(k)
		require.Zero(t, table.get(k))
	}
	require.Zero(t, ls.used.Load())
}

// Where a table is three quarters full, next to nothing has to make room.
func TestTable_full(t *testing.T) {
	t.Parallel()
	table, bar := newTable(1<<12), new(atomic.Uint64)
	keys := make([]cacheKey, 1<<12*linePlaces*3/4)
	for i := range keys {
		keys[i] = cacheKey{rand.Uint64(), rand.Uint64() | 1}
	}
	missing := 0
	for range 6 {
		missing = 0
		for _, k := range keys {
			if table.get(k) == 0 {
				missing++
				table.put(k, known, bar, 0)
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
		table.open(limit*lineSize + lineSize/2)
		bar := new(atomic.Uint64)
		last := len(table.now.Load().all)
		require.LessOrEqual(t, last, firstLines)
		for range 10 * limit * linePlaces {
			k := cacheKey{rand.Uint64(), rand.Uint64() | 1}
			table.put(k, known, bar, 0)
			ls := table.now.Load()
			n := len(ls.all)
			if n != last {
				require.Greater(t, n, last)
				require.LessOrEqual(t, n, 2*last)
				require.Zero(t, ls.used.Load())
				last = n
				continue
			}
			require.NotZero(t, table.get(k))
			require.True(t, n == limit || ls.used.Load()*4 <= int64(n)*linePlaces*3)
		}
		require.Equal(t, limit, last)
		requireSound(t, table.now.Load())
		table.limit *= 2
		grown := table.now.Load()
		table.grow(&lines{all: grown.all})
		require.Same(t, grown, table.now.Load(), "another call has replaced those lines")
	}
}

// Many fill a table at once. It grows by each size once, and counts what it holds.
func TestTable_grow_concurrently(t *testing.T) {
	t.Parallel()
	var table table
	table.open(1 << 16)
	bar := new(atomic.Uint64)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			var mine []cacheKey
			for range 4000 {
				k := cacheKey{rand.Uint64(), rand.Uint64() | 1}
				word := wordFrom(k.group)
				table.put(k, word, bar, 0)
				if found := table.get(k); found != 0 && found != word {
					t.Errorf("put %x, found %x", word, found)
				}
				if mine = append(mine, k); rand.IntN(3) == 0 {
					table.drop(mine[rand.IntN(len(mine))])
				}
			}
		})
	}
	all.Wait()
	require.Len(t, table.now.Load().all, 1<<16/lineSize)
	requireSound(t, table.now.Load())
}

// A line is one line of the processor's cache.
func TestTable_aligned(t *testing.T) {
	t.Parallel()
	require.EqualValues(t, lineSize, unsafe.Sizeof(line{}))
	for n := 1; n < 3000; n++ {
		require.Zero(t, uintptr(unsafe.Pointer(&newTable(n).now.Load().all[0]))%lineSize, "%d lines", n)
	}
}

func TestCache_tooSmall(t *testing.T) {
	t.Parallel()
	require.Nil(t, newCache(-1))
	require.Nil(t, newCache(1))
	require.Nil(t, newCache(4*lineSize-1))
	require.NotNil(t, newCache(4*lineSize))
}
