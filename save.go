package groupkit

import (
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// flush writes what the rules changed. A call without an event has changed nothing of
// the group.
func (u *unit) flush(w store.Writer) error {
	if err := write(w, u.changes()); err != nil || u.rename == "" {
		return err
	}
	return rename(w, u.id, u.rename)
}

// changes are the records that the call changed. Entries of deleted groups may have been
// dropped, and the users' counts with them, even where nothing became of the call.
func (u *unit) changes() []store.Pair {
	if len(u.call.Events) == 0 {
		return u.countWrites(u.writes)
	}
	group := string(u.id)
	out := append(u.writes,
		store.Pair{Key: key.Of(group, key.Header), Value: u.state.head.Encode()},
		store.Pair{Key: key.Event(group, u.state.head.Version), Value: u.call.Encode()})
	out = u.standingWrites(out)
	out = u.countWrites(out)
	out = u.textWrites(out)
	out = u.lifeWrites(out)
	return u.fileWrites(out)
}

func (u *unit) standingWrites(out []store.Pair) []store.Pair {
	for user, before := range u.before.standings {
		if now := u.state.standing(user); *now != before {
			out = append(out, difference(standingPairs(string(u.id), user, &before), standingPairs(string(u.id), user, now))...)
			if now.Empty() {
				out = append(out, tracePair(string(u.id), user))
			}
		}
	}
	return out
}

func (u *unit) countWrites(out []store.Pair) []store.Pair {
	for user, n := range u.groups {
		if n != u.before.groups[user] {
			out = append(out, countPair(user, n))
		}
	}
	return out
}

// lifeWrites is what a group's creation and its deletion write besides.
func (u *unit) lifeWrites(out []store.Pair) []store.Pair {
	for i := range u.call.Events {
		switch EventKind(u.call.Events[i].Kind) {
		case GroupCreated:
			out = append(out, store.Pair{Key: key.Created(u.head.Public, u.head.Created, string(u.id)), Value: []byte{}})
			out = u.totalWrites(out, u.total+1)
		case GroupDeleted:
			out = append(out,
				store.Pair{Key: key.Created(u.head.Public, u.head.Created, string(u.id))},
				store.Pair{Key: key.Deletion(string(u.id)), Value: []byte{}})
			out = u.totalWrites(out, u.total-1)
		}
	}
	return out
}

func (u *unit) totalWrites(out []store.Pair, n int) []store.Pair {
	if u.limits.Groups == 0 {
		return out
	}
	return append(out, store.Pair{Key: key.GroupCount(), Value: record.EncodeCount(n)})
}

func (u *unit) textWrites(out []store.Pair) []store.Pair {
	if u.state.custom != u.before.custom {
		p := store.Pair{Key: key.Of(string(u.id), key.Custom)}
		if u.state.custom != "" {
			p.Value = []byte(u.state.custom)
		}
		out = append(out, p)
	}
	if u.state.announcement != u.before.announcement {
		out = append(out, store.Pair{Key: key.Of(string(u.id), key.Announcement), Value: u.state.announcement.Encode()})
	}
	return out
}

func (u *unit) fileWrites(out []store.Pair) []store.Pair {
	for id, f := range u.state.files {
		if u.before.files[id] == nil {
			out = append(out, store.Pair{Key: key.File(string(u.id), [16]byte([]byte(id))), Value: f.Encode()})
		}
	}
	for id := range u.before.files {
		if u.state.files[id] == nil {
			out = append(out, store.Pair{Key: key.File(string(u.id), [16]byte([]byte(id)))})
		}
	}
	return out
}
