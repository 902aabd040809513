package groupkit_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A closingStore returns one error after another from Close, as long as there are any.
type closingStore struct {
	store.Store
	errs   []error
	closed int
}

func (s *closingStore) Close() error {
	s.closed++
	if len(s.errs) == 0 {
		return s.Store.Close()
	}
	err := s.errs[0]
	s.errs = s.errs[1:]
	return err
}

// A closingBlobs counts the calls of Close.
type closingBlobs struct {
	store.Blobs
	closed int
}

func (b *closingBlobs) Close() error {
	b.closed++
	return b.Blobs.Close()
}

func TestEngine_Close_unsaved(t *testing.T) {
	unsaved := fmt.Errorf("%w: 7 of them: %w", store.ErrUnsaved, store.ErrNoSpace)
	s := &closingStore{Store: memstore.New(), errs: []error{unsaved, unsaved}}
	blobs := &closingBlobs{Blobs: memblob.New()}
	eng, err := groupkit.New(s, blobs, nil)
	require.NoError(t, err)
	for range 2 {
		err := eng.Close()
		require.ErrorIs(t, err, groupkit.ErrStorage)
		require.ErrorIs(t, err, store.ErrUnsaved)
		require.ErrorIs(t, err, store.ErrNoSpace)
		require.Zero(t, blobs.closed, "saving can still remove contents")
	}
	for range 2 {
		require.NoError(t, eng.Close())
		require.Equal(t, []int{3, 1}, []int{s.closed, blobs.closed})
	}
}

func TestEngine_Close_failed(t *testing.T) {
	failed := errors.New("disk on fire")
	s := &closingStore{Store: memstore.New(), errs: []error{failed}}
	blobs := &closingBlobs{Blobs: memblob.New()}
	eng, err := groupkit.New(s, blobs, nil)
	require.NoError(t, err)
	for range 2 {
		require.ErrorIs(t, eng.Close(), failed)
		require.Equal(t, []int{1, 1}, []int{s.closed, blobs.closed}, "the second Close returns the result of the first")
	}
}
