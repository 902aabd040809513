package groupkit

import (
	"bytes"
	"fmt"
	"slices"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// A userWalk reads what one group contains about a user, part by part. It reads the same records
// that a renaming rewrites: what a pseudonym replaces is what UserData gives.
type userWalk struct {
	user  UserID
	group GroupID
	after []byte // the last key read
	more  bool   // more records follow

	parts int      // how many were given
	part  UserData // what was read last
	named bool     // the part says something about the user
}

// recordsPerPart is the number of records from which a part is made.
const recordsPerPart = 256

// keys returns the keys that every part reads: of the header, of the header of the checkpoint, and of
// the standing of the user.
func (w *userWalk) keys() [][]byte {
	keys := key.Access(string(w.group), w.user)
	return append(keys, append(key.Of(string(w.group), key.Checkpoint), key.Header))
}

// rest returns the range of the records that the walk has not read.
func (w *userWalk) rest() store.Range {
	rng := renamedRange(string(w.group))
	rng.Limit = recordsPerPart
	if w.after != nil {
		rng.From = append(bytes.Clone(w.after), 0)
	}
	return rng
}

// read makes a part of the values of keys and of a page of the rest.
func (w *userWalk) read(values [][]byte, page store.Page, now int64) error {
	first := w.after == nil
	w.part, w.named, w.more = UserData{Group: w.group}, false, false
	if values[0] == nil {
		return nil // nothing is left, or the load of the group was cut off
	}
	h, err := record.DecodeHeader(values[0])
	if err != nil || h.State == record.Loading || h.Rename.From == string(w.user) {
		return err // for everybody the group names the pseudonym already
	}
	p := userPart{userWalk: w, head: &h, now: now}
	if w.part.Deleted = isGone(&h); !w.part.Deleted {
		w.part.Name = h.Name
		if err := p.readStates(values[1:], first); err != nil {
			return err
		}
	}
	for _, pair := range page.Pairs {
		if err := p.add(pair); err != nil {
			return err
		}
	}
	if w.more = page.More && len(page.Pairs) > 0; w.more {
		w.after = bytes.Clone(page.Pairs[len(page.Pairs)-1].Key)
	}
	p.finish()
	return nil
}

// take returns the part that was read last; false if it contains nothing.
func (w *userWalk) take() (part UserData, ok bool) {
	if !w.named {
		return part, false
	}
	part = w.part
	part.Part = w.parts
	w.parts++
	return part, true
}

// A userPart is a part that is being made.
type userPart struct {
	*userWalk
	head  *record.Header
	now   int64
	cut   record.Header // of the checkpoint
	given Snapshot      // the marks of other users that the user made
	then  *Snapshot     // what the checkpoint says about the user; nil if nothing
}

// readStates reads the standing of the user and the header of the checkpoint.
func (p *userPart) readStates(values [][]byte, first bool) (err error) {
	if values[2] != nil {
		if p.cut, err = record.DecodeHeader(values[2]); err != nil {
			return err
		}
	}
	st, err := decodeStanding(values[0], values[1])
	if err != nil || !first {
		return err
	}
	renamingOf(p.head).standing(&st)
	out := publicStanding(&entry{group: p.group, user: p.user, standing: st, now: p.now})
	if out != (Standing{User: p.user}) {
		p.part.Standing, p.named = &out, true
	}
	return nil
}

// add adds what one record says about the user.
func (p *userPart) add(pair store.Pair) error {
	_, kind, rest, err := key.CutGroup(pair.Key)
	if err != nil {
		return err
	}
	if kind == key.Events {
		return p.addCall(pair)
	}
	if p.part.Deleted {
		return nil
	}
	if kind != key.Checkpoint {
		return p.addRecord(kind, rest, pair.Value, false)
	}
	if len(rest) == 0 {
		return key.ErrForm
	}
	return p.addRecord(rest[0], rest[1:], pair.Value, true)
}

// addCall adds the events of a call that name the user.
func (p *userPart) addCall(pair store.Pair) error {
	call, err := decodeDeliveries(p.group, renamingOf(p.head), pair)
	for i := range call {
		if e := &call[i].Event; concerns(e, p.user) {
			p.part.Events, p.named = append(p.part.Events, *e), true
		}
	}
	return err
}

// concerns reports whether an event names the user.
func concerns(e *Event, user UserID) bool {
	return e.Actor == user || slices.Contains(e.Users, user) || e.File != nil && e.File.Owner == user
}

// addRecord adds a record of the present state, or of the checkpoint.
func (p *userPart) addRecord(kind byte, rest, value []byte, cut bool) error {
	if isSingle(kind) && len(rest) > 0 {
		return key.ErrForm
	}
	switch kind {
	case key.Members, key.Outsiders:
		return p.addStanding(kind, string(rest), value, cut)
	case key.Announcement:
		a, err := record.DecodeAnnouncement(value)
		if err == nil && a.By == string(p.user) {
			p.addAnnouncement(Announcement{Text: a.Text, By: p.user, At: instant(a.At)}, cut)
		}
		return err
	case key.Files:
		f, err := decodeFile(rest, value)
		if err == nil && f.Owner == string(p.user) {
			p.addFile(publicFile(&f), cut)
		}
		return err
	}
	return nil // indexes, and what names nobody
}

func (p *userPart) addAnnouncement(a Announcement, cut bool) {
	if cut {
		p.checkpoint().Announcement = a
		return
	}
	p.part.Announcement, p.named = &a, true
}

func (p *userPart) addFile(f File, cut bool) {
	if cut {
		p.checkpoint().Files = append(p.checkpoint().Files, f)
		return
	}
	p.part.Files, p.named = append(p.part.Files, f), true
}

// addStanding adds the standing of the user as it was at the checkpoint, or the marks that another user
// has from the user.
func (p *userPart) addStanding(kind byte, user string, value []byte, cut bool) error {
	st, err := record.DecodeStanding(value, kind == key.Members)
	if err != nil {
		return fmt.Errorf("record of user %q in group %q: %w", user, p.group, err)
	}
	n := renamingOf(p.head)
	n.swap(&user)
	n.standing(&st)
	e := &entry{group: p.group, user: UserID(user), standing: st, now: p.now}
	if e.user == p.user {
		if cut && !st.Empty() {
			p.checkpoint().add(e)
		}
		return nil // the present one is read by its key
	}
	for _, kind := range marks {
		if m := *kind.field(&st); m != nil && m.By == string(p.user) && (cut || m.Holds(p.now)) {
			p.addMark(kind, e, m, cut)
		}
	}
	return nil
}

func (p *userPart) addMark(kind *markKind, e *entry, m *record.Mark, cut bool) {
	if cut {
		kind.show(p.checkpoint(), e, m)
		return
	}
	p.named = true
	kind.show(&p.given, e, m)
}

// checkpoint returns what the checkpoint says about the user, to add to it.
func (p *userPart) checkpoint() *Snapshot {
	if p.then == nil {
		p.then, p.named = &Snapshot{Group: Group{ID: p.group, Version: p.cut.Version}}, true
	}
	return p.then
}

// finish completes the part with what was collected.
func (p *userPart) finish() {
	out, given := &p.part, &p.given
	out.Mutes, out.Blocks, out.AllowList, out.Invitations = given.Mutes, given.Blacklist, given.AllowList, given.Invitations
	out.Checkpoint = p.then
}
