package groupkit_test

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// A roll is a list of a group by the names of its entries: as an iterator, and page by page.
type roll struct {
	name string
	all  func(ctx context.Context, a groupkit.Actor, g groupkit.GroupID) ([]string, error)
	page func(ctx context.Context, a groupkit.Actor, g groupkit.GroupID, p groupkit.Page) ([]string, error)
}

func rollOf[T any](
	name string, label func(T) string,
	all func(groupkit.Actor, context.Context, groupkit.GroupID) iter.Seq2[T, error],
	page func(groupkit.Actor, context.Context, groupkit.GroupID, groupkit.Page) ([]T, error),
) roll {
	names := func(list []T, err error) ([]string, error) {
		out := []string{}
		for _, one := range list {
			out = append(out, label(one))
		}
		return out, err
	}
	return roll{
		name,
		func(ctx context.Context, a groupkit.Actor, g groupkit.GroupID) ([]string, error) {
			return names(grouptest.Collect(all(a, ctx, g)))
		},
		func(ctx context.Context, a groupkit.Actor, g groupkit.GroupID, p groupkit.Page) ([]string, error) {
			return names(page(a, ctx, g, p))
		},
	}
}

var rolls = []roll{
	rollOf("members", func(m groupkit.Member) string { return string(m.User) }, groupkit.Actor.Members, groupkit.Actor.MembersPage),
	rollOf("admins", func(m groupkit.Member) string { return string(m.User) }, groupkit.Actor.Admins, groupkit.Actor.AdminsPage),
	rollOf("blacklist", func(b groupkit.Block) string { return string(b.User) }, groupkit.Actor.Blacklist, groupkit.Actor.BlacklistPage),
	rollOf("mutes", func(m groupkit.Mute) string { return string(m.User) }, groupkit.Actor.Mutes, groupkit.Actor.MutesPage),
	rollOf("allow list", func(a groupkit.Allowed) string { return string(a.User) }, groupkit.Actor.AllowList, groupkit.Actor.AllowListPage),
	rollOf("requests", func(r groupkit.Request) string { return string(r.User) }, groupkit.Actor.Requests, groupkit.Actor.RequestsPage),
	rollOf("invitations", func(i groupkit.Invitation) string { return string(i.User) }, groupkit.Actor.Invitations, groupkit.Actor.InvitationsPage),
	rollOf("files", func(f groupkit.File) string { return f.Name }, groupkit.Actor.Files, groupkit.Actor.FilesPage),
}

// TestLists_PagesAndIteratorsAgree has lists that are longer than what is read in one
// transaction, and in which much has expired.
func TestLists_PagesAndIteratorsAgree(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := grouptest.NewStack(t, groupkit.Options{
		BlockOutsiders: true, RequestTTL: 2 * time.Hour, InvitationTTL: 2 * time.Hour,
		Limits: groupkit.Limits{Batch: 1000, Admins: 400, Requests: 1000, Invitations: 1000},
	})
	grouptest.NewLargeGroup(t, s, 700)
	sys, all := s.System(), grouptest.Users("m", 700)
	for i, user := range all[:300] {
		require.NoError(t, grouptest.ErrorOf(sys.Mute(ctx, grouptest.LargeGroup, time.Duration(1+i%3)*time.Hour, user)))
		require.NoError(t, grouptest.ErrorOf(sys.Invite(ctx, grouptest.LargeGroup, "late-"+user)))
		if i > 0 {
			require.NoError(t, sys.AddAdmin(ctx, grouptest.LargeGroup, user))
		}
	}
	s.Clock.Advance(time.Hour) // a third of the mutes, and all blocks, end
	require.NoError(t, grouptest.ErrorOf(sys.BlockUsers(ctx, grouptest.LargeGroup, time.Hour, grouptest.Users("late", 270))))
	for _, user := range grouptest.Users("late-asking", 10) {
		require.NoError(t, grouptest.ErrorOf(s.As(user).Join(ctx, grouptest.LargeGroup)))
	}
	for _, l := range rolls {
		want, err := l.all(ctx, sys, grouptest.LargeGroup)
		require.NoError(t, err)
		require.True(t, slices.IsSorted(want) || l.name == "files", l.name)
		for _, size := range []int{1, 3, 256, 1000} {
			requirePages(t, l, sys, want, size)
		}
	}
	lengths := map[string]int{"members": 701, "admins": 300, "blacklist": 270, "mutes": 200, "allow list": 10, "requests": 20, "invitations": 310, "files": 3}
	for _, l := range rolls {
		got, err := l.all(ctx, sys, grouptest.LargeGroup)
		require.NoError(t, err)
		require.Len(t, got, lengths[l.name], l.name)
	}
}

// requirePages reads a few pages at the beginning, all over, and behind the end.
func requirePages(t *testing.T, l roll, a groupkit.Actor, want []string, size int) {
	last := len(want)/size + 1
	for _, n := range []int{1, 2, 3, last / 2, last - 1, last, last + 1} {
		got, err := l.page(t.Context(), a, grouptest.LargeGroup, groupkit.Page{Number: max(n, 1), Size: size})
		require.NoError(t, err)
		from := min((max(n, 1)-1)*size, len(want))
		require.Equal(t, want[from:min(from+size, len(want))], got, "%s: page %d of size %d", l.name, n, size)
	}
}

// TestLists_HugePages asks for pages that no list has.
func TestLists_HugePages(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	for _, l := range rolls {
		all, err := l.all(t.Context(), s.System(), grouptest.Guild)
		require.NoError(t, err)
		require.NotEmpty(t, all, l.name)
		for _, p := range []groupkit.Page{{Number: math.MaxInt}, {Number: math.MaxInt, Size: math.MaxInt}, {Number: math.MaxInt / 1000, Size: 1000}, {Number: 2, Size: math.MaxInt}} {
			got, err := l.page(t.Context(), s.System(), grouptest.Guild, p)
			require.NoError(t, err)
			require.Empty(t, got, "%s %v", l.name, p)
		}
		for _, p := range []groupkit.Page{{}, {Size: math.MaxInt}, {Number: 1, Size: 1001}} {
			got, err := l.page(t.Context(), s.System(), grouptest.Guild, p)
			require.NoError(t, err)
			require.Equal(t, all, got, "%s %v", l.name, p)
		}
		for _, p := range []groupkit.Page{{Number: -1}, {Size: -1}, {Number: math.MinInt, Size: 5}} {
			require.ErrorIs(t, grouptest.ErrorOf(l.page(t.Context(), s.System(), grouptest.Guild, p)), groupkit.ErrInvalid, l.name)
		}
	}
	for _, p := range []groupkit.Page{{Number: math.MaxInt}, {Number: math.MaxInt / 1000, Size: 1000}} {
		got, err := s.System().JoinedGroupsPage(t.Context(), "carol", p)
		require.NoError(t, err)
		require.Empty(t, got)
	}
	require.ErrorIs(t, grouptest.ErrorOf(s.System().JoinedGroupsPage(t.Context(), "carol", groupkit.Page{Size: -1})), groupkit.ErrInvalid)
}

// TestLists_StopAndWrite stops in the middle of every iterator, and writes to the group
// while it iterates: no transaction is open then.
func TestLists_StopAndWrite(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	ctx := t.Context()
	for range s.System().Members(ctx, grouptest.Guild) {
		require.NoError(t, s.As("bob").SetAnnouncement(ctx, grouptest.Guild, uuid.NewString()))
		break
	}
	for range s.System().Groups(ctx) {
		require.NoError(t, s.System().AddMember(ctx, grouptest.OpenGroup, "bob"))
		break
	}
	for range s.System().JoinedGroups(ctx, "carol") {
		require.NoError(t, s.As("carol").Leave(ctx, grouptest.Guild))
		break
	}
	for range s.System().Files(ctx, grouptest.Guild) {
		require.NoError(t, s.As("bob").DeleteFile(ctx, grouptest.Guild, s.Rules.ID))
		break
	}
	n := 0
	for _, err := range s.System().Events(ctx, grouptest.Guild, 0) {
		require.NoError(t, err)
		if n++; n == 1 {
			require.NoError(t, s.As("bob").UnmuteGroup(ctx, grouptest.Guild))
		}
	}
	version := int(s.Version(t, grouptest.Guild))
	require.Contains(t, []int{version - 1, version}, n, "what was written in the meantime is there too, or not")
	s.RequireVerified(t)
}

// TestActor_Members_WhileTheyChange removes and adds members while they are listed: who
// is a member throughout is seen once. The right to see them is asked for again.
func TestActor_Members_WhileTheyChange(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := grouptest.NewStack(t, grouptest.LargeGroupOptions())
	grouptest.NewLargeGroup(t, s, 1000)
	seen := make(map[groupkit.UserID]int)
	for m, err := range s.As("alice").Members(ctx, grouptest.LargeGroup) {
		require.NoError(t, err)
		seen[m.User]++
		if n := len(seen); n%100 == 0 {
			require.NoError(t, s.System().RemoveMember(ctx, grouptest.LargeGroup, m.User))
			require.NoError(t, s.System().RemoveMember(ctx, grouptest.LargeGroup, grouptest.Users("m", 1000)[999-n/100]))
			require.NoError(t, s.System().AddMember(ctx, grouptest.LargeGroup, groupkit.UserID(fmt.Sprint("a", n))))
			require.NoError(t, s.System().AddMember(ctx, grouptest.LargeGroup, groupkit.UserID(fmt.Sprint("z", n))))
		}
	}
	for _, m := range grouptest.MustCollect(t, s.System().Members(ctx, grouptest.LargeGroup)) {
		require.LessOrEqual(t, seen[m.User], 1, m.User)
		require.True(t, seen[m.User] == 1 || strings.ContainsAny(string(m.User[:1]), "az"), "%s was there throughout", m.User)
	}
	n := 0
	for _, err := range s.As("m-00500").Members(ctx, grouptest.LargeGroup) {
		if n++; err != nil {
			require.ErrorIs(t, err, groupkit.ErrNotMember)
			break
		}
		if n == 10 {
			require.NoError(t, s.As("m-00500").Leave(ctx, grouptest.LargeGroup))
		}
	}
	require.Less(t, n, 600, "the list goes on for one who has left")
}
