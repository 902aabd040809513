package groupkit_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// TestBlockedError checks who learns when a block ends.
func TestBlockedError(t *testing.T) {
	t.Parallel()
	eng, clock := grouptest.Setup(t, groupkit.Options{})
	ctx := t.Context()
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{AllowInvites: true, Members: grouptest.IDs{"bob", "mallory", "trudy"}})
	until := clock.Now().Add(time.Hour).Truncate(time.Millisecond)
	alice, bob, mallory := eng.As("alice"), eng.As("bob"), eng.As("mallory")
	require.NoError(t, grouptest.ErrorOf(alice.Block(ctx, id, time.Hour, "mallory")))
	require.NoError(t, grouptest.ErrorOf(alice.Block(ctx, id, groupkit.Forever, "trudy")))
	batch := func(a groupkit.Actor) error {
		results, err := a.Once("invite").InviteUsers(ctx, id, grouptest.IDs{"mallory", "dave"})
		require.NoError(t, err)
		require.Zero(t, results[0].Until)
		return results[0].Err
	}
	for name, c := range map[string]struct {
		err  error
		want time.Time
	}{
		"reading":                     {grouptest.ErrorOf(mallory.Group(ctx, id)), until},
		"joining":                     {grouptest.ErrorOf(mallory.Join(ctx, id)), until},
		"speaking":                    {mallory.MaySpeak(ctx, id), until},
		"speaking, from the cache":    {mallory.MaySpeak(ctx, id), until},
		"in a dry run":                {mallory.Can().CancelRequest(ctx, id), until},
		"for ever":                    {eng.As("trudy").MaySpeak(ctx, id), time.Time{}},
		"the system adds":             {eng.System().AddMember(ctx, id, "mallory"), until},
		"the owner blocks again":      {grouptest.ErrorOf(alice.Block(ctx, id, time.Hour, "mallory")), until},
		"the owner invites":           {batch(alice), until},
		"the owner invites, repeated": {batch(alice), until},
		"a plain member invites":      {grouptest.ErrorOf(bob.Invite(ctx, id, "mallory")), time.Time{}},
	} {
		require.ErrorIs(t, c.err, groupkit.ErrBlacklisted, name)
		e, ok := errors.AsType[*groupkit.BlockedError](c.err)
		require.True(t, ok, name)
		require.Equal(t, c.want.UTC(), e.Until.UTC(), name)
	}
	clock.Advance(time.Hour)
	require.NoError(t, eng.System().AddMember(ctx, id, "mallory"))
}

// ForgetUser is about no single group, so it has no version to compare.
func TestActor_ForgetUser_IfVersion(t *testing.T) {
	t.Parallel()
	eng, _ := grouptest.Setup(t, groupkit.Options{})
	err := eng.System().IfVersion(1).ForgetUser(t.Context(), "bob", groupkit.ForgetOptions{})
	require.ErrorIs(t, err, groupkit.ErrInvalid)
	require.Equal(t, groupkit.FieldVersion, groupkit.FieldErrors(err)[0].Field)
}
