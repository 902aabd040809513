package groupkit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// Whoever goes on from a position of another history, or from before the log was rewritten, begins anew.
// Who was dismissed meanwhile gets what members see.
func TestActor_Follow_BeginsAnew(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ctx, alice, system := t.Context(), s.Engine.As("alice"), s.Engine.System()
	require.NoError(t, system.AddMember(ctx, s.ID, "zoe"))
	require.NoError(t, grouptest.ErrorOf(alice.Invite(ctx, s.ID, "yves")))
	at := s.Engine.Position(s.Group(t).Version)
	require.False(t, goOn(t, s, "alice", at, announced(t, s, "one")).Kind == groupkit.Checkpoint)

	at = s.Engine.Position(s.Group(t).Version)
	require.NoError(t, system.ForgetUser(ctx, "zoe", groupkit.ForgetOptions{Pseudonymize: true}))
	e := goOn(t, s, "alice", at, nil)
	require.Equal(t, groupkit.Checkpoint, e.Kind)
	require.Equal(t, s.Group(t).Version, e.Version)

	at = s.Engine.Position(s.Group(t).Version)
	require.NoError(t, s.Engine.RenewHistory(ctx))
	require.NotEqual(t, at.History, s.Engine.History())
	snapshot, _ := s.State(t)
	e = goOn(t, s, "alice", at, nil)
	require.Equal(t, groupkit.Checkpoint, e.Kind)
	require.Equal(t, snapshot, *e.Checkpoint)
	require.NotEmpty(t, e.Checkpoint.Blacklist)

	e = goOn(t, s, "carol", at, nil)
	require.Equal(t, groupkit.Checkpoint, e.Kind)
	snapshot.Blacklist, snapshot.Requests, snapshot.Invitations, snapshot.Mutes, snapshot.AllowList = nil, nil, nil, nil, nil
	snapshot.Group.RequestCount, snapshot.Group.InvitationCount = 0, 0
	require.Equal(t, snapshot, *e.Checkpoint, "carol is a plain member")
}

// goOn is the first event of whoever goes on from a position, after a change.
func goOn(t *testing.T, s *grouptest.Fixture, who groupkit.UserID, at groupkit.Position, change func()) groupkit.Event {
	t.Helper()
	if change != nil {
		change()
	}
	f, err := s.Engine.As(who).Follow(t.Context(), s.ID, at)
	require.NoError(t, err)
	defer f.Close()
	return next(t, f)
}

func announced(t *testing.T, s *grouptest.Fixture, text string) func() {
	return func() {
		s.Clock.Advance(time.Second)
		announce(t, s, text)
	}
}

// The log was rewritten, and the right ends before the checkpoint that is due: what is given then follows what was
// given before.
func TestFollower_EndsBeforeTheCheckpoint(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		who  groupkit.UserID
		end  func(s *grouptest.Fixture) error
		want error
	}{
		"removed":  {"dave", func(s *grouptest.Fixture) error { return s.Engine.System().RemoveMember(t.Context(), s.ID, "dave") }, groupkit.ErrNotMember},
		"deleted":  {"dave", func(s *grouptest.Fixture) error { return s.Engine.System().DeleteGroup(t.Context(), s.ID) }, groupkit.ErrGroupNotFound},
		"system":   {"", func(s *grouptest.Fixture) error { return s.Engine.System().DeleteGroup(t.Context(), s.ID) }, groupkit.ErrGroupNotFound},
		"rejoined": {"dave", func(s *grouptest.Fixture) error { return s.Engine.System().RemoveMember(t.Context(), s.ID, "dave") }, groupkit.ErrNotMember},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewFixture(t, groupkit.Options{})
			var replica groupkit.Replica
			snapshot, err := s.Engine.System().Snapshot(t.Context(), s.ID)
			require.NoError(t, err)
			version := snapshot.Group.Version
			require.NoError(t, replica.Apply(groupkit.Event{Group: s.ID, Version: version, Kind: groupkit.Checkpoint, Checkpoint: &snapshot, Last: true}))
			from := s.Engine.Position(version)

			hidden := "while dave was no member"
			if name == "rejoined" {
				require.NoError(t, s.Engine.System().RemoveMember(t.Context(), s.ID, "dave"))
				announce(t, s, hidden)
				require.NoError(t, s.Engine.System().AddMember(t.Context(), s.ID, "dave"))
			}
			announce(t, s, "before")
			require.NoError(t, s.Engine.System().ForgetUser(t.Context(), "carol", groupkit.ForgetOptions{Pseudonymize: true}))
			f, err := grouptest.ActorOf(s.Engine, c.who).Follow(t.Context(), s.ID, from)
			require.NoError(t, err)
			defer f.Close()
			require.NoError(t, c.end(s))
			var last groupkit.Event
			for err == nil {
				var e groupkit.Event
				if e, err = f.Next(t.Context()); err == nil {
					require.NoError(t, replica.Apply(e), "%+v", e)
					require.NotEqual(t, groupkit.Checkpoint, e.Kind)
					for _, change := range e.Changes {
						require.NotEqual(t, hidden, change.After)
					}
					last = e
				}
			}
			require.ErrorIs(t, err, c.want)
			require.Contains(t, []groupkit.EventKind{groupkit.MemberLeft, groupkit.GroupDeleted}, last.Kind)
		})
	}
}
