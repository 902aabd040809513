package groupkit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/google/uuid"

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
	value, _, err := r.Get(key.Of(string(group), key.Custom))
	return string(value), storage(err)
}

func loadAnnouncement(r store.Reader, group GroupID) (record.Announcement, error) {
	value, ok, err := r.Get(key.Of(string(group), key.Announcement))
	if err != nil || !ok {
		return record.Announcement{}, storage(err)
	}
	return record.DecodeAnnouncement(value)
}

// loadFile reads the record of a file. Returns ErrFileNotFound if there is none.
func loadFile(r store.Reader, group GroupID, file FileID) (*record.File, error) {
	id, err := uuid.Parse(string(file))
	if err != nil || id.String() != string(file) {
		return nil, ErrFileNotFound
	}
	value, ok, err := r.Get(key.File(string(group), id))
	if err != nil {
		return nil, storage(err)
	}
	if !ok {
		return nil, ErrFileNotFound
	}
	f, err := decodeFile(id[:], value)
	return &f, err
}

// decodeFile decodes the record of the file with the given ID.
func decodeFile(id, value []byte) (record.File, error) {
	f, err := record.DecodeFile(value)
	if err == nil && f.ID != string(id) {
		err = corrupt("file record has the ID of another file")
	}
	return f, err
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

// isNamed reports whether a file has the content.
func isNamed(r store.Reader, content string) (bool, error) {
	group, file, err := key.CutContent(content)
	if err != nil {
		return false, nil // an ID that no file of the engine can have
	}
	_, ok, err := r.Get(key.File(group, file))
	return ok, storage(err)
}

// pendingDeletions returns the groups whose deletion was interrupted or is in progress.
func pendingDeletions(r store.Reader) (groups []GroupID, err error) {
	err = scanAll(r, store.Prefix(key.Deletions()), func(page []store.Pair) error {
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
	return record.Header{State: record.Deleted, Version: h.Version, Created: h.Created, Modified: h.Modified, First: h.First}
}

// An entry is a user on a list, with the user's standing in the group.
type entry struct {
	group    GroupID
	user     UserID
	standing record.Standing
	now      int64
}

// decode sets e to the user and the decoded standing.
func (e *entry) decode(user, standing []byte, member bool) (err error) {
	e.user = UserID(user)
	if e.standing, err = record.DecodeStanding(standing, member); err != nil {
		return fmt.Errorf("record of user %q in group %q: %w", string(e.user), e.group, err)
	}
	return nil
}

// allEntries reads a whole list within one transaction.
func allEntries(r store.Reader, group GroupID, list byte, fn func(*entry)) error {
	var after []byte
	for more := true; more; {
		var err error
		after, more, err = scanEntries(r, group, list, after, store.MaxPage, func(e *entry) bool { fn(e); return true })
		if err != nil {
			return err
		}
	}
	return nil
}

// scanEntries calls fn for up to limit entries after the given key, until fn returns
// false. It returns the last key read and whether more entries follow. It reuses one
// entry: fn must not keep it, and must not read from r.
func scanEntries(r store.Reader, group GroupID, list byte, after []byte, limit int, fn func(*entry) bool) (last []byte, more bool, err error) {
	prefix := key.Of(string(group), list)
	rng := store.Prefix(prefix)
	rng.Limit = limit
	if after != nil {
		rng.From = append(bytes.Clone(after), 0)
	}
	if list != key.Members && list != key.Outsiders {
		return scanIndex(r, group, list, len(prefix), rng, fn)
	}
	e := entry{group: group}
	var bad error
	more, err = store.Visit(r, rng, func(k, value []byte) bool {
		last = append(last[:0], k...)
		if bad = e.decode(k[len(prefix):], value, list == key.Members); bad != nil {
			return false
		}
		return fn(&e)
	})
	if err == nil && bad != nil {
		return nil, false, bad
	}
	return last, more, storage(err)
}

// scanIndex is scanEntries for an index. The entries of an index say where the standings
// are.
func scanIndex(r store.Reader, group GroupID, list byte, prefix int, rng store.Range, fn func(*entry) bool) ([]byte, bool, error) {
	page, more, err := r.Scan(rng)
	if err != nil || len(page) == 0 {
		return nil, false, storage(err)
	}
	values, err := entryValues(r, group, list, prefix, page)
	if err != nil {
		return nil, false, err
	}
	e := entry{group: group}
	for i, p := range page {
		if err := e.decode(p.Key[prefix:], values[i], p.Value[0] == key.Members); err != nil {
			return nil, false, err
		}
		if !listed(list, &e.standing) {
			return nil, false, corrupt("entry %q of list %q in group %q does not match the user's record", p.Key[prefix:], list, group)
		}
		if !fn(&e) {
			break
		}
	}
	return page[len(page)-1].Key, more, nil
}

// entryValues reads the standings of the entries of an index.
func entryValues(r store.Reader, group GroupID, list byte, prefix int, page []store.Pair) ([][]byte, error) {
	keys := make([][]byte, len(page))
	for i, p := range page {
		if len(p.Value) != 1 {
			return nil, corrupt("entry %q of list %q in group %q is malformed", p.Key[prefix:], list, group)
		}
		keys[i] = key.OfUser(string(group), p.Value[0], string(p.Key[prefix:]))
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

// loadState reads all records under the prefix: those of a group or those of its
// checkpoint.
func loadState(r store.Reader, prefix []byte) (*state, error) {
	s := newState()
	for _, kind := range []byte{key.Header, key.Members, key.Outsiders, key.Announcement, key.Custom, key.Files} {
		under := append(slices.Clone(prefix), kind)
		err := scanAll(r, store.Prefix(under), func(page []store.Pair) error {
			for _, p := range page {
				if err := s.take(kind, p.Key[len(under):], p.Value); err != nil {
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

// isSingle reports whether a group has at most one record of the kind.
func isSingle(kind byte) bool {
	return kind == key.Header || kind == key.Announcement || kind == key.Custom
}

// take adds one record to the state. rest is the part of the key after the kind.
func (s *state) take(kind byte, rest, value []byte) (err error) {
	if isSingle(kind) && len(rest) > 0 {
		return key.ErrForm
	}
	switch kind {
	case key.Header:
		s.head, err = record.DecodeHeader(value)
	case key.Members, key.Outsiders:
		*s.standing(string(rest)), err = record.DecodeStanding(value, kind == key.Members)
	case key.Announcement:
		s.announcement, err = record.DecodeAnnouncement(value)
	case key.Custom:
		s.custom = string(value)
	case key.Files:
		var f record.File
		if f, err = record.DecodeFile(value); err == nil {
			if id, e := uuid.FromBytes(rest); e != nil || string(id[:]) != f.ID {
				return record.ErrCorrupt
			}
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
