package groupkit

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/internal/record"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// TestNumbered pins the numbers of sentinels, which kept outcomes hold.
func TestNumbered(t *testing.T) {
	t.Parallel()
	require.Equal(t, map[uint64]error{
		1: ErrInvalid, 2: ErrUserNotFound, 3: ErrNotMember, 4: ErrAlreadyMember, 5: ErrIsOwner, 6: ErrRoleTooLow, 7: ErrBlacklisted,
		8: ErrNotBlacklisted, 9: ErrNotMuted, 10: ErrAlreadyAllowed, 11: ErrNotAllowed, 12: ErrGroupFull, 13: ErrTooManyJoined,
		14: ErrTooManyInvitations, 15: ErrListFull, 16: ErrRequestNotFound, 17: ErrInvitationNotFound,
	}, numbered)
}

// TestActor_batch_Unnumbered has a rule that refuses an entry with a sentinel that has no
// number: the outcome could not be told again, so the call fails as a whole.
func TestActor_batch_Unnumbered(t *testing.T) {
	t.Parallel()
	eng, err := New(memstore.New(), memblob.New(), &Options{CacheBytes: 64 << 10})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	g, err := eng.System().CreateGroup(t.Context(), NewGroup{Name: "x", Owner: "alice", Members: []UserID{"bob"}})
	require.NoError(t, err)
	v := removeMembersVerb
	v.each = alone(func(c *change, user UserID) error {
		if user == "carol" {
			return about(user, ErrVetoed)
		}
		return c.remove(user)
	})
	_, err = eng.System().batch(t.Context(), v, Command{Group: g.ID, Users: []UserID{"bob", "carol"}})
	require.ErrorIs(t, err, ErrCorrupt)
	require.ErrorContains(t, err, "refused by the application")
	role, err := eng.System().Role(t.Context(), g.ID, "bob")
	require.NoError(t, err)
	require.Equal(t, RoleMember, role)
}

// TestRecalledCause_Older tells errors again that other versions kept: by their texts, and
// with what was kept besides.
func TestRecalledCause_Older(t *testing.T) {
	t.Parallel()
	err := recordedCause(&record.Result{Code: 12, Text: "group is full (200 of 200)"})
	require.EqualError(t, err, "group is full (200 of 200)")
	require.ErrorIs(t, err, ErrGroupFull)
	_, ok := errors.AsType[*LimitError](err)
	require.False(t, ok, "its numbers were not kept")

	err = recordedCause(&record.Result{Code: 12, Text: "no more than 200", Limit: &record.Limit{Value: 200, Max: 200}})
	require.EqualError(t, err, "no more than 200")
	limit, ok := errors.AsType[*LimitError](err)
	require.True(t, ok)
	require.Equal(t, LimitError{Err: ErrGroupFull, Value: 200, Max: 200}, *limit)

	err = recordedCause(&record.Result{Code: 1, Text: "user id is empty", Field: "user ID", Why: "has 0 bytes"})
	require.EqualError(t, err, "user id is empty")
	require.Equal(t, []*FieldError{{Field: FieldUser, Why: "has 0 bytes"}}, FieldErrors(err))

	err = recordedCause(&record.Result{Code: 99, Text: "of a later version"})
	require.EqualError(t, err, "of a later version")
	require.Empty(t, Code(err))
}
