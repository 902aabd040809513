package groupkit

import (
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/seal"
	"groupkit/store"
)

// readLog reads the checkpoint and the calls.
func (g *groupRepair) readLog(raw store.Reader) error {
	l := &g.log
	l.state = newState()
	announced := false
	prefix := key.Of(string(g.id), key.Checkpoint)
	err := scanAll(raw, store.Prefix(prefix), func(page []store.Pair) error {
		for _, p := range page {
			l.listed = append(l.listed, p.Key)
			rest := p.Key[len(prefix):]
			value, err := seal.Open(p.Key, p.Value)
			if err == nil && (len(rest) == 0 || namesNobody(rest[0], rest[1:])) {
				err = key.ErrForm
			}
			if err == nil {
				err = l.state.take(g.names(), rest[0], rest[1:], value)
			}
			if err != nil {
				l.damaged++
				l.refuse = append(l.refuse, p.Key)
				continue
			}
			l.header = l.header || rest[0] == key.Header
			announced = announced || rest[0] == key.Announcement
		}
		return nil
	})
	if err != nil {
		return err
	}
	if l.header && !announced { // every checkpoint of retention has one; those of loads need none
		l.damaged++
	}
	begun, whole := false, true
	err = scanAll(raw, store.Prefix(key.Of(string(g.id), key.Events)), func(page []store.Pair) error {
		for _, p := range page {
			l.keys = append(l.keys, p.Key)
			last, err := lastVersion(p.Key)
			value, broken := seal.Open(p.Key, p.Value)
			var call record.Call
			if err == nil && broken == nil {
				call, err = record.DecodeCall(value)
			}
			if err != nil || broken != nil {
				l.damaged++
				l.refuse = append(l.refuse, p.Key)
				continue
			}
			if g.names().call(&call); !begun {
				begun = true
				g.begin(last + 1 - uint64(len(call.Events)))
			}
			if last <= l.cut {
				l.refuse = append(l.refuse, p.Key)
				continue
			}
			whole = g.replay(last, &call) && whole
		}
		return nil
	})
	if !begun {
		g.begin(0)
	}
	l.whole = whole && l.begins && l.last > 0 && (!g.stored.readable || l.last >= g.stored.head.Version)
	return err
}

// begin finds out where the log begins: with its checkpoint, or with version 1. first is the version of the first event
// that can be read; 0 if there is none.
func (g *groupRepair) begin(first uint64) {
	l := &g.log
	version := l.state.head.Version
	says := g.stored.readable && g.stored.head.First == version+1
	if l.header && (says || first == version+1 || first == 0) {
		l.cut, l.last, l.begins = version, version, g.stored.head.State == record.Deleted || l.state.counted()
		return
	}
	if l.begins = first == 1; l.begins { // a checkpoint of such a log is none
		l.state, l.header = newState(), false
		l.refuse = append(l.refuse, l.listed...)
	}
}

// counted reports whether there are as many records as the header counts, and the custom text that it announces.
func (s *state) counted() bool {
	rules := stateRules{head: s.head}
	for user, st := range s.standings {
		rules.check(user, st, new(record.Standing))
	}
	now, h := rules.now, s.head
	same := h.Members == now.Members && h.Admins == now.Admins && h.Files == len(s.files) && h.HasCustom == (s.custom != "")
	for _, kind := range marks {
		same = same && *kind.count(&h) == *kind.count(&now)
	}
	return same
}

// replay applies a call. It reports whether the call can be the next one.
func (g *groupRepair) replay(last uint64, call *record.Call) bool {
	l := &g.log
	first := last + 1 - uint64(len(call.Events))
	next := first == l.last+1 && call.At >= l.state.head.Modified
	if l.calls++; l.calls == 1 {
		l.first = first
	}
	l.last = last
	l.commits = append(l.commits, commitPairs(string(g.id), last, call)...)
	for i := range call.Events {
		l.state.apply(call, &call.Events[i])
	}
	l.state.advance(call)
	return next
}

func (g *groupRepair) names() renaming { return renamingOf(&g.stored.head) }

// count sets the counts of a header.
func (s *state) count(h *record.Header) {
	rules := stateRules{head: *h}
	for user, st := range s.standings {
		rules.check(user, st, new(record.Standing))
	}
	h.Members, h.Admins, h.Files = rules.now.Members, rules.now.Admins, len(s.files)
	for _, kind := range marks {
		*kind.count(h) = *kind.count(&rules.now)
	}
}

// namesNobody reports whether the key of a record of a user has no user.
func namesNobody(kind byte, rest []byte) bool {
	return (kind == key.Members || kind == key.Outsiders) && len(rest) == 0
}
