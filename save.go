package groupkit

import (
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// The effects of a call are what its events lead to: the pairs to write in the same
// transaction, and the work that must wait for the commit (see afterCommit).
type effects struct {
	pairs    []store.Pair // a nil value deletes
	contents []string     // contents of the deleted files
	deleted  bool         // the group was deleted; its data must be removed in steps
}

// effects computes the effects from the difference between loaded and state. Pairs that drop
// memberships in deleted groups, and the changed group counts, are written even if the call
// records no event.
func (c *change) effects(v *verb) *effects {
	f := &effects{pairs: c.countWrites(c.loaded.dropped), deleted: c.head.State == record.Deleting}
	if v.also != nil {
		f.pairs = append(f.pairs, v.also(c)...)
	}
	if len(c.call.Events) == 0 {
		return f
	}
	group := string(c.id)
	f.pairs = append(f.pairs,
		store.Pair{Key: key.Of(group, key.Header), Value: c.head.Encode()},
		store.Pair{Key: key.Event(group, c.head.Version), Value: c.call.Encode()})
	f.pairs = c.commitWrites(f.pairs)
	f.pairs = c.standingWrites(f.pairs)
	f.pairs = c.textWrites(f.pairs)
	f.pairs = c.lifeWrites(f.pairs)
	f.pairs = c.fileWrites(f.pairs)
	f.contents = c.deletedContents()
	f.pairs = append(f.pairs, toGo(f.contents)...)
	if c.head.Rename != c.loaded.head.Rename {
		f.pairs = append(f.pairs, store.Pair{Key: key.Rename(group), Value: []byte{}})
	}
	return f
}

func (c *change) standingWrites(out []store.Pair) []store.Pair {
	for user, before := range c.loaded.standings {
		if now := c.state.standing(user); *now != before {
			out = append(out, replacement(string(c.id), user, before, now)...)
		}
	}
	return out
}

func (c *change) countWrites(out []store.Pair) []store.Pair {
	for user, n := range c.groups {
		if n += c.loaded.hidden[user]; n != c.loaded.groups[user] || c.loaded.recounted[user] {
			out = append(out, countPair(user, n))
		}
	}
	return out
}

func (c *change) textWrites(out []store.Pair) []store.Pair {
	if c.state.custom != c.loaded.custom {
		p := store.Pair{Key: key.Of(string(c.id), key.Custom)}
		if c.state.custom != "" {
			p.Value = []byte(c.state.custom)
		}
		out = append(out, p)
	}
	if c.state.announcement != c.loaded.announcement {
		out = append(out, store.Pair{Key: key.Of(string(c.id), key.Announcement), Value: c.state.announcement.Encode()})
	}
	return out
}

// lifeWrites adds the index entries and the number of groups that a creation or a deletion
// changes.
func (c *change) lifeWrites(out []store.Pair) []store.Pair {
	for i := range c.call.Events {
		switch EventKind(c.call.Events[i].Kind) {
		case GroupCreated:
			out = append(out, store.Pair{Key: key.Created(c.head.Public, c.head.Created, string(c.id)), Value: []byte{}})
			out = c.totalWrites(out, c.loaded.total+1)
		case GroupDeleted:
			out = append(out,
				store.Pair{Key: key.Created(c.head.Public, c.head.Created, string(c.id))},
				store.Pair{Key: key.Deletion(string(c.id)), Value: []byte{}})
			out = c.totalWrites(out, c.loaded.total-1)
		}
	}
	return out
}

func (c *change) totalWrites(out []store.Pair, n int) []store.Pair {
	if c.loaded.most == 0 {
		return out
	}
	return append(out, store.Pair{Key: key.GroupCount(), Value: record.EncodeCount(n)})
}

func (c *change) fileWrites(out []store.Pair) []store.Pair {
	for id, f := range c.state.files {
		if c.loaded.files[id] == nil {
			out = append(out, filePairs(string(c.id), f)...)
		}
	}
	for id, f := range c.loaded.files {
		if c.state.files[id] == nil {
			out = append(out, difference(filePairs(string(c.id), f), nil)...)
		}
	}
	return out
}

// deletedContents returns the contents of the files that the call deleted.
func (c *change) deletedContents() (contents []string) {
	for i := range c.call.Events {
		if e := &c.call.Events[i]; EventKind(e.Kind) == FileDeleted {
			contents = append(contents, contentOf(e.File))
		}
	}
	return contents
}
