package groupkit_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

func TestLimits_Details(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	var ids []groupkit.GroupID
	for range 101 {
		ids = append(ids, grouptest.CreateGroup(t, eng, groupkit.NewGroup{}))
	}
	found, missing, err := eng.As("alice").GroupDetails(t.Context(), ids[:100])
	require.NoError(t, err)
	require.Len(t, found, 100)
	require.Empty(t, missing)
	_, _, err = eng.As("alice").GroupDetails(t.Context(), ids)
	requireLimit(t, err, groupkit.ErrBatchTooLarge, 100)
}

func TestLimits_Pages(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{MaxUsers: 1002})
	fill(t, eng, g, grouptest.Users("user", 1001)) // and alice
	for p, want := range map[groupkit.Page]int{
		{}:                                       10,
		{Number: 1, Size: 1000}:                  1000,
		{Number: 1, Size: 1001}:                  1000,
		{Number: 1, Size: math.MaxInt}:           1000,
		{Number: 2, Size: math.MaxInt}:           2,
		{Number: 3, Size: math.MaxInt}:           0,
		{Number: math.MaxInt, Size: math.MaxInt}: 0,
		{Number: math.MaxInt}:                    0,
		{Number: 101}:                            2,
	} {
		page, err := eng.As("alice").MembersPage(t.Context(), g, p)
		require.NoError(t, err)
		require.Len(t, page, want, "%+v", p)
	}
	for _, p := range []groupkit.Page{{Number: -1}, {Size: -1}, {Number: math.MinInt, Size: math.MinInt}} {
		_, err := eng.As("alice").MembersPage(t.Context(), g, p)
		require.ErrorIs(t, err, groupkit.ErrInvalid, "%+v", p)
	}
}

func TestLimits_GroupsPage(t *testing.T) {
	t.Parallel()
	eng, clock := grouptest.Setup(t, groupkit.Options{Limits: groupkit.Limits{JoinedGroups: 2000}})
	for range 1001 {
		grouptest.CreateGroup(t, eng, groupkit.NewGroup{Public: true})
		clock.Advance(time.Millisecond)
	}
	for limit, want := range map[int]int{0: 10, 1: 1, 1000: 1000, 1001: 1000, math.MaxInt: 1000} {
		page, next, err := eng.As("bob").GroupsPage(t.Context(), limit, "")
		require.NoError(t, err)
		require.Len(t, page, want)
		require.NotEmpty(t, next)
	}
	_, _, err := eng.As("bob").GroupsPage(t.Context(), -1, "")
	require.ErrorIs(t, err, groupkit.ErrInvalid)
}

func TestLimits_Pending(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Public: true, MembersOnly: true})
	users := grouptest.Users("user", 1002)
	for _, u := range users[:500] {
		require.NoError(t, grouptest.ErrorOf(eng.As(u).Join(t.Context(), g)))
		require.NoError(t, grouptest.ErrorOf(eng.As("alice").Invite(t.Context(), g, "invited-"+u)))
	}
	requireLimit(t, grouptest.ErrorOf(eng.As(users[500]).Join(t.Context(), g)), groupkit.ErrTooManyRequests, 500)
	requireLimit(t, grouptest.ErrorOf(eng.As("alice").Invite(t.Context(), g, users[501])), groupkit.ErrTooManyInvitations, 500)
	require.NoError(t, eng.As("alice").DeclineRequest(t.Context(), g, users[0]))
	require.NoError(t, grouptest.ErrorOf(eng.As(users[500]).Join(t.Context(), g)))
	grouptest.RequireVerified(t, eng)
}

func TestLimits_Blacklist(t *testing.T) {
	t.Parallel()
	eng, clock := grouptest.Setup(t, groupkit.Options{BlockOutsiders: true, Limits: groupkit.Limits{ListSize: 3}})
	g, alice := grouptest.CreateGroup(t, eng, groupkit.NewGroup{}), eng.As("alice")
	block := func(d time.Duration, u groupkit.UserID) error {
		return grouptest.ErrorOf(alice.Block(t.Context(), g, d, u))
	}
	require.NoError(t, block(groupkit.Forever, "bob"))
	require.NoError(t, block(time.Minute, "carol"))
	require.NoError(t, block(groupkit.Forever, "dave"))
	requireLimit(t, block(groupkit.Forever, "erin"), groupkit.ErrListFull, 3)
	clock.Advance(time.Minute)
	require.NoError(t, block(groupkit.Forever, "erin"), "what has expired takes no room")
	requireLimit(t, block(groupkit.Forever, "carol"), groupkit.ErrListFull, 3)
	require.NoError(t, alice.Unblock(t.Context(), g, "bob"))
	require.NoError(t, block(groupkit.Forever, "carol"))
	grouptest.RequireVerified(t, eng)
}

func TestLimits_MuteList(t *testing.T) {
	t.Parallel()
	eng, clock := grouptest.Setup(t, groupkit.Options{Limits: groupkit.Limits{ListSize: 3}})
	g, system := grouptest.CreateGroup(t, eng, groupkit.NewGroup{}), eng.System()
	mute := func(d time.Duration, u groupkit.UserID) error { // a member for as long as it takes
		require.NoError(t, system.AddMember(t.Context(), g, u))
		err := grouptest.ErrorOf(system.Mute(t.Context(), g, d, u))
		require.NoError(t, system.RemoveMember(t.Context(), g, u))
		return err
	}
	require.NoError(t, mute(groupkit.Forever, "bob"))
	require.NoError(t, mute(time.Minute, "carol"))
	require.NoError(t, mute(groupkit.Forever, "dave"))
	requireLimit(t, mute(groupkit.Forever, "erin"), groupkit.ErrListFull, 3)
	require.NoError(t, mute(time.Hour, "dave"), "who is on the list can be muted again")
	clock.Advance(time.Minute)
	require.NoError(t, mute(groupkit.Forever, "erin"), "what has expired takes no room")
	requireLimit(t, mute(groupkit.Forever, "carol"), groupkit.ErrListFull, 3)
	grouptest.RequireVerified(t, eng)
}

func TestLimits_AllowList(t *testing.T) {
	t.Parallel()
	s, blobs := memstore.New(), memblob.New()
	open := func(size int) *groupkit.Engine {
		eng, err := groupkit.New(grouptest.KeptStore{Store: s}, grouptest.KeptBlobs{Blobs: blobs}, &groupkit.Options{Limits: groupkit.Limits{ListSize: size}})
		require.NoError(t, err)
		return eng
	}
	eng := open(5)
	g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{MaxUsers: 5, Members: grouptest.Users("user", 4)})
	require.NoError(t, grouptest.ErrorOf(eng.System().AllowUsers(t.Context(), g, grouptest.Users("user", 3))))
	require.NoError(t, eng.Close())

	eng = open(2) // what is over it already stays
	allowed, err := grouptest.Collect(eng.System().AllowList(t.Context(), g))
	require.NoError(t, err)
	require.Len(t, allowed, 3)
	requireLimit(t, eng.System().Allow(t.Context(), g, "alice"), groupkit.ErrListFull, 2)
	requireLimit(t, eng.System().AddMember(t.Context(), g, "bob"), groupkit.ErrGroupFull, 5)
	require.NoError(t, eng.System().Disallow(t.Context(), g, grouptest.Users("user", 1)[0]))
	grouptest.RequireVerified(t, eng)
	require.NoError(t, eng.Close())
}
