package groupkit

import (
	"bytes"
	"context"
	"time"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// Retention is how much of the logs is kept. Sweep removes the oldest calls from a log,
// each as a whole, and writes a checkpoint: the state from which the rest of the log
// continues. A field that is 0 removes nothing. The checkpoint of a deleted group names no
// user; see [Checkpoint]. With MaxAge, nothing remains of a deleted group but its ID, which is
// never used again.
type Retention struct {
	MaxAge    time.Duration // events older than this are removed
	MaxEvents int           // a call is removed when its group has this many later events
}

// callsPerStep is the number of calls that one transaction removes from a log.
const callsPerStep = 64

// truncateAll applies the retention to every group, one after another.
func (e *Engine) truncateAll(ctx context.Context) error {
	rng := store.Prefix(key.AllGroups())
	rng.Limit = 1
	for {
		var group string
		err := e.view(ctx, func(r store.Reader) error {
			group = ""
			page, _, err := r.Scan(rng)
			if err != nil || len(page) == 0 {
				return storage(err)
			}
			group, _, _, err = key.CutGroup(page[0].Key)
			return err
		})
		if err != nil || group == "" {
			return err
		}
		if err := e.truncateLog(ctx, GroupID(group)); err != nil {
			return err
		}
		rng.From = store.PrefixEnd(key.Group(group))
	}
}

// truncateLog removes outdated calls from the log of a group, step by step, and then what only
// they needed.
func (e *Engine) truncateLog(ctx context.Context, group GroupID) error {
	for cut := false; ; cut = true {
		var old []store.Pair
		var h record.Header
		err := e.view(ctx, func(r store.Reader) (err error) {
			old, h, err = e.expiredCalls(r, group)
			return err
		})
		if err != nil {
			return err
		}
		if h.Rename != (record.Rename{}) {
			if err := e.finishRenaming(ctx, group); err != nil {
				return err
			}
			continue
		}
		if len(old) == 0 {
			if h.State == record.Deleted || h.State == record.Live && cut {
				return e.clearTraces(ctx, group)
			}
			return nil
		}
		if err := e.step(ctx, func(w store.Writer) error { return e.truncateStep(w, group) }); err != nil {
			return err
		}
	}
}

// expiredCalls returns the calls at the beginning of the log that must be removed, at most
// callsPerStep of them, and the header of the group.
func (e *Engine) expiredCalls(r store.Reader, group GroupID) (old []store.Pair, h record.Header, err error) {
	value, ok, err := r.Get(key.Of(string(group), key.Header))
	if err != nil || !ok {
		return nil, h, storage(err)
	}
	if h, err = record.DecodeHeader(value); err != nil || h.Rename != (record.Rename{}) || h.State == record.Loading {
		return nil, h, err // the checkpoint is made of what is written already; see renaming
	}
	rng := store.Prefix(key.Of(string(group), key.Events))
	rng.Limit = e.callsPerStep()
	page, _, err := r.Scan(rng)
	if err != nil {
		return nil, h, storage(err)
	}
	for i, p := range page {
		gone, err := e.isExpiredCall(&h, p)
		if err != nil || !gone {
			return page[:i], h, err
		}
	}
	return page, h, nil
}

// callsPerStep is how many calls one step reads. What it reads besides depends on the users whom they name.
func (e *Engine) callsPerStep() int { return entries(e.sizes, callsPerStep, 3, 2) }

func (e *Engine) isExpiredCall(h *record.Header, p store.Pair) (bool, error) {
	last, err := lastVersion(p.Key)
	if err != nil {
		return false, err
	}
	call, err := record.DecodeCall(p.Value)
	if err != nil {
		return false, err
	}
	by, err := e.dueBy()
	keep := e.opts.Retention
	return keep.MaxAge > 0 && call.At < by-keep.MaxAge.Milliseconds() ||
		keep.MaxEvents > 0 && h.Version >= last && h.Version-last >= uint64(keep.MaxEvents), err
}

// truncateStep runs one step: it adds calls to the checkpoint and removes them from the log.
func (e *Engine) truncateStep(w store.Writer, group GroupID) error {
	old, h, err := e.expiredCalls(w, group)
	if err != nil || len(old) == 0 {
		return err
	}
	c, err := loadCheckpoint(w, group)
	if err != nil {
		return err
	}
	index, err := beginRemoval(w, e.shared)
	if err != nil {
		return err
	}
	var out []store.Pair
	numbered := false
	room := newRoom(e.sizes)
	room.reads += e.callsPerStep() // which expiredCalls has read
	for _, p := range old {
		call, err := record.DecodeCall(p.Value)
		if err != nil {
			return err
		}
		if !room.fitsCall(p, &call) {
			break
		}
		if err := c.fold(w, &call); err != nil {
			return err
		}
		out = append(append(out, store.Pair{Key: p.Key}), index.entry(&call)...)
		numbered = numbered || call.Commit > 0
	}
	if numbered && h.Loaded > 0 { // who has not read the entry of the load has missed these calls, too
		out = append(out, index.entry(&record.Call{Commit: h.Loaded})...)
		h.Loaded = 0
	}
	out = append(out, index.end()...)
	h.First = c.state.head.Version + 1
	out = append(out, store.Pair{Key: key.Of(string(group), key.Header), Value: h.Encode()})
	if h.State == record.Deleted {
		return write(w, append(out, c.remains(h.First > h.Version)...))
	}
	return write(w, append(out, c.writes()...))
}

// fitsCall is fits for a call that goes from the log into the checkpoint. It can change a few
// records for each user and each event.
func (r *room) fitsCall(p store.Pair, call *record.Call) bool {
	names := 0
	for range namesIn(call) {
		names++
	}
	pairs := make([]store.Pair, 2+2*names+len(call.Events))
	pairs[0] = p
	return r.fits(pairs, 2*names)
}

// A checkpoint is the state of a group at an earlier version. It is stored as copies of
// the records of the group. A step loads and writes only the records that its calls
// change.
type checkpoint struct {
	prefix []byte
	state  *state
	files  map[string]uint64 // files that the calls add or delete, with their versions
}

func loadCheckpoint(r store.Reader, group GroupID) (*checkpoint, error) {
	c := &checkpoint{prefix: key.Of(string(group), key.Checkpoint), state: newState(), files: make(map[string]uint64)}
	for _, kind := range []byte{key.Header, key.Announcement, key.Custom} {
		value, ok, err := r.Get(c.key(kind, ""))
		if err != nil {
			return nil, storage(err)
		}
		if ok {
			if err := c.state.take(renaming{}, kind, nil, value); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

func (c *checkpoint) key(kind byte, rest string) []byte {
	return append(append(bytes.Clone(c.prefix), kind), rest...)
}

// fold applies the changes of one call.
func (c *checkpoint) fold(r store.Reader, call *record.Call) error {
	for user := range namesIn(call) {
		if err := c.load(r, user); err != nil {
			return err
		}
	}
	for i := range call.Events {
		e := &call.Events[i]
		if e.File != nil {
			c.files[e.File.ID] = e.File.Version // of a file that was added, see below
		}
		c.state.apply(call, e)
	}
	c.state.advance(call)
	for id, f := range c.state.files {
		c.files[id] = f.Version
	}
	return nil
}

func (c *checkpoint) load(r store.Reader, user string) error {
	if c.state.standings[user] != nil {
		return nil
	}
	values, err := store.GetMany(r, [][]byte{c.key(key.Members, user), c.key(key.Outsiders, user)})
	if err != nil {
		return storage(err)
	}
	*c.state.standing(user), err = decodeStanding(values[0], values[1])
	return err
}

// writes returns the records that the calls have changed. A user whom a call names, and who has
// no standing any more, has an empty record until clearTraces removes it.
func (c *checkpoint) writes() []store.Pair {
	s := c.state
	out := []store.Pair{
		{Key: c.key(key.Header, ""), Value: s.head.Encode()},
		{Key: c.key(key.Announcement, ""), Value: s.announcement.Encode()},
		{Key: c.key(key.Custom, ""), Value: []byte(s.custom)},
	}
	for user, st := range s.standings {
		member, outsider := store.Pair{Key: c.key(key.Members, user)}, store.Pair{Key: c.key(key.Outsiders, user)}
		if st.Member() {
			member.Value = st.Encode()
		} else {
			outsider.Value = append([]byte{}, st.Encode()...)
		}
		out = append(out, member, outsider)
	}
	for id, version := range c.files {
		p := store.Pair{Key: append(bytes.Clone(c.prefix), key.FileRest(version, uuid.UUID([]byte(id)))...)}
		if f := s.files[id]; f != nil {
			p.Value = f.Encode()
		}
		out = append(out, p)
	}
	return out
}

// remains returns the records of the checkpoint of a deleted group: a header that names nobody,
// as long as the log has calls, and an empty record for each user whom the removed calls name.
// clearTraces removes the other records.
func (c *checkpoint) remains(logIsEmpty bool) []store.Pair {
	head := store.Pair{Key: c.key(key.Header, "")}
	if !logIsEmpty {
		bare := withoutUsers(&c.state.head)
		head.Value = bare.Encode()
	}
	out := []store.Pair{head}
	for user := range c.state.standings {
		out = append(out, store.Pair{Key: c.key(key.Members, user)}, store.Pair{Key: c.key(key.Outsiders, user), Value: []byte{}})
	}
	return out
}

// withoutUsers returns the header of the checkpoint of a deleted group. It names no user and
// counts nothing.
func withoutUsers(h *record.Header) record.Header {
	return record.Header{
		Name: h.Name, Description: h.Description, Avatar: h.Avatar,
		Public: h.Public, MembersOnly: h.MembersOnly, AllowInvites: h.AllowInvites, InviteNeedConfirm: h.InviteNeedConfirm,
		MaxUsers: h.MaxUsers, Muted: h.Muted, Created: h.Created, Modified: h.Modified, Version: h.Version,
		State: h.State, Rewritten: h.Rewritten, // Pseudonymized can follow the deletion
	}
}
