package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
)

// requireFetch compares the results of Fetch with those of Get and Scan.
func requireFetch(t *testing.T, r store.Reader) {
	t.Helper()
	keys := [][]byte{[]byte("c"), []byte("none"), []byte("a"), []byte("b"), []byte("bb"), []byte("c")}
	ranges := []store.Range{{}, {Limit: 1}, {Limit: 2, Reverse: true}, {From: []byte("b"), To: []byte("d")},
		{From: []byte("b"), To: []byte("e"), Limit: 2}, {From: []byte("x")}, {To: []byte{}}}
	values, pages, err := store.Fetch(r, keys, ranges)
	require.NoError(t, err)
	requireMany(t, r, keys, values)
	require.Len(t, pages, len(ranges))
	for i, g := range ranges {
		pairs, more, err := r.Scan(g)
		require.NoError(t, err)
		require.Equal(t, len(pairs), len(pages[i].Pairs), "range %d", i)
		for n, pair := range pairs {
			require.Equal(t, text(pair), text(pages[i].Pairs[n]))
		}
		require.Equal(t, more, pages[i].More, "range %d", i)
	}
	values, pages, err = store.Fetch(r, nil, nil)
	require.NoError(t, err)
	require.Empty(t, values)
	require.Empty(t, pages)
}

// compareFetch compares the results of Fetch with the model. A page can be shorter than its limit.
func (m model) compareFetch(t require.TestingT, r store.Reader, names []string, ranges []store.Range) {
	var keys [][]byte
	for _, name := range names {
		keys = append(keys, []byte(name))
	}
	values, pages, err := store.Fetch(r, keys, ranges)
	require.NoError(t, err)
	for i, name := range names {
		want, ok := m[name]
		require.Equal(t, ok, values[i] != nil, "%q", name)
		require.Equal(t, want, string(values[i]))
	}
	for i, g := range ranges {
		want := m.keys(g)
		require.LessOrEqual(t, len(pages[i].Pairs), min(g.PageSize(), len(want)))
		require.Equal(t, len(pages[i].Pairs) < len(want), pages[i].More)
		require.True(t, len(pages[i].Pairs) > 0 || len(want) == 0)
		for n, pair := range pages[i].Pairs {
			require.Equal(t, want[n], string(pair.Key))
			require.Equal(t, m[want[n]], string(pair.Value))
		}
	}
}
