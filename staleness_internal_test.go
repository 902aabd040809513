package groupkit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit/internal/sharedmem"
	"groupkit/internal/wordcache"
	"groupkit/store/memblob"
)

// On a shared store MaySpeak knows what another process has committed after MaxStaleness at the
// latest, and what its own engine has committed at once.
func TestOptions_MaxStaleness(t *testing.T) {
	t.Parallel()
	const staleness = time.Second
	data := sharedmem.New(sharedmem.Options{})
	open := func(staleness time.Duration) *Engine {
		eng, err := New(data.Open(), memblob.New(), &Options{MaxStaleness: staleness})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, eng.Close()) })
		return eng
	}
	late, strict := open(staleness), open(0)
	require.Nil(t, strict.words, "each call reads the store")
	var now time.Duration = 1
	late.words = wordcache.NewAging(1<<12, 1<<12, staleness, func() time.Duration { return now })
	ctx := t.Context()
	g, err := strict.System().CreateGroup(ctx, NewGroup{Name: "x", Owner: "alice", Members: []UserID{"bob"}})
	require.NoError(t, err)
	bob := late.As("bob")

	require.NoError(t, bob.MaySpeak(ctx, g.ID))
	_, err = strict.System().Mute(ctx, g.ID, time.Hour, "bob")
	require.NoError(t, err)
	require.ErrorIs(t, strict.As("bob").MaySpeak(ctx, g.ID), ErrMuted)
	now += staleness - 1
	require.NoError(t, bob.MaySpeak(ctx, g.ID), "the answer is not older than that")
	now++
	require.ErrorIs(t, bob.MaySpeak(ctx, g.ID), ErrMuted)

	require.NoError(t, late.System().Unmute(ctx, g.ID, "bob"))
	require.NoError(t, bob.MaySpeak(ctx, g.ID), "its own change")
	require.NoError(t, strict.System().DeleteGroup(ctx, g.ID))
	require.NoError(t, bob.MaySpeak(ctx, g.ID))
	now += staleness
	require.ErrorIs(t, bob.MaySpeak(ctx, g.ID), ErrGroupNotFound)

	_, err = New(data.Open(), memblob.New(), &Options{MaxStaleness: -1})
	require.ErrorIs(t, err, ErrInvalid)
}

// Where this process alone has the store, nothing ever is stale, and the answers do not age.
func TestOptions_MaxStalenessAlone(t *testing.T) {
	t.Parallel()
	e := &Engine{opts: Options{MaxStaleness: time.Second}}
	require.Zero(t, e.staleness())
}
