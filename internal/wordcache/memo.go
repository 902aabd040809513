package wordcache

import (
	"math/bits"
	"sync/atomic"
)

// A Memo keeps values that callers make from entries, so that the same value is not made
// for each call. It holds one value for a key, with the input I that it was made from.
//
// What must hold: a value follows from its key and its input alone. So a Memo needs no
// Begin and End. A change of the entries leads to another input, and that to another
// value. Get and Put may be called by any number of goroutines, and neither takes a lock.
type Memo[I comparable, V any] struct {
	slots []atomic.Pointer[made[I, V]]
	usage usage
}

type made[I comparable, V any] struct {
	key   Key
	input I
	value V
}

// memoReach is how many slots, from its own on, a value may be kept in.
const memoReach = 8

// NewMemo makes a memo of that many values, one at least.
func NewMemo[I comparable, V any](values int) *Memo[I, V] {
	return &Memo[I, V]{slots: make([]atomic.Pointer[made[I, V]], max(1, values))}
}

// Get returns the value that was made for the key from the same input.
func (m *Memo[I, V]) Get(k Key, input I) (value V, ok bool) {
	found := m.slotOf(k).Load()
	ok = found != nil && found.key == k && found.input == input
	m.usage.count(k, ok)
	if ok {
		value = found.value
	}
	return value, ok
}

// Put keeps a value, over an earlier one of the key or over that of another key.
func (m *Memo[I, V]) Put(k Key, input I, value V) {
	m.slotOf(k).Store(&made[I, V]{k, input, value})
}

// slotOf is the slot that holds the key's value; if none does, the first free one within
// reach; if there is none, the first.
func (m *Memo[I, V]) slotOf(k Key) *atomic.Pointer[made[I, V]] {
	n := uint64(len(m.slots))
	first, _ := bits.Mul64(k.position(), n)
	for i := range min(memoReach, n) {
		slot := &m.slots[(first+i)%n]
		if found := slot.Load(); found == nil || found.key == k {
			return slot
		}
	}
	return &m.slots[first]
}
