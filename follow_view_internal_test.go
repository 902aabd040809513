package groupkit

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// memberSeesLiterally is what plain members see of an event of each kind. "boss" made it, with the reason
// "why". If the kind is about users, they are carol and dave. The columns are for carol, for
// erin, who has nothing to do with it, and for boss, who is a plain member by then.
//
// "-" is nothing. Otherwise it is who did it, the users, and the reason; "_" is left out. What is
// left out of a cause is in TestMemberSees_Causes.
const memberSeesLiterally = `
group created          boss _ _               boss _ _               boss _ _
group updated          boss _ _               boss _ _               boss _ _
group deleted          _ _ _                  _ _ _                  boss _ _
owner changed          boss carol+dave why    boss carol+dave _      boss carol+dave _
admin added            boss carol+dave why    boss carol+dave _      boss carol+dave _
admin removed          _ carol+dave why       _ carol+dave _         boss carol+dave _
member joined          _ carol+dave why       _ carol+dave _         boss carol+dave _
member left            _ carol+dave why       _ carol+dave _         boss carol+dave _
join requested         _ carol why            -                      -
request approved       _ carol why            -                      -
request declined       _ carol why            -                      -
request cancelled      _ carol why            -                      -
request expired        _ carol why            -                      -
invited                _ carol why            -                      -
invitation accepted    _ carol why            -                      -
invitation declined    _ carol why            -                      -
invitation cancelled   _ carol why            -                      -
invitation expired     _ carol why            -                      -
blocked                -                      -                      -
unblocked              -                      -                      -
block expired          -                      -                      -
muted                  _ carol why            -                      -
unmuted                _ carol why            -                      -
mute expired           _ carol why            -                      -
group muted            _ _ _                  _ _ _                  boss _ _
group unmuted          _ _ _                  _ _ _                  boss _ _
allowed                _ carol why            -                      -
disallowed             _ carol why            -                      -
announcement changed   boss _ _               boss _ _               boss _ _
file added             boss _ _               boss _ _               boss _ _
file deleted           _ _ _                  _ _ _                  boss _ _
checkpoint             -                      -                      -
pseudonymized          _ _ _                  _ _ _                  boss _ _
repaired               _ _ _                  _ _ _                  boss _ _
`

// TestMemberSees compares what members see with the literal table.
func TestMemberSees(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	got.WriteByte('\n')
	for kind := GroupCreated; int(kind) < len(eventKinds); kind++ {
		row := []string{kind.String()}
		for _, me := range []UserID{"carol", "erin", "boss"} {
			row = append(row, seenBy(kind, me))
		}
		got.WriteString(strings.TrimRight(padded(row), " ") + "\n")
	}
	require.Equal(t, memberSeesLiterally, got.String())
}

// aboutUsers reports whether the events of a kind have users.
func aboutUsers(kind EventKind) bool {
	return !slices.Contains([]EventKind{
		GroupCreated, GroupUpdated, GroupDeleted, GroupMuted, GroupUnmuted, AnnouncementChanged, FileAdded, FileDeleted, Checkpoint, Pseudonymized, Repaired,
	}, kind)
}

// seenBy describes what a member sees.
func seenBy(kind EventKind, me UserID) string {
	e := Event{Group: "g", Version: 7, Kind: kind, Actor: "boss", Reason: "why", At: time.UnixMilli(1).UTC()}
	if aboutUsers(kind) {
		e.Users = []UserID{"carol", "dave"}
	}
	seen, ok := memberSees(e, me)
	if !ok {
		return "-"
	}
	var users []string
	for _, u := range seen.Users {
		users = append(users, string(u))
	}
	parts := []string{string(seen.Actor), strings.Join(users, "+"), seen.Reason}
	for i, part := range parts {
		if part == "" {
			parts[i] = "_"
		}
	}
	return strings.Join(parts, " ")
}

// padded sets the columns below one another.
func padded(row []string) string {
	var line strings.Builder
	for i, cell := range row {
		line.WriteString(cell)
		if i < len(row)-1 {
			line.WriteString(strings.Repeat(" ", 23-len(cell)))
		}
	}
	return line.String()
}

// TestMemberSees_Causes: members learn that others have left, and not whether they had to.
func TestMemberSees_Causes(t *testing.T) {
	t.Parallel()
	for cause, others := range map[Cause]Cause{
		CauseCreated: CauseCreated, CauseAdded: CauseAdded, CauseJoined: CauseJoined, CauseInvited: CauseInvited, CauseApproved: CauseApproved,
		CauseLeft: CauseLeft, CauseRemoved: CauseNone, CauseBlocked: CauseNone, CauseForgotten: CauseNone,
	} {
		e := Event{Kind: MemberLeft, Users: []UserID{"carol", "dave"}, Cause: cause}
		seen, ok := memberSees(e, "erin")
		require.True(t, ok)
		require.Equal(t, others, seen.Cause)
		seen, ok = memberSees(e, "dave")
		require.True(t, ok)
		require.Equal(t, cause, seen.Cause)
	}
}

// TestMemberSees_Before: of several users who were muted, each one learns when the own mute would have ended.
func TestMemberSees_Before(t *testing.T) {
	t.Parallel()
	e := Event{Kind: MemberMuted, Users: []UserID{"carol", "dave"}, Before: []time.Time{time.UnixMilli(1), time.UnixMilli(2)}}
	seen, ok := memberSees(e, "dave")
	require.True(t, ok)
	require.Equal(t, Event{Kind: MemberMuted, Users: []UserID{"dave"}, Before: []time.Time{time.UnixMilli(2)}}, seen)
	require.Len(t, e.Users, 2, "followers share events")
}
