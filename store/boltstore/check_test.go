package boltstore_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/boltstore"
)

func requireNoProblem(t *testing.T, s *boltstore.Store) {
	t.Helper()
	problems, err := store.Check(t.Context(), s)
	require.NoError(t, err)
	require.Empty(t, problems)
}

// TestStore_Check checks sound files that random transactions have made: also that bbolt
// keeps the first key of each page in the branch above it.
func TestStore_Check(t *testing.T) {
	for name, db := range map[string]*bolt.DB{"small pages": openUnlisted(t, 1024), "usual pages": openUnlisted(t, 4096)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := boltstore.New(db)
			require.NoError(t, err)
			for round := range 60 {
				require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
					app, err := store.Bucket(w, "app")
					require.NoError(t, err)
					for range rand.IntN(2000) {
						b := []store.Writer{w, app}[rand.IntN(2)]
						key := fmt.Appendf(nil, "%0*d", 5+rand.IntN(300), rand.IntN(6000))
						if rand.IntN(3) < 1+round/10%2 {
							require.NoError(t, b.Delete(key[:5]))
						} else {
							require.NoError(t, b.Put(key[:5+rand.IntN(2)*(len(key)-5)], make([]byte, rand.IntN(3)*rand.IntN(900))))
						}
					}
					return nil
				}))
				if round%3 == 0 {
					require.NoError(t, db.Update(func(tx *bolt.Tx) error { // buckets within buckets
						b, err := tx.CreateBucketIfNotExists([]byte("nesting"))
						require.NoError(t, err)
						scribble(t, b, 3)
						return nil
					}))
				}
				requireNoProblem(t, s)
			}
		})
	}
	t.Run("while it is in use", func(t *testing.T) {
		t.Parallel()
		s := openNew(t, &boltstore.Options{Durability: boltstore.None})
		var all sync.WaitGroup
		for caller := range 4 {
			all.Go(func() {
				for n := range 200 {
					if err := s.Update(ctx, func(w store.Writer) error {
						return errors.Join(w.Put(fmt.Appendf(nil, "%d-%d", caller, n), make([]byte, n)), w.Delete(fmt.Appendf(nil, "%d-%d", caller, n-7)))
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for range 20 {
			requireNoProblem(t, s)
		}
		all.Wait()
	})
	t.Run("stops", func(t *testing.T) {
		s := openNew(t, nil)
		fill(t, s)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Check(ended)
		require.ErrorIs(t, err, context.Canceled)
		_, err = s.Check(&endsLater{Context: t.Context(), left: 10})
		require.ErrorIs(t, err, context.Canceled)
		require.NoError(t, s.Close())
		_, err = s.Check(t.Context())
		require.ErrorIs(t, err, store.ErrClosed)
	})
}

// An endsLater ends after its error was asked for a number of times.
type endsLater struct {
	context.Context
	left int
}

func (c *endsLater) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestStore_Check_all finds each of several problems.
func TestStore_Check_all(t *testing.T) {
	good, leaves := leavesOf(t, "groupkit")
	for _, n := range []int{9, 30, 31, 70} {
		binary.NativeEndian.PutUint32(good[leaves[n].id*uint64(os.Getpagesize())+16+12:], 1<<30)
	}
	s := openCopy(t, good)
	problems, err := s.Check(t.Context())
	require.NoError(t, err)
	require.Len(t, problems, 4)
	for i, n := range []int{9, 30, 31, 70} {
		require.ErrorIs(t, problems[i], store.ErrCorrupt)
		require.ErrorContains(t, problems[i], fmt.Sprintf("page %d:", leaves[n].id))
	}
}

// TestStore_Check_branches flips bits of the branches of a closed file. Each is found when
// the file is opened, when everything is read, or by Check: otherwise keys could be found
// by a scan and not by Get.
func TestStore_Check_branches(t *testing.T) {
	path := filepath.Join(t.TempDir(), "base.db")
	craftBase(t, path)
	good := content(t, path)
	found := map[string]int{}
	defer func() { t.Log(found) }()
	step := 0
	for id := range len(good) / craftedPage {
		page := good[id*craftedPage : (id+1)*craftedPage]
		if binary.NativeEndian.Uint16(page[8:]) != 1 || binary.NativeEndian.Uint64(page) != uint64(id) || !inUse(good, uint64(id)) {
			continue
		}
		last := page[16*int(binary.NativeEndian.Uint16(page[10:])):]
		used := len(page) - len(last) + int(binary.NativeEndian.Uint32(last)+binary.NativeEndian.Uint32(last[4:]))
		for bit := step % 7; bit < 8*used; bit += 7 {
			step++
			page[bit/8] ^= 1 << (bit % 8)
			how := findDamage(t, good)
			page[bit/8] ^= 1 << (bit % 8)
			require.NotEmpty(t, how, "page %d, bit %d of byte %d", id, bit%8, bit/8)
			found[how]++
		}
	}
	require.NotZero(t, found["open"])
	require.NotZero(t, found["check"])
}

// TestStore_Check_replaced has a branch lead to the tree of a bucket that is within the lost
// part, and whose keys fit. The file makes sense, but the pages of the lost part are neither
// in use nor free.
func TestStore_Check_replaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "base.db")
	craftBase(t, path)
	db, err := bolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	var app, inner uint64
	require.NoError(t, db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte("app"))
		app, inner = uint64(b.Root()), uint64(b.Bucket([]byte("00600x")).Root())
		return nil
	}))
	require.NoError(t, db.Close())
	file := content(t, path)
	binary.NativeEndian.PutUint64(file[app*craftedPage+16+8:], inner)
	require.Equal(t, "check", findDamage(t, file))
}

// inUse reports whether a page is not in the list of free pages.
func inUse(file []byte, id uint64) bool {
	meta, _ := current(file, craftedPage)
	list := file[binary.NativeEndian.Uint64(meta[32:])*craftedPage:]
	for n := range binary.NativeEndian.Uint16(list[10:]) {
		if binary.NativeEndian.Uint64(list[16+8*int(n):]) == id {
			return false
		}
	}
	return true
}

// findDamage opens, reads and checks a file. It returns what has found damage.
func findDamage(t *testing.T, file []byte) string {
	path := filepath.Join(t.TempDir(), "test.db")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	defer func() { require.NoError(t, os.Remove(path)) }()
	s, err := boltstore.Open(path, &boltstore.Options{InitialMmapSize: 1 << 20, Durability: boltstore.None})
	if err != nil {
		require.ErrorIs(t, err, store.ErrCorrupt)
		return "open"
	}
	defer func() { require.NoError(t, s.Close()) }()
	problems, err := s.Check(t.Context())
	require.NoError(t, err)
	if err := readEverything(s); err != nil {
		require.ErrorIs(t, err, store.ErrCorrupt)
		require.NotEmpty(t, problems, "Check finds what a reader finds")
		return "read"
	}
	if len(problems) > 0 {
		return "check"
	}
	return ""
}

// TestStore_misrouted changes the key of a branch so that Get would look into the wrong
// leaf. It gets an error instead of the answer that there is no such key.
func TestStore_misrouted(t *testing.T) {
	good, leaves := leavesOf(t, "groupkit")
	page := os.Getpagesize()
	for _, c := range []struct {
		change func(key []byte) // of the branch, above the leaf n
		n      int
		lost   func(n int) []byte
	}{
		{func(key []byte) { key[len(key)-1]++ }, 20, func(n int) []byte { return leaves[n].keys[0] }},
		{func(key []byte) { copy(key, leaves[19].keys[2]) }, 20, func(n int) []byte { return leaves[n-1].keys[3] }},
	} {
		damaged := bytes.Clone(good)
		for id := range len(good) / page {
			p := damaged[id*page:]
			if binary.NativeEndian.Uint16(p[8:]) != 1 {
				continue
			}
			for n := range int(binary.NativeEndian.Uint16(p[10:])) {
				entry := p[16+16*n:]
				if binary.NativeEndian.Uint64(entry[8:]) == leaves[c.n].id {
					c.change(entry[binary.NativeEndian.Uint32(entry):][:binary.NativeEndian.Uint32(entry[4:])])
				}
			}
		}
		require.NotEqual(t, good, damaged)
		s := openCopy(t, damaged)
		require.ErrorIs(t, read(s, c.lost(c.n)), store.ErrCorrupt)
		require.ErrorIs(t, scan(s, store.Range{From: c.lost(c.n), Limit: 5}), store.ErrCorrupt)
		require.ErrorIs(t, overwrite(s, c.lost(c.n)), store.ErrCorrupt)
		problems, err := s.Check(t.Context())
		require.NoError(t, err)
		require.NotEmpty(t, problems)
	}
}
