package boltstore_test

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit/store"
	"groupkit/store/boltstore"
)

func putOne(t *testing.T, s *boltstore.Store, key, value string) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error { return w.Put([]byte(key), []byte(value)) }))
}

// Updates that share a commit are counted, and what writes nothing is not.
func TestStore_Stats(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	s, err := boltstore.Open(path, nil)
	require.NoError(t, err)
	before := s.Stats()
	hold, begun := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		_ = s.Update(t.Context(), func(w store.Writer) error {
			close(begun)
			<-hold
			return w.Put([]byte("first"), []byte("1"))
		})
	})
	<-begun
	for i := range 10 {
		all.Go(func() { putOne(t, s, strconv.Itoa(i), "x") })
	}
	all.Go(func() { _ = s.Update(t.Context(), func(store.Writer) error { return nil }) })
	all.Go(func() { _ = s.Update(t.Context(), func(store.Writer) error { return os.ErrInvalid }) })
	require.Eventually(t, func() bool { return *s.Stats().Waiting == 12 }, time.Minute, time.Millisecond)
	close(hold)
	all.Wait()
	after := s.Stats()
	require.Equal(t, "bbolt", after.Kind)
	require.EqualValues(t, 11, *after.Updates-*before.Updates)
	require.EqualValues(t, 2, *after.Commits-*before.Commits)
	require.Equal(t, *after.Commits, after.Writing.Count)
	require.Positive(t, after.Writing.Sum)
	require.Equal(t, 10, *after.Largest)
	require.Zero(t, *after.Waiting)
	require.Nil(t, after.Unsaved)
	require.Nil(t, after.Reruns)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, info.Size(), *after.Size)

	putOne(t, s, "large", string(make([]byte, 1<<20)))
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error { return w.Delete([]byte("large")) }))
	require.NoError(t, s.Close())
	require.NotPanics(t, func() { require.Nil(t, s.Stats().Size) })
	s, err = boltstore.Open(path, nil)
	require.NoError(t, err)
	require.InDelta(t, 1<<20, *s.Stats().Free, 1<<17, "what was deleted is free")
	require.NoError(t, s.Close())
	require.Equal(t, store.Stats{Kind: "bbolt"}, new(boltstore.Store).Stats())
}

// With Interval, what is in memory is unsaved, and one commit has all of it.
func TestStore_Stats_Interval(t *testing.T) {
	t.Parallel()
	s, err := boltstore.Open(filepath.Join(t.TempDir(), "x.db"), &boltstore.Options{Durability: boltstore.Interval, Every: time.Hour})
	require.NoError(t, err)
	before := s.Stats()
	for i := range 5 {
		putOne(t, s, strconv.Itoa(i), "x")
	}
	now := s.Stats()
	require.EqualValues(t, 5, *now.Unsaved)
	require.Equal(t, *before.Updates, *now.Updates)
	require.NoError(t, s.Sync(t.Context()))
	now = s.Stats()
	require.Zero(t, *now.Unsaved)
	require.EqualValues(t, 5, *now.Updates-*before.Updates)
	require.EqualValues(t, 1, *now.Commits-*before.Commits)
	require.Equal(t, 5, *now.Largest)
	require.NoError(t, s.Close())
}

// A database of the application says how many pages are free now, if it keeps statistics, also after it
// was closed.
func TestNew_Stats(t *testing.T) {
	t.Parallel()
	for _, quiet := range []bool{false, true} {
		db, err := bolt.Open(filepath.Join(t.TempDir(), "x.db"), 0o600, &bolt.Options{NoStatistics: quiet})
		require.NoError(t, err)
		s, err := boltstore.New(db)
		require.NoError(t, err)
		putOne(t, s, "large", string(make([]byte, 1<<20)))
		require.NoError(t, s.Update(t.Context(), func(w store.Writer) error { return w.Delete([]byte("large")) }))
		putOne(t, s, "small", "x")
		if quiet {
			require.Nil(t, s.Stats().Free)
		} else {
			require.InDelta(t, 1<<20, *s.Stats().Free, 1<<17)
		}
		require.Positive(t, *s.Stats().Size)
		require.NoError(t, s.Close())
		require.NoError(t, db.Close())
		require.NotPanics(t, func() { s.Stats() })
	}
}
