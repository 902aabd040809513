package shared_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// While a transaction is open, followers of all groups do not hear of calls that came after it
// began. When it has ended they hear of everything, in the order of the numbers.
func TestFollower_all_openTransaction(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		slow, quick, follower := c.open(), c.open(), c.open()
		for _, p := range []*process{slow, quick, follower} {
			defer p.Close()
		}
		c.create(slow, "slow")
		c.create(quick, "quick")
		sub, err := follower.System().FollowAll(t.Context(), groupkit.Latest())
		require.NoError(t, err)
		defer sub.Close()
		var heard []groupkit.GroupID
		listen := func(within time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			for e, err := range sub.All(ctx) {
				if err != nil {
					require.ErrorIs(t, err, context.DeadlineExceeded)
					return
				}
				if e.Kind == groupkit.AnnouncementChanged {
					heard = append(heard, e.Group)
				}
			}
		}

		begun, finish, ended := make(chan struct{}), make(chan struct{}), make(chan error)
		go func() {
			ended <- slow.Atomic(t.Context(), func(tx *groupkit.Tx) error {
				err := tx.System().SetAnnouncement(t.Context(), "slow", "first")
				close(begun)
				<-finish
				return err
			})
		}()
		<-begun
		require.NoError(t, quick.System().SetAnnouncement(t.Context(), "quick", "second"))
		listen(10 * time.Second)
		require.Empty(t, heard, "an earlier number can still come")
		close(finish)
		require.NoError(t, <-ended)
		listen(10 * time.Second)
		require.Equal(t, []groupkit.GroupID{"slow", "quick"}, heard)
	})
}
