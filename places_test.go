package groupkit_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
)

// TestPlaces checks what is stored of where in the log something began.
func TestPlaces(t *testing.T) {
	t.Parallel()
	s := grouptest.NewStack(t, groupkit.Options{})
	ctx, system := t.Context(), s.System()
	_, err := system.CreateGroup(ctx, groupkit.NewGroup{ID: "guild", Name: "x", Owner: "alice", Members: []groupkit.UserID{"dave", "bob"}, Public: true, MembersOnly: true})
	require.NoError(t, err)                                                                                           // 1 created, 2 joined
	require.NoError(t, system.AddAdmin(ctx, "guild", "bob"))                                                          // 3
	require.NoError(t, grouptest.ErrorOf(s.As("zoe").Join(ctx, "guild")))                                             // 4
	require.NoError(t, grouptest.ErrorOf(s.As("bob").InviteUsers(ctx, "guild", []groupkit.UserID{"walter", "anna"}))) // 5
	f, err := s.As("dave").UploadFile(ctx, "guild", "map", strings.NewReader("x"))                                    // 6
	require.NoError(t, err)
	standing := func(user string, member bool) record.Standing {
		st, err := record.DecodeStanding(s.Get(t, key.Standing("guild", user, member)), member)
		require.NoError(t, err)
		return st
	}
	bob, dave := standing("bob", true), standing("dave", true)
	require.Equal(t, []any{uint64(2), uint32(2), uint64(3), uint32(0)}, []any{bob.JoinVersion, bob.JoinPlace, bob.AdminVersion, bob.AdminPlace})
	require.Equal(t, []any{uint64(2), uint32(1), uint64(0)}, []any{dave.JoinVersion, dave.JoinPlace, dave.AdminVersion})
	require.EqualValues(t, 4, standing("zoe", false).Request.Version)
	anna := standing("anna", false).Invitation
	require.Equal(t, []any{uint64(5), uint32(1)}, []any{anna.Version, anna.Place})
	require.Contains(t, s.Dump(t), string(key.File("guild", 6, uuid.MustParse(string(f.ID)))))

	require.NoError(t, system.RemoveAdmin(ctx, "guild", "bob"))
	require.NoError(t, system.RemoveMember(ctx, "guild", "dave"))
	require.NoError(t, system.AddMember(ctx, "guild", "dave")) // 10: 7 dismissed, 8 cancelled, 9 left
	require.Zero(t, standing("bob", true).AdminVersion)
	require.EqualValues(t, 10, standing("dave", true).JoinVersion)
	s.RequireVerified(t)
}
