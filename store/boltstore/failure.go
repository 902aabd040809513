package boltstore

import (
	"errors"
	"fmt"

	berrors "go.etcd.io/bbolt/errors"

	"groupkit/store"
	"groupkit/store/internal/disk"
)

// failed returns the error for a failed commit of transaction id. bbolt can fail before
// it writes the meta page: then nothing was changed. It can also fail after that: then
// the change is visible, but may not be durable.
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
		// bbolt panicked during the commit, so its list of free pages is not reliable.
		s.refuse(id, cause)
	}
	return s.storage(cause)
}

func (s *Store) unknown(id int, cause error) error {
	s.refuse(id, cause)
	return fmt.Errorf("%w: %s: transaction %d: %w", store.ErrCommitUnknown, s.path, id, cause)
}

func (s *Store) refuse(id int, cause error) {
	err := fmt.Errorf("boltstore: %s: writes are refused until it is opened again: transaction %d failed: %v", s.path, id, cause)
	if errors.Is(cause, store.ErrCorrupt) {
		err = fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	s.refused.set(err)
}

// storage returns the error of package store for an error of bbolt or of the file.
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

// full reports whether err means that there is no space left.
func full(err error) bool { return errors.Is(err, berrors.ErrMaxSizeReached) || disk.Full(err) }
