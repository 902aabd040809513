package boltstore

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	berrors "go.etcd.io/bbolt/errors"

	"groupkit/store"
)

// failed says what a failed commit of the transaction id means. bbolt's error
// can come before its meta page was written, and then nothing has happened, or
// after that, and then the change is visible but may not be durable.
func (s *Store) failed(id int, committing bool, cause error) error {
	if !committing {
		return s.storage(cause)
	}
	t, err := s.begin(false)
	if err != nil {
		return s.unknown(id, errors.Join(cause, err))
	}
	defer t.rollback()
	if t.ID() >= id {
		return s.unknown(id, cause)
	}
	if errors.Is(cause, store.ErrCorrupt) {
		// bbolt panicked half way: what it knows of free pages can't be trusted.
		s.refuse(id, cause)
	}
	return s.storage(cause)
}

func (s *Store) unknown(id int, cause error) error {
	s.refuse(id, cause)
	return fmt.Errorf("%w: %s: transaction %d: %w", store.ErrCommitUnknown, s.path, id, cause)
}

func (s *Store) refuse(id int, cause error) {
	s.refused.set(fmt.Errorf("boltstore: %s: writes are refused until it is opened again: transaction %d failed: %v",
		s.path, id, cause))
}

// storage gives an error of bbolt or of the file its place among those of the seam.
func (s *Store) storage(cause error) error {
	switch {
	case errors.Is(cause, store.ErrCorrupt):
		return cause
	case full(cause):
		return fmt.Errorf("%w: %s: %w", store.ErrNoSpace, s.path, cause)
	default:
		return fmt.Errorf("boltstore: %s: commit: %w", s.path, cause)
	}
}

// full reports whether an error says that there is no room. bbolt gives some of
// the system's errors as text alone.
func full(err error) bool {
	if errors.Is(err, berrors.ErrMaxSizeReached) {
		return true
	}
	for _, none := range noRoom {
		if errors.Is(err, none) || strings.Contains(err.Error(), none.Error()) {
			return true
		}
	}
	return false
}

var noRoom = []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}
