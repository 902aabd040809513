package groupkit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"

	"groupkit/internal/key"
	"groupkit/store"
)

// A From says where in a list to begin, and how many entries to return. The zero value is the
// beginning of the list. It is the argument of MembersFrom, AdminsFrom, BlacklistFrom,
// MutesFrom, AllowListFrom, RequestsFrom, InvitationsFrom, FilesFrom and JoinedGroupsFrom.
//
// Each of them returns the next entries of the list and a cursor. To read on, call it again
// with the cursor. The cursor is "" if nothing follows. The time of a call depends on the number
// of entries returned, not on the place in the list; expired entries that are passed over add to it.
//
// A cursor stays valid when the list changes, also if the entry before it is removed. An entry
// that is on the list throughout is seen exactly once. Each call checks the permission again.
//
// Cursor, After and Prefix can be combined: the list begins with the first entry that all of them
// allow. The calls return ErrInvalid if Cursor is not a cursor of this list, or is one of
// another group or user; if After is not a valid user ID; if Prefix is not valid UTF-8, has a
// control character or is longer than a user ID; if Limit is negative; and if After or Prefix is set
// for a list that is not sorted by user ID.
type From struct {
	Cursor string // as returned with the previous entries; "" is the beginning
	After  UserID // of lists of users: begin after this user, who need not be on the list
	Prefix string // of lists of users: only users whose ID begins with it, byte by byte
	Limit  int    // the number of entries; 0 means 10; at most 1000, a larger number is reduced
}

// sortedByUser reports whether the keys of a list are in the order of the user IDs.
func sortedByUser(list byte) bool {
	kind := listedMark(list)
	return list == key.Members || list == key.Admins || kind != nil && !kind.pending
}

// listFrom returns the next entries of a list and the cursor of what follows them.
func listFrom[T any](ctx context.Context, a Actor, group GroupID, l listing[T], from From) (items []T, next string, err error) {
	prefix, start, argument := a.enterList(group, l.list, from)
	err = a.reading(ctx, l.op, group, argument, func(r store.Reader, v *access) (err error) {
		rng := start
		items, next = nil, ""
		if err := v.authorize(l.what); err != nil {
			return err
		}
		var more bool
		if items, more, err = l.collect(r, group, v, &rng, 0, from.limit(maxPage)); more {
			next = cursorOf(prefix, rng.From[:len(rng.From)-1])
		}
		return err
	})
	return items, next, err
}

// enterList returns the prefix of the keys of a list, and the range in which from begins.
func (a Actor) enterList(group GroupID, list byte, from From) (prefix []byte, rng store.Range, err error) {
	if err := a.check(group); err != nil {
		return nil, rng, err
	}
	if err := from.check(sortedByUser(list)); err != nil {
		return nil, rng, err
	}
	prefix = key.Of(string(group), list)
	rng, err = from.enter(prefix, func(rest []byte) bool {
		user, err := listedUser(list, rest)
		return err == nil && checkUserID(FieldCursor, UserID(user)) == nil
	})
	return prefix, rng, err
}

// limit returns the number of entries to read.
func (f From) limit(most int) int {
	if f.Limit == 0 {
		return min(defaultPage, most)
	}
	return min(f.Limit, most)
}

// check checks everything except the cursor.
func (f From) check(byUser bool) error {
	switch {
	case f.Limit < 0:
		return invalid(FieldLimit, "is %d (0 or more)", f.Limit)
	case f.After != "" && !byUser:
		return invalid(FieldAfter, "is set, but the list is not sorted by user ID")
	case f.Prefix != "" && !byUser:
		return invalid(FieldPrefix, "is set, but the list is not sorted by user ID")
	}
	if f.After != "" {
		if err := checkUserID(FieldAfter, f.After); err != nil {
			return err
		}
	}
	return checkPrefix(f.Prefix)
}

// checkPrefix checks the beginning of a user ID.
func checkPrefix(prefix string) error {
	switch {
	case len(prefix) > maxID:
		return invalid(FieldPrefix, "has %d bytes (at most %d)", len(prefix), maxID)
	case !utf8.ValidString(prefix):
		return invalid(FieldPrefix, "%s is not valid UTF-8", quote(prefix))
	case strings.ContainsFunc(prefix, unicode.IsControl):
		return invalid(FieldPrefix, "%s contains a control character", quote(prefix))
	}
	return nil
}

// enter returns the range of the entries of a list that f allows. prefix is that of the keys of
// the list. valid checks the part of a key after it, as a cursor contains it.
func (f From) enter(prefix []byte, valid func(rest []byte) bool) (store.Range, error) {
	rng := store.Prefix(append(bytes.Clone(prefix), f.Prefix...))
	rest, err := f.place(prefix, valid)
	if err != nil {
		return rng, err
	}
	for _, place := range [][]byte{[]byte(f.After), rest} {
		if len(place) == 0 {
			continue
		}
		if after := append(append(bytes.Clone(prefix), place...), 0); bytes.Compare(after, rng.From) > 0 {
			rng.From = after
		}
	}
	if bytes.Compare(rng.From, rng.To) > 0 {
		rng.From = rng.To
	}
	return rng, nil
}

// A cursor is the place of an entry in a list, in base64: a sum of the prefix of the keys of
// the list, then the rest of the key of the entry. The sum tells the cursors of all lists apart.
const (
	cursorSum = 8
)

// cursorOf returns the cursor of what follows the entry with the key.
func cursorOf(prefix, k []byte) string {
	sum := sha256.Sum256(prefix)
	return base64.RawURLEncoding.EncodeToString(append(sum[:cursorSum], k[len(prefix):]...))
}

// place returns the rest of the key in the cursor; nil without a cursor.
func (f From) place(prefix []byte, valid func(rest []byte) bool) ([]byte, error) {
	if f.Cursor == "" {
		return nil, nil
	}
	sum := sha256.Sum256(prefix)
	var b []byte
	if len(f.Cursor) <= maxCursor {
		b, _ = base64.RawURLEncoding.Strict().DecodeString(f.Cursor)
	}
	rest, ours := bytes.CutPrefix(b, sum[:cursorSum])
	if !ours || !valid(rest) {
		return nil, invalid(FieldCursor, "%.40q is not a cursor of this list", f.Cursor)
	}
	return rest, nil
}
