// Package follow_test lets followers run beside random histories. A copy that is built from what they
// give has to be the group at every version; members are shown what a literal table says; nothing comes
// twice, and nothing is missing.
package follow_test

import (
	"flag"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/sharedmem"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memstore"
)

var histories = flag.Int("follow.histories", 100, "how many histories to run in memory; a third on a shared store, a sixth in files; see also -rapid.checks")

var sides = map[string]side{
	"memory": {1, func(grouptest.TB) func() (store.Store, error) {
		s := memstore.New()
		return func() (store.Store, error) { return grouptest.KeptStore{Store: s}, nil }
	}},
	"shared": {3, func(grouptest.TB) func() (store.Store, error) {
		data := sharedmem.New(sharedmem.Options{Seed: rand.Uint64(), Rerun: 0.1, Numbers: true, Notify: true})
		return func() (store.Store, error) { return data.Open(), nil }
	}},
	"shared, without an order": {2, func(grouptest.TB) func() (store.Store, error) {
		data := sharedmem.New(sharedmem.Options{Seed: rand.Uint64(), Rerun: 0.1})
		return func() (store.Store, error) { return data.Open(), nil }
	}},
}

func TestFollowers(t *testing.T) {
	t.Parallel()
	for name, s := range sides {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events := 0
			check(t, grouptest.Either(s.engines > 1, *histories/3, *histories), func(t *rapid.T) { events += history(t, s) })
			t.Logf("%d events", events)
		})
	}
}

// TestFollowers_Bolt has histories in files of bbolt.
func TestFollowers_Bolt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n, events := 0, 0
	s := side{1, func(grouptest.TB) func() (store.Store, error) {
		n++
		path := filepath.Join(dir, string(rune('a'+n%26))+string(rune('a'+n/26%26))+string(rune('a'+n/676)))
		return func() (store.Store, error) {
			return boltstore.Open(path, &boltstore.Options{Durability: boltstore.None})
		}
	}}
	check(t, *histories/6, func(t *rapid.T) { events += history(t, s) })
	t.Logf("%d events", events)
}

// check is rapid.Check with at most some histories.
func check(t *testing.T, most int, run func(*rapid.T)) {
	if testing.Short() {
		most /= 10
	}
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		if n++; n <= most {
			run(t)
		}
	})
}

// history runs one history, and returns the number of its events.
func history(t *rapid.T, s side) int {
	w := newWorld(t, s)
	var watchers []*watcher
	observers := []*observer{newObserver(w), newObserver(w)}
	stop := func(killed bool) {
		for _, f := range watchers {
			f.stop(killed)
		}
		for _, o := range observers {
			o.stop(killed)
		}
	}
	t.Cleanup(func() { stop(true) })
	for range 3 {
		w.create()
	}
	for range 150 {
		for range 1 + w.n(4) {
			w.change()
		}
		switch n := w.n(100); {
		case n < 2:
			stop(w.n(2) == 0)
			w.reopen()
		case n < 4:
			stop(w.n(2) == 0)
			w.closeEngines()
			w.backUp()
			w.openEngines()
		case n < 6 && w.backup != nil:
			stop(w.n(2) == 0)
			w.restore()
			watchers = keepKnown(w, watchers)
			w.refreshAll()
		case n < 10:
			w.hold(func() {
				for range 1 + w.n(6) {
					switch {
					case w.side.engines > 1 && w.n(2) == 0:
						w.change()
					case len(watchers) > 0 && w.n(2) == 0:
						pick(w, watchers).read(1 + w.n(10))
					default:
						pick(w, observers).glance(1 + w.n(10))
					}
				}
			})
		case n < 30 && len(watchers) < 8:
			if id, ok := w.live(); ok {
				f := &watcher{w: w, group: id, c: groupkit.Replica{}}
				if w.n(3) > 0 {
					f.who = w.user()
				}
				watchers = append(watchers, f)
			}
		case n < 70 && len(watchers) > 0:
			f := pick(w, watchers)
			switch w.n(8) {
			case 0:
				f.stop(w.n(2) == 0)
			case 1:
				f.save()
			default:
				f.read(1 + w.n(20))
			}
		default:
			o := pick(w, observers)
			switch w.n(8) {
			case 0:
				o.stop(w.n(2) == 0)
			case 1:
				o.save()
			default:
				o.read(1 + w.n(20))
			}
		}
	}
	for _, f := range watchers {
		f.read(1 << 20)
	}
	for _, o := range observers {
		o.read(1 << 20)
		o.compare()
	}
	require.Positive(t, w.events)
	return w.events
}

// keepKnown keeps the followers of groups that there are after a restore.
func keepKnown(w *world, all []*watcher) (kept []*watcher) {
	for _, f := range all {
		if w.groups[f.group] != nil {
			kept = append(kept, f)
		}
	}
	return kept
}

func newObserver(w *world) *observer {
	return &observer{w: w, copies: map[groupkit.GroupID]*groupkit.Replica{}}
}
