package groupkit_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
)

// A keptCause is a sentinel that an entry of a batch can fail with, and a batch whose
// last entry does; the others succeed.
type keptCause struct {
	sentinel error
	code     string
	limit    *groupkit.LimitError // what errors.As finds
	field    *groupkit.FieldError

	opts    groupkit.Options                         // of the engine that is asked
	prepare func(t *testing.T, s *grouptest.Fixture) // before it is opened
	by      groupkit.UserID                          // "" is the system
	batch   func(groupkit.Actor, context.Context, groupkit.GroupID, []groupkit.UserID) (groupkit.Results, error)
	users   grouptest.IDs
}

// keptCauses is every sentinel that an entry of a batch can fail with.
var keptCauses = []keptCause{
	{
		sentinel: groupkit.ErrInvalid, code: "invalid_argument",
		field: &groupkit.FieldError{Field: groupkit.FieldUser, Why: `"\x00" contains a control character`},
		batch: groupkit.Actor.AddMembers, users: grouptest.IDs{"ivan", "\x00"},
	},
	{
		sentinel: groupkit.ErrUserNotFound, code: "user_not_found",
		opts:  groupkit.Options{UserExists: func(_ context.Context, u groupkit.UserID) (bool, error) { return u != "nobody", nil }},
		batch: groupkit.Actor.AddMembers, users: grouptest.IDs{"ivan", "nobody"},
	},
	{
		sentinel: groupkit.ErrNotMember, code: "not_member",
		batch: groupkit.Actor.RemoveMembers, users: grouptest.IDs{"carol", "ivan"},
	},
	{
		sentinel: groupkit.ErrAlreadyMember, code: "already_member",
		batch: groupkit.Actor.AddMembers, users: grouptest.IDs{"ivan", "carol"},
	},
	{
		sentinel: groupkit.ErrIsOwner, code: "is_owner",
		batch: groupkit.Actor.RemoveMembers, users: grouptest.IDs{"carol", "alice"},
	},
	{
		sentinel: groupkit.ErrRoleTooLow, code: "role_too_low",
		by: "bob", batch: groupkit.Actor.RemoveMembers, users: grouptest.IDs{"carol", "ben"},
	},
	{
		sentinel: groupkit.ErrBlacklisted, code: "blacklisted",
		batch: groupkit.Actor.AddMembers, users: grouptest.IDs{"ivan", "mallory"},
	},
	{
		sentinel: groupkit.ErrNotBlacklisted, code: "not_blacklisted",
		batch: groupkit.Actor.UnblockUsers, users: grouptest.IDs{"mallory", "carol"},
	},
	{
		sentinel: groupkit.ErrRequestNotFound, code: "request_not_found",
		batch: groupkit.Actor.DeclineRequests, users: grouptest.IDs{"frank", "carol"},
	},
	{
		sentinel: groupkit.ErrInvitationNotFound, code: "invitation_not_found",
		batch: groupkit.Actor.CancelInvitations, users: grouptest.IDs{"grace", "carol"},
	},
	{
		sentinel: groupkit.ErrNotMuted, code: "not_muted",
		batch: groupkit.Actor.UnmuteUsers, users: grouptest.IDs{"dave", "carol"},
	},
	{
		sentinel: groupkit.ErrAlreadyAllowed, code: "already_allowed",
		batch: groupkit.Actor.AllowUsers, users: grouptest.IDs{"carol", "erin"},
	},
	{
		sentinel: groupkit.ErrNotAllowed, code: "not_allowed",
		batch: groupkit.Actor.DisallowUsers, users: grouptest.IDs{"erin", "carol"},
	},
	{
		sentinel: groupkit.ErrGroupFull, code: "group_full", limit: &groupkit.LimitError{Err: groupkit.ErrGroupFull, Value: 7, Max: 7},
		prepare: func(t *testing.T, s *grouptest.Fixture) {
			require.NoError(t, grouptest.ErrorOf(s.Engine.System().UpdateGroup(t.Context(), s.ID, groupkit.GroupUpdate{MaxUsers: new(7)})))
		},
		batch: groupkit.Actor.AddMembers, users: grouptest.IDs{"ivan", "judy"},
	},
	{
		sentinel: groupkit.ErrTooManyJoined, code: "too_many_joined", limit: &groupkit.LimitError{Err: groupkit.ErrTooManyJoined, Value: 1, Max: 1},
		opts: groupkit.Options{Limits: groupkit.Limits{JoinedGroups: 1}},
		prepare: func(t *testing.T, s *grouptest.Fixture) {
			grouptest.CreateGroup(t, s.Engine, groupkit.NewGroup{Owner: "judy"})
		},
		batch: groupkit.Actor.AddMembers, users: grouptest.IDs{"ivan", "judy"},
	},
	{
		sentinel: groupkit.ErrTooManyInvitations, code: "too_many_invitations", limit: &groupkit.LimitError{Err: groupkit.ErrTooManyInvitations, Value: 2, Max: 2},
		opts: groupkit.Options{Limits: groupkit.Limits{Invitations: 2}},
		by:   "alice", batch: groupkit.Actor.InviteUsers, users: grouptest.IDs{"ivan", "judy"},
	},
	{
		sentinel: groupkit.ErrListFull, code: "list_full", limit: &groupkit.LimitError{Err: groupkit.ErrListFull, Value: 2, Max: 2},
		opts:  groupkit.Options{Limits: groupkit.Limits{ListSize: 2}},
		batch: forAMinute(groupkit.Actor.MuteUsers), users: grouptest.IDs{"carol", "erin"},
	},
}

// forAMinute is a batch that lasts, without its duration.
func forAMinute(batch func(groupkit.Actor, context.Context, groupkit.GroupID, time.Duration, []groupkit.UserID) (groupkit.Results, error)) func(groupkit.Actor, context.Context, groupkit.GroupID, []groupkit.UserID) (groupkit.Results, error) {
	return func(a groupkit.Actor, ctx context.Context, g groupkit.GroupID, users []groupkit.UserID) (groupkit.Results, error) {
		return batch(a, ctx, g, time.Minute, users)
	}
}

// TestActor_Once_Causes repeats batches after the file has been opened again: their errors
// say the same, to errors.Is, errors.As and Code too.
func TestActor_Once_Causes(t *testing.T) {
	t.Parallel()
	for i := range keptCauses {
		c := &keptCauses[i]
		t.Run(c.code, func(t *testing.T) {
			t.Parallel()
			path, clock := filepath.Join(t.TempDir(), "groups.db"), grouptest.NewClock()
			eng := openQuick(t, path, clock)
			s := grouptest.NewFixtureOn(t, eng, clock)
			if c.prepare != nil {
				c.prepare(t, s)
			}
			require.NoError(t, eng.Close())

			var answers [2]groupkit.Results
			for i := range answers {
				answers[i] = c.ask(t, path, clock)
				c.requireCause(t, answers[i])
			}
			require.Equal(t, answers[0], answers[1])
		})
	}
}

// ask opens the file, makes the call and closes the file.
func (c *keptCause) ask(t *testing.T, path string, clock *grouptest.Clock) groupkit.Results {
	opts := c.opts
	opts.Clock = clock.Now
	st, err := boltstore.Open(path, &boltstore.Options{Durability: boltstore.None})
	require.NoError(t, err)
	eng, err := groupkit.New(st, fileblob.New(path+".files"), &opts)
	require.NoError(t, err)
	actor := eng.System()
	if c.by != "" {
		actor = eng.As(c.by)
	}
	results, err := c.batch(actor.Once("k"), t.Context(), "guild", c.users)
	require.NoError(t, err)
	require.NoError(t, eng.Close())
	return results
}

func (c *keptCause) requireCause(t *testing.T, results groupkit.Results) {
	require.Len(t, results, len(c.users))
	last := len(results) - 1
	for _, r := range results[:last] {
		require.NoError(t, r.Err)
	}
	err := results[last].Err
	require.Equal(t, c.code, groupkit.Code(err))
	for class, members := range sentinels {
		for _, sentinel := range members {
			require.Equal(t, sentinel == c.sentinel, errors.Is(err, sentinel), "%v of %v", sentinel, err)
			if sentinel == c.sentinel && class != nil {
				require.ErrorIs(t, err, class)
			}
		}
	}
	limit, _ := errors.AsType[*groupkit.LimitError](err)
	require.Equal(t, c.limit, limit)
	field, _ := errors.AsType[*groupkit.FieldError](err)
	require.Equal(t, c.field, field)
}
