package groupkit_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
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

// TestEngine_Verify_Memory verifies much more than what stays in memory meanwhile: contents that nobody knows, a log of
// many calls, and damage. The heap is weighed at every page of contents and at every second transaction.
func TestEngine_Verify_Memory(t *testing.T) {
	const (
		contents = 30_000
		calls    = 15_000
		damages  = 10_000
		bound    = 2 << 20 // of the 10 MiB that these would take
	)
	data := memstore.New()
	writer, err := groupkit.New(grouptest.KeptStore{Store: data}, memblob.New(), nil)
	require.NoError(t, err)
	id := grouptest.CreateGroup(t, writer, groupkit.NewGroup{ID: "guild"})
	for range calls / 2 {
		require.NoError(t, writer.System().MuteGroup(t.Context(), id))
		require.NoError(t, writer.System().UnmuteGroup(t.Context(), id))
	}
	require.NoError(t, writer.Close())
	for part := range damages / 1000 {
		records := make(map[string]string)
		for i := range 1000 {
			records[fmt.Sprintf("?%060d-%d", part, i)] = ""
		}
		grouptest.PutAll(t, data, records)
	}
	w := &weighing{Store: grouptest.KeptStore{Store: data}}
	eng, err := groupkit.New(w, listedBlobs{memblob.New(), contents, w}, &groupkit.Options{CacheBytes: -1})
	require.NoError(t, err)
	w.start = heap()
	w.on = true
	report, err := eng.Verify(t.Context(), groupkit.VerifyOptions{})
	w.on = false
	require.NoError(t, err)
	require.Equal(t, contents, len(report.UnknownContents)+report.Omitted.UnknownContents)
	require.Equal(t, damages, len(report.Violations)+report.Omitted.Violations)
	t.Logf("%d KiB at most, weighed %d times", w.most>>10, w.times)
	require.Greater(t, w.times, contents/1000)
	require.LessOrEqual(t, w.most, bound)
	require.NoError(t, eng.Close())
}

// weighing is a store that weighs the heap from time to time.
type weighing struct {
	store.Store
	on                        bool
	start, most, times, reads int
}

func (w *weighing) weigh() {
	if w.on {
		w.most, w.times = max(w.most, heap()-w.start), w.times+1
	}
}

func (w *weighing) View(ctx context.Context, fn func(store.Reader) error) error {
	return w.Store.View(ctx, func(r store.Reader) error { return fn(weighingReader{r, w}) })
}

type weighingReader struct {
	store.Reader
	w *weighing
}

func (r weighingReader) Scan(g store.Range) ([]store.Pair, bool, error) {
	if r.w.reads++; r.w.reads%2 == 0 {
		r.w.weigh()
	}
	return r.Reader.Scan(g)
}

// listedBlobs list contents that they do not keep.
type listedBlobs struct {
	store.Blobs
	n int
	w *weighing
}

func (b listedBlobs) List(_ context.Context, after string, limit int) (ids []string, more bool, err error) {
	b.w.weigh()
	from := 0
	if after != "" {
		if _, err := fmt.Sscanf(after[24:], "%d", &from); err != nil {
			return nil, false, err
		}
	}
	for i := from + 1; i <= b.n && len(ids) < limit; i++ {
		ids = append(ids, fmt.Sprintf("01980000-0000-7000-8000-%012d", i))
	}
	return ids, from+len(ids) < b.n, nil
}

func (b listedBlobs) Get(ctx context.Context, id string) (io.ReadCloser, error) {
	if id == grouptest.ContentsMark {
		return b.Blobs.Get(ctx, id)
	}
	return io.NopCloser(strings.NewReader("")), nil
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
