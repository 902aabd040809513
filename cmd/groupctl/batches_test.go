package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// fileBytes returns the file of the database in a folder.
func fileBytes(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "groups.db"))
	require.NoError(t, err)
	return string(text)
}

func members(t *testing.T, dir string, group groupkit.GroupID) (users []groupkit.UserID) {
	t.Helper()
	inside(t, dir, func(ctx context.Context, a groupkit.Actor) {
		for m, err := range a.Members(ctx, group) {
			require.NoError(t, err)
			users = append(users, m.User)
		}
	})
	return users
}

func TestBatches_Partial(t *testing.T) {
	t.Parallel()
	dir := world(t)
	out, errs, code := groupctl(t, dir, "add night-watch zoe carol erin mallory zoe --db groups.db")
	require.Equal(t, exitRefused, code)
	require.Equal(t, "added 2 users to night-watch (version 8)\n  zoe\n  erin\n", out)
	require.Equal(t, "carol: already a member of the group\nmallory: on the blacklist of the group\n"+
		"groupctl: 2 of 4 users were refused\n\"groupctl unblock GROUP USER\" takes a user off the blacklist.\n", errs)
	require.Equal(t, []groupkit.UserID{"alice", "bob", "carol", "dave", "erin", "zoe"}, members(t, dir, "night-watch"))

	out, errs, code = groupctl(t, dir, "remove night-watch nobody alice --db groups.db")
	require.Equal(t, exitRefused, code)
	require.Empty(t, out)
	require.Contains(t, errs, "groupctl: 2 of 2 users were refused\n")
}

func TestBatches_JSON(t *testing.T) {
	t.Parallel()
	dir := world(t)
	out, _, code := groupctl(t, dir, "promote night-watch zoe carol dave --db groups.db --json")
	require.Equal(t, exitRefused, code)
	require.Equal(t, `{"user":"zoe","error":{"code":"not_member","class":"forbidden","message":"not a member of the group","op":"add_admin","group":"night-watch","user":"zoe"}}
{"user":"carol","outcome":"done"}
{"user":"dave","outcome":"done"}
`, out)
	for line := range strings.Lines(out) {
		require.NoError(t, json.Unmarshal([]byte(line), new(groupkit.Result)))
	}
}

// TestBatches_Stdin adds more users than one call takes, as lines of a file from Windows with a line twice.
func TestBatches_Stdin(t *testing.T) {
	t.Parallel()
	dir := world(t)
	var lines strings.Builder
	for i := range 150 {
		fmt.Fprintf(&lines, "user %03d\r\n\n", i)
	}
	lines.WriteString("user 000")
	before := fileBytes(t, dir)
	args := []string{"add", "night-watch", "-", "zoe", "--db", "groups.db"}
	out, errs, code := groupctlIn(t, dir, lines.String(), append(args, "--dry-run")...)
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "would add 151 users to night-watch\n", out)
	require.Equal(t, before, fileBytes(t, dir))

	_, errs, code = groupctlIn(t, dir, lines.String(), append(args, "--if-version", "7")...)
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "--if-version holds for one call, and 151 users take 3 calls")
	require.Equal(t, before, fileBytes(t, dir))

	for range 2 { // the second time nothing is done
		out, errs, code = groupctlIn(t, dir, lines.String(), append(args, "--once", "k")...)
		require.Equal(t, exitOK, code, errs)
		require.Equal(t, "added 151 users to night-watch (version 10)\n", out)
		require.Empty(t, errs)
	}
	require.Len(t, members(t, dir, "night-watch"), 155)

	_, errs, code = groupctlIn(t, dir, strings.Repeat("x", 5000), args...)
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "line 1 of stdin has more than 4096 bytes")
}

// TestBatches_Stopped: a call that fails as a whole ends the command, which says how to go on.
func TestBatches_Stopped(t *testing.T) {
	t.Parallel()
	for once, says := range map[bool]string{
		false: "Run it again with the users that are left; the next one is \"c\".",
		true:  "Run the same command again: with its key nothing is done twice.",
	} {
		eng, err := groupkit.New(memstore.New(), memblob.New(), nil)
		require.NoError(t, err)
		var out bytes.Buffer
		c := &cli{out: &term.Screen{Writer: &out}, err: &term.Screen{Writer: io.Discard}}
		calls := 0
		b := &batches{c: c, group: "g", users: []groupkit.UserID{"a", "b", "c", "d", "e"},
			manner: &manner{dryRun: &c.dryRun, given: func(flag string) bool { return flag == "once" && once }},
			verb: &userVerb{done: "added", in: "to", batch: 2, call: func(_ groupkit.Actor, _ context.Context, _ groupkit.GroupID, users []groupkit.UserID) (groupkit.Results, error) {
				if calls++; calls == 2 { // what a store that fails gives
					return groupkit.Results{{User: "c", Outcome: groupkit.OutcomeDone}, {User: "d", Err: groupkit.ErrGroupFull}}, groupkit.ErrStorage
				}
				return groupkit.Results{{User: "a", Outcome: groupkit.OutcomeDone}, {User: "b", Outcome: groupkit.OutcomeDone}}, nil
			}}}
		db := &database{Engine: eng}
		failed := b.calls(t.Context(), db)
		require.Equal(t, 2, calls)
		require.NoError(t, b.report(t.Context(), db))
		require.Equal(t, "added 2 users to g\n  a\n  b\n", out.String())
		err = b.err(failed)
		require.EqualError(t, err, "storage failed; 2 of 5 users were done before")
		require.Equal(t, exitStorage, exitCode(err))
		require.Equal(t, says, err.(hinted).hint)
		require.NoError(t, eng.Close())
	}
}

// TestBatches_Interrupt interrupts a process between two calls.
func TestBatches_Interrupt(t *testing.T) {
	t.Parallel()
	dir := world(t)
	_, _, code := groupctl(t, dir, "update night-watch --max-users 10000 --db groups.db")
	require.Equal(t, exitOK, code)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := command(ctx, dir, nil, "add", "night-watch", "-", "--db", "groups.db", "--json")
	var lines, errs strings.Builder
	for i := range 9000 {
		fmt.Fprintf(&lines, "u%04d\n", i)
	}
	cmd.Stdin, cmd.Stderr = strings.NewReader(lines.String()), &errs
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	out := bufio.NewScanner(stdout)
	require.True(t, out.Scan())
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	done := 1
	for out.Scan() {
		done++
	}
	require.Error(t, cmd.Wait())
	require.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode(), errs.String())
	require.Less(t, done, 9000)
	require.Contains(t, errs.String(), fmt.Sprintf("%d of 9000 users were done before\nRun it again with the users that are left; the next one is \"u%04d\".\n", done, done))
	require.Len(t, members(t, dir, "night-watch"), 4+done)
}
