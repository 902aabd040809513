package main

import (
	"hash/maphash"
	"sync"
	"time"

	"groupkit"
)

// A shards is a plain map in 256 locked shards, for the check alone: one lookup of the
// group, one of the standing.
type shards struct {
	app       *app
	seed      maphash.Seed
	groups    [256]shard[groupkit.GroupID, groupState]
	standings [256]shard[membership, standingState]
}

type shard[K comparable, V any] struct {
	sync.RWMutex
	m map[K]V
}

type membership struct {
	group groupkit.GroupID
	user  groupkit.UserID
}

type groupState struct{ quiet bool }

type standingState struct {
	role  groupkit.Role
	until int64
}

func newShards(a *app) *shards {
	s := &shards{app: a, seed: maphash.MakeSeed()}
	for i := range s.groups {
		s.groups[i].m = make(map[groupkit.GroupID]groupState)
		s.standings[i].m = make(map[membership]standingState)
	}
	for group := range a.full() {
		s.groups[s.hash(string(a.group(group)))].m[a.group(group)] = groupState{a.quiet(group)}
		for j := range groupSize {
			st := standingState{role: groupkit.RoleMember}
			switch j {
			case 0:
				st.role = groupkit.RoleOwner
			case mutedPlace:
				st.until = forGood.UnixMilli()
			}
			user := a.user(a.member(group, j))
			s.standings[s.hash(string(user))].m[membership{a.group(group), user}] = st
		}
	}
	return s
}

func (s *shards) hash(id string) uint8 { return uint8(maphash.String(s.seed, id)) }

func (s *shards) maySpeak(group, user int) (bool, error) {
	id, name := s.app.group(group), s.app.user(user)
	g, ok := s.groups[s.hash(string(id))].get(id)
	if !ok {
		return false, errNoGroup
	}
	st, ok := s.standings[s.hash(string(name))].get(membership{id, name})
	if !ok {
		return false, nil
	}
	muted := st.until != 0 && time.Now().UnixMilli() < st.until
	return !muted && (!g.quiet || st.role >= groupkit.RoleAdmin), nil
}

func (s *shard[K, V]) get(key K) (V, bool) {
	s.RLock()
	defer s.RUnlock()
	v, ok := s.m[key]
	return v, ok
}
