package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"

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
