package crash

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// The tests of this file have a child process change groups from several goroutines, and
// promise each change when its call has returned; kill it at some moment; and look at
// what is left of what was promised.

// The environment tells a child where the file is, and how durable.
const (
	killPath  = "GROUPKIT_KILL_PATH"
	killLevel = "GROUPKIT_KILL_DURABILITY"
	killClose = "GROUPKIT_KILL_CLOSE"
)

const writers = 6 // goroutines of a child

// TestKillChild is no test, but what a child runs.
func TestKillChild(t *testing.T) {
	path := os.Getenv(killPath)
	if path == "" {
		t.Skip("this is for the children of the other tests")
	}
	level, err := strconv.Atoi(os.Getenv(killLevel))
	require.NoError(t, err)
	rounds, within := 1<<30, 5*time.Millisecond
	if os.Getenv(killClose) != "" {
		rounds, within = 20, time.Hour
	}
	eng, err := openEngine(path, groupkit.Durability(level), within)
	require.NoError(t, err)
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() { writer(eng, i, rounds) })
	}
	all.Wait()
	require.NoError(t, eng.Close())
	fmt.Println("closed")
	select {}
}

func openEngine(path string, level groupkit.Durability, within time.Duration) (*groupkit.Engine, error) {
	return groupkit.Open(path, &groupkit.Options{
		Durability: level, SyncWithin: within, Limits: groupkit.Limits{MaxGroupSize: 1 << 20, JoinedGroups: 1 << 20},
	})
}

// writer founds groups, and has users join and mutes them, in those and in one for all. It
// promises what has returned: its own number, what it was, and with whom and where.
func writer(eng *groupkit.Engine, number, rounds int) {
	ctx, system := context.Background(), eng.System()
	promise := func(what string, group groupkit.GroupID, user groupkit.UserID, err error) {
		if err != nil {
			panic(err)
		}
		fmt.Println(number, what, group, user)
	}
	_, err := system.CreateGroup(ctx, groupkit.NewGroup{ID: "common", Name: "Common", Owner: "owner", MaxUsers: 1 << 20})
	if err != nil && !errors.Is(err, groupkit.ErrGroupExists) {
		panic(err)
	}
	for range rounds {
		own := groupkit.GroupID(fmt.Sprintf("own-%d-%x", number, rand.Uint64()))
		_, err := system.CreateGroup(ctx, groupkit.NewGroup{ID: own, Name: "Own", Owner: "owner"})
		promise("found", own, "owner", err)
		for _, group := range []groupkit.GroupID{"common", own, "common"} {
			user := groupkit.UserID(fmt.Sprintf("%d-%x", number, rand.Uint64()))
			promise("join", group, user, system.AddMember(ctx, group, user))
			_, err := system.Mute(ctx, group, groupkit.Forever, user)
			promise("mute", group, user, err)
		}
	}
}

// A promise is a change that has returned in a process that is no more.
type promise struct {
	writer int
	what   string
	group  groupkit.GroupID
	user   groupkit.UserID
}

func TestDurability_Kill(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		level groupkit.Durability
		keeps bool
		most  int // promises before the end
	}{
		"always":   {groupkit.SyncAlways, true, 400},
		"interval": {groupkit.SyncInterval, false, 8000},
		"never":    {groupkit.SyncNever, true, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "groups.db")
			var kept []promise
			for range 3 {
				promised := runAndKill(t, path, c.level, c.most/2+rand.IntN(c.most/2))
				l := reopenAfterKill(t, path, c.level)
				l.requireSound(t)
				there := l.requireNoGap(t, promised)
				if c.keeps {
					require.Len(t, there, len(promised), "what was promised is gone")
				}
				l.requireAll(t, kept)
				kept = append(kept, there...)
				require.NoError(t, l.eng.Close())
			}
			require.NotEmpty(t, kept)
		})
	}
}

// Close keeps all, whatever the time that there was for it.
func TestDurability_KillAfterClose(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "groups.db")
	promised := runAndKill(t, path, groupkit.SyncInterval, 0)
	require.Len(t, promised, writers*20*7)
	l := reopenAfterKill(t, path, groupkit.SyncInterval)
	l.requireSound(t)
	l.requireAll(t, promised)
	require.NoError(t, l.eng.Close())
}

// runAndKill has a child work and kills it after so many promises; 0: after it has closed
// its engine. It returns all promises that were made.
func runAndKill(t *testing.T, path string, level groupkit.Durability, after int) (promised []promise) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKillChild$")
	cmd.Env = append(os.Environ(), killPath+"="+path, fmt.Sprintf("%s=%d", killLevel, level))
	if after == 0 {
		cmd.Env = append(cmd.Env, killClose+"=1")
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if lines.Text() == "closed" {
			require.Zero(t, after)
			require.NoError(t, cmd.Process.Kill())
			continue
		}
		var p promise
		_, err := fmt.Sscan(lines.Text(), &p.writer, &p.what, &p.group, &p.user)
		require.NoError(t, err, lines.Text())
		promised = append(promised, p)
		if len(promised) == after {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	require.ErrorContains(t, cmd.Wait(), "kill")
	return promised
}

// A survivor is what is left, with the states of the groups that have been looked up.
type survivor struct {
	eng    *groupkit.Engine
	groups map[groupkit.GroupID]groupkit.Snapshot
}

func reopenAfterKill(t *testing.T, path string, level groupkit.Durability) *survivor {
	eng, err := openEngine(path, level, time.Hour)
	require.NoError(t, err)
	l := &survivor{eng, make(map[groupkit.GroupID]groupkit.Snapshot)}
	for g, err := range eng.System().Groups(t.Context()) {
		require.NoError(t, err)
		l.groups[g.ID], err = eng.System().Snapshot(t.Context(), g.ID)
		require.NoError(t, err)
	}
	return l
}

// requireSound asserts that every group is what a history without a gap has made of it.
func (l *survivor) requireSound(t *testing.T) {
	grouptest.RequireVerified(t, l.eng)
	for id, s := range l.groups {
		last := uint64(0)
		for e, err := range l.eng.System().Events(t.Context(), id, 0) {
			require.NoError(t, err)
			require.Equal(t, last+1, e.Version)
			last = e.Version
		}
		require.Equal(t, s.Group.Version, last)
		replayed, err := groupkit.Replay(l.eng.System().Events(t.Context(), id, 0))
		require.NoError(t, err)
		require.Equal(t, s, replayed)
	}
}

// has reports whether a promise has been kept.
func (l *survivor) has(p promise) bool {
	s, ok := l.groups[p.group]
	switch p.what {
	case "join":
		return slices.ContainsFunc(s.Members, func(m groupkit.Member) bool { return m.User == p.user })
	case "mute":
		return slices.ContainsFunc(s.Mutes, func(m groupkit.Mute) bool { return m.User == p.user })
	}
	return ok
}

// requireNoGap returns the promises that have been kept: those of each clerk up to some
// instant, and none after it.
func (l *survivor) requireNoGap(t *testing.T, promised []promise) (kept []promise) {
	var over [writers]bool
	for _, p := range promised {
		if !l.has(p) {
			over[p.writer] = true
			continue
		}
		require.False(t, over[p.writer], "%v is there, and what came before it is not", p)
		kept = append(kept, p)
	}
	return kept
}

func (l *survivor) requireAll(t *testing.T, promised []promise) {
	for _, p := range promised {
		require.True(t, l.has(p), "%v is gone", p)
	}
}
