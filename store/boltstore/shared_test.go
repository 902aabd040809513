package boltstore_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/boltstore"
)

func TestNew(t *testing.T) {
	db := openBolt(t)
	s, err := boltstore.New(db)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket([]byte("app"))
		require.NoError(t, err)
		_, err = b.CreateBucket([]byte("nested"))
		require.NoError(t, err)
		return b.Put([]byte("own"), []byte("1"))
	}))
	require.NoError(t, s.Update(ctx, func(w store.Writer) error {
		b, err := store.Bucket(w, "app")
		require.NoError(t, err)
		v, ok, err := b.Get([]byte("own"))
		require.NoError(t, err)
		require.True(t, ok)
		_, ok, err = b.Get([]byte("nested"))
		require.NoError(t, err)
		require.False(t, ok, "a bucket is no value")
		require.ErrorContains(t, b.Put([]byte("nested"), nil), "nested bucket")
		require.ErrorContains(t, b.Delete([]byte("nested")), "nested bucket")
		page, more, err := b.Scan(store.Range{})
		require.NoError(t, err)
		require.False(t, more)
		require.Len(t, page, 1)
		return b.Put([]byte("ours"), v)
	}))
	require.NoError(t, s.Close())
	require.NoError(t, db.View(func(tx *bolt.Tx) error {
		require.Equal(t, []byte("1"), tx.Bucket([]byte("app")).Get([]byte("ours")))
		require.NotNil(t, tx.Bucket([]byte("app")).Bucket([]byte("nested")))
		return nil
	}))
	again, err := boltstore.New(db)
	require.NoError(t, err)
	put(t, again, "a", "1")
}

func TestStore_Backup(t *testing.T) {
	for _, opts := range []*boltstore.Options{nil, {Durability: boltstore.Interval, Every: time.Hour}} {
		s := openNew(t, opts)
		fill(t, s)
		put(t, s, "last", "1")
		var copied bytes.Buffer
		require.NoError(t, store.Backup(t.Context(), s, &copied))
		put(t, s, "later", "1")
		path := filepath.Join(t.TempDir(), "copy.db")
		require.NoError(t, os.WriteFile(path, copied.Bytes(), 0o600))
		restored := openAt(t, path, nil)
		require.NoError(t, readAll(restored))
		require.Equal(t, "1", get(t, restored, "last"))
		require.Equal(t, "none", get(t, restored, "later"))
	}
}

func TestStore_Close(t *testing.T) {
	// The list of free pages is in the file after Close and not before. With it, the next
	// Open need not read the whole file.
	listed := func(path string) bool {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		metas := [][]byte{b[16:], b[os.Getpagesize()+16:]}
		if binary.NativeEndian.Uint64(metas[0][48:]) < binary.NativeEndian.Uint64(metas[1][48:]) {
			metas[0] = metas[1]
		}
		return binary.NativeEndian.Uint64(metas[0][32:]) != 1<<64-1
	}
	path := filepath.Join(t.TempDir(), "test.db")
	s := openAt(t, path, nil)
	fill(t, s)
	require.False(t, listed(path))
	require.NoError(t, s.Close())
	require.True(t, listed(path))
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	s = openAt(t, path, nil)
	require.NoError(t, readAll(s))
	require.NoError(t, s.Close())
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(before, after), "reading has changed the file")
	s = openAt(t, path, nil)
	for s.Unread("groupkit")+s.Unread("app")+s.Unread("small") > 0 {
		put(t, s, "a", "1")
		require.True(t, listed(path), "if a commit failed, bbolt would read pages that were not checked")
		require.NoError(t, readAll(s))
	}
	put(t, s, "a", "1")
	require.False(t, listed(path))
}

func TestStore_relaxed(t *testing.T) {
	t.Run("saves in time", func(t *testing.T) {
		s := openNew(t, &boltstore.Options{Durability: boltstore.Interval, Every: time.Millisecond})
		before := commits(t, s)
		put(t, s, "a", "1")
		require.Eventually(t, func() bool { return commits(t, s) > before }, time.Minute, time.Millisecond)
		require.Equal(t, "1", get(t, s, "a"))
	})
	t.Run("holds no more than so much", func(t *testing.T) {
		s := openNew(t, &boltstore.Options{Durability: boltstore.Interval, Every: time.Hour})
		before := commits(t, s)
		large := string(make([]byte, boltstore.MaxRelaxed/2))
		for _, key := range []string{"a", "b", "c", "d"} {
			put(t, s, key, large)
		}
		require.Equal(t, 1, commits(t, s)-before)
		require.Equal(t, 4, count(t, s))
	})
}
