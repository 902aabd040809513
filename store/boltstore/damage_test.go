package boltstore_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/boltstore"
)

// TestOpen_damaged opens files with random damage. Open may return an error or not, but
// must not panic and must not change the size of the file.
func TestOpen_damaged(t *testing.T) {
	for name, good := range map[string][]byte{"closed": sound(t), "crashed": crashed(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "test.db")
			outcomes := map[string]int{}
			for range 60 {
				bad := damage(bytes.Clone(good))
				require.NoError(t, os.WriteFile(path, bad, 0o600))
				err := use(path)
				require.Less(t, fileSize(t, path), int64(2*len(good)))
				switch {
				case err == nil:
					outcomes["fine"]++
				case isDamage(err):
					outcomes["refused"]++
				default:
					require.NoError(t, err)
				}
			}
			require.NotZero(t, outcomes["refused"], "%v", outcomes)
			require.NotZero(t, outcomes["fine"], "%v", outcomes)
		})
	}
}

func isDamage(err error) bool {
	return errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrNewer)
}

// damage changes a few bytes, truncates the file, or swaps pages.
func damage(content []byte) []byte {
	page := os.Getpagesize()
	pages := len(content) / page
	switch rand.IntN(6) {
	case 0:
		return content[:rand.IntN(len(content))]
	case 1:
		a, b := rand.IntN(pages)*page, rand.IntN(pages)*page
		copy(content[a:a+page], bytes.Clone(content[b:b+page]))
	case 2:
		// In the header of a page or in its table of entries.
		at := rand.IntN(pages)*page + rand.IntN(80)
		content[at] = byte(rand.IntN(12))
	case 3:
		at := rand.IntN(pages) * page
		copy(content[at:at+page], noise(page))
	default:
		for range 1 + rand.IntN(4) {
			content[rand.IntN(len(content))] ^= 1 << rand.IntN(8)
		}
	}
	return content
}

// use opens a file, and reads and writes all data.
func use(path string) error {
	s, err := boltstore.Open(path, &boltstore.Options{InitialMmapSize: 1 << 22, Durability: boltstore.None})
	if err != nil {
		return err
	}
	err = errors.Join(readAll(s), readAllBack(s), rewrite(s))
	return errors.Join(err, s.Close())
}

func TestOpen_cycles(t *testing.T) {
	// A branch that leads to itself or to a branch above it would make bbolt recurse
	// endlessly.
	page := os.Getpagesize()
	for name, good := range map[string][]byte{"closed": sound(t), "crashed": crashed(t)} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			broken := 0
			for id := 2; id < len(good)/page; id++ {
				header := good[id*page:]
				if binary.NativeEndian.Uint16(header[8:]) != 1 || binary.NativeEndian.Uint64(header) != uint64(id) {
					continue
				}
				bad := bytes.Clone(good)
				binary.NativeEndian.PutUint64(bad[id*page+16+8:], uint64(id))
				require.NoError(t, os.WriteFile(path, bad, 0o600))
				if err := use(path); err != nil {
					require.ErrorIs(t, err, store.ErrCorrupt)
					broken++
				}
			}
			require.NotZero(t, broken)
		})
	}
}

// TestOpen_entries damages one entry of one page after another. If the page is in use and
// bbolt would read the entry, Open must refuse the file.
func TestOpen_entries(t *testing.T) {
	order := binary.NativeEndian
	crashed, closed := crashed(t), sound(t)
	refused := func(t *testing.T, good []byte, inspect bool, flags uint16, change func(p []byte)) {
		t.Parallel()
		page, path, refused := os.Getpagesize(), filepath.Join(t.TempDir(), "test.db"), 0
		for id := 2; id < len(good)/page && refused == 0; id++ {
			header := good[id*page:]
			if order.Uint64(header) != uint64(id) || order.Uint16(header[8:]) != flags || order.Uint16(header[10:]) < 4 {
				continue
			}
			bad := bytes.Clone(good)
			change(bad[id*page:])
			require.NoError(t, os.WriteFile(path, bad, 0o600))
			s, err := boltstore.Open(path, &boltstore.Options{InitialMmapSize: 1 << 22, Durability: boltstore.None, Inspect: inspect})
			if err == nil {
				require.NoError(t, s.Close())
				continue
			}
			require.ErrorIs(t, err, store.ErrCorrupt)
			refused++
		}
		require.NotZero(t, refused)
	}
	entry := func(p []byte, n int) []byte { return p[16+16*n:] }
	count := func(p []byte) int { return int(order.Uint16(p[10:])) }
	for name, change := range map[string]func(p []byte){
		"none":                    func(p []byte) { order.PutUint16(p[10:], 0) },
		"more than fit":           func(p []byte) { order.PutUint16(p[10:], 0xFFFE) },
		"an empty key":            func(p []byte) { order.PutUint32(entry(p, 1)[8:], 0) },
		"a key beyond the page":   func(p []byte) { order.PutUint32(entry(p, 1)[4:], 1<<20) },
		"a value beyond the page": func(p []byte) { order.PutUint32(entry(p, 1)[12:], 1<<30) },
		"a value a byte too long": func(p []byte) {
			e, end := entry(p, 1), uint32(os.Getpagesize()-16-16)
			order.PutUint32(e[12:], end+1-order.Uint32(e[4:])-order.Uint32(e[8:]))
		},
		"sizes whose sum wraps round": func(p []byte) { order.PutUint32(entry(p, 1)[12:], -order.Uint32(entry(p, 1)[4:])) },
		"a key twice": func(p []byte) {
			order.PutUint32(entry(p, 2)[4:], order.Uint32(entry(p, 1)[4:])-16)
			order.PutUint32(entry(p, 2)[8:], order.Uint32(entry(p, 1)[8:]))
		},
		"a key after the next one": func(p []byte) { entry(p, 1)[order.Uint32(entry(p, 1)[4:])] = 0xFF },
		"a key after the page":     func(p []byte) { last := entry(p, count(p)-1); last[order.Uint32(last[4:])] = 0xFF },
		"a key before the page":    func(p []byte) { entry(p, 0)[order.Uint32(entry(p, 0)[4:])] = 0 },
		"a bucket that is none":    func(p []byte) { order.PutUint32(entry(p, 1), 1) },
	} {
		t.Run("a leaf with "+name, func(t *testing.T) { refused(t, crashed, false, 2, change) })
		t.Run("a leaf with "+name+", closed", func(t *testing.T) { refused(t, closed, true, 2, change) })
	}
	for name, change := range map[string]func(p []byte){
		"none":                  func(p []byte) { order.PutUint16(p[10:], 0) },
		"more than fit":         func(p []byte) { order.PutUint16(p[10:], 0xFFFE) },
		"an empty key":          func(p []byte) { order.PutUint32(entry(p, 1)[4:], 0) },
		"a key beyond the page": func(p []byte) { order.PutUint32(entry(p, 1), 1<<20) },
		"a key twice": func(p []byte) {
			order.PutUint32(entry(p, 2), order.Uint32(entry(p, 1))-16)
			order.PutUint32(entry(p, 2)[4:], order.Uint32(entry(p, 1)[4:]))
		},
		"a key after the next one":  func(p []byte) { entry(p, 1)[order.Uint32(entry(p, 1))] = 0xFF },
		"a page of another entry":   func(p []byte) { copy(entry(p, 1)[8:16], entry(p, 2)[8:]) },
		"a page beyond the end":     func(p []byte) { order.PutUint64(entry(p, 1)[8:], 1<<40) },
		"a page that describes all": func(p []byte) { order.PutUint64(entry(p, 1)[8:], 1) },
	} {
		t.Run("a branch with "+name, func(t *testing.T) { refused(t, crashed, false, 1, change) })
		t.Run("a branch with "+name+", closed", func(t *testing.T) { refused(t, closed, false, 1, change) })
	}
}

// sound returns the content of a closed file with two levels of branches, large values,
// and buckets of the application.
func sound(t *testing.T) []byte {
	s := openNew(t, nil)
	fill(t, s)
	path := filepath.Join(t.TempDir(), "copy.db")
	crashedCopy(t, s, path)
	require.NoError(t, openAt(t, path, nil).Close())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return trim(content)
}

// crashed returns the content of a file that was never closed.
func crashed(t *testing.T) []byte {
	s := openNew(t, nil)
	fill(t, s)
	path := filepath.Join(t.TempDir(), "copy.db")
	crashedCopy(t, s, path)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return trim(content)
}

// trim removes the pages at the end that bbolt has allocated in advance.
func trim(content []byte) []byte {
	page := os.Getpagesize()
	high := max(binary.NativeEndian.Uint64(content[16+40:]), binary.NativeEndian.Uint64(content[page+16+40:]))
	return content[:high*uint64(page)]
}

func crashedCopy(t *testing.T, s *boltstore.Store, path string) {
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, s.Backup(t.Context(), f))
	require.NoError(t, f.Close())
}

func fill(t *testing.T, s *boltstore.Store) {
	for round := range 4 {
		require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
			for i := range 1500 {
				key := fmt.Appendf(bytes.Repeat([]byte("long"), 30), "%05d", i*7+round)
				require.NoError(t, w.Put(key, fmt.Appendf(nil, "value %d", i)))
			}
			require.NoError(t, w.Put([]byte("large"), noise(20_000)))
			for _, name := range []string{"small", "app"} {
				b, err := store.Bucket(w, name)
				require.NoError(t, err)
				require.NoError(t, b.Put([]byte("k"), []byte("v")))
				for i := range 200 * len(name) % 600 {
					require.NoError(t, b.Put(fmt.Appendf(nil, "%05d", i), make([]byte, 100)))
				}
			}
			return nil
		}))
	}
}

func readAll(s *boltstore.Store) error     { return scanAll(s, store.Range{Limit: 100}) }
func readAllBack(s *boltstore.Store) error { return scanAll(s, store.Range{Limit: 100, Reverse: true}) }

func scanAll(s *boltstore.Store, r store.Range) error {
	return s.View(ctx, func(reader store.Reader) error {
		readers := []store.Reader{reader}
		for _, name := range []string{"small", "app"} {
			b, err := store.BucketReader(reader, name)
			if err != nil {
				return err
			}
			readers = append(readers, b)
		}
		for _, reader := range readers {
			if err := scanPages(reader, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func scanPages(reader store.Reader, r store.Range) error {
	for {
		page, more, err := reader.Scan(r)
		if err != nil || !more {
			return err
		}
		for _, p := range page[:min(3, len(page))] {
			if _, _, err := reader.Get(p.Key); err != nil {
				return err
			}
		}
		if r.Reverse {
			r.To = page[len(page)-1].Key
		} else {
			r.From = append(page[len(page)-1].Key, 0)
		}
	}
}

// rewrite changes a key in many pages.
func rewrite(s *boltstore.Store) error {
	return s.Update(ctx, func(w store.Writer) error {
		for i := 0; i < 1500*7; i += 100 {
			key := fmt.Appendf(bytes.Repeat([]byte("long"), 30), "%05d", i)
			if err := w.Put(key, []byte("new")); err != nil {
				return err
			}
			if err := w.Delete(fmt.Append(key[:len(key):len(key)], "1")); err != nil {
				return err
			}
		}
		return nil
	})
}

func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

// sum returns the checksum of a meta page of bbolt.
func sum(meta []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(meta[:56])
	return h.Sum64()
}

func TestOpen_metaPages(t *testing.T) {
	page := os.Getpagesize()
	for name, set := range map[string]func(meta []byte){
		"a page size of 3":          func(m []byte) { binary.NativeEndian.PutUint32(m[8:], 3) },
		"a page size of 0":          func(m []byte) { binary.NativeEndian.PutUint32(m[8:], 0) },
		"a root beyond the end":     func(m []byte) { binary.NativeEndian.PutUint64(m[16:], 1<<40) },
		"a root on a meta page":     func(m []byte) { binary.NativeEndian.PutUint64(m[16:], 1) },
		"a list beyond the end":     func(m []byte) { binary.NativeEndian.PutUint64(m[32:], 1<<40) },
		"a list that is a leaf":     func(m []byte) { binary.NativeEndian.PutUint64(m[32:], binary.NativeEndian.Uint64(m[16:])) },
		"pages beyond the end":      func(m []byte) { binary.NativeEndian.PutUint64(m[40:], 1<<40) },
		"more pages than there are": func(m []byte) { binary.NativeEndian.PutUint64(m[40:], 1<<62) },
	} {
		t.Run(name, func(t *testing.T) {
			bad := sound(t)
			for _, meta := range [][]byte{bad[16:], bad[page+16:]} {
				set(meta)
				binary.NativeEndian.PutUint64(meta[56:], sum(meta))
			}
			path := filepath.Join(t.TempDir(), "test.db")
			require.NoError(t, os.WriteFile(path, bad, 0o600))
			_, err := boltstore.Open(path, nil)
			requireRefusal(t, err, store.ErrCorrupt, path)
		})
	}
	t.Run("bbolt takes the first of two that are as old", func(t *testing.T) {
		for _, content := range [][]byte{crashed(t), sound(t)} {
			meta, _ := current(content, page)
			copy(content[16:], meta)
			second := content[page+16:]
			copy(second, meta)
			binary.NativeEndian.PutUint64(second[16:], 2+binary.NativeEndian.Uint64(second[40:])/2)
			binary.NativeEndian.PutUint64(second[56:], sum(second))
			path := filepath.Join(t.TempDir(), "test.db")
			require.NoError(t, os.WriteFile(path, content, 0o600))
			require.NoError(t, readAll(openAt(t, path, nil)))
		}
	})
	t.Run("one is enough", func(t *testing.T) {
		for _, at := range []int{16, page + 16} {
			content := crashed(t)
			content[at+60]++
			path := filepath.Join(t.TempDir(), "test.db")
			require.NoError(t, os.WriteFile(path, content, 0o600))
			require.NoError(t, readAll(openAt(t, path, nil)))
		}
	})
}
