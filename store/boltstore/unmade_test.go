//go:build (darwin || dragonfly || freebsd || linux || netbsd || openbsd) && !android

package boltstore_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/boltstore"
)

// newBoltFile returns what bbolt writes into a new file.
func newBoltFile(t *testing.T) []byte {
	path := filepath.Join(t.TempDir(), "new")
	db, err := bolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, content, 4*os.Getpagesize())
	return content
}

// TestOpen_unmade opens what a power cut leaves while a new file is written.
func TestOpen_unmade(t *testing.T) {
	t.Parallel()
	made, dir := newBoltFile(t), t.TempDir()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for n := range 60 {
		content := bytes.Clone(made)
		for at := 0; at < len(content); at += 512 {
			if head := at%os.Getpagesize() == 0; !head || r.IntN(2) == 0 {
				clear(content[at : at+512])
			}
		}
		if n%2 == 0 { // the file has its length, and no sector from one on
			clear(content[512*r.IntN(len(content)/512):])
		} else {
			content = content[:512*(1+r.IntN(len(content)/512))]
		}
		path := filepath.Join(dir, fmt.Sprint(n))
		require.NoError(t, os.WriteFile(path, content, 0o600))
		for range 2 {
			s, err := boltstore.Open(path, nil)
			require.NoError(t, err, "%d bytes", len(content))
			require.NoError(t, s.Update(t.Context(), func(w store.Writer) error { return w.Put([]byte("a"), []byte("b")) }))
			require.NoError(t, s.Close())
		}
	}
}

// TestOpen_notUnmade opens files that are as short as a new one, and were in use.
func TestOpen_notUnmade(t *testing.T) {
	t.Parallel()
	made, path := newBoltFile(t), filepath.Join(t.TempDir(), "used")
	s, err := boltstore.Open(path, nil)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	used, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Greater(t, len(used), len(made))
	page := os.Getpagesize()
	for name, content := range map[string][]byte{
		"truncated":                         used[:len(made)],
		"truncated, without the first page": append(make([]byte, page), used[page:len(made)]...),
		"cut within a sector":               made[:20],
		"a foreign byte":                    append(make([]byte, len(made)-1), 'x'),
		"longer than a new file":            make([]byte, len(made)+1),
		"a flipped bit":                     flipped(append(made[:2*page:2*page], make([]byte, 2*page)...)),
	} {
		require.NoError(t, os.WriteFile(path, content, 0o600))
		_, err := boltstore.Open(path, nil)
		require.ErrorIs(t, err, store.ErrCorrupt, name)
		left, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.Equal(content, left), name)
	}
}

// flipped flips a bit of a field of the first meta page, and one in the second.
func flipped(content []byte) []byte {
	content[16+48]++
	content[os.Getpagesize()+16+48]++
	return content
}
