package groupkit_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// A recordingGuard is a Guard that keeps what it saw, and refuses with an error if it is given
// one.
type recordingGuard struct {
	mu   sync.Mutex
	seen []groupkit.Command
	veto error
	ask  func(context.Context, groupkit.Command, groupkit.Scope) error
}

func (s *recordingGuard) guard(ctx context.Context, cmd groupkit.Command, scope groupkit.Scope) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, cmd)
	if s.ask != nil {
		return s.ask(ctx, cmd, scope)
	}
	return s.veto
}

// wake forgets what was seen, and refuses from now on.
func (s *recordingGuard) wake(veto error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.veto = nil, veto
}

// guarded is a Fixture with a recordingGuard.
func guarded(t *testing.T) (*grouptest.Fixture, *recordingGuard) {
	watch := new(recordingGuard)
	s := grouptest.NewFixture(t, groupkit.Options{Guard: watch.guard})
	watch.wake(nil)
	return s, watch
}

var errVeto = errors.New("mind your words")

func because(reason string) func(groupkit.Actor) groupkit.Actor {
	return func(a groupkit.Actor) groupkit.Actor { return a.Because(reason) }
}

func TestOptions_Guard(t *testing.T) {
	t.Parallel()
	for i := range grouptest.Verbs {
		v := &grouptest.Verbs[i]
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			s, watch := guarded(t)
			watch.wake(errVeto)
			before, log := s.State(t)
			_, err := v.Do(s, because("why not"))
			require.ErrorIs(t, err, errVeto)
			require.ErrorIs(t, err, groupkit.ErrVetoed)
			require.ErrorIs(t, err, groupkit.ErrForbidden)
			after, logAfter := s.State(t)
			require.Equal(t, before, after)
			require.Equal(t, log, logAfter)
			requireSeen(t, v, s, watch.seen)

			watch.wake(nil)
			require.NoError(t, grouptest.ErrorOf(v.Do(s, because("why not"))))
			requireSeen(t, v, s, watch.seen)
			grouptest.RequireVerified(t, s.Engine)
		})
	}
}

// requireSeen is about one command, with all that belongs to it.
func requireSeen(t *testing.T, v *grouptest.Verb, s *grouptest.Fixture, seen []groupkit.Command) {
	t.Helper()
	require.Len(t, seen, 1, "asked once")
	cmd := seen[0]
	require.Equal(t, v.Op, cmd.Op)
	require.Equal(t, v.By, cmd.Actor)
	require.Equal(t, "why not", cmd.Reason)
	require.Equal(t, []groupkit.UserID(v.Users), cmd.Users)
	require.Equal(t, v.Duration, cmd.Duration)
	require.Equal(t, v.Text, cmd.Text)
	switch v.Op {
	case groupkit.OpCreateGroup:
		require.Equal(t, "day watch", cmd.New.Name)
		require.NotEmpty(t, cmd.Group)
		return
	case groupkit.OpUpdateGroup:
		require.Equal(t, "day watch", *cmd.Update.Name)
	case groupkit.OpDeleteFile:
		require.Equal(t, s.File, cmd.File)
	case groupkit.OpForgetUser:
		require.True(t, cmd.Forget.Pseudonymize)
	}
	require.Equal(t, s.ID, cmd.Group)
}

func TestOptions_Guard_IsNotAsked(t *testing.T) {
	t.Parallel()
	s, watch := guarded(t)
	ctx := t.Context()
	for i := range grouptest.Verbs {
		require.NoError(t, grouptest.ErrorOf(grouptest.Verbs[i].Do(s, groupkit.Actor.Can)), grouptest.Verbs[i].Name)
	}
	require.ErrorIs(t, grouptest.ErrorOf(s.Engine.As("alice").Mute(ctx, s.ID, 0, "bob")), groupkit.ErrInvalid, "arguments come first")
	require.Empty(t, watch.seen)

	watch.wake(errVeto)
	s.Clock.Advance(time.Hour)
	cleared, err := s.Engine.Sweep(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, cleared)
	require.Empty(t, watch.seen)
}

func TestOptions_Guard_IsAskedBeforeAnythingIsKnown(t *testing.T) {
	t.Parallel()
	s, watch := guarded(t)
	require.ErrorIs(t, grouptest.ErrorOf(s.Engine.As("ivan").Join(t.Context(), "no-such-group")), groupkit.ErrGroupNotFound)
	require.Len(t, watch.seen, 1)
	watch.wake(errVeto)
	require.ErrorIs(t, grouptest.ErrorOf(s.Engine.As("ivan").Join(t.Context(), "no-such-group")), errVeto)
	require.ErrorIs(t, s.Engine.As("carol").IfVersion(1).DeleteGroup(t.Context(), s.ID), errVeto)
}

// A Guard that counts the admins, and cannot write.
func TestOptions_Guard_Reads(t *testing.T) {
	t.Parallel()
	s, watch := guarded(t)
	ctx := t.Context()
	watch.ask = func(ctx context.Context, cmd groupkit.Command, scope groupkit.Scope) error {
		admins, err := grouptest.Collect(scope.System().Admins(ctx, cmd.Group))
		if err != nil {
			return err
		}
		if cmd.Op == groupkit.OpAddAdmin && len(admins) >= 3 {
			return errVeto
		}
		return scope.As(cmd.Actor).Can().RemoveAdmin(ctx, cmd.Group, "bob")
	}
	require.NoError(t, s.Engine.As("alice").AddAdmin(ctx, s.ID, "carol"))
	require.ErrorIs(t, s.Engine.As("alice").AddAdmin(ctx, s.ID, "dave"), errVeto)
	require.ErrorIs(t, s.Engine.As("bob").MuteGroup(ctx, s.ID), groupkit.ErrRoleTooLow, "the cause is whatever the Guard says")
	require.ErrorIs(t, s.Engine.As("bob").MuteGroup(ctx, s.ID), groupkit.ErrVetoed)
}

func TestOptions_Guard_CannotWrite(t *testing.T) {
	t.Parallel()
	for _, inside := range []bool{false, true} {
		for i := range grouptest.Verbs {
			v := &grouptest.Verbs[i]
			t.Run(v.Name, func(t *testing.T) {
				t.Parallel()
				s, watch := guarded(t)
				before, log := s.State(t)
				var tried error
				watch.ask = func(_ context.Context, _ groupkit.Command, scope groupkit.Scope) error {
					_, tried = v.In(scope, s)
					return errVeto
				}
				require.ErrorIs(t, maybeAtomic(s, inside, func(scope groupkit.Scope) error {
					return scope.As("alice").UnmuteGroup(context.Background(), s.ID)
				}), errVeto)
				require.ErrorIs(t, tried, groupkit.ErrNested)
				after, logAfter := s.State(t)
				require.Equal(t, before, after)
				require.Equal(t, log, logAfter)
			})
		}
	}
}

// maybeAtomic runs fn inside a transaction, or just so.
func maybeAtomic(s *grouptest.Fixture, inside bool, fn func(groupkit.Scope) error) error {
	if !inside {
		return fn(s.Engine)
	}
	return s.Engine.Atomic(context.Background(), func(tx *groupkit.Tx) error { return fn(tx) })
}

func TestOptions_Guard_InsideAtomic(t *testing.T) {
	t.Parallel()
	s, watch := guarded(t)
	watch.ask = func(ctx context.Context, cmd groupkit.Command, scope groupkit.Scope) error {
		g, err := scope.System().Group(ctx, s.ID)
		if err == nil && cmd.Op == groupkit.OpMuteGroup && g.Name == "silent" {
			err = errVeto
		}
		if _, out := s.Engine.System().Group(ctx, s.ID); !errors.Is(out, groupkit.ErrNested) {
			err = errors.New("the engine itself answered inside a transaction")
		}
		return err
	}
	ctx := t.Context()
	err := s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
		if err := tx.As("alice").MuteGroup(ctx, s.ID); err != nil {
			return err
		}
		if _, err := tx.As("alice").UpdateGroup(ctx, s.ID, groupkit.GroupUpdate{Name: new("silent")}); err != nil {
			return err
		}
		return tx.As("alice").MuteGroup(ctx, s.ID)
	})
	require.ErrorIs(t, err, errVeto, "it sees what the transaction has changed")
	require.False(t, s.Group(t).Muted)
}

// A Guard is shown a command; what it does to it is no business of the call.
func TestOptions_Guard_CannotChangeTheCommand(t *testing.T) {
	t.Parallel()
	s, watch := guarded(t)
	watch.ask = func(_ context.Context, cmd groupkit.Command, _ groupkit.Scope) error {
		for i := range cmd.Users {
			cmd.Users[i] = "mallory"
		}
		if cmd.New != nil {
			cmd.New.Name, cmd.New.Owner, *cmd.New.InviteNeedConfirm = "", "mallory", false
			cmd.New.Members[0] = "mallory"
		}
		if cmd.Update != nil {
			*cmd.Update.Name, cmd.Update.MaxUsers = "a/b", new(-1)
		}
		if cmd.Forget != nil {
			*cmd.Forget = groupkit.ForgetOptions{Owned: groupkit.OwnedDelete}
		}
		return nil
	}
	ctx := t.Context()
	given := grouptest.IDs{"carol", "erin"}
	require.NoError(t, grouptest.ErrorOf(s.Engine.As("alice").MuteUsers(ctx, s.ID, time.Minute, given)))
	require.Equal(t, grouptest.IDs{"carol", "erin"}, given)
	require.ErrorIs(t, s.Engine.As("erin").MaySpeak(ctx, s.ID), groupkit.ErrMuted)
	g, err := s.Engine.As("carol").CreateGroup(ctx, groupkit.NewGroup{Name: "day watch", Members: grouptest.IDs{"ivan"}})
	require.NoError(t, err)
	require.EqualValues(t, "carol", g.Owner)
	require.Equal(t, "day watch", g.Name)
	require.True(t, g.InviteNeedConfirm)
	_, err = s.Engine.As("alice").UpdateGroup(ctx, s.ID, groupkit.GroupUpdate{Name: new("day watch")})
	require.NoError(t, err)
	require.Equal(t, "day watch", s.Group(t).Name)
	require.ErrorIs(t, s.Engine.System().ForgetUser(ctx, "alice", groupkit.ForgetOptions{}), groupkit.ErrIsOwner)
	require.NoError(t, s.Engine.System().ForgetUser(ctx, "carol", groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed}))
	grouptest.RequireVerified(t, s.Engine)
}

// It is asked about an upload when the name is known, not again when the content is.
func TestOptions_Guard_Upload(t *testing.T) {
	t.Parallel()
	s, watch := guarded(t)
	watch.wake(errVeto)
	read := new(strings.Reader)
	read.Reset("secret")
	_, err := s.Engine.As("carol").UploadFile(t.Context(), s.ID, "plan.txt", read)
	require.ErrorIs(t, err, errVeto)
	require.Equal(t, 6, read.Len(), "nothing is read of what is refused")
	require.Len(t, watch.seen, 1)
}
