package storetest_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/internal/overlay"
	"groupkit/store/internal/tree"
	"groupkit/store/memstore"
	"groupkit/store/storetest"
)

// optimistic is a store that runs functions beside each other, and before it commits compares what
// a function has read with what is there now. Without ranges it compares single keys alone, which
// is wrong: it does not notice a key that was put into a range, or deleted there.
type optimistic struct {
	*memstore.Store
	ranges bool
}

func (optimistic) Exclusive() bool { return false }

func (s optimistic) Update(ctx context.Context, fn func(store.Writer) error) error {
	return store.Retry{}.Do(ctx, func() error {
		var read reads
		var writes tree.Tree
		err := s.Store.View(ctx, func(r store.Reader) error {
			read = reads{Reader: r}
			space := overlay.New(&read, tree.Tree{})
			defer space.End()
			err := fn(space)
			writes = space.Writes()
			return err
		})
		if err != nil {
			return err
		}
		for range 200 { // others begin, and commit
			runtime.Gosched()
		}
		return s.Store.Update(ctx, func(w store.Writer) error {
			if !read.hold(w, s.ranges) {
				return store.ErrConflict
			}
			return write(w, writes)
		})
	})
}

// reads is a Reader that notes what was read.
type reads struct {
	store.Reader
	keys, values [][]byte // a value is nil if the key does not exist
	ranges       []store.Range
	pages        []store.Page
}

func (r *reads) Get(key []byte) ([]byte, bool, error) {
	value, ok, err := r.Reader.Get(key)
	r.keys = append(r.keys, bytes.Clone(key))
	r.values = append(r.values, bytes.Clone(value))
	return value, ok, err
}

func (r *reads) Scan(g store.Range) ([]store.Pair, bool, error) {
	page, more, err := r.Reader.Scan(g)
	kept := make([]store.Pair, len(page))
	for i, p := range page {
		kept[i] = store.Pair{Key: bytes.Clone(p.Key), Value: bytes.Clone(p.Value)}
	}
	g.From, g.To = bytes.Clone(g.From), bytes.Clone(g.To)
	r.ranges, r.pages = append(r.ranges, g), append(r.pages, store.Page{Pairs: kept, More: more})
	return page, more, err
}

// hold reports whether everything is still as it was read.
func (r *reads) hold(now store.Reader, ranges bool) bool {
	for i, key := range r.keys {
		value, ok, err := now.Get(key)
		if err == nil && (ok != (r.values[i] != nil) || !bytes.Equal(value, r.values[i])) {
			return false
		}
	}
	for i, g := range r.ranges {
		page, more, err := now.Scan(g)
		if err != nil {
			return false
		}
		if ranges && (more != r.pages[i].More || !equal(page, r.pages[i].Pairs)) {
			return false
		}
	}
	return true
}

func equal(a, b []store.Pair) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i].Key, b[i].Key) || !bytes.Equal(a[i].Value, b[i].Value) {
			return false
		}
	}
	return true
}

func write(w store.Writer, t tree.Tree) (err error) {
	c := t.Scan(nil, nil, false)
	for e, ok := c.Next(); ok && err == nil; e, ok = c.Next() {
		if e.Deleted {
			err = w.Delete(e.Key)
		} else {
			err = w.Put(e.Key, e.Value)
		}
	}
	return err
}

func TestRun_GuardsRanges(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return optimistic{memstore.New(), true} })
}

// TestRun_GuardsKeysAlone runs the suite on a wrong store, in a process of its own. It must fail.
func TestRun_GuardsKeysAlone(t *testing.T) {
	const wrong = "GROUPKIT_TEST_WRONG_STORE"
	if os.Getenv(wrong) != "" {
		storetest.Run(t, func(*testing.T) store.Store { return optimistic{memstore.New(), false} })
		return
	}
	suite := exec.Command(os.Args[0], "-test.run=^TestRun_GuardsKeysAlone$/(atomicity|shared)$/")
	suite.Env = append(os.Environ(), wrong+"=1")
	out, err := suite.CombinedOutput()
	require.Error(t, err, "the suite passes on a store that is wrong:\n%s", out)
	for _, name := range []string{"atomicity/write_skew_through_a_scan_is_refused", "shared/a_key_deleted_inside_a_scanned_range"} {
		require.Contains(t, string(out), "FAIL: TestRun_GuardsKeysAlone/"+name)
	}
	require.NotContains(t, string(out), "FAIL: TestRun_GuardsKeysAlone/atomicity/write_skew_is_refused", "keys it does guard")
}
