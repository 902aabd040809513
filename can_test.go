package groupkit_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// Whatever Can says of a call is what the call does at that instant, and asking
// changes nothing: for any call, after any history.
func TestActor_Can(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		p := newTroupe(t, memstore.New(), c, narrow(c))
		defer p.eng.Close()
		p.history(t, rolled(t), 30)
		for range 20 {
			p.askAndDo(t, p.draw(rolled(t)))
		}
		verified(t, p.eng)
	})
}

// askAndDo compares what Can says with what comes of the call.
func (p *troupe) askAndDo(t require.TestingT, l line) {
	before := dumped(t, p.store)
	_, said := line{call: func(ctx context.Context, a groupkit.Actor) (any, error) { return l.call(ctx, a.Can()) }, by: l.by}.say(p.eng)
	require.Equal(t, before, dumped(t, p.store), "asking changes nothing")
	_, did := l.say(p.eng)
	requireAgreement(t, l.name, said, did)
	if did != nil {
		require.Equal(t, before, dumped(t, p.store), "neither does a call that is refused")
	}
}

// requireAgreement is about two answers with one meaning.
func requireAgreement(t require.TestingT, name string, said, did error) {
	require.Equal(t, did == nil, said == nil, "%s: Can says %v, doing it %v", name, said, did)
	if did == nil {
		return
	}
	for is := range classes {
		require.Equal(t, errors.Is(did, is), errors.Is(said, is), "%s: Can says %v, doing it %v", name, said, did)
	}
	one, _ := errors.AsType[*groupkit.Error](did)
	two, _ := errors.AsType[*groupkit.Error](said)
	require.Equal(t, one.Op, two.Op)
	require.Equal(t, one.User, two.User, "%s: Can says %v, doing it %v", name, said, did)
	require.Equal(t, did.Error(), said.Error())
}

// Every verb, by everyone: here it is certain that both answers are met.
func TestActor_Can_EveryVerb(t *testing.T) {
	t.Parallel()
	granted, refused := map[string]bool{}, map[string]bool{}
	for i := range verbs {
		v := &verbs[i]
		for _, u := range (ids{"", "alice", "bob", "carol", "frank", "grace", "ivan", "mallory"}) {
			st := memstore.New()
			s := stagedOn(t, st, memblob.New(), groupkit.Options{})
			p := &troupe{eng: s.eng, store: st, clock: s.clock}
			l := line{name: v.name, by: u, call: func(ctx context.Context, a groupkit.Actor) (any, error) { return v.call(ctx, a, s) }}
			_, err := line{call: func(ctx context.Context, a groupkit.Actor) (any, error) { return l.call(ctx, a.Can()) }, by: u}.say(s.eng)
			granted[v.name] = granted[v.name] || err == nil
			refused[v.name] = refused[v.name] || err != nil
			p.askAndDo(t, l)
		}
		require.True(t, granted[v.name], v.name)
		require.True(t, refused[v.name] || v.name == "CreateGroup", v.name)
	}
}

// A batch is asked about as a whole; its results say what would become of each entry.
func TestActor_Can_Batch(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	can, err := s.eng.System().Can().AddMembers(t.Context(), s.id, ids{"ivan", "ivan", "mallory"})
	require.NoError(t, err)
	did, err := s.eng.System().AddMembers(t.Context(), s.id, ids{"ivan", "ivan", "mallory"})
	require.NoError(t, err)
	requireSame(t, did, can)
}

func TestActor_Can_IfVersion(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	now := s.group(t).Version
	require.NoError(t, s.eng.As("alice").Can().IfVersion(now).MuteGroup(t.Context(), s.id))
	err := s.eng.As("alice").Can().IfVersion(now-1).MuteGroup(t.Context(), s.id)
	require.ErrorIs(t, err, groupkit.ErrVersion)
	e, ok := errors.AsType[*groupkit.VersionError](err)
	require.True(t, ok)
	require.Equal(t, now, e.Current)
}

// Asking with a key uses none up; asking what was done under one says that it was.
func TestActor_Can_Once(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	ctx, system := t.Context(), s.eng.System().Once("k")
	require.NoError(t, system.Can().AddMember(ctx, s.id, "ivan"))
	require.NoError(t, system.AddMember(ctx, s.id, "judy"), "the key is free")
	require.ErrorIs(t, system.Can().AddMember(ctx, s.id, "ivan"), groupkit.ErrKeyReused)
	require.NoError(t, system.Can().AddMember(ctx, s.id, "judy"), "though judy is a member by now")
}

// Can neither waits for writers nor holds them up.
func TestActor_Can_BesideAWriter(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	require.NoError(t, s.eng.Atomic(t.Context(), func(tx *groupkit.Tx) error {
		require.NoError(t, tx.As("alice").AddAdmin(t.Context(), s.id, "carol"))
		asked := make(chan error)
		go func() { asked <- s.eng.As("carol").Can().MuteGroup(context.Background(), s.id) }()
		require.ErrorIs(t, <-asked, groupkit.ErrRoleTooLow)
		return nil
	}))
}
