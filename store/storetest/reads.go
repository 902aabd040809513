package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
)

var readTests = map[string]func(*testing.T, suite){
	"a new store is empty": func(t *testing.T, s suite) {
		require.Equal(t, "none", s.get(t, "a"))
		require.Empty(t, s.all(t, store.Range{}))
		require.Empty(t, s.all(t, store.Range{Reverse: true}))
	},
	"an empty value is a value": func(t *testing.T, s suite) {
		s.update(t, func(w store.Writer) {
			require.NoError(t, w.Put([]byte("nil"), nil))
			require.NoError(t, w.Put([]byte("empty"), []byte{}))
			require.Equal(t, "", get(t, w, "nil"))
			require.Equal(t, []string{"empty=", "nil="}, all(t, w, store.Range{}))
		})
		require.Equal(t, "", s.get(t, "nil"))
		require.Equal(t, "", s.get(t, "empty"))
		require.Equal(t, []string{"empty=", "nil="}, s.all(t, store.Range{}))
	},
	"keys are ordered as bytes": func(t *testing.T, s suite) {
		keys := hostileKeys()
		s.update(t, func(w store.Writer) {
			for _, i := range shuffled(len(keys)) {
				require.NoError(t, w.Put(keys[i], keys[i]))
			}
			requireKeys(t, w, store.Range{}, keys)
		})
		s.view(t, func(r store.Reader) {
			requireKeys(t, r, store.Range{}, keys)
			for i, from := range keys {
				requireKeys(t, r, store.Range{From: from}, keys[i:])
				requireKeys(t, r, store.Range{To: from}, keys[:i])
				requireKeys(t, r, store.Range{From: from, To: keys[len(keys)-1]}, keys[i:len(keys)-1])
			}
		})
	},
	"bounds": func(t *testing.T, s suite) {
		s.put(t, "a", "1", "b", "2", "c", "3")
		for _, reverse := range []bool{false, true} {
			scan := func(from, to []byte) []string {
				return s.all(t, store.Range{From: from, To: to, Reverse: reverse})
			}
			require.Len(t, scan(nil, nil), 3)
			require.Len(t, scan([]byte{}, nil), 3, "an empty beginning is the beginning")
			require.Empty(t, scan(nil, []byte{}), "nothing is before an empty end")
			require.Empty(t, scan([]byte("b"), []byte("b")))
			require.Empty(t, scan([]byte("c"), []byte("a")), "an end before the beginning")
			require.Equal(t, []string{"b=2"}, scan([]byte("aa"), []byte("bb")))
			require.Equal(t, []string{"a=1"}, scan([]byte("a"), []byte("b")))
			require.Empty(t, scan([]byte("d"), nil))
			require.Empty(t, scan(nil, []byte("a")))
		}
	},
	"prefixes": func(t *testing.T, s suite) {
		s.put(t, "a", "1", "a\x00", "2", "a\xff\xff", "3", "b", "4", "\xff\xff", "5", "\xff\xff\x01", "6")
		require.Equal(t, []string{"a=1", "a\x00=2", "a\xff\xff=3"}, s.all(t, store.Prefix([]byte("a"))))
		require.Equal(t, []string{"a\xff\xff=3"}, s.all(t, store.Prefix([]byte("a\xff"))))
		require.Equal(t, []string{"\xff\xff=5", "\xff\xff\x01=6"}, s.all(t, store.Prefix([]byte("\xff\xff"))))
		require.Len(t, s.all(t, store.Prefix(nil)), 6)
	},
	"what is shown is what is read": func(t *testing.T, s suite) {
		s.put(t, "a", "1", "b", "", "c", "3")
		s.update(t, func(w store.Writer) {
			requireShown(t, w)
			require.NoError(t, w.Put([]byte("bb"), []byte("new")))
			require.NoError(t, w.Delete([]byte("a")))
			requireShown(t, w)
		})
		s.view(t, func(r store.Reader) { requireShown(t, r) })
	},
	"a panic of the function that is shown pairs": func(t *testing.T, s suite) {
		s.put(t, "a", "1")
		require.PanicsWithValue(t, "visit", func() {
			s.view(t, func(r store.Reader) {
				_, _ = store.Visit(r, store.Range{}, func([]byte, []byte) bool { panic("visit") })
			})
		})
		require.PanicsWithValue(t, "keys", func() {
			s.view(t, func(r store.Reader) {
				_ = store.VisitKeys(r, [][]byte{[]byte("a")}, func(int, []byte) bool { panic("keys") })
			})
		})
		require.Equal(t, "1", s.get(t, "a"), "the store goes on")
	},
	"limits and more": func(t *testing.T, s suite) {
		s.put(t, "a", "1", "b", "2", "c", "3")
		s.view(t, func(r store.Reader) {
			for limit := 1; limit <= 4; limit++ {
				for _, reverse := range []bool{false, true} {
					page, more, err := r.Scan(store.Range{Limit: limit, Reverse: reverse})
					require.NoError(t, err)
					require.LessOrEqual(t, len(page), limit)
					require.NotEmpty(t, page)
					require.Equal(t, len(page) < 3, more, "more after %d of 3", len(page))
				}
			}
		})
	},
	"a page has MaxPage pairs at most": func(t *testing.T, s suite) {
		var keys, want []string
		for i := range store.MaxPage + 10 {
			keys = append(keys, fmt.Sprintf("%05d", i))
			want = append(want, keys[i]+"=v")
		}
		s.update(t, func(w store.Writer) {
			for _, key := range keys {
				put(t, w, key, "v")
			}
			for _, limit := range []int{0, -1, store.MaxPage + 1} {
				require.Equal(t, want, all(t, w, store.Range{Limit: limit}))
			}
		})
		require.Equal(t, want, s.all(t, store.Range{Limit: 3 * store.MaxPage}))
		slices.Reverse(want)
		require.Equal(t, want, s.all(t, store.Range{Reverse: true}))
	},
	"GetMany agrees with Get": func(t *testing.T, s suite) {
		s.put(t, "a", "1", "b", "", "d", "4")
		keys := [][]byte{[]byte("d"), []byte("c"), []byte("b"), []byte("a"), []byte("b"), []byte("e")}
		want := [][]byte{[]byte("4"), nil, {}, []byte("1"), {}, nil}
		s.view(t, func(r store.Reader) { requireMany(t, r, keys, want) })
		s.update(t, func(w store.Writer) {
			requireMany(t, w, keys, want)
			put(t, w, "c", "3", "a", "")
			require.NoError(t, w.Delete([]byte("d")))
			requireMany(t, w, keys, [][]byte{nil, []byte("3"), {}, {}, {}, nil})
			requireMany(t, w, nil, [][]byte{})
		})
	},
	"bytes stay valid and are the caller's": func(t *testing.T, s suite) {
		s.put(t, "a", "value", "b", "other")
		var kept [][]byte
		spoil := func(r store.Reader) {
			value, _, err := r.Get([]byte("a"))
			require.NoError(t, err)
			page, _, err := r.Scan(store.Range{})
			require.NoError(t, err)
			many, err := store.GetMany(r, [][]byte{[]byte("a"), []byte("b")})
			require.NoError(t, err)
			kept = append(kept, value, page[0].Key, page[0].Value, page[1].Key, many[0], many[1])
			for i, b := range kept {
				_ = append(b, "beyond its end"...)
				for j := range b {
					b[j] = byte(i)
				}
			}
			require.Equal(t, "value", get(t, r, "a"))
			require.Equal(t, []string{"a=value", "b=other"}, all(t, r, store.Range{}))
		}
		s.view(t, spoil)
		s.update(t, func(w store.Writer) {
			kept = kept[:0:0]
			spoil(w)
			put(t, w, "a", "value", "b", "other")
			kept = kept[:0:0]
			spoil(w)
		})
		for range 20 {
			s.put(t, "a", "value", "b", "other")
		}
		for i, b := range kept {
			require.Equal(t, bytes.Repeat([]byte{byte(i)}, len(b)), b)
		}
		require.Equal(t, []string{"a=value", "b=other"}, s.all(t, store.Range{}))
	},
	"a reader is dead after its View": func(t *testing.T, s suite) {
		s.put(t, "a", "1")
		var kept store.Reader
		s.view(t, func(r store.Reader) { kept = r })
		requireDead(t, kept)
	},
}

func requireDead(t *testing.T, r store.Reader) {
	_, _, err := r.Get([]byte("a"))
	require.Error(t, err)
	_, _, err = r.Scan(store.Range{})
	require.Error(t, err)
	_, err = store.GetMany(r, [][]byte{[]byte("a")})
	require.Error(t, err)
}

func requireMany(t *testing.T, r store.Reader, keys, want [][]byte) {
	values, err := store.GetMany(r, keys)
	require.NoError(t, err)
	require.Equal(t, len(want), len(values))
	for i, key := range keys {
		require.Equal(t, want[i], values[i], "value of %q", key)
		value, ok, err := r.Get(key)
		require.NoError(t, err)
		require.Equal(t, want[i] != nil, ok)
		require.Equal(t, string(want[i]), string(value))
	}
}

// requireKeys checks a range in both directions and with several page sizes.
func requireKeys(t *testing.T, reader store.Reader, r store.Range, keys [][]byte) {
	for _, limit := range []int{0, 1, 3} {
		var want []string
		for _, key := range keys {
			want = append(want, text(store.Pair{Key: key, Value: key}))
		}
		r.Limit, r.Reverse = limit, false
		require.Equal(t, want, all(t, reader, r))
		r.Reverse = true
		slices.Reverse(want)
		require.Equal(t, want, all(t, reader, r))
	}
}

// hostileKeys returns unusual keys, in order.
func hostileKeys() [][]byte {
	keys := [][]byte{{0}, {0, 0}, {0, 1}, {0, 0xff}, {1}, []byte("%"), []byte("'"), []byte("/"), []byte("A"), []byte("\\"),
		[]byte("a"), []byte("a\x00"), []byte("a\x00b"), []byte("a/"), []byte("aa"), []byte("ab"), []byte("é"),
		{0x7f}, {0x80}, {0xfe, 0xff}, {0xff}, {0xff, 0}, {0xff, 0xff}, bytes.Repeat([]byte{0xff}, longestKey)}
	slices.SortFunc(keys, bytes.Compare)
	return keys
}

// requireShown compares the results of Visit and VisitKeys with those of Scan and Get.
func requireShown(t *testing.T, r store.Reader) {
	t.Helper()
	for _, reverse := range []bool{false, true} {
		for limit := range 5 {
			g := store.Range{Limit: limit, Reverse: reverse}
			want, wantMore, err := r.Scan(g)
			require.NoError(t, err)
			var shown []store.Pair
			more, err := store.Visit(r, g, func(key, value []byte) bool {
				require.NotNil(t, value)
				shown = append(shown, store.Pair{Key: bytes.Clone(key), Value: append([]byte{}, value...)})
				return true
			})
			require.NoError(t, err)
			require.Equal(t, want, shown)
			require.Equal(t, wantMore, more)

			n := 0
			more, err = store.Visit(r, g, func([]byte, []byte) bool { n++; return false })
			require.NoError(t, err)
			require.Equal(t, 1, n, "it is called no more")
			require.True(t, more)
		}
	}
	keys := [][]byte{[]byte("c"), []byte("none"), []byte("a"), []byte("b"), []byte("bb"), []byte("c")}
	n := 0
	require.NoError(t, store.VisitKeys(r, keys, func(i int, value []byte) bool {
		require.Equal(t, n, i)
		n++
		want, ok, err := r.Get(keys[i])
		require.NoError(t, err)
		require.Equal(t, ok, value != nil)
		require.Equal(t, string(want), string(value))
		return i < 4
	}))
	require.Equal(t, 5, n, "it is called no more")
}
