package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"groupkit"
)

// groupOf returns a group of the database in a folder.
func groupOf(t *testing.T, dir string, id groupkit.GroupID) (g groupkit.Group) {
	t.Helper()
	inside(t, dir, func(ctx context.Context, a groupkit.Actor) {
		var err error
		g, err = a.Group(ctx, id)
		require.NoError(t, err)
	})
	return g
}

func TestCreate(t *testing.T) {
	t.Parallel()
	dir := world(t)
	out, errs, code := groupctlIn(t, dir, "", "create", "forum", "--name", "The Forum", "--owner", "zoe", "--member", "bob", "--member", "erin", "--public",
		"--members-only", "--max-users", "7", "--description", "Talk", "--avatar", "a.png", "--custom", "{}", "--db", "groups.db")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "created group forum (3 members)\n", out)
	g := groupOf(t, dir, "forum")
	require.Equal(t, groupkit.Group{ID: "forum", Name: "The Forum", Description: "Talk", Avatar: "a.png", Custom: "{}", Public: true, MembersOnly: true,
		InviteNeedConfirm: true, MaxUsers: 7, Owner: "zoe", MemberCount: 3, Created: now, LastModified: now, Version: g.Version}, g)

	// A user makes a group with a new ID and invites the members. With its key the same group is the answer again.
	var ids []groupkit.GroupID
	for range 2 {
		out, errs, code = groupctl(t, dir, "create --name Club --as erin --member zoe --once k --db groups.db --json")
		require.Equal(t, exitOK, code, errs)
		require.NoError(t, json.Unmarshal([]byte(out), &g))
		require.Equal(t, groupkit.UserID("erin"), g.Owner)
		require.Equal(t, 1, g.InvitationCount)
		ids = append(ids, g.ID)
	}
	require.Equal(t, ids[0], ids[1])
	require.Equal(t, []groupkit.UserID{"erin"}, members(t, dir, ids[0]))

	before := fileBytes(t, dir)
	out, errs, code = groupctl(t, dir, "create --name Club --owner erin --db groups.db --dry-run")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "would create a group\n", out)
	require.Equal(t, before, fileBytes(t, dir))
}

func TestCreate_Init(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const line = "create wall --owner alice --db groups.db"
	nothing := func() {
		t.Helper()
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left)
	}
	_, errs, code := groupctl(t, dir, line+" --name Wall")
	require.Equal(t, exitNotFound, code)
	require.Equal(t, "groupctl: there is no database \"groups.db\"\nCheck --db. groupctl create --init makes a database.\n", errs)
	nothing()
	_, errs, code = groupctl(t, dir, line+" --init")
	require.Equal(t, exitRefused, code)
	require.Equal(t, "groupctl: create group: group \"wall\": name is empty\n", errs)
	nothing()
	out, errs, code := groupctl(t, dir, line+" --name Wall --init --dry-run")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "would make database \"groups.db\" and create group wall\n", out)
	nothing()
	_, errs, code = groupctl(t, dir, "create --owner alice --db no/groups.db --name Wall --init")
	require.Equal(t, exitNotFound, code)
	require.Equal(t, "groupctl: database \"no/groups.db\" cannot be made: there is no folder \"no\"\n", errs)
	nothing()

	out, errs, code = groupctl(t, dir, line+" --name Wall --init")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "created group wall (1 member)\n", out)
	require.Equal(t, "Made database \"groups.db\".\n", errs)
	require.Equal(t, "Wall", groupOf(t, dir, "wall").Name)

	out, errs, code = groupctl(t, dir, "create second --name Second --owner alice --db groups.db --init")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "created group second (1 member)\n", out)
	require.Empty(t, errs)
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	dir := world(t)
	line := []string{"update", "shogi", "--name", "Shōgi", "--description", "", "--custom", "x", "--avatar", "y", "--max-users", "300", "--members-only=false",
		"--allow-invites", "--invite-need-confirm=false", "--db", "groups.db"}
	out, errs, code := groupctlIn(t, dir, "", line...)
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "changed name, avatar, custom, max users, members only, allow invites, invite need confirm of group shogi (version 4)\n", out)
	g := groupOf(t, dir, "shogi")
	require.Equal(t, []any{"Shōgi", "", "x", "y", 300, false, true, false},
		[]any{g.Name, g.Description, g.Custom, g.Avatar, g.MaxUsers, g.MembersOnly, g.AllowInvites, g.InviteNeedConfirm})

	out, errs, code = groupctlIn(t, dir, "", line...)
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "group shogi is so already (version 4)\n", out)

	before := fileBytes(t, dir)
	out, errs, code = groupctl(t, dir, "update shogi --name Other --db groups.db --dry-run")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "would update group shogi\n", out)
	require.Equal(t, before, fileBytes(t, dir))
}

func TestAnnounce(t *testing.T) {
	t.Parallel()
	dir := world(t)
	for text, says := range map[string]string{"Meet at nine.": "set the announcement of shogi (version 4)\n", "": "cleared the announcement of night-watch (version 8)\n"} {
		group := map[bool]string{true: "night-watch", false: "shogi"}[text == ""]
		out, errs, code := groupctlIn(t, dir, "", "announce", group, text, "--db", "groups.db")
		require.Equal(t, exitOK, code, errs)
		require.Equal(t, says, out)
		inside(t, dir, func(ctx context.Context, a groupkit.Actor) {
			set, err := a.Announcement(ctx, groupkit.GroupID(group))
			require.NoError(t, err)
			require.Equal(t, text, set.Text)
		})
	}
}

// atQuestion runs groupctl on a terminal and types input when it asks, and not before. It returns all that the terminal got.
func atQuestion(t *testing.T, dir, input, line string) (screen string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := command(ctx, dir, []string{"TERM=xterm"}, strings.Fields(line)...)
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 100})
	require.NoError(t, err)
	defer f.Close()
	var out strings.Builder
	buf := make([]byte, 4096)
	for asked := false; ; {
		n, err := f.Read(buf)
		out.Write(buf[:n])
		if !asked && strings.HasSuffix(out.String(), "[y/N] ") {
			asked = true
			_, err := io.WriteString(f, input)
			require.NoError(t, err)
		}
		if err != nil {
			break // Linux ends the reading with an error when the other side is closed
		}
	}
	_ = cmd.Wait()
	return strings.ReplaceAll(out.String(), "\r\n", "\n"), cmd.ProcessState.ExitCode()
}

// TestQuestions answers on a terminal.
func TestQuestions(t *testing.T) {
	t.Parallel()
	const asks = "Delete group night-watch (Night Watch, 4 members) with its lists and files? [y/N] "
	for name, c := range map[string]struct {
		input, line, screen string
		code                int
		gone                bool
	}{
		"yes":          {"y\n", "delete night-watch", asks + "y\ndeleted group night-watch\n", 0, true},
		"no":           {"n\n", "delete night-watch", asks + "n\n\x1b[31mgroupctl:\x1b[0m nothing was changed\n", 4, false},
		"return":       {"\n", "delete night-watch", asks + "\n\x1b[31mgroupctl:\x1b[0m nothing was changed\n", 4, false},
		"end of input": {"\x04", "delete night-watch", "give --yes", 2, false},
		"interrupt":    {"\x03", "delete night-watch", "nothing was changed\n", 130, false},
		"refused":      {"", "delete nothing", "\x1b[31mgroupctl:\x1b[0m delete group: group \"nothing\": group not found\n\"groupctl ls\" lists the groups.\n", 3, false},
		"--yes":        {"", "delete night-watch --yes", "deleted group night-watch\n", 0, true},
		"--dry-run":    {"", "delete night-watch --dry-run", "would delete group night-watch\n", 0, false},
		"forget":       {"y\n", "forget dave erin", "Forget dave, erin in all groups? [y/N] y\nforgot dave\nforgot erin\n", 0, false},
		"forget owner": {"", "forget dave alice", "owns 1 group: \"night-watch\"\n", 4, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := world(t)
			before := fileBytes(t, dir)
			screen, code := atQuestion(t, dir, c.input, c.line+" --db groups.db")
			require.Equal(t, c.code, code, screen)
			require.Contains(t, screen, c.screen)
			if code != exitOK {
				require.Equal(t, before, fileBytes(t, dir))
			}
			inside(t, dir, func(ctx context.Context, a groupkit.Actor) {
				_, err := a.Group(ctx, "night-watch")
				require.Equal(t, c.gone, err != nil)
			})
		})
	}
}

func TestDelete_JSON(t *testing.T) {
	t.Parallel()
	dir := world(t)
	out, errs, code := groupctl(t, dir, "delete night-watch --yes --json --db groups.db --if-version 7")
	require.Equal(t, exitOK, code, errs)
	var g groupkit.Group
	require.NoError(t, json.Unmarshal([]byte(out), &g))
	require.Equal(t, "Night Watch", g.Name)
}

func TestForget(t *testing.T) {
	t.Parallel()
	dir := world(t)
	before := fileBytes(t, dir)
	out, errs, code := groupctl(t, dir, "forget alice dave --owned succeed --dry-run --db groups.db")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "would forget alice\nwould forget dave\n", out)
	require.Equal(t, before, fileBytes(t, dir))

	out, errs, code = groupctl(t, dir, "forget alice mallory --owned succeed --blocks --pseudonymize --yes --json --db groups.db")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "{\"user\":\"alice\",\"outcome\":\"done\"}\n{\"user\":\"mallory\",\"outcome\":\"done\"}\n", out)
	require.Equal(t, groupkit.UserID("bob"), groupOf(t, dir, "night-watch").Owner)
	require.Nil(t, standing(t, dir, "night-watch", "mallory").Block)
	inside(t, dir, func(ctx context.Context, a groupkit.Actor) {
		for e, err := range a.Events(ctx, "night-watch", 1) {
			require.NoError(t, err)
			require.NotEqual(t, groupkit.UserID("alice"), e.Actor)
		}
	})
	_, errs, code = groupctl(t, dir, "forget bob --owned delete --yes --db groups.db")
	require.Equal(t, exitOK, code, errs)
	inside(t, dir, func(ctx context.Context, a groupkit.Actor) {
		_, err := a.Group(ctx, "shogi")
		require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
	})
	_, errs, code = groupctl(t, dir, "forget bob --owned perhaps --yes --db groups.db")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "perhaps")
}

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := world(t)
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("plan.txt", "To the wall.")
	write("map.txt", "North")
	out, errs, code := groupctl(t, dir, "upload night-watch plan.txt map.txt --as dave --db groups.db")
	require.Equal(t, exitOK, code, errs)
	require.Regexp(t, `^uploaded plan\.txt to night-watch as [0-9a-f-]{36} \(12 B\)\nuploaded map\.txt to night-watch as [0-9a-f-]{36} \(5 B\)\n$`, out)
	before := fileBytes(t, dir)
	out, errs, code = groupctl(t, dir, "upload night-watch plan.txt --db groups.db --dry-run")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "would upload plan.txt to night-watch\n", out)
	require.Equal(t, before, fileBytes(t, dir))
	out, errs, code = groupctlIn(t, dir, "from a pipe", "upload", "night-watch", "-", "--as-name", "map.txt", "--db", "groups.db", "--json")
	require.Equal(t, exitOK, code, errs)
	var second groupkit.File
	require.NoError(t, json.Unmarshal([]byte(out), &second))

	out, errs, code = groupctl(t, dir, "download night-watch plan.txt - --as carol --db groups.db")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "To the wall.", out)
	_, errs, code = groupctl(t, dir, "download night-watch plan.txt --as zoe --db groups.db")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "not a member")
	write("plan.txt", "mine")
	_, errs, code = groupctl(t, dir, "download night-watch plan.txt --db groups.db")
	require.Equal(t, exitRefused, code)
	require.Equal(t, "groupctl: \"plan.txt\": file already exists\nGive another path, or --force to overwrite it.\n", errs)
	out, errs, code = groupctl(t, dir, "download night-watch plan.txt --force --db groups.db")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "downloaded plan.txt to plan.txt (12 B)\n", out)
	text, err := os.ReadFile(filepath.Join(dir, "plan.txt"))
	require.NoError(t, err)
	require.Equal(t, "To the wall.", string(text))

	_, errs, code = groupctl(t, dir, "download night-watch map.txt - --db groups.db")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, `has 2 files with the name "map.txt"; want the ID of one`)
	screen, code := atQuestion(t, dir, "y\n", "rm night-watch plan.txt "+string(second.ID)+" --db groups.db")
	require.Equal(t, exitOK, code)
	require.Equal(t, "Delete 2 files of group night-watch? [y/N] y\ndeleted plan.txt of night-watch\ndeleted map.txt of night-watch\n", screen)
	inside(t, dir, func(ctx context.Context, a groupkit.Actor) {
		files, err := a.FilesPage(ctx, "night-watch", groupkit.Page{})
		require.NoError(t, err)
		require.Len(t, files, 1)
		require.Equal(t, []any{"map.txt", groupkit.UserID("dave")}, []any{files[0].Name, files[0].Owner})
	})
	left, err := filepath.Glob(filepath.Join(dir, ".groupctl-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestChange_Held: a dry run reads what another process shares, and a change is refused.
func TestChange_Held(t *testing.T) {
	t.Parallel()
	dir := world(t)
	startServer(t, "--db", filepath.Join(dir, "groups.db"))
	out, errs, code := groupctl(t, dir, "add night-watch zoe --db groups.db --dry-run")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "would add zoe to night-watch\n", out)
	_, errs, code = groupctl(t, dir, "add night-watch zoe --db groups.db")
	require.Equal(t, exitHeld, code)
	require.Contains(t, errs, "\nStop that process")
}

func TestPeriod(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "7d": 168 * time.Hour, "2w": 336 * time.Hour,
		"106751d": 106751 * 24 * time.Hour, "forever": groupkit.Forever, "1ns": 1} {
		var p period
		require.NoError(t, p.Set(text), text)
		require.Equal(t, want, time.Duration(p), text)
		var again period
		require.NoError(t, again.Set(p.String()))
		require.Equal(t, p, again)
	}
	for _, text := range []string{"", "0", "0s", "-1s", "-1", "0d", "-2w", "106752d", "d", "1.5d", "15251w", "soon", "Forever"} {
		p := period(7)
		require.Error(t, p.Set(text), text)
		require.Equal(t, period(7), p)
	}
}
