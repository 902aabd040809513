package groupkit_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A rationed store takes so many more Updates, and then refuses.
type rationed struct {
	store.Store
	left atomic.Int64
}

var errRation = errors.New("no more today")

func (s *rationed) Update(ctx context.Context, fn func(store.Writer) error) error {
	if s.left.Add(-1) < 0 {
		return errRation
	}
	return s.Store.Update(ctx, fn)
}

func TestActor_DeleteGroup(t *testing.T) {
	t.Parallel()
	t.Run("cut off, and a call of a member at the limit that changes nothing", func(t *testing.T) {
		t.Parallel()
		ctx, s, blobs := t.Context(), &rationed{Store: memstore.New()}, memblob.New()
		s.left.Store(1000)
		opts := &groupkit.Options{Limits: groupkit.Limits{JoinedGroups: 1}}
		eng, err := groupkit.New(grouptest.KeptStore{Store: s}, grouptest.KeptBlobs{Blobs: blobs}, opts)
		require.NoError(t, err)
		doomed := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "alice", Members: []groupkit.UserID{"bob"}})
		open := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "carol", Public: true, MembersOnly: true})
		require.NoError(t, grouptest.ErrorOf(eng.As("bob").Join(ctx, open)))

		s.left.Store(1) // the tombstone, and no more
		require.ErrorIs(t, eng.System().DeleteGroup(ctx, doomed), errRation)
		s.left.Store(1000)
		outcome, err := eng.As("bob").Join(ctx, open) // the request is there already
		require.NoError(t, err)
		require.Equal(t, groupkit.OutcomeRequested, outcome)

		require.NoError(t, eng.Close())
		eng, err = groupkit.New(s, blobs, opts)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, eng.Close()) })
		require.Eventually(t, func() bool {
			report, err := eng.Verify(ctx, groupkit.VerifyOptions{})
			return err == nil && report.Sound() && len(report.Deletions) == 0
		}, time.Minute, time.Millisecond)
		require.NoError(t, eng.System().ApproveRequest(ctx, open, "bob"))
		grouptest.RequireVerified(t, eng)
	})
}
