package groupkit

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/seal"
	"groupkit/store"
)

// format is the number of the format that this version writes. It converts lower numbers.
const format = 2

// readFormat returns the format of the data. The number is 0 if the store is empty.
func readFormat(ctx context.Context, s store.Store) (found record.Format, err error) {
	err = s.View(ctx, func(r store.Reader) error {
		found, err = loadFormat(r)
		return err
	})
	return found, storage(err)
}

func loadFormat(r store.Reader) (found record.Format, err error) {
	value, ok, err := r.Get(key.Format())
	if err != nil {
		return found, storage(err)
	}
	if !ok {
		page, _, err := r.Scan(store.Range{Limit: 1})
		if err == nil && len(page) > 0 {
			err = corrupt("there are records, but no number of the format")
		}
		return found, storage(err)
	}
	found, err = record.DecodeFormat(value)
	switch {
	case err != nil || found.Number < 1:
		return found, corrupt("the number of the format is damaged (%x)", value)
	case found.Number > format:
		return found, fmt.Errorf("%w: the data has format %d, this version reads formats up to %d", store.ErrNewer, found.Number, format)
	case found.From < 0 || found.From >= found.Number || !bytes.Equal(found.Encode(), value): // it has no checksum
		return found, corrupt("the number of the format is damaged (%x)", value)
	case found.Filling != "":
		return found, fmt.Errorf("%w: of %s: make the same call again", ErrUnfinished, found.Filling)
	}
	return found, nil
}

// isOld reports whether data of this format has to be converted, or was being converted when
// the process ended.
func isOld(found record.Format) bool {
	return found.Number != 0 && (found.Number < format || found.From != 0)
}

// An upgrade converts all records from format 1 to format 2. The two formats have no key in
// common. A step replaces some old records by new ones in one transaction, so what is left of
// the old records is what is left to do: the conversion can be cut off after any step and
// goes on at the next opening.
type upgrade struct {
	eng   *Engine
	store store.Store // without seals
	found record.Format
	keep  keepOld // called before the first write, unless nil
	step  int     // how many old records one transaction converts

	last  uint64        // the last of the numbers of calls; 0 on a shared store if they get none
	group *groupUpgrade // the group that is being converted
}

func newUpgrade(e *Engine, found record.Format, keep keepOld) *upgrade {
	step := entries(e.sizes, upgradeStep, 1, 2*writesOfUser)
	return &upgrade{eng: e, store: e.store, found: found, keep: keep, step: step}
}

// upgradeStep is the number of old records that one transaction converts.
const upgradeStep = 256

// run converts the data, and then changes what the rules of this version do not allow. It
// first converts every record without writing anything, so that data that cannot be converted
// stays as it is.
func (u *upgrade) run(ctx context.Context) error {
	if err := u.check(ctx); err != nil {
		return fmt.Errorf("converting the data from format 1: %w", storage(err))
	}
	if u.found.From == 0 && u.keep != nil {
		if err := u.keep(ctx, u.found); err != nil {
			return err
		}
	}
	if err := u.convertAll(ctx); err != nil {
		return storage(err)
	}
	if err := u.eng.cancelAllDeadInvitations(ctx); err != nil {
		return err
	}
	if err := u.eng.listTraces(ctx); err != nil {
		return err
	}
	return storage(u.update(ctx, func(w store.Writer) error {
		return w.Put(key.Format(), (&record.Format{Number: format}).Encode())
	}))
}

// upgrade converts data of an older format, and tells of it.
func (e *Engine) upgrade(ctx context.Context, found record.Format, keep keepOld) error {
	from := found.Number
	if found.From != 0 {
		from = found.From
	}
	began := time.Now()
	e.logUpgrade(from, found.From != 0)
	err := newUpgrade(e, found, keep).run(ctx)
	if err == nil {
		e.logUpgraded(from, time.Since(began))
	}
	return err
}

// update runs one step. A step can be made twice: it converts what it finds. So it is run again if its
// answer was lost.
func (u *upgrade) update(ctx context.Context, fn func(store.Writer) error) error {
	return u.eng.decided(ctx, new(afterCommit), true, func() error { return u.store.Update(ctx, fn) })
}

// check converts every record and writes nothing.
func (u *upgrade) check(ctx context.Context) error {
	if u.found.From == 0 {
		if err := u.store.View(ctx, requireFormat1); err != nil {
			return err
		}
	}
	rng := u.old()
	for more := true; more; {
		var old []store.Pair
		err := u.store.View(ctx, func(r store.Reader) (err error) {
			old, _, more, err = u.next(r, rng)
			return err
		})
		if err != nil {
			return err
		}
		if len(old) > 0 {
			rng.From = append(bytes.Clone(old[len(old)-1].Key), 0)
		}
	}
	return nil
}

// requireFormat1 returns an error if there is a record with a key that format 1 does not have.
func requireFormat1(r store.Reader) error {
	for _, rng := range []store.Range{
		{To: key.FirstOfFormat1(), Limit: 2}, {From: key.EndOfFormat1(), Limit: 1},
	} {
		page, _, err := r.Scan(rng)
		if err != nil {
			return err
		}
		for _, p := range page {
			if !bytes.Equal(p.Key, key.Format()) {
				return damaged(p.Key, key.ErrForm)
			}
		}
	}
	return nil
}

// convertAll converts every record. A transaction reads what it replaces, because on a shared
// store another process can have converted it.
func (u *upgrade) convertAll(ctx context.Context) error {
	err := u.update(ctx, func(w store.Writer) error {
		found, err := loadFormat(w)
		if err != nil || found.From != 0 || !isOld(found) {
			return err
		}
		return w.Put(key.Format(), (&record.Format{Number: format, From: found.Number}).Encode())
	})
	rng := u.old()
	for more := true; more && err == nil; {
		err = u.update(ctx, func(w store.Writer) (err error) {
			var old, pairs []store.Pair
			if old, pairs, more, err = u.next(w, rng); err != nil {
				return err
			}
			for _, p := range old {
				if err := w.Delete(p.Key); err != nil {
					return err
				}
			}
			return write(seal.NewWriter(w), pairs)
		})
	}
	return err
}

// old returns the range of the records to convert.
func (u *upgrade) old() store.Range {
	u.group = nil
	return store.Range{From: key.FirstOfFormat1(), To: key.EndOfFormat1(), Limit: u.step}
}

// next reads some old records of the range, and converts them.
func (u *upgrade) next(r store.Reader, rng store.Range) (old, pairs []store.Pair, more bool, err error) {
	if u.last, err = u.lastNumber(r); err != nil {
		return nil, nil, false, err
	}
	if old, more, err = r.Scan(rng); err != nil {
		return nil, nil, false, err
	}
	for _, p := range old {
		if err := u.enter(r, p.Key); err != nil {
			return nil, nil, false, err
		}
		converted, err := u.convert(p)
		if err != nil {
			return nil, nil, false, damaged(p.Key, err)
		}
		pairs = append(pairs, converted...)
	}
	return old, pairs, more, nil
}

// lastNumber returns the number before that of the next call.
func (u *upgrade) lastNumber(r store.Reader) (uint64, error) {
	if !u.eng.shared {
		last, _, err := lastCommit(&seal.Reader{Store: r})
		return last, err
	}
	w, ok := r.(store.Writer)
	if !ok {
		return 0, nil // nothing is written
	}
	next, err := numberIn(w, 0)
	if next > 0 || err != nil {
		return max(next, 1) - 1, err
	}
	last, _, err := lastCommit(&seal.Reader{Store: r})
	return last, err
}

// enter prepares the conversion of the records of a group, if the key is of another group than
// the one before.
func (u *upgrade) enter(r store.Reader, k []byte) (err error) {
	group, _, _, err := key.CutGroup(key.FromFormat1(k))
	if err != nil || u.group != nil && u.group.id == group {
		return nil // convert returns the error of a key that has no form
	}
	u.group, err = newGroupUpgrade(r, group)
	return err
}
