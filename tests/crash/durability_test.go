// Package crash_test kills child processes at every step of their work, and at random
// moments, and checks what the next process finds in the file.
package crash_test

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

// A child process changes groups from several goroutines, and prints a promise for each
// change whose call has returned. The parent kills it at a random moment and checks which of
// the promised changes are left.

// The environment tells a child where the file is, and at which level of durability.
const (
	killPath  = "GROUPKIT_KILL_PATH"
	killLevel = "GROUPKIT_KILL_DURABILITY"
	killClose = "GROUPKIT_KILL_CLOSE"
)

const writers = 6 // goroutines of a child

// TestKillChild is not a test: it is what a child process runs.
func TestKillChild(t *testing.T) {
	path := os.Getenv(killPath)
	if path == "" {
		t.Skip("this runs in a child process of another test")
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
		Durability: level, SyncWithin: within, Limits: groupkit.Limits{MaxUsers: 1 << 20, JoinedGroups: 1 << 20},
	})
}

// writer creates groups, and adds and mutes users in them and in one common group. It prints
// a promise for each call that has returned: its own number, the change, group and user.
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

// A promise is a change whose call has returned in a process that has been killed.
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

// Close keeps everything, however long SyncWithin is.
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

// runAndKill runs a child and kills it after a number of promises; 0: after it has closed
// its engine. It returns all promises.
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

// A survivor is the engine that is opened after a kill, with a snapshot of each group.
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

// requireSound checks that the log of every group has no gap, and replays to the group.
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

// has reports whether a promised change is there.
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

// requireNoGap returns the promised changes that are there: those of each writer up to some
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
