package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"groupkit"
)

// childClock makes the test binary groupctl itself, with a clock that shows this time.
const childClock = "GROUPCTL_TEST_CLOCK"

// asGroupctl is groupctl with a clock that stands still.
func asGroupctl(clock string) int {
	at, err := time.Parse(time.RFC3339, clock)
	if err != nil {
		panic(err)
	}
	completionTime = time.Minute // a busy machine completes too
	defer tellMemory(os.Getenv(childMemory))
	return runProcess(os.Args[1:], func() time.Time { return at })
}

// now is the time at which the commands of the tests run.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// ofTools are variables of tools that look at a test: of coverage, and of internal/tools/mutate.
var ofTools = []string{"GOCOVERDIR", "GROUPKIT_MUTATION"}

// command returns groupctl as a command in a folder. Its environment has nothing but these variables.
func command(ctx context.Context, dir string, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Dir = dir
	cmd.Env = append(env, childClock+"="+now.Format(time.RFC3339))
	for _, name := range ofTools {
		cmd.Env = append(cmd.Env, name+"="+os.Getenv(name))
	}
	return cmd
}

// groupctl runs groupctl in a folder, with pipes, and returns what it wrote and its exit code.
func groupctl(t *testing.T, dir, line string) (stdout, stderr string, code int) {
	t.Helper()
	return groupctlIn(t, dir, "", strings.Fields(line)...)
}

// groupctlIn is groupctl with an input.
func groupctlIn(t *testing.T, dir, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := command(ctx, dir, nil, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); !exited {
		require.NoError(t, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// onTerminal runs groupctl on a terminal with so many columns. It types input and returns all that the terminal got.
func onTerminal(t *testing.T, dir string, columns uint16, env []string, input, line string) (screen string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := command(ctx, dir, append(env, "TERM=xterm"), strings.Fields(line)...)
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: columns})
	require.NoError(t, err)
	defer f.Close()
	_, err = io.WriteString(f, input)
	require.NoError(t, err)
	out, _ := io.ReadAll(f) // Linux ends the reading with an error when the other side is closed
	_ = cmd.Wait()
	return strings.ReplaceAll(string(out), "\r\n", "\n"), cmd.ProcessState.ExitCode()
}

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a text with the golden file of the name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name+".txt")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "-update writes it")
	require.Equal(t, string(want), got)
}

// everywhere compares what a command writes to a terminal of 80 and one of 200 columns, to one with NO_COLOR, and to a pipe, with
// golden files, and its JSON with another one.
func everywhere(t *testing.T, dir, name, line string) {
	t.Helper()
	everywhereWith(t, dir, name, line, exitOK)
}

// everywhereWith is everywhere with another exit code.
func everywhereWith(t *testing.T, dir, name, line string, want int) {
	t.Helper()
	for where, run := range map[string]func() (string, int){
		"80":       func() (string, int) { return onTerminal(t, dir, 80, nil, "", line) },
		"200":      func() (string, int) { return onTerminal(t, dir, 200, nil, "", line) },
		"no-color": func() (string, int) { return onTerminal(t, dir, 80, []string{"NO_COLOR=1"}, "", line) },
		"pipe":     func() (string, int) { out, _, code := groupctl(t, dir, line); return out, code },
		"json":     func() (string, int) { out, _, code := groupctl(t, dir, line+" --json"); return out, code },
	} {
		got, code := run()
		require.Equal(t, want, code, got)
		golden(t, name+"."+where, withoutProgress(got))
	}
}

// withoutProgress returns what is seen at the end: progress is written over by what comes after a carriage return.
func withoutProgress(screen string) string {
	lines := strings.Split(screen, "\n")
	for i, line := range lines {
		lines[i] = line[strings.LastIndexByte(line, '\r')+1:]
	}
	return strings.Join(lines, "\n")
}

// A world is a folder with a database that has some groups, groups.db. It is the same in each test.
func world(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	at := now.Add(-30 * 24 * time.Hour)
	eng, err := groupkit.Open(filepath.Join(dir, "groups.db"), &groupkit.Options{Clock: func() time.Time { return at }, BlockOutsiders: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, eng.Close()) }()
	ctx := t.Context()
	step := func(d time.Duration, err error) {
		t.Helper()
		require.NoError(t, err)
		at = at.Add(d)
	}
	create := func(g groupkit.NewGroup) error { _, err := eng.System().CreateGroup(ctx, g); return err }
	step(time.Hour, create(groupkit.NewGroup{ID: "night-watch", Name: "Night Watch", Description: "We watch the wall.\nAll night long.", Owner: "alice", Public: true,
		Members: []groupkit.UserID{"bob", "carol", "dave"}}))
	step(time.Hour, create(groupkit.NewGroup{ID: "shogi", Name: "将棋クラブ — the club for everyone who plays shogi, on Tuesdays and on Fridays after work", Owner: "bob", Public: true, MembersOnly: true}))
	step(time.Hour, create(groupkit.NewGroup{ID: "5b3c2f6e-7d1f-4d52-9d7b-0f2b8d1c9a34", Name: "Family 👨‍👩‍👧", Owner: "carol", AllowInvites: true, InviteNeedConfirm: new(true)}))
	alice := eng.As("alice")
	step(24*time.Hour, alice.AddAdmin(ctx, "night-watch", "bob"))
	_, err = alice.Because("spam").Mute(ctx, "night-watch", 60*24*time.Hour, "dave")
	step(24*time.Hour, err)
	_, err = alice.Because("insults").Block(ctx, "night-watch", groupkit.Forever, "mallory")
	step(24*time.Hour, err)
	step(24*time.Hour, alice.Allow(ctx, "night-watch", "carol"))
	step(24*time.Hour, alice.SetAnnouncement(ctx, "night-watch", "Meet at ten."))
	_, err = eng.As("erin").Join(ctx, "shogi")
	step(24*time.Hour, err)
	_, err = eng.As("carol").Invite(ctx, "5b3c2f6e-7d1f-4d52-9d7b-0f2b8d1c9a34", "frank")
	step(24*time.Hour, err)
	return dir
}

// optionsAt returns options with a clock that stands still.
func optionsAt(at time.Time) *groupkit.Options {
	return &groupkit.Options{Clock: func() time.Time { return at }}
}

// open opens a database for the time of the test.
func open(t *testing.T, path string, options *groupkit.Options) *groupkit.Engine {
	t.Helper()
	eng, err := groupkit.Open(path, options)
	require.NoError(t, err)
	t.Cleanup(func() { _ = eng.Close() })
	return eng
}
