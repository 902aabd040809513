package groupkit_test

import (
	"context"
	"fmt"
	"slices"
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

// Package machinetest compares UserData with a search through all groups. Here are single cases.
func TestActor_UserData(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	bob := func(t *testing.T, a groupkit.Actor) []groupkit.UserData {
		return grouptest.MustCollect(t, a.UserData(ctx, "bob"))
	}

	t.Run("gives what a group has", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewDataset(t)
		got := bob(t, s.System())
		require.Len(t, got, 3)
		guild := dataIn(t, got, grouptest.Guild)
		require.Equal(t, "Night Watch", guild.Name)
		require.Equal(t, groupkit.RoleAdmin, guild.Standing.Role)
		require.Equal(t, groupkit.UserID("ivan"), guild.Mutes[0].User)
		require.Equal(t, groupkit.UserID("erin"), guild.Blocks[0].User)
		require.NotEmpty(t, guild.AllowList)
		require.NotEmpty(t, guild.Events)
		for _, e := range guild.Events {
			require.True(t, e.Actor == "bob" || strings.Contains(fmt.Sprint(e.Users), "bob"), "%v", e)
		}
		require.Nil(t, guild.Announcement, "alice wrote it")
	})
	t.Run("gives the checkpoint of a cut log", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewDataset(t)
		got := grouptest.MustCollect(t, s.System().UserData(ctx, "xena"))
		require.Len(t, got, 1)
		archive := got[0].Checkpoint
		require.Equal(t, []groupkit.Member{{User: "xena", Role: groupkit.RoleAdmin, Joined: archive.Members[0].Joined, AdminSince: archive.Members[0].AdminSince}}, archive.Members)
		require.Equal(t, groupkit.UserID("vera"), archive.Blacklist[0].User)
		require.Len(t, archive.Mutes, 1)
		require.Len(t, archive.Files, 1)
		require.Empty(t, archive.Announcement, "walter wrote it")
		require.Equal(t, groupkit.Group{ID: grouptest.Archive, Version: archive.Group.Version}, archive.Group)
		require.NotZero(t, archive.Group.Version)
		require.Empty(t, got[0].Events)
	})
	t.Run("gives what others did with the files", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewDataset(t)
		require.Equal(t, s.Chart, dataIn(t, grouptest.MustCollect(t, s.System().UserData(ctx, "carol")), grouptest.Guild).Files[0])
		require.NoError(t, s.As("alice").DeleteFile(ctx, grouptest.Guild, s.Chart.ID))
		data := dataIn(t, grouptest.MustCollect(t, s.System().UserData(ctx, "carol")), grouptest.Guild)
		require.NotContains(t, data.Files, s.Chart)
		last := data.Events[len(data.Events)-1]
		require.Equal(t, groupkit.FileDeleted, last.Kind)
		require.Equal(t, groupkit.UserID("alice"), last.Actor)
	})
	t.Run("gives the log of a deleted group", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewFixture(t, groupkit.Options{})
		require.NoError(t, s.Engine.As("alice").DeleteGroup(ctx, s.ID))
		got := bob(t, s.Engine.System())
		require.Len(t, got, 1)
		require.NotEmpty(t, got[0].Events)
		got[0].Events = nil
		require.Equal(t, groupkit.UserData{Group: s.ID, Deleted: true}, got[0])
	})
	t.Run("gives nothing about a forgotten user", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewDataset(t)
		for _, user := range []groupkit.UserID{"bob", "xena"} {
			require.NoError(t, s.System().ForgetUser(ctx, user, groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed, Pseudonymize: true}))
			require.Empty(t, grouptest.MustCollect(t, s.System().UserData(ctx, user)))
		}
	})
	t.Run("leaves out what has expired", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewDataset(t)
		s.Clock.Advance(grouptest.Month)
		for _, d := range bob(t, s.System()) {
			require.Empty(t, d.Blocks)
		}
		for _, d := range grouptest.MustCollect(t, s.System().UserData(ctx, "erin")) {
			require.Nil(t, d.Standing)
			require.NotEmpty(t, d.Events)
		}
	})
	t.Run("reads in a transaction what it has changed", func(t *testing.T) {
		t.Parallel()
		s := grouptest.NewDataset(t)
		require.NoError(t, s.Atomic(ctx, func(tx *groupkit.Tx) error {
			require.NoError(t, tx.As("alice").RemoveAdmin(ctx, grouptest.Guild, "bob"))
			require.Equal(t, groupkit.RoleMember, dataIn(t, bob(t, tx.System()), grouptest.Guild).Standing.Role)
			return nil
		}))
	})
}

func dataIn(t *testing.T, all []groupkit.UserData, group groupkit.GroupID) groupkit.UserData {
	i := slices.IndexFunc(all, func(d groupkit.UserData) bool { return d.Group == group })
	require.GreaterOrEqual(t, i, 0)
	return all[i]
}

func TestActor_UserData_Refusals(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	eng, _ := grouptest.Setup(t, groupkit.Options{UserExists: func(context.Context, groupkit.UserID) (bool, error) { return false, nil }})
	for _, c := range []struct {
		actor groupkit.Actor
		user  groupkit.UserID
		want  error
	}{
		{eng.As("bob"), "bob", groupkit.ErrSystemOnly},
		{eng.As("alice"), "bob", groupkit.ErrSystemOnly},
		{eng.As("alice"), "", groupkit.ErrInvalid},
		{eng.System(), "", groupkit.ErrInvalid},
		{eng.System(), "a\x00b", groupkit.ErrInvalid},
		{eng.System(), "nobody", nil},
	} {
		got, err := grouptest.Collect(c.actor.UserData(ctx, c.user))
		require.Empty(t, got)
		require.ErrorIs(t, err, c.want)
		if c.want != nil {
			grouptest.RequireError(t, err, groupkit.OpUserData, "")
		}
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, grouptest.ErrorOf(grouptest.Collect(eng.System().UserData(canceled, "bob"))), context.Canceled)
}

// A group with more records than a part has comes in several parts, and none is lost or given twice.
func TestActor_UserData_Parts(t *testing.T) {
	t.Parallel()
	for name, around := range map[string]func(store.Store) store.Store{
		"own": func(s store.Store) store.Store { return s }, "run twice": grouptest.RunTwice,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			eng, err := groupkit.New(around(memstore.New()), memblob.New(), &groupkit.Options{Limits: groupkit.Limits{MaxUsers: 1000, NewMembers: 1000, ListSize: 1000}})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, eng.Close()) })
			members := grouptest.Users("m", 600)
			g, err := eng.System().CreateGroup(ctx, groupkit.NewGroup{ID: "large", Name: "Large", Owner: "bob", MaxUsers: 1000, Members: members})
			require.NoError(t, err)
			for i := range 600 {
				require.NoError(t, eng.As("bob").SetAnnouncement(ctx, g.ID, fmt.Sprint(i)))
				require.NoError(t, grouptest.ErrorOf(eng.As("bob").Mute(ctx, g.ID, groupkit.Forever, members[i])))
			}
			versions, muted, parts, announced := map[uint64]bool{}, map[groupkit.UserID]bool{}, 0, 0
			for d, err := range eng.System().UserData(ctx, "bob") {
				require.NoError(t, err)
				require.Equal(t, parts, d.Part)
				require.Equal(t, parts == 0, d.Standing != nil)
				require.LessOrEqual(t, len(d.Events)+len(d.Mutes), 2*256, "a part is small")
				parts++
				for _, e := range d.Events {
					require.False(t, versions[e.Version])
					versions[e.Version] = true
				}
				for _, m := range d.Mutes {
					require.False(t, muted[m.User])
					muted[m.User] = true
				}
				if d.Announcement != nil {
					announced++
				}
			}
			require.Greater(t, parts, 5)
			require.Len(t, muted, 600)
			require.Equal(t, 1, announced)
			want := 0
			for e, err := range eng.System().Events(ctx, g.ID, 0) {
				require.NoError(t, err)
				if e.Actor == "bob" || strings.Contains(fmt.Sprint(e.Users), "bob") {
					want++
				}
			}
			require.Len(t, versions, want)
		})
	}
}

// A user in many groups, in each of the three lists that lead to them: each group is given once, also
// a group that goes from one list to another meanwhile.
func TestActor_UserData_ManyGroups(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	eng, err := groupkit.New(grouptest.RunTwice(memstore.New()), memblob.New(), &groupkit.Options{BlockOutsiders: true, Limits: groupkit.Limits{Groups: 2000, JoinedGroups: 2000}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	want := map[groupkit.GroupID]bool{}
	for i := range 900 {
		at := (i * 7) % 900
		id := groupkit.GroupID(fmt.Sprintf("g-%04d", at))
		_, err := eng.System().CreateGroup(ctx, groupkit.NewGroup{ID: id, Name: "Group", Owner: "alice", Public: true, Members: grouptest.IDs{"bob"}})
		require.NoError(t, err)
		want[id] = true
		if at >= 450 { // the lists have their parts in different places
			require.NoError(t, grouptest.ErrorOf(eng.As("alice").Mute(ctx, id, time.Hour, "bob")))
		}
		if at >= 450 || at%9 == 8 {
			require.NoError(t, eng.As("bob").Leave(ctx, id))
		}
	}
	seen := map[groupkit.GroupID]bool{}
	for d, err := range eng.System().UserData(ctx, "bob") {
		require.NoError(t, err)
		require.False(t, seen[d.Group], d.Group)
		seen[d.Group] = true
		if len(seen) == 10 { // the groups to come change their lists
			for i := 300; i < 900; i += 3 {
				id := groupkit.GroupID(fmt.Sprintf("g-%04d", i))
				if eng.As("bob").Leave(ctx, id) != nil {
					require.NoError(t, eng.System().AddMember(ctx, id, "bob"))
				}
			}
		}
	}
	require.Equal(t, want, seen)
}

// The iteration ends when its caller has enough.
func TestActor_UserData_Break(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	n := 0
	for range s.System().UserData(t.Context(), "bob") {
		n++
		break
	}
	require.Equal(t, 1, n)
}
