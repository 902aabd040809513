// Package overlay holds the pending writes of a transaction over what it reads.
package overlay

import (
	"errors"
	"fmt"

	"groupkit/store"
	"groupkit/store/internal/tree"
)

// The sizes that the stores of this module take.
const (
	MaxKey   = 32 << 10 // the longest key, in bytes: that of bbolt
	MaxValue = 64 << 20 // the longest value; larger ones belong in store.Blobs
)

// errOver: the transaction of a Reader or Writer has ended.
var errOver = errors.New("store: used after its transaction has ended")

// A Space is one key space within a transaction: what has been written lies over
// what is read below. It is a store.Writer and a store.ManyGetter.
type Space struct {
	base  store.Reader // nil: nothing is below
	edit  tree.Edit
	bytes int
	over  bool
}

// New returns a space of pending writes over base. With a nil base the writes
// are all there is, and what is deleted leaves no mark.
func New(base store.Reader, writes tree.Tree) *Space {
	return &Space{base: base, edit: writes.Edit()}
}

// Writes returns what has been written so far, those writes included that the
// space began with.
func (s *Space) Writes() tree.Tree { return s.edit.Done() }

// Bytes is the sum of the sizes of all that was written through this space.
func (s *Space) Bytes() int { return s.bytes }

// End makes every later use an error.
func (s *Space) End() { s.over = true }

// Ended reports whether End has been called.
func (s *Space) Ended() bool { return s.over }

// Put sets the value of key.
func (s *Space) Put(key, value []byte) error {
	if err := s.check(key); err != nil {
		return err
	}
	if len(value) > MaxValue {
		return fmt.Errorf("%w: value of %d bytes (at most %d)", store.ErrTooLarge, len(value), MaxValue)
	}
	s.edit.Put(key, value)
	s.bytes += len(key) + len(value)
	return nil
}

// Delete removes key.
func (s *Space) Delete(key []byte) error {
	if err := s.check(key); err != nil {
		return err
	}
	s.bytes += len(key)
	if s.base == nil {
		s.edit.Remove(key)
	} else {
		s.edit.Mark(key)
	}
	return nil
}

// Get returns the value of key, and whether there is one.
func (s *Space) Get(key []byte) ([]byte, bool, error) {
	if err := s.check(key); err != nil {
		return nil, false, err
	}
	if e, ok := s.edit.Get(key); ok {
		return value(e), !e.Deleted, nil
	}
	if s.base == nil {
		return nil, false, nil
	}
	return s.base.Get(key)
}

// GetMany returns one value a key, nil where there is none.
func (s *Space) GetMany(keys [][]byte) ([][]byte, error) {
	if s.base != nil && s.edit.Empty() && !s.over {
		return store.GetMany(s.base, keys) // which checks them
	}
	values := make([][]byte, len(keys))
	var missing [][]byte
	var places []int
	for i, key := range keys {
		if err := s.check(key); err != nil {
			return nil, err
		}
		if e, ok := s.edit.Get(key); ok {
			values[i] = value(e)
		} else if s.base != nil {
			missing, places = append(missing, key), append(places, i)
		}
	}
	if len(missing) == 0 {
		return values, nil
	}
	found, err := store.GetMany(s.base, missing)
	if err != nil {
		return nil, err
	}
	for i, place := range places {
		values[place] = found[i]
	}
	return values, nil
}

func (s *Space) check(key []byte) error {
	if s.over {
		return errOver
	}
	return CheckKey(key)
}

// Over is the error of a Reader that is used after its transaction.
func Over() error { return errOver }

// CheckKey returns an error that matches store.ErrTooLarge for a key that the
// stores of this module don't take.
func CheckKey(key []byte) error {
	if len(key) == 0 || len(key) > MaxKey {
		return fmt.Errorf("%w: key of %d bytes (1 to %d)", store.ErrTooLarge, len(key), MaxKey)
	}
	return nil
}

// value is a copy of the entry's value that belongs to the caller.
func value(e tree.Entry) []byte {
	if e.Deleted {
		return nil
	}
	return append(make([]byte, 0, len(e.Value)), e.Value...)
}
