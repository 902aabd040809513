package groupkit

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"groupkit/internal/key"
	"groupkit/internal/record"
)

// words says what would be changed.
func (d *repairDiff) words() string {
	g := d.g
	var out []string
	switch {
	case g.cut:
		lost := "nothing of the old log can be read"
		if g.log.calls > 0 {
			lost = fmt.Sprintf("what can still be read of the old log is removed: versions %d to %d, calls: %d", g.log.first, g.log.last, g.log.calls)
		}
		out = append(out, fmt.Sprintf("the log begins anew, with a checkpoint at version %d; %s", g.truth.head.Version, lost))
	case g.deletes:
		out = append(out, "the deletion of the group goes on")
	}
	switch {
	case g.cut:
	case g.changesHeader() && g.log.calls == 0:
		out = append(out, "the header becomes a tombstone")
	case g.changesHeader():
		out = append(out, "the header is restored from the log")
	case d.primary && !g.gone && !g.deletes:
		out = append(out, "records are restored from the log")
	case g.stored.head != g.head:
		out = append(out, "the counts in the header, and where it says that the log begins, are computed")
	}
	out = append(out, counted("written", d.written)...)
	out = append(out, counted("removed", d.removed)...)
	return strings.Join(out, "; ")
}

func counted(done string, counts map[string]int) (out []string) {
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		out = append(out, fmt.Sprintf("%s: %s (%d)", done, name, counts[name]))
	}
	return out
}

// reason returns the reason of the event. It names no user.
func (d *repairDiff) reason() string {
	if d.g.cut {
		return fmt.Sprintf("repaired: the log was damaged, and begins anew after version %d", d.g.truth.head.Version)
	}
	counts := make(map[string]int)
	for _, all := range []map[string]int{d.written, d.removed} {
		for _, kind := range []byte{key.Members, key.Outsiders, key.Files, key.Announcement, key.Custom} {
			if n := all[recordPlurals[kind]]; n > 0 {
				counts[recordPlurals[kind]] += n
			}
		}
	}
	if d.g.changesHeader() {
		counts[recordPlurals[key.Header]] = 1
	}
	return strings.Join(counted("repaired: restored from the log", counts), "; ")
}

// nameOf names the record with the key, in the plural.
func nameOf(k []byte) string {
	if _, kind, _, err := key.CutGroup(k); err == nil {
		if mark := listedMark(kind); mark != nil || kind == key.Admins {
			return "entries of lists"
		}
		if name, ok := recordPlurals[kind]; ok {
			return name
		}
		return "records of an unknown kind"
	}
	if name, ok := familyPlurals[k[0]]; ok {
		return name
	}
	return "keys of an unknown form"
}

var recordPlurals = map[byte]string{
	key.Header: "headers", key.Members: "member records", key.Outsiders: "outsider records", key.Inviters: "entries of inviters",
	key.Expiring: "expiry entries", key.Files: "file records", key.Events: "calls of the log", key.Checkpoint: "records of the checkpoint",
	key.Announcement: "announcements", key.Custom: "custom texts",
}

var familyPlurals = map[byte]string{
	key.FamilyUsers: "entries of users", key.FamilyExpiries: "expiry entries", key.FamilyCreation: "entries in the list of groups",
	key.FamilyCommits: "entries in the index of commits", key.FamilyFiles: "entries in the index of files",
	key.FamilyDeletions: "pending deletions", key.FamilyRenames: "pending pseudonyms",
}

// changesHeader reports whether more of the header changes than counts, and where the log begins.
func (g *groupRepair) changesHeader() bool {
	if !g.stored.readable {
		return true
	}
	was, is := g.stored.head, g.head
	for _, h := range []*record.Header{&was, &is} {
		h.First, h.Loaded, h.Members, h.Admins, h.Files = 0, 0, 0, 0, 0
		for _, kind := range marks {
			*kind.count(h) = 0
		}
	}
	return was != is
}
