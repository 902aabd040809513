package wordcache

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What others change, who tell the cache nothing, is found for the age and not longer. What is
// found was true at an instant within it.
func TestCache_Aging(t *testing.T) {
	t.Parallel()
	const age = 100
	var now time.Duration = 1
	c := NewAging(1<<12, 1<<12, age, func() time.Duration { return now })
	group := c.Key("g")
	user := c.UserKey(group, "u")
	value := uint64(Known | 1)
	type state struct {
		value uint64
		till  time.Duration
	}
	var ended []state
	valid := func(entry uint64) bool { // at an instant from now - age to now
		return entry == value || slices.ContainsFunc(ended, func(s state) bool { return s.value == entry && s.till >= now-age })
	}
	hits, misses := 0, 0
	var pending []Snapshot
	for range 20_000 {
		switch rand.IntN(5) {
		case 0:
			now += time.Duration(rand.IntN(60))
		case 1: // somebody else changes the store
			ended = append(ended, state{value, now})
			value = Known | rand.Uint64N(16)
		case 2: // a reader takes its snapshot, and reads later
			pending = append(pending, c.Snapshot(group, user))
		case 3:
			for _, s := range pending {
				c.Keep(s, Known, value)
			}
			pending = nil
		default:
			if _, entry, ok := c.Get(group, user); ok {
				hits++
				require.True(t, valid(entry), "%x at %d", entry, now)
			} else {
				misses++
			}
		}
	}
	require.Greater(t, hits, 300)
	require.Greater(t, misses, 300)
}

// An entry that was read before the entries began to age again is not kept with those that were
// read later.
func TestCache_AgingLateKeep(t *testing.T) {
	t.Parallel()
	var now time.Duration = 1
	c := NewAging(1<<12, 1<<12, 100, func() time.Duration { return now })
	group := c.Key("g")
	user := c.UserKey(group, "u")
	late := c.Snapshot(group, user)
	now = 101
	_, _, ok := c.Get(group, user)
	require.False(t, ok)
	c.Keep(late, Known, Known)
	_, _, ok = c.Get(group, user)
	require.False(t, ok, "it would be found until 200, and was read at 1")
	c.Keep(c.Snapshot(group, user), Known, Known)
	now = 200
	_, _, ok = c.Get(group, user)
	require.True(t, ok)
	now = 201
	_, _, ok = c.Get(group, user)
	require.False(t, ok)
}

// Many goroutines at once find nothing that is too old. The value is the time at which it was read.
func TestCache_AgingConcurrent(t *testing.T) {
	t.Parallel()
	const age = 50
	var now atomic.Int64
	now.Store(1)
	c := NewAging(1<<12, 1<<16, age, func() time.Duration { return time.Duration(now.Load()) })
	group := c.Key("g")
	var users []Key
	for i := range 200 {
		users = append(users, c.UserKey(group, string(rune('a'+i))))
	}
	var wg sync.WaitGroup
	var hits atomic.Int64
	for range 4 {
		wg.Go(func() {
			for range 20_000 {
				u := users[rand.IntN(len(users))]
				before := now.Load()
				if _, entry, ok := c.Get(group, u); ok {
					hits.Add(1)
					if read := int64(entry >> StateBits); before-read >= age {
						t.Errorf("read at %d, found at %d", read, before)
						return
					}
					continue
				}
				s := c.Snapshot(group, u)
				c.Keep(s, Known, Known|Timed|uint64(now.Load())<<StateBits)
				if rand.IntN(3) == 0 {
					now.Add(1)
				}
			}
		})
	}
	wg.Wait()
	require.Greater(t, hits.Load(), int64(10_000))
}

// A table that is nearly empty when it forgets gets smaller, down to what a new one has.
func TestCache_AgingShrinks(t *testing.T) {
	t.Parallel()
	var now time.Duration = 1
	c := NewAging(1<<12, 1<<20, 10, func() time.Duration { return now })
	group := c.Key("g")
	for i := range 5000 {
		u := c.UserKey(group, string(rune(0x4e00+i)))
		c.Keep(c.Snapshot(group, u), Known, Known)
	}
	grown := len(c.users.current.Load().all)
	require.Greater(t, grown, 256)
	for range 20 {
		now += 10
		c.Get(group, group)
	}
	require.LessOrEqual(t, len(c.users.current.Load().all), 2*firstBuckets)
	require.Nil(t, NewAging(1, 1, time.Second, nil))
}
