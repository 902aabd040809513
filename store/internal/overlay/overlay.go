// Package overlay keeps the pending writes of a transaction on top of the data that it
// reads.
package overlay

import (
	"errors"
	"fmt"

	"groupkit/store"
	"groupkit/store/internal/tree"
)

// The sizes that the stores of this module accept.
const (
	MaxKey   = 32 << 10 // the longest key, in bytes, as in bbolt
	MaxValue = 64 << 20 // the longest value, in bytes; larger ones belong in store.Blobs
)

// errOver: a Reader or Writer was used after its transaction.
var errOver = errors.New("store: used after its transaction has ended")

// A Space is one key space within a transaction. It shows the base with the pending
// writes applied. It is a store.Writer and a store.ManyGetter.
type Space struct {
	base  store.Reader // nil: there is no base
	edit  tree.Edit
	bytes int
	over  bool
}

// New returns a space with pending writes on top of base. With a nil base, the writes are
// the complete data, and a deleted key leaves no mark.
func New(base store.Reader, writes tree.Tree) *Space {
	return &Space{base: base, edit: writes.Edit()}
}

// Writes returns all writes so far, including those given to New.
func (s *Space) Writes() tree.Tree { return s.edit.Done() }

// Bytes returns the total size of the writes made through this space.
func (s *Space) Bytes() int { return s.bytes }

// End ends the space. Every later use returns an error.
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

// Get returns the value of key and whether key exists.
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

// GetMany returns one value for each key, nil if the key does not exist.
func (s *Space) GetMany(keys [][]byte) ([][]byte, error) {
	if s.base != nil && s.edit.Empty() && !s.over {
		return store.GetMany(s.base, keys) // the base checks the keys
	}
	values, missing, places, err := s.split(keys)
	if err != nil {
		return nil, err
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

// split returns the values of the keys that are written, and the other keys with their places.
func (s *Space) split(keys [][]byte) (values, missing [][]byte, places []int, err error) {
	values = make([][]byte, len(keys))
	for i, key := range keys {
		if err := s.check(key); err != nil {
			return nil, nil, nil, err
		}
		if e, ok := s.edit.Get(key); ok {
			values[i] = value(e)
		} else if s.base != nil {
			missing, places = append(missing, key), append(places, i)
		}
	}
	return values, missing, places, nil
}

func (s *Space) check(key []byte) error {
	if s.over {
		return errOver
	}
	return CheckKey(key)
}

// Over returns the error of a Reader that is used after its transaction.
func Over() error { return errOver }

// CheckKey returns an error that matches store.ErrTooLarge if the stores of this module
// do not accept the key.
func CheckKey(key []byte) error {
	if len(key) == 0 || len(key) > MaxKey {
		return fmt.Errorf("%w: key of %d bytes (1 to %d)", store.ErrTooLarge, len(key), MaxKey)
	}
	return nil
}

// value returns a copy of the entry's value. The copy belongs to the caller.
func value(e tree.Entry) []byte {
	if e.Deleted {
		return nil
	}
	return append(make([]byte, 0, len(e.Value)), e.Value...)
}
