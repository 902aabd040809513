package groupkit

import (
	"bytes"
	"fmt"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// decide takes the truth. It returns why there is none.
func (g *groupRepair) decide(r store.Reader) (beyond string, err error) {
	values, err := store.GetMany(r, [][]byte{key.Load(string(g.id)), key.Rename(string(g.id)), key.Deletion(string(g.id))})
	if err != nil {
		return "", storage(err)
	}
	loads, renames, deletes := values[0] != nil, values[1] != nil, values[2] != nil
	h := &g.stored.head
	n := g.names()
	switch {
	case g.stored.readable && h.State == record.Loading && loads:
		return "the group is being loaded: wait until it is there, or removed", nil
	case n != (renaming{}) && (n.From == "" || n.To == ""):
		return "the pseudonym that is being written into the group is lost", nil
	case !g.stored.readable && renames:
		return "the header is lost, and with it the pseudonym that was being written into the group", nil
	case g.stored.readable && h.State == record.Deleted && h.First == h.Version+1 && g.log.calls == 0:
		g.truth, g.gone = &state{head: *h}, true
		return "", nil
	}
	switch log := g.trustsLog(); {
	case log && g.log.state.head.State == record.Live:
		g.truth = g.log.state
	case log:
		g.truth = g.log.state
		g.gone = g.stored.readable && h.State == record.Deleted || !g.stored.readable && !deletes && g.stored.leftover == 0
		g.deletes = !g.gone
	case g.trustsTombstone():
		g.truth, g.gone, g.cut = &state{head: *h}, true, true
	case g.trustsRecords():
		g.truth, g.cut = g.stored.state, true
	default:
		return g.why(), nil
	}
	return "", nil
}

// trustsLog reports whether the log is the truth.
func (g *groupRepair) trustsLog() bool {
	l, s := &g.log, &g.stored
	if !l.whole {
		return false
	}
	if l.state.head.State == record.Deleting {
		return !s.readable || isGone(&s.head) // never remove the records of a group of which one source says that it lives
	}
	if !l.state.isGroup() {
		return false
	}
	if doubtful := l.damaged > 0 || !s.readable || s.head.State == record.Loading; doubtful {
		return g.agrees()
	}
	return true
}

// agrees reports whether the present state is what the log leads to, as far as it can be read.
func (g *groupRepair) agrees() bool {
	s, l := &g.stored, g.log.state
	for user, st := range s.standings {
		if !sameStanding(l.standing(user), st) {
			return false
		}
	}
	for id, f := range s.files {
		if logged := l.files[id]; logged == nil || !sameFile(logged, f) {
			return false
		}
	}
	for user, st := range l.standings {
		if s.standings[user] == nil && !st.Empty() && !s.damaged[user] {
			return false
		}
	}
	if s.readable && s.head.State == record.Live {
		logged := l.head
		if logged.First, logged.Rename, logged.Loaded = s.head.First, s.head.Rename, s.head.Loaded; logged != s.head {
			return false
		}
	}
	return len(l.files)-len(s.files) <= s.badFiles && (s.lost || l.announcement == s.announcement && l.custom == s.custom)
}

// isGroup reports whether the state is a group by the rules.
func (s *state) isGroup() bool {
	rules := stateRules{head: s.head}
	for user, st := range s.standings {
		by := new(record.Standing)
		if m := st.Invitation; m != nil && s.standings[m.By] != nil {
			by = s.standings[m.By]
		}
		rules.check(user, st, by)
	}
	return rules.end() == nil && s.head.Files == len(s.files) && s.head.HasCustom == (s.custom != "")
}

// trustsRecords reports whether the present state is the truth.
func (g *groupRepair) trustsRecords() bool {
	s := &g.stored
	return s.readable && s.head.State == record.Live && !s.lost && !s.twice && s.isGroup()
}

// trustsTombstone reports whether the header is the tombstone of a deleted group.
func (g *groupRepair) trustsTombstone() bool {
	h := &g.stored.head
	return g.stored.readable && h.State == record.Deleted && tombstone(h) == *h
}

// why says why there is no truth.
func (g *groupRepair) why() string {
	log := "the log is damaged"
	switch {
	case g.log.calls == 0 && !g.log.header:
		log = "there is no log"
	case g.log.whole && g.log.state.head.State == record.Deleting:
		log = "the log says that the group is deleted"
	case g.log.whole && !g.agrees():
		log = "the log leads to something else"
	case g.log.whole:
		log = "the log does not lead to a group"
	}
	records := "the records of the group do not agree"
	switch s := &g.stored; {
	case g.sealed == nil:
		records = "the header is missing"
	case !s.readable:
		records = "the header is damaged"
	case s.lost:
		records = "a text is damaged"
	case s.head.State != record.Live:
		records = fmt.Sprintf("the header has the state %d", s.head.State)
	}
	return records + ", and " + log
}

// sameStanding compares two standings.
func sameStanding(a, b *record.Standing) bool {
	return bytes.Equal(a.Encode(), b.Encode()) && a.Role == b.Role
}
