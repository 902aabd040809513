package boltstore_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"groupkit/store"
	"groupkit/store/boltstore"
)

func TestSmoke(t *testing.T) {
	for _, d := range []boltstore.Durability{boltstore.Sync, boltstore.Interval, boltstore.None} {
		p := filepath.Join(t.TempDir(), "x.db")
		s, err := boltstore.Open(p, &boltstore.Options{Durability: d})
		require.NoError(t, err)
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				for j := range 20 {
					require.NoError(t, s.Update(context.Background(), func(w store.Writer) error {
						return w.Put(fmt.Appendf(nil, "%d-%d", i, j), make([]byte, 100))
					}))
				}
			})
		}
		wg.Wait()
		count := func() {
			n := 0
			require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
				rg := store.Range{Limit: 100}
				for more := true; more; {
					var page []store.Pair
					var err error
					page, more, err = r.Scan(rg)
					require.NoError(t, err)
					n += len(page)
					if more {
						rg.From = append(page[len(page)-1].Key, 0)
					}
				}
				return nil
			}))
			require.Equal(t, 1280, n)
		}
		count()
		require.NoError(t, s.Close())
		s, err = boltstore.Open(p, nil)
		require.NoError(t, err)
		count()
		require.NoError(t, s.Close())
	}
}
