package boltstore

import (
	"context"
	"errors"
	"runtime/debug"

	"groupkit/store"
)

// mostProblems is the number of problems after which a check ends.
const mostProblems = 1000

var errEnough = errors.New("boltstore: too many problems")

// Check reads all pages of the file and returns what is damaged. The store can be in use.
// It checks the file as of one instant; with Interval, changes that are not yet saved are
// not in it. Check has the effect of a View that lasts until it returns.
//
// It checks the structure: that each page leads to pages of the right kind, each once, that
// their entries are readable and in order, and that each key can be found from the root. As
// long as nothing was written since the file was opened, it also checks that each page is in
// use or free. It cannot tell whether a value has changed. It ends after 1,000 problems.
func (s *Store) Check(ctx context.Context) ([]error, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.gate.Leave()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t, err := s.begin(false)
	if errors.Is(err, store.ErrCorrupt) {
		return []error{err}, nil
	}
	if err != nil {
		return nil, err
	}
	defer t.rollback()
	i := t.inspection(ctx)
	err = i.all(s.path, t.pages.root)
	if err == nil && len(i.problems) == 0 {
		err = i.completes(s.inspected, uint64(t.ID()))
	}
	switch {
	case errors.Is(err, store.ErrCorrupt):
		return append(i.problems, err), nil
	case err != nil && !errors.Is(err, errEnough):
		return i.problems, err
	}
	return i.problems, nil
}

// inspection returns an inspection of the pages that the transaction sees.
func (t *tx) inspection(ctx context.Context) *inspection {
	m := meta{pageSize: uint32(t.pages.size), high: t.pages.high}
	i := &inspection{memory: t.pages.memory, meta: m, seen: newPages(m.high), deep: true, collects: true, ctx: ctx}
	i.mark(0)
	i.mark(1)
	return i
}

func (i *inspection) all(path string, root uint64) (err error) {
	defer catch(debug.SetPanicOnFault(true), path, &err)
	return i.tree(root)
}

// problem keeps err and returns nil if the inspection goes on after problems. Otherwise, and
// if err is not a problem of the file, it returns err.
func (i *inspection) problem(err error) error {
	if err == nil || !i.collects || !errors.Is(err, store.ErrCorrupt) {
		return err
	}
	if i.problems = append(i.problems, err); len(i.problems) >= mostProblems {
		return errEnough
	}
	return nil
}

// interrupted returns the error of the context of a check, if it has ended.
func (i *inspection) interrupted() error {
	if i.ctx == nil {
		return nil
	}
	return i.ctx.Err()
}
