package boltstore_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/boltstore"
)

// files returns the contents of files with a number of keys: closed and crashed, of format
// 2 and of format 1.
func files(t *testing.T, keys int) map[string][]byte {
	path := filepath.Join(t.TempDir(), "test.db")
	s := openAt(t, path, &boltstore.Options{Durability: boltstore.None})
	for n := range keys {
		put(t, s, fmt.Sprintf("%05d", n), "value")
	}
	put(t, s, "large", string(noise(10_000)))
	crash := trim(content(t, path))
	require.NoError(t, s.Close())
	all := map[string][]byte{"crashed": crash, "closed": trim(content(t, path))}
	db, err := bolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bolt.Tx) error {
		require.NoError(t, tx.DeleteBucket([]byte("groupkit.format")))
		return tx.Bucket([]byte("groupkit")).SetSequence(1)
	}))
	require.NoError(t, db.Close())
	all["format 1"] = trim(content(t, path))
	return all
}

// rootLeaf returns the leaf with the names of the buckets, without what is not in use.
func rootLeaf(file []byte) []byte {
	meta, _ := current(file, os.Getpagesize())
	page := file[binary.NativeEndian.Uint64(meta[16:])*uint64(os.Getpagesize()):]
	last := page[16*int(binary.NativeEndian.Uint16(page[10:])):]
	return page[:16*int(binary.NativeEndian.Uint16(page[10:]))+int(binary.NativeEndian.Uint32(last[4:])+
		binary.NativeEndian.Uint32(last[8:])+binary.NativeEndian.Uint32(last[12:]))]
}

// openings are the ways to open a file.
var openings = map[string]func(path string) (*boltstore.Store, func(), error){
	"open":    func(path string) (*boltstore.Store, func(), error) { return opening(path, false) },
	"inspect": func(path string) (*boltstore.Store, func(), error) { return opening(path, true) },
	"shared": func(path string) (*boltstore.Store, func(), error) {
		db, err := bolt.Open(path, 0o600, &bolt.Options{NoSync: true, PreLoadFreelist: true})
		if err != nil {
			return nil, nil, err
		}
		s, err := boltstore.New(db)
		if err != nil {
			_ = db.Close()
		}
		return s, func() { _ = db.Close() }, err
	},
}

func opening(path string, inspect bool) (*boltstore.Store, func(), error) {
	s, err := boltstore.Open(path, &boltstore.Options{Durability: boltstore.None, Inspect: inspect, InitialMmapSize: 1 << 20})
	return s, func() { _ = s.Close() }, err
}

// TestOpen_flippedName changes one bit in a name of the engine's buckets. The file must not
// appear to be empty.
func TestOpen_flippedName(t *testing.T) {
	for _, keys := range []int{0, 3, 3000} {
		for kind, good := range files(t, keys) {
			for way, open := range openings {
				t.Run(fmt.Sprint(keys, " ", kind, " ", way), func(t *testing.T) {
					t.Parallel()
					if kind == "crashed" && way == "shared" {
						t.Skip("bbolt itself panics")
					}
					good, path := bytes.Clone(good), filepath.Join(t.TempDir(), "test.db")
					leaf := rootLeaf(good)
					for _, name := range []string{"groupkit", "groupkit.format"} {
						at := bytes.Index(leaf, []byte(name))
						if kind == "format 1" && name != "groupkit" {
							continue
						}
						require.NotEqual(t, -1, at)
						for bit := range 8 * len(name) {
							leaf[at+bit/8] ^= 1 << (bit % 8)
							require.NoError(t, os.WriteFile(path, good, 0o600))
							leaf[at+bit/8] ^= 1 << (bit % 8)
							_, _, err := open(path)
							require.ErrorIs(t, err, store.ErrCorrupt, "%s, bit %d", name, bit)
						}
					}
				})
			}
		}
	}
}

// TestOpen_flippedRoot changes one bit of the leaf with the names of the buckets. Open
// refuses the file, or all keys are there.
func TestOpen_flippedRoot(t *testing.T) {
	for kind, good := range files(t, 3000) {
		if kind == "crashed" {
			continue // after a crash nothing tells a lost tree from free pages
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "test.db")
			leaf, refused := rootLeaf(good), 0
			for bit := 0; bit < 8*len(leaf); bit++ {
				leaf[bit/8] ^= 1 << (bit % 8)
				require.NoError(t, os.WriteFile(path, good, 0o600))
				leaf[bit/8] ^= 1 << (bit % 8)
				s, done, err := opening(path, false)
				if err != nil {
					require.True(t, isDamage(err), "bit %d: %v", bit, err)
					refused++
					continue
				}
				require.Equal(t, 3001, countAll(t, s), "bit %d", bit)
				done()
			}
			require.Greater(t, refused, 6*len(leaf))
		})
	}
}

// TestOpen_flippedFlag changes the flags of the entries of the engine's buckets.
func TestOpen_flippedFlag(t *testing.T) {
	for kind, good := range files(t, 3000) {
		for way, open := range openings {
			t.Run(kind+" "+way, func(t *testing.T) {
				t.Parallel()
				if kind == "crashed" && way == "shared" {
					t.Skip("bbolt itself panics")
				}
				good, path := bytes.Clone(good), filepath.Join(t.TempDir(), "test.db")
				leaf := rootLeaf(good)
				for n := range binary.NativeEndian.Uint16(leaf[10:]) {
					flags := leaf[16+16*int(n):]
					for bit := range 32 {
						before := binary.NativeEndian.Uint32(flags)
						binary.NativeEndian.PutUint32(flags, before^1<<bit)
						require.NoError(t, os.WriteFile(path, good, 0o600))
						binary.NativeEndian.PutUint32(flags, before)
						_, _, err := open(path)
						require.ErrorIs(t, err, store.ErrCorrupt, "entry %d, bit %d", n, bit)
					}
				}
			})
		}
	}
}

// TestOpen_format1 opens a file without a witness. It gets one with the first commit.
func TestOpen_format1(t *testing.T) {
	good := files(t, 10)["format 1"]
	for way, open := range openings {
		path := filepath.Join(t.TempDir(), "test.db")
		require.NoError(t, os.WriteFile(path, good, 0o600))
		s, done, err := open(path)
		require.NoError(t, err)
		require.Equal(t, 11, countAll(t, s), way)
		require.Equal(t, []string{"groupkit"}, bucketNames(t, s.DB()), "reading changes nothing")
		put(t, s, "new", "v")
		require.Equal(t, []string{"groupkit", "groupkit.format"}, bucketNames(t, s.DB()))
		require.NoError(t, s.Close())
		done()
		s, done, err = open(path)
		require.NoError(t, err)
		require.Equal(t, 12, countAll(t, s), way)
		done()
	}
}

func bucketNames(t *testing.T, db *bolt.DB) (names []string) {
	require.NoError(t, db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, _ *bolt.Bucket) error {
			names = append(names, string(name))
			return nil
		})
	}))
	return names
}

// TestOpen_foreign opens databases of applications for the first time.
func TestOpen_foreign(t *testing.T) {
	for _, c := range []struct {
		names        []string
		open, shared error
	}{
		{[]string{"orders", "users"}, nil, nil},
		{[]string{"groupkit2", "groups"}, nil, nil},
		{[]string{"groupkis"}, nil, nil},                                  // 3 bits
		{[]string{"app", "groupkiu"}, store.ErrCorrupt, store.ErrCorrupt}, // 1 bit
		{[]string{"app", "groupkiw"}, store.ErrCorrupt, store.ErrCorrupt}, // 2 bits
		{[]string{"Groupkit", "app"}, store.ErrCorrupt, store.ErrCorrupt},
		{[]string{"groupkit.Format"}, store.ErrCorrupt, store.ErrCorrupt},
		{[]string{"groupkit.format"}, store.ErrCorrupt, store.ErrCorrupt},
		{nil, store.ErrCorrupt, nil}, // it had a bucket
	} {
		for way, open := range openings {
			want := c.open
			if way == "shared" {
				want = c.shared
			}
			path := foreign(t, c.names)
			before := content(t, path)
			s, done, err := open(path)
			if want != nil {
				require.ErrorIs(t, err, want, "%s %q", way, c.names)
				require.True(t, bytes.Equal(before, content(t, path)), "the file has been changed")
				continue
			}
			require.NoError(t, err, "%s %q", way, c.names)
			put(t, s, "a", "1")
			require.NoError(t, s.Close())
			done()
			s, done, err = open(path)
			require.NoError(t, err)
			require.Equal(t, "1", get(t, s, "a"))
			require.Subset(t, bucketNames(t, s.DB()), c.names)
			done()
		}
	}
}

// foreign makes a database with buckets of an application.
func foreign(t *testing.T, names []string) (path string) {
	path = filepath.Join(t.TempDir(), "app.db")
	db, err := bolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	for _, name := range append(names, "temporary") {
		require.NoError(t, db.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucket([]byte(name))
			require.NoError(t, err)
			return b.Put([]byte("k"), []byte("v"))
		}))
	}
	require.NoError(t, db.Update(func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte("temporary")) }))
	require.NoError(t, db.Close())
	return path
}

// TestOpen_cutOff opens a file after an Open that was interrupted before it had created the
// engine's bucket.
func TestOpen_cutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	db, err := bolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	put(t, openAt(t, path, nil), "a", "1")
}

func TestBucket_witness(t *testing.T) {
	s := openNew(t, nil)
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		_, err := store.Bucket(w, "groupkit.format")
		require.ErrorContains(t, err, "the engine's own")
		return nil
	}))
}

// countAll returns the number of the engine's keys.
func countAll(t *testing.T, s *boltstore.Store) (n int) {
	require.NoError(t, s.View(ctx, func(r store.Reader) error {
		for g, more := (store.Range{}), true; more; {
			var page []store.Pair
			var err error
			if page, more, err = r.Scan(g); err != nil {
				return err
			}
			n += len(page)
			if more {
				g.From = append(page[len(page)-1].Key, 0)
			}
		}
		return nil
	}))
	return n
}
