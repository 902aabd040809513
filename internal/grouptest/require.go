package grouptest

import (
	"context"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/key"
)

// RequireVerified checks that Verify finds nothing.
func RequireVerified(t require.TestingT, eng *groupkit.Engine) {
	report, err := eng.Verify(context.Background(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Zero(t, report)
}

// RequireOneOwner checks that the group has one owner, who is a member, and returns it.
func RequireOneOwner(t require.TestingT, eng *groupkit.Engine, id groupkit.GroupID) groupkit.UserID {
	ctx := context.Background()
	g, err := eng.System().Group(ctx, id)
	require.NoError(t, err)
	members, err := Collect(eng.System().Members(ctx, id))
	require.NoError(t, err)
	owners := slices.DeleteFunc(slices.Clone(members), func(m groupkit.Member) bool { return m.Role != groupkit.RoleOwner })
	require.Len(t, owners, 1)
	require.Equal(t, g.Owner, owners[0].User)
	require.Len(t, members, g.MemberCount)
	RequireVerified(t, eng)
	return g.Owner
}

// RequireError checks that an error is an *Error of an operation on a group.
func RequireError(t require.TestingT, err error, op groupkit.Op, group groupkit.GroupID) *groupkit.Error {
	e, ok := err.(*groupkit.Error) //nolint:errorlint // it is the outermost
	require.True(t, ok, "%T %v", err, err)
	require.Equal(t, op, e.Op)
	require.Equal(t, group, e.Group)
	return e
}

// RequireDeleted checks that only the tombstone and the log of a deleted group are left.
func RequireDeleted(t require.TestingT, dump map[string]string, group groupkit.GroupID) {
	for k := range dump {
		g, kind, _, err := key.CutGroup([]byte(k))
		if err == nil && g == string(group) {
			require.Contains(t, []byte{key.Header, key.Events}, kind, "%q", k)
		}
		_, kind, g, err = key.CutUser([]byte(k))
		if err == nil && g == string(group) {
			require.Equal(t, byte(key.UserTrace), kind, "%q", k)
		}
		_, g, _, _, err = key.CutExpiry([]byte(k))
		require.False(t, err == nil && g == string(group), "%q", k)
	}
	require.NotContains(t, dump, string(key.Deletion(string(group))))
}

// RequireDeletedLog checks that only the system can read the log of a deleted group.
func RequireDeletedLog(t *testing.T, s *Stack, group groupkit.GroupID, members int) {
	joined := 0
	var last groupkit.Event
	for e, err := range s.System().Events(t.Context(), group, 0) {
		require.NoError(t, err)
		require.Equal(t, last.Version+1, e.Version)
		if last = e; e.Kind == groupkit.MemberJoined {
			joined += len(e.Users)
		}
	}
	require.Equal(t, members+1, joined)
	require.Equal(t, groupkit.GroupDeleted, last.Kind)
	require.ErrorIs(t, ErrorOf(Collect(s.As("alice").Events(t.Context(), group, 0))), groupkit.ErrGroupNotFound)
}

// RequireContent checks the content of a file.
func RequireContent(t *testing.T, s *Stack, group groupkit.GroupID, f groupkit.File, want string) {
	_, r, err := s.System().OpenFile(t.Context(), group, f.ID)
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.True(t, want == string(got), "%d bytes, and %d are wanted", len(got), len(want))
}

// LastEvent returns the last event of a group.
func LastEvent(t *testing.T, s *Dataset, group groupkit.GroupID) (last groupkit.Event) {
	for e, err := range s.System().Events(t.Context(), group, 0) {
		require.NoError(t, err)
		last = e
	}
	return last
}
