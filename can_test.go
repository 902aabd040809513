package groupkit_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// A batch is asked about as a whole; its results say what would become of each entry.
func TestActor_Can_Batch(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	can, err := s.Engine.System().Can().AddMembers(t.Context(), s.ID, grouptest.IDs{"ivan", "ivan", "mallory"})
	require.NoError(t, err)
	did, err := s.Engine.System().AddMembers(t.Context(), s.ID, grouptest.IDs{"ivan", "ivan", "mallory"})
	require.NoError(t, err)
	requireSame(t, did, can)
}

func TestActor_Can_IfVersion(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	now := s.Group(t).Version
	require.NoError(t, s.Engine.As("alice").Can().IfVersion(now).MuteGroup(t.Context(), s.ID))
	err := s.Engine.As("alice").Can().IfVersion(now-1).MuteGroup(t.Context(), s.ID)
	require.ErrorIs(t, err, groupkit.ErrVersion)
	e, ok := errors.AsType[*groupkit.VersionError](err)
	require.True(t, ok)
	require.Equal(t, now, e.Current)
}

// Asking with a key uses none up; asking what was done under one says that it was.
func TestActor_Can_Once(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ctx, system := t.Context(), s.Engine.System().Once("k")
	require.NoError(t, system.Can().AddMember(ctx, s.ID, "ivan"))
	require.NoError(t, system.AddMember(ctx, s.ID, "judy"), "the key is free")
	require.ErrorIs(t, system.Can().AddMember(ctx, s.ID, "ivan"), groupkit.ErrKeyReused)
	require.NoError(t, system.Can().AddMember(ctx, s.ID, "judy"), "though judy is a member by now")
}

// Can neither waits for writers nor holds them up.
func TestActor_Can_BesideAWriter(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	require.NoError(t, s.Engine.Atomic(t.Context(), func(tx *groupkit.Tx) error {
		require.NoError(t, tx.As("alice").AddAdmin(t.Context(), s.ID, "carol"))
		asked := make(chan error)
		go func() { asked <- s.Engine.As("carol").Can().MuteGroup(context.Background(), s.ID) }()
		require.ErrorIs(t, <-asked, groupkit.ErrRoleTooLow)
		return nil
	}))
}
