package tree_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit/store/internal/tree"
)

// A version is a tree with its expected contents. Both must stay the same.
type version struct {
	tree tree.Tree
	want map[string]string // "deleted" marks a deletion
}

func (v version) check(t *rapid.T) {
	require.Equal(t, len(v.want) == 0, v.tree.Empty())
	keys := slices.Sorted(maps.Keys(v.want))
	for _, reverse := range []bool{false, true} {
		var got []string
		for c := v.tree.Scan(nil, nil, reverse); ; {
			e, ok := c.Next()
			if !ok {
				break
			}
			got = append(got, string(e.Key))
			require.Equal(t, v.want[string(e.Key)] == "deleted", e.Deleted)
		}
		require.Equal(t, keys, got)
		slices.Reverse(keys)
	}
	for key, want := range v.want {
		e, ok := v.tree.Get([]byte(key))
		require.True(t, ok)
		if want != "deleted" {
			require.Equal(t, want, string(e.Value))
		}
	}
}

// TestTree_versions checks that a change of a tree does not affect older versions.
func TestTree_versions(t *testing.T) {
	key := rapid.StringMatching(`[a-f]{1,2}`)
	rapid.Check(t, func(t *rapid.T) {
		kept := []version{{want: map[string]string{}}}
		for range rapid.IntRange(1, 8).Draw(t, "versions") {
			from := rapid.SampledFrom(kept).Draw(t, "from")
			edit, want := from.tree.Edit(), maps.Clone(from.want)
			for range rapid.IntRange(0, 12).Draw(t, "changes") {
				k := key.Draw(t, "key")
				switch rapid.IntRange(0, 4).Draw(t, "change") {
				case 0:
					edit.Mark([]byte(k))
					want[k] = "deleted"
				case 1:
					edit.Remove([]byte(k))
					delete(want, k)
				case 2:
					kept = append(kept, version{edit.Done(), maps.Clone(want)})
				default:
					want[k] = rapid.StringN(0, 2, -1).Draw(t, "value")
					edit.Put([]byte(k), []byte(want[k]))
				}
			}
			kept = append(kept, version{edit.Done(), want})
		}
		for _, v := range kept {
			v.check(t)
		}
	})
}

func TestTree_Scan(t *testing.T) {
	edit := tree.Tree{}.Edit()
	for _, k := range []string{"b", "d", "a", "c", "e"} {
		edit.Put([]byte(k), nil)
	}
	scan := func(from, to []byte, reverse bool) string {
		var got bytes.Buffer
		c := edit.Scan(from, to, reverse)
		for e, ok := c.Next(); ok; e, ok = c.Next() {
			got.Write(e.Key)
		}
		_, ok := c.Next()
		require.False(t, ok, "after the end")
		return got.String()
	}
	require.Equal(t, "bcd", scan([]byte("b"), []byte("e"), false))
	require.Equal(t, "dcb", scan([]byte("b"), []byte("e"), true))
	require.Equal(t, "de", scan([]byte("cc"), nil, false))
	require.Equal(t, "ed", scan([]byte("cc"), nil, true))
	require.Empty(t, scan([]byte("x"), nil, false))
	require.Empty(t, scan(nil, []byte("a"), true))
}

func TestTree_large(t *testing.T) {
	edit := tree.Tree{}.Edit()
	for i := range 50_000 { // sorted keys are the worst case of an unbalanced tree
		edit.Put([]byte{byte(i >> 16), byte(i >> 8), byte(i)}, nil)
	}
	n := 0
	for c := edit.Scan(nil, nil, false); ; n++ {
		if _, ok := c.Next(); !ok {
			break
		}
	}
	require.Equal(t, 50_000, n)
}
