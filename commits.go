package groupkit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// Every call that changes a group has a number: the order of the numbers is the order in which
// the calls became visible, over all groups. The index of commits leads from the number to the
// call.
//
// On a store that this process alone can change, the numbers are 1, 2, 3 … The last entry of the
// index is also the counter: when retention removes the call of the last entry, the entry stays,
// empty, until the next call.
//
// The entry of a group that was loaded has version 0: it leads to the state of the group. The header has its
// number. Retention removes it together with the first call that came after it.
//
// On a shared store such a counter would make all groups wait for each other. There the number
// is that of the transaction (see [store.Numberer]), and the number of the call in it. So numbers
// have gaps, and are looked at only when they are settled (see [store.Settler]). A record beside
// the index says up to where retention has removed some. Where the store has no numbers, the engine makes
// them; see floor.go.

// callsPerNumber is how many calls of a shared store have the number of one transaction.
const callsPerNumber = 1 << 16

// number gives the call its number. before is how many calls of the transaction have one.
func (c *change) number(r store.Reader, w store.Writer, before int) (err error) {
	switch {
	case !c.logged():
	case c.shared:
		if c.call.Commit, err = numberIn(w, before); c.call.Commit == 0 && err == nil {
			c.call.Commit, err = c.numberAboveFloor(r)
		}
	default:
		var last uint64
		var empty bool
		if last, empty, err = lastCommit(w); empty {
			c.counter = key.Commit(last)
		}
		c.call.Commit = last + 1
	}
	return err
}

// numberIn returns the number of the next call of a transaction on a shared store; 0 if the store
// has no numbers.
func numberIn(w store.Writer, before int) (uint64, error) {
	n, err := store.Number(w)
	switch {
	case errors.Is(err, store.ErrNotSupported):
		return 0, nil
	case err != nil:
		return 0, storage(err)
	case before >= callsPerNumber:
		return 0, storage(fmt.Errorf("%w: a transaction has more than %d calls", store.ErrTooLarge, callsPerNumber))
	}
	return n*callsPerNumber + uint64(before), nil
}

// clockBits are the bits of a number below the milliseconds of the clock, where the store has no numbers.
// They are drawn by lot.
const clockBits = 16

// numberAboveFloor returns the number of a call on a store without numbers. It is higher than that of the
// call before it in the group, and than what retention has removed.
func (c *change) numberAboveFloor(r store.Reader) (number uint64, err error) {
	number = uint64(c.now)<<clockBits | rand.Uint64N(1<<clockBits)
	keys := [][]byte{key.Floor(), key.LastRemoved(), key.Commit(number)}
	if c.loaded.existed {
		keys = append(keys, key.Event(string(c.id), c.loaded.head.Version))
	}
	values, err := store.GetMany(r, keys)
	if err != nil {
		return 0, storage(err)
	}
	floor, err := decodeFloor(values[0])
	if err != nil {
		return 0, err
	}
	least := floor
	if values[1] != nil {
		removed, err := decodeNumber(values[1])
		if err != nil {
			return 0, err
		}
		least = max(least, removed+1)
	}
	if len(values) > 3 && values[3] != nil {
		call, err := record.DecodeCall(values[3])
		if err != nil {
			return 0, err
		}
		least = max(least, call.Commit+1)
	}
	taken := values[2] != nil
	if number < least { // the clock is behind
		number = least + rand.Uint64N(1<<clockBits)
		_, taken, err = r.Get(key.Commit(number))
	}
	for taken && err == nil {
		number++
		_, taken, err = r.Get(key.Commit(number))
	}
	return number, storage(err)
}

// endOfCommits returns the number after the last settled call: what comes later has no lower one.
// The snapshot has every call with a lower number.
func endOfCommits(r store.Reader, shared bool) (uint64, error) {
	if !shared {
		last, _, err := lastCommit(r)
		return last + 1, err
	}
	settled, err := settledCommits(r)
	if err != nil {
		return 0, err
	}
	values, pages, err := store.Fetch(r, [][]byte{key.LastRemoved()}, []store.Range{{From: key.Commit(1), To: key.Commit(settled), Reverse: true, Limit: 1}})
	if err != nil {
		return 0, storage(err)
	}
	return afterCommits(1, settled, values[0], pages[0].Pairs), nil
}

// settledCommits returns a bound of a shared store: calls with lower numbers have ended. A call that
// comes later can have a lower one all the same, after a crash of the store; see [store.Settler].
// So nobody may take the bound for the end of what was read; see afterCommits.
func settledCommits(r store.Reader) (uint64, error) {
	n, err := store.Settled(r)
	if errors.Is(err, store.ErrNotSupported) {
		return readFloor(r)
	}
	return n * callsPerNumber, storage(err)
}

// afterCommits returns the number after the entries of a part of the index of a shared store, read
// from a number on: no call that comes later has a lower one. removed is the record of the
// highest number that retention has removed.
func afterCommits(from, settled uint64, removed []byte, entries []store.Pair) uint64 {
	end := from
	for _, p := range entries {
		if number, err := key.CutCommit(p.Key); err == nil {
			end = max(end, number+1)
		}
	}
	if last, err := decodeNumber(removed); err == nil && last < settled {
		end = max(end, last+1)
	}
	return end
}

// lastCommit returns the number of the last call, 0 if there is none, and whether its entry is
// empty.
func lastCommit(r store.Reader) (number uint64, empty bool, err error) {
	page, _, err := r.Scan(store.Range{From: key.Commit(1), To: store.PrefixEnd(key.Commits()), Reverse: true, Limit: 1})
	if err != nil || len(page) == 0 {
		return 0, false, storage(err)
	}
	number, err = key.CutCommit(page[0].Key)
	return number, len(page[0].Value) == 0, err
}

// commitWrites returns the writes to the index of commits for the call.
func (c *change) commitWrites(out []store.Pair) []store.Pair {
	if c.counter != nil {
		out = append(out, store.Pair{Key: c.counter})
	}
	return append(out, commitPairs(string(c.id), c.head.Version, &c.call)...)
}

// commitPairs returns the entry of a call in the index of commits. version is the version of
// the last event of the call.
func commitPairs(group string, version uint64, call *record.Call) []store.Pair {
	if call.Commit == 0 {
		return nil
	}
	return []store.Pair{{Key: key.Commit(call.Commit), Value: key.Point(group, version)}}
}

// A commitRemoval removes the entries of calls that retention removes.
type commitRemoval struct {
	shared bool
	last   uint64 // the number of the last call; on a shared store the highest one that was removed
	before uint64 // last at the beginning
}

func beginRemoval(r store.Reader, shared bool) (m commitRemoval, err error) {
	m.shared = shared
	if shared {
		m.last, err = lastRemoved(r)
	} else {
		m.last, _, err = lastCommit(r)
	}
	m.before = m.last
	return m, err
}

// lastRemoved returns the highest number of a call of a shared store that retention has removed.
// Whoever reads the index up to there has missed calls.
func lastRemoved(r store.Reader) (uint64, error) {
	value, ok, err := r.Get(key.LastRemoved())
	if err != nil || !ok {
		return 0, storage(err)
	}
	return decodeNumber(value)
}

// entry returns the write for the entry of a call.
func (m *commitRemoval) entry(call *record.Call) []store.Pair {
	switch {
	case call.Commit == 0:
		return nil
	case m.shared:
		m.last = max(m.last, call.Commit)
	case call.Commit == m.last:
		return []store.Pair{{Key: key.Commit(m.last), Value: []byte{}}}
	}
	return []store.Pair{{Key: key.Commit(call.Commit)}}
}

// end returns what is written after the entries.
func (m *commitRemoval) end() []store.Pair {
	if m.last == m.before {
		return nil
	}
	return []store.Pair{{Key: key.LastRemoved(), Value: binary.BigEndian.AppendUint64(nil, m.last)}}
}

// logged reports whether the call has a place in the order of commits: it has events, or makes a
// loaded group visible.
func (c *change) logged() bool { return len(c.call.Events) > 0 || c.loads }
