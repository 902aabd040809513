package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
)

// Progress is told at each stage, and at last of everything that there is.
func TestEngine_Verify_Progress(t *testing.T) {
	t.Parallel()
	for _, quick := range []bool{false, true} {
		var views atomic.Int32
		s := grouptest.NewDatasetOver(t, grouptest.DatasetOptions(), func(s store.Store, b store.Blobs) (store.Store, store.Blobs) {
			return viewsStore{grouptest.KeptStore{Store: s}, &views}, b
		})
		var told []groupkit.VerifyProgress
		report, err := s.Verify(t.Context(), groupkit.VerifyOptions{Quick: quick, Progress: func(p groupkit.VerifyProgress) {
			require.Zero(t, views.Load(), "the application is called within a transaction")
			told = append(told, p)
		}})
		require.NoError(t, err)
		require.Zero(t, report)
		var stages []string
		for i, p := range told {
			if i == 0 || p.Stage != told[i-1].Stage {
				stages = append(stages, p.Stage.String())
			}
			require.Equal(t, []int{4, 3}, []int{p.GroupsTotal, p.FilesTotal})
		}
		last := told[len(told)-1]
		require.Equal(t, []int{4, 3}, []int{last.Groups, last.Files})
		require.Positive(t, last.Records)
		if quick {
			require.Equal(t, []string{"groups", "records", "contents"}, stages)
			require.Zero(t, last.Users+last.Contents)
			require.Zero(t, last.Bytes)
			continue
		}
		require.Equal(t, []string{"pages", "groups", "users", "records", "contents"}, stages)
		require.Greater(t, last.Bytes, s.Chart.Size+s.Rules.Size, "those of three files")
		require.Equal(t, 4, last.Contents, "and the mark")
		require.Positive(t, last.Users)
	}
}

// A viewsStore counts the Views that are running.
type viewsStore struct {
	grouptest.KeptStore
	views *atomic.Int32
}

func (s viewsStore) View(ctx context.Context, fn func(store.Reader) error) error {
	s.views.Add(1)
	defer s.views.Add(-1)
	return s.KeptStore.View(ctx, fn)
}

// However slowly a content comes, there is progress, and however fast the groups are, there is not much of it.
func TestEngine_Verify_ProgressInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := grouptest.NewStackOver(t, groupkit.Options{}, func(s store.Store, b store.Blobs) (store.Store, store.Blobs) { return s, slowBlobs{b} })
		for i := range 300 {
			require.NoError(t, grouptest.ErrorOf(s.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: groupkit.GroupID(fmt.Sprint("g", i)), Name: "x", Owner: "alice"})))
		}
		require.NoError(t, grouptest.ErrorOf(s.System().UploadFile(t.Context(), "g7", "x", strings.NewReader(strings.Repeat("x", 1000)))))
		var at []time.Time
		var bytes []int64
		report, err := s.Verify(t.Context(), groupkit.VerifyOptions{Progress: func(p groupkit.VerifyProgress) {
			at, bytes = append(at, time.Now()), append(bytes, p.Bytes)
		}})
		require.NoError(t, err)
		require.Zero(t, report)
		require.Greater(t, len(at), 200, "a content of 1,000 bytes, of which 30 come in a second")
		require.Less(t, len(at), 400)
		for i := 1; i < len(at); i++ {
			require.LessOrEqual(t, at[i].Sub(at[i-1]), 150*time.Millisecond)
			require.GreaterOrEqual(t, bytes[i], bytes[i-1])
		}
		require.Equal(t, int64(1000), bytes[len(bytes)-1])
	})
}

// slowBlobs have contents of which a byte comes every 33 ms.
type slowBlobs struct{ store.Blobs }

func (b slowBlobs) Get(ctx context.Context, id string) (io.ReadCloser, error) {
	content, err := b.Blobs.Get(ctx, id)
	return slow{content}, err
}

type slow struct{ io.ReadCloser }

func (s slow) Read(p []byte) (int, error) {
	time.Sleep(33 * time.Millisecond)
	return s.ReadCloser.Read(p[:min(1, len(p))])
}

// An application that ends the context in Progress ends Verify.
func TestEngine_Verify_ProgressCancels(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Verify(ctx, groupkit.VerifyOptions{Progress: func(p groupkit.VerifyProgress) {
		if p.Stage == groupkit.VerifyingUsers {
			cancel()
		}
		require.LessOrEqual(t, p.Stage, groupkit.VerifyingUsers)
	}})
	require.True(t, errors.Is(err, context.Canceled), "%v", err)
}

// endlessBlobs return contents that never end once read is set, which is called when one is read.
type endlessBlobs struct {
	grouptest.KeptBlobs

	read func()
}

func (b *endlessBlobs) Get(ctx context.Context, id string) (io.ReadCloser, error) {
	if b.read == nil {
		return b.KeptBlobs.Get(ctx, id)
	}
	return struct {
		io.Reader
		io.Closer
	}{endless(b.read), io.NopCloser(nil)}, nil
}

type endless func()

func (e endless) Read(p []byte) (int, error) {
	e()
	return len(p), nil
}

// A check of a large content ends with its context, and says nothing about it.
func TestEngine_Verify_EndsWithinContent(t *testing.T) {
	t.Parallel()
	for name, check := range map[string]func(context.Context, *grouptest.Dataset) (any, error){
		"verify": func(ctx context.Context, s *grouptest.Dataset) (any, error) {
			report, err := s.Verify(ctx, groupkit.VerifyOptions{})
			return report.Violations, err
		},
		"plan": func(ctx context.Context, s *grouptest.Dataset) (any, error) {
			plan, err := s.PlanRepair(ctx)
			return plan.Steps, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var contents *endlessBlobs
			s := grouptest.NewDatasetOver(t, grouptest.DatasetOptions(), func(s store.Store, b store.Blobs) (store.Store, store.Blobs) {
				contents = &endlessBlobs{KeptBlobs: grouptest.KeptBlobs{Blobs: b}}
				return s, contents
			})
			ctx, cancel := context.WithCancel(t.Context())
			reads := 0
			contents.read = func() {
				reads++
				cancel()
			}
			found, err := check(ctx, s)
			require.ErrorIs(t, err, context.Canceled)
			require.Empty(t, found)
			require.Equal(t, 1, reads)
		})
	}
}
