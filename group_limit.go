package groupkit

import (
	"context"
	"math"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// The operation of SetGroupLimit.
const OpSetGroupLimit Op = "set group limit"

// SetGroupLimit changes the limit of groups of a store that several processes share. It takes
// effect at once in all of them. 0 means no limit. Such a store keeps the limit: the first
// engine that opens it writes its Limits.Groups, and an engine that is opened with another
// number is refused. After this call, open engines with the new number.
//
// Returns ErrInvalid if most is negative, or if the store belongs to this process alone: then
// Limits.Groups of the next opening is the limit.
func (e *Engine) SetGroupLimit(ctx context.Context, most int) error {
	return e.observe(ctx, CallInfo{Op: OpSetGroupLimit}, func(*span) error { return e.setGroupLimit(ctx, most) })
}

func (e *Engine) setGroupLimit(ctx context.Context, most int) error {
	err := e.usableToWrite()
	switch {
	case err != nil:
	case most < 0 || most > math.MaxInt32:
		err = invalid("Limits.Groups", "is %d (0 to %d)", most, math.MaxInt32)
	case !e.shared:
		err = invalid("Limits.Groups", "cannot be changed while the store is open: it belongs to this process alone")
	default:
		err = e.step(ctx, func(w store.Writer) error {
			count := store.Pair{Key: key.GroupCount()}
			if most > 0 {
				n, err := countedGroups(w)
				if err != nil {
					return err
				}
				count.Value = record.EncodeCount(n)
			}
			return write(w, []store.Pair{{Key: key.GroupLimit(), Value: record.EncodeCount(most)}, count})
		})
	}
	return wrap(OpSetGroupLimit, "", err)
}

// groupLimit returns the limit of groups, 0 if there is none: that of the options if the
// store belongs to this process alone, otherwise the one that the store keeps.
func groupLimit(r store.Reader, limits *Limits, alone bool) (int, error) {
	if alone {
		return limits.Groups, nil
	}
	value, ok, err := r.Get(key.GroupLimit())
	if err != nil || !ok {
		return 0, storage(err)
	}
	return record.DecodeCount(value)
}

// agreeOnGroups reports whether the store keeps the limit of groups, if several processes share
// it. It returns an error if it is another one than that of the options.
func (e *Engine) agreeOnGroups(r store.Reader) (kept bool, err error) {
	if !e.shared {
		return true, nil
	}
	value, ok, err := r.Get(key.GroupLimit())
	if err != nil || !ok {
		return false, storage(err)
	}
	most, err := record.DecodeCount(value)
	if err == nil && most != e.limits.Groups {
		err = invalid("Limits.Groups", "is %d, but all engines of this store have %d; see SetGroupLimit", e.limits.Groups, most)
	}
	return true, err
}

// limitGroups makes a shared store keep the limit of groups, unless it does already.
func (e *Engine) limitGroups(w store.Writer) error {
	kept, err := e.agreeOnGroups(w)
	if err != nil || kept {
		return err
	}
	return storage(w.Put(key.GroupLimit(), record.EncodeCount(e.limits.Groups)))
}

// countedGroups returns the number of groups. It counts the groups if no number is stored yet.
func countedGroups(r store.Reader) (int, error) {
	value, ok, err := r.Get(key.GroupCount())
	if err != nil {
		return 0, storage(err)
	}
	if ok {
		return record.DecodeCount(value)
	}
	return countRange(r, store.Prefix([]byte{key.FamilyCreation}))
}

// countRange returns the number of the records in a range, within one transaction.
func countRange(r store.Reader, rng store.Range) (n int, err error) {
	err = scanAll(r, rng, func(page []store.Pair) error {
		n += len(page)
		return nil
	})
	return n, err
}
