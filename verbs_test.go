package groupkit_test

import (
	"context"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// A verb is one call of the engine that succeeds in a town.
type verb struct {
	name string // of the method
	run  func(context.Context, *town) error
}

// changes are the verbs that change a group.
var changes = []verb{
	{"CreateGroup", func(ctx context.Context, s *town) error {
		return second(s.System().CreateGroup(ctx, groupkit.NewGroup{ID: "new", Name: "New", Custom: "x", Owner: "yves", Members: ids{"bob", "carol"}}))
	}},
	{"CreateGroup", func(ctx context.Context, s *town) error {
		return second(s.As("yves").CreateGroup(ctx, groupkit.NewGroup{Name: "New", Members: ids{"bob"}}))
	}},
	{"UpdateGroup", func(ctx context.Context, s *town) error {
		return second(s.As("alice").UpdateGroup(ctx, guild, groupkit.GroupUpdate{Name: new("Day Watch"), Custom: new(""), MaxUsers: new(9)}))
	}},
	{"SetAnnouncement", func(ctx context.Context, s *town) error { return s.As("bob").SetAnnouncement(ctx, guild, "Spring") }},
	{"UploadFile", func(ctx context.Context, s *town) error {
		return second(s.As("carol").UploadFile(ctx, guild, "new.txt", strings.NewReader("new")))
	}},
	{"DeleteFile", func(ctx context.Context, s *town) error { return s.As("bob").DeleteFile(ctx, guild, s.chart.ID) }},
	{"AddMember", func(ctx context.Context, s *town) error { return s.System().AddMember(ctx, guild, "frank") }},
	{"AddMembers", func(ctx context.Context, s *town) error {
		return second(s.System().AddMembers(ctx, guild, ids{"carol", "grace", "new"}))
	}},
	{"RemoveMember", func(ctx context.Context, s *town) error { return s.As("bob").RemoveMember(ctx, guild, "dave") }},
	{"RemoveMembers", func(ctx context.Context, s *town) error {
		return second(s.As("alice").RemoveMembers(ctx, guild, ids{"bob", "carol", "nobody"}))
	}},
	{"Leave", func(ctx context.Context, s *town) error { return s.As("ivan").Leave(ctx, guild) }},
	{"Leave", func(ctx context.Context, s *town) error { return s.As("alice").Leave(ctx, guild) }},
	{"AddAdmin", func(ctx context.Context, s *town) error { return s.As("alice").AddAdmin(ctx, guild, "carol") }},
	{"RemoveAdmin", func(ctx context.Context, s *town) error { return s.As("alice").RemoveAdmin(ctx, guild, "bob") }},
	{"TransferGroup", func(ctx context.Context, s *town) error { return s.As("alice").TransferGroup(ctx, guild, "bob") }},
	{"Block", func(ctx context.Context, s *town) error {
		return second(s.As("bob").Block(ctx, guild, time.Hour, "dave"))
	}},
	{"BlockUsers", func(ctx context.Context, s *town) error {
		return second(s.As("alice").BlockUsers(ctx, guild, groupkit.Forever, ids{"bob", "frank", "stranger", "alice"}))
	}},
	{"Unblock", func(ctx context.Context, s *town) error { return s.As("bob").Unblock(ctx, guild, "erin") }},
	{"UnblockUsers", func(ctx context.Context, s *town) error {
		return second(s.As("bob").UnblockUsers(ctx, guild, ids{"erin", "mallory", "carol"}))
	}},
	{"Mute", func(ctx context.Context, s *town) error {
		return second(s.As("bob").Mute(ctx, guild, time.Minute, "carol"))
	}},
	{"MuteUsers", func(ctx context.Context, s *town) error {
		return second(s.As("alice").MuteUsers(ctx, guild, time.Minute, ids{"ivan", "bob", "nobody"}))
	}},
	{"Unmute", func(ctx context.Context, s *town) error { return s.As("bob").Unmute(ctx, guild, "heidi") }},
	{"UnmuteUsers", func(ctx context.Context, s *town) error {
		return second(s.As("bob").UnmuteUsers(ctx, guild, ids{"ivan", "heidi", "carol"}))
	}},
	{"MuteGroup", func(ctx context.Context, s *town) error { return s.As("zoe").MuteGroup(ctx, open) }},
	{"UnmuteGroup", func(ctx context.Context, s *town) error { return s.As("bob").UnmuteGroup(ctx, guild) }},
	{"Allow", func(ctx context.Context, s *town) error { return s.As("bob").Allow(ctx, guild, "carol") }},
	{"AllowUsers", func(ctx context.Context, s *town) error {
		return second(s.As("bob").AllowUsers(ctx, guild, ids{"carol", "dave"}))
	}},
	{"Disallow", func(ctx context.Context, s *town) error { return s.As("bob").Disallow(ctx, guild, "dave") }},
	{"DisallowUsers", func(ctx context.Context, s *town) error {
		return second(s.As("bob").DisallowUsers(ctx, guild, ids{"dave", "ivan", "carol"}))
	}},
	{"Join", func(ctx context.Context, s *town) error { return second(s.As("newcomer").Join(ctx, guild)) }},
	{"Join", func(ctx context.Context, s *town) error { return second(s.As("newcomer").Join(ctx, open)) }},
	{"Join", func(ctx context.Context, s *town) error { return second(s.As("zoe").Join(ctx, s.rangers)) }},
	{"ApproveRequest", func(ctx context.Context, s *town) error { return s.As("bob").ApproveRequest(ctx, guild, "frank") }},
	{"DeclineRequest", func(ctx context.Context, s *town) error {
		return s.As("bob").Because("no").DeclineRequest(ctx, guild, "frank")
	}},
	{"CancelRequest", func(ctx context.Context, s *town) error { return s.As("frank").CancelRequest(ctx, guild) }},
	{"Invite", func(ctx context.Context, s *town) error {
		return second(s.As("carol").Invite(ctx, s.rangers, "newcomer"))
	}},
	{"InviteUsers", func(ctx context.Context, s *town) error {
		return second(s.As("bob").InviteUsers(ctx, guild, ids{"newcomer", "frank", "grace", "erin"}))
	}},
	{"AcceptInvitation", func(ctx context.Context, s *town) error { return s.As("grace").AcceptInvitation(ctx, guild) }},
	{"DeclineInvitation", func(ctx context.Context, s *town) error { return s.As("zoe").DeclineInvitation(ctx, s.rangers) }},
	{"CancelInvitation", func(ctx context.Context, s *town) error { return s.As("carol").CancelInvitation(ctx, s.rangers, "zoe") }},
	{"Atomic", func(ctx context.Context, s *town) error {
		return s.Atomic(ctx, func(tx *groupkit.Tx) error {
			if err := tx.As("bob").Allow(ctx, guild, "carol"); err != nil {
				return err
			}
			if err := tx.System().AddMember(ctx, open, "carol"); err != nil {
				return err
			}
			return second(tx.As("alice").Once("k").UpdateGroup(ctx, guild, groupkit.GroupUpdate{Name: new("Day Watch")}))
		})
	}},
}

// stepwise are the verbs that take more than one transaction: a failure may come when
// a part is done already.
var stepwise = []verb{
	{"DeleteGroup", func(ctx context.Context, s *town) error { return s.As("alice").DeleteGroup(ctx, guild) }},
	{"Leave", func(ctx context.Context, s *town) error {
		return s.As("zoe").Leave(ctx, open) // alice is the heir
	}},
	{"ForgetUser", func(ctx context.Context, s *town) error {
		return s.System().ForgetUser(ctx, "bob", groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed, Pseudonymize: true, Blocks: true})
	}},
	{"ForgetUser", func(ctx context.Context, s *town) error {
		return s.System().ForgetUser(ctx, "alice", groupkit.ForgetOptions{Owned: groupkit.OwnedDelete})
	}},
	{"Sweep", func(ctx context.Context, s *town) error {
		s.clock.Advance(2 * month)
		return second(s.Sweep(ctx))
	}},
}

// reads are the verbs that change nothing.
var reads = []verb{
	{"Group", func(ctx context.Context, s *town) error { return second(s.As("alice").Group(ctx, guild)) }},
	{"Group", func(ctx context.Context, s *town) error { return second(s.As("zoe").Group(ctx, s.rangers)) }},
	{"GroupDetails", func(ctx context.Context, s *town) error {
		_, _, err := s.As("alice").GroupDetails(ctx, []groupkit.GroupID{guild, open, "nowhere", s.rangers, ended, archive})
		return err
	}},
	{"Groups", func(ctx context.Context, s *town) error { return second(collect(s.System().Groups(ctx))) }},
	{"Groups", func(ctx context.Context, s *town) error { return second(collect(s.As("carol").Groups(ctx))) }},
	{"GroupsPage", func(ctx context.Context, s *town) error {
		_, _, err := s.As("alice").GroupsPage(ctx, 1, "")
		return err
	}},
	{"JoinedGroups", func(ctx context.Context, s *town) error {
		return second(collect(s.As("carol").JoinedGroups(ctx, "carol")))
	}},
	{"JoinedGroupsPage", func(ctx context.Context, s *town) error {
		return second(s.System().JoinedGroupsPage(ctx, "carol", groupkit.Page{}))
	}},
	{"Announcement", func(ctx context.Context, s *town) error { return second(s.As("carol").Announcement(ctx, guild)) }},
	{"OpenFile", func(ctx context.Context, s *town) error {
		_, r, err := s.As("carol").OpenFile(ctx, guild, s.chart.ID)
		if err != nil {
			return err
		}
		defer r.Close()
		return second(io.ReadAll(r))
	}},
	{"File", func(ctx context.Context, s *town) error { return second(s.As("carol").File(ctx, guild, s.chart.ID)) }},
	{"Files", func(ctx context.Context, s *town) error { return second(collect(s.As("carol").Files(ctx, guild))) }},
	{"FilesPage", func(ctx context.Context, s *town) error {
		return second(s.As("carol").FilesPage(ctx, guild, groupkit.Page{Number: 2, Size: 1}))
	}},
	{"Members", func(ctx context.Context, s *town) error { return second(collect(s.As("carol").Members(ctx, guild))) }},
	{"MembersPage", func(ctx context.Context, s *town) error {
		return second(s.As("carol").MembersPage(ctx, guild, groupkit.Page{Number: 2, Size: 2}))
	}},
	{"Role", func(ctx context.Context, s *town) error { return second(s.As("carol").Role(ctx, guild, "bob")) }},
	{"Admins", func(ctx context.Context, s *town) error { return second(collect(s.As("carol").Admins(ctx, guild))) }},
	{"AdminsPage", func(ctx context.Context, s *town) error {
		return second(s.As("carol").AdminsPage(ctx, guild, groupkit.Page{}))
	}},
	{"Blacklist", func(ctx context.Context, s *town) error { return second(collect(s.As("bob").Blacklist(ctx, guild))) }},
	{"BlacklistPage", func(ctx context.Context, s *town) error {
		return second(s.As("bob").BlacklistPage(ctx, guild, groupkit.Page{}))
	}},
	{"Mutes", func(ctx context.Context, s *town) error { return second(collect(s.As("bob").Mutes(ctx, guild))) }},
	{"MutesPage", func(ctx context.Context, s *town) error {
		return second(s.As("bob").MutesPage(ctx, guild, groupkit.Page{}))
	}},
	{"AllowList", func(ctx context.Context, s *town) error { return second(collect(s.As("bob").AllowList(ctx, guild))) }},
	{"AllowListPage", func(ctx context.Context, s *town) error {
		return second(s.As("bob").AllowListPage(ctx, guild, groupkit.Page{}))
	}},
	{"MaySpeak", func(ctx context.Context, s *town) error { return s.As("dave").MaySpeak(ctx, guild) }},
	{"Requests", func(ctx context.Context, s *town) error { return second(collect(s.As("bob").Requests(ctx, guild))) }},
	{"RequestsPage", func(ctx context.Context, s *town) error {
		return second(s.As("bob").RequestsPage(ctx, guild, groupkit.Page{}))
	}},
	{"Invitations", func(ctx context.Context, s *town) error { return second(collect(s.As("bob").Invitations(ctx, guild))) }},
	{"InvitationsPage", func(ctx context.Context, s *town) error {
		return second(s.As("bob").InvitationsPage(ctx, guild, groupkit.Page{}))
	}},
	{"PendingRequests", func(ctx context.Context, s *town) error {
		return second(collect(s.As("frank").PendingRequests(ctx, "frank")))
	}},
	{"PendingInvitations", func(ctx context.Context, s *town) error {
		return second(collect(s.System().PendingInvitations(ctx, "zoe")))
	}},
	{"Events", func(ctx context.Context, s *town) error { return second(collect(s.As("bob").Events(ctx, guild, 0))) }},
	{"Events", func(ctx context.Context, s *town) error { return second(collect(s.System().Events(ctx, archive, 0))) }},
	{"Events", func(ctx context.Context, s *town) error { return second(collect(s.System().Events(ctx, ended, 0))) }},
	{"Snapshot", func(ctx context.Context, s *town) error { return second(s.As("bob").Snapshot(ctx, guild)) }},
	{"Subscribe", func(ctx context.Context, s *town) error {
		sub, err := s.As("bob").Subscribe(ctx, guild)
		if err == nil {
			sub.Close()
		}
		return err
	}},
	{"Verify", func(ctx context.Context, s *town) error { return second(s.Verify(ctx)) }},
}

func allVerbs() (all []verb) {
	for _, some := range [][]verb{changes, stepwise, reads} {
		all = append(all, some...)
	}
	return all
}

// TestVerbs checks that the tables above name every verb there is, and that each
// succeeds and leaves a sound store behind.
func TestVerbs(t *testing.T) {
	t.Parallel()
	named := map[string]bool{
		"Because": true, "IfVersion": true, "Once": true, "Can": true, // which return actors
		"SubscribeAll": true, // which touches no store
	}
	for _, v := range allVerbs() {
		named[v.name] = true
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			s := newTown(t)
			require.NoError(t, v.run(t.Context(), s))
			s.clean(t)
		})
	}
	for m := range reflect.TypeFor[groupkit.Actor]().Methods() {
		require.True(t, named[m.Name], m.Name)
	}
}
