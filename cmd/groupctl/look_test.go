package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// lookWorld is world with a group that has one of everything.
func lookWorld(t *testing.T) (dir string) {
	t.Helper()
	dir = world(t)
	at := now.Add(-10 * 24 * time.Hour)
	eng, err := groupkit.Open(filepath.Join(dir, "groups.db"), &groupkit.Options{Clock: func() time.Time { return at }})
	require.NoError(t, err)
	defer func() { require.NoError(t, eng.Close()) }()
	_, err = eng.System().Load(t.Context(), groupkit.Snapshot{
		Group: groupkit.Group{
			ID: "choir", Name: "Chœur 🎶", Description: "Sing.\n\n\tLouder.", Public: true, MembersOnly: true, MaxUsers: 2000, Owner: "alice", Muted: true,
			MemberCount: 3, AdminCount: 1, Created: at.Add(-time.Hour), LastModified: at, Version: 41,
		},
		Announcement: groupkit.Announcement{Text: "Tonight:\n- Bach\n- 武満徹\n", By: "bob", At: at.Add(-time.Minute)},
		Members: []groupkit.Member{
			{User: "alice", Role: groupkit.RoleOwner, Joined: at.Add(-time.Hour)}, {User: "bob", Role: groupkit.RoleAdmin, Joined: at.Add(-time.Hour), AdminSince: at.Add(-time.Minute)},
			{User: "ゆき", Role: groupkit.RoleMember, Joined: at.Add(-time.Minute)},
		},
		Mutes:     []groupkit.Mute{{User: "alfred", Until: now.Add(time.Hour), At: at}, {User: "bob", Until: lastEnd, By: "alice", At: at, Reason: "sings\nout of tune"}, {User: "zoe", Until: now.Add(time.Hour), At: at}},
		Blacklist: []groupkit.Block{{User: "mallory", By: "alice", At: at, Reason: strings.Repeat("noise ", 20)}, {User: "trudy", Until: now.Add(time.Hour), At: at}},
		AllowList: []groupkit.Allowed{{User: "ゆき", By: "bob", At: at, Reason: "solo"}},
		Requests:  []groupkit.Request{{User: "erin", At: at, Expires: now.Add(time.Hour), Reason: "I sing bass 🎵"}, {User: "dave", At: at}},
		Invitations: []groupkit.Invitation{
			{User: "frank", By: "alice", At: at, Expires: now.Add(48 * time.Hour)}, {User: "heidi", At: at, Reason: "a friend"},
		},
		Files: []groupkit.File{
			{ID: "0190163d-8694-739b-aea5-966c26f8ad91", Name: "Partitions — répétition générale du jeudi, version finale corrigée.pdf", Size: 1 << 20, Owner: "bob", Created: at.Add(-time.Minute)},
			{ID: "0190163d-8694-739b-aea5-966c26f8ad90", Name: "a.txt", Size: 3, Created: at.Add(-time.Hour)},
		},
	})
	require.NoError(t, err)
	return dir
}

// looks are the commands that only read, one of each kind.
var looks = map[string]string{
	"ls": "ls", "show": "show choir", "show-plain": "show night-watch", "members": "members choir", "roles": "roles choir", "roles-users": "roles choir bob mallory ゆき",
	"mutes": "mutes choir", "blacklist": "blacklist choir", "allow-list": "allow-list choir", "requests": "requests choir", "invitations": "invitations choir",
	"files": "files choir", "log": "log night-watch", "log-last": "log night-watch --limit 2", "log-all": "log --all", "user": "user bob",
	"user-blocked": "user mallory", "stats": "stats",
}

func TestLook(t *testing.T) {
	t.Parallel()
	dir := lookWorld(t)
	for name, line := range looks {
		if name == "ls" {
			continue // TestLs
		}
		t.Run(name, func(t *testing.T) {
			everywhere(t, dir, name, line+" --db groups.db")
		})
	}
	out, _, code := groupctl(t, dir, "user bob --export --db groups.db")
	require.Equal(t, exitOK, code)
	golden(t, "user-export", out)
}

// TestLook_ChangesNothing looks at a file that nobody may write, in a folder that nobody may write, while another reader has it
// open: who wants to write cannot open it then.
func TestLook_ChangesNothing(t *testing.T) {
	t.Parallel()
	dir := lookWorld(t)
	require.NoError(t, os.Chmod(filepath.Join(dir, "groups.db"), 0o400))
	require.NoError(t, os.Chmod(dir, 0o500))
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	reader, err := groupkit.Open(filepath.Join(dir, "groups.db"), &groupkit.Options{ReadOnly: true})
	require.NoError(t, err)
	defer reader.Close()
	before := everything(t, dir)
	for _, line := range looks {
		_, stderr, code := groupctl(t, dir, line+" --db groups.db")
		require.Equal(t, exitOK, code, "%s: %s", line, stderr)
		require.Empty(t, stderr, line)
		require.Equal(t, before, everything(t, dir), line)
	}
}

// everything returns the names, times, permissions and contents of all that is in a folder.
func everything(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String() + info.ModTime().String()
		if d.Type().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += string(content)
		}
		all[path] = text
		return nil
	}))
	return all
}

func TestLook_Empty(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	eng, err := groupkit.Open(filepath.Join(dir, "groups.db"), nil)
	require.NoError(t, err)
	require.NoError(t, eng.Close())
	for _, line := range []string{"ls", "log --all", "ls --json", "log --all --json"} {
		stdout, stderr, code := groupctl(t, dir, line+" --db groups.db")
		require.Equal(t, exitOK, code, stderr)
		require.Empty(t, stdout+stderr)
	}
	stdout, _, code := groupctl(t, dir, "stats --db groups.db")
	require.Equal(t, exitOK, code)
	require.Contains(t, stdout, "Groups:      0, 0 of them public\n")
}

func TestLook_NotFound(t *testing.T) {
	t.Parallel()
	dir := lookWorld(t)
	for _, command := range []string{"show", "members", "roles", "mutes", "blacklist", "allow-list", "requests", "invitations", "files", "log", "log --follow"} {
		for given, want := range map[string]string{
			"nobody":      `"groupctl ls" lists the groups.`,
			"Night-Watch": "Did you mean night-watch (Night Watch)?", "night": "Did you mean night-watch (Night Watch)?",
			"5b3c": "Did you mean 5b3c2f6e-7d1f-4d52-9d7b-0f2b8d1c9a34 (Family 👨‍👩‍👧)?",
		} {
			stdout, stderr, code := groupctl(t, dir, command+" "+given+" --db groups.db")
			require.Equal(t, exitNotFound, code, "%s: %s", command, stderr)
			require.Empty(t, stdout)
			require.Contains(t, stderr, "groupctl: ")
			require.Contains(t, stderr, given)
			require.Contains(t, stderr, "\n"+want+"\n")
		}
	}
	stdout, stderr, code := groupctlIn(t, dir, "", "show", "Night Watch", "--db", "groups.db")
	require.Equal(t, exitNotFound, code)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "Did you mean night-watch (Night Watch)?")
	for _, flag := range []string{"", " --json", " --export"} {
		stdout, stderr, code := groupctl(t, dir, "user nobody --db groups.db"+flag)
		require.Equal(t, exitNotFound, code)
		require.Empty(t, stdout)
		require.Equal(t, "groupctl: nothing is stored about user \"nobody\"\n", stderr)
	}
}

func TestLook_Usage(t *testing.T) {
	t.Parallel()
	dir := world(t)
	for line, want := range map[string]string{
		"log":                           "want a group, or --all",
		"log night-watch --all":         "want a group, or --all",
		"log night-watch --from x":      `--from "x": want a version of the group, such as 12`,
		"log night-watch --from -1":     `--from "-1": want a version`,
		"log --all --from 12":           `--from "12": want a position`,
		"log night-watch --limit -1":    "--limit -1: want 0 or more",
		"stats --watch --interval 1ms":  "--interval 1ms: want 100ms or more",
		"show":                          "accepts 1 arg(s), received 0",
		"roles":                         "requires at least 1 arg(s), only received 0",
		"show a b":                      "accepts 1 arg(s), received 2",
		"members night-watch --nothing": "unknown flag: --nothing",
		"stats --watch --interval soon": `invalid argument "soon"`,
		"log night-watch --limit 1e99":  `invalid argument "1e99"`,
	} {
		stdout, stderr, code := groupctl(t, dir, line+" --db groups.db")
		require.Equal(t, exitUsage, code, "%s: %s", line, stderr)
		require.Empty(t, stdout, line)
		require.Contains(t, stderr, want)
		require.Contains(t, stderr, `--help" shows how.`)
	}
	_, stderr, code := groupctl(t, dir, "stats --watch --db groups.db")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, `no process shares the database "groups.db", so there is nothing to watch`)
}
