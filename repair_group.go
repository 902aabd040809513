package groupkit

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/seal"
	"groupkit/store"
)

// A groupRepair is a look at one group that is damaged: what is stored, what it should be, and what has to be written.
//
// A group is stored twice. The log leads to a state; the header, the standings of users, the files and the texts are that
// state. decide takes one of them as the truth:
//
//   - the log, if it is whole: it has no gap, leads to the version of the header at least, and what it leads to is a
//     group by the rules;
//   - else the records, if they are whole: every one can be read, they are as many as the header counts, and they are a
//     group by the rules. Then the log begins anew with a checkpoint;
//   - else none: the group is beyond repair.
//
// Everything else (entries that lead to records, counts) follows from the truth; see wanted.
type groupRepair struct {
	id     GroupID
	shared bool
	step   RepairStep
	sealed []byte // the header as it is stored, with its seal; nil: there is none

	stored  storedGroup
	log     storedLog
	checker *groupWalk

	truth   *state // what the group is
	cut     bool   // the log begins anew
	gone    bool   // only a tombstone and the log are to remain
	deletes bool   // the deletion goes on
	none    bool   // it is no group: there is no header

	head   record.Header // of the group after the repair, but for the event
	reason string        // of the event; "": none
	users  map[string]bool

	indexed            []store.Pair // the entries of the index of commits that lead to the log
	numbers            []store.Pair // those that are missing
	before, end, after []store.Pair // what to write; end: in one transaction, with the header
}

// A storedGroup is the present state of a group, as far as it can be read.
type storedGroup struct {
	*state
	readable bool              // the header
	values   map[string][]byte // the records that can be read, but for the log and its checkpoint
	unsealed [][]byte          // the keys of the others
	lost     bool              // the announcement or the custom text cannot be read
	damaged  map[string]bool   // the users whose records cannot be read
	badFiles int               // records of files that cannot be read
	twice    bool              // a user has two records
	leftover int               // records besides the header, the log and its checkpoint
}

// A storedLog is the log of a group, as far as it can be read.
type storedLog struct {
	state   *state // to which it leads
	begins  bool   // it begins with version 1, or with a checkpoint
	whole   bool   // nothing is missing up to its end
	calls   int
	first   uint64 // the first and the last version that can be read
	last    uint64
	cut     uint64       // the version of its checkpoint; 0: it begins with version 1
	commits []store.Pair // the entries of the index of commits that lead to it
	refuse  [][]byte     // keys of records that are no part of it
	damaged int          // records that cannot be read
	keys    [][]byte     // the keys of its calls, of those that cannot be read too
	listed  [][]byte     // the keys of the records of its checkpoint
	header  bool         // the checkpoint has a header
}

// lookAtGroup looks at a group. It returns nil if nothing is wrong with it. It lists all violations: of a list that is cut,
// two looks at the same data could find different parts, and Repair would pass the step over.
func (x *repairer) lookAtGroup(ctx context.Context, group GroupID) (g *groupRepair, err error) {
	err = x.view(ctx, func(raw store.Reader) error {
		g = nil
		v := newVerifier(x.eng)
		v.whole = true
		r := &seal.Reader{Store: raw, Broken: v.seal}
		checker := newGroupWalk(r, group, &v.findings, func(uuid.UUID) {})
		if err := checker.check(); err != nil || len(v.report.Violations) == 0 {
			return err
		}
		g = &groupRepair{id: group, shared: x.eng.shared, checker: checker, users: make(map[string]bool)}
		g.step = RepairStep{Group: group, Violations: v.report.Violations}
		g.step.sort()
		if err := g.read(raw, r); err != nil {
			return err
		}
		if g.unreadable() {
			named, err := x.isNamed(raw, group)
			g.forgo(named)
			return err
		}
		if g.step.Beyond, err = g.decide(r); err != nil || g.step.Beyond != "" {
			return err
		}
		return g.compare(r)
	})
	return g, err
}

// unreadable reports whether nothing at all can be read. Verify does not take that for a group.
func (g *groupRepair) unreadable() bool {
	return len(g.stored.values) == 0 && g.log.calls == 0 && g.log.damaged+len(g.stored.unsealed) > 0 && len(g.log.listed)+len(g.log.keys) == len(g.log.refuse)
}

// forgo gives records up of which nothing can be read, unless they can have been a group: one that something else names, or
// whose header is there.
func (g *groupRepair) forgo(named bool) {
	g.step.Violations = slices.DeleteFunc(g.step.Violations, func(v Violation) bool { return v.Invariant == OneOwner })
	if named || g.sealed != nil {
		g.step.Beyond = "nothing of the group can be read"
		return
	}
	for _, k := range slices.Concat(g.stored.unsealed, g.log.refuse) {
		g.before = append(g.before, store.Pair{Key: k})
	}
	g.none = true
	g.step.Change = fmt.Sprintf("records that cannot be read are removed: %d; nothing else names the group", len(g.before))
}

// isNamed reports whether a group is in the list of groups, or a user's list has it.
func (x *repairer) isNamed(raw store.Reader, group GroupID) (bool, error) {
	if x.named == nil {
		named := make(map[GroupID]bool)
		for _, family := range [][]byte{key.AllUsers(), {key.FamilyCreation}} {
			err := scanAll(raw, store.Prefix(family), func(page []store.Pair) error {
				for _, p := range page {
					if _, err := seal.Open(p.Key, p.Value); err == nil {
						named[GroupID(groupIn(p.Key))] = true
					}
				}
				return nil
			})
			if err != nil {
				return false, err
			}
		}
		x.named = named
	}
	return x.named[group], nil
}

// groupIn returns the group in a key of a user, or of the list of groups; "" if there is none.
func groupIn(k []byte) (group string) {
	if k[0] == key.FamilyUsers {
		_, _, group, _ = key.CutUser(k)
	} else if len(k) > 2 {
		_, group, _ = key.CutPosition(k[2:])
	}
	return group
}

// read reads what is stored.
func (g *groupRepair) read(raw, r store.Reader) (err error) {
	header := key.Of(string(g.id), key.Header)
	if g.sealed, _, err = raw.Get(header); err != nil {
		return storage(err)
	}
	value, _, err := r.Get(header)
	if err != nil {
		return storage(err)
	}
	s := &g.stored
	s.state, s.values, s.damaged = newState(), make(map[string][]byte), make(map[string]bool)
	if h, err := record.DecodeHeader(value); value != nil && err == nil {
		s.head, s.readable = h, true
	}
	err = scanAll(raw, store.Prefix(key.Group(string(g.id))), func(page []store.Pair) error {
		for _, p := range page {
			if _, kind, _, err := key.CutGroup(p.Key); err == nil && (kind == key.Events || kind == key.Checkpoint) {
				continue
			}
			g.take(p)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return g.readLog(raw)
}

// take takes one record of the present state.
func (g *groupRepair) take(p store.Pair) {
	s := &g.stored
	_, kind, rest, bad := key.CutGroup(p.Key)
	value, err := seal.Open(p.Key, p.Value)
	if namesNobody(kind, rest) {
		bad = key.ErrForm
	}
	if kind != key.Header {
		s.leftover++
	}
	if bad == nil && err == nil {
		switch kind {
		case key.Members, key.Outsiders:
			s.twice = s.twice || s.standings[string(rest)] != nil
			err = s.state.take(g.names(), kind, rest, value)
		case key.Files, key.Announcement, key.Custom:
			err = s.state.take(g.names(), kind, rest, value)
		}
	}
	if bad != nil || err != nil {
		s.unsealed = append(s.unsealed, p.Key)
		switch kind {
		case key.Announcement, key.Custom:
			s.lost = s.lost || len(rest) == 0
		case key.Members, key.Outsiders:
			s.damaged[string(rest)] = true
			delete(s.standings, string(rest))
		case key.Files:
			s.badFiles++
		}
		return
	}
	s.values[string(p.Key)] = value
}
