package groupkit

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// finishRenaming writes the pseudonym of a pending renaming into the records of the group, step by
// step. It can be interrupted and called again, also by another engine; see renaming. In the end it
// removes the trace that leads from the user to the group.
func (e *Engine) finishRenaming(ctx context.Context, group GroupID) error {
	for done := false; !done; {
		err := e.step(ctx, func(w store.Writer) (err error) {
			done, err = e.renamingStep(w, string(group))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// renamingStep does one step. The record of the renaming says where the step begins: it is the last key that
// was read, so each step moves it.
//
// The step reads the header by its key, and the record of a deletion: whoever changes a record of
// the group writes one of them.
func (e *Engine) renamingStep(w store.Writer, group string) (done bool, err error) {
	pending, header := key.Rename(group), key.Of(group, key.Header)
	store.Claim(w, header)
	values, err := store.GetMany(w, [][]byte{pending, header, key.Deletion(group)})
	if err != nil || values[0] == nil {
		return true, storage(err)
	}
	h, err := record.DecodeHeader(values[1])
	if err != nil {
		return false, err
	}
	n := renamingOf(&h)
	if n == (renaming{}) {
		return false, corrupt("group %q has a pending pseudonym, but its header has none", group)
	}
	rng := renamedRange(group)
	rng.Limit = entries(store.Sizes{Reads: e.sizes.Reads}, renamingStep, 1, 1)
	if len(values[0]) > 0 {
		rng.From = append(values[0], 0)
	}
	page, _, err := w.Scan(rng)
	if err != nil {
		return false, storage(err)
	}
	if len(page) == 0 {
		h.Rename = record.Rename{}
		return true, write(w, []store.Pair{
			{Key: header, Value: h.Encode()}, {Key: pending}, {Key: key.UserGroupTrace(n.From, group)},
		})
	}
	room, last := newRoom(e.sizes), page[0].Key
	for _, p := range page {
		out, err := n.rewritten(group, p)
		if err != nil {
			return false, err
		}
		if len(out) > 0 && !room.fits(out, 0) {
			break
		}
		if last = p.Key; len(out) == 0 {
			continue
		}
		if err := write(w, out); err != nil {
			return false, err
		}
	}
	return false, write(w, []store.Pair{{Key: pending, Value: slices.Clone(last)}})
}

// renamingStep is the number of records that one step of a renaming reads. It limits how long other
// writers wait for a step.
const renamingStep = store.MaxPage

// renamedRange returns the range of the records of a group that can contain a user ID besides
// that of their key: from the checkpoint to the outsiders. It contains others, too.
func renamedRange(group string) store.Range {
	return store.Range{From: key.Of(group, key.Checkpoint), To: store.PrefixEnd(key.Of(group, key.Outsiders))}
}

// rewritten returns the writes that replace the user ID in one record; none if the record does not contain
// it.
func (n renaming) rewritten(group string, p store.Pair) ([]store.Pair, error) {
	_, kind, rest, err := key.CutGroup(p.Key)
	if err != nil || kind == key.Header {
		return nil, err
	}
	if kind == key.Checkpoint && len(rest) > 0 {
		kind, rest = rest[0], rest[1:]
	}
	value, err := n.rewrite(kind, p.Value)
	if err != nil {
		return nil, err
	}
	if (kind == key.Members || kind == key.Outsiders) && string(rest) == n.From {
		// Only a checkpoint can still contain a record of the user.
		moved := append(slices.Clone(p.Key[:len(p.Key)-len(rest)]), n.To...)
		return []store.Pair{{Key: p.Key}, {Key: moved, Value: value}}, nil
	}
	if bytes.Equal(value, p.Value) {
		return nil, nil
	}
	return []store.Pair{{Key: p.Key, Value: value}}, nil
}

// A renamingError says that a renaming has to be finished before a call can change the group. It never leaves the
// engine.
type renamingError struct{ group GroupID }

func (e *renamingError) Error() string {
	return "a pseudonym is being written into group " + quote(string(e.group))
}

// Unwrap returns ErrStorage: the transaction has to run again.
func (e *renamingError) Unwrap() error { return ErrStorage }

// awaitsRenaming returns a renamingError if the call would add an event that names the user of a pending
// renaming, or begin another renaming; see renaming.
func (c *change) awaitsRenaming() error {
	pending := c.loaded.head.Rename
	if pending.From == "" || len(c.call.Events) == 0 {
		return nil
	}
	if from := UserID(pending.From); c.user == from || slices.Contains(c.cmd.Users, from) || c.head.Rename != pending {
		return &renamingError{c.id}
	}
	return nil
}

// afterRenaming is Engine.afterRenaming, but for a call of Atomic: Atomic does it.
func (a Actor) afterRenaming(ctx context.Context, call func() error) error {
	if a.tx != nil {
		return call()
	}
	return a.eng.afterRenaming(ctx, call)
}

// afterRenaming makes a call. If a renaming has to be finished before, it does that and makes the call again.
func (e *Engine) afterRenaming(ctx context.Context, call func() error) error {
	for {
		err := call()
		awaited, ok := errors.AsType[*renamingError](err)
		if !ok {
			return err
		}
		if err := e.finishRenaming(ctx, awaited.group); err != nil {
			return err
		}
	}
}

// forgetReplies removes the replies recorded for the idempotency keys of the user. In the
// replies recorded for other users it replaces the user ID by a pseudonym.
func (e *Engine) forgetReplies(ctx context.Context, user UserID) error {
	rng := store.Prefix(key.Outcomes())
	rng.Limit = forgetStep
	for more := true; more; {
		var page []store.Pair
		err := e.view(ctx, func(r store.Reader) (err error) {
			page, more, err = r.Scan(rng)
			return storage(err)
		})
		if err != nil || len(page) == 0 {
			return err
		}
		naming, err := repliesNaming(page, string(user))
		if err != nil {
			return err
		}
		for part := range slices.Chunk(naming, entries(e.sizes, forgetStep, 1, 2)) {
			if err := e.forgetRepliesAt(ctx, part, string(user)); err != nil {
				return err
			}
		}
		rng.From = append(page[len(page)-1].Key, 0)
	}
	return nil
}

// forgetStep is the number of replies that are read, and changed, in one transaction.
const forgetStep = 256

// repliesNaming returns the keys of the replies that are recorded for the user or contain the
// user ID.
func repliesNaming(page []store.Pair, user string) (keys [][]byte, err error) {
	for _, p := range page {
		kept, err := record.DecodeOnce(p.Value)
		if err != nil {
			return nil, err
		}
		n := renaming{From: user, To: user + "'"}
		if err := n.reply(&kept); err != nil {
			return nil, err
		}
		if bytes.HasPrefix(p.Key, key.OnceOf(user)) || !bytes.Equal(kept.Encode(), p.Value) {
			keys = append(keys, p.Key)
		}
	}
	return keys, nil
}

// forgetRepliesAt does in one transaction what forgetReplies does, for the given keys.
func (e *Engine) forgetRepliesAt(ctx context.Context, keys [][]byte, user string) error {
	return e.step(ctx, func(w store.Writer) error {
		for _, k := range keys {
			var err error
			if bytes.HasPrefix(k, key.OnceOf(user)) {
				err = removeReply(w, k)
			} else {
				err = pseudonymizeReply(w, k, user)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// removeReply removes one recorded reply.
func removeReply(w store.Writer, k []byte) error {
	pairs, err := replyRemoval(w, k)
	if err != nil {
		return err
	}
	return write(w, pairs)
}

// pseudonymizeReply replaces the user ID by a new pseudonym in one recorded reply.
func pseudonymizeReply(w store.Writer, k []byte, user string) error {
	value, ok, err := w.Get(k)
	if err != nil || !ok {
		return storage(err)
	}
	kept, err := record.DecodeOnce(value)
	if err != nil {
		return err
	}
	n := renaming{From: user, To: newPseudonym()}
	if err := n.reply(&kept); err != nil {
		return err
	}
	return write(w, []store.Pair{{Key: k, Value: kept.Encode()}})
}

func (n renaming) reply(kept *record.Once) error {
	for i := range kept.Results {
		n.swap(&kept.Results[i].User)
		n.swap(&kept.Results[i].About)
	}
	if kept.File != nil {
		n.swap(&kept.File.Owner)
	}
	if kept.Group == "" {
		return nil
	}
	h, err := record.DecodeHeader(kept.Header)
	n.swap(&h.Owner)
	kept.Header = h.Encode()
	return err
}
