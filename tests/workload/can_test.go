package workload_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// Can gives the same error as the call at the same instant, and changes nothing: for any
// call, after any history.
func TestActor_Can(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := grouptest.NewClock()
		p := newWorkload(t, memstore.New(), c, narrowOptions(c))
		defer p.eng.Close()
		p.run(t, rapidDice(t), 30)
		for range 20 {
			p.askAndDo(t, p.draw(rapidDice(t)))
		}
		grouptest.RequireVerified(t, p.eng)
	})
}

// askAndDo compares what Can says with what the call does.
func (p *workload) askAndDo(t require.TestingT, l call) {
	before := grouptest.DumpStore(t, p.store)
	_, said := call{call: func(ctx context.Context, a groupkit.Actor) (any, error) { return l.call(ctx, a.Can()) }, by: l.by}.makeOn(p.eng)
	require.Equal(t, before, grouptest.DumpStore(t, p.store), "asking changes nothing")
	_, did := l.makeOn(p.eng)
	requireAgreement(t, l.name, said, did)
	if did != nil {
		require.Equal(t, before, grouptest.DumpStore(t, p.store), "neither does a call that is refused")
	}
}

// requireAgreement checks that two errors mean the same.
func requireAgreement(t require.TestingT, name string, said, did error) {
	require.Equal(t, did == nil, said == nil, "%s: Can says %v, doing it %v", name, said, did)
	if did == nil {
		return
	}
	for is := range grouptest.Classes {
		require.Equal(t, errors.Is(did, is), errors.Is(said, is), "%s: Can says %v, doing it %v", name, said, did)
	}
	one, _ := errors.AsType[*groupkit.Error](did)
	two, _ := errors.AsType[*groupkit.Error](said)
	require.Equal(t, one.Op, two.Op)
	require.Equal(t, one.User, two.User, "%s: Can says %v, doing it %v", name, said, did)
	require.Equal(t, did.Error(), said.Error())
}

// Every verb by every user, so that each verb is granted and refused at least once.
func TestActor_Can_EveryVerb(t *testing.T) {
	t.Parallel()
	granted, refused := map[string]bool{}, map[string]bool{}
	for i := range grouptest.Verbs {
		v := &grouptest.Verbs[i]
		for _, u := range (grouptest.IDs{"", "alice", "bob", "carol", "frank", "grace", "ivan", "mallory"}) {
			st := memstore.New()
			s := grouptest.NewFixtureOver(t, st, memblob.New(), groupkit.Options{})
			p := &workload{eng: s.Engine, store: st, clock: s.Clock}
			l := call{name: v.Name, by: u, call: func(ctx context.Context, a groupkit.Actor) (any, error) { return v.Call(ctx, a, s) }}
			_, err := call{call: func(ctx context.Context, a groupkit.Actor) (any, error) { return l.call(ctx, a.Can()) }, by: u}.makeOn(s.Engine)
			granted[v.Name] = granted[v.Name] || err == nil
			refused[v.Name] = refused[v.Name] || err != nil
			p.askAndDo(t, l)
		}
		require.True(t, granted[v.Name], v.Name)
		require.True(t, refused[v.Name] || v.Name == "CreateGroup", v.Name)
	}
}
