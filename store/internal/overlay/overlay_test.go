package overlay_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/internal/overlay"
	"groupkit/store/internal/tree"
	"groupkit/store/memstore"
	"groupkit/store/storetest"
)

// stacked is a store that puts an overlay on top of the overlay of another store, so that
// everything in this package runs twice.
type stacked struct{ *memstore.Store }

func (s stacked) Update(ctx context.Context, fn func(store.Writer) error) error {
	return s.Store.Update(ctx, func(w store.Writer) error {
		below := overlay.New(w, tree.Tree{})
		above := overlay.New(plain{below}, tree.Tree{})
		defer above.End()
		if err := fn(above); err != nil {
			return err
		}
		return write(w, above.Writes())
	})
}

// plain is a Reader with pages of two pairs and without GetMany.
type plain struct{ store.Reader }

func (p plain) Scan(r store.Range) ([]store.Pair, bool, error) {
	r.Limit = min(r.PageSize(), 2)
	return p.Reader.Scan(r)
}

func write(w store.Writer, t tree.Tree) (err error) {
	c := t.Scan(nil, nil, false)
	for e, ok := c.Next(); ok && err == nil; e, ok = c.Next() {
		if e.Deleted {
			err = w.Delete(e.Key)
		} else {
			err = w.Put(e.Key, e.Value)
		}
	}
	return err
}

func TestSpace(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return stacked{memstore.New()} })
}

var errBelow = errors.New("below")

// broken is a Reader that fails.
type broken struct{}

func (broken) Get([]byte) ([]byte, bool, error)             { return nil, false, errBelow }
func (broken) Scan(store.Range) ([]store.Pair, bool, error) { return nil, false, errBelow }

func TestSpace_errors(t *testing.T) {
	s := overlay.New(broken{}, tree.Tree{})
	require.NoError(t, s.Put([]byte("a"), []byte("1")))
	require.Equal(t, 2, s.Bytes())
	_, _, err := s.Get([]byte("b"))
	require.ErrorIs(t, err, errBelow)
	_, err = s.GetMany([][]byte{[]byte("a"), []byte("b")})
	require.ErrorIs(t, err, errBelow)
	_, _, err = s.Scan(store.Range{})
	require.ErrorIs(t, err, errBelow)
	_, err = s.GetMany([][]byte{nil})
	require.ErrorIs(t, err, store.ErrTooLarge)
}
