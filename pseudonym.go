package groupkit

import (
	"bytes"
	"context"
	"slices"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// pseudonymize replaces a user ID by a new pseudonym in all records of a group, and removes
// the trace that leads from the user to the group. The user must not have a standing in the
// group any more, except in the checkpoint.
func pseudonymize(w store.Writer, group GroupID, user string) error {
	to, err := newPseudonym()
	if err != nil {
		return err
	}
	n := pseudonymizer{w: w, group: string(group), from: user, to: to}
	own, cut := key.Group(n.group), key.Of(n.group, key.Checkpoint)
	for _, area := range []struct {
		prefix []byte
		kinds  []byte
	}{
		{own, []byte{key.Members, key.Outsiders, key.Files, key.Announcement, key.Events}},
		{cut, []byte{key.Header, key.Members, key.Outsiders, key.Files, key.Announcement}},
	} {
		for _, kind := range area.kinds {
			if err := n.walk(append(slices.Clone(area.prefix), kind), kind); err != nil {
				return err
			}
		}
	}
	return write(w, []store.Pair{{Key: key.UserGroupTrace(user, n.group)}})
}

// pseudonym is the prefix of all pseudonyms.
const pseudonym = "forgotten-"

// newPseudonym returns a random pseudonym.
func newPseudonym() (string, error) {
	id, err := uuid.NewRandom()
	return pseudonym + id.String(), storage(err)
}

// A pseudonymizer replaces one user ID by a pseudonym in records. pseudonymize uses one for the
// records of a group, and ForgetUser one for each recorded reply. Every field of a record that
// can contain a user ID must be replaced here; a field that is left out keeps the ID.
type pseudonymizer struct {
	w               store.Writer
	group, from, to string
}

// walk rewrites the records with the prefix that contain the user ID.
func (n *pseudonymizer) walk(prefix []byte, kind byte) error {
	return scanAll(n.w, store.Prefix(prefix), func(page []store.Pair) error {
		for _, p := range page {
			value, err := n.rewrite(kind, p.Value)
			if err != nil {
				return err
			}
			rest := string(p.Key[len(prefix):])
			out := store.Pair{Key: p.Key, Value: value}
			if (kind == key.Members || kind == key.Outsiders) && rest == n.from {
				// Only a checkpoint can still contain a record of the user.
				out.Key = append(slices.Clone(prefix), n.to...)
				if err := write(n.w, []store.Pair{{Key: p.Key}}); err != nil {
					return err
				}
			} else if string(value) == string(p.Value) {
				continue
			}
			if err := write(n.w, []store.Pair{out}); err != nil {
				return err
			}
		}
		return nil
	})
}

// swap replaces the name if it is the user ID.
func (n *pseudonymizer) swap(name *string) {
	if *name == n.from {
		*name = n.to
	}
}

// rewrite returns the new value of a record of the given kind.
func (n *pseudonymizer) rewrite(kind byte, value []byte) ([]byte, error) {
	switch kind {
	case key.Header:
		h, err := record.DecodeHeader(value)
		n.swap(&h.Owner)
		return h.Encode(), err
	case key.Members, key.Outsiders:
		st, err := record.DecodeStanding(value, kind == key.Members)
		n.marks(&st)
		return st.Encode(), err
	case key.Files:
		f, err := record.DecodeFile(value)
		n.swap(&f.Owner)
		return f.Encode(), err
	case key.Announcement:
		a, err := record.DecodeAnnouncement(value)
		n.swap(&a.By)
		return a.Encode(), err
	default:
		call, err := record.DecodeCall(value)
		n.call(&call)
		return call.Encode(), err
	}
}

func (n *pseudonymizer) marks(st *record.Standing) {
	for _, kind := range marks {
		if slot := kind.field(st); *slot != nil {
			mark := **slot
			n.swap(&mark.By)
			*slot = &mark
		}
	}
}

func (n *pseudonymizer) call(call *record.Call) {
	n.swap(&call.Actor)
	for i := range call.Events {
		e := &call.Events[i]
		for j := range e.Users {
			n.swap(&e.Users[j])
		}
		if e.File != nil {
			n.swap(&e.File.Owner)
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
		if err := e.forgetRepliesAt(ctx, naming, string(user)); err != nil {
			return err
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
		n := pseudonymizer{from: user, to: user + "'"}
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
	if len(keys) == 0 {
		return nil
	}
	return e.update(ctx, func(w store.Writer) error {
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
	to, err := newPseudonym()
	if err != nil {
		return err
	}
	n := pseudonymizer{from: user, to: to}
	if err := n.reply(&kept); err != nil {
		return err
	}
	return write(w, []store.Pair{{Key: k, Value: kept.Encode()}})
}

func (n *pseudonymizer) reply(kept *record.Once) error {
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
