package grouptest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// LargeGroup is the id of a group with many members.
const LargeGroup = groupkit.GroupID("large")

// NewLargeGroup creates LargeGroup, with members and everything else that a group can have.
func NewLargeGroup(t TB, s *Stack, members int) {
	ctx := context.Background()
	_, err := s.System().CreateGroup(ctx, groupkit.NewGroup{
		ID: LargeGroup, Name: "Large", Custom: "custom", Public: true, MembersOnly: true, Owner: "alice", MaxUsers: members + 1,
	})
	require.NoError(t, err)
	all := Users("m", members)
	for part := range chunks(all, 1000) {
		require.NoError(t, ErrorOf(s.System().AddMembers(ctx, LargeGroup, part)))
	}
	require.NoError(t, s.As("alice").AddAdmin(ctx, LargeGroup, all[0]))
	require.NoError(t, ErrorOf(s.As("alice").MuteUsers(ctx, LargeGroup, time.Hour, all[:10])))
	require.NoError(t, ErrorOf(s.As("alice").AllowUsers(ctx, LargeGroup, all[:10])))
	require.NoError(t, ErrorOf(s.As("alice").BlockUsers(ctx, LargeGroup, time.Hour, Users("blocked", 100))))
	require.NoError(t, ErrorOf(s.As("alice").InviteUsers(ctx, LargeGroup, Users("invited", 10))))
	for _, user := range Users("asking", 10) {
		require.NoError(t, ErrorOf(s.As(user).Join(ctx, LargeGroup)))
	}
	for i := range 3 {
		name := fmt.Sprint("file ", i)
		require.NoError(t, ErrorOf(s.As("alice").UploadFile(ctx, LargeGroup, name, strings.NewReader(name))))
	}
	require.NoError(t, s.As("alice").SetAnnouncement(ctx, LargeGroup, "Hello"))
}

// LargeGroupOptions are options whose limits a large group stays below.
func LargeGroupOptions() groupkit.Options {
	return groupkit.Options{
		BlockOutsiders: true, Limits: groupkit.Limits{JoinedGroups: 2, Batch: 1000, MaxUsers: 20_000, Groups: 10},
	}
}
