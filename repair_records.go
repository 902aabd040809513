package groupkit

import (
	"bytes"
	"maps"
	"slices"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// compare compares what is stored with what should be, and says what has to be written.
func (g *groupRepair) compare(r store.Reader) error {
	if err := g.compareNumbers(r); err != nil {
		return err
	}
	g.setHeader()
	d := &repairDiff{g: g, r: r, want: make(map[string][]byte)}
	d.wanted()
	if err := d.stored(); err != nil {
		return err
	}
	switch {
	case g.cut:
		g.cutLog()
	default:
		d.cleanLog()
	}
	if g.step.Change = d.words(); g.step.Change == "" {
		g.step.Beyond = "two calls have the same number in the index of commits"
		if len(g.numbers) > 0 {
			g.step.Beyond = "" // that is another step
		}
	}
	if g.cut || d.primary && !g.gone || g.changesHeader() && g.log.calls > 0 {
		g.reason = d.reason()
	}
	return nil
}

// setHeader makes the header of the group after the repair.
func (g *groupRepair) setHeader() {
	h := g.truth.head
	h.Rename = g.stored.head.Rename
	if !g.cut { // else the entry of the load goes, as with retention
		h.Loaded = g.stored.head.Loaded
	} else {
		h.Loaded = 0
	}
	switch {
	case g.cut:
		h.First = h.Version + 1
	case g.log.calls == 0 && g.gone:
		h.First = h.Version + 1
	case g.log.cut > 0:
		h.First = g.log.cut + 1
	case g.stored.head.First == 1:
		h.First = 1 // which is the same as 0
	default:
		h.First = 0
	}
	if g.gone {
		h = tombstone(&h)
	} else if !g.deletes {
		g.truth.count(&h)
	}
	g.head = h
}

// A repairDiff compares what is stored of a group with what should be.
type repairDiff struct {
	g       *groupRepair
	r       store.Reader
	want    map[string][]byte // what should be, but for the header, the log and its checkpoint
	primary bool              // a record changes from which others follow
	written map[string]int    // what is written, by its name
	removed map[string]int
}

// wanted computes all records that should be.
func (d *repairDiff) wanted() {
	g, group := d.g, string(d.g.id)
	switch {
	case g.gone:
	case g.deletes:
		maps.Copy(d.want, g.stored.values) // the deletion removes them
		d.put(store.Pair{Key: key.Deletion(group), Value: []byte{}})
	default:
		d.present()
	}
	if g.head.Rename != (record.Rename{}) {
		d.put(store.Pair{Key: key.Rename(group), Value: []byte{}})
	}
	if !g.cut {
		for user := range g.log.state.standings {
			if st := g.truth.standings[user]; (g.gone || st == nil || st.Empty()) && !isPseudonym(user) && !g.deletes {
				d.put(tracePair(group, user))
			}
		}
	}
	delete(d.want, string(key.Of(group, key.Header)))
}

func (d *repairDiff) put(p store.Pair) { d.want[string(p.Key)] = p.Value }

// present adds the records of a group that lives. A record that says the same in other bytes stays.
func (d *repairDiff) present() {
	g, s, group := d.g, d.g.truth, string(d.g.id)
	keep := func(k []byte) {
		if value, ok := g.stored.values[string(k)]; ok {
			d.want[string(k)] = value
		}
	}
	for user, st := range s.standings {
		for _, p := range standingPairs(group, user, st) {
			d.put(p)
		}
		if was := g.stored.standings[user]; was != nil && !st.Empty() && sameStanding(was, st) && !g.stored.twice {
			keep(key.OfUser(group, areaOf(st), user))
		}
	}
	for id, f := range s.files {
		file, was := *f, g.stored.files[id]
		if was != nil {
			file.Absent = was.Absent
		}
		for _, p := range filePairs(group, &file) {
			d.put(p)
		}
		if was != nil && *was == file {
			keep(filePairs(group, &file)[0].Key)
		}
	}
	announcement := key.Of(group, key.Announcement)
	if s.announcement != (record.Announcement{}) {
		d.put(store.Pair{Key: announcement, Value: s.announcement.Encode()})
	}
	if s.announcement == g.stored.announcement {
		keep(announcement)
	}
	custom := key.Of(group, key.Custom)
	if s.custom != "" {
		d.put(store.Pair{Key: custom, Value: []byte(s.custom)})
	}
	if s.custom == g.stored.custom {
		keep(custom)
	}
	d.put(store.Pair{Key: key.Created(g.head.Public, g.head.Created, group), Value: []byte{}})
}

// stored compares the records with those that should be.
func (d *repairDiff) stored() error {
	g := d.g
	d.written, d.removed = make(map[string]int), make(map[string]int)
	for _, k := range slices.Sorted(maps.Keys(d.want)) {
		value, there := g.stored.values[k], false
		if value != nil {
			there = true
		} else if k[0] != key.FamilyGroups {
			var err error
			if value, there, err = d.r.Get([]byte(k)); err != nil {
				return storage(err)
			}
		}
		if !there || !d.says(k, value) {
			d.write(store.Pair{Key: []byte(k), Value: d.want[k]})
		}
	}
	header := string(key.Of(string(g.id), key.Header))
	for _, k := range slices.Sorted(maps.Keys(g.stored.values)) {
		if _, ok := d.want[k]; !ok && k != header {
			d.write(store.Pair{Key: []byte(k)})
		}
	}
	for _, k := range g.stored.unsealed {
		if _, ok := d.want[string(k)]; !ok && string(k) != header {
			d.write(store.Pair{Key: k})
		}
	}
	return nil
}

// says reports whether a stored value says what it should. Records of what goes on say how far it is. Entries of users' lists
// did not always have the role.
func (d *repairDiff) says(k string, value []byte) bool {
	switch k[0] {
	case key.FamilyDeletions, key.FamilyRenames:
		return true
	case key.FamilyUsers:
		if user, kind, _, err := key.CutUser([]byte(k)); err == nil && kind != key.UserTrace {
			st := d.g.truth.standings[user]
			return bytes.Equal(value, d.want[k]) || st != nil && bytes.Equal(value, record.EncodeCount(standingFlags(st)))
		}
	}
	return bytes.Equal(value, d.want[k])
}

// write adds a write before the end.
func (d *repairDiff) write(p store.Pair) {
	g := d.g
	g.before = append(g.before, p)
	name := nameOf(p.Key)
	if p.Value == nil {
		d.removed[name]++
	} else {
		d.written[name]++
	}
	_, kind, rest, err := key.CutGroup(p.Key)
	if err != nil {
		return
	}
	switch kind {
	case key.Members, key.Outsiders:
		g.users[string(rest)] = true
		d.primary = d.primary || !g.emptyRecord(p)
	case key.Files, key.Announcement, key.Custom:
		d.primary = true
	}
}

// emptyRecord reports whether a record that is removed has said nothing.
func (g *groupRepair) emptyRecord(p store.Pair) bool {
	value, ok := g.stored.values[string(p.Key)]
	return p.Value == nil && ok && len(value) == 0 && p.Key[len(key.Group(string(g.id)))] == key.Outsiders
}

// cleanLog removes what is no part of the log.
func (d *repairDiff) cleanLog() {
	g := d.g
	for _, k := range g.log.refuse {
		d.write(store.Pair{Key: k})
	}
	if header := checkpointKey(g.id, key.Header, ""); g.gone && g.log.calls == 0 && g.log.header {
		d.write(store.Pair{Key: header})
	}
}

// ending returns what is written last, if there is no event.
func (g *groupRepair) ending() []store.Pair {
	if g.none {
		return nil
	}
	return append(slices.Clip(g.end), store.Pair{Key: key.Of(string(g.id), key.Header), Value: g.head.Encode()})
}

// planned returns what a plan has to keep of the end: with an event that has no number.
func (g *groupRepair) planned() []store.Pair {
	h := g.head
	if g.reason == "" {
		return g.ending()
	}
	h.Version++
	h.Rewritten = h.Version
	call := record.Call{At: h.Modified, Reason: g.reason, Events: []record.Event{{Kind: uint8(Repaired)}}}
	return append(slices.Clip(g.end), store.Pair{Key: key.Of(string(g.id), key.Header), Value: h.Encode()},
		store.Pair{Key: key.Event(string(g.id), h.Version), Value: call.Encode()})
}
