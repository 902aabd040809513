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
	"pgregory.net/rapid"

	"groupkit"
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
			return names(collect(all(a, ctx, g)))
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
	s := newSite(t, groupkit.Options{
		BlockOutsiders: true, RequestTTL: 2 * time.Hour, InvitationTTL: 2 * time.Hour,
		Limits: groupkit.Limits{Batch: 1000, Admins: 400, Requests: 1000, Invitations: 1000},
	})
	newThrong(t, s, 700)
	sys, all := s.System(), several("m", 700)
	for i, user := range all[:300] {
		require.NoError(t, second(sys.Mute(ctx, throng, time.Duration(1+i%3)*time.Hour, user)))
		require.NoError(t, second(sys.Invite(ctx, throng, "late-"+user)))
		if i > 0 {
			require.NoError(t, sys.AddAdmin(ctx, throng, user))
		}
	}
	s.clock.Advance(time.Hour) // a third of the mutes, and all blocks, end
	require.NoError(t, second(sys.BlockUsers(ctx, throng, time.Hour, several("late", 270))))
	for _, user := range several("late-asking", 10) {
		require.NoError(t, second(s.As(user).Join(ctx, throng)))
	}
	for _, l := range rolls {
		want, err := l.all(ctx, sys, throng)
		require.NoError(t, err)
		require.True(t, slices.IsSorted(want) || l.name == "files", l.name)
		for _, size := range []int{1, 3, 256, 1000} {
			requirePages(t, l, sys, want, size)
		}
	}
	lengths := map[string]int{"members": 701, "admins": 300, "blacklist": 270, "mutes": 200, "allow list": 10, "requests": 20, "invitations": 310, "files": 3}
	for _, l := range rolls {
		got, err := l.all(ctx, sys, throng)
		require.NoError(t, err)
		require.Len(t, got, lengths[l.name], l.name)
	}
}

// requirePages reads a few pages at the beginning, all over, and behind the end.
func requirePages(t *testing.T, l roll, a groupkit.Actor, want []string, size int) {
	last := len(want)/size + 1
	for _, n := range []int{1, 2, 3, last / 2, last - 1, last, last + 1} {
		got, err := l.page(t.Context(), a, throng, groupkit.Page{Number: max(n, 1), Size: size})
		require.NoError(t, err)
		from := min((max(n, 1)-1)*size, len(want))
		require.Equal(t, want[from:min(from+size, len(want))], got, "%s: page %d of size %d", l.name, n, size)
	}
}

// TestLists_HugePages asks for pages that no list has.
func TestLists_HugePages(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	for _, l := range rolls {
		all, err := l.all(t.Context(), s.System(), guild)
		require.NoError(t, err)
		require.NotEmpty(t, all, l.name)
		for _, p := range []groupkit.Page{{Number: math.MaxInt}, {Number: math.MaxInt, Size: math.MaxInt}, {Number: math.MaxInt / 1000, Size: 1000}, {Number: 2, Size: math.MaxInt}} {
			got, err := l.page(t.Context(), s.System(), guild, p)
			require.NoError(t, err)
			require.Empty(t, got, "%s %v", l.name, p)
		}
		for _, p := range []groupkit.Page{{}, {Size: math.MaxInt}, {Number: 1, Size: 1001}} {
			got, err := l.page(t.Context(), s.System(), guild, p)
			require.NoError(t, err)
			require.Equal(t, all, got, "%s %v", l.name, p)
		}
		for _, p := range []groupkit.Page{{Number: -1}, {Size: -1}, {Number: math.MinInt, Size: 5}} {
			require.ErrorIs(t, second(l.page(t.Context(), s.System(), guild, p)), groupkit.ErrInvalid, l.name)
		}
	}
	for _, p := range []groupkit.Page{{Number: math.MaxInt}, {Number: math.MaxInt / 1000, Size: 1000}} {
		got, err := s.System().JoinedGroupsPage(t.Context(), "carol", p)
		require.NoError(t, err)
		require.Empty(t, got)
	}
	require.ErrorIs(t, second(s.System().JoinedGroupsPage(t.Context(), "carol", groupkit.Page{Size: -1})), groupkit.ErrInvalid)
}

// TestLists_StopAndWrite stops in the middle of every iterator, and writes to the group
// while it iterates: no transaction is open then.
func TestLists_StopAndWrite(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	ctx := t.Context()
	for range s.System().Members(ctx, guild) {
		require.NoError(t, s.As("bob").SetAnnouncement(ctx, guild, uuid.NewString()))
		break
	}
	for range s.System().Groups(ctx) {
		require.NoError(t, s.System().AddMember(ctx, open, "bob"))
		break
	}
	for range s.System().JoinedGroups(ctx, "carol") {
		require.NoError(t, s.As("carol").Leave(ctx, guild))
		break
	}
	for range s.System().Files(ctx, guild) {
		require.NoError(t, s.As("bob").DeleteFile(ctx, guild, s.rules.ID))
		break
	}
	n := 0
	for _, err := range s.System().Events(ctx, guild, 0) {
		require.NoError(t, err)
		if n++; n == 1 {
			require.NoError(t, s.As("bob").UnmuteGroup(ctx, guild))
		}
	}
	version := int(s.version(t, guild))
	require.Contains(t, []int{version - 1, version}, n, "what was written in the meantime is there too, or not")
	s.clean(t)
}

// TestActor_Members_WhileTheyChange removes and adds members while they are listed: who
// is a member throughout is seen once. The right to see them is asked for again.
func TestActor_Members_WhileTheyChange(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := newSite(t, throngOptions())
	newThrong(t, s, 1000)
	seen := make(map[groupkit.UserID]int)
	for m, err := range s.As("alice").Members(ctx, throng) {
		require.NoError(t, err)
		seen[m.User]++
		if n := len(seen); n%100 == 0 {
			require.NoError(t, s.System().RemoveMember(ctx, throng, m.User))
			require.NoError(t, s.System().RemoveMember(ctx, throng, several("m", 1000)[999-n/100]))
			require.NoError(t, s.System().AddMember(ctx, throng, groupkit.UserID(fmt.Sprint("a", n))))
			require.NoError(t, s.System().AddMember(ctx, throng, groupkit.UserID(fmt.Sprint("z", n))))
		}
	}
	for _, m := range every(t, s.System().Members(ctx, throng)) {
		require.LessOrEqual(t, seen[m.User], 1, m.User)
		require.True(t, seen[m.User] == 1 || strings.ContainsAny(string(m.User[:1]), "az"), "%s was there throughout", m.User)
	}
	n := 0
	for _, err := range s.As("m-00500").Members(ctx, throng) {
		if n++; err != nil {
			require.ErrorIs(t, err, groupkit.ErrNotMember)
			break
		}
		if n == 10 {
			require.NoError(t, s.As("m-00500").Leave(ctx, throng))
		}
	}
	require.Less(t, n, 600, "the list goes on for one who has left")
}

// TestIDs has groups and users whose ids are much alike: of every form, beginnings of one
// another, or the same but for the case.
func TestIDs(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	assigned := "01890a5d-ac96-774b-bcce-b302099a8057"
	groups := []groupkit.GroupID{
		"a", "aa", "a.", "a:b", "A", "a-", "0", groupkit.GroupID(strings.Repeat("a", 64)), groupkit.GroupID(strings.Repeat("a", 63)),
		groupkit.GroupID(assigned), groupkit.GroupID(strings.ToUpper(assigned)), groupkit.GroupID(assigned[:35]),
		groupkit.GroupID(assigned + "0"), groupkit.GroupID(strings.ReplaceAll(assigned, "-", "")),
	}
	users := ids{"u", "uu", "u ü", "u:a", "U", "h", "m", "\u0301u", "üü", "u\u00a0x", groupkit.UserID(strings.Repeat("u", 128)), groupkit.UserID(assigned), "用户", "u\U0010ffff"}
	s := newSite(t, groupkit.Options{Limits: groupkit.Limits{Groups: 100}})
	for i, id := range groups {
		g, err := s.System().CreateGroup(ctx, groupkit.NewGroup{ID: id, Name: fmt.Sprint(i), Owner: users[i%len(users)]})
		require.NoError(t, err)
		require.Equal(t, id, g.ID)
		for _, user := range users[:i] {
			require.NoError(t, s.System().AddMember(ctx, id, user))
		}
	}
	s.clean(t)
	found, missing, err := s.System().GroupDetails(ctx, slices.Concat(groups, []groupkit.GroupID{"", "b", "a/", groups[0]}))
	require.NoError(t, err)
	require.Equal(t, []groupkit.GroupID{"", "b", "a/"}, missing)
	require.Equal(t, groups, idsOf(found))
	for i, user := range users {
		joined := idsOf(every(t, s.As(user).JoinedGroups(ctx, user)))
		require.ElementsMatch(t, groups[i:], joined, user)
	}
	requireDeletedAlone(t, s, groups)
}

// requireDeletedAlone deletes one group after the other: the others stay as they are.
func requireDeletedAlone(t *testing.T, s *site, groups []groupkit.GroupID) {
	for i, id := range groups {
		before := every(t, s.System().Groups(t.Context()))
		require.NoError(t, s.System().DeleteGroup(t.Context(), id))
		want := slices.DeleteFunc(before, func(g groupkit.Group) bool { return g.ID == id })
		require.ElementsMatch(t, want, every(t, s.System().Groups(t.Context())))
		requireBuried(t, s.dump(t), id)
		require.Len(t, want, len(groups)-i-1)
	}
	s.clean(t)
}

func idsOf(groups []groupkit.Group) (ids []groupkit.GroupID) {
	for _, g := range groups {
		ids = append(ids, g.ID)
	}
	return ids
}

// TestIDs_Invalid has ids that nobody can have: every verb refuses them.
func TestIDs_Invalid(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	ctx := t.Context()
	for _, id := range []groupkit.GroupID{"", "a b", "ä", "a/b", "a\x00", groupkit.GroupID(strings.Repeat("a", 65)), "\xff"} {
		require.ErrorIs(t, second(s.System().Group(ctx, id)), groupkit.ErrInvalid, "%q", id)
		require.ErrorIs(t, s.System().AddMember(ctx, id, "u"), groupkit.ErrInvalid, "%q", id)
		if id != "" {
			require.ErrorIs(t, second(s.System().CreateGroup(ctx, groupkit.NewGroup{ID: id, Name: "x", Owner: "u"})), groupkit.ErrInvalid, "%q", id)
		}
	}
	for _, user := range (ids{"", " u", "u ", "\u00a0u", "u\n", "u\x7f", "u\u0085", "\xff", groupkit.UserID(strings.Repeat("u", 129)), groupkit.UserID(strings.Repeat("ü", 65))}) {
		require.ErrorIs(t, s.System().AddMember(ctx, guild, user), groupkit.ErrInvalid, "%q", user)
		require.ErrorIs(t, second(s.System().Role(ctx, guild, user)), groupkit.ErrInvalid, "%q", user)
		require.ErrorIs(t, second(collect(s.System().JoinedGroups(ctx, user))), groupkit.ErrInvalid, "%q", user)
		require.ErrorIs(t, s.As(user).MaySpeak(ctx, guild), groupkit.ErrInvalid, "%q", user)
		require.ErrorIs(t, second(collect(s.As(user).Groups(ctx))), groupkit.ErrInvalid, "%q", user)
		_, _, err := s.As(user).GroupDetails(ctx, []groupkit.GroupID{guild})
		require.ErrorIs(t, err, groupkit.ErrInvalid, "%q", user)
	}
}

// TestActor_GroupsPage_ComeAndGo pages through the groups while some are deleted and
// others made, also at the same millisecond: what is there throughout is seen once.
func TestActor_GroupsPage_ComeAndGo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		s := newSite(t, groupkit.Options{})
		made := 0
		create := func() groupkit.GroupID {
			made++
			s.clock.Advance(time.Duration(rapid.IntRange(-1, 2).Draw(t, "ms")) * time.Millisecond)
			g, err := s.System().CreateGroup(ctx, groupkit.NewGroup{
				ID: groupkit.GroupID(fmt.Sprint("g", made)), Name: "x", Owner: "alice", Public: rapid.Bool().Draw(t, "public"),
			})
			require.NoError(t, err)
			return g.ID
		}
		stays := make(map[groupkit.GroupID]bool)
		for range rapid.IntRange(1, 20).Draw(t, "groups") {
			stays[create()] = true
		}
		seen := make(map[groupkit.GroupID]int)
		as := rapid.SampledFrom([]groupkit.Actor{s.System(), s.As("alice")}).Draw(t, "actor")
		for cursor, more := "", true; more; more = cursor != "" {
			page, next, err := as.GroupsPage(ctx, rapid.IntRange(1, 4).Draw(t, "limit"), cursor)
			require.NoError(t, err)
			for _, g := range page {
				seen[g.ID]++
			}
			cursor = next
			if id := groupkit.GroupID(fmt.Sprint("g", rapid.IntRange(1, made).Draw(t, "deleted"))); rapid.Bool().Draw(t, "delete") && s.System().DeleteGroup(ctx, id) == nil {
				delete(stays, id)
			}
			if rapid.Bool().Draw(t, "create") && made < 40 {
				create()
			}
		}
		for id, n := range seen {
			require.Equal(t, 1, n, id)
		}
		for id := range stays {
			require.Equal(t, 1, seen[id], id)
		}
	})
}

// TestActor_GroupsPage_BadCursor has cursors that no page has given.
func TestActor_GroupsPage_BadCursor(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	_, good, err := s.System().GroupsPage(t.Context(), 1, "")
	require.NoError(t, err)
	require.NotEmpty(t, good)
	for _, cursor := range []string{"x", "!", good[1:], good + "A", strings.Repeat("A", 1000), "AAAAAAAAAAA"} {
		_, _, err := s.System().GroupsPage(t.Context(), 1, cursor)
		require.ErrorIs(t, err, groupkit.ErrInvalid, cursor)
	}
	_, _, err = s.System().GroupsPage(t.Context(), -1, "")
	require.ErrorIs(t, err, groupkit.ErrInvalid)
}

// TestActor_Group_PartOfIt shows those who are invited into a private group what it is,
// and no more.
func TestActor_Group_PartOfIt(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	ctx := t.Context()
	require.NoError(t, second(s.As("bob").UpdateGroup(ctx, s.rangers, groupkit.GroupUpdate{Description: new("scouts"), Avatar: new("wolf.png"), Custom: new("{}")})))
	g, err := s.As("zoe").Group(ctx, s.rangers)
	require.NoError(t, err)
	require.Equal(t, groupkit.Group{ID: s.rangers, Name: "Rangers", Description: "scouts", Avatar: "wolf.png", MemberCount: 3}, g)
	found, missing, err := s.As("zoe").GroupDetails(ctx, []groupkit.GroupID{s.rangers, guild})
	require.NoError(t, err)
	require.Empty(t, missing)
	require.Equal(t, g, found[0])
	require.Equal(t, []groupkit.GroupID{guild, open}, idsOf(byID(every(t, s.As("zoe").Groups(ctx)))), "not among the groups")
	require.ErrorIs(t, second(s.As("zoe").Role(ctx, s.rangers, "zoe")), groupkit.ErrGroupNotFound)
	require.ErrorIs(t, s.As("zoe").MaySpeak(ctx, s.rangers), groupkit.ErrGroupNotFound)
	s.clock.Advance(month)
	require.ErrorIs(t, second(s.As("zoe").Group(ctx, s.rangers)), groupkit.ErrGroupNotFound, "the invitation has expired")
	require.ErrorIs(t, s.As("zoe").AcceptInvitation(ctx, s.rangers), groupkit.ErrGroupNotFound)
	require.Empty(t, every(t, s.As("zoe").PendingInvitations(ctx, "zoe")))
}

func byID(groups []groupkit.Group) []groupkit.Group {
	slices.SortFunc(groups, func(a, b groupkit.Group) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return groups
}
