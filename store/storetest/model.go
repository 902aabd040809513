package storetest

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit/store"
)

// A model is a simple store: a map that is sorted when it is read.
type model map[string]string

var modelTests = map[string]func(*testing.T, suite){
	"random transactions agree with a sorted map": func(t *testing.T, s suite) {
		rapid.Check(t, func(rt *rapid.T) {
			s.clear(rt)
			committed := model{}
			for range rapid.IntRange(1, 6).Draw(rt, "transactions") {
				committed = s.transaction(rt, committed)
				s.view(rt, func(r store.Reader) {
					for range 3 {
						committed.compare(rt, r)
					}
				})
			}
		})
	},
}

// clear deletes all pairs.
func (s suite) clear(t require.TestingT) {
	s.update(t, func(w store.Writer) {
		for {
			page, more, err := w.Scan(store.Range{})
			require.NoError(t, err)
			for _, p := range page {
				require.NoError(t, w.Delete(p.Key))
			}
			if !more {
				return
			}
		}
	})
}

// transaction runs the same steps on the store and on a model. It returns the committed
// state.
func (s suite) transaction(t *rapid.T, before model) model {
	var after model
	fail := rapid.IntRange(0, 3).Draw(t, "fails") == 0
	steps := rapid.SliceOfN(rapid.Custom(drawStep), 0, 25).Draw(t, "steps")
	err := s.Update(context.Background(), func(w store.Writer) error {
		after = maps.Clone(before)
		for _, step := range steps {
			after.do(t, w, step)
		}
		if fail {
			return errRefused
		}
		return nil
	})
	if fail {
		require.Equal(t, errRefused, err)
		return before
	}
	require.NoError(t, err)
	return after
}

// A step is one method call within a transaction.
type step struct {
	verb  string
	key   string
	value string
	r     store.Range
}

// genKey generates keys that collide, keys that are prefixes of others, unusual keys, and
// keys of the greatest length. Each use has a generator of its own: tests that run in parallel must
// not share one, because it writes its name when it is asked for it.
func genKey() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		key := string(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 'b', 0xfe, 0xff}), 1, 3).Draw(t, "key"))
		if rapid.IntRange(0, 9).Draw(t, "long") == 9 {
			return strings.Repeat("b", longestKey-len(key)) + key
		}
		return key
	})
}

func drawStep(t *rapid.T) step {
	return step{
		verb:  rapid.SampledFrom([]string{"put", "put", "put", "delete", "delete", "get", "scan", "deleteRange"}).Draw(t, "verb"),
		key:   genKey().Draw(t, "key"),
		value: rapid.StringN(0, 3, -1).Draw(t, "value"),
		r:     drawRange(t),
	}
}

func drawRange(t *rapid.T) store.Range {
	r := store.Range{Reverse: rapid.Bool().Draw(t, "reverse"), Limit: rapid.IntRange(0, 4).Draw(t, "limit")}
	if rapid.Bool().Draw(t, "bounded below") {
		r.From = []byte(genKey().Draw(t, "from"))
	}
	if rapid.Bool().Draw(t, "bounded above") {
		r.To = []byte(genKey().Draw(t, "to"))
	}
	return r
}

func (m model) do(t require.TestingT, w store.Writer, s step) {
	switch s.verb {
	case "put":
		put(t, w, s.key, s.value)
		m[s.key] = s.value
	case "delete":
		require.NoError(t, w.Delete([]byte(s.key)))
		delete(m, s.key)
	case "deleteRange":
		for _, key := range m.keys(s.r) {
			require.NoError(t, w.Delete([]byte(key)))
			delete(m, key)
		}
	case "get":
		m.compareKey(t, w, s.key)
	case "scan":
		m.compareRange(t, w, s.r)
	}
}

// keys returns the keys in r, in the order of r.
func (m model) keys(r store.Range) []string {
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(m)), func(key string) bool {
		return bytes.Compare([]byte(key), r.From) < 0 || r.To != nil && bytes.Compare([]byte(key), r.To) >= 0
	})
	if r.Reverse {
		slices.Reverse(keys)
	}
	return keys
}

func (m model) compare(t *rapid.T, r store.Reader) {
	m.compareKey(t, r, genKey().Draw(t, "key"))
	m.compareRange(t, r, drawRange(t))
	m.compareRange(t, r, store.Range{})
}

func (m model) compareKey(t require.TestingT, r store.Reader, key string) {
	want, ok := m[key]
	if !ok {
		want = "none"
	}
	require.Equal(t, want, get(t, r, key))
}

func (m model) compareRange(t require.TestingT, reader store.Reader, r store.Range) {
	var want []string
	for _, key := range m.keys(r) {
		want = append(want, text(store.Pair{Key: []byte(key), Value: []byte(m[key])}))
	}
	require.Equal(t, want, all(t, reader, r))
	page, more, err := reader.Scan(r)
	require.NoError(t, err)
	require.Equal(t, len(page) < len(want), more, "more after %d of %d", len(page), len(want))
}
