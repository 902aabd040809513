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
)

// A sentry is a Guard that keeps what it saw, and refuses with an error if it is given
// one.
type sentry struct {
	mu   sync.Mutex
	seen []groupkit.Command
	veto error
	ask  func(context.Context, groupkit.Command, groupkit.Scope) error
}

func (s *sentry) guard(ctx context.Context, cmd groupkit.Command, scope groupkit.Scope) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, cmd)
	if s.ask != nil {
		return s.ask(ctx, cmd, scope)
	}
	return s.veto
}

// wake forgets what was seen, and refuses from now on.
func (s *sentry) wake(veto error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.veto = nil, veto
}

// guarded is a stage with a sentry.
func guarded(t *testing.T) (*stage, *sentry) {
	watch := new(sentry)
	s := staged(t, groupkit.Options{Guard: watch.guard})
	watch.wake(nil)
	return s, watch
}

var errVeto = errors.New("mind your words")

func because(reason string) func(groupkit.Actor) groupkit.Actor {
	return func(a groupkit.Actor) groupkit.Actor { return a.Because(reason) }
}

func TestOptions_Guard(t *testing.T) {
	t.Parallel()
	for i := range verbs {
		v := &verbs[i]
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			s, watch := guarded(t)
			watch.wake(errVeto)
			before, log := s.whole(t)
			_, err := v.do(s, because("why not"))
			require.ErrorIs(t, err, errVeto)
			require.ErrorIs(t, err, groupkit.ErrVetoed)
			require.ErrorIs(t, err, groupkit.ErrForbidden)
			after, logAfter := s.whole(t)
			require.Equal(t, before, after)
			require.Equal(t, log, logAfter)
			requireSeen(t, v, s, watch.seen)

			watch.wake(nil)
			require.NoError(t, second(v.do(s, because("why not"))))
			requireSeen(t, v, s, watch.seen)
			verified(t, s.eng)
		})
	}
}

// requireSeen is about one command, with all that belongs to it.
func requireSeen(t *testing.T, v *deed, s *stage, seen []groupkit.Command) {
	t.Helper()
	require.Len(t, seen, 1, "asked once")
	cmd := seen[0]
	require.Equal(t, v.op, cmd.Op)
	require.Equal(t, v.by, cmd.Actor)
	require.Equal(t, "why not", cmd.Reason)
	require.Equal(t, []groupkit.UserID(v.users), cmd.Users)
	require.Equal(t, v.duration, cmd.Duration)
	require.Equal(t, v.text, cmd.Text)
	switch v.op {
	case groupkit.OpCreateGroup:
		require.Equal(t, "day watch", cmd.New.Name)
		require.NotEmpty(t, cmd.Group)
		return
	case groupkit.OpUpdateGroup:
		require.Equal(t, "day watch", *cmd.Update.Name)
	case groupkit.OpDeleteFile:
		require.Equal(t, s.file, cmd.File)
	case groupkit.OpForgetUser:
		require.True(t, cmd.Forget.Pseudonymize)
	}
	require.Equal(t, s.id, cmd.Group)
}

func TestOptions_Guard_IsNotAsked(t *testing.T) {
	t.Parallel()
	s, watch := guarded(t)
	ctx := t.Context()
	for i := range verbs {
		require.NoError(t, second(verbs[i].do(s, groupkit.Actor.Can)), verbs[i].name)
	}
	require.ErrorIs(t, second(s.eng.As("alice").Mute(ctx, s.id, 0, "bob")), groupkit.ErrInvalid, "arguments come first")
	require.Empty(t, watch.seen)

	watch.wake(errVeto)
	s.clock.Advance(time.Hour)
	cleared, err := s.eng.Sweep(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, cleared)
	require.Empty(t, watch.seen)
}

func TestOptions_Guard_IsAskedBeforeAnythingIsKnown(t *testing.T) {
	t.Parallel()
	s, watch := guarded(t)
	require.ErrorIs(t, second(s.eng.As("ivan").Join(t.Context(), "no-such-group")), groupkit.ErrGroupNotFound)
	require.Len(t, watch.seen, 1)
	watch.wake(errVeto)
	require.ErrorIs(t, second(s.eng.As("ivan").Join(t.Context(), "no-such-group")), errVeto)
	require.ErrorIs(t, s.eng.As("carol").IfVersion(1).DeleteGroup(t.Context(), s.id), errVeto)
}

// A Guard that counts the admins, and cannot write.
func TestOptions_Guard_Reads(t *testing.T) {
	t.Parallel()
	s, watch := guarded(t)
	ctx := t.Context()
	watch.ask = func(ctx context.Context, cmd groupkit.Command, scope groupkit.Scope) error {
		admins, err := collect(scope.System().Admins(ctx, cmd.Group))
		if err != nil {
			return err
		}
		if cmd.Op == groupkit.OpAddAdmin && len(admins) >= 3 {
			return errVeto
		}
		return scope.As(cmd.Actor).Can().RemoveAdmin(ctx, cmd.Group, "bob")
	}
	require.NoError(t, s.eng.As("alice").AddAdmin(ctx, s.id, "carol"))
	require.ErrorIs(t, s.eng.As("alice").AddAdmin(ctx, s.id, "dave"), errVeto)
	require.ErrorIs(t, s.eng.As("bob").MuteGroup(ctx, s.id), groupkit.ErrRoleTooLow, "the cause is whatever the Guard says")
	require.ErrorIs(t, s.eng.As("bob").MuteGroup(ctx, s.id), groupkit.ErrVetoed)
}

func TestOptions_Guard_CannotWrite(t *testing.T) {
	t.Parallel()
	for _, inside := range []bool{false, true} {
		for i := range verbs {
			v := &verbs[i]
			t.Run(v.name, func(t *testing.T) {
				t.Parallel()
				s, watch := guarded(t)
				before, log := s.whole(t)
				var tried error
				watch.ask = func(_ context.Context, _ groupkit.Command, scope groupkit.Scope) error {
					_, tried = v.in(scope, s)
					return errVeto
				}
				require.ErrorIs(t, maybeAtomic(s, inside, func(scope groupkit.Scope) error {
					return scope.As("alice").UnmuteGroup(context.Background(), s.id)
				}), errVeto)
				require.ErrorIs(t, tried, groupkit.ErrNested)
				after, logAfter := s.whole(t)
				require.Equal(t, before, after)
				require.Equal(t, log, logAfter)
			})
		}
	}
}

// maybeAtomic runs fn inside a transaction, or just so.
func maybeAtomic(s *stage, inside bool, fn func(groupkit.Scope) error) error {
	if !inside {
		return fn(s.eng)
	}
	return s.eng.Atomic(context.Background(), func(tx *groupkit.Tx) error { return fn(tx) })
}

func TestOptions_Guard_InsideAtomic(t *testing.T) {
	t.Parallel()
	s, watch := guarded(t)
	watch.ask = func(ctx context.Context, cmd groupkit.Command, scope groupkit.Scope) error {
		g, err := scope.System().Group(ctx, s.id)
		if err == nil && cmd.Op == groupkit.OpMuteGroup && g.Name == "silent" {
			err = errVeto
		}
		if _, out := s.eng.System().Group(ctx, s.id); !errors.Is(out, groupkit.ErrNested) {
			err = errors.New("the engine itself answered inside a transaction")
		}
		return err
	}
	ctx := t.Context()
	err := s.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
		if err := tx.As("alice").MuteGroup(ctx, s.id); err != nil {
			return err
		}
		if _, err := tx.As("alice").UpdateGroup(ctx, s.id, groupkit.GroupUpdate{Name: new("silent")}); err != nil {
			return err
		}
		return tx.As("alice").MuteGroup(ctx, s.id)
	})
	require.ErrorIs(t, err, errVeto, "it sees what the transaction has changed")
	require.False(t, s.group(t).Muted)
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
	given := ids{"carol", "erin"}
	require.NoError(t, second(s.eng.As("alice").MuteUsers(ctx, s.id, time.Minute, given)))
	require.Equal(t, ids{"carol", "erin"}, given)
	require.ErrorIs(t, s.eng.As("erin").MaySpeak(ctx, s.id), groupkit.ErrMuted)
	g, err := s.eng.As("carol").CreateGroup(ctx, groupkit.NewGroup{Name: "day watch", Members: ids{"ivan"}})
	require.NoError(t, err)
	require.EqualValues(t, "carol", g.Owner)
	require.Equal(t, "day watch", g.Name)
	require.True(t, g.InviteNeedConfirm)
	_, err = s.eng.As("alice").UpdateGroup(ctx, s.id, groupkit.GroupUpdate{Name: new("day watch")})
	require.NoError(t, err)
	require.Equal(t, "day watch", s.group(t).Name)
	require.ErrorIs(t, s.eng.System().ForgetUser(ctx, "alice", groupkit.ForgetOptions{}), groupkit.ErrOwner)
	require.NoError(t, s.eng.System().ForgetUser(ctx, "carol", groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed}))
	verified(t, s.eng)
}

// It is asked about an upload when the name is known, not again when the content is.
func TestOptions_Guard_Upload(t *testing.T) {
	t.Parallel()
	s, watch := guarded(t)
	watch.wake(errVeto)
	read := new(strings.Reader)
	read.Reset("secret")
	_, err := s.eng.As("carol").UploadFile(t.Context(), s.id, "plan.txt", read)
	require.ErrorIs(t, err, errVeto)
	require.Equal(t, 6, read.Len(), "nothing is read of what is refused")
	require.Len(t, watch.seen, 1)
}
