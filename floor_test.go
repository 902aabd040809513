package groupkit_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/sharedmem"
	"groupkit/store"
)

// newUnordered opens processes on a store that does not know the order of its commits, each with a
// clock that differs from the real one, and makes the group "g".
func newUnordered(t *testing.T, opts groupkit.Options, skews ...time.Duration) (*sharedmem.Data, []*groupkit.Engine) {
	data := sharedmem.New(sharedmem.Options{Rerun: 0.3})
	var engines []*groupkit.Engine
	for _, skew := range skews {
		opts.Clock = func() time.Time { return time.Now().Add(skew) }
		engines = append(engines, processes(t, 1, data, opts)...)
	}
	require.NoError(t, grouptest.ErrorOf(engines[0].System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "g", Name: "x", Owner: "alice"})))
	return data, engines
}

// numbersOf returns the numbers of the calls of a group, in the order of the log, and checks that the index
// of commits leads to each.
func numbersOf(t *testing.T, s store.Store, group string) (numbers []uint64) {
	t.Helper()
	dump := grouptest.DumpStore(t, s)
	for _, k := range slices.Sorted(maps.Keys(dump)) {
		of, kind, _, err := key.CutGroup([]byte(k))
		if k[0] != key.FamilyGroups || err != nil || of != group || kind != key.Events {
			continue
		}
		call, err := record.DecodeCall([]byte(dump[k]))
		require.NoError(t, err)
		require.Contains(t, dump, string(key.Commit(call.Commit)))
		numbers = append(numbers, call.Commit)
	}
	return numbers
}

// On a store without an order, calls get numbers that grow within a group whatever the clocks show,
// and that are never below what was settled or removed.
func TestFloor_Numbers(t *testing.T) {
	t.Parallel()
	data, engines := newUnordered(t, groupkit.Options{}, 24*time.Hour, 0, -24*time.Hour)
	for i := range 30 {
		eng := engines[i%3]
		if i%10 == 9 { // several calls in one transaction
			require.NoError(t, eng.Atomic(t.Context(), func(tx *groupkit.Tx) error {
				return errors.Join(tx.System().MuteGroup(t.Context(), "g"), tx.System().UnmuteGroup(t.Context(), "g"))
			}))
			continue
		}
		require.NoError(t, eng.System().SetAnnouncement(t.Context(), "g", fmt.Sprint(i)))
	}
	numbers := numbersOf(t, data.Open(), "g")
	require.Len(t, numbers, 34)
	require.IsIncreasing(t, numbers)

	follower := followAll(t, engines[2]) // settles them
	require.NoError(t, grouptest.ErrorOf(engines[2].System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "h", Name: "x", Owner: "alice"})))
	require.Greater(t, numbersOf(t, data.Open(), "h")[0], numbers[33], "a day behind, and in another group")
	require.Equal(t, groupkit.GroupID("h"), next(t, follower).Group)
	for _, eng := range engines {
		grouptest.RequireVerified(t, eng)
	}
}

// A call that is under way while its number is settled fails and takes a new one: nobody who follows has
// passed it over.
func TestFloor_CallUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, engines := newUnordered(t, groupkit.Options{}, 0, 0)
		follower := followAll(t, engines[1])
		runs, began := 0, time.Now()
		require.NoError(t, engines[0].Atomic(t.Context(), func(tx *groupkit.Tx) error {
			runs++
			err := tx.System().SetAnnouncement(t.Context(), "g", "open for long")
			if runs == 1 {
				require.NoError(t, engines[1].System().AddMember(t.Context(), "g", "bob"))
				require.Equal(t, groupkit.MemberJoined, next(t, follower).Kind, "while the other call is open")
			}
			return err
		}))
		require.Greater(t, runs, 1)
		require.Equal(t, groupkit.AnnouncementChanged, next(t, follower).Kind)
		require.Less(t, time.Since(began), 10*time.Second, "the background work, every 15 s, is not waited for")
	})
}

// Another group's call that is open while the floor is raised is made again too.
func TestFloor_CallUnderWayElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, engines := newUnordered(t, groupkit.Options{}, 0, 0)
		require.NoError(t, grouptest.ErrorOf(engines[0].System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "h", Name: "x", Owner: "alice"})))
		follower := followAll(t, engines[1])
		open := true
		require.NoError(t, engines[0].Atomic(t.Context(), func(tx *groupkit.Tx) error {
			err := tx.System().MuteGroup(t.Context(), "h")
			if open {
				open = false
				require.NoError(t, engines[1].System().MuteGroup(t.Context(), "g"))
				e := next(t, follower)
				require.Equal(t, groupkit.GroupID("g"), e.Group)
			}
			return err
		}))
		require.Equal(t, groupkit.GroupID("h"), next(t, follower).Group)
	})
}

// A position that was kept leads on: nothing is missing after it.
func TestFloor_Resume(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, engines := newUnordered(t, groupkit.Options{}, time.Hour, 0)
		follower := followAll(t, engines[0])
		for i := range 20 {
			require.NoError(t, engines[i%2].System().SetAnnouncement(t.Context(), "g", fmt.Sprint(i)))
			at := follower.Position()
			follower.Close()
			var err error
			follower, err = engines[(i+1)%2].System().FollowAll(t.Context(), at)
			require.NoError(t, err)
			require.Equal(t, uint64(i+3), next(t, follower).Version)
		}
		follower.Close()
	})
}

// Retention finds old calls by the index, also of groups that nobody follows, and a follower of all groups that
// has not heard them begins anew at once.
func TestFloor_Retention(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data, engines := newUnordered(t, groupkit.Options{Retention: groupkit.Retention{MaxAge: time.Hour}}, 0, 0)
		require.NoError(t, grouptest.ErrorOf(engines[0].Sweep(t.Context())))
		at := engines[0].Position(0)
		for range 3 {
			require.NoError(t, engines[0].System().MuteGroup(t.Context(), "g"))
			require.NoError(t, engines[0].System().UnmuteGroup(t.Context(), "g"))
			time.Sleep(2 * time.Hour)
			require.NoError(t, grouptest.ErrorOf(engines[0].Sweep(t.Context())))
			require.Empty(t, numbersOf(t, data.Open(), "g"))
			grouptest.RequireVerified(t, engines[1])
		}
		follower, err := engines[1].System().FollowAll(t.Context(), at)
		require.NoError(t, err)
		defer follower.Close()
		require.Equal(t, groupkit.Event{Kind: groupkit.Checkpoint}, next(t, follower))
		require.Equal(t, groupkit.GroupID("g"), next(t, follower).Group)
		removed := follower.Position().Version
		require.NoError(t, engines[1].System().MuteGroup(t.Context(), "g"))
		require.Greater(t, numbersOf(t, data.Open(), "g")[0], removed)
		require.Equal(t, groupkit.GroupMuted, next(t, follower).Kind)
	})
}

// A floor that is damaged is found, and refused.
func TestFloor_Damaged(t *testing.T) {
	t.Parallel()
	data, engines := newUnordered(t, groupkit.Options{}, 0)
	grouptest.PutAll(t, data.Open(), map[string]string{string(key.Floor()): "?"})
	report, err := engines[0].Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Len(t, report.Violations, 1)
	require.ErrorIs(t, engines[0].System().MuteGroup(t.Context(), "g"), groupkit.ErrCorrupt)
	_, err = engines[0].System().FollowAll(t.Context(), groupkit.Latest())
	require.ErrorIs(t, err, groupkit.ErrCorrupt)
}

// Raising the floor ends with the context of the caller.
func TestFloor_Context(t *testing.T) {
	t.Parallel()
	_, engines := newUnordered(t, groupkit.Options{}, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := engines[0].System().FollowAll(ctx, groupkit.Latest())
	require.ErrorIs(t, err, context.Canceled)
}

// A call gets a number above those that retention has removed, and who follows all groups begins anew at once
// if it may have missed one of them, also if the floor is lower.
func TestFloor_Removed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data, engines := newUnordered(t, groupkit.Options{}, 0)
		const removed = uint64(1) << 62
		grouptest.PutAll(t, data.Open(), map[string]string{string(key.LastRemoved()): string(binary.BigEndian.AppendUint64(nil, removed))})
		follower, err := engines[0].System().FollowAll(t.Context(), engines[0].Position(0))
		require.NoError(t, err)
		defer follower.Close()
		require.Equal(t, groupkit.Event{Kind: groupkit.Checkpoint}, next(t, follower))
		require.Equal(t, groupkit.GroupID("g"), next(t, follower).Group)
		require.NoError(t, engines[0].System().MuteGroup(t.Context(), "g"))
		require.Equal(t, groupkit.GroupMuted, next(t, follower).Kind)
		grouptest.PutAll(t, data.Open(), map[string]string{string(key.LastRemoved()): string(binary.BigEndian.AppendUint64(nil, removed+1<<32))})
		require.Equal(t, groupkit.Event{Kind: groupkit.Checkpoint}, next(t, follower), "while it follows")

		data, engines = newUnordered(t, groupkit.Options{}, 0)
		grouptest.PutAll(t, data.Open(), map[string]string{string(key.LastRemoved()): string(binary.BigEndian.AppendUint64(nil, removed))})
		require.NoError(t, engines[0].System().MuteGroup(t.Context(), "g"))
		numbers := numbersOf(t, data.Open(), "g")
		require.Greater(t, numbers[len(numbers)-1], removed)
	})
}

// However many calls there are in a millisecond, each has a number of its own.
func TestFloor_SameNumber(t *testing.T) {
	t.Parallel()
	const groups = 1500 // of 65,536 numbers
	data := sharedmem.New(sharedmem.Options{})
	eng := processes(t, 1, data, groupkit.Options{Clock: grouptest.NewClock().Now})[0]
	for part := range groups / 100 {
		require.NoError(t, eng.Atomic(t.Context(), func(tx *groupkit.Tx) (err error) {
			for i := range 100 {
				id := groupkit.GroupID(fmt.Sprint(part, "-", i))
				err = errors.Join(err, grouptest.ErrorOf(tx.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: id, Name: "x", Owner: groupkit.UserID(fmt.Sprint("owner-", part))})))
			}
			return err
		}))
	}
	entries := 0
	for k := range grouptest.DumpStore(t, data.Open()) {
		if k[0] == key.FamilyCommits {
			entries++
		}
	}
	require.Equal(t, groups, entries)
	grouptest.RequireVerified(t, eng)
}
