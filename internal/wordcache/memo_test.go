package wordcache

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A value is returned for the key and the input that it was made from, and for no other.
func TestMemo(t *testing.T) {
	t.Parallel()
	m := NewMemo[int, string](100)
	k := Key{rand.Uint64(), 1}
	_, ok := m.Get(k, 1)
	require.False(t, ok)
	m.Put(k, 1, "one")
	value, ok := m.Get(k, 1)
	require.True(t, ok)
	require.Equal(t, "one", value)
	_, ok = m.Get(k, 2)
	require.False(t, ok)
	_, ok = m.Get(Key{k.group, 3}, 1)
	require.False(t, ok)
	m.Put(k, 2, "two")
	_, ok = m.Get(k, 1)
	require.False(t, ok, "a key has one value")
	value, ok = m.Get(k, 2)
	require.True(t, ok)
	require.Equal(t, "two", value)
}

// Keys with the same first slot stand beside each other as far as the reach goes, also
// past the end. What comes then takes the first slot.
func TestMemo_reach(t *testing.T) {
	t.Parallel()
	const last = ^uint64(0) // in the last slot
	for _, size := range []int{-1, 0, 1, 3, memoReach, 50} {
		m := NewMemo[int, int](size)
		fits := min(max(1, size), memoReach)
		key := func(i int) Key { return Key{last - uint64(i), 0} }
		for i := range fits {
			m.Put(key(i), i, i)
		}
		for i := range fits {
			value, ok := m.Get(key(i), i)
			require.True(t, ok)
			require.Equal(t, i, value)
		}
		m.Put(key(fits), fits, fits)
		_, ok := m.Get(key(0), 0)
		require.False(t, ok)
		for i := 1; i <= fits; i++ {
			value, ok := m.Get(key(i), i)
			require.True(t, ok)
			require.Equal(t, i, value)
		}
	}
}
