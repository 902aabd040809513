package groupkit

import (
	"context"
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

// A Page selects one page of a list.
type Page struct {
	Number int // the first page is 1; 0 means 1
	Size   int // entries per page; 0 means 10; at most 1000, a larger size is shortened
}

// window returns how many entries to skip and how many to take.
func (p Page) window(most int) (skip, take int, err error) {
	if p.Number < 0 || p.Size < 0 {
		return 0, 0, invalid(FieldPage, "has number %d and size %d (0 or more)", p.Number, p.Size)
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

// A listing describes a list of a group: the action that the actor needs, the kind of the
// records, and a function that converts an entry. The function returns false for an entry
// that has no effect now.
type listing[T any] struct {
	op     Op
	what   action
	list   byte
	public func(*entry) (T, bool)
}

// each iterates over a list. It reads a part in one transaction, yields its entries
// outside the transaction, and continues after the last entry. It checks the permission
// for each part.
func each[T any](ctx context.Context, a Actor, group GroupID, l listing[T]) iter.Seq2[T, error] {
	return observeEach(ctx, a, l.op, group, func(a Actor) iter.Seq2[T, error] { return eachPart(ctx, a, group, l) })
}

func eachPart[T any](ctx context.Context, a Actor, group GroupID, l listing[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		start := store.Prefix(key.Of(string(group), l.list))
		start.Limit = chunk
		for more := true; more; {
			var items []T
			rng := start
			err := a.read(ctx, l.op, group, nil, func(r store.Reader, v *access) (err error) {
				items, rng = nil, start
				if err := v.authorize(l.what); err != nil {
					return err
				}
				more, err = scanEntries(r, group, l.list, &rng, func(e *entry) bool {
					v.judge(e)
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
			start = rng
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
	err = a.reading(ctx, l.op, group, argument, func(r store.Reader, v *access) (err error) {
		items = nil
		if err := v.authorize(l.what); err != nil {
			return err
		}
		skip, rng := skip, store.Prefix(key.Of(string(group), l.list))
		if !canExpire(l.list) {
			more, err := skipEntries(r, &rng, skip)
			if err != nil || !more {
				return err
			}
			skip = 0
		}
		items, _, err = l.collect(r, group, v, &rng, skip, take)
		return err
	})
	if err == nil && items == nil {
		items = []T{}
	}
	return items, err
}

// judge makes an entry what the reader sees of it now.
func (v *access) judge(e *entry) {
	e.now = v.now
	renamingOf(v.head).standing(&e.standing)
}

// canExpire reports whether a list can have entries that have no effect any more.
func canExpire(list byte) bool {
	kind := listedMark(list)
	return kind != nil && kind.expires != 0
}

// collect skips entries of the range that have an effect now, and returns the next ones. It
// advances the range past the last entry that it has read, and reports whether more follow.
func (l *listing[T]) collect(r store.Reader, group GroupID, v *access, rng *store.Range, skip, take int) (items []T, more bool, err error) {
	items = make([]T, 0, min(take, chunk))
	rng.Limit = take
	if skip > 0 {
		rng.Limit = chunk
	}
	for more = true; more && len(items) < take; rng.Limit = chunk {
		more, err = scanEntries(r, group, l.list, rng, func(e *entry) bool {
			v.judge(e)
			item, ok := l.public(e)
			switch {
			case !ok:
			case skip > 0:
				skip--
			default:
				items = append(items, item)
			}
			return len(items) < take
		})
		if err != nil {
			return nil, false, err
		}
	}
	return items, more, nil
}

// reading runs a read operation. It checks the arguments, loads the group and the actor's
// standing, and calls fn in the same transaction. fn checks the permission and reads. The store
// can run fn more than once.
func (a Actor) reading(ctx context.Context, op Op, group GroupID, argument error, fn func(store.Reader, *access) error) error {
	return a.observe(ctx, op, group, 0, func(a Actor) error { return a.read(ctx, op, group, argument, fn) })
}

// read is reading without Hooks.
func (a Actor) read(ctx context.Context, op Op, group GroupID, argument error, fn func(store.Reader, *access) error) error {
	err := a.check(group)
	if err == nil {
		err = argument
	}
	if err == nil {
		err = a.view(ctx, func(r store.Reader) error {
			v, err := a.access(r, group)
			if err != nil {
				return err
			}
			return fn(r, v)
		})
	}
	return wrap(op, group, err)
}

// access loads the header of the group and the actor's standing.
func (a Actor) access(r store.Reader, group GroupID) (*access, error) {
	now, err := a.eng.now()
	if err != nil {
		return nil, err
	}
	v := &struct {
		access
		head record.Header
		me   record.Standing
	}{access: access{user: a.user, now: now, policy: a.eng.opts.OwnerLeave}}
	v.access.head, v.access.me = &v.head, &v.me
	var bad error
	err = store.VisitKeys(r, a.keys(group), func(i int, value []byte) bool {
		switch {
		case value == nil:
			return i > 0 // if the group does not exist, stop
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
	return &v.access, bad
}

// keys returns the keys of the header of the group and of the actor's standing.
func (a Actor) keys(group GroupID) [][]byte {
	if a.user == "" {
		return key.Access[UserID](string(group))
	}
	return key.Access(string(group), a.user)
}
