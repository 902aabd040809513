package boltstore_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store/boltstore"
)

func TestOpen_freelist(t *testing.T) {
	requireLocks(t)
	// After one Open following a crash, the file contains its list of free pages again,
	// and bbolt finds no error in it.
	t.Run("of an application that nests buckets", func(t *testing.T) {
		t.Parallel()
		db := openUnlisted(t, 0)
		for range 12 {
			require.NoError(t, db.Update(func(tx *bolt.Tx) error {
				for name, depth := range map[string]int{"groupkit": 0, "app": 3, "other": 3} {
					b, err := tx.CreateBucketIfNotExists([]byte(name))
					require.NoError(t, err)
					scribble(t, b, depth)
				}
				return nil
			}))
			requireListed(t, content(t, db.Path()))
		}
	})
	t.Run("where free pages don't adjoin", func(t *testing.T) {
		t.Parallel()
		db := openUnlisted(t, 1024)
		for n := 0; n < 20 || fits(t, db); n++ {
			require.Less(t, n, 1000, "free pages always adjoin")
			require.NoError(t, db.Update(func(tx *bolt.Tx) error {
				for range 1000 {
					key := fmt.Appendf(nil, "%05d", rand.IntN(20_000))
					require.NoError(t, tx.Bucket([]byte("groupkit")).Put(key, make([]byte, 200)))
				}
				return nil
			}))
		}
		before := content(t, db.Path())
		before = before[:high(before, 1024)*1024]
		after := requireListed(t, before)
		require.Greater(t, high(after, 1024), high(before, 1024), "there was room elsewhere")
	})
	t.Run("of more pages than a header can count", func(t *testing.T) {
		t.Parallel()
		db := openUnlisted(t, 1024)
		for _, size := range []int{70_000 << 10, 1} {
			require.NoError(t, db.Update(func(tx *bolt.Tx) error {
				b, err := tx.CreateBucketIfNotExists([]byte("app"))
				require.NoError(t, err)
				return b.Put([]byte("large"), make([]byte, size))
			}))
		}
		requireListed(t, content(t, db.Path()))
	})
}

// TestOpen_crashesAgain opens a file after an Open that was interrupted.
func TestOpen_crashesAgain(t *testing.T) {
	requireLocks(t)
	page := os.Getpagesize()
	before := crashed(t)
	after := requireListed(t, before)
	_, old := current(before, page)
	_, next := current(after, page)
	require.NotEqual(t, old, next, "the meta page in use has been overwritten")
	t.Run("before the meta page", func(t *testing.T) {
		left := append(bytes.Clone(before[:2*page]), after[2*page:]...)
		require.True(t, bytes.Equal(after, requireListed(t, left)))
	})
	t.Run("within the meta page", func(t *testing.T) {
		for _, torn := range []int{16 + 33, 16 + 48, 16 + 49, 16 + 56, 16 + 63} {
			left, at := bytes.Clone(after), next*page
			copy(left[at+torn:at+page], before[at+torn:])
			_, got := current(left, page)
			require.Equal(t, old, got, torn)
			require.True(t, bytes.Equal(after, requireListed(t, left)), torn)
		}
	})
}

func requireLocks(t *testing.T) {
	if !boltstore.Locks {
		t.Skip("here only bbolt can lock a file, and until then nothing is written")
	}
}

// openUnlisted opens a database that never writes its list of free pages.
func openUnlisted(t *testing.T, pageSize int) *bolt.DB {
	db, err := bolt.Open(filepath.Join(t.TempDir(), "app.db"), 0o600,
		&bolt.Options{PageSize: pageSize, InitialMmapSize: 1 << 26, NoSync: true, NoFreelistSync: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket([]byte("groupkit"))
		require.NoError(t, err)
		return b.SetSequence(1)
	}))
	return db
}

// fits reports whether the list of free pages fits into adjacent free pages.
func fits(t *testing.T, db *bolt.DB) bool {
	var free, run, longest int64
	pageSize := int64(db.Info().PageSize)
	require.NoError(t, db.View(func(tx *bolt.Tx) error {
		for id := range tx.Size() / pageSize {
			page, err := tx.Page(int(id))
			require.NoError(t, err)
			if page.Type != "free" {
				run = 0
				continue
			}
			free++
			run++
			longest = max(longest, run)
		}
		return nil
	}))
	return longest*pageSize >= 16+8*(free+1) // the header of a page has 16 bytes
}

// scribble changes a bucket and its nested buckets down to a depth.
func scribble(t *testing.T, b *bolt.Bucket, depth int) {
	for range rand.IntN(60) {
		key := fmt.Appendf(nil, "%03d", rand.IntN(300))
		if rand.IntN(3) == 0 {
			require.NoError(t, b.Delete(key))
		} else {
			require.NoError(t, b.Put(key, make([]byte, 1<<rand.IntN(14))))
		}
	}
	if depth == 0 {
		return
	}
	inner, err := b.CreateBucketIfNotExists(fmt.Append(nil, "bucket ", rand.IntN(3)))
	require.NoError(t, err)
	scribble(t, inner, depth-1)
	if name := fmt.Append(nil, "bucket ", rand.IntN(3)); rand.IntN(8) == 0 && b.Bucket(name) != nil {
		require.NoError(t, b.DeleteBucket(name))
	}
}

// requireListed opens a file without a list of free pages and returns its new content.
// Every page must be either in use or in the list.
func requireListed(t *testing.T, unlisted []byte) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	require.NoError(t, os.WriteFile(path, unlisted, 0o600))
	pairs := dump(t, path)
	require.NoError(t, os.WriteFile(path, unlisted, 0o600))
	s := openAt(t, path, nil)
	listed := content(t, path)
	require.NoError(t, s.Close())
	require.NoError(t, os.WriteFile(path, listed, 0o600))

	db, err := bolt.Open(path, 0o600, &bolt.Options{NoSync: true})
	require.NoError(t, err)
	require.True(t, bytes.Equal(listed, content(t, path)), "bbolt has found no list")
	requireSound(t, db)
	require.NoError(t, db.Close())
	require.True(t, slices.Equal(pairs, dump(t, path)), "what is in it has changed")
	return listed
}

// dump returns all pairs of a database.
func dump(t *testing.T, path string) (pairs []string) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{NoSync: true})
	require.NoError(t, err)
	var add func(prefix string, b *bolt.Bucket) error
	add = func(prefix string, b *bolt.Bucket) error {
		return b.ForEach(func(k, v []byte) error {
			pairs = append(pairs, fmt.Sprintf("%s/%s=%s", prefix, k, v))
			if v == nil {
				return add(prefix+"/"+string(k), b.Bucket(k))
			}
			return nil
		})
	}
	require.NoError(t, db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bolt.Bucket) error { return add(string(name), b) })
	}))
	require.NoError(t, db.Close())
	return pairs
}

func content(t *testing.T, path string) []byte {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

// current returns the current meta page of bbolt, without its header, and its page
// number.
func current(file []byte, pageSize int) (meta []byte, number int) {
	id := uint64(0)
	for n := range 2 {
		m := file[n*pageSize+16:][:64]
		found := binary.NativeEndian.Uint64(m[48:])
		if binary.NativeEndian.Uint64(m[56:]) == sum(m) && found >= id {
			meta, number, id = m, n, found
		}
	}
	return meta, number
}

// high returns the first page number that was never used.
func high(file []byte, pageSize int) uint64 {
	meta, _ := current(file, pageSize)
	return binary.NativeEndian.Uint64(meta[40:])
}
