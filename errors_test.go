package groupkit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// sentinels is every sentinel under its class, by name; those without one are under nil.
var sentinels = map[error]map[string]error{
	groupkit.ErrNotFound: {
		"group": groupkit.ErrGroupNotFound, "user": groupkit.ErrUserNotFound, "file": groupkit.ErrFileNotFound,
		"request": groupkit.ErrRequestNotFound, "invitation": groupkit.ErrInvitationNotFound,
	},
	groupkit.ErrForbidden: {
		"not member": groupkit.ErrNotMember, "already member": groupkit.ErrAlreadyMember, "owner": groupkit.ErrIsOwner,
		"role too low": groupkit.ErrRoleTooLow, "blacklisted": groupkit.ErrBlacklisted, "not blacklisted": groupkit.ErrNotBlacklisted,
		"muted": groupkit.ErrMuted, "group muted": groupkit.ErrGroupMuted, "not muted": groupkit.ErrNotMuted,
		"already admin": groupkit.ErrAlreadyAdmin, "not admin": groupkit.ErrNotAdmin, "already allowed": groupkit.ErrAlreadyAllowed,
		"not allowed": groupkit.ErrNotAllowed, "system only": groupkit.ErrSystemOnly, "vetoed": groupkit.ErrVetoed,
	},
	groupkit.ErrLimit: {
		"group full": groupkit.ErrGroupFull, "admins": groupkit.ErrTooManyAdmins, "groups": groupkit.ErrTooManyGroups,
		"joined": groupkit.ErrTooManyJoined, "batch": groupkit.ErrBatchTooLarge, "file": groupkit.ErrFileTooLarge,
		"files": groupkit.ErrTooManyFiles, "requests": groupkit.ErrTooManyRequests, "invitations": groupkit.ErrTooManyInvitations,
		"list": groupkit.ErrListFull,
	},
	groupkit.ErrConflict: {
		"version": groupkit.ErrVersion, "exists": groupkit.ErrGroupExists, "key": groupkit.ErrKeyReused,
	},
	nil: {
		"invalid": groupkit.ErrInvalid, "storage": groupkit.ErrStorage, "closed": groupkit.ErrClosed, "corrupt": groupkit.ErrCorrupt,
		"nested": groupkit.ErrNested, "unknown": groupkit.ErrUnknownOutcome, "missed": groupkit.ErrMissed,
	},
}

func TestSentinels(t *testing.T) {
	t.Parallel()
	texts := make(map[string]bool)
	for class, members := range sentinels {
		for name, err := range members {
			require.False(t, texts[err.Error()], "two sentinels say %q", err)
			texts[err.Error()] = true
			wrapped := fmt.Errorf("outside: %w", &groupkit.Error{Op: groupkit.OpJoin, Err: err})
			for other, others := range sentinels {
				if other != nil {
					require.Equal(t, class == other, errors.Is(wrapped, other), "%s: %v", name, other)
				}
				for _, sibling := range others {
					require.Equal(t, err == sibling, errors.Is(wrapped, sibling), "%s: %v", name, sibling)
				}
			}
			require.NotErrorIs(t, class, err, "a class is no member")
		}
	}
}

// TestError_Messages has a few refusals as people read them.
func TestError_Messages(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	ctx := t.Context()
	many := grouptest.Users("u", 61)
	for want, err := range map[string]error{
		`read group: group "nowhere": group not found`:                                           grouptest.ErrorOf(s.System().Group(ctx, "nowhere")),
		`add member: user "carol" in group "guild": already a member of the group`:               s.System().AddMember(ctx, grouptest.Guild, "carol"),
		`remove member: user "alice" in group "guild": is the owner of the group`:                s.As("bob").RemoveMember(ctx, grouptest.Guild, "alice"),
		`add member: group "guild": too many entries in one call (61 of 60)`:                     grouptest.ErrorOf(s.System().AddMembers(ctx, grouptest.Guild, many)),
		`update group: group "guild": max users is 3, but the group has 5 members`:               grouptest.ErrorOf(s.As("alice").UpdateGroup(ctx, grouptest.Guild, groupkit.GroupUpdate{MaxUsers: new(3)})),
		`speak: user "ivan" in group "guild": muted until 2116-12-31T16:00:00Z`:                  s.As("ivan").MaySpeak(ctx, grouptest.Guild),
		`speak: user "carol" in group "guild": group is muted`:                                   s.As("carol").MaySpeak(ctx, grouptest.Guild),
		`speak: user "mallory" in group "guild": on the blacklist of the group`:                  s.As("mallory").MaySpeak(ctx, grouptest.Guild),
		`set announcement: group "guild": group has changed: version is 20, not 3`:               s.As("alice").IfVersion(3).SetAnnouncement(ctx, grouptest.Guild, "x"),
		`list members: group "guild": page has number -1 and size 0 (0 or more)`:                 grouptest.ErrorOf(s.System().MembersPage(ctx, grouptest.Guild, groupkit.Page{Number: -1})),
		`mute: group "guild": duration is 0s (more than 0, or Forever)`:                          grouptest.ErrorOf(s.As("bob").Mute(ctx, grouptest.Guild, 0, "carol")),
		`read role: group "guild": user ID is empty`:                                             grouptest.ErrorOf(s.System().Role(ctx, grouptest.Guild, "")),
		`remove member: group "guild": none of 2 succeeded; user "x": not a member of the group`: grouptest.ErrorOf(s.System().RemoveMembers(ctx, grouptest.Guild, grouptest.IDs{"x", "y"})),
		`create group: user "yves" in group "mine": only the system may do this`:                 grouptest.ErrorOf(s.As("yves").CreateGroup(ctx, groupkit.NewGroup{Name: "x", ID: "mine"})),
		`list joined groups: user "carol": only the system may do this`:                          grouptest.ErrorOf(grouptest.Collect(s.As("carol").JoinedGroups(ctx, "bob"))),
	} {
		require.EqualError(t, err, want)
	}
}

// TestError_Causes checks what errors.As finds.
func TestError_Causes(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	ctx := t.Context()

	e := grouptest.RequireError(t, s.As("bob").RemoveMember(ctx, grouptest.Guild, "alice"), groupkit.OpRemoveMembers, grouptest.Guild)
	require.EqualValues(t, "alice", e.User)

	limit, ok := errors.AsType[*groupkit.LimitError](grouptest.ErrorOf(s.System().AddMembers(ctx, grouptest.Guild, grouptest.Users("u", 61))))
	require.True(t, ok)
	require.Equal(t, groupkit.LimitError{Err: groupkit.ErrBatchTooLarge, Value: 61, Max: 60}, *limit)

	field, ok := errors.AsType[*groupkit.FieldError](s.As("alice").SetAnnouncement(ctx, grouptest.Guild, "\xff"))
	require.True(t, ok)
	require.Equal(t, groupkit.FieldAnnouncement, field.Field)

	version, ok := errors.AsType[*groupkit.VersionError](s.As("bob").IfVersion(7).MuteGroup(ctx, grouptest.Guild))
	require.True(t, ok)
	require.Equal(t, groupkit.VersionError{Current: 20, Want: 7}, *version)

	results, err := s.System().AddMembers(ctx, grouptest.Guild, grouptest.IDs{"new", "carol"})
	require.NoError(t, err)
	require.Equal(t, grouptest.IDs{"new"}, results.Succeeded())
	require.Equal(t, grouptest.IDs{"carol"}, results.Failed())

	muted, ok := errors.AsType[*groupkit.MutedError](s.As("ivan").MaySpeak(ctx, grouptest.Guild))
	require.True(t, ok)
	require.Equal(t, time.UnixMilli(4638873600000).UTC(), muted.Until)
	require.False(t, muted.WholeGroup)

	owns, ok := errors.AsType[*groupkit.OwnsError](s.System().ForgetUser(ctx, "bob", groupkit.ForgetOptions{}))
	require.True(t, ok)
	require.Equal(t, []groupkit.GroupID{s.Rangers}, owns.Groups)
	require.ErrorContains(t, owns, string(s.Rangers))
}

// TestError_EveryBadField has a new group and an update in which nothing is right.
func TestError_EveryBadField(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	ctx := t.Context()
	long := strings.Repeat("長", 2000)
	err := grouptest.ErrorOf(s.System().CreateGroup(ctx, groupkit.NewGroup{
		ID: "a b", Description: long, Avatar: long, Custom: strings.Repeat("c", 8193), MaxUsers: -1, Owner: " ", Members: grouptest.IDs{"\x01"},
	}))
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	for _, part := range []string{
		"name is empty", "description has 2000 characters (at most 512)", "avatar has 2000 characters (at most 1024)",
		"custom has 8193 bytes (at most 8192)", "max users is -1 (1 to 10000)", `owner " " begins or ends with a space`,
		`group ID "a b" contains " "`, `user ID "\x01" contains a control character`,
	} {
		require.ErrorContains(t, err, part)
	}
	err = grouptest.ErrorOf(s.System().UpdateGroup(ctx, grouptest.Guild, groupkit.GroupUpdate{Name: new("a/b"), Description: new("/"), Avatar: new("\xff"), Custom: new("\xff"), MaxUsers: new(10_001)}))
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	bad := groupkit.FieldErrors(err)
	require.Len(t, bad, 5)
	require.Equal(t, groupkit.FieldName, bad[0].Field)
	require.Empty(t, groupkit.FieldErrors(groupkit.ErrNotMember))
	for _, part := range []string{
		`name "a/b" contains a slash`, `description "/" contains a slash`, "avatar is not valid UTF-8", "custom is not valid UTF-8", "max users is 10001 (1 to 10000)",
	} {
		require.ErrorContains(t, err, part)
	}
}

// TestNames checks that everything that is numbered has a name.
func TestNames(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for kind := groupkit.GroupCreated; kind <= groupkit.Checkpoint; kind++ {
		require.NotEqual(t, "unknown", kind.String(), "%d", kind)
		require.False(t, seen[kind.String()], "%d", kind)
		seen[kind.String()] = true
	}
	for how := groupkit.CauseCreated; how <= groupkit.CauseForgotten; how++ {
		require.NotEqual(t, "unknown", how.String(), "%d", how)
	}
	require.Equal(t, "unknown", groupkit.EventKind(0).String())
	require.Equal(t, "unknown", groupkit.EventKind(200).String())
	require.Equal(t, "unknown", groupkit.Cause(99).String())
	require.Equal(t, "none", groupkit.CauseNone.String())
	require.Equal(t, "none", groupkit.OutcomeNone.String())
	require.Equal(t, "owner", groupkit.RoleOwner.String())
	require.Equal(t, "unknown", groupkit.Role(9).String())
	require.Equal(t, "invited", groupkit.OutcomeInvited.String())
}
