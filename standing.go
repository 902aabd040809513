package groupkit

import (
	"bytes"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// standingPairs returns all records that a standing consists of: the standing itself, the entry
// in the user's list of groups, an entry in each list that the user is on, an entry for the
// inviter of an invitation, and two entries for each expiry. Whoever changes a standing must write all of them; replacement does.
func standingPairs(group, user string, st *record.Standing) []store.Pair {
	if st.Empty() {
		return nil
	}
	area := areaOf(st)
	pairs := append(make([]store.Pair, 0, 4),
		store.Pair{Key: key.OfUser(group, area, user), Value: st.Encode()},
		store.Pair{Key: key.UserGroup(user, group, st.Member()), Value: record.EncodeCount(linkFlags(st))})
	if Role(st.Role) == RoleAdmin {
		pairs = append(pairs, store.Pair{Key: key.OfUser(group, key.Admins, user), Value: []byte{area}})
	}
	if !st.Marked() {
		return pairs
	}
	for _, kind := range marks {
		mark := *kind.field(st)
		if mark == nil {
			continue
		}
		pairs = markPairs(pairs, group, user, area, kind, mark)
	}
	return pairs
}

// markPairs adds the records that a mark consists of, besides the standing.
func markPairs(pairs []store.Pair, group, user string, area byte, kind *markKind, mark *record.Mark) []store.Pair {
	if !kind.pending {
		pairs = append(pairs, store.Pair{Key: key.OfUser(group, kind.list, user), Value: []byte{area}})
	} else {
		pairs = append(pairs, store.Pair{Key: key.Arrival(group, kind.list, mark.Version, mark.Place, user), Value: []byte{area}})
	}
	if kind == invitationMark && mark.By != "" {
		pairs = append(pairs, store.Pair{Key: key.Inviter(group, mark.By, user), Value: []byte{}})
	}
	if mark.Until != 0 && mark.Until < lastExpiry {
		pairs = append(pairs,
			store.Pair{Key: key.Expiry(mark.Until, group, kind.list, user), Value: []byte{}},
			store.Pair{Key: key.ExpiringEntry(group, kind.list, mark.Until, user), Value: []byte{}})
	}
	return pairs
}

// areaOf returns the kind of the record of a standing: members and outsiders have separate
// records.
func areaOf(st *record.Standing) byte {
	if st.Member() {
		return key.Members
	}
	return key.Outsiders
}

// roleShift is the place of the role in the entry of a user's list of groups, after the flags of
// the marks.
const roleShift = 5

// linkFlags returns what the entry in the user's list of groups says: the flags of the marks, and
// the role. Entries that were written before roles were in them have role 0.
func linkFlags(st *record.Standing) int { return standingFlags(st) | int(st.Role)<<roleShift }

// standingFlags returns the flags of the marks of a standing. The entry in the user's list of
// groups contains them.
func standingFlags(st *record.Standing) (flags int) {
	if !st.Marked() {
		return 0
	}
	for _, kind := range marks {
		if *kind.field(st) != nil {
			flags |= kind.flag
		}
	}
	return flags
}

// difference returns the writes that turn one set of pairs into another. A nil value deletes.
func difference(before, after []store.Pair) []store.Pair {
	var out []store.Pair
	for _, b := range before {
		if !contains(after, b.Key, nil) {
			out = append(out, store.Pair{Key: b.Key})
		}
	}
	for _, a := range after {
		if !contains(before, a.Key, a.Value) {
			out = append(out, a)
		}
	}
	return out
}

// contains reports whether a pair has the key, and the value unless that is nil.
func contains(pairs []store.Pair, key, value []byte) bool {
	for _, p := range pairs {
		if bytes.Equal(p.Key, key) {
			return value == nil || bytes.Equal(p.Value, value)
		}
	}
	return false
}

// tracePair returns the trace of a user who has no standing in the group any more. The log
// still contains the user ID, and the trace leads from the user to that log. The trace stays if
// the user comes back. Retention removes it when nothing names the user; see traceWalk.
func tracePair(group, user string) store.Pair {
	return store.Pair{Key: key.UserGroupTrace(user, group), Value: []byte{}}
}

// replacement returns the writes that replace a standing by another, with all their records.
// before is passed by value: so the copies of standings that do not change stay off the heap.
func replacement(group, user string, before record.Standing, now *record.Standing) []store.Pair {
	out := difference(standingPairs(group, user, &before), standingPairs(group, user, now))
	if now.Empty() {
		out = append(out, tracePair(group, user))
	}
	return out
}

// removal returns the writes that remove a standing with all its records.
func removal(group, user string, st *record.Standing) []store.Pair {
	return replacement(group, user, *st, new(record.Standing))
}

// countPair returns the write of a user's group count. A count of 0 has no record.
func countPair(user string, n int) store.Pair {
	p := store.Pair{Key: key.User(user, key.UserHeader)}
	if n > 0 {
		p.Value = record.EncodeCount(n)
	}
	return p
}

// listed reports whether a user with the standing is on a list.
func listed(list byte, st *record.Standing) bool {
	if list == key.Admins {
		return Role(st.Role) == RoleAdmin
	}
	kind := listedMark(list)
	return kind != nil && *kind.field(st) != nil
}
