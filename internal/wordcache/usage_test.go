package wordcache

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Lookups are counted exactly from the first call of Stats on, by any number of goroutines.
func TestCache_Stats(t *testing.T) {
	t.Parallel()
	c := New(1<<12, 1<<12)
	group := c.Key("g")
	user := c.UserKey(group, "u")
	c.Get(group, user)
	require.Equal(t, Stats{Size: 2 * firstBuckets * bucketSize, Most: 2 << 12}, c.Stats(), "the lookup before was not counted")
	c.Get(group, user)
	c.Keep(c.Snapshot(group, user), Known, entryOf(1e12))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				c.Get(group, user)
				c.Get(group, c.UserKey(group, "nobody"))
			}
		})
	}
	all.Wait()
	s := c.Stats()
	require.Equal(t, []uint64{8000, 8001}, []uint64{s.Hits, s.Misses})
	require.EqualValues(t, 3*8, s.Used, "one slot for the group, two for the user")
	require.Zero(t, (*Cache)(nil).Stats())
}

func TestMemo_Lookups(t *testing.T) {
	t.Parallel()
	m := NewMemo[int, string](10)
	k := Key{1, 1}
	m.Get(k, 1)
	m.Lookups()
	m.Get(k, 1)
	m.Put(k, 1, "one")
	m.Get(k, 1)
	m.Get(k, 1)
	m.Get(k, 2)
	hits, misses := m.Lookups()
	require.Equal(t, []uint64{2, 2}, []uint64{hits, misses})
	hits, misses = (*Memo[int, string])(nil).Lookups()
	require.Zero(t, hits+misses)
}
