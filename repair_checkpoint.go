package groupkit

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// compareNumbers finds the entries of the index of commits that are missing. One that leads to another call stays.
func (g *groupRepair) compareNumbers(r store.Reader) error {
	commits := g.log.commits
	if loaded := g.stored.head.Loaded; loaded > 0 {
		commits = append(slices.Clip(commits), store.Pair{Key: key.Commit(loaded), Value: key.Point(string(g.id), 0)})
	}
	for _, p := range commits {
		value, there, err := r.Get(p.Key)
		if err != nil {
			return storage(err)
		}
		if bytes.Equal(value, p.Value) {
			g.indexed = append(g.indexed, p)
			continue
		}
		if group, version, err := key.CutPoint(value); there && err == nil {
			number, _ := key.CutCommit(p.Key) // no error: commitPairs made it
			value, _, err := r.Get(key.Event(group, version))
			if err != nil {
				return storage(err)
			}
			if call, err := record.DecodeCall(value); err == nil && call.Commit == number {
				continue
			}
		}
		g.numbers = append(g.numbers, p)
	}
	return nil
}

// numberStep returns the step that writes the missing entries of the index of commits; nil if there are none.
func (g *groupRepair) numberStep() *RepairStep {
	if len(g.numbers) == 0 {
		return nil
	}
	s := &RepairStep{Group: g.id, Key: key.Commits(), Change: fmt.Sprintf("written: entries in the index of commits (%d)", len(g.numbers))}
	for _, v := range g.step.Violations {
		if strings.Contains(v.Problem, noCommit) {
			s.Violations = append(s.Violations, v)
		}
	}
	s.sort()
	return s
}

// cutLog makes the log begin anew, with a checkpoint of the truth. A checkpoint without its header is none: so the old one
// ends with the first write, and the new one begins with the end.
func (g *groupRepair) cutLog() {
	s := g.truth
	h := s.head
	h.First, h.Loaded, h.Rename = 0, 0, record.Rename{}
	if g.gone {
		h = withoutUsers(&h)
		h.State = record.Deleting
	} else {
		s.count(&h)
	}
	header := checkpointKey(g.id, key.Header, "")
	g.before = append([]store.Pair{{Key: header}}, g.before...)
	want := make(map[string][]byte)
	if !g.gone {
		want[string(checkpointKey(g.id, key.Announcement, ""))] = s.announcement.Encode()
		want[string(checkpointKey(g.id, key.Custom, ""))] = []byte(s.custom)
		for user, st := range s.standings {
			if !st.Empty() {
				want[string(checkpointKey(g.id, areaOf(st), user))] = st.Encode()
			}
		}
		for _, f := range s.files {
			file := *f
			file.Absent = false // which the log does not say
			rest := key.FileRest(f.Version, uuid.UUID([]byte(f.ID)))
			want[string(checkpointKey(g.id, rest[0], string(rest[1:])))] = file.Encode()
		}
	}
	for _, k := range g.log.listed {
		if _, ok := want[string(k)]; !ok && !bytes.Equal(k, header) {
			g.before = append(g.before, store.Pair{Key: k})
		}
	}
	for _, k := range slices.Sorted(maps.Keys(want)) {
		g.before = append(g.before, store.Pair{Key: []byte(k), Value: append([]byte{}, want[k]...)})
	}
	g.end = append(g.end, store.Pair{Key: header, Value: h.Encode()})
	for _, k := range g.log.keys {
		if version, err := lastVersion(k); err == nil && version <= h.Version {
			g.after = append(g.after, store.Pair{Key: k})
		} else { // a call that comes later can have the key
			g.before = append(g.before, store.Pair{Key: k})
		}
	}
	for _, p := range g.indexed {
		g.after = append(g.after, store.Pair{Key: p.Key})
	}
}

// checkpointKey returns the key of a record of a checkpoint.
func checkpointKey(group GroupID, kind byte, rest string) []byte {
	return append(append(key.Of(string(group), key.Checkpoint), kind), rest...)
}
