package modeltest

import (
	"maps"
	"slices"
	"strings"

	"groupkit"
)

// each is a batch: the same single calls in order. It fails when all of them do.
func each(users []groupkit.UserID, one func(groupkit.UserID) Entry) ([]Entry, *Refusal) {
	var all []Entry
	no := &Refusal{Batch: true}
	granted := false
	for _, u := range users {
		e := Entry{User: u, Refused: Refuse(groupkit.ErrInvalid)}
		if ValidUser(u) {
			e = one(u)
			e.User = u
		}
		all = append(all, e)
		if e.Refused == nil {
			granted = true
		} else {
			no.Is = append(no.Is, e.Refused.Is...)
		}
	}
	if granted {
		return all, nil
	}
	return all, no
}

// Lists.

// sorted is what a map holds, in the order of its keys, where keep says so.
func sorted[V any](m map[groupkit.UserID]V, keep func(groupkit.UserID) bool) []V {
	var list []V
	for _, u := range slices.Sorted(maps.Keys(m)) {
		if keep(u) {
			list = append(list, m[u])
		}
	}
	return list
}

// Count is how many of the keys of a map keep chooses.
func Count[V any](m map[groupkit.UserID]V, keep func(groupkit.UserID) bool) int {
	return len(sorted(m, keep))
}

// Paged cuts one page out of a list.
func Paged[T any](list []T, p groupkit.Page, most int) []T {
	number, size := max(p.Number, 1), p.Size
	if size == 0 {
		size = 10
	}
	size = min(size, most)
	for range number - 1 {
		if len(list) == 0 {
			break
		}
		list = list[min(size, len(list)):]
	}
	return list[:min(size, len(list))]
}

// After cuts the users after one out of a list in the order of their IDs, of those whose ID begins
// with the prefix.
func After[T any](list []T, user func(T) groupkit.UserID, from groupkit.From) []T {
	var rest []T
	for _, one := range list {
		if u := user(one); u > from.After && strings.HasPrefix(string(u), from.Prefix) {
			rest = append(rest, one)
		}
	}
	return rest
}

func keys[V any](m map[groupkit.UserID]V) []groupkit.UserID { return slices.Sorted(maps.Keys(m)) }

// Has reports whether a map has a key.
func Has[K comparable, V any](m map[K]V, key K) bool {
	_, ok := m[key]
	return ok
}
