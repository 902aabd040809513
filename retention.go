package groupkit

import (
	"bytes"
	"context"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// Retention is how much of the logs is kept. Sweep removes the oldest calls from a log,
// each as a whole, and writes a checkpoint: the state from which the rest of the log
// continues. A field that is 0 removes nothing.
type Retention struct {
	MaxAge    time.Duration // events older than this are removed
	MaxEvents int           // a call is removed when its group has this many later events
}

// callsPerStep is the number of calls that one transaction removes from a log.
const callsPerStep = 64

// truncateLogs applies the retention to every group, one after another.
func (e *Engine) truncateLogs(ctx context.Context) error {
	if e.opts.Retention == (Retention{}) {
		return nil
	}
	rng := store.Prefix(key.AllGroups())
	rng.Limit = 1
	for {
		var group string
		err := e.view(ctx, func(r store.Reader) error {
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

// truncateLog removes outdated calls from the log of a group, step by step.
func (e *Engine) truncateLog(ctx context.Context, group GroupID) error {
	for {
		var old []store.Pair
		err := e.view(ctx, func(r store.Reader) (err error) {
			old, _, err = e.expiredCalls(r, group)
			return err
		})
		if err != nil || len(old) == 0 {
			return err
		}
		if err := e.update(ctx, func(w store.Writer) error { return e.truncateStep(w, group) }); err != nil {
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
	if h, err = record.DecodeHeader(value); err != nil {
		return nil, h, err
	}
	rng := store.Prefix(key.Of(string(group), key.Events))
	rng.Limit = callsPerStep
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

func (e *Engine) isExpiredCall(h *record.Header, p store.Pair) (bool, error) {
	last, err := lastVersion(p.Key)
	if err != nil {
		return false, err
	}
	call, err := record.DecodeCall(p.Value)
	if err != nil {
		return false, err
	}
	keep := e.opts.Retention
	return keep.MaxAge > 0 && call.At < e.now()-keep.MaxAge.Milliseconds() ||
		keep.MaxEvents > 0 && h.Version >= last && h.Version-last >= uint64(keep.MaxEvents), nil
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
	var out []store.Pair
	for _, p := range old {
		if err := c.fold(w, p.Value); err != nil {
			return err
		}
		out = append(out, store.Pair{Key: p.Key})
	}
	h.First = c.state.head.Version + 1
	out = append(out, store.Pair{Key: key.Of(string(group), key.Header), Value: h.Encode()})
	if err := write(w, append(out, c.writes()...)); err != nil {
		return err
	}
	if h.State == record.Deleted && h.First > h.Version {
		return deleteCheckpoint(w, group) // no later event needs the checkpoint
	}
	return nil
}

func deleteCheckpoint(w store.Writer, group GroupID) error {
	return scanAll(w, store.Prefix(key.Of(string(group), key.Checkpoint)), func(page []store.Pair) error {
		for _, p := range page {
			if err := w.Delete(p.Key); err != nil {
				return storage(err)
			}
		}
		return nil
	})
}

// A checkpoint is the state of a group at an earlier version. It is stored as copies of
// the records of the group. A step loads and writes only the records that its calls
// change.
type checkpoint struct {
	prefix []byte
	state  *state
	files  map[string]bool // files that the calls add or delete
}

func loadCheckpoint(r store.Reader, group GroupID) (*checkpoint, error) {
	c := &checkpoint{prefix: key.Of(string(group), key.Checkpoint), state: newState(), files: make(map[string]bool)}
	for _, kind := range []byte{key.Header, key.Announcement, key.Custom} {
		value, ok, err := r.Get(c.key(kind, ""))
		if err != nil {
			return nil, storage(err)
		}
		if ok {
			if err := c.state.take(kind, nil, value); err != nil {
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
func (c *checkpoint) fold(r store.Reader, value []byte) error {
	call, err := record.DecodeCall(value)
	if err != nil {
		return err
	}
	for i := range call.Events {
		e := &call.Events[i]
		for _, user := range e.Users {
			if err := c.load(r, user); err != nil {
				return err
			}
		}
		if e.File != nil {
			c.files[e.File.ID] = true
		}
		c.state.apply(&call, e)
	}
	c.state.advance(&call)
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

// writes returns the records that the calls have changed.
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
		} else if !st.Empty() {
			outsider.Value = st.Encode()
		}
		out = append(out, member, outsider)
	}
	for id := range c.files {
		p := store.Pair{Key: c.key(key.Files, id)}
		if f := s.files[id]; f != nil {
			p.Value = f.Encode()
		}
		out = append(out, p)
	}
	return out
}
