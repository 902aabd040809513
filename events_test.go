package groupkit_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// An added is an event as a call adds it to the log, without what all of them have.
type added struct {
	kind   groupkit.EventKind
	users  []groupkit.UserID
	how    groupkit.Cause
	until  time.Duration // after the call; -1: the last instant there is
	before []time.Time
	fields []groupkit.Change
	file   string
	ends   bool // the call, besides the last event that is wanted
}

// TestEvents_Contents makes one call of each kind and looks at all that the log says of it.
func TestEvents_Contents(t *testing.T) {
	t.Parallel()
	name := func(before, after string) groupkit.Change {
		return groupkit.Change{Field: groupkit.FieldName, Before: before, After: after}
	}
	heidiUntil := time.UnixMilli(heidisMute).UTC()
	forGood := time.UnixMilli(4638873600000).UTC()
	for title, c := range map[string]struct {
		actor groupkit.UserID
		group groupkit.GroupID
		call  func(ctx context.Context, a groupkit.Actor, s *grouptest.Dataset) error
		want  []added
	}{
		"update": {"alice", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return grouptest.ErrorOf(a.UpdateGroup(ctx, grouptest.Guild, groupkit.GroupUpdate{
				Name: new("Day Watch"), Description: new("on the wall"), Avatar: new(""), Custom: new("{}"), MaxUsers: new(7),
				MembersOnly: new(false), AllowInvites: new(true), InviteNeedConfirm: new(false),
			}))
		}, []added{{kind: groupkit.GroupUpdated, fields: []groupkit.Change{
			name("Night Watch", "Day Watch"), {Field: groupkit.FieldAvatar, Before: "raven.png"},
			{Field: groupkit.FieldCustom, Before: `{"banner":"black"}`, After: "{}"}, {Field: groupkit.FieldMaxUsers, Before: "200", After: "7"},
			{Field: groupkit.FieldMembersOnly, Before: "true", After: "false"}, {Field: groupkit.FieldAllowInvites, Before: "false", After: "true"},
			{Field: groupkit.FieldInviteNeedConfirm, Before: "true", After: "false"},
		}}}},
		"announcement": {"bob", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.SetAnnouncement(ctx, grouptest.Guild, "")
		},
			[]added{{kind: groupkit.AnnouncementChanged, fields: []groupkit.Change{{Field: groupkit.FieldAnnouncement, Before: "Winter is coming"}}}}},
		"mute": {"bob", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return grouptest.ErrorOf(a.MuteUsers(ctx, grouptest.Guild, time.Minute, grouptest.IDs{"carol", "ivan"}))
		}, []added{{kind: groupkit.MemberMuted, users: grouptest.IDs{"carol", "ivan"}, until: time.Minute, before: []time.Time{{}, forGood}}}},
		"mute for good": {"alice", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return grouptest.ErrorOf(a.Mute(ctx, grouptest.Guild, groupkit.Forever, "bob"))
		}, []added{{kind: groupkit.MemberMuted, users: grouptest.IDs{"bob"}, until: -1, before: []time.Time{{}}}}},
		"unmute": {"bob", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return grouptest.ErrorOf(a.UnmuteUsers(ctx, grouptest.Guild, grouptest.IDs{"heidi", "carol", "ivan"}))
		}, []added{{kind: groupkit.MemberUnmuted, users: grouptest.IDs{"heidi", "ivan"}}}},
		"mute again": {"", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, s *grouptest.Dataset) error {
			if err := a.AddMember(ctx, grouptest.Guild, "heidi"); err != nil {
				return err
			}
			return grouptest.ErrorOf(a.Mute(ctx, grouptest.Guild, 2*time.Hour, "heidi"))
		}, []added{
			{kind: groupkit.MemberJoined, how: groupkit.CauseAdded, users: grouptest.IDs{"heidi"}, ends: true},
			{kind: groupkit.MemberMuted, users: grouptest.IDs{"heidi"}, until: 2 * time.Hour, before: []time.Time{heidiUntil}},
		}},
		"unmute group": {"bob", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.UnmuteGroup(ctx, grouptest.Guild)
		},
			[]added{{kind: groupkit.GroupUnmuted}}},
		"mute group": {"zoe", grouptest.OpenGroup, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.MuteGroup(ctx, grouptest.OpenGroup)
		},
			[]added{{kind: groupkit.GroupMuted}}},
		"block an admin": {"alice", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return grouptest.ErrorOf(a.Block(ctx, grouptest.Guild, time.Hour, "bob"))
		}, []added{
			{kind: groupkit.AdminRemoved, users: grouptest.IDs{"bob"}}, {kind: groupkit.MemberLeft, how: groupkit.CauseBlocked, users: grouptest.IDs{"bob"}},
			{kind: groupkit.MemberBlocked, users: grouptest.IDs{"bob"}, until: time.Hour},
		}},
		"block who is allowed": {"bob", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return grouptest.ErrorOf(a.Block(ctx, grouptest.Guild, groupkit.Forever, "dave"))
		}, []added{
			{kind: groupkit.MemberDisallowed, users: grouptest.IDs{"dave"}}, {kind: groupkit.MemberLeft, how: groupkit.CauseBlocked, users: grouptest.IDs{"dave"}},
			{kind: groupkit.MemberBlocked, users: grouptest.IDs{"dave"}},
		}},
		"block who asks": {"bob", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return grouptest.ErrorOf(a.Block(ctx, grouptest.Guild, groupkit.Forever, "frank"))
		}, []added{{kind: groupkit.RequestCancelled, users: grouptest.IDs{"frank"}}, {kind: groupkit.MemberBlocked, users: grouptest.IDs{"frank"}}}},
		"block who is invited": {"bob", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return grouptest.ErrorOf(a.Block(ctx, grouptest.Guild, groupkit.Forever, "grace"))
		}, []added{{kind: groupkit.InvitationCancelled, users: grouptest.IDs{"grace"}}, {kind: groupkit.MemberBlocked, users: grouptest.IDs{"grace"}}}},
		"unblock": {"bob", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.Unblock(ctx, grouptest.Guild, "mallory")
		},
			[]added{{kind: groupkit.MemberUnblocked, users: grouptest.IDs{"mallory"}}}},
		"allow": {"bob", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.Allow(ctx, grouptest.Guild, "carol")
		},
			[]added{{kind: groupkit.MemberAllowed, users: grouptest.IDs{"carol"}}}},
		"disallow": {"bob", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.Disallow(ctx, grouptest.Guild, "dave")
		},
			[]added{{kind: groupkit.MemberDisallowed, users: grouptest.IDs{"dave"}}}},
		"add admin": {"alice", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.AddAdmin(ctx, grouptest.Guild, "carol")
		},
			[]added{{kind: groupkit.AdminAdded, users: grouptest.IDs{"carol"}}}},
		"remove admin": {"alice", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.RemoveAdmin(ctx, grouptest.Guild, "bob")
		},
			[]added{{kind: groupkit.AdminRemoved, users: grouptest.IDs{"bob"}}}},
		"transfer to an admin": {"alice", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.TransferGroup(ctx, grouptest.Guild, "bob")
		},
			[]added{{kind: groupkit.AdminRemoved, users: grouptest.IDs{"bob"}}, {kind: groupkit.OwnerChanged, users: grouptest.IDs{"bob", "alice"}}, {kind: groupkit.InvitationCancelled, users: grouptest.IDs{"grace"}}}},
		"transfer to someone muted": {"alice", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.TransferGroup(ctx, grouptest.Guild, "ivan")
		},
			[]added{{kind: groupkit.MemberUnmuted, users: grouptest.IDs{"ivan"}}, {kind: groupkit.OwnerChanged, users: grouptest.IDs{"ivan", "alice"}}, {kind: groupkit.InvitationCancelled, users: grouptest.IDs{"grace"}}}},
		"remove": {"alice", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return grouptest.ErrorOf(a.RemoveMembers(ctx, grouptest.Guild, grouptest.IDs{"carol", "ivan"}))
		}, []added{
			{kind: groupkit.MemberDisallowed, users: grouptest.IDs{"ivan"}},
			{kind: groupkit.MemberLeft, how: groupkit.CauseRemoved, users: grouptest.IDs{"carol", "ivan"}},
		}},
		"leave": {"carol", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.Leave(ctx, grouptest.Guild)
		},
			[]added{{kind: groupkit.MemberLeft, how: groupkit.CauseLeft, users: grouptest.IDs{"carol"}}}},
		"the owner leaves": {"alice", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.Leave(ctx, grouptest.Guild)
		},
			[]added{
				{kind: groupkit.AdminRemoved, users: grouptest.IDs{"bob"}}, {kind: groupkit.OwnerChanged, users: grouptest.IDs{"bob", "alice"}},
				{kind: groupkit.MemberLeft, how: groupkit.CauseLeft, users: grouptest.IDs{"alice"}},
				{kind: groupkit.InvitationCancelled, users: grouptest.IDs{"grace"}},
			}},
		"join": {"newcomer", grouptest.OpenGroup, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return grouptest.ErrorOf(a.Join(ctx, grouptest.OpenGroup))
		},
			[]added{{kind: groupkit.MemberJoined, how: groupkit.CauseJoined, users: grouptest.IDs{"newcomer"}}}},
		"ask": {"newcomer", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return grouptest.ErrorOf(a.Join(ctx, grouptest.Guild))
		},
			[]added{{kind: groupkit.JoinRequested, users: grouptest.IDs{"newcomer"}, until: grouptest.Month}}},
		"approve": {"bob", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.ApproveRequest(ctx, grouptest.Guild, "frank")
		},
			[]added{
				{kind: groupkit.RequestApproved, users: grouptest.IDs{"frank"}},
				{kind: groupkit.MemberJoined, how: groupkit.CauseApproved, users: grouptest.IDs{"frank"}},
			}},
		"decline": {"bob", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.DeclineRequest(ctx, grouptest.Guild, "frank")
		},
			[]added{{kind: groupkit.RequestDeclined, users: grouptest.IDs{"frank"}}}},
		"cancel": {"frank", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.CancelRequest(ctx, grouptest.Guild)
		},
			[]added{{kind: groupkit.RequestCancelled, users: grouptest.IDs{"frank"}}}},
		"invite": {"bob", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return grouptest.ErrorOf(a.InviteUsers(ctx, grouptest.Guild, grouptest.IDs{"new", "newer", "frank", "grace"}))
		}, []added{
			{kind: groupkit.MemberInvited, users: grouptest.IDs{"new", "newer"}, until: grouptest.Month},
			{kind: groupkit.RequestApproved, users: grouptest.IDs{"frank"}},
			{kind: groupkit.MemberJoined, how: groupkit.CauseApproved, users: grouptest.IDs{"frank"}},
		}},
		"accept": {"grace", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.AcceptInvitation(ctx, grouptest.Guild)
		},
			[]added{
				{kind: groupkit.InvitationAccepted, users: grouptest.IDs{"grace"}},
				{kind: groupkit.MemberJoined, how: groupkit.CauseInvited, users: grouptest.IDs{"grace"}},
			}},
		"add who asks": {"", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.AddMember(ctx, grouptest.Guild, "frank")
		},
			[]added{
				{kind: groupkit.RequestCancelled, users: grouptest.IDs{"frank"}},
				{kind: groupkit.MemberJoined, how: groupkit.CauseAdded, users: grouptest.IDs{"frank"}},
			}},
		"decline an invitation": {"grace", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.DeclineInvitation(ctx, grouptest.Guild)
		},
			[]added{{kind: groupkit.InvitationDeclined, users: grouptest.IDs{"grace"}}}},
		"cancel an invitation": {"bob", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.CancelInvitation(ctx, grouptest.Guild, "grace")
		},
			[]added{{kind: groupkit.InvitationCancelled, users: grouptest.IDs{"grace"}}}},
		"upload": {"carol", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return grouptest.ErrorOf(a.UploadFile(ctx, grouptest.Guild, "new.txt", strings.NewReader("new")))
		}, []added{{kind: groupkit.FileAdded, file: "new.txt"}}},
		"delete a file": {"carol", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, s *grouptest.Dataset) error {
			return a.DeleteFile(ctx, grouptest.Guild, s.Chart.ID)
		},
			[]added{{kind: groupkit.FileDeleted, file: "map.png"}}},
		"delete": {"alice", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.DeleteGroup(ctx, grouptest.Guild)
		},
			[]added{{kind: groupkit.GroupDeleted}}},
		"create": {"", "new", func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return grouptest.ErrorOf(a.CreateGroup(ctx, groupkit.NewGroup{
				ID: "new", Name: "New", Description: "d", Avatar: "a", Custom: "c", Public: true, AllowInvites: true, Owner: "yves", Members: grouptest.IDs{"x", "y", "yves", "x"},
			}))
		}, []added{
			{kind: groupkit.GroupCreated, users: grouptest.IDs{"yves"}, fields: []groupkit.Change{
				name("", "New"), {Field: groupkit.FieldDescription, After: "d"}, {Field: groupkit.FieldAvatar, After: "a"},
				{Field: groupkit.FieldCustom, After: "c"}, {Field: groupkit.FieldPublic, After: "true"}, {Field: groupkit.FieldMaxUsers, After: "200"},
				{Field: groupkit.FieldMembersOnly, After: "false"}, {Field: groupkit.FieldAllowInvites, After: "false"},
				{Field: groupkit.FieldInviteNeedConfirm, After: "true"},
			}},
			{kind: groupkit.MemberJoined, how: groupkit.CauseCreated, users: grouptest.IDs{"yves", "x", "y"}},
		}},
		"forget": {"", grouptest.Guild, func(ctx context.Context, a groupkit.Actor, _ *grouptest.Dataset) error {
			return a.ForgetUser(ctx, "ivan", groupkit.ForgetOptions{})
		}, []added{
			{kind: groupkit.MemberDisallowed, users: grouptest.IDs{"ivan"}},
			{kind: groupkit.MemberLeft, how: groupkit.CauseForgotten, users: grouptest.IDs{"ivan"}},
			{kind: groupkit.MemberUnmuted, users: grouptest.IDs{"ivan"}},
		}},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewDataset(t)
			last := lastEventIfAny(t, s, c.group)
			a := s.System()
			if c.actor != "" {
				a = s.As(c.actor)
			}
			require.NoError(t, c.call(t.Context(), a.Because("why not"), s))
			got := grouptest.MustCollect(t, s.System().Events(t.Context(), c.group, last+1))
			require.Len(t, got, len(c.want), "%v", got)
			for i, want := range c.want {
				want.ends = want.ends || i == len(c.want)-1
				requireAdded(t, s, c.group, c.actor, last+uint64(i)+1, want, got[i])
			}
		})
	}
}

func lastEventIfAny(t *testing.T, s *grouptest.Dataset, group groupkit.GroupID) uint64 {
	list, err := grouptest.Collect(s.System().Events(t.Context(), group, 0))
	if err != nil {
		require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
		return 0
	}
	return list[len(list)-1].Version
}

func requireAdded(t *testing.T, s *grouptest.Dataset, group groupkit.GroupID, actor groupkit.UserID, version uint64, want added, got groupkit.Event) {
	event := groupkit.Event{
		Group: group, Version: version, Kind: want.kind, Actor: actor, At: s.Clock.Now(), Reason: "why not",
		Users: want.users, Cause: want.how, Before: want.before, Changes: want.fields, File: got.File,
		Last: want.ends, After: version - 1,
	}
	switch {
	case want.until < 0:
		event.Until = time.UnixMilli(4638873600000).UTC()
	case want.until > 0:
		event.Until = s.Clock.Now().Add(want.until)
	}
	require.Equal(t, event, got)
	require.Equal(t, want.file != "", got.File != nil)
	if got.File != nil {
		require.Equal(t, want.file, got.File.Name)
		require.EqualValues(t, "carol", got.File.Owner)
	}
}

// What one call does to several users is told as one event of a kind, and yet in
// an order that can be replayed: Verify does.
func TestEvents_InOrderForEachUser(t *testing.T) {
	t.Parallel()
	users := []groupkit.UserID{"bob", "carol", "dave", "erin"}
	for _, admins := range [][]groupkit.UserID{{"bob"}, {"carol"}, {"erin"}, {"bob", "dave"}, {"carol", "erin"}} {
		for verb, call := range map[string]func(groupkit.Actor, groupkit.GroupID) error{
			"RemoveMembers": func(a groupkit.Actor, g groupkit.GroupID) error {
				return grouptest.ErrorOf(a.RemoveMembers(t.Context(), g, users))
			},
			"BlockUsers": func(a groupkit.Actor, g groupkit.GroupID) error {
				return grouptest.ErrorOf(a.BlockUsers(t.Context(), g, groupkit.Forever, users))
			},
		} {
			eng, _ := grouptest.Setup(t, groupkit.Options{})
			g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Members: users})
			for _, u := range admins {
				require.NoError(t, eng.System().AddAdmin(t.Context(), g, u))
				require.NoError(t, eng.System().Allow(t.Context(), g, u))
			}
			require.NoError(t, call(eng.System(), g), verb)
			grouptest.RequireVerified(t, eng)
		}
	}
}
