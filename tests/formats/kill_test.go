//go:build unix

package formats_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit"
	"groupkit/store"
	"groupkit/store/boltstore"
)

// The environment tells a child process what to do, with which file, and when to die.
const (
	childTask = "GROUPKIT_FORMATS_TASK"
	childPath = "GROUPKIT_FORMATS_PATH"
	childStep = "GROUPKIT_FORMATS_STEP"
)

var childTasks = map[string]func(path string, step int){"upgrade": upgradeAndDie}

// TestKillChild is not a test: it is what a child process runs.
func TestKillChild(t *testing.T) {
	task, ok := childTasks[os.Getenv(childTask)]
	if !ok {
		t.Skip("this runs in a child process of another test")
	}
	var step int
	_, err := fmt.Sscan(os.Getenv(childStep), &step)
	must(err)
	task(os.Getenv(childPath), step)
}

// child runs a task in a process of its own. It reports whether the process lived to its end.
func child(t *testing.T, task, path string, step int) (lived bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKillChild$")
	cmd.Env = append(os.Environ(), childTask+"="+task, childPath+"="+path, fmt.Sprintf("%s=%d", childStep, step))
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "panic:") {
		require.Fail(t, "the child panics", string(out))
	}
	return err == nil
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// A deadlyStore kills the process in one of its Updates: before it, or when it has written
// everything and has not committed it.
type deadlyStore struct {
	store.Store
	steps int
}

func (*deadlyStore) Exclusive() bool { return true }

func (s *deadlyStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	s.die()
	return s.Store.Update(ctx, func(w store.Writer) error {
		err := fn(w)
		s.die()
		return err
	})
}

func (s *deadlyStore) die() {
	if s.steps--; s.steps == 0 {
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {} // dead
	}
}

func upgradeAndDie(path string, step int) {
	s, err := boltstore.Open(path, &boltstore.Options{Durability: boltstore.None})
	must(err)
	must(groupkit.Upgrade(context.Background(), &deadlyStore{s, step}, lastOptions()))
	must(s.Close())
}

// TestFormat1_Kill kills the process at every step of the upgrade, and goes on. The result is,
// byte for byte, that of an upgrade without interruption.
func TestFormat1_Kill(t *testing.T) {
	t.Parallel()
	whole := unpack(t, "format1.tar.gz")
	old, small := dump(t, whole), compact(t, whole)
	upgrade(t, whole)
	want := dump(t, whole)
	step := 1
	for lived := false; !lived; step++ {
		path := filepath.Join(t.TempDir(), database)
		require.NoError(t, os.WriteFile(path, small, 0o600))
		switch lived = child(t, "upgrade", path, step); {
		case step <= 2:
			require.Equal(t, old, dump(t, path), "nothing has begun")
		case !lived:
			require.Equal(t, "\x08\x02\x10\x01", dump(t, path)["groupkit"]["!"], "step %d", step)
		}
		upgrade(t, path)
		require.Equal(t, want, dump(t, path), "killed at step %d", step)
	}
	require.Greater(t, step, 20)
}

// compact returns the content of a file of bbolt without free pages.
func compact(t *testing.T, path string) []byte {
	t.Helper()
	from, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
	require.NoError(t, err)
	small := filepath.Join(t.TempDir(), "small.db")
	to, err := bolt.Open(small, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, bolt.Compact(to, from, 0))
	require.NoError(t, errors.Join(from.Close(), to.Close()))
	content, err := os.ReadFile(small)
	require.NoError(t, err)
	return content
}

// upgrade brings a file up to date, without an engine.
func upgrade(t *testing.T, path string) {
	t.Helper()
	s, err := boltstore.Open(path, &boltstore.Options{Durability: boltstore.None})
	require.NoError(t, err)
	require.NoError(t, groupkit.Upgrade(t.Context(), s, lastOptions()))
	require.NoError(t, s.Close())
}
