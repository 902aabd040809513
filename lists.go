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
	return func(yield func(T, error) bool) {
		var none T
		var after []byte
		for more := true; more; {
			var items []T
			err := a.reading(ctx, l.op, group, nil, func(r store.Reader, v *access) (err error) {
				items = nil
				if err := v.authorize(l.what); err != nil {
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
	err = a.reading(ctx, l.op, group, argument, func(r store.Reader, v *access) error {
		if err := v.authorize(l.what); err != nil {
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

// reading runs a read operation. It checks the arguments, loads the group and the actor's
// standing, and calls fn in the same transaction. fn checks the permission and reads.
func (a Actor) reading(ctx context.Context, op Op, group GroupID, argument error, fn func(store.Reader, *access) error) error {
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
	v := &struct {
		access
		head record.Header
		me   record.Standing
	}{access: access{user: a.user, now: a.eng.now(), policy: a.eng.opts.OwnerLeave}}
	v.access.head, v.access.me = &v.head, &v.me
	var bad error
	err := store.VisitKeys(r, a.keys(group), func(i int, value []byte) bool {
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
