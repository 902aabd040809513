package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// An invited user does not learn the Version of a private group, neither from the cause of a
// refusal nor by trying one version after another.
func TestActor_IfVersion_Invitee(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	ctx := t.Context()
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{})
	require.NoError(t, grouptest.ErrorOf(eng.System().Invite(ctx, id, "ivan")))
	g, err := eng.System().Group(ctx, id)
	require.NoError(t, err)
	for n := range g.Version + 2 {
		a := eng.As("ivan").IfVersion(n)
		for _, err := range []error{
			grouptest.ErrorOf(a.Can().Join(ctx, id)), grouptest.ErrorOf(a.Join(ctx, id)), a.AcceptInvitation(ctx, id), a.DeclineInvitation(ctx, id),
		} {
			require.ErrorIs(t, err, groupkit.ErrGroupNotFound, "version %d of %d", n, g.Version)
		}
	}
	require.NoError(t, grouptest.ErrorOf(eng.As("ivan").Join(ctx, id)), "the invitation is still there")
}

// A privateCall is a call on a private group, and what it gives whom, written out. "hidden" is
// what it gives on a group that never was: ErrGroupNotFound, or the answer of no group.
type privateCall struct {
	name     string
	call     func(context.Context, groupkit.Actor, groupkit.GroupID) (any, error)
	outsider string
	invitee  string
	blocked  string
}

// errorOnly makes a call that returns an error alone one of a privateCall.
func errorOnly(call func(groupkit.Actor, context.Context, groupkit.GroupID) error) func(context.Context, groupkit.Actor, groupkit.GroupID) (any, error) {
	return func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
		return nil, call(a, ctx, id)
	}
}

func valued[T any](call func(groupkit.Actor, context.Context, groupkit.GroupID) (T, error)) func(context.Context, groupkit.Actor, groupkit.GroupID) (any, error) {
	return func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) { return call(a, ctx, id) }
}

func listed[T any](call func(groupkit.Actor, context.Context, groupkit.GroupID) iter.Seq2[T, error]) func(context.Context, groupkit.Actor, groupkit.GroupID) (any, error) {
	return func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
		return grouptest.Collect(call(a, ctx, id))
	}
}

func pageOf[T any](call func(groupkit.Actor, context.Context, groupkit.GroupID, groupkit.Page) ([]T, error), page groupkit.Page) func(context.Context, groupkit.Actor, groupkit.GroupID) (any, error) {
	return func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
		return call(a, ctx, id, page)
	}
}

func fromOf[T any](call func(groupkit.Actor, context.Context, groupkit.GroupID, groupkit.From) ([]T, string, error), from groupkit.From) func(context.Context, groupkit.Actor, groupkit.GroupID) (any, error) {
	return func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
		page, next, err := call(a, ctx, id, from)
		if page == nil && next == "" {
			return nil, err
		}
		return []any{page, next}, err
	}
}

func toUser(call func(groupkit.Actor, context.Context, groupkit.GroupID, groupkit.UserID) error, user groupkit.UserID) func(context.Context, groupkit.Actor, groupkit.GroupID) (any, error) {
	return func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
		return nil, call(a, ctx, id, user)
	}
}

func toUsers(call func(groupkit.Actor, context.Context, groupkit.GroupID, []groupkit.UserID) (groupkit.Results, error), users ...groupkit.UserID) func(context.Context, groupkit.Actor, groupkit.GroupID) (any, error) {
	return func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
		return call(a, ctx, id, users)
	}
}

func forTime[T any, U any](call func(groupkit.Actor, context.Context, groupkit.GroupID, time.Duration, T) (U, error), d time.Duration, of T) func(context.Context, groupkit.Actor, groupkit.GroupID) (any, error) {
	return func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
		return call(a, ctx, id, d, of)
	}
}

func ofFile[T any](call func(groupkit.Actor, context.Context, groupkit.GroupID, groupkit.FileID) (T, error), file func(groupkit.GroupID) groupkit.FileID) func(context.Context, groupkit.Actor, groupkit.GroupID) (any, error) {
	return func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
		return call(a, ctx, id, file(id))
	}
}

func updating(u groupkit.GroupUpdate) func(context.Context, groupkit.Actor, groupkit.GroupID) (any, error) {
	return func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
		return a.UpdateGroup(ctx, id, u)
	}
}

// withoutReader is OpenFile without the reader.
func withoutReader(a groupkit.Actor, ctx context.Context, id groupkit.GroupID, file groupkit.FileID) (groupkit.File, error) {
	f, r, err := a.OpenFile(ctx, id, file)
	if err == nil {
		err = r.Close()
	}
	return f, err
}

func deleteFile(a groupkit.Actor, ctx context.Context, id groupkit.GroupID, file groupkit.FileID) (any, error) {
	return nil, a.DeleteFile(ctx, id, file)
}

// uploading is an upload that must be refused before the content is read.
func uploading(name string) func(context.Context, groupkit.Actor, groupkit.GroupID) (any, error) {
	return func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
		return a.UploadFile(ctx, id, name, grouptest.ReaderFunc(func([]byte) (int, error) { return 0, errRead }))
	}
}

var errRead = errors.New("the content was read")

// contains reports whether a list of groups contains the group.
func contains(groups iter.Seq2[groupkit.Group, error], id groupkit.GroupID) (any, error) {
	all, err := grouptest.Collect(groups)
	return slices.ContainsFunc(all, func(g groupkit.Group) bool { return g.ID == id }), err
}

// privateCalls are all calls of an Actor that can be about a private group, each with arguments
// that could show whether the group exists.
func privateCalls(file func(groupkit.GroupID) groupkit.FileID) []privateCall {
	noFile := func(groupkit.GroupID) groupkit.FileID { return "no file" }
	long := strings.Repeat("x", 20_000)
	return []privateCall{
		{"Group", valued(groupkit.Actor.Group), "hidden", "yes", "black"},
		{"GroupDetails", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			found, missing, err := a.GroupDetails(ctx, []groupkit.GroupID{id})
			return []any{found, missing}, err
		}, "same", "yes", "same"},
		{"Groups", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return contains(a.Groups(ctx), id)
		}, "same", "same", "same"},
		{"GroupsPage", func(ctx context.Context, a groupkit.Actor, _ groupkit.GroupID) (any, error) {
			page, next, err := a.GroupsPage(ctx, 5, "")
			return []any{page, next}, err
		}, "same", "same", "same"},
		{"JoinedGroups of a member", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			all, err := grouptest.Collect(a.JoinedGroups(ctx, "bob"))
			return slices.ContainsFunc(all, func(g groupkit.JoinedGroup) bool { return g.ID == id }), err
		}, "system", "system", "system"},
		{"JoinedGroupsPage of a member", func(ctx context.Context, a groupkit.Actor, _ groupkit.GroupID) (any, error) {
			return a.JoinedGroupsPage(ctx, "bob", groupkit.Page{})
		}, "system", "system", "system"},
		{"UserData of a member", func(ctx context.Context, a groupkit.Actor, _ groupkit.GroupID) (any, error) {
			return grouptest.Collect(a.UserData(ctx, "bob"))
		}, "system", "system", "system"},
		{"PendingRequests of another", func(ctx context.Context, a groupkit.Actor, _ groupkit.GroupID) (any, error) {
			return grouptest.Collect(a.PendingRequests(ctx, "bob"))
		}, "system", "system", "system"},
		{"PendingInvitations of another", func(ctx context.Context, a groupkit.Actor, _ groupkit.GroupID) (any, error) {
			return grouptest.Collect(a.PendingInvitations(ctx, "frank"))
		}, "system", "system", "system"},
		{"CreateGroup with the ID", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return a.CreateGroup(ctx, groupkit.NewGroup{ID: id, Name: "mine"})
		}, "system", "system", "system"},
		{"ForgetUser", func(ctx context.Context, a groupkit.Actor, _ groupkit.GroupID) (any, error) {
			return nil, a.ForgetUser(ctx, "bob", groupkit.ForgetOptions{})
		}, "system", "system", "system"},
		{"FollowAll", func(ctx context.Context, a groupkit.Actor, _ groupkit.GroupID) (any, error) {
			return nil, grouptest.ErrorOf(a.FollowAll(ctx, groupkit.Latest()))
		}, "system", "system", "system"},

		{"MembersFrom", fromOf(groupkit.Actor.MembersFrom, groupkit.From{Limit: 2}), "hidden", "hidden", "black"},
		{"MembersFrom, wrong", fromOf(groupkit.Actor.MembersFrom, groupkit.From{Cursor: "?"}), "bad", "bad", "bad"},
		{"AdminsFrom", fromOf(groupkit.Actor.AdminsFrom, groupkit.From{Limit: 2}), "hidden", "hidden", "black"},
		{"AdminsFrom, wrong", fromOf(groupkit.Actor.AdminsFrom, groupkit.From{Cursor: "?"}), "bad", "bad", "bad"},
		{"BlacklistFrom", fromOf(groupkit.Actor.BlacklistFrom, groupkit.From{Limit: 2}), "hidden", "hidden", "black"},
		{"BlacklistFrom, wrong", fromOf(groupkit.Actor.BlacklistFrom, groupkit.From{Cursor: "?"}), "bad", "bad", "bad"},
		{"MutesFrom", fromOf(groupkit.Actor.MutesFrom, groupkit.From{Limit: 2}), "hidden", "hidden", "black"},
		{"MutesFrom, wrong", fromOf(groupkit.Actor.MutesFrom, groupkit.From{Cursor: "?"}), "bad", "bad", "bad"},
		{"AllowListFrom", fromOf(groupkit.Actor.AllowListFrom, groupkit.From{Limit: 2}), "hidden", "hidden", "black"},
		{"AllowListFrom, wrong", fromOf(groupkit.Actor.AllowListFrom, groupkit.From{Cursor: "?"}), "bad", "bad", "bad"},
		{"RequestsFrom", fromOf(groupkit.Actor.RequestsFrom, groupkit.From{Limit: 2}), "hidden", "hidden", "black"},
		{"RequestsFrom, wrong", fromOf(groupkit.Actor.RequestsFrom, groupkit.From{Cursor: "?"}), "bad", "bad", "bad"},
		{"InvitationsFrom", fromOf(groupkit.Actor.InvitationsFrom, groupkit.From{Limit: 2}), "hidden", "hidden", "black"},
		{"InvitationsFrom, wrong", fromOf(groupkit.Actor.InvitationsFrom, groupkit.From{Cursor: "?"}), "bad", "bad", "bad"},
		{"FilesFrom", fromOf(groupkit.Actor.FilesFrom, groupkit.From{Limit: 2}), "hidden", "hidden", "black"},
		{"FilesFrom, wrong", fromOf(groupkit.Actor.FilesFrom, groupkit.From{Cursor: "?"}), "bad", "bad", "bad"},
		{"JoinedGroupsFrom of a member", func(ctx context.Context, a groupkit.Actor, _ groupkit.GroupID) (any, error) {
			page, next, err := a.JoinedGroupsFrom(ctx, "bob", groupkit.From{})
			return []any{page, next}, err
		}, "system", "system", "system"},
		{"Standing of a member", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return a.Standing(ctx, id, "bob")
		}, "hidden", "hidden", "black"},
		{"Members", listed(groupkit.Actor.Members), "hidden", "hidden", "black"},
		{"MembersPage", pageOf(groupkit.Actor.MembersPage, groupkit.Page{Number: 2}), "hidden", "hidden", "black"},
		{"MembersPage, wrong", pageOf(groupkit.Actor.MembersPage, groupkit.Page{Number: -1}), "bad", "bad", "bad"},
		{"Admins", listed(groupkit.Actor.Admins), "hidden", "hidden", "black"},
		{"AdminsPage", pageOf(groupkit.Actor.AdminsPage, groupkit.Page{}), "hidden", "hidden", "black"},
		{"Blacklist", listed(groupkit.Actor.Blacklist), "hidden", "hidden", "black"},
		{"BlacklistPage", pageOf(groupkit.Actor.BlacklistPage, groupkit.Page{}), "hidden", "hidden", "black"},
		{"Mutes", listed(groupkit.Actor.Mutes), "hidden", "hidden", "black"},
		{"MutesPage", pageOf(groupkit.Actor.MutesPage, groupkit.Page{}), "hidden", "hidden", "black"},
		{"AllowList", listed(groupkit.Actor.AllowList), "hidden", "hidden", "black"},
		{"AllowListPage", pageOf(groupkit.Actor.AllowListPage, groupkit.Page{}), "hidden", "hidden", "black"},
		{"Requests", listed(groupkit.Actor.Requests), "hidden", "hidden", "black"},
		{"RequestsPage", pageOf(groupkit.Actor.RequestsPage, groupkit.Page{}), "hidden", "hidden", "black"},
		{"Invitations", listed(groupkit.Actor.Invitations), "hidden", "hidden", "black"},
		{"InvitationsPage", pageOf(groupkit.Actor.InvitationsPage, groupkit.Page{}), "hidden", "hidden", "black"},
		{"Files", listed(groupkit.Actor.Files), "hidden", "hidden", "black"},
		{"FilesPage", pageOf(groupkit.Actor.FilesPage, groupkit.Page{}), "hidden", "hidden", "black"},
		{"FilesPage, far", pageOf(groupkit.Actor.FilesPage, groupkit.Page{Number: math.MaxInt32, Size: 1000}), "hidden", "hidden", "black"},
		{"File", ofFile(groupkit.Actor.File, file), "hidden", "hidden", "black"},
		{"File, unknown", ofFile(groupkit.Actor.File, noFile), "hidden", "hidden", "black"},
		{"OpenFile", ofFile(withoutReader, file), "hidden", "hidden", "black"},
		{"OpenFile, unknown", ofFile(withoutReader, noFile), "hidden", "hidden", "black"},
		{"Announcement", valued(groupkit.Actor.Announcement), "hidden", "hidden", "black"},
		{"Snapshot", valued(groupkit.Actor.Snapshot), "hidden", "hidden", "black"},
		{"SnapshotParts", listed(groupkit.Actor.SnapshotParts), "hidden", "hidden", "black"},
		{"Load", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return a.Load(ctx, groupkit.Snapshot{Group: groupkit.Group{ID: id}})
		}, "system", "system", "system"},
		{"LoadFrom", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return a.LoadFrom(ctx, id, logOf(nil), groupkit.LoadOptions{})
		}, "system", "system", "system"},
		{"Export", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return nil, a.Export(ctx, io.Discard, groupkit.ExportOptions{Groups: []groupkit.GroupID{id}})
		}, "system", "system", "system"},
		{"Import", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return a.Import(ctx, strings.NewReader(`{"export":1}`), groupkit.ImportOptions{})
		}, "system", "system", "system"},
		{"PutContent", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return nil, a.PutContent(ctx, id, file(id), strings.NewReader(""))
		}, "system", "system", "system"},
		{"Role of a member", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return a.Role(ctx, id, "bob")
		}, "hidden", "hidden", "black"},
		{"Role of nobody", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return a.Role(ctx, id, "nobody")
		}, "hidden", "hidden", "black"},
		{"Role of an outsider", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return a.Role(ctx, id, "otto")
		}, "hidden", "hidden", "black"},
		{"Role, wrong", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return a.Role(ctx, id, "")
		}, "bad", "bad", "bad"},
		{"Events", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return grouptest.Collect(a.Events(ctx, id, 0))
		}, "hidden", "hidden", "black"},
		{"Events, far", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return grouptest.Collect(a.Events(ctx, id, 1<<40))
		}, "hidden", "hidden", "black"},
		{"Follow", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return nil, grouptest.ErrorOf(a.Follow(ctx, id, groupkit.Latest()))
		}, "hidden", "hidden", "black"},
		{"MaySpeak", errorOnly(groupkit.Actor.MaySpeak), "hidden", "hidden", "black"},

		{"Join", valued(groupkit.Actor.Join), "hidden", "enters", "black"},
		{"AcceptInvitation", errorOnly(groupkit.Actor.AcceptInvitation), "hidden", "enters", "black"},
		{"DeclineInvitation", errorOnly(groupkit.Actor.DeclineInvitation), "hidden", "declines", "black"},
		{"CancelRequest", errorOnly(groupkit.Actor.CancelRequest), "hidden", "hidden", "black"},
		{"Leave", errorOnly(groupkit.Actor.Leave), "hidden", "hidden", "black"},
		{"UpdateGroup", updating(groupkit.GroupUpdate{Name: new("other"), Custom: new("x")}), "hidden", "hidden", "black"},
		{"UpdateGroup, nothing", updating(groupkit.GroupUpdate{}), "hidden", "hidden", "black"},
		{"UpdateGroup, what is so", updating(groupkit.GroupUpdate{Name: new("secret name")}), "hidden", "hidden", "black"},
		{"UpdateGroup, too long", updating(groupkit.GroupUpdate{Description: &long, Custom: &long}), "hidden", "hidden", "black"},
		{"UpdateGroup, bad MaxUsers", updating(groupkit.GroupUpdate{MaxUsers: new(0)}), "hidden", "hidden", "black"},
		{"DeleteGroup", errorOnly(groupkit.Actor.DeleteGroup), "hidden", "hidden", "black"},
		{"SetAnnouncement", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return nil, a.SetAnnouncement(ctx, id, "news")
		}, "hidden", "hidden", "black"},
		{"SetAnnouncement, too long", func(ctx context.Context, a groupkit.Actor, id groupkit.GroupID) (any, error) {
			return nil, a.SetAnnouncement(ctx, id, long)
		}, "hidden", "hidden", "black"},
		{"MuteGroup", errorOnly(groupkit.Actor.MuteGroup), "hidden", "hidden", "black"},
		{"UnmuteGroup", errorOnly(groupkit.Actor.UnmuteGroup), "hidden", "hidden", "black"},
		{"UploadFile", uploading("name"), "hidden", "hidden", "black"},
		{"UploadFile, bad name", uploading("a/b"), "bad", "bad", "bad"},
		{"DeleteFile", ofFile(deleteFile, file), "hidden", "hidden", "black"},
		{"DeleteFile, unknown", ofFile(deleteFile, noFile), "hidden", "hidden", "black"},
		{"Mute", forTime(groupkit.Actor.Mute, time.Minute, "bob"), "hidden", "hidden", "black"},
		{"Mute, no duration", forTime(groupkit.Actor.Mute, 0, "bob"), "bad", "bad", "bad"},
		{"MuteUsers", forTime(groupkit.Actor.MuteUsers, time.Minute, grouptest.IDs{"bob", ""}), "hidden", "hidden", "black"},
		{"Block", forTime(groupkit.Actor.Block, groupkit.Forever, "bob"), "hidden", "hidden", "black"},
		{"BlockUsers", forTime(groupkit.Actor.BlockUsers, time.Minute, grouptest.IDs{"bob", "nobody"}), "hidden", "hidden", "black"},
		{"BlockUsers, none", forTime(groupkit.Actor.BlockUsers, time.Minute, grouptest.IDs{}), "bad", "bad", "bad"},
	}
}

// onTargets are the calls on a user, for a member, for somebody with every mark and for nobody.
func onTargets() (calls []privateCall) {
	targets := grouptest.IDs{"bob", "frank", "mallory", "nobody", "otto", "ivan"}
	for name, call := range map[string]func(groupkit.Actor, context.Context, groupkit.GroupID, groupkit.UserID) error{
		"AddMember": groupkit.Actor.AddMember, "RemoveMember": groupkit.Actor.RemoveMember, "AddAdmin": groupkit.Actor.AddAdmin,
		"RemoveAdmin": groupkit.Actor.RemoveAdmin, "TransferGroup": groupkit.Actor.TransferGroup, "Unblock": groupkit.Actor.Unblock,
		"Unmute": groupkit.Actor.Unmute, "Allow": groupkit.Actor.Allow, "Disallow": groupkit.Actor.Disallow,
		"ApproveRequest": groupkit.Actor.ApproveRequest, "DeclineRequest": groupkit.Actor.DeclineRequest,
		"CancelInvitation": groupkit.Actor.CancelInvitation,
		"Invite": func(a groupkit.Actor, ctx context.Context, id groupkit.GroupID, u groupkit.UserID) error {
			return grouptest.ErrorOf(a.Invite(ctx, id, u))
		},
	} {
		for _, target := range targets {
			calls = append(calls, privateCall{name + " " + string(target), toUser(call, target), "hidden", "hidden", "black"})
		}
		calls = append(calls, privateCall{name + ", wrong", toUser(call, ""), "bad", "bad", "bad"})
	}
	for name, call := range map[string]func(groupkit.Actor, context.Context, groupkit.GroupID, []groupkit.UserID) (groupkit.Results, error){
		"AddMembers": groupkit.Actor.AddMembers, "RemoveMembers": groupkit.Actor.RemoveMembers, "UnblockUsers": groupkit.Actor.UnblockUsers,
		"UnmuteUsers": groupkit.Actor.UnmuteUsers, "AllowUsers": groupkit.Actor.AllowUsers, "DisallowUsers": groupkit.Actor.DisallowUsers,
		"ApproveRequests": groupkit.Actor.ApproveRequests, "DeclineRequests": groupkit.Actor.DeclineRequests,
		"CancelInvitations": groupkit.Actor.CancelInvitations, "InviteUsers": groupkit.Actor.InviteUsers,
	} {
		calls = append(calls,
			privateCall{name, toUsers(call, "bob", "frank", "mallory", "nobody", ""), "hidden", "hidden", "black"},
			privateCall{name + " of invalid users", toUsers(call, "", "\x00"), "hidden", "hidden", "black"},
			privateCall{name + ", none", toUsers(call), "bad", "bad", "bad"},
			privateCall{name + ", too many", toUsers(call, grouptest.Users("user", 61)...), "large", "large", "large"})
	}
	return calls
}

// answersOf are the words of the privateCalls.
var answersOf = map[string]error{
	"hidden": groupkit.ErrGroupNotFound, "black": groupkit.ErrBlacklisted, "bad": groupkit.ErrInvalid, "large": groupkit.ErrBatchTooLarge,
	"system": groupkit.ErrSystemOnly, "yes": nil, "same": nil, "enters": nil, "declines": nil, "full": groupkit.ErrGroupFull,
}

// outsiders are users whom a private group of the table does not know, or does not know any more.
var outsiders = grouptest.IDs{"otto", "declined", "expired", "cancelled", "removed", "released"}

// A secret is a private group, with its state in words.
type secret struct {
	state string
	id    groupkit.GroupID
	file  groupkit.FileID
}

// newSecrets makes a private group for each state that could be seen from outside: ivan is
// invited, mallory blocked, bob and frank are members, and outsiders are.
func newSecrets(t *testing.T) (*groupkit.Engine, []secret) {
	eng, clock := grouptest.Setup(t, groupkit.Options{
		InvitationTTL: time.Hour,
		Limits:        groupkit.Limits{ListSize: 3, Invitations: 3},
		UserExists:    func(_ context.Context, u groupkit.UserID) (bool, error) { return u != "nobody", nil },
	})
	ctx, system := t.Context(), eng.System()
	secrets := []secret{{state: "plain"}, {state: "full"}, {state: "lists full"}, {state: "muted"}}
	for i := range secrets {
		s := &secrets[i]
		id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{
			Name: "secret name", AllowInvites: true, MaxUsers: 10, Members: grouptest.IDs{"bob", "frank", "carol", "mallory", "removed", "released"},
		})
		s.id = id
		f, err := eng.As("bob").UploadFile(ctx, id, "plan", strings.NewReader("secret"))
		require.NoError(t, err)
		s.file = f.ID
		require.NoError(t, errors.Join(
			grouptest.ErrorOf(system.InviteUsers(ctx, id, grouptest.IDs{"declined", "expired"})),
			eng.As("declined").DeclineInvitation(ctx, id),
			grouptest.ErrorOf(system.Because("spam").Block(ctx, id, groupkit.Forever, "mallory")),
			grouptest.ErrorOf(system.Block(ctx, id, time.Hour, "released")),
			grouptest.ErrorOf(system.Mute(ctx, id, groupkit.Forever, "removed")),
			system.RemoveMember(ctx, id, "removed")))
	}
	clock.Advance(time.Hour)
	for _, s := range secrets {
		require.NoError(t, errors.Join(
			grouptest.ErrorOf(eng.As("carol").Invite(ctx, s.id, "cancelled")), system.RemoveMember(ctx, s.id, "carol"),
			grouptest.ErrorOf(eng.As("frank").Invite(ctx, s.id, "ivan"))))
	}
	full, lists, muted := secrets[1].id, secrets[2].id, secrets[3].id
	require.NoError(t, errors.Join(
		grouptest.ErrorOf(system.UpdateGroup(ctx, full, groupkit.GroupUpdate{MaxUsers: new(3)})),
		grouptest.ErrorOf(system.InviteUsers(ctx, lists, grouptest.IDs{"more", "most"})),
		grouptest.ErrorOf(system.MuteUsers(ctx, lists, time.Hour, grouptest.IDs{"bob", "frank"})),
		grouptest.ErrorOf(system.AllowUsers(ctx, lists, grouptest.IDs{"alice", "bob", "frank"})),
		system.MuteGroup(ctx, muted)))
	return eng, secrets
}

// withModes returns the ways to make a call that could show more than the call alone. The right
// version is that of the secret.
func withModes(version uint64) map[string]func(groupkit.Actor) groupkit.Actor {
	same := func(a groupkit.Actor) groupkit.Actor { return a }
	return map[string]func(groupkit.Actor) groupkit.Actor{
		"":        same,
		"Can":     groupkit.Actor.Can,
		"version": func(a groupkit.Actor) groupkit.Actor { return a.IfVersion(version) },
		"wrong":   func(a groupkit.Actor) groupkit.Actor { return a.IfVersion(999) },
		"asking":  func(a groupkit.Actor) groupkit.Actor { return a.Can().IfVersion(version) },
		"once":    func(a groupkit.Actor) groupkit.Actor { return a.Once("key") },
		"because": func(a groupkit.Actor) groupkit.Actor { return a.Because("why") },
	}
}

// never is the group that never was.
const never groupkit.GroupID = "a group that never was"

// TestPrivateGroup_ShowsItselfToNobody makes every call in every way on private groups in every
// state. An outsider is answered as on a group that never was, to the last letter, and so is an
// invited user with a few exceptions. A blocked user is told so, and nothing else.
func TestPrivateGroup_ShowsItselfToNobody(t *testing.T) {
	t.Parallel()
	eng, secrets := newSecrets(t)
	for _, s := range secrets {
		t.Run(s.state, func(t *testing.T) {
			t.Parallel()
			g, err := eng.System().Group(t.Context(), s.id)
			require.NoError(t, err)
			p := &privateTable{t, eng, s}
			for _, call := range append(privateCalls(func(groupkit.GroupID) groupkit.FileID { return s.file }), onTargets()...) {
				for mode, with := range withModes(g.Version) {
					for _, u := range outsiders {
						p.check(&call, mode, with(eng.As(u)), with(eng.As(u)), call.outsider)
					}
					p.check(&call, mode, with(eng.As("ivan")), with(eng.As("otto")), p.ofInvitee(&call, mode))
					p.check(&call, mode, with(eng.As("mallory")), with(eng.As("otto")), call.blocked)
				}
			}
			after, err := eng.System().Group(t.Context(), s.id)
			require.NoError(t, err)
			require.Equal(t, g, after, "what is refused changes nothing")
		})
	}
}

type privateTable struct {
	*testing.T
	eng    *groupkit.Engine
	secret secret
}

// ofInvitee is what the invited user gets: a full group takes nobody in, and with a version the
// user is an outsider.
func (p *privateTable) ofInvitee(call *privateCall, mode string) string {
	enters := call.invitee == "enters"
	switch {
	case (enters || call.invitee == "declines") && slices.Contains(versioned, mode):
		return "hidden"
	case enters && p.secret.state == "full":
		return "full"
	}
	return call.invitee
}

// check makes a call on the secret and on the group that never was, there as an outsider.
func (p *privateTable) check(call *privateCall, mode string, a, stranger groupkit.Actor, want string) {
	if call.name == "ForgetUser" && slices.Contains(versioned, mode) {
		want = "bad" // it is about no single group
	}
	if want == "enters" || want == "declines" {
		a = a.Can() // the invitation is needed for the next call
	}
	value, err := call.call(p.Context(), a, p.secret.id)
	where := fmt.Sprintf("%s %q by %+v", call.name, mode, a)
	expected, ok := answersOf[want]
	require.True(p, ok, "%s: %q is no answer", where, want)
	if expected == nil {
		require.NoError(p, err, where)
	} else {
		require.ErrorIs(p, err, expected, where)
	}
	switch want {
	case "hidden", "same":
		nothing, no := call.call(p.Context(), stranger, never)
		require.Equal(p, answerText(nothing, no, never), answerText(value, err, p.secret.id), where)
	case "black":
		e := grouptest.RequireError(p, err, errorOp(err), p.secret.id)
		require.Equal(p, groupkit.UserID("mallory"), e.User, where)
		require.EqualError(p, err, fmt.Sprintf("%s: user \"mallory\" in group %q: on the blacklist of the group", e.Op, string(p.secret.id)), where)
		require.True(p, value == nil || reflect.ValueOf(value).IsZero() || reflect.ValueOf(value).Kind() == reflect.Slice && reflect.ValueOf(value).Len() == 0, where)
	case "bad", "large", "system":
		nothing, no := call.call(p.Context(), a, never)
		require.Equal(p, answerText(nothing, no, never), answerText(value, err, p.secret.id), where)
	}
}

// versioned are the modes that give a version.
var versioned = []string{"version", "wrong", "asking"}

// answerText is everything about an answer, with the ID of the group left out.
func answerText(value any, err error, group groupkit.GroupID) string {
	text := fmt.Sprintf("%+v; %v; code %s", value, err, groupkit.Code(err))
	if e, ok := errors.AsType[*groupkit.Error](err); ok {
		text += fmt.Sprintf("; user %q, cause %T", e.User, e.Err)
	}
	return strings.ReplaceAll(text, string(group), "<group>")
}

func errorOp(err error) groupkit.Op {
	if e, ok := errors.AsType[*groupkit.Error](err); ok {
		return e.Op
	}
	return ""
}

// TestPrivateCalls_AreAll checks that the table has every method of an Actor that takes a context.
func TestPrivateCalls_AreAll(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"PendingRequests": true, "PendingInvitations": true} // by their names alone
	for _, call := range append(privateCalls(func(groupkit.GroupID) groupkit.FileID { return "" }), onTargets()...) {
		name, _, _ := strings.Cut(call.name, ",")
		name, _, _ = strings.Cut(name, " ")
		known[name] = true
	}
	actor := reflect.TypeFor[groupkit.Actor]()
	for m := range actor.Methods() {
		if m.Type.NumIn() > 1 && m.Type.In(1) == reflect.TypeFor[context.Context]() {
			require.True(t, known[m.Name], "%s is not in the table", m.Name)
			delete(known, m.Name)
		}
	}
	require.Empty(t, slices.Collect(maps.Keys(known)), "no methods of an Actor")
}
