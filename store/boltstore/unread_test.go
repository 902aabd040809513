package boltstore_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/boltstore"
)

// TestOpen_damagedHeader damages the header of one leaf of a closed file. With
// Options.Inspect, Open finds the damage. Without it, every commit that would change the
// leaf fails.
func TestOpen_damagedHeader(t *testing.T) {
	order := binary.NativeEndian
	good, leaves := leavesOf(t, "groupkit")
	for _, bad := range []leaf{leaves[0], leaves[len(leaves)/3], leaves[len(leaves)-1]} {
		for name, change := range map[string]func(p []byte){
			"calls itself another page":  func(p []byte) { order.PutUint64(p, bad.id+1) },
			"says that it is a branch":   func(p []byte) { order.PutUint16(p[8:], 1) },
			"is a branch above itself":   bad.loop,
			"is of no known kind":        func(p []byte) { order.PutUint16(p[8:], 3) },
			"has no entries":             func(p []byte) { order.PutUint16(p[10:], 0) },
			"has more entries than fit":  func(p []byte) { order.PutUint16(p[10:], 0xFFFE) },
			"overflows to the next leaf": func(p []byte) { order.PutUint32(p[12:], 1) },
			"overflows beyond the file":  func(p []byte) { order.PutUint32(p[12:], 1<<31) },
		} {
			damaged := bytes.Clone(good)
			change(damaged[bad.id*uint64(os.Getpagesize()):])
			path := filepath.Join(t.TempDir(), "test.db")
			require.NoError(t, os.WriteFile(path, damaged, 0o600))
			_, err := boltstore.Open(path, &boltstore.Options{Inspect: true})
			require.ErrorIs(t, err, store.ErrCorrupt, name)
			require.ErrorContains(t, err, path, name)

			require.NoError(t, os.WriteFile(path, damaged, 0o600))
			s, err := boltstore.Open(path, nil)
			if err == nil {
				err = overwrite(s, bad.keys[0])
				require.NoError(t, s.Close())
			}
			require.ErrorIs(t, err, store.ErrCorrupt, name)
			require.ErrorContains(t, err, path, name)
		}
	}
}

// TestOpen_damagedLeaf damages entries of one leaf of a closed file. Open does not read
// them. Every commit that would write them again fails, and all other commits succeed.
func TestOpen_damagedLeaf(t *testing.T) {
	order := binary.NativeEndian
	good, leaves := leavesOf(t, "groupkit")
	at := len(leaves) / 3
	before, bad, after := leaves[at-1], leaves[at], leaves[at+1]
	far := leaves[at-10].keys[0]
	last := func(p []byte) []byte { return p[16+16*(len(bad.keys)-1):] }
	for name, change := range map[string]func(p []byte){
		"a value of a gigabyte":      func(p []byte) { order.PutUint32(p[16+12:], 1<<30) },
		"a key of a gigabyte":        func(p []byte) { order.PutUint32(p[16+8:], 1<<30) },
		"an empty key":               func(p []byte) { order.PutUint32(last(p)[8:], 0) },
		"an entry beyond its end":    func(p []byte) { order.PutUint32(last(p)[4:], 1<<20) },
		"keys out of order":          func(p []byte) { p[16+16+order.Uint32(p[16+16+4:])] = '9' },
		"a key of the leaf before":   func(p []byte) { p[16+order.Uint32(p[16+4:])] = '0' },
		"a key of a leaf far behind": func(p []byte) { e := last(p); e[order.Uint32(e[4:])] = '9' },
		"a key of a leaf far before": func(p []byte) { e := last(p); e[order.Uint32(e[4:])] = '0' },
		"an entry far beyond it":     func(p []byte) { order.PutUint32(p[16+4:], 1<<31) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			damaged := bytes.Clone(good)
			change(damaged[bad.id*uint64(os.Getpagesize()):])
			path := filepath.Join(t.TempDir(), "test.db")
			require.NoError(t, os.WriteFile(path, damaged, 0o600))
			_, err := boltstore.Open(path, &boltstore.Options{Inspect: true})
			require.ErrorIs(t, err, store.ErrCorrupt)
			for need, touch := range map[string]func(s *boltstore.Store) error{
				"put":                func(s *boltstore.Store) error { return overwrite(s, bad.keys[1]) },
				"put beside another": func(s *boltstore.Store) error { return overwrite(s, far, bad.keys[1]) },
				"delete":             func(s *boltstore.Store) error { return remove(s, bad.keys[1]) },
				"merge the next":     func(s *boltstore.Store) error { return remove(s, after.keys[1:]...) },
				"merge the last":     func(s *boltstore.Store) error { return remove(s, before.keys[1:]...) },
				"drop the next":      func(s *boltstore.Store) error { return remove(s, after.keys...) },
			} {
				require.NoError(t, os.WriteFile(path, damaged, 0o600))
				s := openAt(t, path, nil)
				require.NoError(t, overwrite(s, far), need)
				size := fileSize(t, path)
				for range 2 {
					err := touch(s)
					require.ErrorIs(t, err, store.ErrCorrupt, need)
					require.ErrorContains(t, err, path, need)
				}
				for _, r := range []store.Range{{}, {Reverse: true}} {
					if err := scan(s, r); err != nil {
						require.ErrorIs(t, err, store.ErrCorrupt, need)
					}
				}
				require.NoError(t, overwrite(s, far), need)
				require.NoError(t, read(s, far), need)
				require.Equal(t, size, fileSize(t, path), need)
				require.NoError(t, s.Close())
			}
		})
	}
}

// TestOpen_damagedBranches damages leaves at the edges of branches. Their neighbours have
// another parent.
func TestOpen_damagedBranches(t *testing.T) {
	good, leaves := leavesOf(t, "groupkit")
	path, edges := filepath.Join(t.TempDir(), "test.db"), 0
	for at := 1; at < len(leaves); at++ {
		if !leaves[at].first {
			continue
		}
		edges++
		low, high := leaves[at-1], leaves[at]
		for _, c := range []struct{ bad, beside leaf }{{high, low}, {low, high}} {
			damaged := bytes.Clone(good)
			binary.NativeEndian.PutUint32(damaged[c.bad.id*uint64(os.Getpagesize())+16+12:], 1<<30)
			require.NoError(t, os.WriteFile(path, damaged, 0o600))
			s := openAt(t, path, nil)
			require.ErrorIs(t, overwrite(s, c.beside.keys[0]), store.ErrCorrupt)
			require.NoError(t, s.Close())
		}
	}
	require.Greater(t, edges, 2)
}

// TestOpen_damagedBucket damages a leaf of a bucket of the application.
func TestOpen_damagedBucket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	good, leaves := leavesOf(t, "app")
	binary.NativeEndian.PutUint32(good[leaves[1].id*uint64(os.Getpagesize())+16+12:], 1<<30)
	require.NoError(t, os.WriteFile(path, good, 0o600))
	s := openAt(t, path, nil)
	for range 2 {
		require.ErrorIs(t, s.Update(t.Context(), func(w store.Writer) error {
			b, err := store.Bucket(w, "app")
			require.NoError(t, err)
			return b.Put(leaves[1].keys[0], nil)
		}), store.ErrCorrupt)
	}
	put(t, s, "a", "1")
	require.NotZero(t, s.Unread("app"))
}

// TestOpen_readsOn opens and uses closed files. All leaves that Open did not read are
// read later, and no data is lost.
func TestOpen_readsOn(t *testing.T) {
	good, leaves := leavesOf(t, "groupkit")
	t.Run("when one key is written", func(t *testing.T) {
		t.Parallel()
		s := openCopy(t, good)
		require.Greater(t, s.Unread("groupkit"), int64(100))
		for n := 0; s.Unread("groupkit") > 0; n++ {
			require.Less(t, n, len(leaves)/4)
			require.NoError(t, overwrite(s, leaves[0].keys[0]))
		}
	})
	t.Run("past what is damaged", func(t *testing.T) {
		t.Parallel()
		damaged := bytes.Clone(good)
		binary.NativeEndian.PutUint32(damaged[leaves[9].id*uint64(os.Getpagesize())+16+12:], 1<<30)
		s := openCopy(t, damaged)
		for range len(leaves) / 4 {
			require.NoError(t, overwrite(s, leaves[0].keys[0]))
		}
		require.Equal(t, int64(1), s.Unread("groupkit"))
		require.ErrorIs(t, overwrite(s, leaves[9].keys[1]), store.ErrCorrupt)
	})
	t.Run("while many use it", func(t *testing.T) {
		t.Parallel()
		for range 20 {
			s := openCopy(t, good)
			var users sync.WaitGroup
			for range 8 {
				users.Go(func() { useSome(t, s, leaves) })
			}
			users.Wait()
			require.Zero(t, s.Unread("groupkit"))
			require.NoError(t, scan(s, store.Range{}))
			path := s.DB().Path()
			require.NoError(t, s.Close())
			db, err := bolt.Open(path, 0o600, nil)
			require.NoError(t, err)
			requireSound(t, db)
			require.NoError(t, db.Close())
		}
	})
}

// TestOpen_inspects opens an undamaged closed file with Options.Inspect.
func TestOpen_inspects(t *testing.T) {
	good, leaves := leavesOf(t, "groupkit")
	path := filepath.Join(t.TempDir(), "test.db")
	require.NoError(t, os.WriteFile(path, good, 0o600))
	s := openAt(t, path, &boltstore.Options{Inspect: true})
	require.Zero(t, s.Unread("groupkit"))
	require.NoError(t, read(s, leaves[0].keys[0]))
	require.NoError(t, s.Close())
	require.True(t, bytes.Equal(good, content(t, path)), "there was a list of free pages")
}

// openCopy opens a file with the content.
func openCopy(t *testing.T, content []byte) *boltstore.Store {
	path := filepath.Join(t.TempDir(), "test.db")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return openAt(t, path, &boltstore.Options{Durability: boltstore.None})
}

// useSome reads and writes at random until all leaves have been read.
func useSome(t *testing.T, s *boltstore.Store, leaves []leaf) {
	for s.Unread("groupkit") > 0 {
		l := leaves[rand.IntN(len(leaves))]
		key := l.keys[rand.IntN(len(l.keys))]
		var err error
		switch rand.IntN(6) {
		case 0:
			err = remove(s, l.keys...)
		case 1, 2:
			err = overwrite(s, key)
		case 3:
			err = scan(s, store.Range{From: key, Limit: 100})
		case 4:
			err = scan(s, store.Range{To: key, Limit: 100, Reverse: true})
		default:
			err = s.View(ctx, func(r store.Reader) error {
				_, _, err := r.Get(key)
				return err
			})
		}
		if err != nil {
			t.Error(err)
			return
		}
	}
}

// A leaf is a leaf page with its keys.
type leaf struct {
	id    uint64
	keys  [][]byte
	first bool // the first leaf of its branch
}

// loop turns the leaf into a branch that leads to itself and is valid otherwise.
func (l leaf) loop(page []byte) {
	order := binary.NativeEndian
	copy(page[16+16:], l.keys[0])
	order.PutUint16(page[8:], 1)
	order.PutUint16(page[10:], 1)
	order.PutUint32(page[16:], 16)
	order.PutUint32(page[16+4:], uint32(len(l.keys[0])))
	order.PutUint64(page[16+8:], l.id)
}

// leavesOf returns the content of a closed file with many leaves, and the leaves of one
// of its buckets in key order.
func leavesOf(t *testing.T, bucket string) (content []byte, leaves []leaf) {
	path := filepath.Join(t.TempDir(), "test.db")
	s := openAt(t, path, &boltstore.Options{Durability: boltstore.None})
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		app, err := store.Bucket(w, "app")
		require.NoError(t, err)
		for n := range 9000 {
			require.NoError(t, w.Put(fmt.Appendf(nil, "5%06d", n), make([]byte, 90)))
			if n < 300 {
				require.NoError(t, app.Put(fmt.Appendf(nil, "a%06d", n), make([]byte, 90)))
			}
		}
		return w.Put([]byte("5004500x"), noise(10_000)) // a leaf with an overflow page
	}))
	require.NoError(t, s.Close())
	content, err := os.ReadFile(path)
	require.NoError(t, err)

	db, err := bolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	first := map[uint64]bool{}
	require.NoError(t, db.View(func(tx *bolt.Tx) error {
		for id := 2; ; id++ {
			info, err := tx.Page(id)
			require.NoError(t, err)
			switch {
			case info == nil:
				return nil
			case info.Type == "branch":
				first[binary.NativeEndian.Uint64(content[id*os.Getpagesize()+16+8:])] = true
			}
			if info.Type != "leaf" {
				continue
			}
			if l := leafAt(content, id); tx.Bucket([]byte(bucket)).Get(l.keys[0]) != nil {
				leaves = append(leaves, l)
			}
		}
	}))
	require.NoError(t, db.Close())
	for n := range leaves {
		leaves[n].first = first[leaves[n].id]
	}
	slices.SortFunc(leaves, func(a, b leaf) int { return cmp.Compare(string(a.keys[0]), string(b.keys[0])) })
	return trim(content), leaves
}

// leafAt returns the leaf with its keys.
func leafAt(content []byte, id int) leaf {
	order, p := binary.NativeEndian, content[id*os.Getpagesize():]
	l := leaf{id: uint64(id)}
	for n := range order.Uint16(p[10:]) {
		e := p[16+16*int(n):]
		pos, size := order.Uint32(e[4:]), order.Uint32(e[8:])
		l.keys = append(l.keys, e[pos:][:size])
	}
	return l
}

func read(s *boltstore.Store, key []byte) error {
	return s.View(ctx, func(r store.Reader) error {
		_, ok, err := r.Get(key)
		if err == nil && !ok {
			err = fmt.Errorf("key %q is gone", key)
		}
		return err
	})
}

func overwrite(s *boltstore.Store, keys ...[]byte) error {
	return s.Update(ctx, func(w store.Writer) error {
		for _, key := range keys {
			if err := w.Put(key, make([]byte, 90)); err != nil {
				return err
			}
		}
		return nil
	})
}

func remove(s *boltstore.Store, keys ...[]byte) error {
	return s.Update(ctx, func(w store.Writer) error {
		for _, key := range keys {
			if err := w.Delete(key); err != nil {
				return err
			}
		}
		return nil
	})
}

// scan reads a whole range, or as much as its limit allows.
func scan(s *boltstore.Store, r store.Range) error {
	return s.View(ctx, func(reader store.Reader) error {
		for {
			page, more, err := reader.Scan(r)
			if err != nil || !more || r.Limit > 0 {
				return err
			}
			if key := page[len(page)-1].Key; r.Reverse {
				r.To = key
			} else {
				r.From = append(key, 0)
			}
		}
	})
}

func fileSize(t *testing.T, path string) int64 {
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Size()
}

// requireSound runs the consistency check of bbolt.
func requireSound(t *testing.T, db *bolt.DB) {
	t.Helper()
	require.NoError(t, db.View(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			require.NoError(t, err)
		}
		return nil
	}))
}
