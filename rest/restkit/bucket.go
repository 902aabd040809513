package restkit

import (
	"context"
	"time"

	"groupkit"
	"groupkit/store"
)

// The buckets of the store that this package uses.
const (
	TokensBucket = "rest.tokens"
	UsersBucket  = "rest.users"
)

// A bucket is a bucket of the application in the store of an engine.
type bucket struct {
	eng  *groupkit.Engine
	name string
}

func (b bucket) view(ctx context.Context, fn func(store.Reader) error) error {
	return b.eng.Bucket(ctx, b.name, fn)
}

// update runs fn in one transaction, possibly more than once.
func (b bucket) update(ctx context.Context, fn func(store.Writer) error) error {
	return b.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
		w, err := tx.Bucket(b.name)
		if err != nil {
			return err
		}
		return fn(w)
	})
}

// orNow returns the clock to use.
func orNow(clock func() time.Time) func() time.Time {
	if clock == nil {
		return time.Now
	}
	return clock
}

// millis returns t in milliseconds since 1970, and 0 for earlier times.
func millis(t time.Time) uint64 { return uint64(max(t.UnixMilli(), 0)) }
