package ahead_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit/internal/ahead"
	"groupkit/internal/sharedmem"
	"groupkit/store"
)

// Whatever was foreseen, every read gives what the store gives.
func TestReader(t *testing.T) {
	t.Parallel()
	data := sharedmem.New(sharedmem.Options{Numbers: true})
	s := data.Open()
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		for i := range 40 {
			require.NoError(t, w.Put(fmt.Appendf(nil, "k%02d", 2*i), fmt.Appendf(nil, "v%d", i)))
		}
		return w.Put([]byte("k00"), nil) // empty, but there
	}))
	rapid.Check(t, func(t *rapid.T) {
		require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
			a := ahead.Over(r)
			t.Repeat(map[string]func(*rapid.T){
				"foresee": func(t *rapid.T) { require.NoError(t, ahead.Foresee(a, drawKeys(t), drawRanges(t)...)) },
				"get": func(t *rapid.T) {
					k := drawKey(t)
					got, ok, err := a.Get(k)
					want, exists, _ := r.Get(k)
					require.NoError(t, err)
					require.Equal(t, exists, ok)
					require.Equal(t, string(want), string(got))
				},
				"fetch": func(t *rapid.T) {
					keys, ranges := drawKeys(t), drawRanges(t)
					values, pages, err := store.Fetch(a, keys, ranges)
					require.NoError(t, err)
					wantValues, wantPages, _ := store.Fetch(r, keys, ranges)
					require.Len(t, values, len(keys))
					for i, v := range values {
						require.Equal(t, wantValues[i] == nil, v == nil, "%q", keys[i])
						require.Equal(t, string(wantValues[i]), string(v))
					}
					require.Len(t, pages, len(ranges))
					for i, p := range pages {
						require.Equal(t, fmt.Sprint(wantPages[i]), fmt.Sprint(p))
					}
				},
				"scan": func(t *rapid.T) {
					g := drawRange(t)
					page, more, err := a.Scan(g)
					require.NoError(t, err)
					wantPage, wantMore, _ := r.Scan(g)
					require.Equal(t, fmt.Sprint(wantPage, wantMore), fmt.Sprint(page, more))
				},
			})
			return nil
		}))
	})
}

// What was foreseen makes no further round trip, and is asked for once.
func TestForesee_trips(t *testing.T) {
	t.Parallel()
	data := sharedmem.New(sharedmem.Options{})
	s := data.Open()
	require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
		a, k, g := ahead.Over(r), []byte("k"), store.Range{From: []byte("a"), Limit: 3}
		for range 2 {
			require.NoError(t, ahead.Foresee(a, [][]byte{k, k}, g))
			_, _, err := a.Get(k)
			require.NoError(t, err)
			_, _, err = a.Scan(g)
			require.NoError(t, err)
			_, err = a.GetMany([][]byte{k, k})
			require.NoError(t, err)
		}
		require.EqualValues(t, 1, data.Counts.Trips.Load())
		require.NoError(t, ahead.Foresee(r, [][]byte{[]byte("other")})) // a Reader that cannot remember
		require.EqualValues(t, 1, data.Counts.Trips.Load())
		_, err := a.GetMany([][]byte{k, []byte("other")})
		require.NoError(t, err)
		require.EqualValues(t, 2, data.Counts.Trips.Load())
		return nil
	}))
}

func drawKey(t *rapid.T) []byte {
	return fmt.Appendf(nil, "k%02d", rapid.IntRange(0, 85).Draw(t, "key"))
}

func drawKeys(t *rapid.T) (keys [][]byte) {
	for range rapid.IntRange(0, 4).Draw(t, "keys") {
		keys = append(keys, drawKey(t))
	}
	return keys
}

func drawRange(t *rapid.T) store.Range {
	g := store.Range{From: drawKey(t), To: drawKey(t), Limit: rapid.IntRange(0, 5).Draw(t, "limit"), Reverse: rapid.Bool().Draw(t, "reverse")}
	if rapid.Bool().Draw(t, "open") {
		g.To = nil
	}
	return g
}

func drawRanges(t *rapid.T) (ranges []store.Range) {
	for range rapid.IntRange(0, 3).Draw(t, "ranges") {
		ranges = append(ranges, drawRange(t))
	}
	return ranges
}
