package groupkit

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// giveUp removes what a load that failed has stored. What fails is left to the background.
func (l *loading) giveUp(ctx context.Context) {
	l.eng.failed(TaskLoad, l.eng.observeTask(TaskLoad, func() error {
		if err := l.clear(ctx, false); !errors.Is(err, errLoadLost) {
			return wrap(OpLoad, l.group, err)
		}
		return nil
	}))
}

// dropLoad removes a load that was cut off, whoever began it.
func (e *Engine) dropLoad(ctx context.Context, group GroupID) error {
	l := newLoading(e, group, LoadOptions{})
	lease := record.Lease{}
	err := e.view(ctx, func(r store.Reader) (err error) {
		lease, err = loadLease(r, key.Load(string(group)))
		return err
	})
	if err != nil || lease.Holder == "" {
		return err
	}
	l.holder, l.moved = lease.Holder, lease.Count
	if err = l.clear(ctx, false); errors.Is(err, errLoadLost) { // it goes on, or another call has taken over
		return nil
	}
	return err
}

// clear removes everything that is stored, step by step. It keeps the header and the lease if the load
// goes on.
func (l *loading) clear(ctx context.Context, keep bool) error {
	for done := false; !done; {
		err := l.step(ctx, func(w store.Writer) (err error) {
			done, err = l.clearStep(w)
			return err
		})
		if err != nil {
			return err
		}
	}
	if keep {
		return nil
	}
	return l.eng.step(ctx, func(w store.Writer) error {
		group := string(l.group)
		lease, err := loadLease(w, key.Load(group))
		if err != nil || lease.Holder != l.holder {
			return err
		}
		h, err := headerOfGroup(w, l.group)
		if err != nil || h.State != record.Loading {
			return err
		}
		return write(w, []store.Pair{{Key: key.Load(group)}, {Key: key.Of(group, key.Header)}})
	})
}

// clearStep removes some records. First the records that lead elsewhere, as long as they are there.
func (l *loading) clearStep(w store.Writer) (done bool, err error) {
	h, err := headerOfGroup(w, l.group)
	if err != nil {
		return false, err
	}
	if h.State != record.Loading {
		return false, corrupt("group %q has the lease of a load, but is not being loaded", l.group)
	}
	group := string(l.group)
	header := key.Of(group, key.Header)
	for _, rng := range []store.Range{
		{From: key.Group(group), To: header}, {From: append(header, 0), To: store.PrefixEnd(key.Group(group))},
	} {
		rng.Limit = entries(l.eng.sizes, loadStep, 3, writesOfUser)
		page, _, err := w.Scan(rng)
		if err != nil {
			return false, storage(err)
		}
		room := newRoom(l.eng.sizes)
		for _, p := range page {
			pairs, reads, err := l.removal(w, p)
			if err != nil {
				return false, err
			}
			if !room.fits(pairs, reads) {
				return false, nil
			}
			if err := write(w, pairs); err != nil {
				return false, err
			}
		}
		if len(page) > 0 {
			return false, nil
		}
	}
	return true, nil
}

// removal returns the writes that remove a record, and what leads to it.
func (l *loading) removal(r store.Reader, p store.Pair) (pairs []store.Pair, reads int, err error) {
	group := string(l.group)
	_, kind, rest, err := key.CutGroup(p.Key)
	if err != nil {
		return nil, 0, err
	}
	pairs = []store.Pair{{Key: p.Key}}
	switch kind {
	case key.Events:
		call, err := record.DecodeCall(p.Value)
		if err != nil {
			return nil, 0, err
		}
		for user := range namesIn(&call) {
			pairs = append(pairs, store.Pair{Key: key.UserGroupTrace(user, group)})
		}
	case key.Checkpoint:
		if user := userOfRecord(rest); user != "" {
			pairs = append(pairs, store.Pair{Key: key.UserGroupTrace(user, group)})
		}
	case key.Files:
		_, id, err := key.CutFile(rest)
		if err != nil {
			return nil, 0, err
		}
		return append(pairs, store.Pair{Key: key.FileIndex(uuid.UUID(id))}), 0, nil
	case key.Members, key.Outsiders:
		return l.standingRemoval(r, string(rest), p.Value, kind == key.Members)
	}
	return pairs, 0, nil
}

// standingRemoval returns the writes that remove a standing. The user counts the membership only if
// the entry in the user's list of groups is there.
func (l *loading) standingRemoval(r store.Reader, user string, value []byte, member bool) ([]store.Pair, int, error) {
	st, err := record.DecodeStanding(value, member)
	if err != nil {
		return nil, 0, err
	}
	pairs := difference(standingPairs(string(l.group), user, &st), nil)
	if !member {
		return pairs, 0, nil
	}
	values, err := store.GetMany(r, [][]byte{key.UserGroup(user, string(l.group), true), key.User(user, key.UserHeader)})
	if err != nil || values[0] == nil {
		return pairs, 2, storage(err)
	}
	n, err := decodeCount(values[1])
	if err != nil {
		return nil, 0, err
	}
	return append(pairs, countPair(user, n-1)), 2, nil
}
