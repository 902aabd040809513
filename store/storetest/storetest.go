// Package storetest is the conformance suite for stores. The engine works with every
// store that passes it. The test of a store calls it:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) store.Store { return mystore.New() })
//	}
package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
)

// Run checks every sentence of the contract of store.Store. open opens a new, empty store
// for each test. Run closes it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, group := range []struct {
		name  string
		tests map[string]func(*testing.T, suite)
	}{
		{"reads", readTests},
		{"writes", writeTests},
		{"atomicity", atomicityTests},
		{"isolation", isolationTests},
		{"contexts", contextTests},
		{"sizes", sizeTests},
		{"panics", panicTests},
		{"closing", closingTests},
		{"buckets", bucketTests},
		{"backup", backupTests},
		{"relaxed", relaxedTests},
		{"check", checkTests},
		{"model", modelTests},
		{"shared", sharedTests},
	} {
		for name, test := range group.tests {
			t.Run(group.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := open(t)
				t.Cleanup(func() { _ = s.Close() })
				test(t, suite{s, open})
			})
		}
	}
}

// A suite is a store under test.
type suite struct {
	store.Store
	open func(t *testing.T) store.Store
}

// update runs fn, which must succeed.
func (s suite) update(t require.TestingT, fn func(w store.Writer)) {
	require.NoError(t, s.Update(context.Background(), func(w store.Writer) error {
		fn(w)
		return nil
	}))
}

// view runs fn, which must succeed.
func (s suite) view(t require.TestingT, fn func(r store.Reader)) {
	require.NoError(t, s.View(context.Background(), func(r store.Reader) error {
		fn(r)
		return nil
	}))
}

// put writes pairs of keys and values in one transaction.
func (s suite) put(t require.TestingT, pairs ...string) {
	s.update(t, func(w store.Writer) { put(t, w, pairs...) })
}

// get returns the value of key, or "none".
func (s suite) get(t require.TestingT, key string) (value string) {
	s.view(t, func(r store.Reader) { value = get(t, r, key) })
	return value
}

// all returns all pairs of r as "key=value".
func (s suite) all(t require.TestingT, r store.Range) (pairs []string) {
	s.view(t, func(reader store.Reader) { pairs = all(t, reader, r) })
	return pairs
}

func put(t require.TestingT, w store.Writer, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		require.NoError(t, w.Put([]byte(pairs[i]), []byte(pairs[i+1])))
	}
}

func get(t require.TestingT, r store.Reader, key string) string {
	value, ok, err := r.Get([]byte(key))
	require.NoError(t, err)
	if !ok {
		require.Empty(t, value, "a value that is not there")
		return "none"
	}
	return string(value)
}

// all reads r page by page, as the engine does.
func all(t require.TestingT, reader store.Reader, r store.Range) (pairs []string) {
	for {
		page, more, err := reader.Scan(r)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), r.PageSize())
		for _, p := range page {
			pairs = append(pairs, text(p))
		}
		if !more {
			return pairs
		}
		require.NotEmpty(t, page, "more to come after nothing")
		r = rest(r, page)
	}
}

// rest returns the part of r after page.
func rest(r store.Range, page []store.Pair) store.Range {
	last := page[len(page)-1].Key
	if r.Reverse {
		r.To = last
	} else {
		r.From = append(append([]byte(nil), last...), 0)
	}
	return r
}

func text(p store.Pair) string { return fmt.Sprintf("%s=%s", p.Key, p.Value) }

func discard(store.Writer) error { return nil }
