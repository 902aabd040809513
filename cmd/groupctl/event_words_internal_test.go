package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

// TestDescribe has an event of each kind.
func TestDescribe(t *testing.T) {
	t.Parallel()
	s := &term.Screen{}
	bob := []groupkit.UserID{"bob"}
	file := &groupkit.File{ID: "f", Name: "a.pdf", Size: 1 << 10}
	many := make([]groupkit.UserID, 1012)
	for i := range many {
		many[i] = "u"
	}
	until := now.Add(time.Hour)
	for _, c := range []struct {
		event groupkit.Event
		want  string
	}{
		{groupkit.Event{Kind: groupkit.GroupCreated, Users: bob, Changes: []groupkit.Change{
			{Field: groupkit.FieldName, After: "N"}, {Field: groupkit.FieldPublic, After: "true"}, {Field: groupkit.FieldMembersOnly, After: "false"}, {Field: groupkit.FieldMaxUsers, After: "200"},
			{Field: groupkit.FieldOwner, After: "bob"}, {Field: groupkit.FieldCustom},
		}}, `group created: owner bob, name "N", public, max users 200`},
		{groupkit.Event{Kind: groupkit.GroupUpdated, Changes: []groupkit.Change{{Field: groupkit.FieldName, Before: "A", After: "true story"}, {Field: groupkit.FieldMembersOnly, Before: "false", After: "true"}, {Field: groupkit.FieldAvatar, After: "x"}}},
			`group updated: name "A" → "true story", members only false → true, avatar "" → "x"`},
		{groupkit.Event{Kind: groupkit.GroupDeleted, Reason: "over"}, `group deleted, because "over"`},
		{groupkit.Event{Kind: groupkit.OwnerChanged, Users: []groupkit.UserID{"bob", "alice"}}, "owner changed: bob, before alice"},
		{groupkit.Event{Kind: groupkit.AdminAdded, Users: bob}, "admin added: bob"},
		{groupkit.Event{Kind: groupkit.AdminRemoved, Users: bob}, "admin removed: bob"},
		{groupkit.Event{Kind: groupkit.MemberJoined, Users: many, Cause: groupkit.CauseAdded}, "member joined (added): u, u, u, u, u, u, u, u, u, u and 1,002 more"},
		{groupkit.Event{Kind: groupkit.MemberJoined, Users: many[:11], Cause: groupkit.CauseAdded}, "member joined (added): u, u, u, u, u, u, u, u, u, u and 1 more"},
		{groupkit.Event{Kind: groupkit.MemberLeft, Users: bob, Cause: groupkit.CauseRemoved}, "member left (removed): bob"},
		{groupkit.Event{Kind: groupkit.JoinRequested, Users: bob, Until: until}, "join requested: bob, until 2026-03-01T13:00:00Z"},
		{groupkit.Event{Kind: groupkit.JoinRequested, Users: bob}, "join requested: bob"},
		{groupkit.Event{Kind: groupkit.MemberInvited, Users: bob}, "invited: bob"},
		{groupkit.Event{Kind: groupkit.MemberBlocked, Users: bob}, "blocked: bob, for ever"},
		{groupkit.Event{Kind: groupkit.MemberBlocked, Users: bob, Until: until}, "blocked: bob, until 2026-03-01T13:00:00Z"},
		{groupkit.Event{Kind: groupkit.MemberMuted, Users: bob, Until: lastEnd, Reason: "spam"}, `muted: bob, for ever, because "spam"`},
		{groupkit.Event{Kind: groupkit.MuteExpired, Users: bob}, "mute expired: bob"},
		{groupkit.Event{Kind: groupkit.GroupMuted}, "group muted"},
		{groupkit.Event{Kind: groupkit.AnnouncementChanged, Changes: []groupkit.Change{{Field: groupkit.FieldAnnouncement, Before: "old", After: "new"}}}, `announcement changed: "new"`},
		{groupkit.Event{Kind: groupkit.FileAdded, File: file}, `file added: "a.pdf", 1.0 KiB, f`},
		{groupkit.Event{Kind: groupkit.FileDeleted}, "file deleted"},
		{groupkit.Event{Kind: groupkit.Checkpoint}, "checkpoint: all groups follow as they are now"},
		{groupkit.Event{Group: "g", Kind: groupkit.Checkpoint, Last: true, Checkpoint: &groupkit.Snapshot{Group: groupkit.Group{Name: "N", Owner: "bob", MemberCount: 1234}}}, `checkpoint: the group as it was: "N", owner bob, members 1,234`},
		{groupkit.Event{Group: "g", Kind: groupkit.Checkpoint, Checkpoint: new(groupkit.Snapshot)}, "checkpoint: part 0 of the state of the group"},
		{groupkit.Event{Group: "g", Kind: groupkit.Checkpoint, Part: 2, Last: true, Checkpoint: new(groupkit.Snapshot)}, "checkpoint: part 2 of the state of the group"},
		{groupkit.Event{Group: "g", Kind: groupkit.Checkpoint}, "checkpoint"},
		{groupkit.Event{Kind: groupkit.Repaired, Reason: "log"}, `repaired, because "log"`},
		{groupkit.Event{Kind: groupkit.OwnerChanged, Users: bob}, "owner changed: bob"},
	} {
		require.Equal(t, c.want, describe(s, &c.event))
	}
}

func TestReached(t *testing.T) {
	t.Parallel()
	end := groupkit.Position{History: "h", Version: 7}
	for p, want := range map[groupkit.Position]bool{
		end: true, {History: "h", Version: 8}: true, {History: "h", Version: 6}: false, {History: "h", Version: 7, Group: "g"}: false,
		{History: "other", Version: 9}: false, {}: false, {History: "none"}: false,
	} {
		require.Equal(t, want, reached(p, end), "%v", p)
	}
	require.True(t, reached(groupkit.Position{}, groupkit.Position{History: "h"}), "nothing has happened yet")
}
