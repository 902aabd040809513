package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

var most = flag.Int("members", 30_000, "how many members the larger group of TestMemory has; 1000000 is the long form")

// TestMemory lists groups with many members and many events. The memory of the process does not depend on how many there are.
func TestMemory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	little := *most / 10
	large(t, filepath.Join(dir, "little.db"), little)
	large(t, filepath.Join(dir, "large.db"), *most)
	for _, line := range []string{"members g", "members g --json", "log g", "log g --json", "log --all", "log --all --json", "log --all --limit 5", "log g --limit 5", "user owner"} {
		few, lines := peak(t, dir, line+" --db little.db")
		many, more := peak(t, dir, line+" --db large.db")
		t.Logf("%-22s %8d lines %5.1f MiB, %8d lines %5.1f MiB", line, lines, few, more, many)
		require.Less(t, many, few+12, "%s", line)
		if !strings.Contains(line, "limit") && !strings.Contains(line, "user") {
			require.Greater(t, more, *most)
		}
	}
}

// childMemory is the file in which groupctl leaves how much memory it has taken from the system.
const childMemory = "GROUPCTL_TEST_MEMORY"

func tellMemory(file string) {
	if file == "" {
		return
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if err := os.WriteFile(file, []byte(strconv.FormatUint(m.Sys, 10)), 0o600); err != nil {
		panic(err)
	}
}

// large makes a database with a group that has n members, and n events.
func large(t *testing.T, path string, n int) {
	t.Helper()
	ctx := t.Context()
	eng, err := groupkit.Open(path, &groupkit.Options{Durability: groupkit.SyncInterval, SyncWithin: time.Minute, Limits: groupkit.Limits{MaxUsers: n + 2}})
	require.NoError(t, err)
	defer func() { require.NoError(t, eng.Close()) }()
	_, err = eng.System().CreateGroup(ctx, groupkit.NewGroup{ID: "g", Name: "g", Owner: "owner", MaxUsers: n + 2})
	require.NoError(t, err)
	var users []groupkit.UserID
	for i := range n {
		if users = append(users, groupkit.UserID(fmt.Sprintf("user-%07d", i))); len(users) == 60 || i == n-1 {
			_, err := eng.System().AddMembers(ctx, "g", users)
			require.NoError(t, err)
			users = nil
		}
	}
	for i := 0; i < n; {
		require.NoError(t, eng.Atomic(ctx, func(tx *groupkit.Tx) error {
			for range 500 {
				if err := tx.System().SetAnnouncement(ctx, "g", fmt.Sprint(i)); err != nil {
					return err
				}
				i++
			}
			return nil
		}))
	}
}

// peak runs groupctl and returns how many MiB it has taken from the system, and how many lines it wrote. The mapped file does
// not count: the system takes its pages back when it needs them.
func peak(t *testing.T, dir, line string) (mib float64, lines int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	file := filepath.Join(t.TempDir(), "memory")
	cmd := command(ctx, dir, []string{childMemory + "=" + file}, strings.Fields(line)...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	buf := make([]byte, 1<<16)
	for {
		n, err := out.Read(buf)
		lines += strings.Count(string(buf[:n]), "\n")
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
	}
	require.NoError(t, cmd.Wait())
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	bytes, err := strconv.ParseFloat(string(text), 64)
	require.NoError(t, err)
	return bytes / (1 << 20), lines
}
