package boltstore

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store"
)

// Whatever a new file has lost, changed or added, compare finds it.
func TestStore_compare(t *testing.T) {
	t.Parallel()
	file := func(name string, change func(b *bolt.Bucket) error) string {
		path := filepath.Join(t.TempDir(), name)
		db, err := bolt.Open(path, 0o600, nil)
		require.NoError(t, err)
		require.NoError(t, db.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucket([]byte("b"))
			require.NoError(t, err)
			_, err = tx.CreateBucket([]byte("c"))
			require.NoError(t, err)
			inner, err := b.CreateBucket([]byte("inner"))
			require.NoError(t, err)
			require.NoError(t, inner.Put([]byte("k"), []byte("v")))
			require.NoError(t, b.Put([]byte("k"), []byte("v")))
			require.NoError(t, b.Put([]byte("none"), nil))
			return change(b)
		}))
		require.NoError(t, db.Close())
		return path
	}
	db, err := bolt.Open(file("a", func(*bolt.Bucket) error { return nil }), 0o600, &bolt.Options{ReadOnly: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s := &Store{db: db}
	for name, change := range map[string]func(b *bolt.Bucket) error{
		"a value":             func(b *bolt.Bucket) error { return b.Put([]byte("k"), []byte("w")) },
		"a key less":          func(b *bolt.Bucket) error { return b.Delete([]byte("none")) },
		"a key more":          func(b *bolt.Bucket) error { return b.Put([]byte("z"), nil) },
		"a bucket less":       func(b *bolt.Bucket) error { return b.DeleteBucket([]byte("inner")) },
		"a bucket more":       func(b *bolt.Bucket) error { _, err := b.CreateBucket([]byte("z")); return err },
		"the last bucket":     func(b *bolt.Bucket) error { return b.Tx().DeleteBucket([]byte("c")) },
		"a value in a bucket": func(b *bolt.Bucket) error { return b.Bucket([]byte("inner")).Put([]byte("k"), []byte("w")) },
		"a sequence":          func(b *bolt.Bucket) error { return b.SetSequence(1) },
		"a bucket for a key": func(b *bolt.Bucket) error {
			if err := b.Delete([]byte("none")); err != nil {
				return err
			}
			_, err := b.CreateBucket([]byte("none"))
			return err
		},
	} {
		require.ErrorIs(t, s.compare(file("b", change)), store.ErrCorrupt, name)
	}
	require.NoError(t, s.compare(file("b", func(*bolt.Bucket) error { return nil })))
}
