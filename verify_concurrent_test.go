package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// Files and groups that are deleted, and files that are uploaded, between any two reads of
// Verify are not reported.
func TestEngine_Verify_Interleaved(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(ctx context.Context, s *grouptest.Dataset) error{
		"a file is deleted": func(ctx context.Context, s *grouptest.Dataset) error {
			return s.As("bob").DeleteFile(ctx, grouptest.Guild, s.Chart.ID)
		},
		"a group is deleted": func(ctx context.Context, s *grouptest.Dataset) error {
			return s.As("alice").DeleteGroup(ctx, grouptest.Guild)
		},
		"a deletion is cut off": func(ctx context.Context, s *grouptest.Dataset) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			if err := s.As("alice").DeleteGroup(context.WithValue(ctx, cutOff{}, cancel), grouptest.Guild); !errors.Is(err, context.Canceled) {
				return fmt.Errorf("it is not cut off: %w", err)
			}
			return nil
		},
		"a file is shared": func(ctx context.Context, s *grouptest.Dataset) error {
			return grouptest.ErrorOf(s.As("carol").UploadFile(ctx, grouptest.Guild, "new", strings.NewReader("new")))
		},
		"a file is shared and deleted": func(ctx context.Context, s *grouptest.Dataset) error {
			f, err := s.As("carol").UploadFile(ctx, grouptest.Guild, "new", strings.NewReader("new"))
			if err != nil {
				return err
			}
			return s.As("carol").DeleteFile(ctx, grouptest.Guild, f.ID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for quick, n, hit := false, 1, true; hit || !quick; n++ {
				if !hit { // once more, in the other form
					quick, n = true, 1
				}
				grouptest.Scoped(t, func(scope grouptest.TB) {
					s := grouptest.NewDataset(scope)
					turn := &turns{}
					s.OpenWhole(scope, grouptest.DatasetOptions(), turningStore{grouptest.KeptStore{Store: s.Store}, turn},
						turningBlobs{grouptest.KeptBlobs{Blobs: s.Blobs}, turn})
					turn.left, turn.then = n, func() { require.NoError(t, change(context.Background(), s)) }
					report, err := s.Verify(t.Context(), groupkit.VerifyOptions{Quick: quick})
					require.NoError(t, err)
					require.Empty(t, report.Violations, "at read %d", n)
					require.Empty(t, report.UnknownContents, "at read %d", n)
					hit = turn.left <= 0
				})
			}
		})
	}
}

// turns calls a function before the read with a number.
type turns struct {
	left int
	then func()
}

func (x *turns) read() {
	if x.left--; x.left == 0 {
		x.then()
	}
}

type turningStore struct {
	grouptest.KeptStore
	turns *turns
}

// A cutOff is the key of a function that is called after an Update.
type cutOff struct{}

func (s turningStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	err := s.KeptStore.Update(ctx, fn)
	if cut, ok := ctx.Value(cutOff{}).(context.CancelFunc); ok {
		cut()
	}
	return err
}

func (s turningStore) View(ctx context.Context, fn func(store.Reader) error) error {
	s.turns.read()
	return s.KeptStore.View(ctx, fn)
}

type turningBlobs struct {
	grouptest.KeptBlobs
	turns *turns
}

func (b turningBlobs) Get(ctx context.Context, id string) (io.ReadCloser, error) {
	b.turns.read()
	return b.KeptBlobs.Get(ctx, id)
}

func (b turningBlobs) List(ctx context.Context, after string, limit int) ([]string, bool, error) {
	b.turns.read()
	return b.KeptBlobs.List(ctx, after, limit)
}

// A deletion that is pending is reported apart.
func TestEngine_Verify_PendingDeletion(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	s.ChangeHeader(t, grouptest.OpenGroup, func(h *record.Header) { h.State = record.Deleting })
	s.Put(t, key.Deletion("open"), nil)
	report, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Equal(t, []groupkit.GroupID{grouptest.OpenGroup}, report.Deletions)
}

// A content that is to go belongs to no file.
func TestEngine_Verify_ContentToGo(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	s.Put(t, key.ToGo(grouptest.ContentID(s.Chart)), []byte{})
	report, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Equal(t, []groupkit.Violation{broken(groupkit.FilesWhole, grouptest.Guild, "", "content to be removed",
		fmt.Sprintf("belongs to file %s", s.Chart.ID))}, report.Violations)
}
