package groupkit_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// BenchmarkBackup_UnderWriters compares what 64 writers do beside backups with what they do alone, in turns.
// Each backup has 50,000 memberships and 20 MiB of contents, and goes into a file on the same disk.
func BenchmarkBackup_UnderWriters(b *testing.B) {
	const writers, slice = 64, 500 * time.Millisecond
	dir := b.TempDir()
	eng, err := groupkit.Open(filepath.Join(dir, "groups.db"), nil)
	require.NoError(b, err)
	defer eng.Close()
	ctx := b.Context()
	for i := range 500 {
		id := groupkit.GroupID(fmt.Sprint("g", i))
		_, err := eng.System().CreateGroup(ctx, groupkit.NewGroup{ID: id, Name: "x", Owner: "alice", MaxUsers: 200, Members: grouptest.Users(fmt.Sprint("user", i), 100)})
		require.NoError(b, err)
		if i < 20 {
			_, err := eng.As("alice").UploadFile(ctx, id, "map.bin", bytes.NewReader(make([]byte, 1<<20)))
			require.NoError(b, err)
		}
	}
	write := func() (calls int64) {
		var n atomic.Int64
		var writing sync.WaitGroup
		end := time.Now().Add(slice)
		for w := range writers {
			writing.Go(func() {
				id := groupkit.GroupID(fmt.Sprint("g", w))
				for i := 0; time.Now().Before(end); i++ {
					if err := eng.As("alice").SetAnnouncement(ctx, id, fmt.Sprint(i)); err != nil {
						b.Error(err)
						return
					}
					n.Add(1)
				}
			})
		}
		writing.Wait()
		return n.Load()
	}
	var ratios []float64
	backups := 0
	for b.Loop() {
		alone := write()
		during, cancel := context.WithCancel(ctx)
		var backing sync.WaitGroup
		backing.Go(func() {
			for during.Err() == nil {
				f, err := os.Create(filepath.Join(dir, "backup"))
				if err == nil {
					_, err = eng.Backup(ctx, f)
				}
				if err != nil {
					b.Error(err)
					return
				}
				backups++
				_ = f.Close() // nobody reads it
			}
		})
		ratios = append(ratios, float64(write())/float64(alone))
		cancel()
		backing.Wait()
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x")
	b.ReportMetric(float64(backups)/float64(b.N), "backups/op")
}
