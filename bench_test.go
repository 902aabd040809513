package groupkit_test

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// Compare two versions with benchstat:
//
//	go test -run='^$' -bench=. -count=10 . >old.txt

const (
	benchGroups  = 500
	benchMembers = 100
)

// on runs a benchmark on both stores: in memory, and in a file that is not synced, so
// that the engine's own work shows.
func on(b *testing.B, run func(b *testing.B, eng *groupkit.Engine)) {
	onWith(b, 0, run)
}

// onWith is on with a bound for the cache; 1 is no cache.
func onWith(b *testing.B, cache int, run func(b *testing.B, eng *groupkit.Engine)) {
	onHooked(b, cache, groupkit.Hooks{}, run)
}

// onHooked is onWith with hooks.
func onHooked(b *testing.B, cache int, hooks groupkit.Hooks, run func(b *testing.B, eng *groupkit.Engine)) {
	for _, s := range []struct {
		name string
		open func(b *testing.B) store.Store
	}{
		{"memstore", func(*testing.B) store.Store { return memstore.New() }},
		{"boltstore", func(b *testing.B) store.Store {
			s, err := boltstore.Open(filepath.Join(b.TempDir(), "bench.db"), &boltstore.Options{Durability: boltstore.None})
			require.NoError(b, err)
			return s
		}},
	} {
		b.Run(s.name, func(b *testing.B) {
			opts := &groupkit.Options{CacheBytes: cache, Hooks: hooks, Limits: groupkit.Limits{MaxUsers: 1 << 30, JoinedGroups: 1 << 20, Batch: 1000}}
			eng, err := groupkit.New(s.open(b), memblob.New(), opts)
			require.NoError(b, err)
			b.Cleanup(func() { require.NoError(b, eng.Close()) })
			populate(b, eng)
			b.ReportAllocs()
			run(b, eng)
		})
	}
}

func benchGroup(i int) groupkit.GroupID { return groupkit.GroupID(fmt.Sprintf("group-%03d", i)) }

func benchUser(i int) groupkit.UserID { return groupkit.UserID(fmt.Sprintf("member-%02d", i)) }

// populate makes groups that all have the same members; the first one owns them.
func populate(b *testing.B, eng *groupkit.Engine) {
	var members []groupkit.UserID
	for i := range benchMembers {
		members = append(members, benchUser(i))
	}
	require.NoError(b, eng.Atomic(b.Context(), func(tx *groupkit.Tx) error {
		for i := range benchGroups {
			_, err := tx.System().CreateGroup(b.Context(), groupkit.NewGroup{
				ID: benchGroup(i), Name: "Night Watch", Description: "guards the realms of men", Public: true,
				MaxUsers: 1 << 30, Owner: members[0], Members: members[1:],
			})
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

func BenchmarkMaySpeak(b *testing.B) {
	on(b, func(b *testing.B, eng *groupkit.Engine) {
		user := eng.As(benchUser(1))
		for i := 0; b.Loop(); i++ {
			if err := user.MaySpeak(b.Context(), benchGroup0[i%benchGroups]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// benchGroup0 are the ids of the groups, made beforehand.
var benchGroup0 = func() (ids []groupkit.GroupID) {
	for i := range benchGroups {
		ids = append(ids, benchGroup(i))
	}
	return ids
}()

func BenchmarkMaySpeak_muted(b *testing.B) {
	on(b, func(b *testing.B, eng *groupkit.Engine) {
		_, err := eng.System().Mute(b.Context(), benchGroup(0), groupkit.Forever, benchUser(1))
		require.NoError(b, err)
		user := eng.As(benchUser(1))
		for b.Loop() {
			if err := user.MaySpeak(b.Context(), benchGroup0[0]); err == nil {
				b.Fatal("may speak")
			}
		}
	})
}

func BenchmarkMaySpeak_cold(b *testing.B) {
	onWith(b, 1, func(b *testing.B, eng *groupkit.Engine) {
		user := eng.As(benchUser(1))
		for i := 0; b.Loop(); i++ {
			if err := user.MaySpeak(b.Context(), benchGroup0[i%benchGroups]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// With a call of Stats before, lookups are counted.
func BenchmarkMaySpeak_counted(b *testing.B) {
	on(b, func(b *testing.B, eng *groupkit.Engine) {
		eng.Stats()
		user := eng.As(benchUser(1))
		for i := 0; b.Loop(); i++ {
			if err := user.MaySpeak(b.Context(), benchGroup0[i%benchGroups]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// countingHooks are hooks that do next to nothing.
func countingHooks() groupkit.Hooks {
	var calls atomic.Uint64
	return groupkit.Hooks{Call: func(context.Context, groupkit.CallInfo) { calls.Add(1) }}
}

func BenchmarkMaySpeak_coldHooked(b *testing.B) {
	onHooked(b, 1, countingHooks(), func(b *testing.B, eng *groupkit.Engine) {
		user := eng.As(benchUser(1))
		for i := 0; b.Loop(); i++ {
			if err := user.MaySpeak(b.Context(), benchGroup0[i%benchGroups]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAddMember(b *testing.B) { onHooked(b, 0, groupkit.Hooks{}, benchAddMember) }

func BenchmarkAddMember_hooked(b *testing.B) { onHooked(b, 0, countingHooks(), benchAddMember) }

func benchAddMember(b *testing.B, eng *groupkit.Engine) {
	system := eng.System()
	for i := 0; b.Loop(); i++ {
		if err := system.AddMember(b.Context(), benchGroup0[i%benchGroups], groupkit.UserID("new-"+strconv.Itoa(i))); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEngine_Stats(b *testing.B) {
	on(b, func(b *testing.B, eng *groupkit.Engine) {
		for b.Loop() {
			eng.Stats()
		}
	})
}

func BenchmarkAddMembers(b *testing.B) {
	on(b, func(b *testing.B, eng *groupkit.Engine) {
		system := eng.System()
		for i := 0; b.Loop(); i++ {
			if _, err := system.AddMembers(b.Context(), benchGroup0[i%benchGroups], batch(i)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// batch are sixty users whom no other batch holds.
func batch(n int) (users []groupkit.UserID) {
	for i := range 60 {
		users = append(users, groupkit.UserID("new-"+strconv.Itoa(n*60+i)))
	}
	return users
}

func BenchmarkJoin(b *testing.B) {
	on(b, func(b *testing.B, eng *groupkit.Engine) {
		for i := 0; b.Loop(); i++ {
			user := eng.As(groupkit.UserID("new-" + strconv.Itoa(i)))
			if _, err := user.Join(b.Context(), benchGroup0[i%benchGroups]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkJoin_64 has 64 callers join groups at the same time.
func BenchmarkJoin_64(b *testing.B) {
	on(b, func(b *testing.B, eng *groupkit.Engine) {
		var n atomic.Int64
		b.SetParallelism(64 / runtime.GOMAXPROCS(0))
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				i := int(n.Add(1))
				user := eng.As(groupkit.UserID("new-" + strconv.Itoa(i)))
				if _, err := user.Join(b.Context(), benchGroup0[i%benchGroups]); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

func BenchmarkMuteUsers(b *testing.B) {
	on(b, func(b *testing.B, eng *groupkit.Engine) {
		var users []groupkit.UserID
		for i := range 60 {
			users = append(users, benchUser(1+i))
		}
		owner := eng.As(benchUser(0))
		for i := 0; b.Loop(); i++ {
			if _, err := owner.MuteUsers(b.Context(), benchGroup0[i%benchGroups], time.Hour, users); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkMembersPage(b *testing.B) {
	on(b, func(b *testing.B, eng *groupkit.Engine) {
		user := eng.As(benchUser(1))
		for i := 0; b.Loop(); i++ {
			page, err := user.MembersPage(b.Context(), benchGroup0[i%benchGroups], groupkit.Page{Size: benchMembers})
			if err != nil || len(page) != benchMembers {
				b.Fatal(len(page), err)
			}
		}
	})
}

func BenchmarkJoinedGroupsPage(b *testing.B) {
	on(b, func(b *testing.B, eng *groupkit.Engine) {
		user := eng.As(benchUser(1))
		for b.Loop() {
			page, err := user.JoinedGroupsPage(b.Context(), benchUser(1), groupkit.Page{Size: benchGroups})
			if err != nil || len(page) != benchGroups {
				b.Fatal(len(page), err)
			}
		}
	})
}

func BenchmarkGroup(b *testing.B) {
	on(b, func(b *testing.B, eng *groupkit.Engine) {
		user := eng.As(benchUser(1))
		for i := 0; b.Loop(); i++ {
			if _, err := user.Group(b.Context(), benchGroup0[i%benchGroups]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkGroupDetails(b *testing.B) {
	on(b, func(b *testing.B, eng *groupkit.Engine) {
		user := eng.As(benchUser(1))
		for b.Loop() {
			found, missing, err := user.GroupDetails(b.Context(), benchGroup0[:100])
			if err != nil || len(found) != 100 || len(missing) != 0 {
				b.Fatal(len(found), missing, err)
			}
		}
	})
}

// BenchmarkSweep clears away one expired mute in every group.
func BenchmarkSweep(b *testing.B) {
	on(b, func(b *testing.B, eng *groupkit.Engine) {
		for b.Loop() {
			b.StopTimer()
			for _, group := range benchGroup0 {
				if _, err := eng.System().Mute(b.Context(), group, time.Millisecond, benchUser(1)); err != nil {
					b.Fatal(err)
				}
			}
			time.Sleep(2 * time.Millisecond)
			b.StartTimer()
			if n, err := eng.Sweep(b.Context()); err != nil || n == 0 {
				b.Fatal(n, err)
			}
		}
	})
}
