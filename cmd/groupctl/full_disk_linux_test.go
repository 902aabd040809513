package main

import (
	"bytes"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/internal/key"
)

// childDisk is how many bytes a file can have at most which the child writes: its disk is full then.
const childDisk = "GROUPCTL_TEST_DISK"

func init() {
	most, err := strconv.ParseUint(os.Getenv(childDisk), 10, 64)
	if err != nil {
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
		panic(err)
	}
}

// TestCommands_FullDisk runs each command that writes while no file can grow. It says so, with the exit code of a failing
// storage. What was there is as before, and nothing that looks whole is new.
func TestCommands_FullDisk(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"create new --owner zoe --name New --db groups.db", "create new --owner zoe --name New --db new.db --init",
		"add night-watch zoe --db groups.db", "delete night-watch --yes --db groups.db", "upload night-watch export.jsonl --db groups.db",
		"import export.jsonl --db new.db --init", "export -o new.jsonl --db groups.db",
		"backup new.backup --db groups.db", "restore night.backup --db new.db", "copy groups.db new.db",
		"compact --db groups.db", "repair --into new.db --yes --db broken.db", "repair --yes --db broken.db", "upgrade --db older.db",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			dir := furnished(t)
			olderFormat(t, dir)
			require.NoError(t, os.Rename(filepath.Join(dir, "bad.db"), filepath.Join(dir, "older.db")))
			put(t, copyWorld(t, dir), key.Of("night-watch", key.Announcement), []byte("damaged"))
			require.NoError(t, os.Rename(filepath.Join(dir, "bad.db"), filepath.Join(dir, "broken.db")))
			before := sums(t, dir)
			cmd := command(t.Context(), dir, []string{childDisk + "=2048"}, strings.Fields(line)...)
			var out, errs bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &errs
			_ = cmd.Run()
			require.Equal(t, exitStorage, cmd.ProcessState.ExitCode(), errs.String())
			require.Contains(t, errs.String(), "Free space on the device, and run it again.\n")
			require.Empty(t, out.String())
			after := sums(t, dir)
			delete(after, "new.db") // it was begun, and no command takes it for a database
			require.Equal(t, before, after)
			if _, err := os.Stat(filepath.Join(dir, "new.db")); err == nil {
				_, errs, code := groupctl(t, dir, "ls --db new.db")
				require.NotEqual(t, exitOK, code, errs)
			}
		})
	}
}

// sums returns the hashes of the files of a folder.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	all := make(map[string]string)
	for _, e := range entries {
		all[e.Name()] = sum(t, filepath.Join(dir, e.Name()))
	}
	return all
}
