package groupkit

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit/internal/record"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A word is not kept if its key was barred since it was read, be it so now or not.
func TestCache_bar(t *testing.T) {
	t.Parallel()
	c := newCache(1 << 10)
	before := c.ticket("g", "u")
	u := mutes("g", "u")
	c.begin(u)
	c.keep(before, groupKnown, standingKnown)
	requireWords(t, c, groupKnown, 0)
	during := c.ticket("g", "u")
	c.keep(during, groupKnown, standingKnown)
	requireWords(t, c, groupKnown, 0)
	c.end(u)
	c.keep(before, groupKnown, standingKnown)
	c.keep(during, groupKnown, standingKnown)
	requireWords(t, c, groupKnown, 0)
	c.keep(c.ticket("g", "u"), groupKnown, standingKnown|standingListed)
	requireWords(t, c, groupKnown, standingKnown|standingListed)
}

// A transaction may change the same user any number of times.
func TestCache_bar_often(t *testing.T) {
	t.Parallel()
	c := newCache(1 << 10)
	u := mutes("g", "u")
	const often = 1 << 16
	for range often {
		u.barred = nil
		c.begin(u)
	}
	c.keep(c.ticket("g", "u"), groupKnown, standingKnown)
	requireWords(t, c, groupKnown, 0)
	for key := u.barred; u.barred != nil || c.bar(key[0]).Load()&(1<<barring-1) > 0; {
		u.barred = key
		c.end(u)
	}
	c.keep(c.ticket("g", "u"), groupKnown, standingKnown)
	requireWords(t, c, groupKnown, standingKnown)
}

// Two words are of one instant only if no change began between the reading of the one
// and of the other: so the epoch must not be the new one while an old word is there.
func TestCache_epoch(t *testing.T) {
	t.Parallel()
	c := newCache(1 << 16)
	g := c.key("g")
	c.keep(c.ticket("g", "u"), groupKnown, standingKnown)
	change := mutes("g", "u")
	change.state.head.Muted = true
	home := c.groups.now.Load().home(g)
	seq := home.lock() // so that the change cannot take the old word out
	begun := make(chan struct{})
	go func() {
		c.begin(change)
		close(begun)
	}()
	for c.bar(g).Load() == 0 {
		runtime.Gosched()
	}
	before := c.epoch(g).Load()
	home[0].Store(seq)
	<-begun
	require.NotEqual(t, before, c.epoch(g).Load())
}

// The words of a group and of a user change together, over and over, and are kept anew
// by several at once, while the tables grow under all of them. They are read together,
// and never as they were before a change that is over.
func TestCache_both(t *testing.T) {
	t.Parallel()
	c := newCache(1 << 10)
	g := c.key("g")
	u := g.user(c, "u")
	var stop atomic.Bool
	var others sync.WaitGroup
	var stored, over atomic.Uint64 // a change is stored while it is under way
	var found, torn, stale atomic.Int64
	always := func(do func()) {
		others.Go(func() {
			for !stop.Load() {
				do()
			}
		})
	}
	for range 2 {
		always(func() {
			least := over.Load()
			gw, sw, ok := c.both(g, u)
			if !ok {
				return
			}
			found.Add(1)
			if uint64(gw) != uint64(sw) {
				torn.Add(1)
			}
			if uint64(sw) < wordOf(least) {
				stale.Add(1)
			}
		})
		always(func() {
			before := c.ticket("g", "u")
			word := wordOf(stored.Load())
			c.keep(before, groupWord(word), standingWord(word))
		})
	}
	always(func() {
		outgrow(&c.groups)
		outgrow(&c.standings)
		runtime.Gosched()
	})
	for end := time.Now().Add(time.Second); time.Now().Before(end) && torn.Load()+stale.Load() == 0 || found.Load() == 0; {
		change := mutes("g", "u")
		change.state.head.Muted = true // the word of the group changes too
		c.begin(change)
		n := stored.Add(1)
		c.end(change)
		over.Store(n)
	}
	stop.Store(true)
	others.Wait()
	require.Zero(t, torn.Load(), "the word of the group is of one change, that of the user of another")
	require.Zero(t, stale.Load(), "a word is of before a change that is over")
}

// wordOf is a word that takes two places.
func wordOf(n uint64) uint64 { return n<<stateBits | timed | known }

// outgrow replaces the lines of a table as it does when it grows.
func outgrow(t *table) { t.now.Store(&lines{all: make([]line, len(t.now.Load().all))}) }

// Growth may come between any two steps of those who keep and of those who change.
func TestCache_Stalled_OverGrowth(t *testing.T) {
	t.Parallel()
	for name, stall := range map[string]func(c *cache, seen ticket, keep, change func()){
		"keeper, then a change": func(c *cache, seen ticket, _, change func()) {
			ls := c.standings.now.Load()
			outgrow(&c.standings)
			ls.put(seen.user, uint64(standingKnown), c.bar(seen.user), seen.bar)
			change()
		},
		"keeper over a change": func(c *cache, seen ticket, _, change func()) {
			ls := c.standings.now.Load()
			change()
			outgrow(&c.standings)
			ls.put(seen.user, uint64(standingKnown), c.bar(seen.user), seen.bar)
		},
		"ticket over growth and change": func(c *cache, _ ticket, keep, change func()) {
			outgrow(&c.standings)
			change()
			keep()
		},
		"change, barred and not dropped yet": func(c *cache, seen ticket, keep, _ func()) {
			ls := c.standings.now.Load()
			c.bar(seen.user).Add(1<<barring | 1)
			outgrow(&c.standings)
			keep()
			ls.drop(seen.user)
			keep()
			c.keep(c.ticket("g", "u"), groupKnown, standingKnown)
			c.bar(seen.user).Add(^uint64(0))
			keep()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCache(1 << 10)
			seen := c.ticket("g", "u")
			stall(c, seen, func() { c.keep(seen, groupKnown, standingKnown) }, func() {
				u := mutes("g", "u")
				c.begin(u)
				c.end(u)
			})
			require.Zero(t, c.standings.get(seen.user))
		})
	}
}

// mutes is the change of a call that has muted a member.
func mutes(group GroupID, user UserID) *change {
	u := &change{id: group, loaded: &loaded{existed: true}, state: newState()}
	u.look.head = &u.state.head
	u.loaded.standings = map[string]record.Standing{string(user): {Role: uint8(RoleMember)}}
	*u.state.standing(string(user)) = record.Standing{Role: uint8(RoleMember), Mute: &record.Mark{Until: lastExpiry}}
	return u
}

func requireWords(t *testing.T, c *cache, g groupWord, s standingWord) {
	t.Helper()
	k := c.key("g")
	require.Equal(t, g, groupWord(c.groups.get(k)))
	k = k.user(c, "u")
	require.Equal(t, s, standingWord(c.standings.get(k)))
}

// Whatever becomes of calls, none is under way when all have returned.
func TestSettlement_LeavesNothing(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	e, err := New(memstore.New(), memblob.New(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	g, err := e.System().CreateGroup(ctx, NewGroup{Name: "talk", Owner: "alice", Members: []UserID{"bob"}})
	require.NoError(t, err)
	refused := errors.New("refused")
	for _, end := range []func() error{
		func() error { return nil },
		func() error { return refused },
		func() error { panic(refused) },
		func() error { runtime.Goexit(); return nil },
	} {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				defer func() { _ = recover() }()
				_ = e.Atomic(ctx, func(tx *Tx) error {
					_, err := tx.System().Mute(ctx, g.ID, Forever, "bob")
					return errors.Join(err, tx.System().MuteGroup(ctx, g.ID), tx.System().UnmuteGroup(ctx, g.ID), end())
				})
			})
		}
		all.Wait()
		requireSettled(t, e)
	}
	require.NoError(t, e.System().DeleteGroup(ctx, g.ID))
	requireSettled(t, e)
}

// twice is a store that runs every function twice and keeps what the second run wrote.
type twice struct{ *memstore.Store }

func (s twice) Update(ctx context.Context, fn func(store.Writer) error) error {
	again := errors.New("again")
	_ = s.Store.Update(ctx, func(w store.Writer) error { return errors.Join(fn(w), again) })
	return s.Store.Update(ctx, fn)
}

func TestSettlement_LeavesNothingOfAnEarlierRun(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	var tick atomic.Int64 // tells one run from the other
	e, err := New(twice{memstore.New()}, memblob.New(), &Options{Clock: func() time.Time { return time.UnixMilli(1e12 + tick.Add(1)) }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	heard, err := e.System().SubscribeAll(ctx)
	require.NoError(t, err)
	defer heard.Close()
	g, err := e.System().CreateGroup(ctx, NewGroup{Name: "talk", Owner: "alice", Members: []UserID{"bob"}})
	require.NoError(t, err)
	requireSettled(t, e)
	require.NoError(t, e.Atomic(ctx, func(tx *Tx) error {
		_, err := tx.System().Mute(ctx, g.ID, Forever, "bob")
		return errors.Join(err, tx.System().MuteGroup(ctx, g.ID))
	}))
	requireSettled(t, e)
	for logged, err := range e.System().Events(ctx, g.ID, 1) {
		require.NoError(t, err)
		told, err := heard.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, logged, told)
	}
}

func requireSettled(t *testing.T, e *Engine) {
	t.Helper()
	e.hub.mu.Lock()
	defer e.hub.mu.Unlock()
	require.Empty(t, e.hub.groups)
	require.Empty(t, e.hub.tokens)
	require.Zero(t, e.atomics.running.Load())
	for i := range e.cache.bars {
		require.Zero(t, e.cache.bars[i].Load()&(1<<barring-1))
	}
}
