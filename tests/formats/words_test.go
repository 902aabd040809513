package formats_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// The words of the golden files are the test's own. They stay as they are when a name or
// a text of the library changes.

var roleWords = map[groupkit.Role]string{
	groupkit.RoleOutsider: "outsider", groupkit.RoleMember: "member", groupkit.RoleAdmin: "admin", groupkit.RoleOwner: "owner",
}

var outcomeWords = map[groupkit.Outcome]string{
	groupkit.OutcomeNone: "", groupkit.OutcomeDone: "", groupkit.OutcomeJoined: "joined", groupkit.OutcomeRequested: "requested", groupkit.OutcomeInvited: "invited",
}

var wayWords = map[groupkit.Cause]string{
	0: "", groupkit.CauseCreated: "created", groupkit.CauseAdded: "added", groupkit.CauseJoined: "joined", groupkit.CauseInvited: "invited",
	groupkit.CauseApproved: "approved", groupkit.CauseLeft: "left", groupkit.CauseRemoved: "removed", groupkit.CauseBlocked: "blocked",
	groupkit.CauseForgotten: "forgotten",
}

var eventWords = map[groupkit.EventKind]string{
	groupkit.GroupCreated: "created", groupkit.GroupUpdated: "updated", groupkit.GroupDeleted: "deleted", groupkit.OwnerChanged: "owner",
	groupkit.AdminAdded: "admin", groupkit.AdminRemoved: "no-admin", groupkit.MemberJoined: "joined", groupkit.MemberLeft: "left",
	groupkit.JoinRequested: "request", groupkit.RequestApproved: "request-approved", groupkit.RequestDeclined: "request-declined",
	groupkit.RequestCancelled: "request-cancelled", groupkit.RequestExpired: "request-expired",
	groupkit.MemberInvited: "invitation", groupkit.InvitationAccepted: "invitation-accepted", groupkit.InvitationDeclined: "invitation-declined",
	groupkit.InvitationCancelled: "invitation-cancelled", groupkit.InvitationExpired: "invitation-expired",
	groupkit.MemberBlocked: "block", groupkit.MemberUnblocked: "unblock", groupkit.BlockExpired: "block-expired",
	groupkit.MemberMuted: "mute", groupkit.MemberUnmuted: "unmute", groupkit.MuteExpired: "mute-expired",
	groupkit.GroupMuted: "group-mute", groupkit.GroupUnmuted: "group-unmute",
	groupkit.MemberAllowed: "allow", groupkit.MemberDisallowed: "disallow", groupkit.AnnouncementChanged: "announcement",
	groupkit.FileAdded: "file", groupkit.FileDeleted: "no-file", groupkit.Checkpoint: "checkpoint", groupkit.Pseudonymized: "pseudonyms", groupkit.Repaired: "repaired",
}

var fieldWords = map[groupkit.Field]string{
	groupkit.FieldName: "name", groupkit.FieldDescription: "description", groupkit.FieldAvatar: "avatar", groupkit.FieldCustom: "custom",
	groupkit.FieldMaxUsers: "max-users", groupkit.FieldMembersOnly: "members-only", groupkit.FieldAllowInvites: "allow-invites",
	groupkit.FieldInviteNeedConfirm: "invite-need-confirm", groupkit.FieldPublic: "public", groupkit.FieldAnnouncement: "announcement",
}

var findingWords = map[groupkit.Invariant]string{
	groupkit.OneOwner: "1-owner", groupkit.CountsExact: "2-counts", groupkit.ListsDisjoint: "3-lists", groupkit.MutesInBounds: "4-mutes",
	groupkit.UsersAgree: "5-users", groupkit.DeletedIsGone: "6-deleted", groupkit.FilesWhole: "7-files", groupkit.LogComplete: "8-log",
	groupkit.ViewsAgree: "9-views", groupkit.InvitersMayInvite: "10-inviters",
}

// batchRefusals are the refusals that an entry of a batch can be recorded with.
var batchRefusals = []refusal{
	{groupkit.ErrInvalid, "invalid"}, {groupkit.ErrUserNotFound, "no-user"}, {groupkit.ErrNotMember, "no-member"},
	{groupkit.ErrAlreadyMember, "already-member"}, {groupkit.ErrIsOwner, "is-owner"}, {groupkit.ErrRoleTooLow, "role-too-low"},
	{groupkit.ErrBlacklisted, "blocked"}, {groupkit.ErrNotBlacklisted, "not-blocked"}, {groupkit.ErrNotMuted, "not-muted"},
	{groupkit.ErrAlreadyAllowed, "already-allowed"}, {groupkit.ErrNotAllowed, "not-allowed"}, {groupkit.ErrGroupFull, "group-full"},
	{groupkit.ErrTooManyJoined, "too-many-groups-of-user"}, {groupkit.ErrTooManyInvitations, "too-many-invitations"},
	{groupkit.ErrListFull, "list-full"},
}

// readRefusals are the refusals that reads meet besides.
var readRefusals = []refusal{
	{groupkit.ErrGroupNotFound, "no-group"}, {groupkit.ErrMuted, "muted"}, {groupkit.ErrGroupMuted, "group-muted"},
}

type refusal struct {
	sentinel error
	word     string
}

// of looks a word up and notes that it has been seen.
func of[K comparable](r *reading, family string, words map[K]string, value K) string {
	word, ok := words[value]
	require.True(r.t, ok, "%s: there is no word for %v", family, value)
	r.seen[family+" "+word] = true
	return word
}

// refusal is the word for an error.
func (r *reading) refusal(err error) string {
	if err == nil {
		return ""
	}
	for _, known := range append(batchRefusals, readRefusals...) {
		if errors.Is(err, known.sentinel) {
			r.seen["refusal "+known.word] = true
			return known.word
		}
	}
	require.NoError(r.t, err, "there is no word for it")
	return ""
}

// about is the user whom an error names.
func about(err error) string {
	if e, ok := errors.AsType[*groupkit.Error](err); ok {
		return string(e.User)
	}
	return ""
}

// instant is a time as text; none is empty.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.999Z")
}

// requireEveryWord fails the test unless the reads have met every role, way and kind of
// event, and every refusal that a batch can be recorded with.
func (r *reading) requireEveryWord(except ...string) {
	r.t.Helper()
	var want []string
	for _, family := range []struct {
		name  string
		words []string
	}{
		{"role", values(roleWords)}, {"way", values(wayWords)}, {"event", values(eventWords)}, {"outcome", values(outcomeWords)},
		{"field", values(fieldWords)},
	} {
		for _, word := range family.words {
			want = append(want, family.name+" "+word)
		}
	}
	for _, known := range append(batchRefusals, readRefusals...) {
		want = append(want, "refusal "+known.word)
	}
	for _, word := range want {
		if slices.Contains(except, word) {
			continue
		}
		require.True(r.t, r.seen[word], "the database has no %s", word)
	}
}

func values[K comparable](words map[K]string) (all []string) {
	for _, word := range words {
		all = append(all, word)
	}
	return all
}

// finding is one line about a broken rule.
func finding(v groupkit.Violation) string {
	word, ok := findingWords[v.Invariant]
	if !ok {
		word = "unknown"
	}
	return fmt.Sprintf("%s group=%q user=%q", word, string(v.Group), string(v.User))
}
