//go:build unix

// Package damage_test damages the closed file of a database, opens it, reads everything in it
// and writes to it, in another process. The process must not crash, and whatever it reads
// otherwise than in the sound file must be told: by Open, by the read, or by Verify.
package damage_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	files = flag.Int("files", 200, "how many damaged files are opened")
	bits  = flag.Int("bits", 300, "how many files with one flipped bit are opened")
	seed  = flag.Uint64("seed", 0, "repeats a run: the seed that it printed")
)

func newSeed(t *testing.T) uint64 {
	s := cmp.Or(*seed, uint64(time.Now().UnixNano()))
	t.Logf("-seed %d", s)
	return s
}

// TestDamagedFiles opens files of which some pages are not what they were.
func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	s := newSound(t)
	first := newSeed(t)
	var kinds tally
	s.openAll(t, *files, first, func(r *rand.Rand) damagedFile {
		kind := damages[r.IntN(len(damages))]
		content, where := kind.do(bytes.Clone(s.file), s.older, r)
		return damagedFile{content, kind.name + " " + where, r.IntN(2) == 0}
	}, func(t *testing.T, f findings, what string) {
		switch {
		case f.Refused != "" && len(f.Told) == 0:
			t.Errorf("%s: Open does not say that the file is damaged: %s", what, f.Refused)
		case len(f.Told) > 0:
			kinds.add("told")
		case len(f.Differs) > 0:
			t.Errorf("%s: nothing tells that these reads have changed: %q", what, f.Differs)
		default:
			kinds.add("no effect")
		}
	})
	kinds.requireBoth(t)
}

// TestFlippedBit flips one bit anywhere in what the leaves of the engine say. Every record has
// a checksum, so each flip must be told, also one in a record that no read of this test asks for.
func TestFlippedBit(t *testing.T) {
	t.Parallel()
	s := newSound(t)
	first := newSeed(t)
	positions := boltFile(s.file).positions()
	require.Greater(t, len(positions), 50_000)
	var kinds tally
	s.openAll(t, *bits, first, func(r *rand.Rand) damagedFile {
		at, bit := positions[r.IntN(len(positions))], r.IntN(8)
		content := bytes.Clone(s.file)
		content[at] ^= 1 << bit
		around := s.file[max(at-40, 0):min(at+20, len(s.file))]
		return damagedFile{content, fmt.Sprintf("bit %d of byte %d, behind %q", bit, at, around), r.IntN(4) == 0}
	}, func(t *testing.T, f findings, what string) {
		switch {
		case f.Refused != "" && len(f.Told) == 0:
			t.Errorf("%s: Open does not say that the file is damaged: %s", what, f.Refused)
		case len(f.Told) > 0:
			kinds.add("told")
		default:
			t.Errorf("%s: nothing tells it. These reads have changed: %q, and records: %q", what, f.Differs, f.Changed)
		}
	})
	t.Cleanup(func() { t.Logf("%v", kinds.count) })
}

// A kind of damage changes the content of a file and says where.
type damage struct {
	name string
	do   func(file, older []byte, r *rand.Rand) (damaged []byte, where string)
}

var damages = []damage{
	{"flipped bits", func(file, _ []byte, r *rand.Rand) ([]byte, string) {
		var places []int
		for range 1 + r.IntN(8) {
			at := r.IntN(len(file))
			file[at] ^= 1 << r.IntN(8)
			places = append(places, at)
		}
		return file, fmt.Sprint(places)
	}},
	{"a flipped bit in the head of a page", func(file, _ []byte, r *rand.Rand) ([]byte, string) {
		at := page(file, r)*os.Getpagesize() + r.IntN(96)
		file[at] ^= 1 << r.IntN(8)
		return file, fmt.Sprint(at)
	}},
	{"a small number in the head of a page", func(file, _ []byte, r *rand.Rand) ([]byte, string) {
		at := page(file, r)*os.Getpagesize() + r.IntN(96)
		file[at] = byte(r.IntN(12))
		return file, fmt.Sprint(at)
	}},
	{"zeros", func(file, _ []byte, r *rand.Rand) ([]byte, string) {
		from, to, where := run(file, r)
		clear(file[from:to])
		return file, where
	}},
	{"a zeroed sector", func(file, _ []byte, r *rand.Rand) ([]byte, string) {
		at := r.IntN(len(file)/512) * 512
		clear(file[at : at+512])
		return file, fmt.Sprint(at)
	}},
	{"garbage", func(file, _ []byte, r *rand.Rand) ([]byte, string) {
		from, to, where := run(file, r)
		for i := from; i < to; i++ {
			file[i] = byte(r.Uint32())
		}
		return file, where
	}},
	{"a page twice", func(file, _ []byte, r *rand.Rand) ([]byte, string) {
		size, from, to := os.Getpagesize(), page(file, r), page(file, r)
		copy(file[to*size:(to+1)*size], bytes.Clone(file[from*size:(from+1)*size]))
		return file, fmt.Sprintf("%d in place of %d", from, to)
	}},
	{"swapped pages", func(file, _ []byte, r *rand.Rand) ([]byte, string) {
		size, from, to := os.Getpagesize(), page(file, r), page(file, r)
		one := bytes.Clone(file[from*size : (from+1)*size])
		copy(file[from*size:(from+1)*size], bytes.Clone(file[to*size:(to+1)*size]))
		copy(file[to*size:], one)
		return file, fmt.Sprint(from, to)
	}},
	{"a page with the number of another", func(file, _ []byte, r *rand.Rand) ([]byte, string) {
		size, from, to := os.Getpagesize(), page(file, r), page(file, r)
		number := slices.Clone(file[to*size : to*size+8])
		copy(file[to*size:(to+1)*size], bytes.Clone(file[from*size:(from+1)*size]))
		copy(file[to*size:], number)
		return file, fmt.Sprintf("%d in place of %d", from, to)
	}},
	{"truncation", func(file, _ []byte, r *rand.Rand) ([]byte, string) {
		n := 1 + r.IntN(len(file)-1) // an empty file is a new database
		return file[:n], fmt.Sprint("to ", n)
	}},
	{"pages of an older copy", func(file, older []byte, r *rand.Rand) ([]byte, string) {
		size := os.Getpagesize()
		from := 2 + r.IntN(len(older)/size-2)
		to := min(from+1+r.IntN(3), len(older)/size)
		copy(file[from*size:to*size], older[from*size:to*size])
		return file, fmt.Sprintf("%d to %d", from, to)
	}},
	{"a meta page of an older copy", func(file, older []byte, r *rand.Rand) ([]byte, string) {
		size, which := os.Getpagesize(), r.IntN(2)
		copy(file[which*size:(which+1)*size], older[which*size:(which+1)*size])
		return file, fmt.Sprint(which)
	}},
}

// page draws the number of a page.
func page(file []byte, r *rand.Rand) int { return r.IntN(len(file) / os.Getpagesize()) }

// run draws one to three pages that lie side by side. A file that begins with zeros may be
// one that was never written, so the two meta pages are not drawn at once.
func run(file []byte, r *rand.Rand) (from, to int, where string) {
	size := os.Getpagesize()
	first := 1 + r.IntN(len(file)/size-1)
	last := min(first+1+r.IntN(3), len(file)/size)
	return first * size, last * size, fmt.Sprintf("in pages %d to %d", first, last)
}
