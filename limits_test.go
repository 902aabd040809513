package groupkit_test

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// requireLimit is about a refusal, and the number in it.
func requireLimit(t *testing.T, err, is error, limit int64) {
	t.Helper()
	require.ErrorIs(t, err, is)
	require.ErrorIs(t, err, groupkit.ErrLimit)
	l, ok := errors.AsType[*groupkit.LimitError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, limit, l.Max)
}

func fill(t *testing.T, eng *groupkit.Engine, g groupkit.GroupID, users []groupkit.UserID) {
	t.Helper()
	for len(users) > 0 {
		n := min(60, len(users))
		results, err := eng.System().AddMembers(t.Context(), g, users[:n])
		require.NoError(t, err)
		for _, r := range results {
			require.NoError(t, r.Err)
		}
		users = users[n:]
	}
}

func TestLimits_JoinedGroups(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	ctx := t.Context()
	for i := range 250 { // half of them owned, half joined
		grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "carol"})
		g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: grouptest.Users("user", 251)[i]})
		if i < 249 {
			require.NoError(t, eng.System().AddMember(ctx, g, "carol"))
		}
	}
	open := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "dave", Public: true})
	one := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Owner: "dave", Members: []groupkit.UserID{"carol"}}) // the 500th
	requireLimit(t, eng.System().AddMember(ctx, open, "carol"), groupkit.ErrTooManyJoined, 500)
	requireLimit(t, grouptest.ErrorOf(eng.As("carol").Join(ctx, open)), groupkit.ErrTooManyJoined, 500)
	_, err := eng.As("carol").CreateGroup(ctx, groupkit.NewGroup{Name: "mine"})
	requireLimit(t, err, groupkit.ErrTooManyJoined, 500)
	_, err = eng.System().CreateGroup(ctx, groupkit.NewGroup{Name: "x", Owner: "erin", Members: []groupkit.UserID{"carol"}})
	requireLimit(t, err, groupkit.ErrTooManyJoined, 500)
	joined, err := grouptest.Collect(eng.System().JoinedGroups(ctx, "carol"))
	require.NoError(t, err)
	require.Len(t, joined, 500)
	require.NoError(t, eng.System().DeleteGroup(ctx, one))
	require.NoError(t, eng.System().AddMember(ctx, open, "carol"), "there is room again")
	grouptest.RequireVerified(t, eng)
}

func TestLimits_Admins(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{})
	users := grouptest.Users("user", 100)
	fill(t, eng, g, users)
	for _, u := range users[:99] {
		require.NoError(t, eng.As("alice").AddAdmin(t.Context(), g, u))
	}
	requireLimit(t, eng.As("alice").AddAdmin(t.Context(), g, users[99]), groupkit.ErrTooManyAdmins, 100)
	requireLimit(t, eng.System().AddAdmin(t.Context(), g, users[99]), groupkit.ErrTooManyAdmins, 100)
	got, err := eng.System().Group(t.Context(), g)
	require.NoError(t, err)
	require.Equal(t, 99, got.AdminCount)
	require.NoError(t, eng.As("alice").TransferGroup(t.Context(), g, users[0]), "an admin who becomes the owner makes room for one")
	require.NoError(t, eng.System().AddAdmin(t.Context(), g, users[99]))
	requireLimit(t, eng.System().AddAdmin(t.Context(), g, "alice"), groupkit.ErrTooManyAdmins, 100)
	grouptest.RequireVerified(t, eng)
}

func TestLimits_MaxUsers(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	ctx, users := t.Context(), grouptest.Users("user", 201)
	g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Public: true})
	fill(t, eng, g, users[:199]) // alice is the 200th
	requireLimit(t, eng.System().AddMember(ctx, g, users[199]), groupkit.ErrGroupFull, 200)
	requireLimit(t, grouptest.ErrorOf(eng.As(users[199]).Join(ctx, g)), groupkit.ErrGroupFull, 200)
	_, err := eng.As("alice").UpdateGroup(ctx, g, groupkit.GroupUpdate{MaxUsers: new(199)})
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	_, err = eng.As("alice").UpdateGroup(ctx, g, groupkit.GroupUpdate{MaxUsers: new(10_001)})
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	_, err = eng.As("alice").UpdateGroup(ctx, g, groupkit.GroupUpdate{MaxUsers: new(10_000)})
	require.NoError(t, err)
	require.NoError(t, eng.System().AddMember(ctx, g, users[199]))
	_, err = eng.System().CreateGroup(ctx, groupkit.NewGroup{Name: "x", Owner: "alice", MaxUsers: 10_001})
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	grouptest.RequireVerified(t, eng)
}

func TestLimits_MaxUsersAtCreation(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	_, err := eng.System().CreateGroup(t.Context(), groupkit.NewGroup{Name: "x", Owner: "alice", MaxUsers: 3, Members: grouptest.Users("user", 3)})
	requireLimit(t, err, groupkit.ErrGroupFull, 3)
	g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{MaxUsers: 3, Members: grouptest.Users("user", 2)})
	requireLimit(t, eng.System().AddMember(t.Context(), g, "bob"), groupkit.ErrGroupFull, 3)
	lone := grouptest.CreateGroup(t, eng, groupkit.NewGroup{MaxUsers: 1})
	requireLimit(t, eng.System().AddMember(t.Context(), lone, "bob"), groupkit.ErrGroupFull, 1)
}

func TestLimits_NewMembers(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	_, err := eng.System().CreateGroup(t.Context(), groupkit.NewGroup{Name: "x", Owner: "alice", Members: grouptest.Users("user", 101)})
	requireLimit(t, err, groupkit.ErrBatchTooLarge, 100)
	g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: append(grouptest.Users("user", 100), "alice")})
	got, err := eng.System().Group(t.Context(), g)
	require.NoError(t, err)
	require.Equal(t, 101, got.MemberCount)
}

// An ID that is too long is one member, however often it is named.
func TestLimits_NewMembersLongIDs(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{Limits: groupkit.Limits{NewMembers: 1}})
	long := groupkit.UserID(strings.Repeat("x", 256))
	for _, group := range []groupkit.NewGroup{
		{Name: "x", Owner: "alice", Members: []groupkit.UserID{long, long}},
		{Name: "x", Owner: long, Members: []groupkit.UserID{long, "bob"}},
	} {
		_, err := eng.System().CreateGroup(t.Context(), group)
		require.ErrorIs(t, err, groupkit.ErrInvalid)
		require.NotErrorIs(t, err, groupkit.ErrBatchTooLarge)
	}
}

func TestLimits_Batch(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	g, users := grouptest.CreateGroup(t, eng, groupkit.NewGroup{}), grouptest.Users("user", 61)
	ctx, system := t.Context(), eng.System()
	fill(t, eng, g, users)
	for verb, batch := range map[string]func([]groupkit.UserID) (groupkit.Results, error){
		"RemoveMembers":     func(u []groupkit.UserID) (groupkit.Results, error) { return system.RemoveMembers(ctx, g, u) },
		"AddMembers":        func(u []groupkit.UserID) (groupkit.Results, error) { return system.AddMembers(ctx, g, u) },
		"MuteUsers":         func(u []groupkit.UserID) (groupkit.Results, error) { return system.MuteUsers(ctx, g, time.Hour, u) },
		"UnmuteUsers":       func(u []groupkit.UserID) (groupkit.Results, error) { return system.UnmuteUsers(ctx, g, u) },
		"AllowUsers":        func(u []groupkit.UserID) (groupkit.Results, error) { return system.AllowUsers(ctx, g, u) },
		"DisallowUsers":     func(u []groupkit.UserID) (groupkit.Results, error) { return system.DisallowUsers(ctx, g, u) },
		"BlockUsers":        func(u []groupkit.UserID) (groupkit.Results, error) { return system.BlockUsers(ctx, g, time.Hour, u) },
		"UnblockUsers":      func(u []groupkit.UserID) (groupkit.Results, error) { return system.UnblockUsers(ctx, g, u) },
		"InviteUsers":       func(u []groupkit.UserID) (groupkit.Results, error) { return system.InviteUsers(ctx, g, u) },
		"ApproveRequests":   func(u []groupkit.UserID) (groupkit.Results, error) { return system.ApproveRequests(ctx, g, u) },
		"DeclineRequests":   func(u []groupkit.UserID) (groupkit.Results, error) { return system.DeclineRequests(ctx, g, u) },
		"CancelInvitations": func(u []groupkit.UserID) (groupkit.Results, error) { return system.CancelInvitations(ctx, g, u) },
	} {
		results, err := batch(users)
		requireLimit(t, err, groupkit.ErrBatchTooLarge, 60)
		require.Empty(t, results, verb)
		results, err = batch(nil)
		require.ErrorIs(t, err, groupkit.ErrInvalid, verb)
		require.Empty(t, results, verb)
		results, _ = batch(users[:60])
		require.Len(t, results, 60, verb)
	}
	grouptest.RequireVerified(t, eng)
}

func TestLimits_Texts(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	g, alice := grouptest.CreateGroup(t, eng, groupkit.NewGroup{}), eng.As("alice")
	for field, edge := range map[string]struct {
		most int
		set  func(string) error
	}{
		"announcement": {512, func(s string) error { return alice.SetAnnouncement(t.Context(), g, s) }},
		"name":         {128, func(s string) error { return update(t, alice, g, groupkit.GroupUpdate{Name: &s}) }},
		"description":  {512, func(s string) error { return update(t, alice, g, groupkit.GroupUpdate{Description: &s}) }},
		"avatar":       {1024, func(s string) error { return update(t, alice, g, groupkit.GroupUpdate{Avatar: &s}) }},
		"reason":       {512, func(s string) error { return alice.Because(s).MuteGroup(t.Context(), g) }},
	} {
		require.NoError(t, edge.set(strings.Repeat("😀", edge.most)), "four bytes each: "+field)
		require.NoError(t, edge.set(strings.Repeat("語", edge.most)), field)
		require.ErrorIs(t, edge.set(strings.Repeat("語", edge.most+1)), groupkit.ErrInvalid, field)
		require.ErrorIs(t, edge.set("\xff"), groupkit.ErrInvalid, field)
	}
	require.NoError(t, update(t, alice, g, groupkit.GroupUpdate{Custom: new(strings.Repeat("x", 8192))}))
	require.ErrorIs(t, update(t, alice, g, groupkit.GroupUpdate{Custom: new(strings.Repeat("x", 8193))}), groupkit.ErrInvalid)
	text, err := alice.Announcement(t.Context(), g)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("語", 512), text.Text)
}

func update(t *testing.T, a groupkit.Actor, g groupkit.GroupID, u groupkit.GroupUpdate) error {
	return grouptest.ErrorOf(a.UpdateGroup(t.Context(), g, u))
}

// zeros is a content of so many bytes.
func zeros(n int64) io.Reader { return io.LimitReader(zeroReader{}, n) }

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestLimits_FileSize(t *testing.T) {
	t.Parallel()
	blobs := memblob.New()
	eng, err := groupkit.New(memstore.New(), blobs, nil)
	require.NoError(t, err)
	t.Cleanup(func() { eng.Close() })
	ctx, g := t.Context(), grouptest.CreateGroup(t, eng, groupkit.NewGroup{})

	_, err = eng.As("alice").UploadFile(ctx, g, "large", zeros(10<<20+1))
	requireLimit(t, err, groupkit.ErrFileTooLarge, 10<<20)
	broken := errors.New("the line went dead")
	_, err = eng.As("alice").UploadFile(ctx, g, "broken", io.MultiReader(zeros(5<<20), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
	require.Empty(t, grouptest.ContentIDs(t, blobs), "nothing is left behind")

	f, err := eng.As("alice").UploadFile(ctx, g, "just so", zeros(10<<20))
	require.NoError(t, err)
	require.EqualValues(t, 10<<20, f.Size)
	_, r, err := eng.As("alice").OpenFile(ctx, g, f.ID)
	require.NoError(t, err)
	n, err := io.Copy(io.Discard, r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, f.Size, n)
	files, err := grouptest.Collect(eng.As("alice").Files(ctx, g))
	require.NoError(t, err)
	require.Equal(t, []groupkit.File{f}, files)
	grouptest.RequireVerified(t, eng)
}

func TestLimits_Mute(t *testing.T) {
	t.Parallel()
	eng, clock := grouptest.Setup(t, groupkit.Options{})
	g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: []groupkit.UserID{"bob"}})
	last := time.UnixMilli(4638873600000).UTC()
	now := clock.Instant()
	for d, want := range map[time.Duration]time.Time{
		groupkit.Forever:                       last,
		math.MaxInt64:                          last,
		last.Sub(now) + 1:                      last,
		last.Sub(now):                          last,
		last.Sub(now) - time.Millisecond:       last.Add(-time.Millisecond),
		time.Nanosecond:                        now.Add(time.Millisecond),
		time.Millisecond:                       now.Add(time.Millisecond),
		time.Millisecond + 1:                   now.Add(2 * time.Millisecond),
		2*time.Millisecond - time.Microsecond:  now.Add(2 * time.Millisecond),
		2 * time.Hour:                          now.Add(2 * time.Hour),
		2*time.Hour + 999*time.Microsecond + 1: now.Add(2*time.Hour + time.Millisecond),
	} {
		until, err := eng.As("alice").Mute(t.Context(), g, d, "bob")
		require.NoError(t, err)
		require.Equal(t, want, until, "a mute of %d ns", d)
		muted, ok := errors.AsType[*groupkit.MutedError](eng.As("bob").MaySpeak(t.Context(), g))
		require.True(t, ok)
		require.Equal(t, want, muted.Until)
	}
	for _, d := range []time.Duration{0, -2, -time.Hour, math.MinInt64} {
		_, err := eng.As("alice").Mute(t.Context(), g, d, "bob")
		require.ErrorIs(t, err, groupkit.ErrInvalid, "a mute of %d ns", d)
	}
	grouptest.RequireVerified(t, eng)
}

func TestLimits_MuteEndsOnTheMillisecond(t *testing.T) {
	t.Parallel()
	eng, clock := grouptest.Setup(t, groupkit.Options{})
	g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: []groupkit.UserID{"bob"}})
	_, err := eng.As("alice").Mute(t.Context(), g, time.Minute, "bob")
	require.NoError(t, err)
	clock.Advance(time.Minute - time.Millisecond)
	require.ErrorIs(t, eng.As("bob").MaySpeak(t.Context(), g), groupkit.ErrMuted)
	clock.Advance(time.Millisecond)
	require.NoError(t, eng.As("bob").MaySpeak(t.Context(), g))
}

func TestLimits_Groups(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{Limits: groupkit.Limits{Groups: 2}})
	first := grouptest.CreateGroup(t, eng, groupkit.NewGroup{})
	grouptest.CreateGroup(t, eng, groupkit.NewGroup{})
	_, err := eng.As("bob").CreateGroup(t.Context(), groupkit.NewGroup{Name: "third"})
	requireLimit(t, err, groupkit.ErrTooManyGroups, 2)
	require.NoError(t, eng.System().DeleteGroup(t.Context(), first))
	require.NoError(t, grouptest.ErrorOf(eng.As("bob").CreateGroup(t.Context(), groupkit.NewGroup{Name: "third"})))
	requireLimit(t, grouptest.ErrorOf(eng.As("bob").CreateGroup(t.Context(), groupkit.NewGroup{Name: "fourth"})), groupkit.ErrTooManyGroups, 2)
	grouptest.RequireVerified(t, eng)
}

func TestLimits_Files(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{Limits: groupkit.Limits{Files: 2, FilesPage: 1}})
	g, alice := grouptest.CreateGroup(t, eng, groupkit.NewGroup{}), eng.As("alice")
	upload := func() (groupkit.File, error) { return alice.UploadFile(t.Context(), g, "note", zeros(1)) }
	first, err := upload()
	require.NoError(t, err)
	require.NoError(t, grouptest.ErrorOf(upload()))
	requireLimit(t, grouptest.ErrorOf(upload()), groupkit.ErrTooManyFiles, 2)
	page, err := alice.FilesPage(t.Context(), g, groupkit.Page{Size: 2})
	require.NoError(t, err)
	require.Len(t, page, 1, "more is clamped")
	require.NoError(t, alice.DeleteFile(t.Context(), g, first.ID))
	require.NoError(t, grouptest.ErrorOf(upload()))
}
