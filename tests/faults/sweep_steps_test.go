package faults_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/store"
)

// newExpiringStack is an engine with a large group in which n mutes, requests, invitations
// and blocks each end after a minute, and one mute after an hour.
func newExpiringStack(t *testing.T, over grouptest.Wrapper, n int) *grouptest.Stack {
	ctx := t.Context()
	s := grouptest.NewStackOver(t, groupkit.Options{
		BlockOutsiders: true, RequestTTL: time.Minute, InvitationTTL: time.Minute,
		Limits: groupkit.Limits{Batch: 2000, MaxUsers: 5000, ListSize: 5000, Requests: 2000, Invitations: 2000},
	}, over)
	require.NoError(t, grouptest.ErrorOf(s.System().CreateGroup(ctx, groupkit.NewGroup{
		ID: grouptest.LargeGroup, Name: "x", Public: true, MembersOnly: true, MaxUsers: 5000, Owner: "alice",
	})))
	require.NoError(t, grouptest.ErrorOf(s.System().AddMembers(ctx, grouptest.LargeGroup, grouptest.Users("m", n+1))))
	require.NoError(t, grouptest.ErrorOf(s.As("alice").MuteUsers(ctx, grouptest.LargeGroup, time.Minute, grouptest.Users("m", n))))
	require.NoError(t, grouptest.ErrorOf(s.As("alice").Mute(ctx, grouptest.LargeGroup, time.Hour, grouptest.Users("m", n+1)[n])))
	require.NoError(t, grouptest.ErrorOf(s.As("alice").BlockUsers(ctx, grouptest.LargeGroup, time.Minute, grouptest.Users("b", n))))
	require.NoError(t, grouptest.ErrorOf(s.As("alice").InviteUsers(ctx, grouptest.LargeGroup, grouptest.Users("i", n))))
	for _, user := range grouptest.Users("r", n) {
		require.NoError(t, grouptest.ErrorOf(s.As(user).Join(ctx, grouptest.LargeGroup)))
	}
	return s
}

// TestEngine_Sweep_Everything sweeps more than one transaction may clear. Everything that has
// expired goes, with events by the system, and the rest stays.
func TestEngine_Sweep_Everything(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	most := new(measured)
	s := newExpiringStack(t, func(s store.Store, b store.Blobs) (store.Store, store.Blobs) {
		most.Store = s
		return most, b
	}, 300)
	n, err := s.Sweep(ctx)
	require.NoError(t, err)
	require.Zero(t, n, "nothing has expired")
	before := s.Dump(t)
	s.Clock.Advance(time.Minute - time.Millisecond)
	require.NoError(t, grouptest.ErrorOf(s.Sweep(ctx)))
	require.Equal(t, before, s.Dump(t), "not yet")
	s.Clock.Advance(time.Millisecond)
	most.n = 0
	n, err = s.Sweep(ctx)
	require.NoError(t, err)
	require.Equal(t, 1200, n)
	require.LessOrEqual(t, most.n, 256*8, "writes in one transaction")
	require.Len(t, s.Keys(t, key.Expiries()), 1, "the mute of an hour")
	requireSwept(t, s, 300)
	n, err = s.Sweep(ctx)
	require.NoError(t, err)
	require.Zero(t, n)
	s.RequireVerified(t)
}

// requireSwept checks the events of a sweep.
func requireSwept(t *testing.T, s *grouptest.Stack, each int) {
	cleared := make(map[groupkit.EventKind]map[groupkit.UserID]bool)
	for _, e := range grouptest.MustCollect(t, s.System().Events(t.Context(), grouptest.LargeGroup, 0)) {
		switch e.Kind {
		case groupkit.MuteExpired, groupkit.BlockExpired, groupkit.RequestExpired, groupkit.InvitationExpired:
			require.Empty(t, e.Actor)
			require.Empty(t, e.Reason)
			require.Equal(t, s.Clock.Now(), e.At)
			for _, user := range e.Users {
				if cleared[e.Kind] == nil {
					cleared[e.Kind] = make(map[groupkit.UserID]bool)
				}
				require.False(t, cleared[e.Kind][user], "%v of %s twice", e.Kind, user)
				cleared[e.Kind][user] = true
			}
		}
	}
	require.Len(t, cleared, 4)
	for kind, users := range cleared {
		require.Len(t, users, each, kind)
	}
}

// A measured store keeps the largest number of writes in one transaction.
type measured struct {
	store.Store
	n int
}

func (s *measured) Exclusive() bool { return true }

func (s *measured) Update(ctx context.Context, fn func(store.Writer) error) error {
	n := 0
	err := s.Store.Update(ctx, func(w store.Writer) error { return fn(counting{w, &n}) })
	s.n = max(s.n, n)
	return err
}

// TestEngine_Sweep_CutOff cancels the context between two transactions, and sweeps again.
func TestEngine_Sweep_CutOff(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cut := &cutStore{cancel: cancel}
	s := newExpiringStack(t, func(s store.Store, b store.Blobs) (store.Store, store.Blobs) {
		cut.Store = s
		return cut, b
	}, 300)
	s.Clock.Advance(time.Minute)
	cut.left = 2
	n, err := s.Sweep(ctx)
	require.ErrorIs(t, err, context.Canceled)
	grouptest.RequireError(t, err, groupkit.OpSweep, "")
	require.Positive(t, n)
	again, err := s.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1200, n+again)
	s.RequireVerified(t)
}

// A cutStore cancels a context after a number of Updates.
type cutStore struct {
	store.Store
	left   int
	cancel func()
}

func (s *cutStore) Exclusive() bool { return true }

func (s *cutStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	err := s.Store.Update(ctx, fn)
	if s.left--; s.left == 0 {
		s.cancel()
	}
	return err
}

// TestEngine_Sweep_DeletedGroup has mutes, requests and invitations that expire in a group
// that is being deleted. The sweep finishes the deletion.
func TestEngine_Sweep_DeletedGroup(t *testing.T) {
	t.Parallel()
	s := newExpiringStack(t, grouptest.Unwrapped, 100)
	ctx, cancel := context.WithCancel(t.Context())
	cancelling := &cutStore{Store: s.Store, left: 1, cancel: cancel}
	s.OpenWhole(t, groupkit.Options{}, grouptest.KeptStore{Store: cancelling}, grouptest.KeptBlobs{Blobs: s.Blobs})
	cancelling.left = 1
	require.ErrorIs(t, s.System().DeleteGroup(ctx, grouptest.LargeGroup), context.Canceled)
	require.NotEmpty(t, s.Keys(t, key.Deletions()))
	s.Clock.Advance(time.Minute)
	n, err := s.Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, n)
	grouptest.RequireDeleted(t, s.Dump(t), grouptest.LargeGroup)
	s.RequireVerified(t)
}
