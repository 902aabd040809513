package groupkit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/sharedmem"
	"groupkit/store"
	"groupkit/store/memblob"
)

// small are transactions as some stores have them.
var small = store.Sizes{Key: 2048, Value: 64 << 10, Writes: 128, Reads: 256, Bytes: 128 << 10}

func newSmall(t *testing.T, opts groupkit.Options) *grouptest.Stack {
	s := &grouptest.Stack{Store: sharedmem.New(sharedmem.Options{Sizes: small}).Open(), Blobs: memblob.New(), Clock: grouptest.NewClockAt(grouptest.Dawn)}
	s.OpenWhole(t, opts, s.Store, s.Blobs)
	return s
}

// fillSmall makes a group with everything, call by call.
func fillSmall(t *testing.T, s *grouptest.Stack, id groupkit.GroupID, members int) {
	t.Helper()
	ctx, system := t.Context(), s.System()
	grouptest.CreateGroup(t, s.Engine, groupkit.NewGroup{ID: id, Public: true, MembersOnly: true, Custom: "custom"})
	for _, user := range grouptest.Users("m", members) {
		require.NoError(t, system.AddMember(ctx, id, user))
		require.NoError(t, grouptest.ErrorOf(system.Mute(ctx, id, time.Hour, user)))
		require.NoError(t, system.Allow(ctx, id, user))
		require.NoError(t, grouptest.ErrorOf(system.Invite(ctx, id, "invited-"+user)))
		require.NoError(t, grouptest.ErrorOf(s.As("asking-"+user).Join(ctx, id)))
		require.NoError(t, grouptest.ErrorOf(system.UploadFile(ctx, id, string(user), strings.NewReader("x"))))
	}
}

func TestSizes_Deletion(t *testing.T) {
	t.Parallel()
	s := newSmall(t, groupkit.Options{})
	for _, id := range []groupkit.GroupID{"one", "two"} {
		fillSmall(t, s, id, 75)
	}
	require.NoError(t, s.System().DeleteGroup(t.Context(), "one"))
	s.RequireVerified(t)
	require.NoError(t, s.System().ForgetUser(t.Context(), "alice", groupkit.ForgetOptions{Owned: groupkit.OwnedDelete}))
	s.RequireVerified(t)
	require.Empty(t, grouptest.ContentIDs(t, s.Blobs))
	for k := range s.Dump(t) {
		require.NotContains(t, k, "custom")
	}
}

func TestSizes_Sweep(t *testing.T) {
	t.Parallel()
	s := newSmall(t, groupkit.Options{
		KeyTTL: time.Minute, RequestTTL: time.Hour, InvitationTTL: time.Hour, Retention: groupkit.Retention{MaxAge: time.Minute},
	})
	fillSmall(t, s, "guild", 75)
	for i := range 200 {
		require.NoError(t, s.As("alice").Once(fmt.Sprint("key ", i)).SetAnnouncement(t.Context(), "guild", fmt.Sprint(i)))
	}
	s.Clock.Advance(3 * time.Hour)
	cleared, err := s.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3*75, cleared)
	s.RequireVerified(t)
	s.Clock.Advance(3 * time.Hour)
	require.NoError(t, grouptest.ErrorOf(s.Sweep(t.Context())))
	log, err := grouptest.Collect(s.System().Events(t.Context(), "guild", 0))
	require.NoError(t, err)
	require.Len(t, log, 1)
	require.Equal(t, groupkit.Checkpoint, log[0].Kind)
	s.RequireVerified(t)
}

// A call of as many users as the limits allow always fits.
func TestSizes_Limits(t *testing.T) {
	t.Parallel()
	ctx, most := t.Context(), (small.Writes-8)/14
	s := newSmall(t, groupkit.Options{BlockOutsiders: true})
	users := grouptest.Users("m", most)
	_, err := s.System().CreateGroup(ctx, groupkit.NewGroup{ID: "guild", Name: "x", Owner: "alice", MembersOnly: true, Members: users})
	require.NoError(t, err)
	for _, call := range []func() (groupkit.Results, error){
		func() (groupkit.Results, error) { return s.System().MuteUsers(ctx, "guild", time.Hour, users) },
		func() (groupkit.Results, error) { return s.System().AllowUsers(ctx, "guild", users) },
		func() (groupkit.Results, error) { return s.System().BlockUsers(ctx, "guild", time.Hour, users) },
	} {
		results, err := call()
		require.NoError(t, err)
		require.Empty(t, results.Failed())
	}
	_, err = s.System().MuteUsers(ctx, "guild", time.Hour, append(users, "bob"))
	require.ErrorIs(t, err, groupkit.ErrBatchTooLarge)
	s.RequireVerified(t)

	for _, limits := range []groupkit.Limits{{Batch: most + 1}, {NewMembers: most + 1}, {Custom: small.Value}} {
		_, err := groupkit.New(s.Store, s.Blobs, &groupkit.Options{Limits: limits})
		require.ErrorIs(t, err, groupkit.ErrInvalid)
		require.ErrorContains(t, err, "Limits.")
	}
}

// A call whose consequences are too large is refused, and changes nothing.
func TestSizes_Refused(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := newSmall(t, groupkit.Options{})
	grouptest.CreateGroup(t, s.Engine, groupkit.NewGroup{ID: "guild", AllowInvites: true, Members: grouptest.IDs{"bob"}, InviteNeedConfirm: new(true)})
	for _, user := range grouptest.Users("invited", 40) {
		require.NoError(t, grouptest.ErrorOf(s.As("bob").Invite(ctx, "guild", user)))
	}
	err := s.System().RemoveMember(ctx, "guild", "bob")
	require.ErrorIs(t, err, groupkit.ErrStorage)
	require.ErrorIs(t, err, store.ErrTooLarge)
	require.ErrorContains(t, err, "the call writes")
	s.RequireVerified(t)
	invited, err := grouptest.Collect(s.System().Invitations(ctx, "guild"))
	require.NoError(t, err)
	require.Len(t, invited, 40)
}
