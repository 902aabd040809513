package boltstore

import (
	"context"
	"fmt"
	"runtime/debug"

	"groupkit/store"
)

// Relaxed reports whether a crash can lose Updates that returned nil: with Interval, with
// None, and in a database of the application that was opened with NoSync.
func (s *Store) Relaxed() bool { return s.relax != nil || s.unsynced }

// Sync makes everything durable that was committed before the call. With Interval it saves
// the changes in memory. If that fails, they stay in memory and a later Sync tries again.
func (s *Store) Sync(ctx context.Context) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	switch {
	case s.relax != nil:
		return s.relax.sync(ctx)
	case s.unsynced:
		return s.syncFile()
	}
	return nil
}

// AfterSync calls fn once, when everything that was committed before the call is durable.
// With Interval this is after the next save; if nothing is unsaved, and with every other
// durability, at once. Close waits until the functions that are due have returned. If Close
// fails to save, the functions of unsaved changes are not called, unless a later Close
// succeeds.
func (s *Store) AfterSync(fn func()) {
	if s.backlog == nil {
		fn()
		return
	}
	commit := uint64(0)
	if s.relax != nil {
		commit = s.relax.committed()
	}
	s.backlog.add(commit, fn)
}

// syncFile makes durable what the operating system has of the file. The transaction keeps
// the application from closing the file meanwhile.
func (s *Store) syncFile() (err error) {
	t, err := s.begin(false)
	if err != nil {
		return err
	}
	defer t.rollback()
	defer catch(debug.SetPanicOnFault(true), s.path, &err)
	if err := s.db.Sync(); err != nil {
		return fmt.Errorf("boltstore: %s: sync: %w", s.path, noSpace(err))
	}
	return nil
}

// noSpace adds store.ErrNoSpace to an error of the file that says so.
func noSpace(err error) error {
	if full(err) {
		return fmt.Errorf("%w: %w", store.ErrNoSpace, err)
	}
	return err
}
