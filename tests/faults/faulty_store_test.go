package faults_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
)

// A fault is the error of a store, and which errors a caller has to get and not to get.
type fault struct {
	name string
	err  error
	is   []error
	not  []error
}

var errBoom = errors.New("boom")

var faults = []fault{
	{"anything", errBoom, []error{groupkit.ErrStorage, errBoom}, []error{groupkit.ErrCorrupt, groupkit.ErrUnknownOutcome, groupkit.ErrClosed}},
	{"no space", fmt.Errorf("disk: %w", store.ErrNoSpace), []error{groupkit.ErrStorage, store.ErrNoSpace}, []error{groupkit.ErrCorrupt, groupkit.ErrLimit}},
	{"too large", store.ErrTooLarge, []error{groupkit.ErrStorage, store.ErrTooLarge}, []error{groupkit.ErrLimit}},
	{"conflict", errors.Join(store.ErrConflict, context.DeadlineExceeded), []error{groupkit.ErrStorage, context.DeadlineExceeded}, []error{groupkit.ErrConflict}},
	{"corrupt", store.ErrCorrupt, []error{groupkit.ErrCorrupt}, []error{groupkit.ErrStorage}},
	{"closed", store.ErrClosed, []error{groupkit.ErrClosed}, []error{groupkit.ErrStorage}},
	{"end of the context", context.Canceled, []error{context.Canceled}, []error{groupkit.ErrStorage, groupkit.ErrCorrupt}},
}

// someFaults are for the tests that would take long with all faults.
func someFaults() []fault { return []fault{faults[0], faults[4], faults[6]} }

// A faultyStore fails at one of its operations, counted from the time it is armed: at the
// beginning of a transaction, at a read or write in it, or at its commit.
type faultyStore struct {
	store.Store
	left    atomic.Int64 // operations until the one that fails; below it, none does
	err     error
	hit     atomic.Bool
	commits bool                // the commit is made although it fails
	spoil   func([]byte) []byte // replaces a value that is read, instead of failing
}

func (s *faultyStore) disarm() { s.left.Store(0) }

func (s *faultyStore) turn() bool {
	if s.left.Add(-1) != 0 {
		return false
	}
	s.hit.Store(true)
	return true
}

func (s *faultyStore) fails() error {
	if s.spoil == nil && s.turn() {
		return s.err
	}
	return nil
}

func (s *faultyStore) Exclusive() bool { return true }

func (s *faultyStore) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.fails(); err != nil {
		return err
	}
	return s.Store.View(ctx, func(r store.Reader) error { return fn(faultyReader{r, s}) })
}

func (s *faultyStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	if err := s.fails(); err != nil {
		return err
	}
	var failed error
	err := s.Store.Update(ctx, func(w store.Writer) error {
		if err := fn(faultyWriter{faultyReader{w, s}, w}); err != nil {
			return err
		}
		if failed = s.fails(); s.commits {
			return nil
		}
		return failed
	})
	if failed != nil {
		return failed
	}
	return err
}

func (s *faultyStore) arm(operation int, err error) {
	s.err = err
	s.hit.Store(false)
	s.left.Store(int64(operation))
}

type faultyReader struct {
	store.Reader
	s *faultyStore
}

func (r faultyReader) Get(k []byte) ([]byte, bool, error) {
	if err := r.s.fails(); err != nil {
		return nil, false, err
	}
	v, ok, err := r.Reader.Get(k)
	if ok && r.s.spoil != nil && r.s.turn() {
		v = r.s.spoil(v)
		ok = v != nil
	}
	return v, ok, err
}

func (r faultyReader) Scan(rng store.Range) ([]store.Pair, bool, error) {
	if err := r.s.fails(); err != nil {
		return nil, false, err
	}
	page, more, err := r.Reader.Scan(rng)
	for i := range page {
		if r.s.spoil != nil && r.s.turn() {
			page = slices.Clone(page)
			page[i].Value = r.s.spoil(page[i].Value)
		}
	}
	return page, more, err
}

type faultyWriter struct {
	faultyReader
	w store.Writer
}

func (w faultyWriter) Put(k, v []byte) error {
	if err := w.s.fails(); err != nil {
		return err
	}
	return w.w.Put(k, v)
}

func (w faultyWriter) Delete(k []byte) error {
	if err := w.s.fails(); err != nil {
		return err
	}
	return w.w.Delete(k)
}

// newFaultyDataset returns a Dataset whose store can be made to fail.
func newFaultyDataset(t grouptest.TB) (*grouptest.Dataset, *faultyStore) {
	return newFaultyDatasetWith(t, grouptest.DatasetOptions())
}

func newFaultyDatasetWith(t grouptest.TB, opts groupkit.Options) (*grouptest.Dataset, *faultyStore) {
	f := new(faultyStore)
	s := grouptest.NewDatasetOver(t, opts, func(s store.Store, b store.Blobs) (store.Store, store.Blobs) {
		f.Store = s
		return f, b
	})
	return s, f
}
