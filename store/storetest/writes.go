package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
)

var errRefused = errors.New("refused by the function")

func shuffled(n int) []int { return rand.Perm(n) }

var writeTests = map[string]func(*testing.T, suite){
	"a Writer reads its own writes": func(t *testing.T, s suite) {
		s.put(t, "a", "1", "c", "3", "e", "5")
		want := []string{"a=one", "b=2", "d=4", "e=5"}
		s.update(t, func(w store.Writer) {
			put(t, w, "a", "one", "b", "2", "d", "four", "d", "4", "f", "6")
			require.NoError(t, w.Delete([]byte("c")))
			require.NoError(t, w.Delete([]byte("f")))
			require.Equal(t, "one", get(t, w, "a"))
			require.Equal(t, "none", get(t, w, "c"))
			require.Equal(t, "none", get(t, w, "f"))
			for limit := range 6 {
				require.Equal(t, want, all(t, w, store.Range{Limit: limit}))
				require.Equal(t, []string{"e=5", "d=4", "b=2", "a=one"}, all(t, w, store.Range{Limit: limit, Reverse: true}))
				require.Equal(t, want[1:3], all(t, w, store.Range{From: []byte("b"), To: []byte("e"), Limit: limit}))
			}
		})
		require.Equal(t, want, s.all(t, store.Range{}))
	},
	"more counts what is there": func(t *testing.T, s suite) {
		s.put(t, "a", "1", "b", "2", "c", "3", "d", "4")
		s.update(t, func(w store.Writer) {
			for _, key := range []string{"a", "c", "d"} {
				require.NoError(t, w.Delete([]byte(key)))
			}
			for _, reverse := range []bool{false, true} {
				page, more, err := w.Scan(store.Range{Limit: 1, Reverse: reverse})
				require.NoError(t, err)
				require.Len(t, page, 1)
				require.Equal(t, "b=2", text(page[0]))
				require.False(t, more, "only deleted keys follow")
			}
		})
	},
	"a deleted key can come back": func(t *testing.T, s suite) {
		s.put(t, "a", "1")
		s.update(t, func(w store.Writer) {
			require.NoError(t, w.Delete([]byte("a")))
			put(t, w, "a", "2")
		})
		require.Equal(t, "2", s.get(t, "a"))
		s.update(t, func(w store.Writer) {
			put(t, w, "a", "3")
			require.NoError(t, w.Delete([]byte("a")))
		})
		require.Equal(t, "none", s.get(t, "a"))
	},
	"deleting what is not there is no error": func(t *testing.T, s suite) {
		s.update(t, func(w store.Writer) { require.NoError(t, w.Delete([]byte("a"))) })
		require.Empty(t, s.all(t, store.Range{}))
	},
	"deleting much, whole pages of it": func(t *testing.T, s suite) {
		s.update(t, func(w store.Writer) {
			for i := range 3000 {
				put(t, w, fmt.Sprintf("%04d", i), "some value that takes up room")
			}
		})
		want := []string{"0000=some value that takes up room", "2999=some value that takes up room"}
		s.update(t, func(w store.Writer) {
			for i := 1; i < 2999; i++ {
				require.NoError(t, w.Delete(fmt.Appendf(nil, "%04d", i)))
			}
			require.Equal(t, want, all(t, w, store.Range{}))
			require.Equal(t, []string{want[1], want[0]}, all(t, w, store.Range{Reverse: true}))
			require.Equal(t, want[:1], all(t, w, store.Range{To: []byte("2000"), Reverse: true}))
		})
		require.Equal(t, want, s.all(t, store.Range{}))
	},
	"the caller may change what it gave": func(t *testing.T, s suite) {
		s.put(t, "deleted", "1")
		s.update(t, func(w store.Writer) {
			key, value, gone := []byte("key"), []byte("value"), []byte("deleted")
			require.NoError(t, w.Put(key, value))
			require.NoError(t, w.Delete(gone))
			copy(key, "xxx")
			copy(value, "xxxxx")
			copy(gone, "xxxxxxx")
			require.NoError(t, w.Put([]byte("other"), nil))
		})
		require.Equal(t, []string{"key=value", "other="}, s.all(t, store.Range{}))
	},
	"a Writer is dead after its function": func(t *testing.T, s suite) {
		s.put(t, "a", "1")
		for _, err := range []error{nil, errRefused} {
			var kept store.Writer
			require.Equal(t, err, s.Update(t.Context(), func(w store.Writer) error { kept = w; return err }))
			requireDead(t, kept)
			require.Error(t, kept.Put([]byte("b"), []byte("2")))
			require.Error(t, kept.Delete([]byte("a")))
			require.Equal(t, []string{"a=1"}, s.all(t, store.Range{}))
		}
	},
	"writing nothing": func(t *testing.T, s suite) {
		require.NoError(t, s.Update(t.Context(), discard))
		s.put(t, "a", "1")
		require.NoError(t, s.Update(t.Context(), discard))
		require.Equal(t, "1", s.get(t, "a"))
	},
	"running again gives the same": func(t *testing.T, s suite) {
		s.Store = Rerun(s.Store)
		for i := range 50 {
			s.update(t, func(w store.Writer) { put(t, w, fmt.Sprintf("%02d", i), get(t, w, fmt.Sprintf("%02d", i-1))) })
		}
		require.Len(t, s.all(t, store.Range{}), 50)
		require.Equal(t, "none", s.get(t, "49"))
	},
	"a value of 1 MiB": func(t *testing.T, s suite) {
		large := string(make([]byte, 1<<20))
		s.put(t, "a", large, "b", "2")
		require.Equal(t, large, s.get(t, "a"))
		require.Equal(t, []string{"b=2"}, s.all(t, store.Range{From: []byte("b")}))
	},
}
