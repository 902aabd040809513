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
		"nested": groupkit.ErrNested, "unknown": groupkit.ErrUnknownOutcome,
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
		ID: "a ", Description: long, Avatar: long[:3*1025], Custom: strings.Repeat("c", 8193), MaxUsers: -1, Owner: " ", Members: grouptest.IDs{"\x01"},
	}))
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	for _, part := range []string{
		"name is empty", "description has 6000 bytes (at most 512 characters)", "avatar has 1025 characters (at most 1024)",
		"custom has 8193 bytes (at most 8192)", "max users is -1 (1 to 10000)", `owner " " begins or ends with a space`,
		`group ID "a " begins or ends with a space`, `user ID "\x01" contains a control character`,
	} {
		require.ErrorContains(t, err, part)
	}
	err = grouptest.ErrorOf(s.System().UpdateGroup(ctx, grouptest.Guild, groupkit.GroupUpdate{Name: new("a\nb"), Description: new("\x00"), Avatar: new("\xff"), Custom: new("\xff"), MaxUsers: new(10_001)}))
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	bad := groupkit.FieldErrors(err)
	require.Len(t, bad, 5)
	require.Equal(t, groupkit.FieldName, bad[0].Field)
	require.Empty(t, groupkit.FieldErrors(groupkit.ErrNotMember))
	for _, part := range []string{
		"name contains the control character U+000A", "description contains the control character U+0000", "avatar is not valid UTF-8", "custom is not valid UTF-8", "max users is 10001 (1 to 10000)",
	} {
		require.ErrorContains(t, err, part)
	}
}

// A bad text does not hide that MaxUsers is below the number of members.
func TestError_EveryBadField_MaxUsers(t *testing.T) {
	t.Parallel()
	s := grouptest.NewDataset(t)
	err := grouptest.ErrorOf(s.As("alice").UpdateGroup(t.Context(), grouptest.Guild, groupkit.GroupUpdate{Name: new(" "), MaxUsers: new(2)}))
	require.ErrorContains(t, err, "name has no visible character; max users is 2, but the group has ")
	var fields []groupkit.Field
	for _, bad := range groupkit.FieldErrors(err) {
		fields = append(fields, bad.Field)
	}
	require.Equal(t, []groupkit.Field{groupkit.FieldName, groupkit.FieldMaxUsers}, fields)
	err = grouptest.ErrorOf(s.As("alice").UpdateGroup(t.Context(), grouptest.Guild, groupkit.GroupUpdate{MaxUsers: new(0)}))
	require.ErrorContains(t, err, "max users is 0 (1 to 10000)")
}

// A text that is too long says how long it may be. Max is 0 for whatever else is wrong.
func TestFieldError_Max(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{Limits: groupkit.Limits{Name: 5, Description: 6, Avatar: 7, Custom: 8, Announcement: 9}})
	g := grouptest.CreateGroup(t, eng, groupkit.NewGroup{Name: "g", Owner: "alice"})
	most := func(err error) map[groupkit.Field]int {
		require.ErrorIs(t, err, groupkit.ErrInvalid)
		out := make(map[groupkit.Field]int)
		for _, e := range groupkit.FieldErrors(err) {
			out[e.Field] = e.Max
		}
		return out
	}
	for _, long := range []string{strings.Repeat("x", 10), strings.Repeat("x", 1000)} {
		_, err := eng.System().UpdateGroup(t.Context(), g, groupkit.GroupUpdate{Name: &long, Description: &long, Avatar: &long, Custom: &long})
		require.Equal(t, map[groupkit.Field]int{groupkit.FieldName: 5, groupkit.FieldDescription: 6, groupkit.FieldAvatar: 7, groupkit.FieldCustom: 8}, most(err))
		require.Equal(t, map[groupkit.Field]int{groupkit.FieldAnnouncement: 9}, most(eng.System().SetAnnouncement(t.Context(), g, long)))
	}
	bad := "\x00"
	_, err := eng.System().UpdateGroup(t.Context(), g, groupkit.GroupUpdate{Name: &bad, Description: &bad, Custom: new("\xff"), MaxUsers: new(-1)})
	require.Equal(t, map[groupkit.Field]int{groupkit.FieldName: 0, groupkit.FieldDescription: 0, groupkit.FieldCustom: 0, groupkit.FieldMaxUsers: 0}, most(err))
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
