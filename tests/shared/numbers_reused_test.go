package shared_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// After a crash of the store, transactions can get numbers that were given before, to transactions
// that were not committed. Followers of all groups have looked beyond these numbers, and still hear
// of the calls.
func TestActor_FollowAll_numbersReused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		here, there, third := c.open(), c.open(), c.open() // followers of one engine share what was looked at
		c.create(there, "g")
		early, err := here.System().FollowAll(t.Context(), groupkit.Latest())
		require.NoError(t, err)
		time.Sleep(time.Minute + time.Second)
		for range 50 { // which take numbers
			require.ErrorIs(t, there.System().RemoveMember(t.Context(), "g", "nobody"), groupkit.ErrNotMember)
		}
		late, err := third.System().FollowAll(t.Context(), groupkit.Latest())
		require.NoError(t, err)
		time.Sleep(5 * time.Second) // until both have looked, and before anything else is committed
		c.data.ReuseNumbers()
		require.NoError(t, there.System().MuteGroup(t.Context(), "g"))
		time.Sleep(time.Minute)
		synctest.Wait()
		for name, sub := range map[string]*groupkit.Follower{"early": early, "late": late} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			for heard := false; !heard; {
				e, err := sub.Next(ctx)
				require.NoError(t, err, "the call was not heard of: %s", name)
				heard = e.Kind == groupkit.GroupMuted
			}
			cancel()
			sub.Close()
		}
		require.NoError(t, here.Close())
		require.NoError(t, there.Close())
		require.NoError(t, third.Close())
	})
}

// A follower of all groups of an empty store hears of the first call, made by another process.
func TestActor_FollowAll_emptyStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		here, there := c.open(), c.open()
		sub, err := here.System().FollowAll(t.Context(), groupkit.Latest())
		require.NoError(t, err)
		c.create(there, "g")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		e, err := sub.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, groupkit.GroupCreated, e.Kind)
		sub.Close()
		require.NoError(t, here.Close())
		require.NoError(t, there.Close())
	})
}
