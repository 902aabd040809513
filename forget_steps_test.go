package groupkit_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
	"groupkit/store/storetest"
)

func TestActor_ForgetUser_DeletedGroup(t *testing.T) {
	t.Parallel()
	p := newPast(t, groupkit.Options{})
	ctx, system := t.Context(), p.eng.System()
	before, err := grouptest.Collect(system.Events(ctx, p.gone, 0))
	require.NoError(t, err)
	require.NoError(t, system.ForgetUser(ctx, forgettable, groupkit.ForgetOptions{Owned: groupkit.OwnedDelete, Pseudonymize: true}))
	after, err := grouptest.Collect(system.Events(ctx, p.gone, 0))
	require.NoError(t, err)
	require.Len(t, after, len(before)+1)
	require.Equal(t, groupkit.Event{Group: p.gone, Version: after[len(before)].Version, Kind: groupkit.Pseudonymized, At: p.clock.Instant(), After: after[len(before)].Version - 1, Last: true}, after[len(before)])
	for _, e := range after {
		require.NotContains(t, e.Users, forgettable)
		require.NotEqual(t, forgettable, e.Actor)
	}
	for _, e := range before {
		if e.File != nil {
			require.Equal(t, forgettable, e.File.Owner)
		}
	}
}

// A log that has been cut names the user in its checkpoint, too.
func TestActor_ForgetUser_Checkpoint(t *testing.T) {
	t.Parallel()
	for _, events := range []int{1, 3, 5, 8} {
		t.Run(fmt.Sprint(events), func(t *testing.T) {
			t.Parallel()
			p := newPast(t, groupkit.Options{Retention: groupkit.Retention{MaxEvents: events}})
			require.NoError(t, grouptest.ErrorOf(p.eng.Sweep(t.Context())))
			require.NotEmpty(t, p.naming(t))
			require.NoError(t, p.eng.System().ForgetUser(t.Context(), forgettable, groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed, Pseudonymize: true}))
			require.Empty(t, p.naming(t))
			p.requireForgotten(t)
			require.NoError(t, grouptest.ErrorOf(p.eng.Sweep(t.Context())))
			p.requireForgotten(t)
		})
	}
}

// Cut off after any of its steps, it is finished by the next call, and at no step is
// anything broken.
func TestActor_ForgetUser_CutOff(t *testing.T) {
	t.Parallel()
	opts := groupkit.ForgetOptions{Owned: groupkit.OwnedDelete, Pseudonymize: true}
	for steps := 0; ; steps++ {
		p := newPast(t, groupkit.Options{})
		p.store.FailAfter(steps)
		err := p.eng.System().ForgetUser(t.Context(), forgettable, opts)
		p.store.Recover()
		if err == nil {
			require.Greater(t, steps, 8)
			return
		}
		require.ErrorIs(t, err, grouptest.ErrFailing)
		require.ErrorIs(t, err, groupkit.ErrStorage)
		for _, id := range p.in {
			replayed(t, p.eng, id)
		}
		require.NoError(t, p.eng.System().ForgetUser(t.Context(), forgettable, opts))
		p.requireForgotten(t)
		require.Empty(t, p.naming(t))
	}
}

// The end of its context cuts it off, too.
func TestActor_ForgetUser_Context(t *testing.T) {
	t.Parallel()
	p := newPast(t, groupkit.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := p.eng.System().ForgetUser(ctx, forgettable, groupkit.ForgetOptions{Owned: groupkit.OwnedDelete})
	require.ErrorIs(t, err, context.Canceled)
}

func TestActor_ForgetUser_OnAStoreThatRunsAgain(t *testing.T) {
	t.Parallel()
	eng, err := groupkit.New(storetest.Rerun(memstore.New()), memblob.New(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	p := &past{eng: eng, clock: grouptest.NewClock()}
	p.live(t)
	require.NoError(t, eng.System().ForgetUser(t.Context(), forgettable, groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed, Pseudonymize: true}))
	for _, id := range p.in {
		replayed(t, eng, id)
	}
	grouptest.RequireVerified(t, eng)
}

// A key stands for the whole of it, not for one group.
func TestActor_ForgetUser_Once(t *testing.T) {
	t.Parallel()
	p := newPast(t, groupkit.Options{})
	ctx, system := t.Context(), p.eng.System()
	opts := groupkit.ForgetOptions{Owned: groupkit.OwnedDelete, Pseudonymize: true}
	p.store.FailAfter(5)
	require.ErrorIs(t, system.Once("k").ForgetUser(ctx, forgettable, opts), grouptest.ErrFailing)
	p.store.Recover()
	require.NoError(t, system.Once("k").ForgetUser(ctx, forgettable, opts), "it was cut off: the next call goes on")
	p.requireForgotten(t)
	require.NoError(t, system.AddMember(ctx, "left", forgettable))
	require.NoError(t, system.Once("k").ForgetUser(ctx, forgettable, opts), "what was done is not done again")
	require.Equal(t, groupkit.RoleMember, p.role(t, "left"))
	require.ErrorIs(t, system.Once("k").ForgetUser(ctx, forgettable, groupkit.ForgetOptions{}), groupkit.ErrKeyReused)
	require.ErrorIs(t, system.Once("k").ForgetUser(ctx, "bob", opts), groupkit.ErrKeyReused)
	require.NoError(t, system.Once("l").ForgetUser(ctx, forgettable, opts))
	require.Equal(t, groupkit.RoleOutsider, p.role(t, "left"))
	require.Empty(t, p.naming(t))
}

func TestActor_ForgetUser_GuardCannot(t *testing.T) {
	t.Parallel()
	var tried error
	s := grouptest.NewFixture(t, groupkit.Options{Guard: func(ctx context.Context, _ groupkit.Command, scope groupkit.Scope) error {
		tried = scope.System().ForgetUser(ctx, "in no group", groupkit.ForgetOptions{Pseudonymize: true})
		return nil
	}})
	require.NoError(t, s.Engine.As("alice").MuteGroup(t.Context(), s.ID))
	require.ErrorIs(t, tried, groupkit.ErrNested)
}

// A Guard that refuses one group refuses all of it.
func TestActor_ForgetUser_GuardRefusesBeforeTheFirstGroup(t *testing.T) {
	t.Parallel()
	watch := new(recordingGuard)
	p := newPast(t, groupkit.Options{Guard: watch.guard})
	watch.ask = func(_ context.Context, cmd groupkit.Command, _ groupkit.Scope) error {
		if cmd.Group == "unblocked" {
			return errVeto
		}
		return nil
	}
	watch.wake(nil)
	before := grouptest.DumpStore(t, p.store)
	err := p.eng.System().ForgetUser(t.Context(), forgettable, groupkit.ForgetOptions{Owned: groupkit.OwnedDelete, Pseudonymize: true})
	require.ErrorIs(t, err, errVeto)
	require.Greater(t, len(watch.seen), 1)
	require.Equal(t, before, grouptest.DumpStore(t, p.store))
}

// The outcomes that are kept for the keys of others name the user too.
func TestActor_ForgetUser_OutcomesOfOthers(t *testing.T) {
	t.Parallel()
	p := newPast(t, groupkit.Options{})
	ctx, system := t.Context(), p.eng.System()
	require.NoError(t, grouptest.ErrorOf(system.Once("a").AddMembers(ctx, "left", grouptest.IDs{forgettable, "dave"})))
	require.NoError(t, grouptest.ErrorOf(system.Once("b").CreateGroup(ctx, groupkit.NewGroup{ID: "more", Name: "n", Owner: forgettable})))
	require.NoError(t, system.Once("c").AddMember(ctx, "left", "erin"))
	require.NoError(t, grouptest.ErrorOf(system.Once("d").RemoveMembers(ctx, "left", grouptest.IDs{"dave", forgettable, forgettable})))
	require.NoError(t, system.ForgetUser(ctx, forgettable, groupkit.ForgetOptions{Owned: groupkit.OwnedDelete, Pseudonymize: true}))
	require.Empty(t, p.naming(t))
	require.NoError(t, system.Once("c").AddMember(ctx, "left", "erin"), "the others are kept")
	results, err := system.Once("a").AddMembers(ctx, "left", grouptest.IDs{forgettable, "dave"})
	require.NoError(t, err, "told again, with another name")
	require.True(t, strings.HasPrefix(string(results[0].User), "forgotten-"))
	require.EqualValues(t, "dave", results[1].User)
	grouptest.RequireVerified(t, p.eng)
}
