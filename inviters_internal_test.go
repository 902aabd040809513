package groupkit

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// removeAsBefore removes a member as earlier versions did: the pending invitations of the member
// stay.
func removeAsBefore(t *testing.T, e *Engine, group GroupID, user UserID) {
	t.Helper()
	cmd := Command{Group: group, Users: []UserID{user}}
	require.NoError(t, e.update(t.Context(), func(w store.Writer) error {
		c, err := e.System().begin(&cmd)
		if err == nil {
			err = c.loadFirst(w)
		}
		if err != nil {
			return err
		}
		if err := c.load(w, &removeMembersVerb.needs); err != nil {
			return err
		}
		c.endMembership(user, CauseRemoved)
		if err := c.finish(false); err != nil {
			return err
		}
		return write(w, c.effects(&removeMembersVerb).pairs)
	}))
}

// deadGroup makes a group in which erin and frank have invitations of bob, who was removed, and
// grace and heidi have others.
func deadGroup(t *testing.T, e *Engine, clock *int64) GroupID {
	t.Helper()
	ctx, system := t.Context(), e.System()
	g, err := system.CreateGroup(ctx, NewGroup{Name: "talk", Owner: "alice", AllowInvites: true, Members: []UserID{"bob"}})
	require.NoError(t, err)
	for _, i := range []struct {
		by   Actor
		user UserID
	}{{e.As("bob"), "erin"}, {e.As("bob"), "frank"}, {e.As("alice"), "grace"}, {system, "heidi"}} {
		_, err := i.by.Invite(ctx, g.ID, i.user)
		require.NoError(t, err)
	}
	removeAsBefore(t, e, g.ID, "bob")
	*clock += 1000
	return g.ID
}

func newDeadEngine(t *testing.T, opts Options) (*Engine, *int64) {
	t.Helper()
	now := new(int64(1_700_000_000_000))
	opts.Clock = func() time.Time { return time.UnixMilli(*now) }
	e, err := New(memstore.New(), memblob.New(), &opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e, now
}

func logOf(t *testing.T, e *Engine, group GroupID) (log []Event) {
	t.Helper()
	for event, err := range e.System().Events(t.Context(), group, 0) {
		require.NoError(t, err)
		log = append(log, event)
	}
	return log
}

func TestCancelDeadInvitations(t *testing.T) {
	t.Parallel()
	e, clock := newDeadEngine(t, Options{})
	ctx, id := t.Context(), deadGroup(t, e, clock)
	found, err := e.Verify(ctx, VerifyOptions{})
	require.NoError(t, err)
	require.ElementsMatch(t, []Violation{
		{InvitersMayInvite, id, "erin", "entry in the list of invitations", `is by "bob", who is not allowed to invite`},
		{InvitersMayInvite, id, "frank", "entry in the list of invitations", `is by "bob", who is not allowed to invite`},
	}, found.Violations)

	before := logOf(t, e, id)
	require.NoError(t, e.cancelDeadInvitations(ctx, id))
	after := logOf(t, e, id)
	require.Len(t, after, len(before)+1)
	require.Equal(t, Event{
		Group: id, Version: uint64(len(after)), Kind: InvitationCancelled, At: time.UnixMilli(*clock).UTC(), Users: []UserID{"erin", "frank"}, Last: true, After: uint64(len(before)),
	}, after[len(after)-1])
	found, err = e.Verify(ctx, VerifyOptions{})
	require.NoError(t, err)
	require.Empty(t, found.Violations)
	require.NoError(t, e.As("grace").AcceptInvitation(ctx, id))
	require.NoError(t, e.As("heidi").AcceptInvitation(ctx, id))

	count := len(logOf(t, e, id))
	require.NoError(t, e.cancelDeadInvitations(ctx, id), "again")
	require.Len(t, logOf(t, e, id), count)
	require.NoError(t, e.System().DeleteGroup(ctx, id))
	require.NoError(t, e.cancelDeadInvitations(ctx, id), "deleted")
	require.NoError(t, e.cancelDeadInvitations(ctx, "nowhere"))
}

// An invitation that has expired is cleared away too, as expired.
func TestCancelDeadInvitations_Expired(t *testing.T) {
	t.Parallel()
	e, clock := newDeadEngine(t, Options{InvitationTTL: time.Second})
	id := deadGroup(t, e, clock)
	require.NoError(t, e.cancelDeadInvitations(t.Context(), id))
	log := logOf(t, e, id)
	require.Equal(t, InvitationExpired, log[len(log)-1].Kind)
	require.Equal(t, []UserID{"erin", "frank"}, log[len(log)-1].Users)
	found, err := e.Verify(t.Context(), VerifyOptions{})
	require.NoError(t, err)
	require.Empty(t, found.Violations)
}

// A verb that can end the right to invite, and does not say so, fails instead of leaving an
// invitation behind.
func TestEndInvitations_NotLoaded(t *testing.T) {
	t.Parallel()
	e, _ := newDeadEngine(t, Options{})
	g, err := e.System().CreateGroup(t.Context(), NewGroup{Name: "talk", Owner: "alice", AllowInvites: true, Members: []UserID{"bob"}})
	require.NoError(t, err)
	_, err = e.As("bob").Invite(t.Context(), g.ID, "erin")
	require.NoError(t, err)
	careless := removeMembersVerb
	careless.needs.losers = noLosers
	_, err = e.System().one(context.Background(), careless, Command{Group: g.ID, Users: []UserID{"bob"}})
	require.ErrorIs(t, err, ErrCorrupt)
	require.ErrorContains(t, err, `invitations of user "bob" were not loaded`)
}
