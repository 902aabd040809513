package groupkit_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// An attempt is one cell: an actor tries something on a group of its own.
type attempt struct {
	t      *testing.T
	ctx    context.Context
	eng    *groupkit.Engine
	group  groupkit.GroupID
	me     groupkit.UserID // "" is the system
	target groupkit.UserID
}

func (a attempt) system() groupkit.Actor { return a.eng.System() }

func (a attempt) actor() groupkit.Actor {
	if a.me == "" {
		return a.eng.System()
	}
	return a.eng.As(a.me)
}

// attempts are what the rows of the tables name.
var attempts = map[string]func(attempt) error{
	"see-group":           func(a attempt) error { return grouptest.ErrorOf(a.actor().Group(a.ctx, a.group)) },
	"see-members":         func(a attempt) error { return grouptest.ErrorOf(grouptest.Collect(a.actor().Members(a.ctx, a.group))) },
	"see-admins":          func(a attempt) error { return grouptest.ErrorOf(grouptest.Collect(a.actor().Admins(a.ctx, a.group))) },
	"see-role-of-another": func(a attempt) error { return grouptest.ErrorOf(a.actor().Role(a.ctx, a.group, "target-member")) },
	"see-own-role":        attempt.seeOwnRole,
	"see-announcement":    func(a attempt) error { return grouptest.ErrorOf(a.actor().Announcement(a.ctx, a.group)) },
	"see-blacklist": func(a attempt) error {
		return grouptest.ErrorOf(grouptest.Collect(a.actor().Blacklist(a.ctx, a.group)))
	},
	"see-mutes": func(a attempt) error { return grouptest.ErrorOf(grouptest.Collect(a.actor().Mutes(a.ctx, a.group))) },
	"see-allow-list": func(a attempt) error {
		return grouptest.ErrorOf(grouptest.Collect(a.actor().AllowList(a.ctx, a.group)))
	},
	"see-requests": func(a attempt) error { return grouptest.ErrorOf(grouptest.Collect(a.actor().Requests(a.ctx, a.group))) },
	"see-invitations": func(a attempt) error {
		return grouptest.ErrorOf(grouptest.Collect(a.actor().Invitations(a.ctx, a.group)))
	},
	"see-log": func(a attempt) error {
		return grouptest.ErrorOf(grouptest.Collect(a.actor().Events(a.ctx, a.group, 0)))
	},
	"speak":              func(a attempt) error { return a.actor().MaySpeak(a.ctx, a.group) },
	"describe":           attempt.describe,
	"configure":          attempt.configure,
	"set-announcement":   func(a attempt) error { return a.actor().SetAnnouncement(a.ctx, a.group, "text") },
	"mute-group":         func(a attempt) error { return a.actor().MuteGroup(a.ctx, a.group) },
	"unmute-group":       func(a attempt) error { return a.actor().UnmuteGroup(a.ctx, a.group) },
	"delete-group":       func(a attempt) error { return a.actor().DeleteGroup(a.ctx, a.group) },
	"leave":              func(a attempt) error { return a.actor().Leave(a.ctx, a.group) },
	"join":               func(a attempt) error { return grouptest.ErrorOf(a.actor().Join(a.ctx, a.group)) },
	"cancel-request":     func(a attempt) error { return a.actor().CancelRequest(a.ctx, a.group) },
	"accept-invitation":  func(a attempt) error { return a.actor().AcceptInvitation(a.ctx, a.group) },
	"decline-invitation": func(a attempt) error { return a.actor().DeclineInvitation(a.ctx, a.group) },

	"list-files":             func(a attempt) error { return grouptest.ErrorOf(grouptest.Collect(a.actor().Files(a.ctx, a.group))) },
	"upload-file":            func(a attempt) error { return grouptest.ErrorOf(a.upload(a.actor())) },
	"download-file":          attempt.download,
	"delete-file-of-another": func(a attempt) error { return a.deleteFile(a.eng.As("target-member")) },
	"delete-own-file":        attempt.deleteOwnFile,

	"add":    func(a attempt) error { return a.actor().AddMember(a.ctx, a.group, a.target) },
	"remove": func(a attempt) error { return a.actor().RemoveMember(a.ctx, a.group, a.target) },
	"mute": func(a attempt) error {
		return grouptest.ErrorOf(a.actor().Mute(a.ctx, a.group, groupkit.Forever, a.target))
	},
	"unmute": attempt.unmute,
	"block": func(a attempt) error {
		return grouptest.ErrorOf(a.actor().Block(a.ctx, a.group, groupkit.Forever, a.target))
	},
	"unblock":                      func(a attempt) error { return a.actor().Unblock(a.ctx, a.group, a.target) },
	"allow":                        func(a attempt) error { return a.actor().Allow(a.ctx, a.group, a.target) },
	"disallow":                     attempt.disallow,
	"appoint":                      func(a attempt) error { return a.actor().AddAdmin(a.ctx, a.group, a.target) },
	"dismiss":                      func(a attempt) error { return a.actor().RemoveAdmin(a.ctx, a.group, a.target) },
	"transfer":                     func(a attempt) error { return a.actor().TransferGroup(a.ctx, a.group, a.target) },
	"approve":                      func(a attempt) error { return a.actor().ApproveRequest(a.ctx, a.group, a.target) },
	"decline":                      func(a attempt) error { return a.actor().DeclineRequest(a.ctx, a.group, a.target) },
	"invite":                       func(a attempt) error { return grouptest.ErrorOf(a.actor().Invite(a.ctx, a.group, a.target)) },
	"invite-where-members-may-not": attempt.inviteWhereMembersMayNot,

	"cancel-invitation": func(a attempt) error { return a.actor().CancelInvitation(a.ctx, a.group, a.target) },
	"approve-many":      func(a attempt) error { return a.many(groupkit.Actor.ApproveRequests) },
	"decline-many":      func(a attempt) error { return a.many(groupkit.Actor.DeclineRequests) },
	"cancel-many":       func(a attempt) error { return a.many(groupkit.Actor.CancelInvitations) },
}

// many makes a batch of the target alone.
func (a attempt) many(batch func(groupkit.Actor, context.Context, groupkit.GroupID, []groupkit.UserID) (groupkit.Results, error)) error {
	return grouptest.ErrorOf(batch(a.actor(), a.ctx, a.group, []groupkit.UserID{a.target}))
}

func (a attempt) seeOwnRole() error {
	me := a.me
	if me == "" {
		me = "member"
	}
	return grouptest.ErrorOf(a.actor().Role(a.ctx, a.group, me))
}

func (a attempt) describe() error {
	return grouptest.ErrorOf(a.actor().UpdateGroup(a.ctx, a.group, groupkit.GroupUpdate{Name: new("other"), Custom: new("x")}))
}

func (a attempt) configure() error {
	return grouptest.ErrorOf(a.actor().UpdateGroup(a.ctx, a.group, groupkit.GroupUpdate{Name: new("other"), MembersOnly: new(false)}))
}

func (a attempt) upload(by groupkit.Actor) (groupkit.File, error) {
	return by.UploadFile(a.ctx, a.group, "notes", strings.NewReader("hello"))
}

func (a attempt) download() error {
	f, err := a.upload(a.eng.As("target-member"))
	require.NoError(a.t, err)
	_, r, err := a.actor().OpenFile(a.ctx, a.group, f.ID)
	if err != nil {
		return err
	}
	return r.Close()
}

func (a attempt) deleteFile(owner groupkit.Actor) error {
	f, err := a.upload(owner)
	require.NoError(a.t, err)
	return a.actor().DeleteFile(a.ctx, a.group, f.ID)
}

// deleteOwnFile deletes a file that the actor shared; one who can't have shared
// any tries another's.
func (a attempt) deleteOwnFile() error {
	f, err := a.upload(a.actor())
	if err != nil {
		return a.deleteFile(a.system())
	}
	return a.actor().DeleteFile(a.ctx, a.group, f.ID)
}

// unmute lifts the mute of a target that was muted, where it can be.
func (a attempt) unmute() error {
	_, _ = a.system().Mute(a.ctx, a.group, groupkit.Forever, a.target)
	return a.actor().Unmute(a.ctx, a.group, a.target)
}

func (a attempt) disallow() error {
	_ = a.system().Allow(a.ctx, a.group, a.target)
	return a.actor().Disallow(a.ctx, a.group, a.target)
}

func (a attempt) inviteWhereMembersMayNot() error {
	closed := groupkit.GroupUpdate{AllowInvites: new(false)}
	require.NoError(a.t, grouptest.ErrorOf(a.system().UpdateGroup(a.ctx, a.group, closed)))
	return grouptest.ErrorOf(a.actor().Invite(a.ctx, a.group, a.target))
}

func TestActor_Permissions(t *testing.T) {
	t.Parallel()
	for name, table := range map[string]string{"public group": inPublicGroup, "private group": inPrivateGroup} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eng, _ := grouptest.Setup(t, groupkit.Options{Limits: groupkit.Limits{JoinedGroups: 100_000}})
			tried := map[string]int{}
			for row := range strings.SplitSeq(strings.Trim(table, "\n"), "\n") {
				tryRow(t, eng, name == "public group", strings.Fields(table), strings.Fields(row), tried)
			}
			requireWhole(t, tried, name == "public group")
		})
	}
}

// tryRow tries one row of a table for each of its targets.
func tryRow(t *testing.T, eng *groupkit.Engine, public bool, header, row []string, tried map[string]int) {
	if len(row) == 0 || row[0] == "system" {
		return
	}
	action, targets, _ := strings.Cut(row[0], "/")
	for target := range strings.SplitSeq(targets, ",") {
		tried[action+"/"+target]++
		for i, outcome := range row[1:] {
			a := attempt{t: t, ctx: t.Context(), eng: eng, group: fixture(t, eng, public), me: groupkit.UserID(header[i])}
			if header[i] == "system" {
				a.me = ""
			}
			if target != "" {
				a.target = targetIn(target)
			}
			want, ok := refusals[outcome]
			require.True(t, ok, "%s: %q is no outcome", row[0], outcome)
			if err := attempts[action](a); want == nil {
				require.NoError(t, err, "%s by %s, target %s", action, header[i], target)
			} else {
				require.ErrorIs(t, err, want, "%s by %s, target %s", action, header[i], target)
			}
		}
	}
}

// targetIn is the user in a state on whom others act; there is one owner.
func targetIn(state string) groupkit.UserID {
	if state == "owner" {
		return "owner"
	}
	return groupkit.UserID("target-" + state)
}

// requireWhole looks whether a table has every action, and those on users for every target.
func requireWhole(t *testing.T, tried map[string]int, public bool) {
	alone := strings.Fields(`see-group see-members see-admins see-role-of-another see-own-role see-announcement see-blacklist
		see-mutes see-allow-list see-requests see-invitations see-log speak describe configure set-announcement mute-group
		unmute-group delete-group leave join cancel-request accept-invitation decline-invitation list-files upload-file
		download-file delete-file-of-another delete-own-file`)
	states := []string{"owner", "admin", "member", "outsider", "blacklisted", "invited"}
	if public {
		states = append(states, "requested")
	}
	for action := range attempts {
		targets := states
		for _, name := range alone {
			if name == action {
				targets = []string{""}
			}
		}
		for _, target := range targets {
			require.Equal(t, 1, tried[action+"/"+target], "%s on %q", action, target)
		}
	}
}

// fixture makes a group with an actor and a target of every role.
func fixture(t *testing.T, eng *groupkit.Engine, public bool) groupkit.GroupID {
	ctx, system := t.Context(), eng.System()
	g, err := system.CreateGroup(ctx, groupkit.NewGroup{
		Name: "night watch", Owner: "owner", Public: public, MembersOnly: true,
		Members: []groupkit.UserID{"admin", "target-admin", "member", "target-member", "blacklisted", "target-blacklisted"},
	})
	require.NoError(t, err)
	_, err = system.UpdateGroup(ctx, g.ID, groupkit.GroupUpdate{AllowInvites: new(true)}) // no effect in a public group
	require.NoError(t, err)
	for _, u := range []groupkit.UserID{"admin", "target-admin"} {
		require.NoError(t, system.AddAdmin(ctx, g.ID, u))
	}
	_, err = system.BlockUsers(ctx, g.ID, groupkit.Forever, []groupkit.UserID{"blacklisted", "target-blacklisted"})
	require.NoError(t, err)
	_, err = system.InviteUsers(ctx, g.ID, []groupkit.UserID{"invited", "target-invited"})
	require.NoError(t, err)
	if public {
		for _, u := range []groupkit.UserID{"requested", "target-requested"} {
			require.NoError(t, grouptest.ErrorOf(eng.As(u).Join(ctx, g.ID)))
		}
	}
	return g.ID
}
