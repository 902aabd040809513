//go:build !windows

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store"
	"groupkit/store/boltstore"
)

// heavy is a world with a shared file of 4 MiB and as much in a bucket of the application.
func heavy(t *testing.T) (dir string) {
	t.Helper()
	dir = world(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "map.png"), make([]byte, 4<<20), 0o600))
	_, errs, code := groupctl(t, dir, "upload night-watch map.png --db groups.db")
	require.Equal(t, exitOK, code, errs)
	s, err := boltstore.Open(filepath.Join(dir, "groups.db"), nil)
	require.NoError(t, err)
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		b, err := store.Bucket(w, "app")
		for i := byte(0); i < 64 && err == nil; i++ {
			err = b.Put([]byte{i}, make([]byte, 64<<10))
		}
		return err
	}))
	require.NoError(t, s.Close())
	return dir
}

// A child is a running groupctl that is going to be interrupted.
type child struct {
	*exec.Cmd

	errs bytes.Buffer
}

func startChild(t *testing.T, dir, line string, prepare func(*exec.Cmd)) *child {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	c := &child{Cmd: command(ctx, dir, nil, strings.Fields(line)...)}
	c.Stderr = &c.errs
	prepare(c.Cmd)
	require.NoError(t, c.Start())
	return c
}

// interrupted waits for the end after a SIGINT, and requires that it was one.
func (c *child) interrupted(t *testing.T, hint string) {
	t.Helper()
	_ = c.Wait()
	require.Equal(t, exitInterrupted, c.ProcessState.ExitCode(), c.errs.String())
	require.Contains(t, c.errs.String(), "groupctl: interrupted\n")
	require.Contains(t, c.errs.String(), hint)
}

// What writes to a pipe that nobody reads any more ends.
func TestInterrupt_Output(t *testing.T) {
	t.Parallel()
	dir := heavy(t)
	for line, hint := range map[string]string{
		"backup - --db groups.db":       "There is no backup: what was written of it is not whole. Run it again.",
		"export --files --db groups.db": "The export is not complete, and import refuses it. Run it again.",
	} {
		in, out, err := os.Pipe()
		require.NoError(t, err)
		c := startChild(t, dir, line, func(cmd *exec.Cmd) { cmd.Stdout = out })
		_, err = in.Read(make([]byte, 1))
		require.NoError(t, err)
		require.NoError(t, c.Process.Signal(os.Interrupt))
		c.interrupted(t, hint)
		require.NoError(t, errors.Join(in.Close(), out.Close()))
	}
}

// What reads from a pipe to which nobody writes any more ends, and goes on when it is run again.
func TestInterrupt_Import(t *testing.T) {
	t.Parallel()
	dir := heavy(t)
	text := exported(t, dir, "groups.db")
	in, out, err := os.Pipe()
	require.NoError(t, err)
	c := startChild(t, dir, "import - --init --db other.db", func(cmd *exec.Cmd) { cmd.Stdin = in })
	_, err = io.WriteString(out, text[:len(text)-1]) // returns when all but what a pipe holds is read
	require.NoError(t, err)
	require.NoError(t, c.Process.Signal(os.Interrupt))
	c.interrupted(t, "To go on: groupctl import - --init --db other.db --existing")
	require.NoError(t, errors.Join(in.Close(), out.Close()))
	_, errs, code := groupctlIn(t, dir, text, "import", "-", "--init", "--db", "other.db", "--existing")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, text, exported(t, dir, "other.db"))
}

// What reads a content ends within it. It leaves nothing, or what can be gone on with.
func TestInterrupt_Content(t *testing.T) {
	t.Parallel()
	for line, hint := range map[string]string{
		"verify --db groups.db":                      "Nothing was changed.",
		"repair --db groups.db --yes":                "Nothing was changed.",
		"backup new.backup --db groups.db":           "There is no backup",
		"export --files -o new.jsonl --db groups.db": "The export is not complete",
		"copy groups.db new.db":                      "The copy is not complete. To go on: groupctl copy groups.db new.db",
	} {
		t.Run(strings.Fields(line)[0], func(t *testing.T) {
			t.Parallel()
			dir := heavy(t)
			content := largest(t, filepath.Join(dir, "groups.db.files"))
			require.NoError(t, os.Rename(content, content+".real"))
			require.NoError(t, syscall.Mkfifo(content, 0o600))
			before := sum(t, filepath.Join(dir, "groups.db"))
			c := startChild(t, dir, line, func(*exec.Cmd) {})
			feed(t, content, func() { require.NoError(t, c.Process.Signal(os.Interrupt)) })
			c.interrupted(t, hint)
			require.Equal(t, before, sum(t, filepath.Join(dir, "groups.db")))
			require.NoFileExists(t, filepath.Join(dir, "new.backup"))
			require.NoFileExists(t, filepath.Join(dir, "new.jsonl"))
			parts, err := filepath.Glob(filepath.Join(dir, ".*.part"))
			require.NoError(t, err)
			require.Empty(t, parts)

			require.NoError(t, os.Rename(content+".real", content))
			_, errs, code := groupctl(t, dir, line)
			require.Equal(t, exitOK, code, errs)
			if strings.HasPrefix(line, "copy") {
				require.Equal(t, exported(t, dir, "groups.db"), exported(t, dir, "new.db"))
			}
		})
	}
}

// feed writes a byte at a time, as long as somebody reads. It calls begun when the first one is read.
func feed(t *testing.T, fifo string, begun func()) {
	t.Helper()
	f, err := os.OpenFile(fifo, os.O_WRONLY, 0) // waits for the reader
	require.NoError(t, err)
	defer f.Close()
	_, err = f.Write([]byte{0})
	require.NoError(t, err)
	begun()
	for err == nil {
		_, err = f.Write([]byte{0})
	}
	require.ErrorIs(t, err, syscall.EPIPE)
}

// largest returns the path of the largest file below a folder.
func largest(t *testing.T, root string) (path string) {
	t.Helper()
	most := int64(-1)
	require.NoError(t, filepath.Walk(root, func(p string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && info.Size() > most {
			path, most = p, info.Size()
		}
		return err
	}))
	return path
}

// What writes many records is interrupted as soon as its first file is there. It is started again until that was before its end.
func TestInterrupt_Records(t *testing.T) {
	t.Parallel()
	for line, row := range map[string]struct{ file, hint string }{
		"restore all.backup --db new.db": {"new.db", "The database is not complete. To go on: groupctl restore all.backup --db new.db"},
		"compact --db groups.db":         {"groups.db.compact", "The file is whole. To do it: groupctl compact --db groups.db"},
	} {
		t.Run(strings.Fields(line)[0], func(t *testing.T) {
			t.Parallel()
			dir := heavy(t)
			_, errs, code := groupctl(t, dir, "backup all.backup --db groups.db")
			require.Equal(t, exitOK, code, errs)
			want := exported(t, dir, "groups.db")
			for try := 0; ; try++ {
				require.Less(t, try, 50)
				require.NoError(t, os.RemoveAll(filepath.Join(dir, "new.db")))
				require.NoError(t, os.RemoveAll(filepath.Join(dir, "new.db.files")))
				c := startChild(t, dir, line, func(*exec.Cmd) {})
				ended := make(chan error, 1)
				go func() { ended <- c.Wait() }()
				if interruptAt(t, c, filepath.Join(dir, row.file), ended); c.ProcessState.ExitCode() != exitOK {
					require.Equal(t, exitInterrupted, c.ProcessState.ExitCode(), c.errs.String())
					require.Contains(t, c.errs.String(), row.hint)
					break
				}
			}
			require.Equal(t, want, exported(t, dir, "groups.db"))
			_, errs, code = groupctl(t, dir, line)
			require.Equal(t, exitOK, code, errs)
			require.NoFileExists(t, filepath.Join(dir, "groups.db.compact"))
			require.Equal(t, want, exported(t, dir, "groups.db"))
			if row.file == "new.db" {
				require.Equal(t, want, exported(t, dir, "new.db"))
			}
		})
	}
}

// interruptAt sends SIGINT when a file is there, and waits for the end.
func interruptAt(t *testing.T, c *child, path string, ended <-chan error) {
	t.Helper()
	for {
		select {
		case <-ended:
			return
		default:
		}
		if _, err := os.Lstat(path); err == nil {
			_ = c.Process.Signal(os.Interrupt) // it may have ended
			<-ended
			return
		}
	}
}

// A pipe that is closed ends an export without a word.
func TestExport_ClosedPipe(t *testing.T) {
	t.Parallel()
	dir := heavy(t)
	in, out, err := os.Pipe()
	require.NoError(t, err)
	c := startChild(t, dir, "export --files --db groups.db", func(cmd *exec.Cmd) { cmd.Stdout = out })
	require.NoError(t, out.Close())
	_, err = in.Read(make([]byte, 10))
	require.NoError(t, err)
	require.NoError(t, in.Close())
	require.Error(t, c.Wait())
	require.Empty(t, c.errs.String())
}

// The memory of an export does not grow with the number of groups.
func TestExport_Memory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	options := optionsAt(now)
	options.Durability = groupkit.SyncNever
	eng := open(t, filepath.Join(dir, "many.db"), options)
	for i := range 2000 {
		g, err := eng.System().CreateGroup(t.Context(), groupkit.NewGroup{Name: "n", Owner: groupkit.UserID(fmt.Sprint("u", i)), Custom: strings.Repeat("x", 8000)})
		require.NoError(t, err)
		_, err = eng.System().UpdateGroup(t.Context(), g.ID, groupkit.GroupUpdate{Custom: new(strings.Repeat("y", 8000))})
		require.NoError(t, err)
	}
	require.NoError(t, eng.Close())
	var out countingWriter
	c := startChild(t, dir, "export --db many.db", func(cmd *exec.Cmd) { cmd.Stdout, cmd.Env = &out, append(cmd.Env, "GODEBUG=gctrace=1") })
	require.NoError(t, c.Wait())
	require.Greater(t, int(out), 40<<20)
	heaps := regexp.MustCompile(`(\d+)->\d+->\d+ MB`).FindAllStringSubmatch(c.errs.String(), -1)
	require.NotEmpty(t, heaps)
	for _, m := range heaps {
		heap, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		require.Less(t, heap, 16, "MB before a collection")
	}
}

type countingWriter int

func (w *countingWriter) Write(p []byte) (int, error) {
	*w += countingWriter(len(p))
	return len(p), nil
}
