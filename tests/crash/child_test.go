//go:build unix

package crash_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
)

// A child process works on a real file and kills itself with SIGKILL at its first step, at
// its second, and so on, until it survives all of them. After each crash the parent opens
// the file and checks what is left.

// A countdown counts the steps of a process, and kills it at the last.
type countdown struct{ left atomic.Int64 }

func (l *countdown) step() {
	if l.left.Add(-1) == 0 {
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {} // dead
	}
}

// A crashPoint is a store with a step before every Update. A crash after one Update is a
// crash before the next: nothing reaches the disk in between.
type crashPoint struct {
	store.Store
	countdown *countdown
}

func (s crashPoint) Exclusive() bool { return store.Exclusive(s.Store) }

func (s crashPoint) Update(ctx context.Context, fn func(store.Writer) error) error {
	s.countdown.step()
	return s.Store.Update(ctx, fn)
}

// crashPointBlobs have a step before and during every change.
type crashPointBlobs struct {
	store.Blobs
	countdown *countdown
}

func (b crashPointBlobs) Put(ctx context.Context, id string, r io.Reader) error {
	b.countdown.step()
	return b.Blobs.Put(ctx, id, grouptest.ReaderFunc(func(p []byte) (int, error) {
		b.countdown.step()
		return r.Read(p)
	}))
}

func (b crashPointBlobs) Delete(ctx context.Context, id string) error {
	b.countdown.step()
	return b.Blobs.Delete(ctx, id)
}

// ofChild counts the steps of the process that runs a scenario.
var ofChild countdown

// The environment tells a child its scenario, its folder, and the step at which it crashes.
const (
	crashScenario = "GROUPKIT_CRASH_STORY"
	crashDir      = "GROUPKIT_CRASH_DIR"
	crashSteps    = "GROUPKIT_CRASH_STEPS"
)

// crashScenarios are what a child does. Steps count from the call of begin.
var crashScenarios = map[string]func(ctx context.Context, s *grouptest.Stack, begin func()) error{
	"delete": func(ctx context.Context, s *grouptest.Stack, begin func()) error {
		begin()
		return s.System().DeleteGroup(ctx, grouptest.LargeGroup)
	},
	"leave": func(ctx context.Context, s *grouptest.Stack, begin func()) error {
		grouptest.Must(grouptest.ErrorOf(s.System().CreateGroup(ctx, groupkit.NewGroup{ID: "lonely", Name: "Lonely", Owner: "walter"})))
		grouptest.Must(grouptest.ErrorOf(s.As("walter").UploadFile(ctx, "lonely", "a", strings.NewReader("a"))))
		begin()
		return s.As("walter").Leave(ctx, "lonely")
	},
	"forget": func(ctx context.Context, s *grouptest.Stack, begin func()) error {
		grouptest.Must(grouptest.ErrorOf(s.System().CreateGroup(ctx, groupkit.NewGroup{ID: "second", Name: "Second", Owner: "alice"})))
		begin()
		return s.System().ForgetUser(ctx, "alice", groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed, Blocks: true, Pseudonymize: true})
	},
	"upload": func(ctx context.Context, s *grouptest.Stack, begin func()) error {
		begin()
		return grouptest.ErrorOf(s.As("m-00001").UploadFile(ctx, grouptest.LargeGroup, "new", strings.NewReader(strings.Repeat("new", 1<<16))))
	},
	"delete file": func(ctx context.Context, s *grouptest.Stack, begin func()) error {
		begin()
		for f, err := range s.System().Files(ctx, grouptest.LargeGroup) {
			if err == nil {
				err = s.System().DeleteFile(ctx, grouptest.LargeGroup, f.ID)
			}
			return err
		}
		return nil
	},
	"load": func(ctx context.Context, s *grouptest.Stack, begin func()) error {
		begin()
		return load(ctx, s)
	},
	"backup": func(ctx context.Context, s *grouptest.Stack, begin func()) error {
		begin()
		return backUp(ctx, s)
	},
	"restore": func(ctx context.Context, s *grouptest.Stack, begin func()) error {
		grouptest.Must(backUp(ctx, s))
		begin()
		return restore(ctx, s)
	},
	"copy": func(ctx context.Context, s *grouptest.Stack, begin func()) error {
		begin()
		return copyAll(ctx, s)
	},
	"import": func(ctx context.Context, s *grouptest.Stack, begin func()) error {
		begin()
		return importFrom(ctx, s, os.Getenv(crashDir))
	},
	"repair": func(ctx context.Context, s *grouptest.Stack, begin func()) error {
		begin()
		return repairAll(ctx, s)
	},
	"nothing": func(ctx context.Context, s *grouptest.Stack, begin func()) error {
		begin() // the steps of the opening count
		for !settled(grouptest.PanicT{}, s) {
		}
		return nil
	},
}

// TestCrashChild is not a test: it is what a child process runs.
func TestCrashChild(t *testing.T) {
	scenario := os.Getenv(crashScenario)
	if scenario == "" {
		t.Skip("this runs in a child process of another test")
	}
	var steps int64
	grouptest.Must(grouptest.ErrorOf(fmt.Sscan(os.Getenv(crashSteps), &steps)))
	l := &ofChild
	begin := func() { l.left.Store(steps) }
	if scenario == "nothing" {
		begin()
	}
	s := onDisk(os.Getenv(crashDir), func(s store.Store, b store.Blobs) (store.Store, store.Blobs) {
		return crashPoint{s, l}, crashPointBlobs{b, l}
	})
	grouptest.Must(crashScenarios[scenario](context.Background(), s, begin))
	grouptest.Must(s.Close())
}

// onDisk opens an engine over the file in the folder. around may wrap its store.
func onDisk(dir string, around grouptest.Wrapper) *grouptest.Stack {
	raw, err := boltstore.Open(filepath.Join(dir, "groups.db"), nil)
	grouptest.Must(err)
	blobs := fileblob.New(filepath.Join(dir, "groups.db.files"))
	s := &grouptest.Stack{Store: raw, Disk: blobs, Clock: grouptest.NewClockAt(grouptest.Dawn)}
	over, contents := store.Store(raw), store.Blobs(blobs)
	if around != nil {
		over, contents = around(raw, blobs)
	}
	opts := grouptest.LargeGroupOptions()
	opts.Clock, opts.OwnerLeave = s.Clock.Now, groupkit.OwnerSucceed
	s.Engine, err = groupkit.New(over, contents, &opts)
	grouptest.Must(err)
	return s
}

// settled reports whether the engine has finished everything that was interrupted. It does not
// wait for contents that are missing: Verify finds them.
func settled(t require.TestingT, s *grouptest.Stack) bool {
	dump := s.Dump(t)
	named := 0
	for k := range dump {
		if _, kind, _, err := key.CutGroup([]byte(k)); err == nil && kind == key.Files {
			named++
		}
	}
	return len(grouptest.LeftOver(dump)) == 0 && len(grouptest.ContentIDs(t, s.Disk)) <= named
}

// largeGroupOnDisk builds the file that every child starts with.
func largeGroupOnDisk(t *testing.T) string {
	dir := t.TempDir()
	s := onDisk(dir, nil)
	grouptest.NewLargeGroup(t, s, 130)
	require.NoError(t, s.Close())
	return dir
}

// runChild runs a child on a copy of the folder and reports whether the signal killed it;
// if not, it has finished.
func runChild(t *testing.T, scenario, from string, steps int) (dir string, died bool) {
	dir = filepath.Join(t.TempDir(), fmt.Sprint(steps))
	require.NoError(t, os.CopyFS(dir, os.DirFS(from)))
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashChild$")
	cmd.Env = append(os.Environ(), crashScenario+"="+scenario, crashDir+"="+dir, crashSteps+"="+fmt.Sprint(steps))
	out, err := cmd.CombinedOutput()
	if err == nil {
		return dir, false
	}
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	require.True(t, ok && status.Signaled() && status.Signal() == syscall.SIGKILL, "%v\n%s", err, out)
	return dir, true
}

// runToEnd runs a child to its end, and returns how long it took.
func runToEnd(t *testing.T, scenario, from string, within time.Duration) (took time.Duration, finished bool) {
	began := time.Now()
	_, killed := killedChild(t, scenario, from, within)
	return time.Since(began), !killed
}

// killedChild runs a child on a copy of the folder, and kills it after a time unless it has ended by then.
func killedChild(t *testing.T, scenario, from string, after time.Duration) (dir string, killed bool) {
	dir = t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(from)))
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashChild$")
	cmd.Env = append(os.Environ(), crashScenario+"="+scenario, crashDir+"="+dir, crashSteps+"=-1")
	require.NoError(t, cmd.Start())
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	return dir, !timer.Stop() && err != nil
}

// crashAtEveryStep crashes a child at every step of a scenario. After each crash it opens the
// file, waits until the engine has finished everything, and calls look.
func crashAtEveryStep(t *testing.T, scenario string, atLeast int, look func(*testing.T, *grouptest.Stack)) {
	t.Parallel()
	crashFrom(t, largeGroupOnDisk(t), scenario, atLeast, look)
}

// crashFrom does so from a folder.
func crashFrom(t *testing.T, from, scenario string, atLeast int, look func(*testing.T, *grouptest.Stack)) {
	died := true
	for steps := 1; died; steps++ {
		var dir string
		dir, died = runChild(t, scenario, from, steps)
		s := onDisk(dir, nil)
		grouptest.Eventually(t, func() bool { return settled(t, s) })
		report, err := s.Verify(t.Context(), groupkit.VerifyOptions{})
		require.NoError(t, err)
		report.Absent = nil // a file whose content has not been brought yet is no fault
		require.Zero(t, report)
		look(t, s)
		s.RequireVerified(t)
		require.NoError(t, s.Close())
		require.True(t, died || steps > atLeast, "the scenario has %d steps", steps-1)
	}
}
