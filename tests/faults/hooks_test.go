package faults_test

import (
	"bytes"
	"context"
	"io"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// engineCalls are the methods of Engine that have an Op, and those of Actor that bring what is not there.
var engineCalls = []call{
	{"AdoptContents", func(ctx context.Context, s *grouptest.Dataset) error { return s.AdoptContents(ctx) }},
	{"Backup", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.Backup(ctx, io.Discard))
	}},
	{"Bucket", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.Bucket(ctx, "app", func(store.Reader) error { return nil })
	}},
	{"Copy", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.Copy(ctx, memstore.New(), memblob.New(), groupkit.CopyOptions{}))
	}},
	{"Close", func(_ context.Context, s *grouptest.Dataset) error { return s.Close() }},
	{"RemoveUnknownContents", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.RemoveUnknownContents(ctx, time.Hour))
	}},
	{"RenewHistory", func(ctx context.Context, s *grouptest.Dataset) error { return s.RenewHistory(ctx) }},
	{"SetGroupLimit", func(ctx context.Context, s *grouptest.Dataset) error { return s.SetGroupLimit(ctx, 7) }},
	{"Load", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.System().Load(ctx, otherGroup("loaded")))
	}},
	{"LoadFrom", func(ctx context.Context, s *grouptest.Dataset) error {
		snapshot := otherGroup("loaded")
		return grouptest.ErrorOf(s.System().LoadFrom(ctx, "loaded", func(yield func(groupkit.Event, error) bool) {
			yield(groupkit.Event{Group: "loaded", Version: 1, Kind: groupkit.Checkpoint, Checkpoint: &snapshot, Last: true}, nil)
		}, groupkit.LoadOptions{}))
	}},
	{"PutContent", func(ctx context.Context, s *grouptest.Dataset) error {
		return s.System().PutContent(ctx, grouptest.Guild, s.Chart.ID, strings.NewReader(""))
	}},
	{"Import", func(ctx context.Context, s *grouptest.Dataset) error {
		return grouptest.ErrorOf(s.System().Import(ctx, bytes.NewReader(exported), groupkit.ImportOptions{}))
	}},
}

// otherGroup is a group that a Dataset does not have.
func otherGroup(id groupkit.GroupID) groupkit.Snapshot {
	return groupkit.Snapshot{
		Group:   groupkit.Group{ID: id, Name: "x", MaxUsers: 5, Owner: "alice", Created: grouptest.Dawn, Version: 1},
		Members: []groupkit.Member{{User: "alice", Role: groupkit.RoleOwner}},
	}
}

// exported is an export of two groups that a Dataset does not have.
var exported []byte

// told is the Op of each method.
var told = map[string]groupkit.Op{
	"AcceptInvitation": groupkit.OpAcceptInvitation, "AddAdmin": groupkit.OpAddAdmin, "AddMember": groupkit.OpAddMembers, "AddMembers": groupkit.OpAddMembers,
	"Admins": groupkit.OpListAdmins, "AdminsFrom": groupkit.OpListAdmins, "AdminsPage": groupkit.OpListAdmins, "AdoptContents": groupkit.OpAdoptContents,
	"Allow": groupkit.OpAllowUsers, "AllowList": groupkit.OpAllowList, "AllowListFrom": groupkit.OpAllowList, "AllowListPage": groupkit.OpAllowList,
	"AllowUsers": groupkit.OpAllowUsers, "Announcement": groupkit.OpReadAnnouncement, "ApproveRequest": groupkit.OpApproveRequests,
	"ApproveRequests": groupkit.OpApproveRequests, "Atomic": groupkit.OpAtomic, "Backup": groupkit.OpBackup, "Blacklist": groupkit.OpBlacklist,
	"BlacklistFrom": groupkit.OpBlacklist, "BlacklistPage": groupkit.OpBlacklist, "Block": groupkit.OpBlockUsers, "BlockUsers": groupkit.OpBlockUsers,
	"Bucket": groupkit.OpBucket, "CancelInvitation": groupkit.OpCancelInvitations, "CancelInvitations": groupkit.OpCancelInvitations,
	"CancelRequest": groupkit.OpCancelRequest, "Close": groupkit.OpClose, "Copy": groupkit.OpCopy, "CreateGroup": groupkit.OpCreateGroup, "DeclineInvitation": groupkit.OpDeclineInvitation,
	"DeclineRequest": groupkit.OpDeclineRequests, "DeclineRequests": groupkit.OpDeclineRequests, "DeleteFile": groupkit.OpDeleteFile,
	"DeleteGroup": groupkit.OpDeleteGroup, "Disallow": groupkit.OpDisallowUsers, "DisallowUsers": groupkit.OpDisallowUsers, "Events": groupkit.OpEvents,
	"Export": groupkit.OpExport, "File": groupkit.OpListFiles, "Files": groupkit.OpListFiles, "FilesFrom": groupkit.OpListFiles, "FilesPage": groupkit.OpListFiles,
	"Follow": groupkit.OpFollow, "FollowAll": groupkit.OpFollow, "ForgetUser": groupkit.OpForgetUser, "Group": groupkit.OpGroup, "GroupDetails": groupkit.OpGroup,
	"Groups": groupkit.OpListGroups, "GroupsPage": groupkit.OpListGroups, "Import": groupkit.OpImport, "Invitations": groupkit.OpListInvitations,
	"InvitationsFrom": groupkit.OpListInvitations, "InvitationsPage": groupkit.OpListInvitations, "Invite": groupkit.OpInviteUsers,
	"InviteUsers": groupkit.OpInviteUsers, "Join": groupkit.OpJoin, "JoinedGroups": groupkit.OpJoinedGroups, "JoinedGroupsFrom": groupkit.OpJoinedGroups,
	"JoinedGroupsPage": groupkit.OpJoinedGroups, "Leave": groupkit.OpLeave, "Load": groupkit.OpLoad, "LoadFrom": groupkit.OpLoad, "MaySpeak": groupkit.OpSpeak,
	"Members": groupkit.OpListMembers, "MembersFrom": groupkit.OpListMembers, "MembersPage": groupkit.OpListMembers, "Mute": groupkit.OpMuteUsers,
	"MuteGroup": groupkit.OpMuteGroup, "MuteUsers": groupkit.OpMuteUsers, "Mutes": groupkit.OpListMutes, "MutesFrom": groupkit.OpListMutes,
	"MutesPage": groupkit.OpListMutes, "OpenFile": groupkit.OpOpenFile, "PlanRepair": groupkit.OpPlanRepair, "PendingInvitations": groupkit.OpListInvitations,
	"PendingRequests": groupkit.OpListRequests, "PutContent": groupkit.OpPutContent, "RemoveAdmin": groupkit.OpRemoveAdmin,
	"RemoveMember": groupkit.OpRemoveMembers, "RemoveMembers": groupkit.OpRemoveMembers, "RemoveUnknownContents": groupkit.OpRemoveUnknownContents,
	"RenewHistory": groupkit.OpRenewHistory, "Repair": groupkit.OpRepair, "Requests": groupkit.OpListRequests, "RequestsFrom": groupkit.OpListRequests,
	"RequestsPage": groupkit.OpListRequests, "Role": groupkit.OpRole, "SetAnnouncement": groupkit.OpSetAnnouncement, "SetGroupLimit": groupkit.OpSetGroupLimit,
	"Snapshot": groupkit.OpGroup, "SnapshotParts": groupkit.OpSnapshotParts, "Standing": groupkit.OpStanding, "Sweep": groupkit.OpSweep,
	"TransferGroup": groupkit.OpTransferGroup, "Unblock": groupkit.OpUnblockUsers, "UnblockUsers": groupkit.OpUnblockUsers, "Unmute": groupkit.OpUnmuteUsers,
	"UnmuteGroup": groupkit.OpUnmuteGroup, "UnmuteUsers": groupkit.OpUnmuteUsers, "UpdateGroup": groupkit.OpUpdateGroup, "UploadFile": groupkit.OpUploadFile,
	"UserData": groupkit.OpUserData, "Verify": groupkit.OpVerify,
}

// A recorder keeps what Hooks.Call was told.
type recorder struct {
	mu    sync.Mutex
	calls []groupkit.CallInfo
}

func (r *recorder) call(_ context.Context, c groupkit.CallInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c)
}

func (r *recorder) take() (calls []groupkit.CallInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls, r.calls = r.calls, nil
	return calls
}

// TestHooks_EveryCall makes every call, and lets every call be refused. Each is told once, with its
// operation and its outcome.
func TestHooks_EveryCall(t *testing.T) {
	t.Parallel()
	source := grouptest.NewDataset(t)
	for _, id := range []groupkit.GroupID{"in-1", "in-2"} {
		require.NoError(t, grouptest.ErrorOf(source.System().Load(t.Context(), otherGroup(id))))
	}
	var text bytes.Buffer
	require.NoError(t, source.System().Export(t.Context(), &text, groupkit.ExportOptions{Groups: []groupkit.GroupID{"in-1", "in-2"}}))
	exported = text.Bytes()

	named := map[string]bool{"Because": true, "IfVersion": true, "Once": true, "Can": true, // which return actors
		"As": true, "System": true, "History": true, "Position": true, "Stats": true, // which say what is known
	}
	refused := 0
	for _, c := range append(allCalls(), engineCalls...) {
		named[c.name] = true
		if c.name == "Repair" { // that of the table makes the plan first
			c.run = func(ctx context.Context, s *grouptest.Dataset) error {
				return grouptest.ErrorOf(s.Repair(ctx, groupkit.RepairPlan{}))
			}
		}
		r := new(recorder)
		opts := grouptest.DatasetOptions()
		opts.Hooks.Call = r.call
		s := grouptest.NewDatasetOver(t, opts, grouptest.Unwrapped)
		require.Empty(t, r.take(), "what the opening does")
		op, ok := told[c.name]
		require.True(t, ok, c.name)
		require.NotEmpty(t, op)
		requireTold := func(err error) {
			t.Helper()
			calls := r.take()
			require.Len(t, calls, 1, "%s: %v", c.name, calls)
			require.Equal(t, op, calls[0].Op, c.name)
			require.Equal(t, err, calls[0].Err, c.name)
			require.Equal(t, groupkit.Code(err), calls[0].Code, c.name)
			require.Zero(t, calls[0].Retries, c.name)
			require.Positive(t, calls[0].Duration, c.name)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if c.name != "Close" {
			err := c.run(ended, s)
			requireTold(err)
			if err != nil {
				refused++
			}
		}
		requireTold(c.run(t.Context(), s))
	}
	require.Greater(t, refused, 100, "calls whose context has ended")
	for _, of := range []reflect.Type{reflect.TypeFor[groupkit.Actor](), reflect.TypeFor[*groupkit.Engine]()} {
		for m := range of.Methods() {
			if strings.Contains(m.Name, "__") {
				continue // a mutation of internal/tools/mutate
			}
			require.True(t, named[m.Name], m.Name)
		}
	}
}
