package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store/sockstore"
)

// shared opens the database of a world in this process and shares it with the commands.
func shared(t *testing.T, dir string) *groupkit.Engine {
	t.Helper()
	path := filepath.Join(dir, "groups.db")
	eng, err := groupkit.Open(path, &groupkit.Options{Clock: func() time.Time { return now }, Share: sockstore.At(path + ".sock")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	return eng
}

// A running is a groupctl that has not ended.
type running struct {
	cmd    *exec.Cmd
	lines  *bufio.Scanner // of stdout
	stderr strings.Builder
}

// start starts groupctl in a folder.
func start(t *testing.T, dir, line string) *running {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	r := &running{cmd: command(ctx, dir, nil, strings.Fields(line)...)}
	out, err := r.cmd.StdoutPipe()
	require.NoError(t, err)
	r.cmd.Stderr = &r.stderr
	r.lines = bufio.NewScanner(out)
	require.NoError(t, r.cmd.Start())
	t.Cleanup(func() { cancel(); _ = r.cmd.Wait() })
	return r
}

// line returns the next line of stdout.
func (r *running) line(t *testing.T) string {
	t.Helper()
	require.True(t, r.lines.Scan(), "it has ended: %s", &r.stderr)
	return r.lines.Text()
}

// interrupt sends SIGINT and returns what follows on stdout, and the exit code.
func (r *running) interrupt(t *testing.T) (rest string, code int) {
	t.Helper()
	require.NoError(t, r.cmd.Process.Signal(syscall.SIGINT))
	return r.wait(t)
}

func (r *running) wait(t *testing.T) (rest string, code int) {
	t.Helper()
	for r.lines.Scan() {
		rest += r.lines.Text() + "\n"
	}
	_ = r.cmd.Wait()
	return rest, r.cmd.ProcessState.ExitCode()
}

// TestLog_Follow follows a group and all groups through the socket of another process, is interrupted, and goes on
// where it says.
func TestLog_Follow(t *testing.T) {
	t.Parallel()
	dir := world(t)
	eng := shared(t, dir)
	say := func(text string) {
		t.Helper()
		require.NoError(t, eng.As("alice").Because("test").SetAnnouncement(t.Context(), "night-watch", text))
	}
	for _, which := range []string{"night-watch", "--all"} {
		line := "log " + which + " --db groups.db --follow"
		r := start(t, dir, line+" --limit 1")
		require.Contains(t, r.line(t), "TIME ")
		r.line(t) // the last one that there was
		say("live 1 " + which)
		require.Contains(t, r.line(t), `announcement changed: "live 1 `+which+`", because "test"`)
		say("live 2 " + which)
		require.Contains(t, r.line(t), `"live 2 `)
		rest, code := r.interrupt(t)
		require.Empty(t, rest)
		require.Equal(t, exitInterrupted, code)
		said := regexp.MustCompile(`^groupctl: interrupted\nGo on with: groupctl (log .* --follow --db groups\.db)\n$`).FindStringSubmatch(r.stderr.String())
		require.NotNil(t, said, r.stderr.String())

		say("missed " + which)
		r = start(t, dir, said[1]+" --json")
		require.Contains(t, r.line(t), `"after":"missed `+which+`"`)
		say("after " + which)
		require.Contains(t, r.line(t), `"after":"after `+which+`"`)
		rest, code = r.interrupt(t)
		require.Empty(t, rest)
		require.Equal(t, exitInterrupted, code)
		require.Contains(t, r.stderr.String(), " --json ")
	}
}

// TestLog_Deleted follows a group until it is deleted. Its log can still be read.
func TestLog_Deleted(t *testing.T) {
	t.Parallel()
	dir := world(t)
	eng := shared(t, dir)
	r := start(t, dir, "log shogi -f --json --db groups.db")
	for range 3 {
		require.Contains(t, r.line(t), `"group":"shogi"`)
	}
	require.NoError(t, eng.As("bob").DeleteGroup(t.Context(), "shogi"))
	require.Contains(t, r.line(t), `"group_deleted"`)
	rest, code := r.wait(t)
	require.Empty(t, rest)
	require.Equal(t, exitOK, code, r.stderr.String())
	for _, flags := range []string{"", " -f"} {
		stdout, stderr, code := groupctl(t, dir, "log shogi --db groups.db"+flags)
		require.Equal(t, exitOK, code, stderr)
		require.Contains(t, stdout, "group deleted\n")
	}
}

func TestLog_Limit(t *testing.T) {
	t.Parallel()
	dir := world(t)
	versions := regexp.MustCompile(`"version":(\d+)`)
	for line, want := range map[string]string{
		"log night-watch --limit 3":           "5 6 7",
		"log night-watch -n 100":              "1 2 3 4 5 6 7",
		"log night-watch --from 6":            "6 7",
		"log night-watch --from 2 --limit 3":  "2 3 4",
		"log night-watch --from 8":            "",
		"log night-watch --from 0 -n 1":       "1",
		"log --all --limit 2":                 "3 3",
		"log --all --limit 3":                 "7 3 3",
		"log night-watch --from 2 -n 2 -f":    "2 3",
		"log night-watch --from 99 --limit 1": "",
	} {
		stdout, stderr, code := groupctl(t, dir, line+" --json --db groups.db")
		require.Equal(t, exitOK, code, "%s: %s", line, stderr)
		var got []string
		for _, m := range versions.FindAllStringSubmatch(stdout, -1) {
			got = append(got, m[1])
		}
		require.Equal(t, want, strings.Join(got, " "), line)
	}
}

// TestLog_OtherHistory goes on from a position of another database: everything begins anew, and it ends.
func TestLog_OtherHistory(t *testing.T) {
	t.Parallel()
	dir := world(t)
	stdout, stderr, code := groupctl(t, dir, "log --all --from 0123456789abcdef:9999 --db groups.db")
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, stdout, "checkpoint: all groups follow as they are now\n")
	require.Equal(t, 3, strings.Count(stdout, "checkpoint: the group as it was: "))
}

// TestLog_ServerEnds ends the process that shares the file while its log is followed.
func TestLog_ServerEnds(t *testing.T) {
	t.Parallel()
	dir := world(t)
	eng := shared(t, dir)
	r := start(t, dir, "log --all -f --limit 1 --db groups.db")
	r.line(t)
	r.line(t)
	require.NoError(t, eng.Close())
	rest, code := r.wait(t)
	require.Empty(t, rest)
	require.Equal(t, exitStorage, code, "%s", r.stderr.String())
	require.Regexp(t, `^groupctl: .*\nGo on with: groupctl log --all --from \S+ --follow --db groups.db\n$`, r.stderr.String())
}

func TestStats_Shared(t *testing.T) {
	t.Parallel()
	dir := world(t)
	eng := shared(t, dir)
	require.NoError(t, eng.As("alice").MuteGroup(t.Context(), "night-watch"))
	stdout, stderr, code := groupctl(t, dir, "stats --db groups.db")
	require.Equal(t, exitOK, code, stderr)
	for _, want := range []string{"Groups:      3, 2 of them public\n", "Memberships: 6\n", "Changes:     1, mean ", "Cache:       0 B of at most ", "Followers:   none\n", "Work:        none\n", "Opened:      2026-03-01T12:00:00Z\n"} {
		require.Contains(t, stdout, want)
	}
	require.NotContains(t, stdout, "Running")
}

// TestStats_Watch watches a process that changes a group, with a pipe and on a terminal.
func TestStats_Watch(t *testing.T) {
	t.Parallel()
	dir := world(t)
	path := filepath.Join(dir, "groups.db")
	eng, err := groupkit.Open(path, &groupkit.Options{Share: sockstore.At(path + ".sock")}) // rates need a clock that goes
	require.NoError(t, err)
	defer eng.Close()
	eng.Stats() // lookups are counted from now on
	ctx, cancel := context.WithCancel(t.Context())
	traffic := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			for i := range 10 {
				if err := eng.As("alice").SetAnnouncement(ctx, "night-watch", fmt.Sprint(i)); err != nil {
					traffic <- err
					return
				}
				_ = eng.As("bob").MaySpeak(ctx, "night-watch")
			}
		}
		traffic <- ctx.Err()
	}()
	defer func() { cancel(); require.ErrorIs(t, <-traffic, context.Canceled) }()

	r := start(t, dir, "stats --watch --interval 100ms --db groups.db")
	require.Regexp(t, `^TIME +CHANGES/S +MEAN +COMMITS/S +MEAN +LOOKUPS/S +HITS +FOLLOWERS +SIZE$`, r.line(t))
	for range 3 {
		require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +[\d,.]+ +[\d.]+[mµ]?s +[\d,.]+ +[\d.]+[mµ]?s +[\d,.]+ +\d+\.\d % +0 +\d+ KiB$`, r.line(t))
	}
	_, code := r.interrupt(t)
	require.Equal(t, exitOK, code)
	require.Empty(t, r.stderr.String())

	r = start(t, dir, "stats -w --interval 100ms --json --db groups.db")
	for range 3 {
		var st groupkit.Stats
		decode(t, r.line(t), &st)
		require.NotZero(t, st.Updates.Durations.Count)
	}
	_, code = r.interrupt(t)
	require.Equal(t, exitOK, code)

	cmd := command(t.Context(), dir, []string{"TERM=xterm"}, "stats", "--watch", "--interval", "100ms", "--db", "groups.db")
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 80})
	require.NoError(t, err)
	defer f.Close()
	awaitScreen(t, f, "Memberships", "Changes", "Commits", "█", "Lookups", "\x1b[H")
	_, err = io.WriteString(f, "\x03") // Ctrl-C
	require.NoError(t, err)
	rest, _ := io.ReadAll(f)
	require.Contains(t, string(rest), "\x1b[?25h", "the cursor is shown again")
	require.NoError(t, cmd.Wait())
}

// awaitScreen reads a terminal until it has shown all texts.
func awaitScreen(t *testing.T, in io.Reader, texts ...string) {
	t.Helper()
	var all strings.Builder
	buf := make([]byte, 4096)
	for _, text := range texts {
		for !strings.Contains(all.String(), text) {
			n, err := in.Read(buf)
			require.NoError(t, err, "%q is not shown: %q", text, all.String())
			all.Write(buf[:n])
		}
	}
}

func decode(t *testing.T, line string, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(line), v), line)
}
