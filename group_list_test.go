package groupkit_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/grouptest"
)

func TestActor_GroupsPage(t *testing.T) {
	t.Parallel()
	t.Run("is never longer than its limit, whatever it passes over", func(t *testing.T) {
		t.Parallel()
		eng, clock := grouptest.Setup(t, groupkit.Options{BlockOutsiders: true})
		for i := range 12 {
			id := groupkit.GroupID(fmt.Sprint("g", i))
			grouptest.CreateGroup(t, eng, groupkit.NewGroup{ID: id, Public: true})
			if i%3 == 0 {
				_, err := eng.System().Block(t.Context(), id, groupkit.Forever, "bob")
				require.NoError(t, err)
			}
			clock.Advance(1e6)
		}
		for limit := 1; limit < 10; limit++ {
			seen := 0
			for cursor, more := "", true; more; more = cursor != "" {
				page, next, err := eng.As("bob").GroupsPage(t.Context(), limit, cursor)
				require.NoError(t, err)
				require.LessOrEqual(t, len(page), limit)
				seen, cursor = seen+len(page), next
			}
			require.Equal(t, 8, seen)
		}
	})
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
	users := grouptest.IDs{"u", "uu", "u ü", "u:a", "U", "h", "m", "\u0301u", "üü", "u\u00a0x", groupkit.UserID(strings.Repeat("u", 128)), groupkit.UserID(assigned), "用户", "u\U0010ffff"}
	s := grouptest.NewStack(t, groupkit.Options{Limits: groupkit.Limits{Groups: 100}})
	for i, id := range groups {
		g, err := s.System().CreateGroup(ctx, groupkit.NewGroup{ID: id, Name: fmt.Sprint(i), Owner: users[i%len(users)]})
		require.NoError(t, err)
		require.Equal(t, id, g.ID)
		for _, user := range users[:i] {
			require.NoError(t, s.System().AddMember(ctx, id, user))
		}
	}
	s.RequireVerified(t)
	found, missing, err := s.System().GroupDetails(ctx, slices.Concat(groups, []groupkit.GroupID{"", "b", "a/", groups[0]}))
	require.NoError(t, err)
	require.Equal(t, []groupkit.GroupID{"", "b", "a/"}, missing)
	require.Equal(t, groups, idsOf(found))
	for i, user := range users {
		var joined []groupkit.GroupID
		for _, g := range grouptest.MustCollect(t, s.As(user).JoinedGroups(ctx, user)) {
			joined = append(joined, g.ID)
		}
		require.ElementsMatch(t, groups[i:], joined, user)
	}
	requireDeletedAlone(t, s, groups)
}

// requireDeletedAlone deletes one group after the other: the others stay as they are.
func requireDeletedAlone(t *testing.T, s *grouptest.Stack, groups []groupkit.GroupID) {
	for i, id := range groups {
		before := grouptest.MustCollect(t, s.System().Groups(t.Context()))
		require.NoError(t, s.System().DeleteGroup(t.Context(), id))
		want := slices.DeleteFunc(before, func(g groupkit.Group) bool { return g.ID == id })
		require.ElementsMatch(t, want, grouptest.MustCollect(t, s.System().Groups(t.Context())))
		grouptest.RequireDeleted(t, s.Dump(t), id)
		require.Len(t, want, len(groups)-i-1)
	}
	s.RequireVerified(t)
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
	s := grouptest.NewDataset(t)
	ctx := t.Context()
	for _, id := range []groupkit.GroupID{"", " a", "a\u3000", "a\x00", "a\n", "\u0085a", groupkit.GroupID(strings.Repeat("a", 256)), "\xff"} {
		require.ErrorIs(t, grouptest.ErrorOf(s.System().Group(ctx, id)), groupkit.ErrInvalid, "%q", id)
		require.ErrorIs(t, s.System().AddMember(ctx, id, "u"), groupkit.ErrInvalid, "%q", id)
		if id != "" {
			require.ErrorIs(t, grouptest.ErrorOf(s.System().CreateGroup(ctx, groupkit.NewGroup{ID: id, Name: "x", Owner: "u"})), groupkit.ErrInvalid, "%q", id)
		}
	}
	for _, user := range (grouptest.IDs{"", " u", "u ", "\u00a0u", "u\n", "u\x7f", "u\u0085", "\xff", groupkit.UserID(strings.Repeat("u", 256)), groupkit.UserID(strings.Repeat("ü", 128))}) {
		require.ErrorIs(t, s.System().AddMember(ctx, grouptest.Guild, user), groupkit.ErrInvalid, "%q", user)
		require.ErrorIs(t, grouptest.ErrorOf(s.System().Role(ctx, grouptest.Guild, user)), groupkit.ErrInvalid, "%q", user)
		require.ErrorIs(t, grouptest.ErrorOf(grouptest.Collect(s.System().JoinedGroups(ctx, user))), groupkit.ErrInvalid, "%q", user)
		require.ErrorIs(t, s.As(user).MaySpeak(ctx, grouptest.Guild), groupkit.ErrInvalid, "%q", user)
		require.ErrorIs(t, grouptest.ErrorOf(grouptest.Collect(s.As(user).Groups(ctx))), groupkit.ErrInvalid, "%q", user)
		_, _, err := s.As(user).GroupDetails(ctx, []groupkit.GroupID{grouptest.Guild})
		require.ErrorIs(t, err, groupkit.ErrInvalid, "%q", user)
	}
}

// TestActor_GroupsPage_ComeAndGo pages through the groups while some are deleted and
// others made, also at the same millisecond: what is there throughout is seen once.
func TestActor_GroupsPage_ComeAndGo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		s := grouptest.NewStack(t, groupkit.Options{})
		made := 0
		create := func() groupkit.GroupID {
			made++
			s.Clock.Advance(time.Duration(rapid.IntRange(-1, 2).Draw(t, "ms")) * time.Millisecond)
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
	s := grouptest.NewDataset(t)
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
	s := grouptest.NewDataset(t)
	ctx := t.Context()
	require.NoError(t, grouptest.ErrorOf(s.As("bob").UpdateGroup(ctx, s.Rangers, groupkit.GroupUpdate{Description: new("scouts"), Avatar: new("wolf.png"), Custom: new("{}")})))
	g, err := s.As("zoe").Group(ctx, s.Rangers)
	require.NoError(t, err)
	require.Equal(t, groupkit.Group{ID: s.Rangers, Name: "Rangers", Description: "scouts", Avatar: "wolf.png", MemberCount: 3}, g)
	found, missing, err := s.As("zoe").GroupDetails(ctx, []groupkit.GroupID{s.Rangers, grouptest.Guild})
	require.NoError(t, err)
	require.Empty(t, missing)
	require.Equal(t, g, found[0])
	require.Equal(t, []groupkit.GroupID{grouptest.Guild, grouptest.OpenGroup}, idsOf(byID(grouptest.MustCollect(t, s.As("zoe").Groups(ctx)))), "not among the groups")
	require.ErrorIs(t, grouptest.ErrorOf(s.As("zoe").Role(ctx, s.Rangers, "zoe")), groupkit.ErrGroupNotFound)
	require.ErrorIs(t, s.As("zoe").MaySpeak(ctx, s.Rangers), groupkit.ErrGroupNotFound)
	s.Clock.Advance(grouptest.Month)
	require.ErrorIs(t, grouptest.ErrorOf(s.As("zoe").Group(ctx, s.Rangers)), groupkit.ErrGroupNotFound, "the invitation has expired")
	require.ErrorIs(t, s.As("zoe").AcceptInvitation(ctx, s.Rangers), groupkit.ErrGroupNotFound)
	require.Empty(t, grouptest.MustCollect(t, s.As("zoe").PendingInvitations(ctx, "zoe")))
}

func byID(groups []groupkit.Group) []groupkit.Group {
	slices.SortFunc(groups, func(a, b groupkit.Group) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return groups
}

// TestActor_GroupDetails_Twice asks for the same groups twice. An ID that is too long is not compared.
func TestActor_GroupDetails_Twice(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	a, b := grouptest.CreateGroup(t, eng, groupkit.NewGroup{ID: "a"}), grouptest.CreateGroup(t, eng, groupkit.NewGroup{ID: "b"})
	long := groupkit.GroupID(strings.Repeat("x", 256))
	found, missing, err := eng.As("alice").GroupDetails(t.Context(), []groupkit.GroupID{b, "no", a, b, "no", "", a, "", long, long})
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Equal(t, []groupkit.GroupID{b, a}, []groupkit.GroupID{found[0].ID, found[1].ID})
	require.Equal(t, []groupkit.GroupID{"no", "", long, long}, missing)
}
