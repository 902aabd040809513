package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit/internal/archive"
	"groupkit/store"
)

// A place is a key in a space.
type place struct{ space, key string }

// sourceOf returns entries in their order. A value that is nil is a mark that the key is deleted.
func sourceOf(values map[place]*string) archive.Source {
	keys := slices.SortedFunc(maps.Keys(values), func(a, b place) int {
		return bytes.Compare([]byte(a.space+"\x00"+a.key), []byte(b.space+"\x00"+b.key))
	})
	buffer := make([]byte, 0, 64) // whose bytes are valid until the next call
	return func() (archive.Entry, error) {
		if len(keys) == 0 {
			return archive.Entry{}, io.EOF
		}
		p := keys[0]
		keys = keys[1:]
		clear(buffer[:cap(buffer)])
		buffer = append(buffer[:0], p.key...)
		e := archive.Entry{Space: p.space, Key: buffer, Deleted: values[p] == nil}
		if !e.Deleted {
			e.Value = []byte(*values[p])
		}
		return e, nil
	}
}

func valuesOf(marks bool) *rapid.Generator[map[place]*string] {
	value := rapid.Map(rapid.SampledFrom([]string{"", "1", "2"}), func(s string) *string { return &s })
	if marks {
		value = rapid.OneOf(value, rapid.Just[*string](nil))
	}
	return rapid.MapOf(rapid.Custom(func(t *rapid.T) place {
		return place{rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "space"), rapid.SampledFrom([]string{"a", "ab", "b", "c", "d"}).Draw(t, "key")}
	}), value)
}

func collect(t require.TestingT, s archive.Source) map[place]*string {
	all := make(map[place]*string)
	for {
		e, err := s()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		v := string(e.Value)
		all[place{e.Space, string(e.Key)}] = &v
	}
}

// Differences, one on top of the other, are what was wanted last.
func TestMerge_Diff(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var layers []map[place]*string
		merged := func() archive.Source {
			var sources []archive.Source
			for _, l := range layers {
				sources = append(sources, sourceOf(l))
			}
			return archive.Merge(sources...)
		}
		for range rapid.IntRange(1, 4).Draw(t, "layers") {
			want := valuesOf(false).Draw(t, "want")
			layer := make(map[place]*string)
			require.NoError(t, archive.Diff(sourceOf(want), merged(), func(e archive.Entry) error {
				p := place{e.Space, string(e.Key)}
				_, twice := layer[p]
				require.False(t, twice)
				if layer[p] = nil; !e.Deleted {
					v := string(e.Value)
					layer[p] = &v
				}
				return nil
			}))
			layers = append(layers, layer)
			require.Equal(t, want, collect(t, merged()))
			require.NoError(t, archive.Diff(sourceOf(want), merged(), func(archive.Entry) error { return errors.New("they are equal") }))
		}
	})
}

// Any layers with marks count as the last one says.
func TestMerge_Marks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := valuesOf(true).Draw(t, "a"), valuesOf(true).Draw(t, "b")
		want := maps.Clone(a)
		maps.Copy(want, b)
		maps.DeleteFunc(want, func(_ place, v *string) bool { return v == nil })
		require.Equal(t, want, collect(t, archive.Merge(sourceOf(a), sourceOf(b))))
	})
}

func describe(e archive.Entry) string { return string(e.Key) }

// sample is a stream with a part of every kind.
func sample(t require.TestingT, records int) []byte {
	var out bytes.Buffer
	w, err := archive.NewWriter(&out, archive.Header{ID: uuid.UUID{1}, At: time.UnixMilli(1).UTC(), Format: 2, Database: "d", History: "h"})
	require.NoError(t, err)
	require.NoError(t, w.Put(archive.Entry{Key: []byte("old"), Value: bytes.Repeat([]byte("x"), 1<<20)}))
	require.NoError(t, w.Put(archive.Entry{Space: "s", Key: []byte("older"), Value: []byte("x")}))
	require.NoError(t, w.Again())
	for i := range records {
		require.NoError(t, w.Put(archive.Entry{Key: fmt.Appendf(nil, "k%03d", i), Value: []byte("value"), Deleted: i%3 == 2}))
	}
	require.NoError(t, w.Put(archive.Entry{Space: "s", Key: []byte("a")}))
	for i, problem := range []string{"", "is damaged"} {
		require.NoError(t, w.BeginContent(archive.Content{ID: fmt.Sprint("c", i), Size: 3, SHA256: make([]byte, 32)}))
		require.NoError(t, w.Data([]byte("abc")))
		require.NoError(t, w.FinishContent(3, problem))
	}
	_, err = w.End(0, nil)
	require.NoError(t, err)
	return out.Bytes()
}

// What was written before the records begin again does not count, and contents with a problem do not.
func TestStream(t *testing.T) {
	t.Parallel()
	all := sample(t, 3)
	for _, open := range []func(io.ReadSeeker) (*archive.Stream, error){
		func(r io.ReadSeeker) (*archive.Stream, error) { return archive.Open(r, describe) },
		func(r io.ReadSeeker) (*archive.Stream, error) {
			return archive.OpenSkimmed(r, describe, func(archive.Content) {})
		},
	} {
		s, err := open(bytes.NewReader(all))
		require.NoError(t, err)
		require.Equal(t, archive.End{Records: 3, Deletes: 1, Contents: 1, Bytes: 3}, s.End)
		for range 2 {
			require.Len(t, collect(t, s.Records()), 4)
		}
		var seen []string
		require.NoError(t, s.Contents(func(c archive.Content, r io.Reader) error {
			data, err := io.ReadAll(r)
			_, bad := errors.AsType[*archive.Unreadable](err)
			seen = append(seen, fmt.Sprintf("%s %s %t", c.ID, data, bad))
			return nil
		}))
		require.Equal(t, []string{"c0 abc false", "c1 abc true"}, seen)
	}
	_, err := archive.Check(bytes.NewReader(sample(t, 0)), describe)
	require.NoError(t, err)
}

// The records must be in order.
func TestCheck_Order(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w, err := archive.NewWriter(&out, archive.Header{ID: uuid.UUID{1}})
	require.NoError(t, err)
	for _, k := range []string{"b", "a"} {
		require.NoError(t, w.Put(archive.Entry{Key: []byte(k)}))
	}
	_, err = w.End(0, nil)
	require.NoError(t, err)
	_, err = archive.Check(&out, describe)
	require.ErrorContains(t, err, "part 1")
	require.ErrorIs(t, err, store.ErrCorrupt)
	require.ErrorIs(t, w.Put(archive.Entry{Key: []byte("c"), Value: make([]byte, 80<<20)}), store.ErrTooLarge)
}

// FuzzCheck reads anything. What passes can be read.
func FuzzCheck(f *testing.F) {
	var small bytes.Buffer
	w, err := archive.NewWriter(&small, archive.Header{ID: uuid.UUID{1}})
	require.NoError(f, err)
	require.NoError(f, w.Put(archive.Entry{Key: []byte("k"), Value: []byte("v")}))
	_, err = w.End(0, nil)
	require.NoError(f, err)
	f.Add(small.Bytes())
	f.Add(small.Bytes()[:40])
	f.Add([]byte("groupkit backup 1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := archive.Open(bytes.NewReader(b), describe)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(collect(t, s.Records())), s.End.Records)
		require.NoError(t, s.Contents(func(archive.Content, io.Reader) error { return nil }))
	})
}
