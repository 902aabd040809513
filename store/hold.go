package store

import "context"

// A Holder is a Blobs of another process that can keep contents from being deleted while they are read here. It is optional.
type Holder interface {
	// Hold keeps all contents that are there until release is called. The context that it returns ends when the
	// hold is lost. release returns an error if the hold was lost before it; contents that were to go meanwhile have gone
	// when it returns. A second call returns the same.
	Hold(ctx context.Context) (held context.Context, release func() error, err error)
}

// Hold keeps the contents of b from being deleted; see [Holder]. Returns [ErrNotSupported] if b is not a Holder.
func Hold(ctx context.Context, b Blobs) (held context.Context, release func() error, err error) {
	h, ok := b.(Holder)
	if !ok {
		return nil, nil, ErrNotSupported
	}
	return h.Hold(ctx)
}
