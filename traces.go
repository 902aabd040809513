package groupkit

import (
	"bytes"
	"context"
	"iter"
	"maps"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// tracesPerStep is the number of records that one transaction of clearTraces reads.
const tracesPerStep = 256

// A traceWalk removes what the removed calls of a log leave behind: traces of users whom the
// group names no more and, of a deleted group, the checkpoint but for its header.
//
// The records of users in the checkpoint are the list of what is to be done. There is one for
// each user whom a removed call names; of a user who is nothing in the group it is empty. The
// record and the trace go in one transaction: so the walk can be interrupted, and goes on at the
// next Sweep. In a deleted group the record goes in any case. If the rest of the log names the
// user, the trace stays, and the record comes again when that call is removed.
type traceWalk struct {
	group GroupID
	step  int             // how many records a transaction reads
	head  record.Header   // as it was when names was read
	names map[string]bool // the users whom the log and, in a live group, the checkpoint name
	after []byte          // the last key read
}

// clearTraces removes the traces and the records that the log of a group needs no more.
func (e *Engine) clearTraces(ctx context.Context, group GroupID) error {
	start := &traceWalk{group: group, step: entries(e.sizes, tracesPerStep, 1, 2)}
	for more := true; more; {
		t := *start
		var due []store.Pair
		err := e.view(ctx, func(r store.Reader) (err error) {
			t = *start
			due, more, err = t.next(r)
			return err
		})
		if err != nil {
			return err
		}
		if start = &t; len(due) == 0 {
			continue
		}
		var stale bool
		err = e.step(ctx, func(w store.Writer) (err error) {
			stale, err = t.clear(w, due)
			return err
		})
		more = more && !stale
		if err != nil {
			return err
		}
	}
	return nil
}

// next returns the next records that can be due, and reads the names before the first.
func (t *traceWalk) next(r store.Reader) (due []store.Pair, more bool, err error) {
	h, err := headerOfGroup(r, t.group)
	if err != nil || h.State == record.Deleting || h.State == record.Loading || h.Rename != (record.Rename{}) {
		return nil, false, err
	}
	rng := store.Prefix(t.checkpoint(nil))
	if h.State == record.Live {
		rng = store.Prefix(t.checkpoint([]byte{key.Outsiders}))
	}
	rng.Limit = t.step
	if t.after != nil {
		rng.From = t.after
	}
	page, more, err := r.Scan(rng)
	if err != nil || len(page) == 0 {
		return nil, false, storage(err)
	}
	t.after = append(bytes.Clone(page[len(page)-1].Key), 0)
	for _, p := range page {
		if t.isDue(&h, p) {
			due = append(due, p)
		}
	}
	if len(due) > 0 && t.names == nil {
		t.head = h
		t.names, err = namesOfLog(r, t.group, h.State == record.Live)
	}
	return due, more, err
}

// checkpoint returns the key of a record of the checkpoint.
func (t *traceWalk) checkpoint(rest []byte) []byte {
	return append(key.Of(string(t.group), key.Checkpoint), rest...)
}

// isDue reports whether the record of the checkpoint can be removed: in a deleted group all but
// the header, in a live group the empty ones.
func (t *traceWalk) isDue(h *record.Header, p store.Pair) bool {
	rest := p.Key[len(t.checkpoint(nil)):]
	if h.State == record.Deleted {
		return !bytes.Equal(rest, []byte{key.Header})
	}
	return len(rest) > 1 && rest[0] == key.Outsiders && len(p.Value) == 0
}

// clear removes the records and the traces. It does nothing if the group has changed since the
// names were read: the names may be others. The next Sweep does it then.
func (t *traceWalk) clear(w store.Writer, due []store.Pair) (stale bool, err error) {
	h, err := headerOfGroup(w, t.group)
	if err != nil || h != t.head {
		return true, err
	}
	for _, p := range due {
		user := userOfRecord(p.Key[len(t.checkpoint(nil)):])
		if t.names[user] && h.State == record.Live {
			continue
		}
		out := []store.Pair{{Key: p.Key}}
		if user != "" && !t.names[user] {
			out = append(out, store.Pair{Key: key.UserGroupTrace(user, string(t.group))})
		}
		if err := write(w, out); err != nil {
			return false, err
		}
	}
	return false, nil
}

// userOfRecord returns the user of a record of a checkpoint; "" if it is not one of a user.
func userOfRecord(rest []byte) string {
	if len(rest) > 1 && (rest[0] == key.Members || rest[0] == key.Outsiders) {
		return string(rest[1:])
	}
	return ""
}

func headerOfGroup(r store.Reader, group GroupID) (h record.Header, err error) {
	value, ok, err := r.Get(key.Of(string(group), key.Header))
	if err != nil || !ok {
		return record.Header{State: record.Deleting}, storage(err)
	}
	return record.DecodeHeader(value)
}

// namesOfLog returns the users whom the calls of a log and, if wanted, its checkpoint name.
func namesOfLog(r store.Reader, group GroupID, withCheckpoint bool) (map[string]bool, error) {
	names := make(map[string]bool)
	err := scanAll(r, store.Prefix(key.Of(string(group), key.Events)), func(page []store.Pair) error {
		for _, p := range page {
			call, err := record.DecodeCall(p.Value)
			if err != nil {
				return err
			}
			maps.Insert(names, namesIn(&call))
		}
		return nil
	})
	if err != nil || !withCheckpoint {
		return names, err
	}
	s, err := loadState(r, key.Of(string(group), key.Checkpoint), renaming{})
	if err != nil {
		return nil, err
	}
	s.addNames(names)
	return names, nil
}

// namesIn returns the users whom a call names.
func namesIn(call *record.Call) iter.Seq2[string, bool] {
	names := make(map[string]bool)
	eachName(call, func(name *string) { names[*name] = true })
	delete(names, "")
	return maps.All(names)
}

// addNames adds the users whom the state names. An empty standing names nobody.
func (s *state) addNames(names map[string]bool) {
	names[s.head.Owner], names[s.announcement.By] = true, true
	for user, st := range s.standings {
		if !st.Empty() {
			names[user] = true
		}
		for _, kind := range marks {
			if m := *kind.field(st); m != nil {
				names[m.By] = true
			}
		}
	}
	for _, f := range s.files {
		names[f.Owner] = true
	}
}

// listTraces puts the traces that earlier versions left on the list of traceWalk: of users whom
// a cut log named before, and neither its calls nor its checkpoint name now. Traces that lead to
// deleted groups without a log go at once. It can be interrupted and called again.
func (e *Engine) listTraces(ctx context.Context) error {
	rng := store.Prefix(key.AllUsers())
	rng.Limit = entries(e.sizes, tracesPerStep, 4, 1)
	for more := true; more; {
		var page []store.Pair
		err := e.step(ctx, func(w store.Writer) (err error) {
			if page, more, err = w.Scan(rng); err != nil {
				return storage(err)
			}
			var out []store.Pair
			for _, p := range page {
				if out, err = listTrace(w, p.Key, out); err != nil {
					return err
				}
			}
			return write(w, out)
		})
		if err != nil {
			return err
		}
		if more = more && len(page) > 0; more {
			rng.From = append(bytes.Clone(page[len(page)-1].Key), 0)
		}
	}
	return nil
}

// listTrace appends what listTraces writes for one record of a user.
func listTrace(r store.Reader, k []byte, out []store.Pair) ([]store.Pair, error) {
	user, kind, group, err := key.CutUser(k)
	if err != nil || kind != key.UserTrace {
		return out, nil // Verify reports a key that cannot be read
	}
	h, err := headerOfGroup(r, GroupID(group))
	if err != nil || h.State == record.Deleting || h.State == record.Loading || h.First <= 1 {
		return out, err
	}
	if h.State == record.Deleted && h.First > h.Version {
		return append(out, store.Pair{Key: k}), nil
	}
	listed, err := isListed(r, group, string(user))
	if err != nil || listed {
		return out, err
	}
	return append(out, store.Pair{Key: listKeys(group, string(user))[1], Value: []byte{}}), nil
}

// isListed reports whether the checkpoint of a group has a record of the user.
func isListed(r store.Reader, group, user string) (bool, error) {
	values, err := store.GetMany(r, listKeys(group, user))
	return err == nil && (values[0] != nil || values[1] != nil), storage(err)
}

// listKeys returns the keys of a user in a checkpoint: as a member and as an outsider.
func listKeys(group, user string) [][]byte {
	k := key.Of(group, key.Checkpoint)
	return [][]byte{append(append(bytes.Clone(k), key.Members), user...), append(append(k, key.Outsiders), user...)}
}
