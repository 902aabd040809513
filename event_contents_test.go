package groupkit_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// An added is an event as a call adds it to the log, without what all of them have.
type added struct {
	kind   groupkit.EventKind
	users  []groupkit.UserID
	how    groupkit.How
	until  time.Duration // after the call; -1: the last instant there is
	before []time.Time
	fields []groupkit.Change
	file   string
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
		call  func(ctx context.Context, a groupkit.Actor, s *town) error
		want  []added
	}{
		"update": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return second(a.UpdateGroup(ctx, guild, groupkit.GroupUpdate{
				Name: new("Day Watch"), Description: new("on the wall"), Avatar: new(""), Custom: new("{}"), MaxUsers: new(7),
				MembersOnly: new(false), AllowInvites: new(true), InviteNeedConfirm: new(false),
			}))
		}, []added{{kind: groupkit.GroupUpdated, fields: []groupkit.Change{
			name("Night Watch", "Day Watch"), {Field: groupkit.FieldAvatar, Before: "raven.png"},
			{Field: groupkit.FieldCustom, Before: `{"banner":"black"}`, After: "{}"}, {Field: groupkit.FieldMaxUsers, Before: "200", After: "7"},
			{Field: groupkit.FieldMembersOnly, Before: "true", After: "false"}, {Field: groupkit.FieldAllowInvites, Before: "false", After: "true"},
			{Field: groupkit.FieldInviteNeedConfirm, Before: "true", After: "false"},
		}}}},
		"announcement": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.SetAnnouncement(ctx, guild, "") },
			[]added{{kind: groupkit.AnnouncementChanged, fields: []groupkit.Change{{Field: groupkit.FieldAnnouncement, Before: "Winter is coming"}}}}},
		"mute": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return second(a.MuteUsers(ctx, guild, time.Minute, ids{"carol", "ivan"}))
		}, []added{{kind: groupkit.MemberMuted, users: ids{"carol", "ivan"}, until: time.Minute, before: []time.Time{{}, forGood}}}},
		"mute for good": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return second(a.Mute(ctx, guild, groupkit.Forever, "bob"))
		}, []added{{kind: groupkit.MemberMuted, users: ids{"bob"}, until: -1, before: []time.Time{{}}}}},
		"unmute": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return second(a.UnmuteUsers(ctx, guild, ids{"heidi", "carol", "ivan"}))
		}, []added{{kind: groupkit.MemberUnmuted, users: ids{"heidi", "ivan"}}}},
		"mute again": {"", guild, func(ctx context.Context, a groupkit.Actor, s *town) error {
			if err := a.AddMember(ctx, guild, "heidi"); err != nil {
				return err
			}
			return second(a.Mute(ctx, guild, 2*time.Hour, "heidi"))
		}, []added{
			{kind: groupkit.MemberJoined, how: groupkit.ByAdding, users: ids{"heidi"}},
			{kind: groupkit.MemberMuted, users: ids{"heidi"}, until: 2 * time.Hour, before: []time.Time{heidiUntil}},
		}},
		"unmute group": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.UnmuteGroup(ctx, guild) },
			[]added{{kind: groupkit.GroupUnmuted}}},
		"mute group": {"zoe", open, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.MuteGroup(ctx, open) },
			[]added{{kind: groupkit.GroupMuted}}},
		"block an admin": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return second(a.Block(ctx, guild, time.Hour, "bob"))
		}, []added{
			{kind: groupkit.AdminRemoved, users: ids{"bob"}}, {kind: groupkit.MemberLeft, how: groupkit.ByBlock, users: ids{"bob"}},
			{kind: groupkit.MemberBlocked, users: ids{"bob"}, until: time.Hour},
		}},
		"block who is allowed": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return second(a.Block(ctx, guild, groupkit.Forever, "dave"))
		}, []added{
			{kind: groupkit.MemberDisallowed, users: ids{"dave"}}, {kind: groupkit.MemberLeft, how: groupkit.ByBlock, users: ids{"dave"}},
			{kind: groupkit.MemberBlocked, users: ids{"dave"}},
		}},
		"block who asks": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return second(a.Block(ctx, guild, groupkit.Forever, "frank"))
		}, []added{{kind: groupkit.RequestCancelled, users: ids{"frank"}}, {kind: groupkit.MemberBlocked, users: ids{"frank"}}}},
		"block who is invited": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return second(a.Block(ctx, guild, groupkit.Forever, "grace"))
		}, []added{{kind: groupkit.InvitationCancelled, users: ids{"grace"}}, {kind: groupkit.MemberBlocked, users: ids{"grace"}}}},
		"unblock": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.Unblock(ctx, guild, "mallory") },
			[]added{{kind: groupkit.MemberUnblocked, users: ids{"mallory"}}}},
		"allow": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.Allow(ctx, guild, "carol") },
			[]added{{kind: groupkit.MemberAllowed, users: ids{"carol"}}}},
		"disallow": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.Disallow(ctx, guild, "dave") },
			[]added{{kind: groupkit.MemberDisallowed, users: ids{"dave"}}}},
		"add admin": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.AddAdmin(ctx, guild, "carol") },
			[]added{{kind: groupkit.AdminAdded, users: ids{"carol"}}}},
		"remove admin": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.RemoveAdmin(ctx, guild, "bob") },
			[]added{{kind: groupkit.AdminRemoved, users: ids{"bob"}}}},
		"transfer to an admin": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.TransferGroup(ctx, guild, "bob") },
			[]added{{kind: groupkit.AdminRemoved, users: ids{"bob"}}, {kind: groupkit.OwnerChanged, users: ids{"bob", "alice"}}}},
		"transfer to someone muted": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.TransferGroup(ctx, guild, "ivan") },
			[]added{{kind: groupkit.MemberUnmuted, users: ids{"ivan"}}, {kind: groupkit.OwnerChanged, users: ids{"ivan", "alice"}}}},
		"remove": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return second(a.RemoveMembers(ctx, guild, ids{"carol", "ivan"}))
		}, []added{
			{kind: groupkit.MemberDisallowed, users: ids{"ivan"}},
			{kind: groupkit.MemberLeft, how: groupkit.ByRemoval, users: ids{"carol", "ivan"}},
		}},
		"leave": {"carol", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.Leave(ctx, guild) },
			[]added{{kind: groupkit.MemberLeft, how: groupkit.ByLeaving, users: ids{"carol"}}}},
		"the owner leaves": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.Leave(ctx, guild) },
			[]added{
				{kind: groupkit.AdminRemoved, users: ids{"bob"}}, {kind: groupkit.OwnerChanged, users: ids{"bob", "alice"}},
				{kind: groupkit.MemberLeft, how: groupkit.ByLeaving, users: ids{"alice"}},
			}},
		"join": {"newcomer", open, func(ctx context.Context, a groupkit.Actor, _ *town) error { return second(a.Join(ctx, open)) },
			[]added{{kind: groupkit.MemberJoined, how: groupkit.ByJoining, users: ids{"newcomer"}}}},
		"ask": {"newcomer", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return second(a.Join(ctx, guild)) },
			[]added{{kind: groupkit.JoinRequested, users: ids{"newcomer"}, until: month}}},
		"approve": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return a.ApproveRequest(ctx, guild, "frank")
		},
			[]added{
				{kind: groupkit.RequestApproved, users: ids{"frank"}},
				{kind: groupkit.MemberJoined, how: groupkit.ByApproval, users: ids{"frank"}},
			}},
		"decline": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return a.DeclineRequest(ctx, guild, "frank")
		},
			[]added{{kind: groupkit.RequestDeclined, users: ids{"frank"}}}},
		"cancel": {"frank", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.CancelRequest(ctx, guild) },
			[]added{{kind: groupkit.RequestCancelled, users: ids{"frank"}}}},
		"invite": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return second(a.InviteUsers(ctx, guild, ids{"new", "newer", "frank", "grace"}))
		}, []added{
			{kind: groupkit.MemberInvited, users: ids{"new", "newer"}, until: month},
			{kind: groupkit.RequestApproved, users: ids{"frank"}},
			{kind: groupkit.MemberJoined, how: groupkit.ByApproval, users: ids{"frank"}},
		}},
		"accept": {"grace", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.AcceptInvitation(ctx, guild) },
			[]added{
				{kind: groupkit.InvitationAccepted, users: ids{"grace"}},
				{kind: groupkit.MemberJoined, how: groupkit.ByInvitation, users: ids{"grace"}},
			}},
		"add who asks": {"", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.AddMember(ctx, guild, "frank") },
			[]added{
				{kind: groupkit.RequestCancelled, users: ids{"frank"}},
				{kind: groupkit.MemberJoined, how: groupkit.ByAdding, users: ids{"frank"}},
			}},
		"decline an invitation": {"grace", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.DeclineInvitation(ctx, guild) },
			[]added{{kind: groupkit.InvitationDeclined, users: ids{"grace"}}}},
		"cancel an invitation": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return a.CancelInvitation(ctx, guild, "grace")
		},
			[]added{{kind: groupkit.InvitationCancelled, users: ids{"grace"}}}},
		"upload": {"carol", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return second(a.UploadFile(ctx, guild, "new.txt", strings.NewReader("new")))
		}, []added{{kind: groupkit.FileAdded, file: "new.txt"}}},
		"delete a file": {"carol", guild, func(ctx context.Context, a groupkit.Actor, s *town) error {
			return a.DeleteFile(ctx, guild, s.chart.ID)
		},
			[]added{{kind: groupkit.FileDeleted, file: "map.png"}}},
		"delete": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.DeleteGroup(ctx, guild) },
			[]added{{kind: groupkit.GroupDeleted}}},
		"create": {"", "new", func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return second(a.CreateGroup(ctx, groupkit.NewGroup{
				ID: "new", Name: "New", Description: "d", Avatar: "a", Custom: "c", Public: true, AllowInvites: true, Owner: "yves", Members: ids{"x", "y", "yves", "x"},
			}))
		}, []added{
			{kind: groupkit.GroupCreated, users: ids{"yves"}, fields: []groupkit.Change{
				name("", "New"), {Field: groupkit.FieldDescription, After: "d"}, {Field: groupkit.FieldAvatar, After: "a"},
				{Field: groupkit.FieldCustom, After: "c"}, {Field: groupkit.FieldPublic, After: "true"}, {Field: groupkit.FieldMaxUsers, After: "200"},
				{Field: groupkit.FieldMembersOnly, After: "false"}, {Field: groupkit.FieldAllowInvites, After: "false"},
				{Field: groupkit.FieldInviteNeedConfirm, After: "true"},
			}},
			{kind: groupkit.MemberJoined, how: groupkit.ByCreation, users: ids{"yves", "x", "y"}},
		}},
		"forget": {"", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return a.ForgetUser(ctx, "ivan", groupkit.ForgetOptions{})
		}, []added{
			{kind: groupkit.MemberDisallowed, users: ids{"ivan"}},
			{kind: groupkit.MemberLeft, how: groupkit.ByForgetting, users: ids{"ivan"}},
			{kind: groupkit.MemberUnmuted, users: ids{"ivan"}},
		}},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			s := newTown(t)
			last := lastEventIfAny(t, s, c.group)
			a := s.System()
			if c.actor != "" {
				a = s.As(c.actor)
			}
			require.NoError(t, c.call(t.Context(), a.Because("why not"), s))
			got := every(t, s.System().Events(t.Context(), c.group, last+1))
			require.Len(t, got, len(c.want), "%v", got)
			for i, want := range c.want {
				requireAdded(t, s, c.group, c.actor, last+uint64(i)+1, want, got[i])
			}
		})
	}
}

func lastEventIfAny(t *testing.T, s *town, group groupkit.GroupID) uint64 {
	list, err := collect(s.System().Events(t.Context(), group, 0))
	if err != nil {
		require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
		return 0
	}
	return list[len(list)-1].Version
}

func requireAdded(t *testing.T, s *town, group groupkit.GroupID, actor groupkit.UserID, version uint64, want added, got groupkit.Event) {
	event := groupkit.Event{
		Group: group, Version: version, Kind: want.kind, Actor: actor, At: s.clock.Now(), Reason: "why not",
		Users: want.users, How: want.how, Before: want.before, Changes: want.fields, File: got.File,
	}
	switch {
	case want.until < 0:
		event.Until = time.UnixMilli(4638873600000).UTC()
	case want.until > 0:
		event.Until = s.clock.Now().Add(want.until)
	}
	require.Equal(t, event, got)
	require.Equal(t, want.file != "", got.File != nil)
	if got.File != nil {
		require.Equal(t, want.file, got.File.Name)
		require.EqualValues(t, "carol", got.File.Owner)
	}
}
