package groupkit_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
)

// largeParts is a snapshot of a group with many members, in parts.
func largeParts(members int) func(func(groupkit.Event, error) bool) {
	at := grouptest.NewClock().Now()
	group := groupkit.Group{ID: "huge", Name: "Huge", Owner: "m0", MaxUsers: 10, Created: at, LastModified: at, Version: 5}
	return func(yield func(groupkit.Event, error) bool) {
		const each = 1000
		for i := 0; i < members; i += each {
			s := &groupkit.Snapshot{Group: group}
			for n := i; n < min(i+each, members); n++ {
				m := groupkit.Member{User: groupkit.UserID("m" + strconv.Itoa(n)), Role: groupkit.RoleMember, Joined: at}
				if n == 0 {
					m.Role = groupkit.RoleOwner
				}
				s.Members = append(s.Members, m)
			}
			e := groupkit.Event{Group: "huge", Version: 5, Kind: groupkit.Checkpoint, Checkpoint: s, Part: i / each, Last: i+each >= members}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// BenchmarkLoadFrom loads a group of 200,000 members into a file. Beside it, raw bbolt puts the same pairs in the same
// transactions. Both files are not synced.
func BenchmarkLoadFrom(b *testing.B) {
	const members = 200_000
	load := func(b *testing.B, around func(*boltstore.Store) store.Store) {
		s, err := boltstore.Open(filepath.Join(b.TempDir(), "db"), &boltstore.Options{Durability: boltstore.None})
		require.NoError(b, err)
		eng := openOver(b, around(s), memblob.New())
		g, err := eng.System().LoadFrom(b.Context(), "huge", largeParts(members), groupkit.LoadOptions{})
		require.NoError(b, err)
		require.Equal(b, members, g.MemberCount)
		require.NoError(b, eng.Close())
	}
	puts := &recording{}
	load(b, func(s *boltstore.Store) store.Store { puts.Store = s; return puts })
	pairs := 0
	for _, step := range puts.steps {
		pairs += len(step)
	}
	b.Run("groupkit", func(b *testing.B) {
		for b.Loop() {
			load(b, func(s *boltstore.Store) store.Store { return s })
		}
		b.ReportMetric(float64(pairs)*float64(b.N)/b.Elapsed().Seconds(), "pairs/s")
	})
	b.Run("raw bbolt", func(b *testing.B) {
		for b.Loop() {
			putRaw(b, puts.steps)
		}
		b.ReportMetric(float64(pairs)*float64(b.N)/b.Elapsed().Seconds(), "pairs/s")
	})
}

// A recording keeps what its Updates put.
type recording struct {
	*boltstore.Store
	steps [][]store.Pair
}

func (r *recording) Update(ctx context.Context, fn func(store.Writer) error) error {
	var step []store.Pair
	err := r.Store.Update(ctx, func(w store.Writer) error { return fn(recordingWriter{w, &step}) })
	r.steps = append(r.steps, step)
	return err
}

type recordingWriter struct {
	store.Writer
	step *[]store.Pair
}

func (w recordingWriter) Put(k, v []byte) error {
	*w.step = append(*w.step, store.Pair{Key: bytes.Clone(k), Value: bytes.Clone(v)})
	return w.Writer.Put(k, v)
}

// putRaw puts pairs into a new file.
func putRaw(b *testing.B, steps [][]store.Pair) {
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "db"), 0o600, &bbolt.Options{NoSync: true, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType})
	require.NoError(b, err)
	for _, step := range steps {
		require.NoError(b, db.Update(func(tx *bbolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists([]byte("pairs"))
			for _, p := range step {
				if err == nil {
					err = bucket.Put(p.Key, p.Value)
				}
			}
			return err
		}))
	}
	require.NoError(b, db.Close())
}

// BenchmarkLoadFrom_Memory loads a group of 200,000 members and takes it out again, and reports the highest heap that
// was seen at a step.
func BenchmarkLoadFrom_Memory(b *testing.B) {
	const members = 200_000
	for b.Loop() {
		s, err := boltstore.Open(filepath.Join(b.TempDir(), "db"), &boltstore.Options{Durability: boltstore.None})
		require.NoError(b, err)
		eng := openOver(b, s, memblob.New())
		peak := heapNow()
		begun := peak
		steps := 0
		see := func() {
			if steps++; steps%50 == 0 {
				peak = max(peak, heapNow())
			}
		}
		_, err = eng.System().LoadFrom(b.Context(), "huge", largeParts(members), groupkit.LoadOptions{Progress: func(groupkit.LoadProgress) { see() }})
		require.NoError(b, err)
		for e, err := range eng.System().SnapshotParts(b.Context(), "huge") {
			require.NoError(b, err)
			require.LessOrEqual(b, len(e.Checkpoint.Members), 1000)
			see()
		}
		b.ReportMetric(float64(peak-begun)/(1<<20), "MiB-heap")
		require.NoError(b, eng.Close())
	}
}

func heapNow() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestActor_LoadFrom_Memory loads a group in parts. The heap does not grow with the group.
func TestActor_LoadFrom_Memory(t *testing.T) {
	peak := func(members int) uint64 {
		s, err := boltstore.Open(filepath.Join(t.TempDir(), "groups.db"), &boltstore.Options{Durability: boltstore.None})
		require.NoError(t, err)
		eng := openOver(t, s, memblob.New())
		most, steps := uint64(0), 0
		_, err = eng.System().LoadFrom(t.Context(), "huge", largeParts(members), groupkit.LoadOptions{Progress: func(groupkit.LoadProgress) {
			if steps++; steps%10 == 0 {
				most = max(most, heapNow())
			}
		}})
		require.NoError(t, err)
		require.NoError(t, eng.Close())
		return most
	}
	small := peak(5_000)
	require.Less(t, peak(40_000), small+8<<20)
}

// TestActor_Export_Memory exports a group in a file, and imports it from there. The heap does not grow with the group.
func TestActor_Export_Memory(t *testing.T) {
	peak := func(members int) (most uint64) {
		dir := t.TempDir()
		open := func(name string) *groupkit.Engine {
			s, err := boltstore.Open(filepath.Join(dir, name), &boltstore.Options{Durability: boltstore.None})
			require.NoError(t, err)
			return openOver(t, s, memblob.New())
		}
		steps := 0
		see := func() {
			if steps++; steps%50 == 0 {
				most = max(most, heapNow())
			}
		}
		from, to := open("from.db"), open("to.db")
		_, err := from.System().LoadFrom(t.Context(), "huge", largeParts(members), groupkit.LoadOptions{})
		require.NoError(t, err)
		file, err := os.Create(filepath.Join(dir, "export"))
		require.NoError(t, err)
		require.NoError(t, from.System().Export(t.Context(), writerFunc(func(p []byte) (int, error) {
			see()
			return file.Write(p)
		}), groupkit.ExportOptions{}))
		_, err = file.Seek(0, io.SeekStart)
		require.NoError(t, err)
		_, err = to.System().Import(t.Context(), grouptest.ReaderFunc(func(p []byte) (int, error) {
			see()
			return file.Read(p[:min(len(p), 4096)])
		}), groupkit.ImportOptions{})
		require.NoError(t, err)
		g, err := to.System().Group(t.Context(), "huge")
		require.NoError(t, err)
		require.Equal(t, members, g.MemberCount)
		require.NoError(t, errors.Join(file.Close(), from.Close(), to.Close()))
		require.Greater(t, steps, members/100)
		return most
	}
	small := peak(5_000)
	require.Less(t, peak(40_000), small+8<<20)
}
