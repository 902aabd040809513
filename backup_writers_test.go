package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/sharedmem"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A backup that is taken under 64 writers is an instant of the history: each log is a beginning of what the log became, calls that
// were made in one transaction are there together, and every listed file has its content.
func TestEngine_Backup_UnderWriters(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) store.Store{
		"bolt": func(t *testing.T) store.Store {
			s, err := boltstore.Open(filepath.Join(t.TempDir(), "groups.db"), &boltstore.Options{Durability: boltstore.None})
			require.NoError(t, err)
			return s
		},
		"bolt, later": func(t *testing.T) store.Store {
			s, err := boltstore.Open(filepath.Join(t.TempDir(), "groups.db"), &boltstore.Options{Durability: boltstore.Interval})
			require.NoError(t, err)
			return s
		},
		"memory": func(*testing.T) store.Store { return memstore.New() },
		"shared": func(*testing.T) store.Store {
			return sharedmem.New(sharedmem.Options{Numbers: true, Rerun: 0.1}).Open()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, blobs := open(t), memblob.New()
			eng, err := groupkit.New(s, grouptest.KeptBlobs{Blobs: blobs}, nil)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, eng.Close()) })
			w := startWriters(t, eng, 64)
			var backups [][]byte
			for range 4 {
				w.wait(200)
				backup, _ := grouptest.TakeBackup(t, eng, backups...)
				backups = append(backups, backup)
			}
			w.end()
			grouptest.RequireVerified(t, eng)
			for n := 1; n <= len(backups); n++ {
				requireInstant(t, eng, backups[:n])
			}
		})
	}
}

// requireInstant restores backups, and compares what is there with what it became.
func requireInstant(t *testing.T, eng *groupkit.Engine, backups [][]byte) {
	ctx := t.Context()
	to, contents := memstore.New(), memblob.New()
	_, err := groupkit.Restore(ctx, to, contents, grouptest.BackupReaders(backups...)...)
	require.NoError(t, err)
	restored, err := groupkit.New(to, contents, nil)
	require.NoError(t, err)
	defer restored.Close()
	grouptest.RequireVerified(t, restored)
	for g, err := range restored.System().Groups(ctx) {
		require.NoError(t, err)
		before := grouptest.MustCollect(t, restored.System().Events(ctx, g.ID, 0))
		became := grouptest.MustCollect(t, eng.System().Events(ctx, g.ID, 0))
		require.Equal(t, became[:len(before)], before)
		for f, err := range restored.System().Files(ctx, g.ID) {
			require.NoError(t, err)
			_, content, err := restored.System().OpenFile(ctx, g.ID, f.ID)
			require.NoError(t, err)
			read, err := io.ReadAll(content)
			require.NoError(t, err)
			require.Len(t, read, int(f.Size))
			require.NoError(t, content.Close())
		}
	}
	left, err := restored.System().Announcement(ctx, "left")
	require.NoError(t, err)
	right, err := restored.System().Announcement(ctx, "right")
	require.NoError(t, err)
	require.Equal(t, left.Text, right.Text, "one transaction has written both")
}

// writers make changes until they are ended.
type writers struct {
	all   sync.WaitGroup
	stop  chan struct{}
	calls chan struct{}
}

func startWriters(t *testing.T, eng *groupkit.Engine, n int) *writers {
	ctx := context.Background()
	for _, id := range []groupkit.GroupID{"left", "right"} {
		grouptest.CreateGroup(t, eng, groupkit.NewGroup{ID: id})
	}
	w := &writers{stop: make(chan struct{}), calls: make(chan struct{}, 1<<20)}
	for i := range n {
		group := groupkit.GroupID(fmt.Sprintf("g%02d", i))
		grouptest.CreateGroup(t, eng, groupkit.NewGroup{ID: group})
		w.all.Go(func() {
			var file groupkit.File
			for round := 0; ; round++ {
				select {
				case <-w.stop:
					return
				default:
				}
				var err error
				switch user := groupkit.UserID(fmt.Sprint("u", round/5)); round % 5 {
				case 0:
					err = eng.System().AddMember(ctx, group, user)
				case 1:
					file, err = eng.As(user).UploadFile(ctx, group, "f", strings.NewReader(strings.Repeat("x", round*100)))
				case 2:
					text := fmt.Sprint(i, " ", round)
					err = eng.Atomic(ctx, func(tx *groupkit.Tx) error {
						return errors.Join(tx.System().SetAnnouncement(ctx, "left", text), tx.System().SetAnnouncement(ctx, "right", text))
					})
				case 3:
					if round%2 == 0 {
						err = eng.As(user).DeleteFile(ctx, group, file.ID)
					}
				case 4:
					err = eng.As(user).Leave(ctx, group)
				}
				if err != nil {
					t.Errorf("writer %d, round %d: %v", i, round, err)
					return
				}
				w.calls <- struct{}{}
			}
		})
	}
	return w
}

// wait waits until the writers have made more calls.
func (w *writers) wait(calls int) {
	for range calls {
		<-w.calls
	}
}

func (w *writers) end() {
	close(w.stop)
	w.all.Wait()
}

// A backup rests while a call is under way. A page of records takes a millisecond here.
func TestEngine_Backup_GivesWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var pages atomic.Int64
		s := grouptest.NewStackOver(t, groupkit.Options{}, func(s store.Store, b store.Blobs) (store.Store, store.Blobs) {
			return slowPages{grouptest.KeptStore{Store: s}, &pages}, b
		})
		for i := range 30 {
			_, err := s.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: groupkit.GroupID(fmt.Sprint("g", i)), Name: "x", Owner: "alice", MaxUsers: 200, Members: grouptest.Users("u", 100)})
			require.NoError(t, err)
		}
		backup := func() (page time.Duration) { // a store can run the reading again
			before, began := pages.Load(), time.Now()
			_, err := s.Backup(t.Context(), io.Discard)
			assert.NoError(t, err)
			assert.Greater(t, pages.Load(), before+5)
			return time.Since(began) / time.Duration(pages.Load()-before)
		}
		alone := backup()
		release := make(chan struct{})
		var call sync.WaitGroup
		call.Go(func() {
			assert.NoError(t, s.Atomic(t.Context(), func(*groupkit.Tx) error { <-release; return nil }))
		})
		synctest.Wait()
		beside := backup()
		close(release)
		call.Wait()
		require.Equal(t, time.Millisecond, alone)
		require.Greater(t, beside, 2*alone)
		require.LessOrEqual(t, beside, 3*alone)
	})
}

// A slowPages takes a millisecond for each page.
type slowPages struct {
	grouptest.KeptStore
	pages *atomic.Int64
}

func (s slowPages) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.KeptStore.View(ctx, func(r store.Reader) error { return fn(slowPagesReader{r, s.pages}) })
}

type slowPagesReader struct {
	store.Reader
	pages *atomic.Int64
}

func (r slowPagesReader) Scan(g store.Range) ([]store.Pair, bool, error) {
	r.pages.Add(1)
	time.Sleep(time.Millisecond)
	return r.Reader.Scan(g)
}
