package groupkit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// TestClock_GoesBackwards sets the clock back between the calls: the times of the log
// never go back, and what is decided is decided at the time that the clock shows.
func TestClock_GoesBackwards(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	ctx := t.Context()
	before, err := s.System().Group(ctx, grouptest.Guild)
	require.NoError(t, err)
	s.Clock.Advance(-time.Hour)
	until, err := s.As("bob").Mute(ctx, grouptest.Guild, 10*time.Minute, "carol")
	require.NoError(t, err)
	require.Equal(t, s.Clock.Now().Add(10*time.Minute), until, "by the clock")
	require.NoError(t, grouptest.ErrorOf(s.As("frank").Join(ctx, grouptest.OpenGroup)))
	require.NoError(t, grouptest.ErrorOf(s.As("carol").UploadFile(ctx, grouptest.Guild, "early", strings.NewReader("x"))))
	after, err := s.System().Group(ctx, grouptest.Guild)
	require.NoError(t, err)
	require.Equal(t, before.LastModified, after.LastModified)
	require.Equal(t, before.Version+2, after.Version)
	for _, m := range grouptest.MustCollect(t, s.As("bob").Mutes(ctx, grouptest.Guild)) {
		if m.User == "carol" {
			require.Equal(t, before.LastModified, m.At)
		}
	}
	require.ErrorIs(t, s.As("carol").MaySpeak(ctx, grouptest.Guild), groupkit.ErrMuted)
	s.Clock.Advance(10 * time.Minute)
	require.ErrorIs(t, s.As("carol").MaySpeak(ctx, grouptest.Guild), groupkit.ErrGroupMuted, "the mute is over, that of the group is not")
	requireTimesInOrder(t, s, grouptest.Guild)
	s.RequireVerified(t)
}

func requireTimesInOrder(t *testing.T, s *grouptest.Dataset, group groupkit.GroupID) {
	var last time.Time
	for _, e := range grouptest.MustCollect(t, s.System().Events(t.Context(), group, 0)) {
		require.False(t, e.At.Before(last), "%v", e)
		last = e.At
	}
}

// TestClock_Extreme has clocks that show the first and the last times that the engine accepts.
func TestClock_Extreme(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{
		time.Unix(0, 0), time.UnixMilli(1), time.Date(2116, 12, 31, 16, 0, 0, 0, time.UTC), time.Date(4199, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
	} {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewDataset(t)
			s.Clock.Set(at)
			ctx := t.Context()
			g, err := s.System().CreateGroup(ctx, groupkit.NewGroup{Name: "x", Owner: "yves", Members: grouptest.IDs{"yann"}})
			require.NoError(t, err)
			require.Equal(t, max(at.UnixMilli(), 1), g.Created.UnixMilli())
			until, err := s.As("yves").Mute(ctx, g.ID, time.Hour, "yann")
			require.NoError(t, err)
			require.LessOrEqual(t, until.UnixMilli(), int64(4638873600000))
			require.NoError(t, grouptest.ErrorOf(s.Sweep(ctx)))
			require.NoError(t, grouptest.ErrorOf(s.As("yves").UploadFile(ctx, g.ID, "x", strings.NewReader("x"))))
			require.NoError(t, grouptest.ErrorOf(grouptest.Collect(s.System().Groups(ctx))))
			s.RequireVerified(t)
		})
	}
}

// TestClock_MillisecondsAndUTC has a clock of another zone, between milliseconds.
func TestClock_MillisecondsAndUTC(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 8_999_999, time.FixedZone("elsewhere", -7200))
	eng, err := groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{Clock: func() time.Time { return at }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	g, err := eng.System().CreateGroup(t.Context(), groupkit.NewGroup{Name: "x", Owner: "alice"})
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 3, 4, 7, 6, 7, 8_000_000, time.UTC), g.Created)
}

// TestActor_IfVersion changes a group only as it was seen.
func TestActor_IfVersion(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	ctx := t.Context()
	v := s.Version(t, grouptest.Guild)
	before := s.DumpAll(t)
	for name, call := range map[string]func(a groupkit.Actor) error{
		"update": func(a groupkit.Actor) error {
			return grouptest.ErrorOf(a.UpdateGroup(ctx, grouptest.Guild, groupkit.GroupUpdate{Name: new("x")}))
		},
		"delete":       func(a groupkit.Actor) error { return a.DeleteGroup(ctx, grouptest.Guild) },
		"announcement": func(a groupkit.Actor) error { return a.SetAnnouncement(ctx, grouptest.Guild, "x") },
		"upload": func(a groupkit.Actor) error {
			return grouptest.ErrorOf(a.UploadFile(ctx, grouptest.Guild, "x", strings.NewReader("x")))
		},
		"delete file": func(a groupkit.Actor) error { return a.DeleteFile(ctx, grouptest.Guild, s.Chart.ID) },
		"remove":      func(a groupkit.Actor) error { return a.RemoveMember(ctx, grouptest.Guild, "carol") },
		"mute":        func(a groupkit.Actor) error { return grouptest.ErrorOf(a.Mute(ctx, grouptest.Guild, 1, "carol")) },
		"block many": func(a groupkit.Actor) error {
			return grouptest.ErrorOf(a.BlockUsers(ctx, grouptest.Guild, 1, grouptest.IDs{"carol"}))
		},
		"invite":     func(a groupkit.Actor) error { return grouptest.ErrorOf(a.Invite(ctx, grouptest.Guild, "x")) },
		"approve":    func(a groupkit.Actor) error { return a.ApproveRequest(ctx, grouptest.Guild, "frank") },
		"transfer":   func(a groupkit.Actor) error { return a.TransferGroup(ctx, grouptest.Guild, "bob") },
		"mute group": func(a groupkit.Actor) error { return a.UnmuteGroup(ctx, grouptest.Guild) },
		"allow":      func(a groupkit.Actor) error { return a.Allow(ctx, grouptest.Guild, "carol") },
		"leave":      func(a groupkit.Actor) error { return a.Leave(ctx, grouptest.Guild) },
	} {
		for _, wrong := range []uint64{0, v - 1, v + 1, 1 << 63} {
			err := call(s.As("alice").IfVersion(wrong))
			require.ErrorIs(t, err, groupkit.ErrVersion, name)
			require.ErrorContains(t, err, fmt.Sprintf("version is %d, not %d", v, wrong), name)
		}
	}
	require.ErrorIs(t, s.As("carol").IfVersion(v-1).MuteGroup(ctx, grouptest.Guild), groupkit.ErrVersion, "it is compared before the permission")
	require.ErrorIs(t, s.As("nobody").IfVersion(v-1).MuteGroup(ctx, "nowhere"), groupkit.ErrGroupNotFound, "and after the group was found")
	require.Equal(t, before, s.DumpAll(t))
	require.NoError(t, s.As("alice").IfVersion(v).SetAnnouncement(ctx, grouptest.Guild, "x"))
	require.ErrorIs(t, s.As("alice").IfVersion(v).SetAnnouncement(ctx, grouptest.Guild, "y"), groupkit.ErrVersion)
	require.NoError(t, grouptest.ErrorOf(s.System().IfVersion(0).CreateGroup(ctx, groupkit.NewGroup{ID: "new", Name: "x", Owner: "x"})), "a group that is not there is at version 0")
	require.ErrorIs(t, grouptest.ErrorOf(s.System().IfVersion(1).CreateGroup(ctx, groupkit.NewGroup{ID: "newer", Name: "x", Owner: "x"})), groupkit.ErrVersion)
	plain := s.As("alice")
	require.ErrorIs(t, plain.IfVersion(1).MuteGroup(ctx, grouptest.Guild), groupkit.ErrVersion)
	require.NoError(t, plain.UnmuteGroup(ctx, grouptest.Guild), "the actor that was copied is as it was")
}

// TestActor_Because gives reasons, of every length.
func TestActor_Because(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	ctx := t.Context()
	longest := strings.Repeat("理", 512)
	require.NoError(t, grouptest.ErrorOf(s.As("bob").Because(longest).MuteUsers(ctx, grouptest.Guild, time.Hour, grouptest.IDs{"carol", "dave"})))
	last := grouptest.LastEvent(t, s, grouptest.Guild)
	require.Equal(t, longest, last.Reason)
	for _, m := range grouptest.MustCollect(t, s.As("bob").Mutes(ctx, grouptest.Guild)) {
		if m.User == "carol" || m.User == "dave" {
			require.Equal(t, longest, m.Reason)
		}
	}
	before := s.DumpAll(t)
	for _, reason := range []string{longest + "x", "\xff", strings.Repeat("x", 1<<20)} {
		err := s.As("bob").Because(reason).SetAnnouncement(ctx, grouptest.Guild, "x")
		require.ErrorIs(t, err, groupkit.ErrInvalid)
		require.ErrorContains(t, err, "reason")
		require.ErrorIs(t, grouptest.ErrorOf(s.As("bob").Because(reason).Group(ctx, grouptest.Guild)), groupkit.ErrInvalid)
	}
	require.Equal(t, before, s.DumpAll(t))
	require.NoError(t, s.As("alice").Because("x").Because("").SetAnnouncement(ctx, grouptest.Guild, "y"))
	require.Empty(t, grouptest.LastEvent(t, s, grouptest.Guild).Reason)
}
