package groupkit_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/key"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// TestClock_GoesBackwards sets the clock back between the calls: the times of the log
// never go back, and what is decided is decided at the time that the clock shows.
func TestClock_GoesBackwards(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	ctx := t.Context()
	before, err := s.System().Group(ctx, guild)
	require.NoError(t, err)
	s.clock.Advance(-time.Hour)
	until, err := s.As("bob").Mute(ctx, guild, 10*time.Minute, "carol")
	require.NoError(t, err)
	require.Equal(t, s.clock.Now().Add(10*time.Minute), until, "by the clock")
	require.NoError(t, second(s.As("frank").Join(ctx, open)))
	require.NoError(t, second(s.As("carol").UploadFile(ctx, guild, "early", strings.NewReader("x"))))
	after, err := s.System().Group(ctx, guild)
	require.NoError(t, err)
	require.Equal(t, before.LastModified, after.LastModified)
	require.Equal(t, before.Version+2, after.Version)
	for _, m := range every(t, s.As("bob").Mutes(ctx, guild)) {
		if m.User == "carol" {
			require.Equal(t, before.LastModified, m.At)
		}
	}
	require.ErrorIs(t, s.As("carol").MaySpeak(ctx, guild), groupkit.ErrMuted)
	s.clock.Advance(10 * time.Minute)
	require.ErrorIs(t, s.As("carol").MaySpeak(ctx, guild), groupkit.ErrGroupMuted, "the mute is over, that of the group is not")
	requireTimesInOrder(t, s, guild)
	s.clean(t)
}

func requireTimesInOrder(t *testing.T, s *town, group groupkit.GroupID) {
	var last time.Time
	for _, e := range every(t, s.System().Events(t.Context(), group, 0)) {
		require.False(t, e.At.Before(last), "%v", e)
		last = e.At
	}
}

// TestClock_Absurd has clocks that show what no record can express.
func TestClock_Absurd(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{{}, time.Unix(-1<<40, 0), time.Unix(1<<50, 0), time.Date(2116, 12, 31, 16, 0, 0, 0, time.UTC), time.Unix(0, 0)} {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			s := newTown(t)
			s.clock.Set(at)
			ctx := t.Context()
			g, err := s.System().CreateGroup(ctx, groupkit.NewGroup{Name: "x", Owner: "yves", Members: ids{"yann"}})
			require.NoError(t, err)
			require.False(t, g.Created.IsZero())
			until, err := s.As("yves").Mute(ctx, g.ID, time.Hour, "yann")
			require.NoError(t, err)
			require.LessOrEqual(t, until.UnixMilli(), int64(4638873600000))
			require.NoError(t, second(s.Sweep(ctx)))
			require.NoError(t, second(s.As("yves").UploadFile(ctx, g.ID, "x", strings.NewReader("x"))))
			require.NoError(t, second(collect(s.System().Groups(ctx))))
			s.clean(t)
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

// expiringSite is a site with so many members of the throng muted for a minute, as many
// requests, invitations and blocks that end then too, and more that do not.
func expiringSite(t *testing.T, over wrapping, n int) *site {
	ctx := t.Context()
	s := newSiteOver(t, groupkit.Options{
		BlockOutsiders: true, RequestTTL: time.Minute, InvitationTTL: time.Minute,
		Limits: groupkit.Limits{Batch: 2000, MaxGroupSize: 5000, Requests: 2000, Invitations: 2000},
	}, over)
	require.NoError(t, second(s.System().CreateGroup(ctx, groupkit.NewGroup{
		ID: throng, Name: "x", Public: true, MembersOnly: true, MaxUsers: 5000, Owner: "alice",
	})))
	require.NoError(t, second(s.System().AddMembers(ctx, throng, several("m", n+1))))
	require.NoError(t, second(s.As("alice").MuteUsers(ctx, throng, time.Minute, several("m", n))))
	require.NoError(t, second(s.As("alice").Mute(ctx, throng, time.Hour, several("m", n+1)[n])))
	require.NoError(t, second(s.As("alice").BlockUsers(ctx, throng, time.Minute, several("b", n))))
	require.NoError(t, second(s.As("alice").InviteUsers(ctx, throng, several("i", n))))
	for _, user := range several("r", n) {
		require.NoError(t, second(s.As(user).Join(ctx, throng)))
	}
	return s
}

// TestEngine_Sweep_Everything sweeps more than one transaction may take: all of it goes,
// with its events by the system, and what has not expired stays.
func TestEngine_Sweep_Everything(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	most := new(measured)
	s := expiringSite(t, func(s store.Store, b store.Blobs) (store.Store, store.Blobs) {
		most.Store = s
		return most, b
	}, 300)
	n, err := s.Sweep(ctx)
	require.NoError(t, err)
	require.Zero(t, n, "nothing has expired")
	before := s.dump(t)
	s.clock.Advance(time.Minute - time.Millisecond)
	require.NoError(t, second(s.Sweep(ctx)))
	require.Equal(t, before, s.dump(t), "not yet")
	s.clock.Advance(time.Millisecond)
	most.n = 0
	n, err = s.Sweep(ctx)
	require.NoError(t, err)
	require.Equal(t, 1200, n)
	require.LessOrEqual(t, most.n, 256*6, "writes in one transaction")
	require.Len(t, s.keys(t, key.Expiries()), 1, "the mute of an hour")
	requireSwept(t, s, 300)
	n, err = s.Sweep(ctx)
	require.NoError(t, err)
	require.Zero(t, n)
	s.clean(t)
}

// requireSwept checks the events of a sweep.
func requireSwept(t *testing.T, s *site, each int) {
	cleared := make(map[groupkit.EventKind]map[groupkit.UserID]bool)
	for _, e := range every(t, s.System().Events(t.Context(), throng, 0)) {
		switch e.Kind {
		case groupkit.MuteExpired, groupkit.BlockExpired, groupkit.RequestExpired, groupkit.InvitationExpired:
			require.Empty(t, e.Actor)
			require.Empty(t, e.Reason)
			require.Equal(t, s.clock.Now(), e.At)
			for _, user := range e.Users {
				if cleared[e.Kind] == nil {
					cleared[e.Kind] = make(map[groupkit.UserID]bool)
				}
				require.False(t, cleared[e.Kind][user], "%v of %s twice", e.Kind, user)
				cleared[e.Kind][user] = true
			}
		}
	}
	require.Len(t, cleared, 4)
	for kind, users := range cleared {
		require.Len(t, users, each, kind)
	}
}

// A measured store knows the largest number of writes in one transaction.
type measured struct {
	store.Store
	n int
}

func (s *measured) Exclusive() bool { return true }

func (s *measured) Update(ctx context.Context, fn func(store.Writer) error) error {
	n := 0
	err := s.Store.Update(ctx, func(w store.Writer) error { return fn(counting{w, &n}) })
	s.n = max(s.n, n)
	return err
}

// TestEngine_Sweep_CutOff ends the context between two transactions, and sweeps again.
func TestEngine_Sweep_CutOff(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cut := &cutStore{cancel: cancel}
	s := expiringSite(t, func(s store.Store, b store.Blobs) (store.Store, store.Blobs) {
		cut.Store = s
		return cut, b
	}, 300)
	s.clock.Advance(time.Minute)
	cut.left = 2
	n, err := s.Sweep(ctx)
	require.ErrorIs(t, err, context.Canceled)
	requireError(t, err, groupkit.OpSweep, "")
	require.Positive(t, n)
	again, err := s.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1200, n+again)
	s.clean(t)
}

// A cutStore ends a context after so many Updates.
type cutStore struct {
	store.Store
	left   int
	cancel func()
}

func (s *cutStore) Exclusive() bool { return true }

func (s *cutStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	err := s.Store.Update(ctx, fn)
	if s.left--; s.left == 0 {
		s.cancel()
	}
	return err
}

// TestEngine_Sweep_DeletedGroup has things that expire in a group that is being deleted:
// the sweep finishes the deletion.
func TestEngine_Sweep_DeletedGroup(t *testing.T) {
	t.Parallel()
	s := expiringSite(t, bare, 100)
	ctx, cancel := context.WithCancel(t.Context())
	cancelling := &cutStore{Store: s.raw, left: 1, cancel: cancel}
	opening := newQuiet(s.blobs)
	s.open(t, groupkit.Options{}, keptStore{cancelling}, keptBlobs{opening})
	opening.wait(t)
	require.ErrorIs(t, s.System().DeleteGroup(ctx, throng), context.Canceled)
	require.NotEmpty(t, s.keys(t, key.Deletions()))
	s.clock.Advance(time.Minute)
	n, err := s.Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, n)
	requireBuried(t, s.dump(t), throng)
	s.clean(t)
}

// TestActor_IfVersion changes a group only as it was seen.
func TestActor_IfVersion(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	ctx := t.Context()
	v := s.version(t, guild)
	before := s.everything(t)
	for name, call := range map[string]func(a groupkit.Actor) error{
		"update": func(a groupkit.Actor) error {
			return second(a.UpdateGroup(ctx, guild, groupkit.GroupUpdate{Name: new("x")}))
		},
		"delete":       func(a groupkit.Actor) error { return a.DeleteGroup(ctx, guild) },
		"announcement": func(a groupkit.Actor) error { return a.SetAnnouncement(ctx, guild, "x") },
		"upload":       func(a groupkit.Actor) error { return second(a.UploadFile(ctx, guild, "x", strings.NewReader("x"))) },
		"delete file":  func(a groupkit.Actor) error { return a.DeleteFile(ctx, guild, s.chart.ID) },
		"remove":       func(a groupkit.Actor) error { return a.RemoveMember(ctx, guild, "carol") },
		"mute":         func(a groupkit.Actor) error { return second(a.Mute(ctx, guild, 1, "carol")) },
		"block many":   func(a groupkit.Actor) error { return second(a.BlockUsers(ctx, guild, 1, ids{"carol"})) },
		"invite":       func(a groupkit.Actor) error { return second(a.Invite(ctx, guild, "x")) },
		"approve":      func(a groupkit.Actor) error { return a.ApproveRequest(ctx, guild, "frank") },
		"transfer":     func(a groupkit.Actor) error { return a.TransferGroup(ctx, guild, "bob") },
		"mute group":   func(a groupkit.Actor) error { return a.UnmuteGroup(ctx, guild) },
		"allow":        func(a groupkit.Actor) error { return a.Allow(ctx, guild, "carol") },
		"leave":        func(a groupkit.Actor) error { return a.Leave(ctx, guild) },
	} {
		for _, wrong := range []uint64{0, v - 1, v + 1, 1 << 63} {
			err := call(s.As("alice").IfVersion(wrong))
			require.ErrorIs(t, err, groupkit.ErrVersion, name)
			require.ErrorContains(t, err, fmt.Sprintf("version is %d, not %d", v, wrong), name)
		}
	}
	require.Equal(t, before, s.everything(t))
	require.NoError(t, s.As("alice").IfVersion(v).SetAnnouncement(ctx, guild, "x"))
	require.ErrorIs(t, s.As("alice").IfVersion(v).SetAnnouncement(ctx, guild, "y"), groupkit.ErrVersion)
	require.NoError(t, second(s.System().IfVersion(0).CreateGroup(ctx, groupkit.NewGroup{ID: "new", Name: "x", Owner: "x"})), "a group that is not there is at version 0")
	require.ErrorIs(t, second(s.System().IfVersion(1).CreateGroup(ctx, groupkit.NewGroup{ID: "newer", Name: "x", Owner: "x"})), groupkit.ErrVersion)
	plain := s.As("alice")
	require.ErrorIs(t, plain.IfVersion(1).MuteGroup(ctx, guild), groupkit.ErrVersion)
	require.NoError(t, plain.UnmuteGroup(ctx, guild), "the actor that was copied is as it was")
}

// TestActor_Because gives reasons, of every length.
func TestActor_Because(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	ctx := t.Context()
	longest := strings.Repeat("理", 512)
	require.NoError(t, second(s.As("bob").Because(longest).MuteUsers(ctx, guild, time.Hour, ids{"carol", "dave"})))
	last := lastEvent(t, s, guild)
	require.Equal(t, longest, last.Reason)
	for _, m := range every(t, s.As("bob").Mutes(ctx, guild)) {
		if m.User == "carol" || m.User == "dave" {
			require.Equal(t, longest, m.Reason)
		}
	}
	before := s.everything(t)
	for _, reason := range []string{longest + "x", "\xff", strings.Repeat("x", 1<<20)} {
		err := s.As("bob").Because(reason).SetAnnouncement(ctx, guild, "x")
		require.ErrorIs(t, err, groupkit.ErrInvalid)
		require.ErrorContains(t, err, "reason")
		require.ErrorIs(t, second(s.As("bob").Because(reason).Group(ctx, guild)), groupkit.ErrInvalid)
	}
	require.Equal(t, before, s.everything(t))
	require.NoError(t, s.As("alice").Because("x").Because("").SetAnnouncement(ctx, guild, "y"))
	require.Empty(t, lastEvent(t, s, guild).Reason)
}
