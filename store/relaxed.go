package store

import "context"

// A Relaxer is a Store whose Update can return before its changes are durable. A crash can
// then lose the last Updates that returned nil. It is optional: a store without these methods
// is durable when Update returns.
type Relaxer interface {
	// Relaxed reports whether a crash can lose Updates that returned nil.
	Relaxed() bool

	// Sync makes everything durable that was committed before the call. An error means that
	// it may not be durable; a later Sync tries again.
	Sync(ctx context.Context) error

	// AfterSync calls fn once, when everything that was committed before the call of
	// AfterSync is durable. Functions are called one at a time, in the order in which they
	// were given. fn can be called before AfterSync returns, or later on another goroutine.
	// fn must not call Sync, Update or Close. fn is never called if the store closes without
	// making the changes durable. A store that promises nothing about crashes calls fn at once.
	AfterSync(fn func())
}

// Relaxed reports whether a crash can lose Updates of s that returned nil.
func Relaxed(s Store) bool {
	r, ok := s.(Relaxer)
	return ok && r.Relaxed()
}

// Sync makes everything durable that was committed in s before the call.
func Sync(ctx context.Context, s Store) error {
	if r, ok := s.(Relaxer); ok {
		return r.Sync(ctx)
	}
	return nil
}

// AfterSync calls fn when everything that was committed in s before the call is durable; see
// [Relaxer]. For a store that is durable when Update returns, it calls fn at once.
func AfterSync(s Store, fn func()) {
	if r, ok := s.(Relaxer); ok {
		r.AfterSync(fn)
		return
	}
	fn()
}
