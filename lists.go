package groupkit

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"math"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

const (
	defaultPage = 10
	maxPage     = 1000
	chunk       = 256 // entries that an iterator reads in one transaction
)

// A Page is one page of a list.
type Page struct {
	Number int // from 1; 0 stands for 1
	Size   int // 0 stands for 10; more than 1000 is clamped
}

// window is the page as entries to pass over and to take at most.
func (p Page) window(most int) (skip, take int, err error) {
	if p.Number < 0 || p.Size < 0 {
		return 0, 0, invalid(FieldPage, "is number %d of size %d (neither is negative)", p.Number, p.Size)
	}
	take = p.Size
	if take == 0 {
		take = defaultPage
	}
	take = min(take, most)
	before := max(p.Number, 1) - 1
	if before > math.MaxInt/take {
		return math.MaxInt, take, nil
	}
	return before * take, take, nil
}

// An entry is one user of a list, with everything that is so of the user.
type entry struct {
	group    GroupID
	user     UserID
	standing record.Standing
	now      int64
}

// A listing says how one of the lists of a group is read: who may, where its
// entries stand, and what an entry looks like, if it holds now.
type listing[T any] struct {
	op     Op
	what   action
	list   byte
	public func(*entry) (T, bool)
}

// each iterates over a list. It reads a part of it, ends the transaction, yields,
// and goes on after the last entry seen; the permission is checked at every part.
func each[T any](ctx context.Context, a Actor, group GroupID, l listing[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		var after []byte
		for more := true; more; {
			var items []T
			err := a.reading(ctx, l.op, group, nil, func(r store.Reader, v *look) (err error) {
				items = nil
				if err := v.may(l.what); err != nil {
					return err
				}
				after, more, err = scanEntries(r, group, l.list, after, chunk, func(e *entry) bool {
					e.now = v.now
					if item, ok := l.public(e); ok {
						items = append(items, item)
					}
					return true
				})
				return err
			})
			if err != nil {
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}

// paged reads one page of a list in one transaction.
func paged[T any](ctx context.Context, a Actor, group GroupID, l listing[T], page Page) (items []T, err error) {
	skip, take, argument := page.window(maxPage)
	err = a.reading(ctx, l.op, group, argument, func(r store.Reader, v *look) error {
		if err := v.may(l.what); err != nil {
			return err
		}
		items = make([]T, 0, min(take, chunk))
		passed, limit := 0, chunk
		if skip == 0 {
			limit = take
		}
		var after []byte
		for more := true; more && len(items) < take; {
			var err error
			after, more, err = scanEntries(r, group, l.list, after, limit, func(e *entry) bool {
				e.now = v.now
				item, ok := l.public(e)
				switch {
				case !ok:
				case passed < skip:
					passed++
				default:
					items = append(items, item)
				}
				return len(items) < take
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return items, err
}

// scanEntries shows fn up to limit entries of a list that come after the given key,
// until it returns false, and returns the last key read and whether there are more. The
// entry is one for all: fn must not keep it, and must not read.
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

// decode makes e the entry of the user with the standing.
func (e *entry) decode(user, standing []byte, member bool) (err error) {
	e.user = UserID(user)
	if e.standing, err = record.DecodeStanding(standing, member); err != nil {
		return fmt.Errorf("standing of %q in group %q: %w", string(e.user), e.group, err)
	}
	return nil
}

// scanIndex is scanEntries for a list that says where the standings are.
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
			return nil, false, corrupt("entry %q of list %q in group %q follows from nothing", p.Key[prefix:], list, group)
		}
		if !fn(&e) {
			break
		}
	}
	return page[len(page)-1].Key, more, nil
}

// entryValues finds the standings of the entries, to which an index points.
func entryValues(r store.Reader, group GroupID, list byte, prefix int, page []store.Pair) ([][]byte, error) {
	keys := make([][]byte, len(page))
	for i, p := range page {
		if len(p.Value) != 1 {
			return nil, corrupt("entry %q of list %q in group %q points nowhere", p.Key[prefix:], list, group)
		}
		keys[i] = key.OfUser(string(group), p.Value[0], string(p.Key[prefix:]))
	}
	values, err := store.GetMany(r, keys)
	if err != nil {
		return nil, storage(err)
	}
	for i := range values {
		if values[i] == nil {
			return nil, corrupt("entry %q of list %q in group %q has no standing", page[i].Key[prefix:], list, group)
		}
	}
	return values, nil
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

// reading runs a read: it checks the arguments, loads the group and the actor's
// standing, and lets fn judge and read in the same transaction.
func (a Actor) reading(ctx context.Context, op Op, group GroupID, argument error, fn func(store.Reader, *look) error) error {
	err := a.check(group)
	if err == nil {
		err = argument
	}
	if err == nil {
		err = a.view(ctx, func(r store.Reader) error {
			v, err := a.look(r, group)
			if err != nil {
				return err
			}
			return fn(r, v)
		})
	}
	return wrap(op, group, err)
}

// look loads the group's header and the actor's standing.
func (a Actor) look(r store.Reader, group GroupID) (*look, error) {
	v := &struct {
		look
		head record.Header
		me   record.Standing
	}{look: look{user: a.user, now: a.eng.now(), policy: a.eng.opts.OwnerLeave}}
	v.look.head, v.look.me = &v.head, &v.me
	var bad error
	err := store.VisitKeys(r, a.keys(group), func(i int, value []byte) bool {
		switch {
		case value == nil:
			return i > 0 // without a group there is nothing
		case i == 0:
			v.exists = true
			v.head, bad = record.DecodeHeader(value)
			return bad == nil
		}
		v.me, bad = record.DecodeStanding(value, i == 1)
		return false
	})
	if err != nil {
		return nil, storage(err)
	}
	return &v.look, bad
}

// keys are those of the group's header and of the actor's standing.
func (a Actor) keys(group GroupID) [][]byte {
	if a.user == "" {
		return key.Look[UserID](string(group))
	}
	return key.Look(string(group), a.user)
}

func loadStanding(r store.Reader, group GroupID, user UserID) (record.Standing, error) {
	values, err := store.GetMany(r, key.Look(string(group), user)[1:])
	if err != nil {
		return record.Standing{}, storage(err)
	}
	return decodeStanding(values[0], values[1])
}

// decodeStanding reads the standing of a user, who has it as a member or as an
// outsider; nil stands for a key that is not there.
func decodeStanding(member, outsider []byte) (record.Standing, error) {
	switch {
	case member != nil:
		return record.DecodeStanding(member, true)
	case outsider != nil:
		return record.DecodeStanding(outsider, false)
	}
	return record.Standing{}, nil
}
