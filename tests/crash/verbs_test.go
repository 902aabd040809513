//go:build unix

package crash_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
)

var (
	kills = flag.Int("kills", 2, "how often a process is killed for each verb and durability")
	seed  = flag.Uint64("seed", 0, "repeats the steps and moments of a run: the seed that it printed")
)

// verbLevels are the durabilities under which processes are killed.
var verbLevels = map[string]groupkit.Durability{
	"always": groupkit.SyncAlways, "interval": groupkit.SyncInterval, "never": groupkit.SyncNever,
}

// A life is what a child had said before it ended.
type life struct {
	begun, done, closed bool
	died                bool
	ends                int // how many steps there were until Close had returned
	told                uint64
	took                time.Duration
}

// TestKill_Verbs kills processes while each verb runs, while they open the database, and
// while they close it. What a call has acknowledged is there afterwards, except under
// SyncInterval before Close; and no call is there in part.
func TestKill_Verbs(t *testing.T) {
	first := newSeed(t)
	base, file := fixtureOnDisk(t)
	before := lookAt(t, base)
	var covered coverage
	t.Run("verbs", func(t *testing.T) {
		for i, v := range changes() {
			t.Run(v.Name, func(t *testing.T) {
				t.Parallel()
				run := verbRun{base: base, task: task{Verb: v.Name, File: file}, before: before}
				run.learn(t)
				for level := range verbLevels {
					t.Run(level, func(t *testing.T) {
						r := rand.New(rand.NewPCG(first, uint64(i)))
						for n := range *kills {
							run.kill(t, level, n, r, func(l life) {
								if l.died && l.begun && !l.done {
									covered.add(level, v.Op)
								}
							})
						}
					})
				}
			})
		}
	})
	for level := range verbLevels {
		for _, v := range changes() {
			require.NotZero(t, covered.of(level, v.Op), "no process was killed during %q with durability %s", v.Op, level)
		}
	}
}

// TestKill_Opening kills processes while they open a database: a new one, and such in which
// something is to be finished.
func TestKill_Opening(t *testing.T) {
	first := newSeed(t)
	base, file := fixtureOnDisk(t)
	for name, cutOff := range map[string]task{
		"a new database":       {},
		"a deletion cut off":   {Verb: "DeleteGroup", Step: 5},
		"an upload cut off":    {Verb: "UploadFile", Step: 5},
		"a file being deleted": {Verb: "DeleteFile", Step: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := verbRun{base: t.TempDir()}
			if cutOff.Verb != "" {
				cutOff.File = file
				from := verbRun{base: base, task: cutOff}
				dir, l := from.run(t, cutOff)
				require.True(t, l.died)
				run.base = dir
			}
			run.learn(t)
			run.before = run.after // whatever it was, opening it to the end gives one thing
			for level := range verbLevels {
				t.Run(level, func(t *testing.T) {
					r := rand.New(rand.NewPCG(first, uint64(verbLevels[level])))
					for n := range 2 * *kills {
						run.kill(t, level, n, r, func(life) {})
					}
				})
			}
		})
	}
}

func newSeed(t *testing.T) uint64 {
	s := cmp.Or(*seed, uint64(time.Now().UnixNano()))
	t.Logf("-seed %d", s)
	return s
}

// A coverage counts during which operations processes were killed.
type coverage struct {
	mu    sync.Mutex
	count map[string]int
}

func (c *coverage) add(level string, op groupkit.Op) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == nil {
		c.count = make(map[string]int)
	}
	c.count[level+" "+string(op)]++
}

func (c *coverage) of(level string, op groupkit.Op) int { return c.count[level+" "+string(op)] }

// A verbRun is everything that is done with one verb.
type verbRun struct {
	base          string
	task          task
	before, after string // the states of the database
	whole         life   // of a child that was not killed
}

// learn lets a child finish the verb.
func (v *verbRun) learn(t *testing.T) {
	dir, l := v.run(t, task{Level: groupkit.SyncAlways})
	require.False(t, l.died)
	v.whole, v.after = l, lookAt(t, dir)
}

// kill kills a child and judges what it has left behind. Every other child dies at a step, the
// others at any moment. ended is told how.
func (v *verbRun) kill(t *testing.T, level string, n int, r *rand.Rand, ended func(life)) {
	k := task{Level: verbLevels[level], After: 1 + time.Duration(r.Int64N(int64(v.whole.took)))}
	switch {
	case n == 0: // before the first change, or just before it is committed: the call has not returned
		k.Step = 1 + r.IntN(2)
	case n%2 == 0:
		k.Step = 1 + r.IntN(cmp.Or(v.whole.ends, 1))
	}
	dir, l := v.run(t, k)
	ended(l)
	what := fmt.Sprintf("killed at step %d of %d, or after %v of %v: %+v", k.Step, v.whole.ends, k.After, v.whole.took, l)
	state, version := lookAt(t, dir), uint64(0)
	if _, err := fmt.Sscan(state, &version); err == nil {
		require.GreaterOrEqual(t, version, l.told, "%s: a subscriber was told of what is gone", what)
	}
	switch mayBeLost := k.Level == groupkit.SyncInterval && !l.closed; {
	case state == v.after:
	case state == v.before:
		require.True(t, !l.done || mayBeLost, "%s: it is gone", what)
	default:
		require.Equal(t, "ForgetUser", v.task.Verb, "%s: it is there in part: %s", what, state)
	}
	require.NoError(t, os.RemoveAll(dir))
}

// run runs a child on a copy of the database.
func (v *verbRun) run(t *testing.T, k task) (dir string, l life) {
	k.Dir, k.Verb, k.File = filepath.Join(t.TempDir(), "copy"), v.task.Verb, v.task.File
	require.NoError(t, os.CopyFS(k.Dir, os.DirFS(v.base)))
	text, err := json.Marshal(k)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestVerbChild$")
	cmd.Env = append(os.Environ(), taskVariable+"="+string(text))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		require.True(t, ok && status.Signaled() && status.Signal() == syscall.SIGKILL, "%v\n%s%s", err, out, stderr.String())
		l.died = true
	}
	l.read(out)
	return k.Dir, l
}

func (l *life) read(out []byte) {
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line + " - -")
		switch words[0] {
		case "begin":
			l.begun = true
		case "done":
			l.done = true
		case "closed":
			l.closed = true
			l.ends, _ = strconv.Atoi(words[1])
		case "took":
			micros, _ := strconv.Atoi(words[1])
			l.took = time.Duration(micros) * time.Microsecond
		case "told":
			if words[1] == "guild" {
				l.told, _ = strconv.ParseUint(words[2], 10, 64)
			}
		}
	}
}

// fixtureOnDisk builds the folder that every child starts with.
func fixtureOnDisk(t *testing.T) (dir string, file groupkit.FileID) {
	dir = t.TempDir()
	s, eng := openFixture(t, dir)
	fixture := grouptest.NewFixtureOn(t, eng, s.Clock)
	require.NoError(t, eng.Close())
	return dir, fixture.File
}

func openFixture(t *testing.T, dir string) (*grouptest.Stack, *groupkit.Engine) {
	path := filepath.Join(dir, "groups.db")
	raw, err := boltstore.Open(path, &boltstore.Options{Durability: boltstore.None})
	require.NoError(t, err)
	s := &grouptest.Stack{Store: raw, Disk: fileblob.New(path + ".files"), Clock: grouptest.NewClockAt(grouptest.Dawn)}
	opts := verbOptions()
	opts.Clock = s.Clock.Now
	s.Engine, err = groupkit.New(raw, s.Disk, &opts)
	require.NoError(t, err)
	return s, s.Engine
}

// lookAt opens a database, waits until it has finished what was cut off, checks it, and
// returns its state: first the version of the guild, then everything.
func lookAt(t *testing.T, dir string) string {
	s, eng := openFixture(t, dir)
	defer func() { require.NoError(t, eng.Close()) }()
	grouptest.Eventually(t, func() bool { return settled(t, s) })
	s.RequireVerified(t)
	_, err := grouptest.ReadFiles(t.Context(), eng)
	require.NoError(t, err)
	ids := []groupkit.GroupID{"guild"}
	for g, err := range eng.System().Groups(t.Context()) {
		require.NoError(t, err)
		if g.ID != "guild" {
			ids = append(ids, g.ID)
		}
	}
	var states []string
	for _, id := range ids {
		text, version, err := grouptest.StateOf(context.Background(), eng, id)
		require.NoError(t, err)
		states = append(states, fmt.Sprint(version, " ", text))
	}
	return anyID.ReplaceAllString(strings.Join(states, "\n"), "id")
}

// anyID matches the ids that a process draws.
var anyID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
