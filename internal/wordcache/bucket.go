package wordcache

import (
	"runtime"
	"sync/atomic"
)

// The layout of an entry: the lowest StateBits are the caller's state, of which two bits
// have a meaning here. The bits above are a number, such as a time.
const (
	StateBits = 6
	Known     = 1 << 5 // set in every entry; the highest bit of the state
	Timed     = 1 << 4 // set if there is a number
)

// A bucket is what the processor loads at once: a sequence number, odd while the bucket is
// written, and seven slots. Tables read it without a lock, and write it one at a time.
//
// An entry takes one slot: the tag of its key, and the state in the bits below. An entry
// that is timed takes the next slot too, for its number. A free slot is zero. What must
// hold: every tag has the bit Known, and neither a number nor a free slot has it. Otherwise
// a number could be taken for an entry.
type bucket [8]atomic.Uint64

const (
	bucketSize  = 64 // bytes
	bucketSlots = 7
)

// get compares all slots without a branch. No processor can predict which of them is the
// key's, and after a wrong prediction it would not load early what the next call needs.
func (b *bucket) get(tag uint64) uint64 {
	seq := b[0].Load()
	entry := min(b[1].Load()^tag, b[2].Load()^tag, b[3].Load()^tag, b[4].Load()^tag, b[5].Load()^tag, b[6].Load()^tag, b[7].Load()^tag)
	if entry >= Known { // an entry and its tag differ by less
		return 0
	}
	if entry&Timed != 0 {
		entry |= b.number(tag)
	}
	if seq&1 != 0 || b[0].Load() != seq {
		return 0
	}
	return entry | Known
}

// number is the slot after that of the tag.
func (b *bucket) number(tag uint64) uint64 {
	if i := b.find(tag); 0 < i && i < bucketSlots {
		return b[i+1].Load()
	}
	return 0 // the bucket is being written
}

// find is the slot of the tag's entry, or 0.
func (b *bucket) find(tag uint64) int {
	for i := 1; i <= bucketSlots; i++ {
		if b[i].Load()^tag < Known {
			return i
		}
	}
	return 0
}

// drop frees the slots of the tag's entry and returns how many.
func (b *bucket) drop(tag uint64) int {
	seq := b.lock()
	freed := b.free(b.find(tag))
	b[0].Store(seq + 2)
	return freed
}

// put puts an entry into the bucket, unless there is no room, and returns how many more
// slots are taken then. It is done if the entry is in the bucket, or must not be in any.
//
// Begin first marks a key as pending, and then drops it, for which it waits for the lock.
// So an entry that is put too late is dropped before its change is written.
func (b *bucket) put(tag, entry uint64, pending *atomic.Uint64, seen uint64, evict bool) (taken int, done bool) {
	seq := b.lock()
	if pending.Load() != seen {
		b[0].Store(seq)
		return 0, true
	}
	need := 1
	if entry&Timed != 0 {
		need = 2
	}
	taken = -b.free(b.find(tag))
	at := b.room(need)
	if at == 0 && evict {
		at = 1 + int(seq/2%uint64(bucketSlots+1-need))
		for i := range need {
			taken -= b.free(at + i)
		}
	}
	if at > 0 {
		b[at].Store(tag | entry&(1<<StateBits-1))
		if need == 2 {
			b[at+1].Store(entry &^ (1<<StateBits - 1))
		}
		taken += need
	}
	b[0].Store(seq + 2)
	return taken, at > 0
}

// room finds free slots beside each other, and returns the first, or 0.
func (b *bucket) room(need int) int {
	for i := 1; i+need <= len(b); i++ {
		if b[i].Load() == 0 && b[i+need-1].Load() == 0 {
			return i
		}
	}
	return 0
}

// free empties a slot, and the other one of an entry that has two; 0 is no slot. It
// returns how many slots it emptied.
func (b *bucket) free(i int) (freed int) {
	if i == 0 || b[i].Load() == 0 {
		return 0
	}
	if b[i].Load()&Known == 0 {
		i--
	}
	two := b[i].Load()&Timed != 0
	b[i].Store(0)
	if !two {
		return 1
	}
	b[i+1].Store(0)
	return 2
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
