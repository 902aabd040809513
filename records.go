package groupkit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

func loadStanding(r store.Reader, group GroupID, user UserID) (record.Standing, error) {
	values, err := store.GetMany(r, key.Access(string(group), user)[1:])
	if err != nil {
		return record.Standing{}, storage(err)
	}
	return decodeStanding(values[0], values[1])
}

// decodeStanding decodes the standing of a user. The user has it either as a member or as
// an outsider. A value is nil if its key does not exist.
func decodeStanding(member, outsider []byte) (record.Standing, error) {
	switch {
	case member != nil:
		return record.DecodeStanding(member, true)
	case outsider != nil:
		return record.DecodeStanding(outsider, false)
	}
	return record.Standing{}, nil
}

func loadCustom(r store.Reader, group GroupID, h *record.Header) (string, error) {
	if !h.HasCustom {
		return "", nil
	}
	value, ok, err := r.Get(key.Of(string(group), key.Custom))
	if err == nil && !ok {
		return "", noCustom(group)
	}
	return string(value), storage(err)
}

func noCustom(group GroupID) error { return corrupt("the custom text of group %q is missing", group) }

func loadAnnouncement(r store.Reader, group GroupID, h *record.Header) (record.Announcement, error) {
	value, ok, err := r.Get(key.Of(string(group), key.Announcement))
	if err != nil || !ok {
		return record.Announcement{}, storage(err)
	}
	a, err := record.DecodeAnnouncement(value)
	renamingOf(h).swap(&a.By)
	return a, err
}

func lastVersion(k []byte) (uint64, error) {
	_, kind, rest, err := key.CutGroup(k)
	if err != nil || kind != key.Events || len(rest) != 8 {
		return 0, key.ErrForm
	}
	return binary.BigEndian.Uint64(rest), nil
}

func readCount(r store.Reader, k []byte) (int, error) {
	value, ok, err := r.Get(k)
	if err != nil || !ok {
		return 0, err
	}
	return record.DecodeCount(value)
}

// isLive reports whether the group exists and is not being deleted.
func isLive(r store.Reader, group GroupID) (bool, error) {
	value, ok, err := r.Get(key.Of(string(group), key.Header))
	if err != nil || !ok {
		return false, storage(err)
	}
	h, err := record.DecodeHeader(value)
	return h.State == record.Live, err
}

// isGone reports whether the group is deleted or being deleted.
func isGone(h *record.Header) bool { return h.State == record.Deleting || h.State == record.Deleted }

// pendingIn returns the groups whose deletions, or renamings, were interrupted or are in progress.
func pendingIn(r store.Reader, prefix []byte) (groups []GroupID, err error) {
	err = scanAll(r, store.Prefix(prefix), func(page []store.Pair) error {
		for _, p := range page {
			group, _, err := key.CutGroupID(p.Key[1:])
			if err != nil {
				return err
			}
			groups = append(groups, GroupID(group))
		}
		return nil
	})
	return groups, err
}

// tombstone returns the header that remains of a deleted group.
func tombstone(h *record.Header) record.Header {
	return record.Header{State: record.Deleted, Version: h.Version, Created: h.Created, Modified: h.Modified, First: h.First, Rewritten: h.Rewritten, Rename: h.Rename, Loaded: h.Loaded}
}

// An entry is a user on a list, with the user's standing in the group.
type entry struct {
	group    GroupID
	user     UserID
	standing record.Standing
	now      int64
	texts    record.Texts
}

// decode sets e to the user and the decoded standing.
func (e *entry) decode(user, standing []byte, member bool) (err error) {
	e.user = UserID(e.texts.Of(user))
	if err = e.standing.Decode(standing, member); err != nil {
		return fmt.Errorf("record of user %q in group %q: %w", string(e.user), e.group, err)
	}
	return nil
}

// allEntries reads a whole list within one transaction.
func allEntries(r store.Reader, group GroupID, list byte, fn func(*entry)) error {
	rng := store.Prefix(key.Of(string(group), list))
	for more := true; more; {
		var err error
		more, err = scanEntries(r, group, list, &rng, func(e *entry) bool { fn(e); return true })
		if err != nil {
			return err
		}
	}
	return nil
}

// scanEntries calls fn for the entries of a list that are in the range, until fn returns false. It
// advances the range past the last entry given to fn, and reports whether more follow. It reuses one
// entry: fn must not keep it, and must not read from r.
func scanEntries(r store.Reader, group GroupID, list byte, rng *store.Range, fn func(*entry) bool) (more bool, err error) {
	prefix := len(key.Of(string(group), list))
	if list != key.Members && list != key.Outsiders {
		return scanIndex(r, group, list, prefix, rng, fn)
	}
	e := entry{group: group}
	var last []byte
	var bad error
	more, err = store.Visit(r, *rng, func(k, value []byte) bool {
		last = append(last[:0], k...)
		if bad = e.decode(k[prefix:], value, list == key.Members); bad != nil {
			return false
		}
		return fn(&e)
	})
	if bad != nil {
		return false, bad
	}
	if err == nil && last != nil {
		rng.From = append(last, 0)
	}
	return more, storage(err)
}

// scanIndex is scanEntries for an index. The entries of an index say where the standings
// are.
func scanIndex(r store.Reader, group GroupID, list byte, prefix int, rng *store.Range, fn func(*entry) bool) (more bool, err error) {
	page, more, err := r.Scan(*rng)
	if err != nil || len(page) == 0 {
		return false, storage(err)
	}
	values, err := entryValues(r, group, list, prefix, page)
	if err != nil {
		return false, err
	}
	e := entry{group: group}
	for i, p := range page {
		user, err := listedUser(list, p.Key[prefix:])
		if err != nil {
			return false, err
		}
		if err := e.decode(user, values[i], p.Value[0] == key.Members); err != nil {
			return false, err
		}
		if !listed(list, &e.standing) {
			return false, corrupt("entry %q of list %q in group %q does not match the user's record", user, list, group)
		}
		rng.From = append(bytes.Clone(p.Key), 0)
		if !fn(&e) {
			return more || i+1 < len(page), nil
		}
	}
	return more, nil
}

// skipEntries passes over n entries of the range without decoding them. It advances the range,
// and reports whether more follow.
func skipEntries(r store.Reader, rng *store.Range, n int) (more bool, err error) {
	limit := rng.Limit
	defer func() { rng.Limit = limit }()
	for more = true; more && n > 0; {
		rng.Limit = min(n, store.MaxPage)
		var last []byte
		more, err = store.Visit(r, *rng, func(k, _ []byte) bool {
			last = append(last[:0], k...)
			n--
			return true
		})
		if err != nil {
			return false, storage(err)
		}
		switch {
		case last == nil:
			return false, nil
		case rng.Reverse:
			rng.To = last
		default:
			rng.From = append(last, 0)
		}
	}
	return more, nil
}

// listedUser returns the user in the part of the key of an entry after the list.
func listedUser(list byte, rest []byte) (user []byte, err error) {
	if kind := listedMark(list); kind != nil && kind.pending {
		return key.CutArrival(rest)
	}
	if len(rest) == 0 {
		return nil, key.ErrForm
	}
	return rest, nil
}

// entryValues reads the standings of the entries of an index.
func entryValues(r store.Reader, group GroupID, list byte, prefix int, page []store.Pair) ([][]byte, error) {
	keys := make([][]byte, len(page))
	for i, p := range page {
		user, err := listedUser(list, p.Key[prefix:])
		if err != nil || len(p.Value) != 1 {
			return nil, corrupt("entry %q of list %q in group %q is malformed", p.Key[prefix:], list, group)
		}
		keys[i] = key.OfUser(string(group), p.Value[0], string(user))
	}
	values, err := store.GetMany(r, keys)
	if err != nil {
		return nil, storage(err)
	}
	for i := range values {
		if values[i] == nil {
			return nil, corrupt("entry %q of list %q in group %q has no user record", page[i].Key[prefix:], list, group)
		}
	}
	return values, nil
}

// scanAll reads a whole range within one transaction, page by page.
func scanAll(r store.Reader, rng store.Range, fn func([]store.Pair) error) error {
	for {
		page, more, err := r.Scan(rng)
		if err != nil {
			return storage(err)
		}
		if len(page) > 0 {
			if err := fn(page); err != nil {
				return err
			}
			rng.From = append(bytes.Clone(page[len(page)-1].Key), 0)
		}
		if !more || len(page) == 0 {
			return nil
		}
	}
}

// Transactions that decide something by a scan guard it by records that they read by their keys:
// whoever changes what was scanned writes one of them. For most it is the header of the group, or
// that of the user, which every change of a group, or of a user's memberships, writes. So the
// data stays right also in a store that does not notice what others write into a scanned range.

// scanGuarded reads one page, and reads its pairs by their keys as well.
func scanGuarded(w store.Writer, rng store.Range) (page []store.Pair, err error) {
	if page, _, err = w.Scan(rng); err != nil {
		return nil, storage(err)
	}
	return page, guardPairs(w, page)
}

// guardPairs reads pairs by their keys.
func guardPairs(r store.Reader, pairs []store.Pair) error {
	if len(pairs) == 0 {
		return nil
	}
	keys := make([][]byte, len(pairs))
	for i, p := range pairs {
		keys[i] = p.Key
	}
	_, err := store.GetMany(r, keys)
	return storage(err)
}

// loadState reads all records under the prefix: those of a group or those of its
// checkpoint.
func loadState(r store.Reader, prefix []byte, n renaming) (*state, error) {
	s := newState()
	for _, kind := range []byte{key.Header, key.Members, key.Outsiders, key.Announcement, key.Custom, key.Files} {
		under := append(slices.Clone(prefix), kind)
		err := scanAll(r, store.Prefix(under), func(page []store.Pair) error {
			for _, p := range page {
				if err := s.take(n, kind, p.Key[len(under):], p.Value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// requireCustom returns an error if the header announces a custom text that is missing.
func (s *state) requireCustom(group GroupID) error {
	if s.head.HasCustom && s.custom == "" {
		return noCustom(group)
	}
	return nil
}

// isSingle reports whether a group has at most one record of the kind.
func isSingle(kind byte) bool {
	return kind == key.Header || kind == key.Announcement || kind == key.Custom
}

// take adds one record to the state. rest is the part of the key after the kind.
func (s *state) take(n renaming, kind byte, rest, value []byte) (err error) {
	if isSingle(kind) && len(rest) > 0 {
		return key.ErrForm
	}
	switch kind {
	case key.Header:
		s.head, err = record.DecodeHeader(value)
		n.swap(&s.head.Owner)
	case key.Members, key.Outsiders:
		user := string(rest)
		n.swap(&user)
		st := s.standing(user)
		*st, err = record.DecodeStanding(value, kind == key.Members)
		n.standing(st)
	case key.Announcement:
		s.announcement, err = record.DecodeAnnouncement(value)
		n.swap(&s.announcement.By)
	case key.Custom:
		s.custom = string(value)
	case key.Files:
		var f record.File
		if f, err = decodeFile(rest, value); err == nil {
			n.swap(&f.Owner)
			s.files[f.ID] = &f
		}
	default:
		return key.ErrForm
	}
	return err
}

// write puts the pairs. It deletes the keys of pairs with a nil value.
func write(w store.Writer, pairs []store.Pair) error {
	for _, p := range pairs {
		var err error
		if p.Value == nil {
			err = w.Delete(p.Key)
		} else {
			err = w.Put(p.Key, p.Value)
		}
		if err != nil {
			return storage(err)
		}
	}
	return nil
}

func decodeLease(value []byte) (record.Lease, error) {
	if value == nil {
		return record.Lease{}, nil
	}
	return record.DecodeLease(value)
}

// loadLease reads the lease of a load. It is the zero value if there is none.
func loadLease(r store.Reader, k []byte) (record.Lease, error) {
	value, _, err := r.Get(k)
	if err != nil {
		return record.Lease{}, storage(err)
	}
	return decodeLease(value)
}

// membershipsInLoads returns how many memberships of the user are in groups that are being loaded. The user
// counts them already.
func membershipsInLoads(r store.Reader, user UserID) (n int, err error) {
	err = scanAll(r, store.Prefix(key.Loads()), func(page []store.Pair) error {
		keys := make([][]byte, len(page))
		for i, p := range page {
			group, _, err := key.CutGroupID(p.Key[1:])
			if err != nil {
				return err
			}
			keys[i] = key.UserGroup(string(user), group, true)
		}
		values, err := store.GetMany(r, keys)
		for _, value := range values {
			if value != nil {
				n++
			}
		}
		return storage(err)
	})
	return n, err
}
