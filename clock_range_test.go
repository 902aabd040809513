package groupkit_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// outside are times that no call may take for the current time.
var outside = map[string]time.Time{
	"zero":              {},
	"before 1970":       time.Unix(0, -1),
	"long before":       time.Unix(-1<<40, 0),
	"after 4199":        time.Date(4200, 1, 1, 0, 0, 0, 0, time.UTC),
	"long after":        time.Unix(1<<50, 0),
	"after 4199 in UTC": time.Date(4199, 12, 31, 23, 0, 0, 0, time.FixedZone("elsewhere", -2*60*60)),
}

// set sets the clock without truncating the time.
func set(c *grouptest.Clock, at time.Time) {
	c.Set(time.Unix(at.Unix(), 0))
	c.Advance(time.Duration(at.Nanosecond()))
}

func TestClock_OutsideChanges(t *testing.T) {
	t.Parallel()
	grouptest.EachVerb(t, groupkit.Options{}, func(t *testing.T, v *grouptest.Verb, s *grouptest.Fixture) {
		right := s.Clock.Now()
		before, log := s.State(t)
		for name, at := range outside {
			set(s.Clock, at)
			calls := map[string]error{
				"change":           grouptest.ErrorOf(v.Do(s)),
				"with a key":       grouptest.ErrorOf(v.Do(s, func(a groupkit.Actor) groupkit.Actor { return a.Once("key") })),
				"dry run":          grouptest.ErrorOf(v.Do(s, groupkit.Actor.Can)),
				"in a transaction": s.Engine.Atomic(t.Context(), func(tx *groupkit.Tx) error { return grouptest.ErrorOf(v.In(tx, s)) }),
			}
			for call, err := range calls {
				if call == "in a transaction" && (v.Name == "ForgetUser" || v.Name == "UploadFile") {
					continue
				}
				require.ErrorIs(t, err, groupkit.ErrClock, "%s: %s", name, call)
				require.NotErrorIs(t, err, groupkit.ErrStorage)
				require.ErrorContains(t, err, "clock is out of range", name)
			}
		}
		set(s.Clock, right)
		after, logAfter := s.State(t)
		require.Equal(t, before, after)
		require.Equal(t, log, logAfter)
		require.NoError(t, grouptest.ErrorOf(v.Do(s)), "the engine goes on when the clock is right again")
		grouptest.RequireVerified(t, s.Engine)
	})
}

// A recorded result is not found while nobody knows whether it has expired.
func TestClock_OutsideRepeats(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ctx, once := t.Context(), s.Engine.System().Once("key")
	require.NoError(t, once.AddMember(ctx, s.ID, "ivan"))
	require.NoError(t, once.Once("forgotten").ForgetUser(ctx, "erin", groupkit.ForgetOptions{}))
	set(s.Clock, time.Time{})
	require.ErrorIs(t, once.AddMember(ctx, s.ID, "ivan"), groupkit.ErrClock)
	require.ErrorIs(t, once.Once("forgotten").ForgetUser(ctx, "erin", groupkit.ForgetOptions{}), groupkit.ErrClock)
}

// clockReads are the reads of the group and of its users, and what frees room.
func clockReads(ctx context.Context, s *grouptest.Fixture, a groupkit.Actor) map[string]error {
	_, _, details := a.GroupDetails(ctx, []groupkit.GroupID{s.ID})
	_, _, open := a.OpenFile(ctx, s.ID, s.File)
	return map[string]error{
		"Group": grouptest.ErrorOf(a.Group(ctx, s.ID)), "GroupDetails": details, "Groups": grouptest.ErrorOf(grouptest.Collect(a.Groups(ctx))),
		"Role": grouptest.ErrorOf(a.Role(ctx, s.ID, "bob")), "Announcement": grouptest.ErrorOf(a.Announcement(ctx, s.ID)),
		"File": grouptest.ErrorOf(a.File(ctx, s.ID, s.File)), "OpenFile": open,
		"Files":       grouptest.ErrorOf(grouptest.Collect(a.Files(ctx, s.ID))),
		"FilesPage":   grouptest.ErrorOf(a.FilesPage(ctx, s.ID, groupkit.Page{})),
		"Members":     grouptest.ErrorOf(grouptest.Collect(a.Members(ctx, s.ID))),
		"MembersPage": grouptest.ErrorOf(a.MembersPage(ctx, s.ID, groupkit.Page{})),
		"Admins":      grouptest.ErrorOf(grouptest.Collect(a.Admins(ctx, s.ID))),
		"Blacklist":   grouptest.ErrorOf(grouptest.Collect(a.Blacklist(ctx, s.ID))),
		"Mutes":       grouptest.ErrorOf(grouptest.Collect(a.Mutes(ctx, s.ID))),
		"MutesPage":   grouptest.ErrorOf(a.MutesPage(ctx, s.ID, groupkit.Page{})),
		"AllowList":   grouptest.ErrorOf(grouptest.Collect(a.AllowList(ctx, s.ID))),
		"Requests":    grouptest.ErrorOf(grouptest.Collect(a.Requests(ctx, s.ID))),
		"Invitations": grouptest.ErrorOf(grouptest.Collect(a.Invitations(ctx, s.ID))),
		"Events":      grouptest.ErrorOf(grouptest.Collect(a.Events(ctx, s.ID, 0))),
		"Snapshot":    grouptest.ErrorOf(a.Snapshot(ctx, s.ID)),
		"Follow":      grouptest.ErrorOf(a.Follow(ctx, s.ID, groupkit.Latest())),

		"PendingRequests":       grouptest.ErrorOf(grouptest.Collect(s.Engine.System().PendingRequests(ctx, "frank"))),
		"PendingInvitations":    grouptest.ErrorOf(grouptest.Collect(s.Engine.System().PendingInvitations(ctx, "grace"))),
		"MaySpeak":              s.Engine.As("dave").MaySpeak(ctx, s.ID),
		"Sweep":                 grouptest.ErrorOf(s.Engine.Sweep(ctx)),
		"RemoveUnknownContents": grouptest.ErrorOf(s.Engine.RemoveUnknownContents(ctx, 0)),
	}
}

func TestClock_OutsideReads(t *testing.T) {
	t.Parallel()
	for _, cache := range []int{64 << 10, -1} {
		s := grouptest.NewFixture(t, groupkit.Options{CacheBytes: cache})
		ctx := t.Context()
		for _, user := range []groupkit.UserID{"", "bob"} {
			for name, at := range outside {
				set(s.Clock, at)
				for read, err := range clockReads(ctx, s, grouptest.ActorOf(s.Engine, user)) {
					require.ErrorIs(t, err, groupkit.ErrClock, "%s: %s", name, read)
					require.NotErrorIs(t, err, groupkit.ErrStorage, read)
				}
				require.NoError(t, s.Engine.As("carol").MaySpeak(ctx, s.ID), "the answer depends on no time")
				require.NoError(t, s.Engine.As("carol").MaySpeak(ctx, s.ID), "from the cache too")
				require.ErrorIs(t, s.Engine.As("dave").MaySpeak(ctx, s.ID), groupkit.ErrClock, "from the cache too")
			}
		}
	}
}

// Sweep runs in the background.
func TestClock_OutsideInTheBackground(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		eng, err := groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{
			Clock: func() time.Time { return time.Time{} }, SweepEvery: time.Minute,
			Logger: slog.New(slog.NewTextHandler(&out, nil)),
		})
		require.NoError(t, err)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.NoError(t, eng.Close())
		require.Equal(t, 1, strings.Count(out.String(), "clock is out of range: 0001-01-01T00:00:00Z"), out.String())
	})
}

// A lockedBuffer is a buffer that several goroutines may write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
