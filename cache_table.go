package groupkit

import (
	"hash/maphash"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// A table holds words by their keys. It begins small, so that few words lie close
// together, and doubles when it is three quarters full, up to its limit; only then do
// words make room for others.
//
// A table that has doubled is empty. Its words come back from the store as they are asked
// for, over all its growth at most two readings for each, and nothing is copied that may
// change meanwhile. A change drops its keys from the lines of the moment alone:
//
//   - Lines that come later never hold a word from before the change, as the key is barred
//     by then, and every word is put under its bar.
//   - Lines that were replaced are seen only by a reader that loaded them before, and so
//     called before the change dropped anything. It may still answer as of then.
type table struct {
	now     atomic.Pointer[lines]
	limit   int // of lines
	growing sync.Mutex
}

// The lines of a table are in use until it grows.
type lines struct {
	all  []line
	_    [64]byte // what is read by all is not where they count
	used atomic.Int64
}

// A line is what the processor loads at once: a sequence number, odd while the line is
// written, and seven places. An entry is the tag of its key and, in the bits below, the
// state; one that is timed has the place after it too, for its end. A free place is zero.
// Neither that nor an end has the bit of what is known, which every tag has.
type line [8]atomic.Uint64

const (
	lineSize   = 64
	linePlaces = 7
	firstLines = 8
	stateBits  = 6
	known      = 1 << 5 // the highest: an entry and its tag differ by less than this
	timed      = 1 << 4
)

// open gives a table its first lines, and up to size bytes.
func (t *table) open(size int) {
	t.limit = size / lineSize
	n := t.limit
	for n > firstLines {
		n = (n + 1) / 2
	}
	t.now.Store(&lines{all: make([]line, n)})
}

// get returns a word; 0 if it is not there, or being written.
func (t *table) get(k cacheKey) uint64 {
	ls, tag := t.now.Load(), k.tag()
	if word := ls.home(k).get(tag); word != 0 {
		return word
	}
	return ls.second(k).get(tag)
}

// drop takes the key's word out.
func (t *table) drop(k cacheKey) { t.now.Load().drop(k) }

// put keeps a word, unless the key was barred since its bar was seen.
func (t *table) put(k cacheKey, word uint64, bar *atomic.Uint64, seen uint64) {
	ls := t.now.Load()
	ls.put(k, word, bar, seen)
	if ls.used.Load()*4 > int64(len(ls.all))*linePlaces*3 {
		t.grow(ls)
	}
}

// grow replaces lines by twice as many, unless another call does.
func (t *table) grow(ls *lines) {
	if len(ls.all) == t.limit || !t.growing.TryLock() {
		return
	}
	defer t.growing.Unlock()
	if t.now.Load() == ls {
		t.now.Store(&lines{all: make([]line, min(2*len(ls.all), t.limit))})
	}
}

func (ls *lines) drop(k cacheKey) {
	freed := ls.home(k).drop(k.tag()) + ls.second(k).drop(k.tag())
	ls.used.Add(int64(-freed))
}

// put puts a word in the place of the key's, into a free one, or into that of another.
func (ls *lines) put(k cacheKey, word uint64, bar *atomic.Uint64, seen uint64) {
	put := func(l *line, evict bool) bool {
		taken, done := l.put(k.tag(), word, bar, seen, evict)
		ls.used.Add(int64(taken))
		return done
	}
	if !put(ls.home(k), false) && !put(ls.second(k), false) {
		put(ls.home(k), true)
	}
}

// home is the line in which a key stands, if there was room.
func (ls *lines) home(k cacheKey) *line {
	i, _ := bits.Mul64(k.place(), uint64(len(ls.all)))
	return &ls.all[i]
}

// second is the line in which a key stands if there was no room in its home. It is not
// the neighbour: when the table is three quarters full, 2 in 1,000 keys stand in neither
// line, where with the neighbour it would be 26, and without a second line 61.
func (ls *lines) second(k cacheKey) *line {
	i, _ := bits.Mul64(bits.RotateLeft64(k.place(), 32), uint64(len(ls.all)))
	return &ls.all[i]
}

// get compares all words without a branch. Which of them is the key's no processor can
// guess, and while it waits to learn that it guessed wrong it does not load what the next
// call needs.
func (l *line) get(tag uint64) uint64 {
	seq := l[0].Load()
	word := min(l[1].Load()^tag, l[2].Load()^tag, l[3].Load()^tag, l[4].Load()^tag, l[5].Load()^tag, l[6].Load()^tag, l[7].Load()^tag)
	if word >= known {
		return 0
	}
	if word&timed != 0 {
		word |= l.end(tag)
	}
	if seq&1 != 0 || l[0].Load() != seq {
		return 0
	}
	return word | known
}

// end is the word after that of the tag.
func (l *line) end(tag uint64) uint64 {
	if i := l.find(tag); 0 < i && i < linePlaces {
		return l[i+1].Load()
	}
	return 0 // it is being written
}

// find is the place of the tag's entry, or 0.
func (l *line) find(tag uint64) int {
	for i := 1; i <= linePlaces; i++ {
		if l[i].Load()^tag < known {
			return i
		}
	}
	return 0
}

// drop frees the places of the tag's entry and says how many those are.
func (l *line) drop(tag uint64) int {
	seq := l.lock()
	freed := l.free(l.find(tag))
	l[0].Store(seq + 2)
	return freed
}

// put puts an entry into the line, unless there is no room, and says how many more places
// are taken then. It is done if the entry is in the line, or must not be in any: as who
// bars a key drops it afterwards, and waits for the line, one that was put too late is
// dropped before its change is written.
func (l *line) put(tag, word uint64, bar *atomic.Uint64, seen uint64, evict bool) (taken int, done bool) {
	seq := l.lock()
	if bar.Load() != seen {
		l[0].Store(seq)
		return 0, true
	}
	need := 1
	if word&timed != 0 {
		need = 2
	}
	taken = -l.free(l.find(tag))
	at := l.room(need)
	if at == 0 && evict {
		at = 1 + int(seq/2%uint64(linePlaces+1-need))
		for i := range need {
			taken -= l.free(at + i)
		}
	}
	if at > 0 {
		l[at].Store(tag | word&(1<<stateBits-1))
		if need == 2 {
			l[at+1].Store(word &^ (1<<stateBits - 1))
		}
		taken += need
	}
	l[0].Store(seq + 2)
	return taken, at > 0
}

// room finds free places beside each other, or 0.
func (l *line) room(need int) int {
	for i := 1; i+need <= len(l); i++ {
		if l[i].Load() == 0 && l[i+need-1].Load() == 0 {
			return i
		}
	}
	return 0
}

// free empties the place, and the other one of an entry that has two; 0 is no place.
func (l *line) free(i int) (freed int) {
	if i == 0 || l[i].Load() == 0 {
		return 0
	}
	if l[i].Load()&known == 0 {
		i--
	}
	two := l[i].Load()&timed != 0
	l[i].Store(0)
	if !two {
		return 1
	}
	l[i+1].Store(0)
	return 2
}

// lock makes the sequence number odd and returns what it was.
func (l *line) lock() uint64 {
	for {
		if seq := l[0].Load(); seq&1 == 0 && l[0].CompareAndSwap(seq, seq|1) {
			return seq
		}
		runtime.Gosched()
	}
}

// A cacheKey is a group, or a user in a group.
type cacheKey struct{ group, of uint64 }

// user is the key of a user in the group.
func (k cacheKey) user(c *cache, user UserID) cacheKey {
	return cacheKey{k.group, maphash.String(c.userSeed, string(user)) | 1}
}

// place and tag follow from both hashes, each in its own way. One factor is even: so two
// keys that have the same place and the same tag, to the last bit, are the same.
func (k cacheKey) place() uint64 { return k.group + k.of*0x9e3779b97f4a7c15 }

func (k cacheKey) tag() uint64 {
	return (k.of+k.group*0xd6e8feb86659fd94)&^(1<<stateBits-1) | known
}
