package groupkit

import (
	"context"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// deletionStep is the number of users, or of other records, that one step of a deletion
// removes. It limits how long other writers wait for a step.
const deletionStep = 64

// finishDeletion removes the data of a deleted group step by step. Only the tombstone and
// the log remain. It can be interrupted and called again.
func (e *Engine) finishDeletion(ctx context.Context, group GroupID) error {
	for done := false; !done; {
		var contents []string
		err := e.update(ctx, func(w store.Writer) (err error) {
			contents, done, err = deleteStep(w, group)
			return err
		})
		if err != nil {
			return err
		}
		for _, content := range contents {
			if err := e.blobs.Delete(ctx, content); err != nil {
				return storage(err)
			}
		}
	}
	return nil
}

// deleteStep does one step. It returns the contents of the files that it removed.
func deleteStep(w store.Writer, group GroupID) (contents []string, done bool, err error) {
	_, pending, err := w.Get(key.Deletion(string(group)))
	if err != nil || !pending {
		return nil, true, storage(err)
	}
	if err := requireDeleting(w, group); err != nil {
		return nil, false, err
	}
	for _, area := range []byte{key.Members, key.Outsiders} {
		removed, err := deleteStandings(w, group, area)
		if err != nil || removed {
			return nil, false, err
		}
	}
	contents, removed, err := deleteRecords(w, group)
	if err != nil || removed {
		return contents, false, err
	}
	return nil, true, writeTombstone(w, group)
}

// requireDeleting returns an error if the group is not marked as deleted: a damaged store must not
// make the engine remove the data of a live group.
func requireDeleting(r store.Reader, group GroupID) error {
	value, ok, err := r.Get(key.Of(string(group), key.Header))
	if err != nil {
		return storage(err)
	}
	h, err := record.DecodeHeader(value)
	if err == nil && (!ok || h.State != record.Deleting) {
		err = corrupt("group %q has a pending deletion, but is not marked as deleted", group)
	}
	return err
}

// deleteStandings removes the standings of some users of the group, with the entries of the
// group in the users' own lists.
func deleteStandings(w store.Writer, group GroupID, area byte) (removed bool, err error) {
	prefix := key.Of(string(group), area)
	rng := store.Prefix(prefix)
	rng.Limit = deletionStep
	page, _, err := w.Scan(rng)
	if err != nil {
		return false, storage(err)
	}
	for _, p := range page {
		user := string(p.Key[len(prefix):])
		st, err := record.DecodeStanding(p.Value, area == key.Members)
		if err != nil {
			return false, err
		}
		if err := write(w, removal(string(group), user, &st)); err != nil {
			return false, err
		}
		if st.Member() {
			if err := leaveCount(w, user); err != nil {
				return false, err
			}
		}
	}
	return len(page) > 0, nil
}

// leaveCount subtracts one from the number of the user's groups.
func leaveCount(w store.Writer, user string) error {
	n, err := readCount(w, key.User(user, key.UserHeader))
	if err != nil {
		return storage(err)
	}
	return write(w, []store.Pair{countPair(user, n-1)})
}

// deleteRecords removes some of the other records, except the header, the log and its
// checkpoint.
func deleteRecords(w store.Writer, group GroupID) (contents []string, removed bool, err error) {
	for _, rng := range []store.Range{
		{From: key.Group(string(group)), To: key.Of(string(group), key.Checkpoint)},
		{From: key.Of(string(group), key.Checkpoint+1), To: key.Of(string(group), key.Events)},
		{From: key.Of(string(group), key.Events+1), To: key.Of(string(group), key.Header)},
		{From: key.Of(string(group), key.Header+1), To: store.PrefixEnd(key.Group(string(group)))},
	} {
		rng.Limit = deletionStep
		page, _, err := w.Scan(rng)
		if err != nil {
			return nil, false, storage(err)
		}
		for _, p := range page {
			if _, kind, rest, err := key.CutGroup(p.Key); err == nil && kind == key.Files && len(rest) == 16 {
				contents = append(contents, key.Content(string(group), [16]byte(rest)))
			}
			if err := w.Delete(p.Key); err != nil {
				return nil, false, storage(err)
			}
		}
		if len(page) > 0 {
			return contents, true, nil
		}
	}
	return nil, false, nil
}

// writeTombstone replaces the header by a tombstone. The tombstone keeps the ID from being used again
// and the log readable.
func writeTombstone(w store.Writer, group GroupID) error {
	k := key.Of(string(group), key.Header)
	value, ok, err := w.Get(k)
	if err != nil || !ok {
		return storage(err)
	}
	h, err := record.DecodeHeader(value)
	if err != nil {
		return err
	}
	stone := tombstone(&h)
	return write(w, []store.Pair{{Key: k, Value: stone.Encode()}, {Key: key.Deletion(string(group))}})
}

// dropDeleted finds the memberships of a user in groups that are being deleted. For each it
// returns the pairs that remove it.
func dropDeleted(r store.Reader, user UserID) (dropped [][]store.Pair, err error) {
	err = scanAll(r, store.Prefix(key.Deletions()), func(page []store.Pair) error {
		for _, p := range page {
			group, _, err := key.CutGroupID(p.Key[1:])
			if err != nil {
				return err
			}
			st, err := loadStanding(r, GroupID(group), user)
			if err != nil {
				return err
			}
			if st.Member() {
				dropped = append(dropped, removal(group, string(user), &st))
			}
		}
		return nil
	})
	return dropped, err
}
