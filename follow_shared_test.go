package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/sharedmem"
)

// newPair opens two processes, the second of which has a Fixture.
func newPair(t *testing.T, o sharedmem.Options, opts groupkit.Options) (here *groupkit.Engine, there *grouptest.Fixture) {
	o.Numbers = true
	both := processes(t, 2, sharedmem.New(o), opts)
	return both[0], grouptest.NewFixtureOn(t, both[1], grouptest.NewClock())
}

// followIn follows the group in an engine.
func followIn(t *testing.T, eng *groupkit.Engine, group groupkit.GroupID, user groupkit.UserID) *groupkit.Follower {
	sub, err := grouptest.ActorOf(eng, user).Follow(t.Context(), group, groupkit.Latest())
	require.NoError(t, err)
	t.Cleanup(sub.Close)
	return sub
}

func followAll(t *testing.T, eng *groupkit.Engine) *groupkit.Follower {
	sub, err := eng.System().FollowAll(t.Context(), groupkit.Latest())
	require.NoError(t, err)
	t.Cleanup(sub.Close)
	return sub
}

// What another process changes is heard within two seconds, and at once if the store tells of it.
func TestFollower_OtherProcess(t *testing.T) {
	t.Parallel()
	for _, notify := range []bool{false, true} {
		t.Run(fmt.Sprint("notify ", notify), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				here, there := newPair(t, sharedmem.Options{Notify: notify, Rerun: 0.5}, groupkit.Options{})
				subs := []*groupkit.Follower{followIn(t, here, there.ID, "alice"), followAll(t, here)}
				for i := range 5 {
					time.Sleep(time.Minute + 7*time.Second) // beside the background work: what that writes settles first
					began := time.Now()
					announce(t, there, fmt.Sprint(i))
					for _, sub := range subs {
						e := next(t, sub)
						require.Equal(t, there.Group(t).Version, e.Version)
						require.Equal(t, groupkit.AnnouncementChanged, e.Kind)
					}
					require.LessOrEqual(t, time.Since(began), grouptest.Either(notify, 0, 2*time.Second))
				}
			})
		})
	}
}

// What ends elsewhere ends a follower here.
func TestFollower_EndsElsewhere(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]struct {
		do   func(context.Context, *grouptest.Fixture) error
		want error
	}{
		"removed": {func(ctx context.Context, s *grouptest.Fixture) error {
			return s.Engine.As("alice").RemoveMember(ctx, s.ID, "bob")
		}, groupkit.ErrNotMember},
		"left": {func(ctx context.Context, s *grouptest.Fixture) error { return s.Engine.As("bob").Leave(ctx, s.ID) }, groupkit.ErrNotMember},
		"forgotten": {func(ctx context.Context, s *grouptest.Fixture) error {
			return s.Engine.System().ForgetUser(ctx, "bob", groupkit.ForgetOptions{Pseudonymize: true})
		}, groupkit.ErrNotMember},
		"blocked": {func(ctx context.Context, s *grouptest.Fixture) error {
			return grouptest.ErrorOf(s.Engine.As("alice").Block(ctx, s.ID, groupkit.Forever, "bob"))
		}, groupkit.ErrBlacklisted},
		"deleted": {func(ctx context.Context, s *grouptest.Fixture) error {
			return s.Engine.As("alice").DeleteGroup(ctx, s.ID)
		}, groupkit.ErrGroupNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				here, there := newPair(t, sharedmem.Options{}, groupkit.Options{})
				bob, system, all := followIn(t, here, there.ID, "bob"), followIn(t, here, there.ID, ""), followAll(t, here)
				announce(t, there, "while bob may")
				require.Equal(t, groupkit.AnnouncementChanged, next(t, bob).Kind)
				first := system.Position().Version + 1
				require.NoError(t, end.do(t.Context(), there))
				log, err := grouptest.Collect(here.System().Events(t.Context(), there.ID, first))
				require.NoError(t, err)
				for _, want := range log {
					if want.Kind == groupkit.Pseudonymized { // a checkpoint completes it
						want.Last = false
					}
					require.Equal(t, want, next(t, system))
					require.Equal(t, want, next(t, all))
				}
				if name == "deleted" {
					require.Equal(t, groupkit.GroupDeleted, log[len(log)-1].Kind)
					_, err = system.Next(t.Context())
					require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
				}
				last := groupkit.Event{}
				for err = nil; err == nil; {
					var e groupkit.Event
					if e, err = bob.Next(t.Context()); err == nil {
						last = e
					}
				}
				require.ErrorIs(t, err, end.want)
				switch name {
				case "deleted":
					require.Equal(t, groupkit.GroupDeleted, last.Kind)
				case "forgotten": // the event of leaving names nobody that bob could be
					require.NotContains(t, last.Users, groupkit.UserID("bob"))
				default:
					require.Equal(t, groupkit.MemberLeft, last.Kind)
				}
			})
		})
	}
}

// One or three processes change two groups at once, on a store that runs functions again and loses what
// it tells, and at times the answer to a commit, and that may not know the order of its commits. Everyone
// hears everything once and in order.
func TestFollower_Processes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				data := sharedmem.New(sharedmem.Options{
					Seed: seed, Rerun: 0.3, Numbers: seed < 4, Notify: seed > 0, Lose: 0.3, Fault: loseAnswers(20, 0.1),
				})
				engines := processes(t, []int{1, 3, 3, 3, 3, 3}[seed], data, groupkit.Options{})
				var heard, writers sync.WaitGroup
				for _, id := range crowds {
					require.NoError(t, grouptest.ErrorOf(engines[0].System().CreateGroup(t.Context(), groupkit.NewGroup{ID: id, Name: "x", Owner: "alice"})))
				}
				for _, eng := range engines {
					listenIn(t, eng, &heard)
				}
				for w := range 9 {
					writers.Go(func() {
						for i := range 20 {
							changeCrowd(t, engines[w%len(engines)], w, i)
							if i == 10 && w < len(engines) {
								listenIn(t, engines[w], &heard)
							}
						}
					})
				}
				writers.Wait()
				for _, id := range crowds { // the last event of each
					untilKnown(t, func() error { return engines[0].System().MuteGroup(t.Context(), id) })
				}
				heard.Wait()
				for _, eng := range engines {
					grouptest.RequireVerified(t, eng)
				}
			})
		})
	}
}

var crowds = []groupkit.GroupID{"red", "blue"}

// loseAnswers loses the answers to some commits after the first ones.
func loseAnswers(after int, probability float64) func(int) sharedmem.Outcome {
	return func(n int) sharedmem.Outcome {
		if n > after && rand.Float64() < probability {
			return sharedmem.UnknownMade
		}
		return sharedmem.Made
	}
}

// changeCrowd changes one of the crowds, or both in one transaction.
func changeCrowd(t *testing.T, eng *groupkit.Engine, w, i int) {
	ctx, user := t.Context(), groupkit.UserID(fmt.Sprint("user-", w))
	switch i % 5 {
	case 0:
		untilKnown(t, func() error {
			return eng.Atomic(ctx, func(tx *groupkit.Tx) error {
				return errors.Join(
					tx.System().SetAnnouncement(ctx, crowds[w%2], fmt.Sprint(w, i)),
					tx.System().SetAnnouncement(ctx, crowds[1-w%2], fmt.Sprint(w, i)),
					tx.System().SetAnnouncement(ctx, crowds[w%2], fmt.Sprint(w, i, "again")))
			})
		})
	case 1:
		untilKnown(t, func() error { return eng.System().AddMember(ctx, crowds[w%2], user) })
	case 2:
		untilKnown(t, func() error { return eng.System().RemoveMember(ctx, crowds[w%2], user) })
	default:
		untilKnown(t, func() error { return eng.System().SetAnnouncement(ctx, crowds[i%2], fmt.Sprint(w, i)) })
	}
}

// untilKnown calls fn until its outcome is known.
func untilKnown(t *testing.T, fn func() error) {
	for again := false; ; again = true {
		err := fn()
		switch {
		case err == nil, again && (errors.Is(err, groupkit.ErrAlreadyMember) || errors.Is(err, groupkit.ErrNotMember)):
			return
		case !errors.Is(err, groupkit.ErrUnknownOutcome):
			t.Error(err)
			return
		}
	}
}

// listenIn follows each crowd, and all groups, until the last event of each crowd. No version is
// missing, and none comes twice.
func listenIn(t *testing.T, eng *groupkit.Engine, heard *sync.WaitGroup) {
	all, begun := followAll(t, eng), make(map[groupkit.GroupID]bool)
	after := make(map[groupkit.GroupID]uint64) // at the latest, all has begun here
	for _, id := range crowds {
		g, err := eng.System().Group(t.Context(), id)
		require.NoError(t, err)
		after[id] = g.Version
	}
	heard.Go(func() {
		for ended := 0; ended < len(crowds); {
			e := next(t, all)
			last := after[e.Group]
			if e.Version > last+1 || e.Version <= last && begun[e.Group] {
				t.Errorf("%s: %d after %d", e.Group, e.Version, last)
			}
			begun[e.Group] = true // before, it can hear of calls that are not settled
			if after[e.Group] = e.Version; e.Kind == groupkit.GroupMuted {
				ended++
			}
		}
	})
	for _, id := range crowds {
		sub := followIn(t, eng, id, "")
		heard.Go(func() {
			for kind := groupkit.EventKind(0); kind != groupkit.GroupMuted; {
				after := sub.Position().Version
				e := next(t, sub)
				if e.Version != after+1 || e.Group != id {
					t.Errorf("%s: %d after %d", id, e.Version, after)
				}
				kind = e.Kind
			}
		})
	}
}
