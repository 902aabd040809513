package groupkit

import (
	"context"

	"github.com/google/uuid"

	"groupkit/internal/ahead"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// deletionStep is the number of users, or of other records, that one step of a deletion
// removes. It limits how long other writers wait for a step. On a shared store nobody waits but
// for the users of the step, and each step costs some round trips.
const (
	deletionStep       = 64
	sharedDeletionStep = 128
)

// finishDeletion removes the data of a deleted group step by step. Only the tombstone and
// the log remain. It can be interrupted and called again.
func (e *Engine) finishDeletion(ctx context.Context, group GroupID) error {
	defer running(&e.meters.deletions)()
	var removed []string
	for done := false; !done; {
		var contents []string
		err := e.step(ctx, func(w store.Writer) (err error) {
			d := deletion{r: e.foreseeing(w), w: w, group: group, room: newRoom(e.sizes), most: deletionStep, shared: e.shared}
			if e.shared {
				d.most = sharedDeletionStep
			}
			d.room.take(gone(removed))
			if contents, done, err = d.step(); err != nil {
				return err
			}
			return write(w, append(toGo(contents), gone(removed)...))
		})
		if err != nil {
			return err
		}
		if removed, err = e.removeCommitted(ctx, contents); err != nil {
			return err
		}
	}
	return nil
}

// A deletion is one step of the deletion of a group. It reads through r and writes to w.
type deletion struct {
	r      store.Reader
	w      store.Writer
	group  GroupID
	room   *room
	most   int  // how many entries it removes
	shared bool // other engines see that the deletion goes on; see care
}

// step does one step. It returns the contents of the files that it removed.
func (d *deletion) step() (contents []string, done bool, err error) {
	pending, header := key.Deletion(string(d.group)), key.Of(string(d.group), key.Header)
	users, records := d.ranges()
	if err := ahead.Foresee(d.r, [][]byte{pending, header}, users[0]); err != nil {
		return nil, false, storage(err)
	}
	count, ok, err := d.r.Get(pending)
	if err != nil || !ok {
		return nil, true, storage(err)
	}
	if err := requireDeleting(d.r, d.group); err != nil {
		return nil, false, err
	}
	if d.shared {
		n, _ := record.DecodeCount(count) // whatever it is, it changes
		if err := write(d.w, []store.Pair{{Key: pending, Value: record.EncodeCount(n + 1)}}); err != nil {
			return nil, false, err
		}
	}
	for i, area := range []byte{key.Members, key.Outsiders} {
		removed, err := d.removeStandings(users[i], area)
		if err != nil || removed {
			return nil, false, err
		}
	}
	for _, rng := range records {
		contents, removed, err := d.removeRecords(rng)
		if err != nil || removed {
			return contents, false, err
		}
	}
	return nil, true, writeTombstone(d.r, d.w, d.group)
}

// ranges returns the ranges of the standings of the group, and those of its other records, except
// the header, the log and its checkpoint.
func (d *deletion) ranges() (users, records []store.Range) {
	group := string(d.group)
	users = []store.Range{store.Prefix(key.Of(group, key.Members)), store.Prefix(key.Of(group, key.Outsiders))}
	for i := range users {
		users[i].Limit = entries(d.room.sizes, d.most, 2, 3)
	}
	records = []store.Range{
		{From: key.Group(group), To: key.Of(group, key.Checkpoint)},
		{From: key.Of(group, key.Checkpoint+1), To: key.Of(group, key.Events)},
		{From: key.Of(group, key.Events+1), To: key.Of(group, key.Header)},
		{From: key.Of(group, key.Header+1), To: store.PrefixEnd(key.Group(group))},
	}
	for i := range records {
		records[i].Limit = entries(d.room.sizes, d.most, 1, 1)
	}
	return users, records
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

// removeStandings removes the standings of some users of the group, with the entries of the
// group in the users' own lists.
func (d *deletion) removeStandings(rng store.Range, area byte) (removed bool, err error) {
	page, _, err := d.r.Scan(rng)
	if err != nil {
		return false, storage(err)
	}
	counts := make([][]byte, len(page))
	for i, p := range page {
		counts[i] = key.User(string(p.Key[len(rng.From):]), key.UserHeader)
	}
	if err := ahead.Foresee(d.r, counts); err != nil {
		return false, storage(err)
	}
	for i, p := range page {
		user := string(p.Key[len(rng.From):])
		st, err := record.DecodeStanding(p.Value, area == key.Members)
		if err != nil {
			return false, err
		}
		pairs := removal(string(d.group), user, &st)
		if st.Member() {
			n, err := readCount(d.r, counts[i])
			if err != nil {
				return false, storage(err)
			}
			pairs = append(pairs, countPair(user, n-1))
		}
		if !d.room.fits(pairs, 2) {
			break
		}
		if err := write(d.w, pairs); err != nil {
			return false, err
		}
	}
	return len(page) > 0, nil
}

// removeRecords removes some of the other records. It returns the contents of the files among
// them.
func (d *deletion) removeRecords(rng store.Range) (contents []string, removed bool, err error) {
	page, _, err := d.r.Scan(rng)
	if err != nil {
		return nil, false, storage(err)
	}
	for _, p := range page {
		pairs := []store.Pair{{Key: p.Key}}
		var file []string
		if _, kind, rest, err := key.CutGroup(p.Key); err == nil && kind == key.Files {
			f, err := decodeFile(rest, p.Value)
			if err != nil {
				return nil, false, err
			}
			file = []string{contentOf(&f)}
			pairs = append(pairs, store.Pair{Key: key.FileIndex(uuid.UUID([]byte(f.ID)))})
		}
		if !d.room.fits(append(toGo(file), pairs...), 1) {
			break
		}
		if err := write(d.w, pairs); err != nil {
			return nil, false, err
		}
		contents = append(contents, file...)
	}
	return contents, len(page) > 0, nil
}

// writeTombstone replaces the header by a tombstone. The tombstone keeps the ID from being used again
// and the log readable.
func writeTombstone(r store.Reader, w store.Writer, group GroupID) error {
	k := key.Of(string(group), key.Header)
	value, ok, err := r.Get(k)
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
