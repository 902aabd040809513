package shared_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/sharedmem"
	"groupkit/store"
	"groupkit/store/memblob"
)

// The first sweep looks at every log, the later ones at those that can have something to remove.
func TestEngine_Sweep_followsWhatIsDue(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]groupkit.Retention{
		"age": {MaxAge: time.Hour}, "events": {MaxEvents: 5}, "both": {MaxAge: time.Hour, MaxEvents: 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const groups = 200
			ctx, data, clock := t.Context(), sharedmem.New(sharedmem.Options{Numbers: true}), grouptest.NewClockAt(grouptest.Dawn)
			open := func(s store.Store) *groupkit.Engine {
				opening := grouptest.NewOpening()
				eng, err := groupkit.New(s, memblob.New(), &groupkit.Options{Clock: clock.Now, Retention: keep, Logger: opening.Logger()})
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, eng.Close()) })
				opening.Wait(t)
				return eng
			}
			sweeper, other := open(data.Open()), open(data.Open())
			id := func(i int) groupkit.GroupID { return groupkit.GroupID(fmt.Sprintf("group-%03d", i)) }
			for i := range groups {
				_, err := other.System().CreateGroup(ctx, groupkit.NewGroup{ID: id(i), Name: "G", Owner: "olga"})
				require.NoError(t, err)
			}
			trips := func() int64 {
				before := data.Counts.Trips.Load()
				require.NoError(t, grouptest.ErrorOf(sweeper.Sweep(ctx)))
				return data.Counts.Trips.Load() - before
			}
			require.Greater(t, trips(), int64(groups), "every log")
			require.Less(t, trips(), int64(20), "nothing has changed")

			for i := range 6 { // by another engine
				require.NoError(t, other.System().SetAnnouncement(ctx, id(7), fmt.Sprint(i)))
			}
			require.Less(t, trips(), int64(30))
			requireFirst := func(group groupkit.GroupID, version uint64) {
				t.Helper()
				for e, err := range sweeper.System().Events(ctx, group, 0) {
					require.NoError(t, err)
					require.Equal(t, version, e.Version)
					return
				}
			}
			if keep.MaxEvents > 0 {
				requireFirst(id(7), 3)
			} else {
				requireFirst(id(7), 1)
			}
			requireFirst(id(8), 1)
			clock.Advance(2 * time.Hour)
			require.NoError(t, other.System().SetAnnouncement(ctx, id(9), "late"))
			require.NoError(t, grouptest.ErrorOf(sweeper.Sweep(ctx)))
			if keep.MaxAge > 0 {
				for _, c := range []struct {
					group, version int
				}{{0, 2}, {7, 8}, {9, 2}, {groups - 1, 2}} {
					requireFirst(id(c.group), uint64(c.version))
				}
				require.Less(t, trips(), int64(20), "all that was old is gone")
			} else {
				requireFirst(id(0), 1)
			}
			grouptest.RequireVerified(t, sweeper)
		})
	}
}
