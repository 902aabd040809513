package boltstore_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/boltstore"
)

var craftedFiles = flag.Int("crafted", 200, "the number of crafted files that TestOpen_crafted opens")

// progress is the longest time that a child may take for one file. It is reached only by a
// call that hangs.
const progress = 2 * time.Minute

func init() { children["crafted"] = useCrafted }

// TestOpen_crafted opens files that were damaged on purpose, reads them, writes to them and
// closes them, in processes of their own. No file may end its process or hang.
func TestOpen_crafted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "base.db")
	craftBase(t, path)
	outcomes := map[string]int{}
	for next := 0; next < *craftedFiles; {
		reached := craftedFrom(t, path, next, outcomes)
		if reached < *craftedFiles {
			t.Errorf("file %d ends the process, or hangs", reached)
		}
		next = reached + 1
	}
	t.Log(outcomes)
	require.Greater(t, outcomes["refused"], *craftedFiles/10)
	require.Greater(t, outcomes["damaged"], *craftedFiles/20)
	require.Greater(t, outcomes["fine"], *craftedFiles/20)
}

// craftedFrom starts a process that opens the files from a number on. It returns the number
// of the file that ended it.
func craftedFrom(t *testing.T, path string, from int, outcomes map[string]int) (reached int) {
	cmd := child("crafted", fmt.Sprintf("%s|%d|%d", path, from, *craftedFiles))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	hanging := time.AfterFunc(progress, func() { _ = cmd.Process.Kill() })
	reached = from
	for lines := bufio.NewScanner(out); lines.Scan(); {
		hanging.Reset(progress)
		number, outcome, _ := strings.Cut(lines.Text(), " ")
		reached, err = strconv.Atoi(number)
		require.NoError(t, err, lines.Text())
		reached++
		outcomes[outcome]++
	}
	hanging.Stop()
	_ = cmd.Wait()
	return reached
}

// craftBase makes a closed file with trees of three levels, large values, and buckets
// within buckets of an application.
func craftBase(t *testing.T, path string) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{PageSize: 1024, NoSync: true})
	require.NoError(t, err)
	s, err := boltstore.New(db)
	require.NoError(t, err)
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		for _, name := range []string{"", "app", "other"} {
			b := w
			if name != "" {
				b, err = store.Bucket(w, name)
				require.NoError(t, err)
			}
			for n := range 1200 {
				require.NoError(t, b.Put(fmt.Appendf(nil, "%05d", n*3), make([]byte, n%50)))
			}
			require.NoError(t, b.Put([]byte("large"), make([]byte, 5000)))
		}
		return nil
	}))
	require.NoError(t, db.Update(func(tx *bolt.Tx) error {
		for _, name := range []string{"inner", "00600x", "small"} {
			inner, err := tx.Bucket([]byte("app")).CreateBucket([]byte(name))
			require.NoError(t, err)
			for n := range 100 * (len(name) % 5) {
				require.NoError(t, inner.Put(fmt.Appendf(nil, "%05d", n), make([]byte, 20)))
			}
		}
		return nil
	}))
	require.NoError(t, db.Close())
}

// useCrafted makes and uses files, and prints the number and the outcome of each.
func useCrafted(work string) {
	debug.SetMaxStack(64 << 20)
	parts := strings.Split(work, "|")
	from, err := strconv.Atoi(parts[1])
	must(err)
	to, err := strconv.Atoi(parts[2])
	must(err)
	base, err := os.ReadFile(parts[0])
	must(err)
	path := filepath.Join(filepath.Dir(parts[0]), "crafted.db")
	for n := from; n < to; n++ {
		c := crafter{rand.New(rand.NewPCG(uint64(n), 0)), append([]byte(nil), base...)}
		for range 1 + c.IntN(3) {
			c.damage()
		}
		must(os.WriteFile(path, c.file, 0o600))
		fmt.Println(n, useAll(path, c.IntN(4) == 0))
	}
}

// useAll does everything with a file. It returns what became of it.
func useAll(path string, inspect bool) string {
	for round := range 2 {
		s, err := boltstore.Open(path, &boltstore.Options{InitialMmapSize: 1 << 20, Durability: boltstore.None, Inspect: inspect})
		if err != nil {
			requireDamage(err)
			return "refused"
		}
		problems, err := s.Check(ctx)
		requireDamage(err)
		err = errors.Join(readEverything(s), rewrite(s), scribbleApp(s, round))
		requireDamage(err)
		_ = failOnce(s)
		requireDamage(errors.Join(readEverything(s), rewrite(s), s.Backup(ctx, io.Discard)))
		requireDamage(s.Close())
		if len(problems) > 0 || err != nil {
			return "damaged"
		}
	}
	return "fine"
}

// requireDamage ends the process unless err is nil or says that the file is damaged.
func requireDamage(err error) {
	if err != nil && !isDamage(err) {
		panic(err)
	}
}

func readEverything(s *boltstore.Store) error {
	return s.View(ctx, func(r store.Reader) error {
		var all error
		for _, name := range []string{"", "app", "other"} {
			b := r
			if name != "" {
				var err error
				if b, err = store.BucketReader(r, name); err != nil {
					all = errors.Join(all, err)
					continue
				}
			}
			for n := 0; n < 3600; n += 40 {
				_, _, err := b.Get(fmt.Appendf(nil, "%05d", n))
				all = errors.Join(all, err)
			}
			all = errors.Join(all, scanPages(b, store.Range{Limit: 100}), scanPages(b, store.Range{Limit: 100, Reverse: true}))
		}
		return all
	})
}

// scribbleApp writes to the buckets of the application, nested buckets among their keys.
func scribbleApp(s *boltstore.Store, round int) (err error) {
	for _, name := range []string{"app", "other", "new"} {
		err = errors.Join(err, s.Update(ctx, func(w store.Writer) error {
			b, err := store.Bucket(w, name)
			if err != nil {
				return err
			}
			for n := round; n < 3600; n += 100 {
				if err := errors.Join(b.Put(fmt.Appendf(nil, "%05d", n), make([]byte, n%300)), b.Delete(fmt.Appendf(nil, "%05d", n+3))); err != nil {
					return err
				}
			}
			for _, nested := range []string{"inner", "small", "none"} {
				if err := b.Delete([]byte(nested)); err != nil && !strings.Contains(err.Error(), "nested bucket") {
					return err
				}
			}
			return nil
		}))
	}
	return err
}

// failOnce has one commit fail. bbolt then reads the list of free pages again, or without
// one all pages.
func failOnce(s *boltstore.Store) error {
	restore := intercept(s.DB(), func(write) write {
		return func([]byte, int64) (int, error) { return 0, syscall.ENOSPC }
	})
	defer restore()
	return rewrite(s)
}

// A crafter damages a file.
type crafter struct {
	*rand.Rand
	file []byte
}

const craftedPage = 1024

func (c *crafter) pages() int { return len(c.file) / craftedPage }

// page returns a page with entries, of a kind if one is given.
func (c *crafter) page(kind uint16) (id int, p []byte) {
	for range 2000 {
		id = 2 + c.IntN(c.pages()-2)
		p = c.file[id*craftedPage : (id+1)*craftedPage]
		flags, count := binary.NativeEndian.Uint16(p[8:]), binary.NativeEndian.Uint16(p[10:])
		if binary.NativeEndian.Uint64(p) == uint64(id) && count > 0 && (flags == kind || kind == 0 && flags < 3) {
			break
		}
	}
	return id, p
}

// anyPage returns the number of a page, of one that leads to others rather than another.
func (c *crafter) anyPage() uint64 {
	switch c.IntN(4) {
	case 0:
		return uint64(c.IntN(c.pages() + 2))
	case 1:
		meta, _ := current(c.file, craftedPage)
		return binary.NativeEndian.Uint64(meta[16:])
	case 2:
		id, _ := c.page(1)
		return uint64(id)
	default:
		id, _ := c.page(2)
		return uint64(id)
	}
}

// number returns a number that is likely to be wrong.
func (c *crafter) number() uint32 {
	return []uint32{0, 1, 2, 15, 16, 17, 0xFF, 1023, 1024, 1 << 16, 1 << 20, 1 << 31, 1<<32 - 1, 1<<32 - 16, c.Uint32()}[c.IntN(15)]
}

// damage does one of many things to the file.
func (c *crafter) damage() {
	order := binary.NativeEndian
	id, p := c.page(0)
	count := int(order.Uint16(p[10:]))
	entry := p[16+16*c.IntN(min(count, 60)):]
	switch c.IntN(14) {
	case 0:
		order.PutUint64(p, c.anyPage())
	case 1:
		order.PutUint16(p[8:], []uint16{0, 1, 2, 3, 4, 16, 0xFFFF}[c.IntN(7)])
	case 2:
		order.PutUint16(p[10:], uint16(c.number()))
	case 3:
		order.PutUint32(p[12:], c.number())
	case 4:
		order.PutUint32(entry[4*c.IntN(4):], c.number())
	case 5: // a branch that leads anywhere
		_, branch := c.page(1)
		order.PutUint64(branch[16+16*c.IntN(int(order.Uint16(branch[10:])))+8:], c.anyPage())
	case 6: // a leaf that is a sound branch above anything
		id, leaf := c.page(2)
		c.branch(leaf, []uint64{uint64(id), c.anyPage()}[c.IntN(2)])
	case 7: // an entry that is a bucket with its root anywhere, or inside
		_, leaf := c.page(2)
		c.bucket(leaf)
	case 8: // another page
		other, _ := c.page(0)
		copy(p, c.file[other*craftedPage:(other+1)*craftedPage])
		if c.IntN(2) == 0 {
			order.PutUint64(p, uint64(id))
		}
	case 9:
		for i := range p {
			p[i] = byte(c.Uint32())
		}
	case 10, 11: // the meta pages, with their checksums
		field, value := []int{8, 16, 32, 40, 48}[c.IntN(5)], c.anyPage()
		for n := range 2 {
			meta := c.file[n*craftedPage+16:]
			order.PutUint64(meta[field:], value)
			order.PutUint64(meta[56:], sum(meta))
		}
	case 12: // the list of free pages
		meta, _ := current(c.file, craftedPage)
		if list := order.Uint64(meta[32:]); list < uint64(c.pages()) {
			order.PutUint64(c.file[list*craftedPage+16+8*uint64(c.IntN(20)):], c.anyPage())
		}
	default:
		c.file[c.IntN(len(c.file))] ^= 1 << c.IntN(8)
	}
}

// branch turns a leaf into a branch with one entry, whose key is the first of the leaf.
func (c *crafter) branch(leaf []byte, child uint64) {
	order := binary.NativeEndian
	pos, size := order.Uint32(leaf[16+4:]), order.Uint32(leaf[16+8:])
	if int(pos)+int(size) > craftedPage-16 || size > 900 {
		return
	}
	copy(leaf[32:], append([]byte(nil), leaf[16+pos:16+pos+size]...))
	order.PutUint16(leaf[8:], 1)
	order.PutUint16(leaf[10:], 1)
	order.PutUint32(leaf[16:], 16)
	order.PutUint32(leaf[20:], size)
	order.PutUint64(leaf[24:], child)
}

// bucket marks an entry of a leaf as a bucket and, if its value is long enough, makes it
// the header of one.
func (c *crafter) bucket(leaf []byte) {
	order := binary.NativeEndian
	for range 20 {
		at := 16 + 16*c.IntN(min(int(order.Uint16(leaf[10:])), 50))
		value := at + int(order.Uint32(leaf[at+4:])+order.Uint32(leaf[at+8:]))
		size := int(order.Uint32(leaf[at+12:]))
		if size < 16 || value < 0 || value+size > len(leaf) {
			continue
		}
		order.PutUint32(leaf[at:], 1)
		order.PutUint64(leaf[value:], []uint64{0, c.anyPage()}[c.IntN(2)])
		if size >= 32 {
			order.PutUint16(leaf[value+24:], uint16(1+c.IntN(2)))
			order.PutUint16(leaf[value+26:], uint16(c.number()))
		}
		return
	}
}
