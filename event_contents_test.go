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
			return done(a.UpdateGroup(ctx, guild, groupkit.GroupUpdate{
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
			return done(a.MuteUsers(ctx, guild, time.Minute, folk("carol", "ivan")))
		}, []added{{kind: groupkit.MemberMuted, users: folk("carol", "ivan"), until: time.Minute, before: []time.Time{{}, forGood}}}},
		"mute for good": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return done(a.Mute(ctx, guild, groupkit.Forever, "bob"))
		}, []added{{kind: groupkit.MemberMuted, users: folk("bob"), until: -1, before: []time.Time{{}}}}},
		"unmute": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return done(a.UnmuteUsers(ctx, guild, folk("heidi", "carol", "ivan")))
		}, []added{{kind: groupkit.MemberUnmuted, users: folk("heidi", "ivan")}}},
		"mute again": {"", guild, func(ctx context.Context, a groupkit.Actor, s *town) error {
			if err := a.AddMember(ctx, guild, "heidi"); err != nil {
				return err
			}
			return done(a.Mute(ctx, guild, 2*time.Hour, "heidi"))
		}, []added{
			{kind: groupkit.MemberJoined, how: groupkit.ByAdding, users: folk("heidi")},
			{kind: groupkit.MemberMuted, users: folk("heidi"), until: 2 * time.Hour, before: []time.Time{heidiUntil}},
		}},
		"unmute group": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.UnmuteGroup(ctx, guild) },
			[]added{{kind: groupkit.GroupUnmuted}}},
		"mute group": {"zoe", open, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.MuteGroup(ctx, open) },
			[]added{{kind: groupkit.GroupMuted}}},
		"block an admin": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return done(a.Block(ctx, guild, time.Hour, "bob"))
		}, []added{
			{kind: groupkit.AdminRemoved, users: folk("bob")}, {kind: groupkit.MemberLeft, how: groupkit.ByBlock, users: folk("bob")},
			{kind: groupkit.MemberBlocked, users: folk("bob"), until: time.Hour},
		}},
		"block who is allowed": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return done(a.Block(ctx, guild, groupkit.Forever, "dave"))
		}, []added{
			{kind: groupkit.MemberDisallowed, users: folk("dave")}, {kind: groupkit.MemberLeft, how: groupkit.ByBlock, users: folk("dave")},
			{kind: groupkit.MemberBlocked, users: folk("dave")},
		}},
		"block who asks": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return done(a.Block(ctx, guild, groupkit.Forever, "frank"))
		}, []added{{kind: groupkit.RequestCancelled, users: folk("frank")}, {kind: groupkit.MemberBlocked, users: folk("frank")}}},
		"block who is invited": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return done(a.Block(ctx, guild, groupkit.Forever, "grace"))
		}, []added{{kind: groupkit.InvitationCancelled, users: folk("grace")}, {kind: groupkit.MemberBlocked, users: folk("grace")}}},
		"unblock": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.Unblock(ctx, guild, "mallory") },
			[]added{{kind: groupkit.MemberUnblocked, users: folk("mallory")}}},
		"allow": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.Allow(ctx, guild, "carol") },
			[]added{{kind: groupkit.MemberAllowed, users: folk("carol")}}},
		"disallow": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.Disallow(ctx, guild, "dave") },
			[]added{{kind: groupkit.MemberDisallowed, users: folk("dave")}}},
		"add admin": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.AddAdmin(ctx, guild, "carol") },
			[]added{{kind: groupkit.AdminAdded, users: folk("carol")}}},
		"remove admin": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.RemoveAdmin(ctx, guild, "bob") },
			[]added{{kind: groupkit.AdminRemoved, users: folk("bob")}}},
		"transfer to an admin": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.TransferGroup(ctx, guild, "bob") },
			[]added{{kind: groupkit.AdminRemoved, users: folk("bob")}, {kind: groupkit.OwnerChanged, users: folk("bob", "alice")}}},
		"transfer to someone muted": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.TransferGroup(ctx, guild, "ivan") },
			[]added{{kind: groupkit.MemberUnmuted, users: folk("ivan")}, {kind: groupkit.OwnerChanged, users: folk("ivan", "alice")}}},
		"remove": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return done(a.RemoveMembers(ctx, guild, folk("carol", "ivan")))
		}, []added{
			{kind: groupkit.MemberDisallowed, users: folk("ivan")},
			{kind: groupkit.MemberLeft, how: groupkit.ByRemoval, users: folk("carol", "ivan")},
		}},
		"leave": {"carol", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.Leave(ctx, guild) },
			[]added{{kind: groupkit.MemberLeft, how: groupkit.ByLeaving, users: folk("carol")}}},
		"the owner leaves": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.Leave(ctx, guild) },
			[]added{
				{kind: groupkit.AdminRemoved, users: folk("bob")}, {kind: groupkit.OwnerChanged, users: folk("bob", "alice")},
				{kind: groupkit.MemberLeft, how: groupkit.ByLeaving, users: folk("alice")},
			}},
		"join": {"newcomer", open, func(ctx context.Context, a groupkit.Actor, _ *town) error { return done(a.Join(ctx, open)) },
			[]added{{kind: groupkit.MemberJoined, how: groupkit.ByJoining, users: folk("newcomer")}}},
		"ask": {"newcomer", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return done(a.Join(ctx, guild)) },
			[]added{{kind: groupkit.JoinRequested, users: folk("newcomer"), until: month}}},
		"approve": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return a.ApproveRequest(ctx, guild, "frank")
		},
			[]added{
				{kind: groupkit.RequestApproved, users: folk("frank")},
				{kind: groupkit.MemberJoined, how: groupkit.ByApproval, users: folk("frank")},
			}},
		"decline": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return a.DeclineRequest(ctx, guild, "frank")
		},
			[]added{{kind: groupkit.RequestDeclined, users: folk("frank")}}},
		"cancel": {"frank", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.CancelRequest(ctx, guild) },
			[]added{{kind: groupkit.RequestCancelled, users: folk("frank")}}},
		"invite": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return done(a.InviteUsers(ctx, guild, folk("new", "newer", "frank", "grace")))
		}, []added{
			{kind: groupkit.MemberInvited, users: folk("new", "newer"), until: month},
			{kind: groupkit.RequestApproved, users: folk("frank")},
			{kind: groupkit.MemberJoined, how: groupkit.ByApproval, users: folk("frank")},
		}},
		"accept": {"grace", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.AcceptInvitation(ctx, guild) },
			[]added{
				{kind: groupkit.InvitationAccepted, users: folk("grace")},
				{kind: groupkit.MemberJoined, how: groupkit.ByInvitation, users: folk("grace")},
			}},
		"add who asks": {"", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.AddMember(ctx, guild, "frank") },
			[]added{
				{kind: groupkit.RequestCancelled, users: folk("frank")},
				{kind: groupkit.MemberJoined, how: groupkit.ByAdding, users: folk("frank")},
			}},
		"decline an invitation": {"grace", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.DeclineInvitation(ctx, guild) },
			[]added{{kind: groupkit.InvitationDeclined, users: folk("grace")}}},
		"cancel an invitation": {"bob", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return a.CancelInvitation(ctx, guild, "grace")
		},
			[]added{{kind: groupkit.InvitationCancelled, users: folk("grace")}}},
		"upload": {"carol", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return done(a.UploadFile(ctx, guild, "new.txt", strings.NewReader("new")))
		}, []added{{kind: groupkit.FileAdded, file: "new.txt"}}},
		"delete a file": {"carol", guild, func(ctx context.Context, a groupkit.Actor, s *town) error {
			return a.DeleteFile(ctx, guild, s.chart.ID)
		},
			[]added{{kind: groupkit.FileDeleted, file: "map.png"}}},
		"delete": {"alice", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error { return a.DeleteGroup(ctx, guild) },
			[]added{{kind: groupkit.GroupDeleted}}},
		"create": {"", "new", func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return done(a.CreateGroup(ctx, groupkit.NewGroup{
				ID: "new", Name: "New", Description: "d", Avatar: "a", Custom: "c", Public: true, AllowInvites: true, Owner: "yves", Members: folk("x", "y", "yves", "x"),
			}))
		}, []added{
			{kind: groupkit.GroupCreated, users: folk("yves"), fields: []groupkit.Change{
				name("", "New"), {Field: groupkit.FieldDescription, After: "d"}, {Field: groupkit.FieldAvatar, After: "a"},
				{Field: groupkit.FieldCustom, After: "c"}, {Field: groupkit.FieldPublic, After: "true"}, {Field: groupkit.FieldMaxUsers, After: "200"},
				{Field: groupkit.FieldMembersOnly, After: "false"}, {Field: groupkit.FieldAllowInvites, After: "false"},
				{Field: groupkit.FieldInviteNeedConfirm, After: "true"},
			}},
			{kind: groupkit.MemberJoined, how: groupkit.ByCreation, users: folk("yves", "x", "y")},
		}},
		"forget": {"", guild, func(ctx context.Context, a groupkit.Actor, _ *town) error {
			return a.ForgetUser(ctx, "ivan", groupkit.ForgetOptions{})
		}, []added{
			{kind: groupkit.MemberDisallowed, users: folk("ivan")},
			{kind: groupkit.MemberLeft, how: groupkit.ByForgetting, users: folk("ivan")},
			{kind: groupkit.MemberUnmuted, users: folk("ivan")},
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
	list, err := gather(s.System().Events(t.Context(), group, 0))
	if err != nil {
		require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
		return 0
	}
	return list[len(list)-1].Version
}

func requireAdded(t *testing.T, s *town, group groupkit.GroupID, actor groupkit.UserID, version uint64, want added, got groupkit.Event) {
	event := groupkit.Event{
		Group: group, Version: version, Kind: want.kind, Actor: actor, At: s.hand.now(), Reason: "why not",
		Users: want.users, How: want.how, Before: want.before, Changes: want.fields, File: got.File,
	}
	switch {
	case want.until < 0:
		event.Until = time.UnixMilli(4638873600000).UTC()
	case want.until > 0:
		event.Until = s.hand.now().Add(want.until)
	}
	require.Equal(t, event, got)
	require.Equal(t, want.file != "", got.File != nil)
	if got.File != nil {
		require.Equal(t, want.file, got.File.Name)
		require.EqualValues(t, "carol", got.File.Owner)
	}
}
