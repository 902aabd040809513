package seal_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit/internal/seal"
	"groupkit/store"
	"groupkit/store/memstore"
)

// TestOpen seals records and opens them.
func TestOpen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := append([]byte("G"), rapid.SliceOf(rapid.Byte()).Draw(t, "key")...)
		v := rapid.SliceOf(rapid.Byte()).Draw(t, "value")
		before := []byte("before")
		sealed := seal.Append(before, k, v)
		require.Equal(t, "before", string(sealed[:6]))
		sealed = sealed[6:]
		require.Len(t, sealed, len(v)+seal.Size)
		got, err := seal.Open(k, sealed)
		require.NoError(t, err)
		require.NotNil(t, got, "an empty value is a value")
		require.Equal(t, string(v), string(got))
		require.Equal(t, len(got), cap(got), "appending to the value cannot reach the seal")
	})
}

// FuzzOpen opens anything. What opens is what a writer sealed, and its key opens nothing else of the same value.
func FuzzOpen(f *testing.F) {
	for _, v := range []string{"", "a", "\x08\x8f\xed\x84\xdf2"} {
		f.Add([]byte("Gguild\x00m"), seal.Append(nil, []byte("Gguild\x00m"), []byte(v)))
		f.Add([]byte("!"), []byte(v))
	}
	f.Add([]byte{}, []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, k, sealed []byte) {
		again, err := seal.Open(k, seal.Append(nil, k, sealed))
		require.NoError(t, err)
		require.Equal(t, string(sealed), string(again))
		value, err := seal.Open(k, sealed)
		if err != nil {
			require.ErrorIs(t, err, seal.ErrBroken)
			return
		}
		require.Equal(t, string(sealed), string(seal.Append(nil, k, value)))
		if len(k) > 0 && k[0] != '!' {
			_, err = seal.Open(append([]byte("G"), k...), sealed)
			require.ErrorIs(t, err, seal.ErrBroken)
		}
	})
}

// TestOpen_Flips flips each bit of a key and of a sealed value, and two bits at a time.
func TestOpen_Flips(t *testing.T) {
	t.Parallel()
	k := []byte("Gguild\x00m日本")
	for _, v := range [][]byte{{}, []byte("\x08\x8f\xed\x84\xdf2"), make([]byte, 300)} {
		sealed := seal.Append(nil, k, v)
		whole := append(append([]byte{}, k...), sealed...)
		for bit := range len(whole) * 8 {
			changed := flipped(whole, bit)
			if changed[0] == '!' {
				continue
			}
			_, err := seal.Open(changed[:len(k)], changed[len(k):])
			require.ErrorIs(t, err, seal.ErrBroken, "bit %d", bit)
			require.ErrorIs(t, err, store.ErrCorrupt)
			require.ErrorContains(t, err, fmt.Sprintf("%x", changed[:len(k)]))
			for _, other := range []int{(bit + 1) % (len(whole) * 8), (bit * 7) % (len(whole) * 8)} {
				if other == bit || other < 8 {
					continue
				}
				twice := flipped(changed, other)
				_, err := seal.Open(twice[:len(k)], twice[len(k):])
				require.ErrorIs(t, err, seal.ErrBroken, "bits %d and %d", bit, other)
			}
		}
		for n := range sealed {
			_, err := seal.Open(k, sealed[:n])
			require.ErrorIs(t, err, seal.ErrBroken, "cut to %d bytes", n)
		}
		_, err := seal.Open(append(k, 'x'), sealed)
		require.ErrorIs(t, err, seal.ErrBroken, "the record of another key")
	}
}

func flipped(b []byte, bit int) []byte {
	b = append([]byte{}, b...)
	b[bit/8] ^= 1 << (bit % 8)
	return b
}

// TestOpen_Format checks that the number of the format has no seal: programs that know nothing of
// seals read it.
func TestOpen_Format(t *testing.T) {
	t.Parallel()
	require.Equal(t, []byte("\x08\x02"), seal.Append(nil, []byte("!"), []byte("\x08\x02")))
	got, err := seal.Open([]byte("!"), []byte("\x08\x02"))
	require.NoError(t, err)
	require.Equal(t, []byte("\x08\x02"), got)
}

// TestAppend_Bytes pins the bytes of a seal: they are part of the format.
func TestAppend_Bytes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ k, v, sealed string }{
		{"G", "", "\xc7\xcc\x2a\x06"},
		{"Gguild\x00h", "\x08\x01", "\x08\x01\x27\x39\x11\xb4"},
	} {
		require.Equal(t, c.sealed, string(seal.Append(nil, []byte(c.k), []byte(c.v))))
	}
}

// bare has the methods that every Reader has, and no others.
type bare struct{ store.Reader }

// eachReader runs a test with readers that have the optional methods, and that do not.
func eachReader(t *testing.T, s store.Store, test func(t *testing.T, raw store.Reader)) {
	for name, as := range map[string]func(store.Reader) store.Reader{
		"all methods": func(r store.Reader) store.Reader { return r },
		"few methods": func(r store.Reader) store.Reader { return bare{r} },
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, s.View(context.Background(), func(r store.Reader) error {
				test(t, as(r))
				return nil
			}))
		})
	}
}

// filled returns a store with the records G00 to G29, of which some are broken.
func filled(t *testing.T, broken ...int) store.Store {
	t.Helper()
	s := memstore.New()
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		sealed := seal.NewWriter(w)
		for i := range 30 {
			require.NoError(t, sealed.Put(numbered(i), fmt.Append(nil, "value ", i)))
		}
		require.NoError(t, sealed.Put([]byte("Gempty"), nil))
		require.NoError(t, sealed.Put([]byte("Ggone"), nil))
		require.NoError(t, sealed.Delete([]byte("Ggone")))
		for _, i := range broken {
			require.NoError(t, w.Put(numbered(i), []byte("not sealed")))
		}
		return nil
	}))
	return s
}

func numbered(i int) []byte { return fmt.Appendf(nil, "G%02d", i) }

func TestReader(t *testing.T) {
	t.Parallel()
	eachReader(t, filled(t), func(t *testing.T, raw store.Reader) {
		r := &seal.Reader{Store: raw}
		value, ok, err := r.Get(numbered(7))
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, "value 7", string(value))
		_, ok, err = r.Get([]byte("Ggone"))
		require.NoError(t, err)
		require.False(t, ok)

		keys := [][]byte{numbered(3), []byte("Ggone"), []byte("Gempty"), numbered(1)}
		values, err := r.GetMany(keys)
		require.NoError(t, err)
		require.Equal(t, [][]byte{[]byte("value 3"), nil, {}, []byte("value 1")}, values)
		var visited [][]byte
		require.NoError(t, r.VisitKeys(keys, func(i int, value []byte) bool {
			require.Equal(t, len(visited), i)
			visited = append(visited, clone(value))
			return i < 2
		}))
		require.Equal(t, values[:3], visited)

		page, more, err := r.Scan(store.Range{From: numbered(2), Limit: 2})
		require.NoError(t, err)
		require.True(t, more)
		require.Equal(t, []store.Pair{{Key: numbered(2), Value: []byte("value 2")}, {Key: numbered(3), Value: []byte("value 3")}}, page)
		var all []string
		more, err = r.Visit(store.Range{To: numbered(5), Reverse: true}, func(k, v []byte) bool {
			all = append(all, string(k)+" "+string(v))
			return len(all) < 2
		})
		require.NoError(t, err)
		require.True(t, more)
		require.Equal(t, []string{"G04 value 4", "G03 value 3"}, all)
	})
}

func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

// TestReader_Broken reads a broken record: each method returns the error.
func TestReader_Broken(t *testing.T) {
	t.Parallel()
	eachReader(t, filled(t, 7), func(t *testing.T, raw store.Reader) {
		r := &seal.Reader{Store: raw}
		_, ok, err := r.Get(numbered(7))
		require.ErrorIs(t, err, seal.ErrBroken)
		require.False(t, ok)
		_, err = r.GetMany([][]byte{numbered(6), numbered(7)})
		require.ErrorIs(t, err, seal.ErrBroken)
		_, _, err = r.Scan(store.Range{From: numbered(6)})
		require.ErrorIs(t, err, seal.ErrBroken)
		count := 0
		_, err = r.Visit(store.Range{From: numbered(6)}, func(_, _ []byte) bool { count++; return true })
		require.ErrorIs(t, err, seal.ErrBroken)
		require.Equal(t, 1, count)
		err = r.VisitKeys([][]byte{numbered(6), numbered(7), numbered(8)}, func(int, []byte) bool { count++; return true })
		require.ErrorIs(t, err, seal.ErrBroken)
		require.Equal(t, 2, count)
	})
}

// TestReader_Skips reads past broken records and is told of each.
func TestReader_Skips(t *testing.T) {
	t.Parallel()
	broken := []int{0, 1, 2, 3, 7, 10, 11, 12, 27, 28, 29}
	s := filled(t, broken...)
	var sound []string
	for i := range 30 {
		sound = append(sound, fmt.Sprintf("G%02d value %d", i, i))
	}
	for i := len(broken) - 1; i >= 0; i-- {
		sound = append(sound[:broken[i]], sound[broken[i]+1:]...)
	}
	eachReader(t, s, func(t *testing.T, raw store.Reader) {
		told := make(map[string]bool)
		r := &seal.Reader{Store: raw, Broken: func(k []byte, err error) {
			require.ErrorIs(t, err, seal.ErrBroken)
			told[string(k)] = true
		}}
		for limit := range 5 {
			for _, reverse := range []bool{false, true} {
				require.Equal(t, order(sound, reverse), scanned(t, r, limit, reverse), "limit %d", limit)
				require.Equal(t, order(sound, reverse), visited(t, r, limit, reverse), "limit %d", limit)
			}
		}
		require.Len(t, told, len(broken))
		_, ok, err := r.Get(numbered(7))
		require.NoError(t, err)
		require.False(t, ok)
		values, err := r.GetMany([][]byte{numbered(7), numbered(8)})
		require.NoError(t, err)
		require.Equal(t, [][]byte{nil, []byte("value 8")}, values)
		n := 0
		require.NoError(t, r.VisitKeys([][]byte{numbered(7), numbered(8)}, func(i int, value []byte) bool {
			require.Equal(t, i == 0, value == nil)
			n++
			return true
		}))
		require.Equal(t, 2, n)
	})
}

func order(list []string, reverse bool) []string {
	var out []string
	for i := range list {
		if reverse {
			i = len(list) - 1 - i
		}
		out = append(out, list[i])
	}
	return out
}

// numbers is the range of the numbered records.
func numbers(limit int, reverse bool) store.Range {
	return store.Range{From: []byte("G"), To: []byte("G99"), Limit: limit, Reverse: reverse}
}

// scanned reads all numbered records page by page.
func scanned(t *testing.T, r *seal.Reader, limit int, reverse bool) (all []string) {
	for rng, more := numbers(limit, reverse), true; more; {
		page, m, err := r.Scan(rng)
		require.NoError(t, err)
		require.False(t, m && len(page) == 0, "a page has a pair, unless it is the last")
		for _, p := range page {
			all = append(all, string(p.Key)+" "+string(p.Value))
			rng = behind(rng, p.Key)
		}
		more = m
	}
	return all
}

// visited visits all numbered records page by page.
func visited(t *testing.T, r *seal.Reader, limit int, reverse bool) (all []string) {
	for rng, more := numbers(limit, reverse), true; more; {
		n := 0
		m, err := r.Visit(rng, func(k, v []byte) bool {
			n++
			all = append(all, string(k)+" "+string(v))
			rng = behind(rng, k)
			return true
		})
		require.NoError(t, err)
		require.False(t, m && n == 0, "fn is called, unless there is nothing more")
		more = m
	}
	return all
}

// behind is the rest of a range after a key.
func behind(rng store.Range, k []byte) store.Range {
	if rng.Reverse {
		rng.To = append([]byte{}, k...)
	} else {
		rng.From = append(append([]byte{}, k...), 0)
	}
	return rng
}

// TestBuckets checks that the application's key spaces are not sealed.
func TestBuckets(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		bucket, err := seal.NewWriter(w).Bucket("shop")
		require.NoError(t, err)
		return bucket.Put([]byte("Gkey"), []byte("plain"))
	}))
	require.NoError(t, s.View(t.Context(), func(raw store.Reader) error {
		for _, open := range []func(string) (store.Reader, error){
			func(name string) (store.Reader, error) { return store.BucketReader(raw, name) }, (&seal.Reader{Store: raw}).BucketReader,
		} {
			bucket, err := open("shop")
			require.NoError(t, err)
			value, _, err := bucket.Get([]byte("Gkey"))
			require.NoError(t, err)
			require.Equal(t, "plain", string(value))
		}
		_, err := (&seal.Reader{Store: bare{raw}}).BucketReader("shop")
		require.ErrorIs(t, err, store.ErrNotSupported)
		return nil
	}))
}

// TestWriter_Put puts records one after another, whose bytes the caller changes.
func TestWriter_Put(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	require.NoError(t, s.Update(t.Context(), func(raw store.Writer) error {
		w := seal.NewWriter(raw)
		k, v := []byte("Ga"), []byte("1")
		require.NoError(t, w.Put(k, v))
		k[1], v[0] = 'b', '2'
		require.NoError(t, w.Put(k, v))
		for k, want := range map[string]string{"Ga": "1", "Gb": "2"} {
			value, ok, err := w.Get([]byte(k))
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, want, string(value))
		}
		return nil
	}))
}
