package boltstore_test

import (
	"context"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/storetest"
)

func TestStore(t *testing.T) {
	for name, opts := range map[string]*boltstore.Options{
		"sync":     nil,
		"interval": {Durability: boltstore.Interval, Every: time.Millisecond},
		"seldom":   {Durability: boltstore.Interval, Every: time.Hour},
		"none":     {Durability: boltstore.None},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) store.Store { return openNew(t, opts) })
		})
	}
	t.Run("shared", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) store.Store {
			s, err := boltstore.New(openBolt(t))
			require.NoError(t, err)
			return s
		})
	})
}

// TestStore_zero calls every method of a Store that nobody has opened.
func TestStore_zero(t *testing.T) {
	var s boltstore.Store
	require.ErrorIs(t, s.View(ctx, func(store.Reader) error { return nil }), store.ErrClosed)
	require.ErrorIs(t, s.Update(ctx, func(store.Writer) error { return nil }), store.ErrClosed)
	require.ErrorIs(t, s.Sync(ctx), store.ErrClosed)
	require.ErrorIs(t, s.Backup(ctx, io.Discard), store.ErrClosed)
	require.ErrorIs(t, s.CopyTo(ctx, filepath.Join(t.TempDir(), "copy.db")), store.ErrClosed)
	_, err := s.Check(ctx)
	require.ErrorIs(t, err, store.ErrClosed)
	called := false
	s.AfterSync(func() { called = true })
	require.True(t, called)
	require.False(t, s.Relaxed())
	require.True(t, s.Exclusive())
	require.Empty(t, s.Path())
	require.NoError(t, s.Close())
}

// openNew opens a new file.
func openNew(t testing.TB, opts *boltstore.Options) *boltstore.Store {
	return openAt(t, filepath.Join(t.TempDir(), "test.db"), opts)
}

func openAt(t testing.TB, path string, opts *boltstore.Options) *boltstore.Store {
	s, err := boltstore.Open(path, opts)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// openBolt opens a database as an application does.
func openBolt(t testing.TB) *bolt.DB {
	db, err := bolt.Open(filepath.Join(t.TempDir(), "app.db"), 0o600, &bolt.Options{InitialMmapSize: 1 << 26, NoSync: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

var ctx = context.Background()

func put(t testing.TB, s store.Store, key, value string) {
	require.NoError(t, s.Update(ctx, func(w store.Writer) error { return w.Put([]byte(key), []byte(value)) }))
}

func get(t testing.TB, s store.Store, key string) (value string) {
	require.NoError(t, s.View(ctx, func(r store.Reader) error {
		v, ok, err := r.Get([]byte(key))
		if value = string(v); !ok {
			value = "none"
		}
		return err
	}))
	return value
}

// count returns the number of the engine's keys, at most a page.
func count(t testing.TB, s store.Store) (n int) {
	require.NoError(t, s.View(ctx, func(r store.Reader) error {
		page, _, err := r.Scan(store.Range{})
		n = len(page)
		return err
	}))
	return n
}
