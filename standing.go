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
	for _, m := range marks(st) {
		if m.mark == nil {
			continue
		}
		pairs = append(pairs, store.Pair{Key: key.OfUser(group, m.list, user), Value: []byte{area}})
		if m.mark.Until != 0 && m.mark.Until < lastExpiry {
			pairs = append(pairs, store.Pair{Key: key.Expiry(m.mark.Until, group, m.list, user), Value: []byte{}})
		}
	}
	return pairs
}

// Flags of a user's entry for a group: what there is besides a membership.
const (
	flagMuted = 1 << iota
	flagBlocked
	flagAllowed
	flagRequested
	flagInvited
)

func standingFlags(st *record.Standing) (flags int) {
	for _, m := range marks(st) {
		if m.mark != nil {
			flags |= m.flag
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

// removal is what takes away every key that a standing has.
func removal(group, user string, st *record.Standing) []store.Pair {
	return append(difference(standingPairs(group, user, st), nil), tracePair(group, user))
}

// countPair is the record of how many groups a user is in; there is none for none.
func countPair(user string, n int) store.Pair {
	p := store.Pair{Key: key.User(user, key.UserHeader)}
	if n > 0 {
		p.Value = record.EncodeCount(n)
	}
	return p
}

// A listed mark is a mark with the list that shows it.
type listedMark struct {
	list byte
	flag int
	mark *record.Mark
}

func marks(st *record.Standing) [5]listedMark {
	return [5]listedMark{
		{key.Muted, flagMuted, st.Mute},
		{key.Blocked, flagBlocked, st.Block},
		{key.Allowed, flagAllowed, st.Allow},
		{key.Requests, flagRequested, st.Request},
		{key.Invitations, flagInvited, st.Invitation},
	}
}

func listed(list byte, st *record.Standing) bool {
	if list == key.Admins {
		return Role(st.Role) == RoleAdmin
	}
	for _, m := range marks(st) {
		if m.list == list {
			return m.mark != nil
		}
	}
	return false
}

// A bounded list is one that is full at some number.
type bounded struct {
	list  byte
	count func(*record.Header) *int
	limit func(*Limits) int
	full  error
}

var (
	boundedMutes       = bounded{key.Muted, func(h *record.Header) *int { return &h.Mutes }, maxGroupSize, ErrListFull}
	boundedBlacklist   = bounded{key.Blocked, func(h *record.Header) *int { return &h.Blocked }, maxGroupSize, ErrListFull}
	boundedRequests    = bounded{key.Requests, func(h *record.Header) *int { return &h.Requests }, func(l *Limits) int { return l.Requests }, ErrTooManyRequests}
	boundedInvitations = bounded{key.Invitations, func(h *record.Header) *int { return &h.Invitations }, func(l *Limits) int { return l.Invitations }, ErrTooManyInvitations}
)

func maxGroupSize(l *Limits) int { return l.MaxGroupSize }
