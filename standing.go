package groupkit

import (
	"bytes"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// standingPairs is every key that a standing has: the standing itself, the entry
// by which the user finds the group, an entry in every list that the user is on,
// and one for everything that expires.
func standingPairs(group, user string, st *record.Standing) []store.Pair {
	if st.Empty() {
		return nil
	}
	area := byte(key.Outsiders)
	if st.Member() {
		area = key.Members
	}
	pairs := append(make([]store.Pair, 0, 4),
		store.Pair{Key: key.OfUser(group, area, user), Value: st.Encode()},
		store.Pair{Key: key.UserGroup(user, group, st.Member()), Value: record.EncodeCount(standingFlags(st))})
	if Role(st.Role) == RoleAdmin {
		pairs = append(pairs, store.Pair{Key: key.OfUser(group, key.Admins, user), Value: []byte{area}})
	}
	for _, kind := range marks {
		mark := *kind.field(st)
		if mark == nil {
			continue
		}
		pairs = append(pairs, store.Pair{Key: key.OfUser(group, kind.list, user), Value: []byte{area}})
		if mark.Until != 0 && mark.Until < lastExpiry {
			pairs = append(pairs, store.Pair{Key: key.Expiry(mark.Until, group, kind.list, user), Value: []byte{}})
		}
	}
	return pairs
}

// standingFlags say in a user's entry for a group what there is besides a membership.
func standingFlags(st *record.Standing) (flags int) {
	for _, kind := range marks {
		if *kind.field(st) != nil {
			flags |= kind.flag
		}
	}
	return flags
}

// difference is what turns one set of pairs into another; a nil value deletes.
func difference(before, after []store.Pair) []store.Pair {
	var out []store.Pair
	for _, b := range before {
		if !holds(after, b.Key, nil) {
			out = append(out, store.Pair{Key: b.Key})
		}
	}
	for _, a := range after {
		if !holds(before, a.Key, a.Value) {
			out = append(out, a)
		}
	}
	return out
}

// holds reports whether the key is among pairs, with the value if one is given.
func holds(pairs []store.Pair, key, value []byte) bool {
	for _, p := range pairs {
		if bytes.Equal(p.Key, key) {
			return value == nil || bytes.Equal(p.Value, value)
		}
	}
	return false
}

// tracePair keeps a trace of a group in which nothing is so of the user any more: the
// log, which names the user, can be found by it. It stays when the user comes back.
func tracePair(group, user string) store.Pair {
	return store.Pair{Key: key.UserGroupTrace(user, group), Value: []byte{}}
}

// replacement is what turns the keys of a standing into those of another. The first comes
// as a copy, so that callers keep theirs off the heap for standings that do not change.
func replacement(group, user string, before record.Standing, now *record.Standing) []store.Pair {
	out := difference(standingPairs(group, user, &before), standingPairs(group, user, now))
	if now.Empty() {
		out = append(out, tracePair(group, user))
	}
	return out
}

// removal is what takes away every key that a standing has.
func removal(group, user string, st *record.Standing) []store.Pair {
	return replacement(group, user, *st, new(record.Standing))
}

// countPair is the record of how many groups a user is in; there is none for none.
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
