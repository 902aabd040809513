package crash_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// A child process shares and deletes files, and tells what has returned and what a subscriber
// has heard. The parent kills it, and compares the records with the contents.

// The environment tells a child where the file is, at which level of durability, and what to do.
const (
	contentsPath  = "GROUPKIT_CONTENTS_PATH"
	contentsLevel = "GROUPKIT_CONTENTS_DURABILITY"
	contentsOnce  = "GROUPKIT_CONTENTS_ONCE"
)

// TestContentsChild is not a test: it is what a child process runs.
func TestContentsChild(t *testing.T) {
	path := os.Getenv(contentsPath)
	if path == "" {
		t.Skip("this runs in a child process of another test")
	}
	level, err := strconv.Atoi(os.Getenv(contentsLevel))
	require.NoError(t, err)
	if os.Getenv(contentsOnce) != "" {
		deleteUndurably(t, path)
	}
	eng, err := openEngine(path, groupkit.Durability(level), 5*time.Millisecond)
	require.NoError(t, err)
	_, err = eng.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "common", Name: "Common", Owner: "owner"})
	if err != nil {
		require.ErrorIs(t, err, groupkit.ErrGroupExists)
	}
	sub, err := eng.System().Follow(t.Context(), "common", groupkit.Latest())
	require.NoError(t, err)
	go func() {
		for e, err := range sub.All(context.Background()) {
			if err == nil {
				fmt.Println("heard", e.Version)
			}
		}
	}()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { shareAndDelete(eng) })
	}
	all.Wait()
}

// shareAndDelete shares files in a common group, and deletes every second one.
func shareAndDelete(eng *groupkit.Engine) {
	for i := 0; ; i++ {
		content := strings.Repeat("x", rand.IntN(1<<16))
		f, err := eng.System().UploadFile(context.Background(), "common", "x", strings.NewReader(content))
		grouptest.Must(err)
		fmt.Println("shared", f.ID)
		if i%2 == 0 {
			grouptest.Must(eng.System().DeleteFile(context.Background(), "common", f.ID))
			fmt.Println("deleted", f.ID)
		}
	}
}

// deleteUndurably shares a file durably, and deletes it long before that is durable.
func deleteUndurably(t *testing.T, path string) {
	eng, err := openEngine(path, groupkit.SyncInterval, time.Hour)
	require.NoError(t, err)
	_, err = eng.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "common", Name: "Common", Owner: "owner"})
	require.NoError(t, err)
	f, err := eng.System().UploadFile(t.Context(), "common", "x", strings.NewReader("x"))
	require.NoError(t, err)
	_, err = eng.System().UploadFile(t.Context(), "common", "y", strings.NewReader("y")) // which saves what was before
	require.NoError(t, err)
	sub, err := eng.System().Follow(t.Context(), "common", groupkit.Latest())
	require.NoError(t, err)
	require.NoError(t, eng.System().DeleteFile(t.Context(), "common", f.ID))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = sub.Next(ended)
	require.ErrorIs(t, err, context.Canceled)
	fmt.Println("deleted", f.ID)
	select {}
}

// A deletion that a crash takes back has removed nothing, and no subscriber has heard of it.
func TestContents_DeletionTakenBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "groups.db")
	lines := killContents(t, path, groupkit.SyncInterval, 1, contentsOnce+"=1")
	eng := openSettled(t, path, groupkit.SyncInterval)
	grouptest.RequireVerified(t, eng)
	_, r, err := eng.System().OpenFile(t.Context(), "common", groupkit.FileID(strings.Fields(lines[0])[1]))
	require.NoError(t, err)
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "x", string(content))
	require.NoError(t, r.Close())
}

// Whenever a process is killed, every file has its content after the next opening, no content
// is without a file, and what a subscriber has heard is in the log.
func TestContents_Kill(t *testing.T) {
	t.Parallel()
	for name, level := range map[string]groupkit.Durability{
		"always": groupkit.SyncAlways, "interval": groupkit.SyncInterval, "never": groupkit.SyncNever,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "groups.db")
			for range 3 {
				lines := killContents(t, path, level, 20+rand.IntN(80))
				eng := openSettled(t, path, level)
				grouptest.RequireVerified(t, eng)
				unfinished, err := os.ReadDir(path + ".files/tmp")
				require.NoError(t, err)
				require.Empty(t, unfinished)
				g, err := eng.System().Group(t.Context(), "common")
				require.NoError(t, err)
				for _, line := range lines {
					var heard uint64
					if _, err := fmt.Sscanf(line, "heard %d", &heard); err == nil {
						require.LessOrEqual(t, heard, g.Version)
					}
				}
				require.NoError(t, eng.Close())
			}
		})
	}
}

// openSettled opens an engine, and returns when the opening has done its work.
func openSettled(t *testing.T, path string, level groupkit.Durability) *groupkit.Engine {
	opening := grouptest.NewOpening()
	eng, err := groupkit.Open(path, &groupkit.Options{Durability: level, Logger: opening.Logger()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = eng.Close() })
	opening.Wait(t)
	return eng
}

// killContents runs a child, and kills it after a number of lines.
func killContents(t *testing.T, path string, level groupkit.Durability, after int, env ...string) (lines []string) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestContentsChild$")
	cmd.Env = append(append(os.Environ(), contentsPath+"="+path, fmt.Sprintf("%s=%d", contentsLevel, level)), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		if lines = append(lines, scanner.Text()); len(lines) == after {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	require.ErrorContains(t, cmd.Wait(), "kill", "%v", lines)
	return lines
}
