package faults_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A call is one call of the public API that succeeds on a Dataset.
type call struct {
	name string // of the method
	run  func(context.Context, *grouptest.Dataset) error
}

// changes are the calls that change a group in one transaction.
var changes = []call{
	{"CreateGroup", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.System().CreateGroup(ctx, groupkit.NewGroup{ID: "new", Name: "New", Custom: "x", Owner: "yves", Members: grouptest.IDs{"bob", "carol"}}))
	}},
	{"CreateGroup", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("yves").CreateGroup(ctx, groupkit.NewGroup{Name: "New", Members: grouptest.IDs{"bob"}}))
	}},
	{"UpdateGroup", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("alice").UpdateGroup(ctx, grouptest.Guild, groupkit.GroupUpdate{Name: new("Day Watch"), Custom: new(""), MaxUsers: new(9)}))
	}},
	{"SetAnnouncement", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("bob").SetAnnouncement(ctx, grouptest.Guild, "Spring")
	}},
	{"UploadFile", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("carol").UploadFile(ctx, grouptest.Guild, "new.txt", strings.NewReader("new")))
	}},
	{"DeleteFile", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("bob").DeleteFile(ctx, grouptest.Guild, s.Chart.ID)
	}},
	{"AddMember", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.System().AddMember(ctx, grouptest.Guild, "frank")
	}},
	{"AddMembers", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.System().AddMembers(ctx, grouptest.Guild, grouptest.IDs{"carol", "grace", "new"}))
	}},
	{"RemoveMember", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("bob").RemoveMember(ctx, grouptest.Guild, "dave")
	}},
	{"RemoveMembers", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("alice").RemoveMembers(ctx, grouptest.Guild, grouptest.IDs{"bob", "carol", "nobody"}))
	}},
	{"Leave", func(ctx context.Context, s *grouptest.Dataset) error { return s.As("ivan").Leave(ctx, grouptest.Guild) }},
	{"Leave", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("alice").Leave(ctx, grouptest.Guild)
	}},
	{"AddAdmin", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("alice").AddAdmin(ctx, grouptest.Guild, "carol")
	}},
	{"RemoveAdmin", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("alice").RemoveAdmin(ctx, grouptest.Guild, "bob")
	}},
	{"TransferGroup", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("alice").TransferGroup(ctx, grouptest.Guild, "bob")
	}},
	{"Block", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("bob").Block(ctx, grouptest.Guild, time.Hour, "dave"))
	}},
	{"BlockUsers", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("alice").BlockUsers(ctx, grouptest.Guild, groupkit.Forever, grouptest.IDs{"bob", "frank", "stranger", "alice"}))
	}},
	{"Unblock", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("bob").Unblock(ctx, grouptest.Guild, "erin")
	}},
	{"UnblockUsers", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("bob").UnblockUsers(ctx, grouptest.Guild, grouptest.IDs{"erin", "mallory", "carol"}))
	}},
	{"Mute", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("bob").Mute(ctx, grouptest.Guild, time.Minute, "carol"))
	}},
	{"MuteUsers", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("alice").MuteUsers(ctx, grouptest.Guild, time.Minute, grouptest.IDs{"ivan", "bob", "nobody"}))
	}},
	{"Unmute", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("bob").Unmute(ctx, grouptest.Guild, "heidi")
	}},
	{"UnmuteUsers", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("bob").UnmuteUsers(ctx, grouptest.Guild, grouptest.IDs{"ivan", "heidi", "carol"}))
	}},
	{"MuteGroup", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("zoe").MuteGroup(ctx, grouptest.OpenGroup)
	}},
	{"UnmuteGroup", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("bob").UnmuteGroup(ctx, grouptest.Guild)
	}},
	{"Allow", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("bob").Allow(ctx, grouptest.Guild, "carol")
	}},
	{"AllowUsers", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("bob").AllowUsers(ctx, grouptest.Guild, grouptest.IDs{"carol", "dave"}))
	}},
	{"Disallow", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("bob").Disallow(ctx, grouptest.Guild, "dave")
	}},
	{"DisallowUsers", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("bob").DisallowUsers(ctx, grouptest.Guild, grouptest.IDs{"dave", "ivan", "carol"}))
	}},
	{"Join", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("newcomer").Join(ctx, grouptest.Guild))
	}},
	{"Join", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("newcomer").Join(ctx, grouptest.OpenGroup))
	}},
	{"Join", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("zoe").Join(ctx, s.Rangers))
	}},
	{"ApproveRequest", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("bob").ApproveRequest(ctx, grouptest.Guild, "frank")
	}},
	{"DeclineRequest", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("bob").Because("no").DeclineRequest(ctx, grouptest.Guild, "frank")
	}},
	{"ApproveRequests", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("bob").ApproveRequests(ctx, grouptest.Guild, grouptest.IDs{"carol", "frank"}))
	}},
	{"DeclineRequests", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("bob").DeclineRequests(ctx, grouptest.Guild, grouptest.IDs{"frank", "frank"}))
	}},
	{"CancelRequest", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("frank").CancelRequest(ctx, grouptest.Guild)
	}},
	{"Invite", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("carol").Invite(ctx, s.Rangers, "newcomer"))
	}},
	{"InviteUsers", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("bob").InviteUsers(ctx, grouptest.Guild, grouptest.IDs{"newcomer", "frank", "grace", "erin"}))
	}},
	{"AcceptInvitation", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("grace").AcceptInvitation(ctx, grouptest.Guild)
	}},
	{"DeclineInvitation", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("zoe").DeclineInvitation(ctx, s.Rangers)
	}},
	{"CancelInvitation", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("carol").CancelInvitation(ctx, s.Rangers, "zoe")
	}},
	{"CancelInvitations", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("carol").CancelInvitations(ctx, s.Rangers, grouptest.IDs{"zoe", "nobody"}))
	}},
	{"Atomic", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.Atomic(ctx, func(tx *groupkit.Tx) error {
			if err := tx.As("bob").Allow(ctx, grouptest.Guild, "carol"); err != nil {
				return err
			}
			if err := tx.System().AddMember(ctx, grouptest.OpenGroup, "carol"); err != nil {
				return err
			}
			return grouptest.ErrorOf(tx.As("alice").Once("k").UpdateGroup(ctx, grouptest.Guild, groupkit.GroupUpdate{Name: new("Day Watch")}))
		})
	}},
}

// multiStep are the calls that take several transactions. They may fail when a part is
// done already.
var multiStep = []call{
	{"DeleteGroup", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("alice").DeleteGroup(ctx, grouptest.Guild)
	}},
	{"Leave", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("zoe").Leave(ctx, grouptest.OpenGroup) // alice is the heir
	}},
	{"ForgetUser", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.System().ForgetUser(ctx, "bob", groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed, Pseudonymize: true, Blocks: true})
	}},
	{"ForgetUser", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.System().ForgetUser(ctx, "alice", groupkit.ForgetOptions{Owned: groupkit.OwnedDelete})
	}},
	{"Repair", func(ctx context.Context, s *grouptest.Dataset) error {
		plan, err := s.PlanRepair(ctx)
		if err != nil {
			return err
		}
		return grouptest.ErrorOf(s.Repair(ctx, plan))
	}},
	{"Sweep", func(ctx context.Context, s *grouptest.Dataset) error {
		s.Clock.Advance(2 * grouptest.Month)
		return grouptest.ErrorOf(s.Sweep(ctx))
	}},
}

// transfers are the calls that carry everything elsewhere. What they carry is whole, although records are damaged.
var transfers = []call{
	{"Backup", func(ctx context.Context, s *grouptest.Dataset) error {
		var out bytes.Buffer
		_, err := s.Backup(ctx, &out)
		if err == nil || errors.Is(err, groupkit.ErrCorrupt) {
			_, failed := groupkit.Restore(ctx, memstore.New(), memblob.New(), bytes.NewReader(out.Bytes()))
			err = errors.Join(failed, err)
		}
		if failed, ok := err.(interface{ Unwrap() []error }); ok && len(failed.Unwrap()) == 1 { //nolint:errorlint // of Join
			err = failed.Unwrap()[0]
		}
		return err
	}},
	{"Copy", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.Copy(ctx, memstore.New(), memblob.New(), groupkit.CopyOptions{}))
	}},
}

// reads are the calls that change nothing.
var reads = []call{
	{"Group", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("alice").Group(ctx, grouptest.Guild))
	}},
	{"Group", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("zoe").Group(ctx, s.Rangers))
	}},
	{"GroupDetails", func(ctx context.Context, s *grouptest.Dataset) error {
		_, _, err := s.As("alice").GroupDetails(ctx, []groupkit.GroupID{grouptest.Guild, grouptest.OpenGroup, "nowhere", s.Rangers, grouptest.Ended, grouptest.Archive})
		return err
	}},
	{"Groups", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.System().Groups(ctx)))
	}},
	{"Groups", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.As("carol").Groups(ctx)))
	}},
	{"GroupsPage", func(ctx context.Context, s *grouptest.Dataset) error {
		_, _, err := s.As("alice").GroupsPage(ctx, 1, "")
		return err
	}},
	{"JoinedGroups", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.As("carol").JoinedGroups(ctx, "carol")))
	}},
	{"JoinedGroupsPage", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.System().JoinedGroupsPage(ctx, "carol", groupkit.Page{}))
	}},
	{"Announcement", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("carol").Announcement(ctx, grouptest.Guild))
	}},
	{"OpenFile", func(ctx context.Context, s *grouptest.Dataset) error {
		_, r, err := s.As("carol").OpenFile(ctx, grouptest.Guild, s.Chart.ID)
		if err != nil {
			return err
		}
		defer r.Close()
		return grouptest.ErrorOf(io.ReadAll(r))
	}},
	{"File", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("carol").File(ctx, grouptest.Guild, s.Chart.ID))
	}},
	{"Files", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.As("carol").Files(ctx, grouptest.Guild)))
	}},
	{"FilesPage", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("carol").FilesPage(ctx, grouptest.Guild, groupkit.Page{Number: 2, Size: 1}))
	}},
	{"Members", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.As("carol").Members(ctx, grouptest.Guild)))
	}},
	{"MembersPage", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("carol").MembersPage(ctx, grouptest.Guild, groupkit.Page{Number: 2, Size: 2}))
	}},
	{"Role", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("carol").Role(ctx, grouptest.Guild, "bob"))
	}},
	{"Standing", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("bob").Standing(ctx, grouptest.Guild, "carol"))
	}},
	{"MembersFrom", func(ctx context.Context, s *grouptest.Dataset) error {
		_, _, err := s.As("carol").MembersFrom(ctx, grouptest.Guild, groupkit.From{After: "alice", Limit: 2})
		return err
	}},
	{"AdminsFrom", func(ctx context.Context, s *grouptest.Dataset) error {
		_, _, err := s.As("bob").AdminsFrom(ctx, grouptest.Guild, groupkit.From{Limit: 1})
		return err
	}},
	{"BlacklistFrom", func(ctx context.Context, s *grouptest.Dataset) error {
		_, _, err := s.As("bob").BlacklistFrom(ctx, grouptest.Guild, groupkit.From{Limit: 1})
		return err
	}},
	{"MutesFrom", func(ctx context.Context, s *grouptest.Dataset) error {
		_, _, err := s.As("bob").MutesFrom(ctx, grouptest.Guild, groupkit.From{Limit: 1})
		return err
	}},
	{"AllowListFrom", func(ctx context.Context, s *grouptest.Dataset) error {
		_, _, err := s.As("bob").AllowListFrom(ctx, grouptest.Guild, groupkit.From{Limit: 1})
		return err
	}},
	{"InvitationsFrom", func(ctx context.Context, s *grouptest.Dataset) error {
		_, _, err := s.As("bob").InvitationsFrom(ctx, grouptest.Guild, groupkit.From{Limit: 1})
		return err
	}},
	{"RequestsFrom", func(ctx context.Context, s *grouptest.Dataset) error {
		_, _, err := s.As("bob").RequestsFrom(ctx, grouptest.Guild, groupkit.From{})
		return err
	}},
	{"FilesFrom", func(ctx context.Context, s *grouptest.Dataset) error {
		_, _, err := s.As("carol").FilesFrom(ctx, grouptest.Guild, groupkit.From{Limit: 1})
		return err
	}},
	{"JoinedGroupsFrom", func(ctx context.Context, s *grouptest.Dataset) error {
		_, _, err := s.As("carol").JoinedGroupsFrom(ctx, "carol", groupkit.From{Limit: 1})
		return err
	}},
	{"Admins", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.As("carol").Admins(ctx, grouptest.Guild)))
	}},
	{"AdminsPage", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("carol").AdminsPage(ctx, grouptest.Guild, groupkit.Page{}))
	}},
	{"Blacklist", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.As("bob").Blacklist(ctx, grouptest.Guild)))
	}},
	{"BlacklistPage", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("bob").BlacklistPage(ctx, grouptest.Guild, groupkit.Page{}))
	}},
	{"Mutes", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.As("bob").Mutes(ctx, grouptest.Guild)))
	}},
	{"MutesPage", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("bob").MutesPage(ctx, grouptest.Guild, groupkit.Page{}))
	}},
	{"AllowList", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.As("bob").AllowList(ctx, grouptest.Guild)))
	}},
	{"AllowListPage", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("bob").AllowListPage(ctx, grouptest.Guild, groupkit.Page{}))
	}},
	{"MaySpeak", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.As("dave").MaySpeak(ctx, grouptest.Guild)
	}},
	{"Requests", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.As("bob").Requests(ctx, grouptest.Guild)))
	}},
	{"RequestsPage", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("bob").RequestsPage(ctx, grouptest.Guild, groupkit.Page{}))
	}},
	{"Invitations", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.As("bob").Invitations(ctx, grouptest.Guild)))
	}},
	{"InvitationsPage", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("bob").InvitationsPage(ctx, grouptest.Guild, groupkit.Page{}))
	}},
	{"PendingRequests", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.As("frank").PendingRequests(ctx, "frank")))
	}},
	{"PendingInvitations", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.System().PendingInvitations(ctx, "zoe")))
	}},
	{"Events", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.As("bob").Events(ctx, grouptest.Guild, 0)))
	}},
	{"Events", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.System().Events(ctx, grouptest.Archive, 0)))
	}},
	{"Events", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.System().Events(ctx, grouptest.Ended, 0)))
	}},
	{"Snapshot", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.As("bob").Snapshot(ctx, grouptest.Guild))
	}},
	{"SnapshotParts", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.System().SnapshotParts(ctx, grouptest.Guild)))
	}},
	{"Export", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.System().Export(ctx, io.Discard, groupkit.ExportOptions{})
	}},
	{"UserData", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.System().UserData(ctx, "bob")))
	}},
	{"UserData", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(grouptest.Collect(s.System().UserData(ctx, "xena")))
	}},
	{"Follow", func(ctx context.Context, s *grouptest.Dataset) error {
		sub, err := s.As("bob").Follow(ctx, grouptest.Guild, groupkit.Latest())
		if err == nil {
			sub.Close()
		}
		return err
	}},
	{"FollowAll", func(ctx context.Context, s *grouptest.Dataset) error {
		sub, err := s.System().FollowAll(ctx, groupkit.Latest())
		if err == nil {
			sub.Close()
		}
		return err
	}},
	{"Verify", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.Verify(ctx, groupkit.VerifyOptions{}))
	}},
	{"Verify", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.Verify(ctx, groupkit.VerifyOptions{Quick: true, Progress: func(groupkit.VerifyProgress) {}}))
	}},
	{"PlanRepair", func(ctx context.Context, s *grouptest.Dataset) error { return grouptest.ErrorOf(s.PlanRepair(ctx)) }},
}

func allCalls() (all []call) {
	for _, some := range [][]call{changes, multiStep, transfers, reads} {
		all = append(all, some...)
	}
	return all
}

// TestCalls checks that the tables above name every method of Actor, and that each call
// succeeds and leaves a store that Verify finds no fault with.
func TestCalls(t *testing.T) {
	t.Parallel()
	named := map[string]bool{
		"Because": true, "IfVersion": true, "Once": true, "Can": true, // which return actors
		"Load": true, "LoadFrom": true, "PutContent": true, // cut off at every step in load_group_test.go
		"Import": true, // cut off after every line in export_lines_test.go
	}
	for _, v := range allCalls() {
		named[v.name] = true
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewDataset(t)
			require.NoError(t, v.run(t.Context(), s))
			s.RequireVerified(t)
		})
	}
	for m := range reflect.TypeFor[groupkit.Actor]().Methods() {
		require.True(t, named[m.Name], m.Name)
	}
}
