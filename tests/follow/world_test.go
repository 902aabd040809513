package follow_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/memblob"
)

// A side is a store on which histories run.
type side struct {
	engines int
	fresh   func(t grouptest.TB) (open func() (store.Store, error)) // makes an empty store
}

// A world is an application: some engines on one store, users who do things, and what the logs have
// said so far, as the system reads them.
type world struct {
	t       *rapid.T
	side    side
	clock   *grouptest.Clock
	opts    groupkit.Options
	open    func() (store.Store, error)
	blobs   *memblob.Blobs
	engines []*groupkit.Engine
	backup  *backup

	groups  map[groupkit.GroupID]*record
	order   []groupkit.GroupID // of groups, as they came
	changes int
	events  int
}

// A record is what the log of a group has said.
type record struct {
	log       map[uint64]groupkit.Event
	states    map[uint64]groupkit.Snapshot // by version, where a call ended
	version   uint64
	first     uint64                     // of the log as it is now; events before it were removed
	rewritten uint64                     // the version of the last event that says so
	forgotten map[groupkit.UserID]uint64 // the rewritings, by user
	deleted   bool
}

// A backup is what was in the store at some time.
type backup struct {
	pairs  []store.Pair
	groups map[groupkit.GroupID]*record
	order  []groupkit.GroupID
}

var users = grouptest.IDs{"u0", "u1", "u2", "u3", "u4", "u5", "u6"}

func newWorld(t *rapid.T, s side) *world {
	w := &world{
		t: t, side: s, clock: grouptest.NewClock(), open: s.fresh(t), blobs: memblob.New(),
		groups: map[groupkit.GroupID]*record{},
	}
	w.opts = groupkit.Options{
		Clock: w.clock.Now, MaxSkew: -1, CacheBytes: 4096,
		Retention: groupkit.Retention{
			MaxEvents: rapid.SampledFrom([]int{0, 1, 5, 40}).Draw(t, "max events"),
			MaxAge:    rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "max age"),
		},
	}
	w.openEngines()
	t.Cleanup(w.closeEngines)
	return w
}

func (w *world) openEngines() {
	for range w.side.engines {
		s, err := w.open()
		require.NoError(w.t, err)
		eng, err := groupkit.New(s, grouptest.KeptBlobs{Blobs: w.blobs}, &w.opts)
		require.NoError(w.t, err)
		w.engines = append(w.engines, eng)
	}
}

func (w *world) closeEngines() {
	for _, eng := range w.engines {
		require.NoError(w.t, eng.Close())
	}
	w.engines = nil
}

// any returns one of the engines.
func (w *world) any() *groupkit.Engine { return pick(w, w.engines) }

func (w *world) system() groupkit.Actor { return w.any().System() }

func (w *world) n(most int) int { return rapid.IntRange(0, most-1).Draw(w.t, "n") }

func pick[T any](w *world, all []T) T { return all[w.n(len(all))] }

func (w *world) user() groupkit.UserID { return pick(w, users) }

// some returns one to three users.
func (w *world) some() []groupkit.UserID {
	all := []groupkit.UserID{w.user(), w.user(), w.user()}
	slices.Sort(all)
	return slices.Compact(all)[:1+w.n(len(slices.Compact(all)))]
}

// live returns a group that exists.
func (w *world) live() (groupkit.GroupID, bool) {
	var all []groupkit.GroupID
	for _, id := range w.order {
		if !w.groups[id].deleted {
			all = append(all, id)
		}
	}
	if len(all) == 0 {
		return "", false
	}
	return pick(w, all), true
}

// refresh reads what the log of a group says now.
func (w *world) refresh(id groupkit.GroupID) {
	ctx, r := context.Background(), w.groups[id]
	if r == nil {
		r = &record{log: map[uint64]groupkit.Event{}, forgotten: map[groupkit.UserID]uint64{}, states: map[uint64]groupkit.Snapshot{}}
		w.groups[id] = r
		w.order = append(w.order, id)
	}
	log, err := grouptest.Collect(w.engines[0].System().Events(ctx, id, 0))
	if errors.Is(err, groupkit.ErrGroupNotFound) { // retention has removed all of it
		r.deleted = true
		return
	}
	require.NoError(w.t, err)
	for _, e := range log {
		if e.Kind == groupkit.Checkpoint {
			r.first = e.Version + 1
			r.version = max(r.version, e.Version)
			continue
		}
		w.events += grouptest.Either(e.Version > r.version, 1, 0)
		if e.Kind == groupkit.Pseudonymized && e.Version > r.rewritten { // states before are another's
			r.rewritten = e.Version
			clear(r.states)
		}
		r.log[e.Version] = e
		r.version = max(r.version, e.Version)
		r.deleted = r.deleted || e.Kind == groupkit.GroupDeleted
	}
	if r.first == 0 {
		r.first = 1
	}
	if !r.deleted {
		r.states[r.version], err = w.engines[0].System().Snapshot(ctx, id)
		require.NoError(w.t, err)
	}
}

func (w *world) refreshAll() {
	for _, id := range slices.Clone(w.order) {
		w.refresh(id)
	}
}

// forget forgets a user.
func (w *world) forget(user groupkit.UserID) {
	before := map[groupkit.GroupID]uint64{}
	for id, r := range w.groups {
		before[id] = r.rewritten
	}
	w.done(w.system().ForgetUser(context.Background(), user, groupkit.ForgetOptions{
		Owned: groupkit.OwnedSucceed, Pseudonymize: w.n(3) > 0,
	}))
	w.refreshAll()
	for id, r := range w.groups {
		if r.rewritten > before[id] {
			r.forgotten[user] = r.rewritten
		}
	}
}

// done checks the error of a call: it was made, or refused by the rules.
func (w *world) done(err error) {
	for _, is := range []error{groupkit.ErrStorage, groupkit.ErrCorrupt, groupkit.ErrUnknownOutcome, groupkit.ErrClosed} {
		require.NotErrorIs(w.t, err, is)
	}
	if err != nil {
		_, ok := errors.AsType[*groupkit.Error](err)
		require.True(w.t, ok, "%v", err)
	}
}

// reopen closes all engines and opens them again.
func (w *world) reopen() {
	w.closeEngines()
	w.openEngines()
}

// backUp keeps what is in the store, while no engine uses it.
func (w *world) backUp() {
	b := &backup{pairs: w.pairs(), groups: map[groupkit.GroupID]*record{}, order: slices.Clone(w.order)}
	for _, id := range w.order {
		r := *w.groups[id]
		r.log, r.states, r.forgotten = mapsClone(r.log), mapsClone(r.states), mapsClone(r.forgotten)
		b.groups[id] = &r
	}
	w.backup = b
}

// pairs returns everything that is in the store.
func (w *world) pairs() (all []store.Pair) {
	s, err := w.open()
	require.NoError(w.t, err)
	require.NoError(w.t, s.View(context.Background(), func(r store.Reader) error {
		all = nil
		rng := store.Range{}
		for {
			page, more, err := r.Scan(rng)
			if err != nil {
				return err
			}
			for _, p := range page {
				all = append(all, store.Pair{Key: bytes.Clone(p.Key), Value: bytes.Clone(p.Value)})
			}
			if !more {
				return nil
			}
			rng.From = append(bytes.Clone(page[len(page)-1].Key), 0)
		}
	}))
	require.NoError(w.t, s.Close())
	return all
}

// restore goes on with what the backup has. Versions are used again.
func (w *world) restore() {
	w.closeEngines()
	now := w.pairs()
	s, err := w.open()
	require.NoError(w.t, err)
	require.NoError(w.t, s.Update(context.Background(), func(out store.Writer) error {
		for _, p := range now {
			if err := out.Delete(p.Key); err != nil {
				return err
			}
		}
		for _, p := range w.backup.pairs {
			if err := out.Put(p.Key, p.Value); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(w.t, s.Close())
	w.groups, w.order, w.backup = w.backup.groups, w.backup.order, nil
	s, err = w.open()
	require.NoError(w.t, err)
	eng, err := groupkit.New(s, grouptest.KeptBlobs{Blobs: w.blobs}, &w.opts)
	require.NoError(w.t, err)
	require.NoError(w.t, eng.RenewHistory(context.Background()))
	require.NoError(w.t, eng.Close())
	w.openEngines()
	w.refreshAll()
}

// name is a text that was not there before.
func (w *world) name() string {
	w.changes++
	return fmt.Sprint("change ", w.changes)
}
