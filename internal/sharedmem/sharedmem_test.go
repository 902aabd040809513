package sharedmem_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"groupkit/internal/sharedmem"
	"groupkit/store"
	"groupkit/store/storetest"
)

func TestStore(t *testing.T) {
	for _, o := range []sharedmem.Options{{Numbers: true}, {Rerun: 0.5, Numbers: true}, {Rerun: 0.5}} {
		t.Run(fmt.Sprintf("rerun %g, numbers %v", o.Rerun, o.Numbers), func(t *testing.T) {
			storetest.Run(t, func(*testing.T) store.Store { return sharedmem.New(o).Open() })
		})
	}
}

func put(key, value string) func(store.Writer) error {
	return func(w store.Writer) error { return w.Put([]byte(key), []byte(value)) }
}

func get(t *testing.T, s store.Store, key string) (value string) {
	t.Helper()
	require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
		b, _, err := r.Get([]byte(key))
		value = string(b)
		return err
	}))
	return value
}

func TestData_Open(t *testing.T) {
	data := sharedmem.New(sharedmem.Options{})
	one, two := data.Open(), data.Open()
	require.False(t, store.Exclusive(one))
	require.NoError(t, one.Update(t.Context(), put("a", "1")))
	require.Equal(t, "1", get(t, two, "a"))
	require.NoError(t, one.Close())
	require.NoError(t, two.Update(t.Context(), put("a", "2")))
	require.Equal(t, "2", get(t, data.Open(), "a"))
}

func TestStore_RunsFunctionsAgain(t *testing.T) {
	s := sharedmem.New(sharedmem.Options{Rerun: 1}).Open()
	updates, views := 0, 0
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		updates++
		return put(fmt.Sprint("run ", updates), "1")(w)
	}))
	require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
		views++
		page, _, err := r.Scan(store.Range{})
		require.Len(t, page, 1)
		return err
	}))
	require.Equal(t, []int{2, 2}, []int{updates, views})
}

// The tree keeps what it is given, in order.
func TestStore_Model(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	s := sharedmem.New(sharedmem.Options{}).Open()
	model := make(map[string]string)
	for range 400 {
		key := fmt.Sprintf("%02d", random.IntN(60))
		require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
			if random.IntN(3) == 0 {
				delete(model, key)
				return w.Delete([]byte(key))
			}
			model[key] = key
			return put(key, key)(w)
		}))
		require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
			page, more, err := r.Scan(store.Range{})
			require.False(t, more)
			require.Len(t, page, len(model))
			for i, p := range page {
				require.Contains(t, model, string(p.Key))
				require.True(t, i == 0 || string(page[i-1].Key) < string(p.Key))
			}
			return err
		}))
	}
}

// disturbed runs an Update that reads with read and writes, while another handle puts "b" during its
// first run. It returns how many times it ran.
func disturbed(t *testing.T, o sharedmem.Options, read func(store.Reader) error) (runs int) {
	data := sharedmem.New(o)
	require.NoError(t, data.Open().Update(t.Context(), put("b", "0")))
	require.NoError(t, data.Open().Update(t.Context(), func(w store.Writer) error {
		if err := read(w); err != nil {
			return err
		}
		if runs++; runs == 1 {
			require.NoError(t, data.Open().Update(t.Context(), put("b", "1")))
		}
		return put("z", "1")(w)
	}))
	require.EqualValues(t, runs-1, data.Counts.Conflicts.Load())
	return runs
}

func TestStore_Guards(t *testing.T) {
	point := func(r store.Reader) error { _, _, err := r.Get([]byte("b")); return err }
	scan := func(r store.Reader) error { _, _, err := r.Scan(store.Range{}); return err }
	beside := func(r store.Reader) error { _, _, err := r.Scan(store.Range{From: []byte("c")}); return err }
	require.Equal(t, 2, disturbed(t, sharedmem.Options{}, point))
	require.Equal(t, 2, disturbed(t, sharedmem.Options{}, scan))
	require.Equal(t, 1, disturbed(t, sharedmem.Options{}, beside))
	require.Equal(t, 2, disturbed(t, sharedmem.Options{PointsOnly: true}, point))
	require.Equal(t, 1, disturbed(t, sharedmem.Options{PointsOnly: true}, scan))
}

func TestStore_Sizes(t *testing.T) {
	sizes := store.Sizes{Key: 2048, Value: 10, Writes: 2, Reads: 3, Bytes: 40}
	s := sharedmem.New(sharedmem.Options{Sizes: sizes}).Open()
	require.Equal(t, sizes, store.SizesOf(s))
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error { return errors.Join(put("a", "1")(w), put("b", "2")(w)) }))
	for name, fn := range map[string]func(store.Writer) error{
		"writes": func(w store.Writer) error {
			return errors.Join(put("c", "")(w), put("d", "")(w), w.Delete([]byte("a")))
		},
		"reads": func(w store.Writer) error {
			_, _, err := store.Fetch(w, [][]byte{[]byte("a"), []byte("b")}, []store.Range{{}})
			return errors.Join(put("c", "")(w), err)
		},
		"bytes": put("ccccccccccccccccccccccccccccccc", "1234567890"),
		"value": put("c", "12345678901"),
	} {
		require.ErrorIs(t, s.Update(t.Context(), fn), store.ErrTooLarge, name)
		swallowed := func(w store.Writer) error { _ = fn(w); return nil }
		if err := s.Update(t.Context(), swallowed); name != "value" {
			require.ErrorIs(t, err, store.ErrTooLarge, name)
		}
		require.Equal(t, "1", get(t, s, "a"), name)
		require.Empty(t, get(t, s, "c"), name)
	}
}

func TestStore_Numbers(t *testing.T) {
	data := sharedmem.New(sharedmem.Options{Numbers: true})
	s := data.Open()
	settled := func() (bound uint64) {
		require.NoError(t, s.View(t.Context(), func(r store.Reader) (err error) {
			bound, err = store.Settled(r)
			return err
		}))
		return bound
	}
	var outer, inner uint64
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) (err error) {
		outer, err = store.Number(w)
		require.NoError(t, err)
		require.NoError(t, s.Update(t.Context(), func(w store.Writer) (err error) {
			inner, err = store.Number(w)
			return err
		}))
		require.LessOrEqual(t, settled(), outer)
		return err
	}))
	require.Greater(t, inner, outer)
	require.Greater(t, settled(), inner)

	none := sharedmem.New(sharedmem.Options{}).Open()
	require.ErrorIs(t, none.Update(t.Context(), func(w store.Writer) error {
		_, err := store.Number(w)
		return err
	}), store.ErrNotSupported)
}

func TestData_Fault(t *testing.T) {
	next := sharedmem.Made
	data := sharedmem.New(sharedmem.Options{Numbers: true, Fault: func(int) sharedmem.Outcome { return next }})
	s := data.Open()
	for _, c := range []struct {
		outcome     sharedmem.Outcome
		now, landed string
	}{
		{sharedmem.UnknownMade, "1", "1"}, {sharedmem.UnknownLost, "", ""}, {sharedmem.UnknownLate, "", "1"},
	} {
		next = c.outcome
		key := fmt.Sprint(c.outcome)
		require.ErrorIs(t, s.Update(t.Context(), put(key, "1")), store.ErrCommitUnknown)
		require.Equal(t, c.now, get(t, s, key))
		data.Land()
		require.Equal(t, c.landed, get(t, s, key))
	}
	next = sharedmem.UnknownLate
	require.ErrorIs(t, s.Update(t.Context(), func(w store.Writer) error {
		_, _, err := w.Get([]byte("a"))
		return errors.Join(err, put("b", "late")(w))
	}), store.ErrCommitUnknown)
	next = sharedmem.Made
	require.NoError(t, s.Update(t.Context(), put("a", "1")))
	data.Land()
	require.Empty(t, get(t, s, "b"), "a late commit in spite of a conflict")
}

func TestStore_Watch(t *testing.T) {
	announce := func(w store.Writer) error {
		store.Announce(w, "news")
		return put("a", "1")(w)
	}
	for lose, topics := range map[float64][]string{0: {"news"}, 1: nil} {
		synctest.Test(t, func(t *testing.T) {
			data := sharedmem.New(sharedmem.Options{Notify: true, Lose: lose})
			var heard [][]string
			var all sync.WaitGroup
			s := data.Open()
			all.Go(func() {
				require.ErrorIs(t, store.Watch(t.Context(), s, func(topics []string) { heard = append(heard, topics) }), store.ErrClosed)
			})
			synctest.Wait()
			require.NoError(t, data.Open().Update(t.Context(), announce))
			require.Error(t, data.Open().Update(t.Context(), func(w store.Writer) error { return errors.Join(announce(w), errors.New("no")) }))
			synctest.Wait()
			require.NoError(t, s.Close())
			all.Wait()
			require.Equal(t, [][]string{topics}, heard)
		})
	}
	silent := sharedmem.New(sharedmem.Options{}).Open()
	require.NoError(t, silent.Update(t.Context(), announce))
	require.ErrorIs(t, store.Watch(t.Context(), silent, func([]string) {}), store.ErrNotSupported)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, store.Watch(ctx, sharedmem.New(sharedmem.Options{Notify: true}).Open(), func([]string) {}), context.Canceled)
}

func TestData_Counts(t *testing.T) {
	data := sharedmem.New(sharedmem.Options{})
	require.NoError(t, data.Open().Update(t.Context(), func(w store.Writer) error {
		_, _, err := store.Fetch(w, [][]byte{[]byte("a"), []byte("b")}, []store.Range{{}, {}})
		_, err2 := store.GetMany(w, [][]byte{[]byte("a")})
		return errors.Join(err, err2, put("a", "1")(w), put("b", "1")(w))
	}))
	require.EqualValues(t, 3, data.Counts.Trips.Load())
	require.EqualValues(t, 1, data.Counts.Commits.Load())
	require.Equal(t, "1", get(t, data.Open(), "a"))
	require.EqualValues(t, 4, data.Counts.Trips.Load())
}
