package store

import "context"

// A Tidier is a Blobs that can remove what crashes have left of its Puts, without their IDs.
// It is optional: Delete removes what is left of one Put.
type Tidier interface {
	// Tidy removes everything that is left of Puts that a crash cut off. It does not disturb
	// the Puts of this Blobs. The caller makes sure that no other process has a Put running.
	Tidy(ctx context.Context) error
}

// Tidy removes what is left in b of Puts that a crash cut off; see [Tidier]. It does nothing if
// b is not a Tidier.
func Tidy(ctx context.Context, b Blobs) error {
	if t, ok := b.(Tidier); ok {
		return t.Tidy(ctx)
	}
	return nil
}
