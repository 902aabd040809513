package groupkit_test

import (
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// TestOptions_CacheBytes_Bound touches many more memberships and groups than the cache has
// room for, with the longest ids there are, and weighs what stays. It does not run beside others,
// whose memory it would weigh too.
func TestOptions_CacheBytes_Bound(t *testing.T) {
	const (
		bound     = 256 << 10
		allowance = 56 << 10 // 40 KiB whatever the bound, and the engine itself
		absent    = 6000
		groups    = 8
		members   = 1200
	)
	for name, c := range map[string]struct {
		silence func(*groupkit.Engine, groupkit.GroupID, []groupkit.UserID) error
		want    error
	}{
		"granted": {func(*groupkit.Engine, groupkit.GroupID, []groupkit.UserID) error { return nil }, nil},
		"refused": {func(eng *groupkit.Engine, id groupkit.GroupID, users []groupkit.UserID) error {
			_, err := eng.System().MuteUsers(t.Context(), id, time.Hour, users)
			return err
		}, groupkit.ErrMuted},
	} {
		t.Run(name, func(t *testing.T) {
			data := memstore.New()
			writer, err := groupkit.New(data, memblob.New(), &groupkit.Options{CacheBytes: -1, Limits: groupkit.Limits{Batch: members}})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, writer.Close()) })
			users := make([]groupkit.UserID, members)
			for i := range users {
				users[i] = groupkit.UserID(fmt.Sprintf("%0128d", i))
			}
			for i := range groups {
				id := longID(i)
				grouptest.CreateGroup(t, writer, groupkit.NewGroup{ID: id, MaxUsers: members + 1})
				_, err := writer.System().AddMembers(t.Context(), id, users)
				require.NoError(t, err)
				require.NoError(t, c.silence(writer, id, users))
			}

			before := heap()
			eng, err := groupkit.New(data, memblob.New(), &groupkit.Options{CacheBytes: bound})
			require.NoError(t, err)
			for range 3 {
				for i := range groups * members {
					// What a server has of a request is a part of something larger.
					request := string(longID(i%groups)) + string(users[i/groups]) + strings.Repeat("?", 4<<10)
					err := eng.As(groupkit.UserID(request[64:192])).MaySpeak(t.Context(), groupkit.GroupID(request[:64]))
					require.ErrorIs(t, err, c.want)
				}
			}
			for i := range absent { // that there is no such group is known of each
				require.ErrorIs(t, eng.As("bob").MaySpeak(t.Context(), longID(groups+i)), groupkit.ErrGroupNotFound)
			}
			took := heap() - before
			t.Logf("%d bytes for a bound of %d", took, bound)
			require.LessOrEqual(t, took, bound+allowance)
			require.GreaterOrEqual(t, took, bound*3/4, "it is filled")
			require.NoError(t, eng.As(users[0]).Can().Leave(t.Context(), longID(0)), "the engine is there until now")
		})
	}
}

func TestOptions_CacheBytes_TooLarge(t *testing.T) {
	t.Parallel()
	if strconv.IntSize == 32 {
		t.Skip("every int is within the limit")
	}
	_, err := groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{CacheBytes: math.MaxInt})
	require.ErrorIs(t, err, groupkit.ErrInvalid)
}

func longID(i int) groupkit.GroupID { return groupkit.GroupID(fmt.Sprintf("%064d", i)) }

// heap is how much memory is in use.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what has a finalizer goes the second time
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// An answer from memory allocates nothing, be it yes or no, and a refusal is one for all
// calls that are refused alike.
func TestMaySpeak_Allocations(t *testing.T) {
	grouptest.NeedsOwnStore(t, "MaySpeak reads the store")
	eng, clock := grouptest.Setup(t, groupkit.Options{})
	system := eng.System()
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Public: true, Members: []groupkit.UserID{"bob", "muted", "blocked", "admin"}})
	silent := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: []groupkit.UserID{"bob", "muted"}})
	for _, g := range []groupkit.GroupID{id, silent} {
		_, err := system.Mute(t.Context(), g, time.Hour, "muted")
		require.NoError(t, err)
	}
	_, err := system.Block(t.Context(), id, groupkit.Forever, "blocked")
	require.NoError(t, err)
	require.NoError(t, system.MuteGroup(t.Context(), silent))
	for _, c := range []struct {
		group groupkit.GroupID
		user  groupkit.UserID
		want  error
	}{
		{id, "bob", nil},
		{id, "alice", nil},
		{silent, "alice", nil},
		{id, "muted", groupkit.ErrMuted},
		{silent, "muted", groupkit.ErrMuted},
		{silent, "bob", groupkit.ErrGroupMuted},
		{id, "blocked", groupkit.ErrBlacklisted},
		{id, "nobody", groupkit.ErrNotMember},
		{silent, "nobody", groupkit.ErrGroupNotFound},
		{"no-such-group", "bob", groupkit.ErrGroupNotFound},
	} {
		actor := eng.As(c.user)
		_ = actor.MaySpeak(t.Context(), c.group) // from the store
		first := actor.MaySpeak(t.Context(), c.group)
		require.ErrorIs(t, first, c.want)
		var last error
		require.Zero(t, testing.AllocsPerRun(100, func() { last = actor.MaySpeak(t.Context(), c.group) }), "%q in %q", c.user, c.group)
		require.True(t, first == last, "%q in %q", c.user, c.group)
	}
	clock.Advance(time.Hour)
	require.NoError(t, eng.As("muted").MaySpeak(t.Context(), id))
	require.ErrorIs(t, eng.As("muted").MaySpeak(t.Context(), silent), groupkit.ErrGroupMuted)
}
