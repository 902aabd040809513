package store

import "context"

// A Checker is a Store that can check how its data is stored while it is in use. It is
// optional.
type Checker interface {
	// Check reads the whole store and returns what is damaged: no problems for a sound
	// store. Each problem matches [ErrCorrupt]. An error means that the check did not come
	// to its end; the problems found so far are returned with it.
	//
	// A Checker knows nothing about the values. It finds what a reader of all pairs does
	// not find, such as a pair that a scan returns and that cannot be found by its key.
	Check(ctx context.Context) (problems []error, err error)
}

// Check checks how the data of s is stored; see [Checker]. Returns [ErrNotSupported] if s
// is not a Checker.
func Check(ctx context.Context, s Store) (problems []error, err error) {
	c, ok := s.(Checker)
	if !ok {
		return nil, ErrNotSupported
	}
	return c.Check(ctx)
}
