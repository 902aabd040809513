package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// TestCompletion_Scripts gives each script to its shell, to check it.
func TestCompletion_Scripts(t *testing.T) {
	t.Parallel()
	for shell, check := range map[string][]string{"bash": {"bash", "-n"}, "zsh": {"zsh", "-n"}, "fish": {"fish", "--no-execute"}, "powershell": {"pwsh", "-NoProfile", "-Command", "-"}} {
		out, errs, code := groupctl(t, t.TempDir(), "completion "+shell)
		require.Equal(t, exitOK, code, errs)
		require.Contains(t, out, "__complete")
		if _, err := exec.LookPath(check[0]); err != nil {
			t.Logf("%s is not installed", check[0])
			continue
		}
		file := filepath.Join(t.TempDir(), "script")
		require.NoError(t, os.WriteFile(file, []byte(out), 0o600))
		cmd := exec.CommandContext(t.Context(), check[0], append(check[1:], file)...)
		text, err := cmd.CombinedOutput()
		require.NoError(t, err, string(text))
		require.Empty(t, string(text))
	}
	_, errs, code := groupctl(t, t.TempDir(), "completion tcsh")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, `"tcsh"`)
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	dir := world(t)
	const family = "5b3c2f6e-7d1f-4d52-9d7b-0f2b8d1c9a34"
	for line, want := range map[string]string{
		"mute|":                   family + "\tFamily 👨‍👩‍👧\nshogi\t将棋クラブ — the club for everyone who plays shogi, on Tuesdays and on Fridays after work\nnight-watch\tNight Watch\n:4\n",
		"mute|nig":                "night-watch\tNight Watch\n:4\n",
		"mute|night-watch|":       "alice\towner\nbob\tadmin\ncarol\tmember\ndave\tmember\n:4\n",
		"mute|night-watch|bob|c":  "carol\tmember\n:4\n",
		"mute|x|--for|":           "10m\n1h\n24h\n7d\nforever\n:4\n",
		"add|night-watch|":        ":4\n",
		"demote|night-watch|":     "bob\tadmin\n:4\n",
		"unmute|night-watch|":     "dave\tspam\n:4\n",
		"unblock|night-watch|":    "mallory\tinsults\n:4\n",
		"disallow|night-watch|":   "carol\n:4\n",
		"approve|shogi|":          "erin\n:4\n",
		"decline|shogi|e":         "erin\n:4\n",
		"cancel|" + family + "|":  "frank\n:4\n",
		"rm|night-watch|":         ":4\n",
		"delete|night-watch|":     ":4\n",
		"mute|night-watch|--as|b": "bob\tadmin\n:4\n",
		"forget|--owned|":         "refuse\nsucceed\ndelete\n:4\n",
		"upload|night-watch|":     ":0\n",
		"completion|":             "bash\nfish\npowershell\nzsh\n:4\n",
		"mute|nothing|":           ":4\n",
		"ann":                     "announce\tSet the announcement of a group\n:4\n",
	} {
		args := append([]string{"__complete", "--db", "groups.db"}, strings.Split(line, "|")...)
		out, errs, code := groupctlIn(t, dir, "", args...)
		require.Equal(t, exitOK, code, errs)
		require.Equal(t, want, out, line)
	}
}

// TestArgumentsOf has the forms that a Use can have.
func TestArgumentsOf(t *testing.T) {
	t.Parallel()
	for use, want := range map[string][]string{
		"ls": nil, "add GROUP USER...": {"GROUP", "USER..."}, "mute GROUP {USER... | --all}": {"GROUP", "USER..."},
		"create [GROUP]": {"GROUP"}, "roles GROUP [USER...]": {"GROUP", "USER..."}, "log {GROUP | --all}": {"GROUP"}, "import [PATH|-]": {"PATH|-"},
	} {
		require.Equal(t, want, argumentsOf(&cobra.Command{Use: use}), use)
	}
}

// TestCompletion_Paths: a file of the disk is none of a group.
func TestCompletion_Paths(t *testing.T) {
	t.Parallel()
	c := newCLI(nil, os.Stdout, os.Stderr, func(string) string { return "" }, time.Now)
	for use, want := range map[string]cobra.ShellCompDirective{"check FILE...": cobra.ShellCompDirectiveDefault, "check DIR": cobra.ShellCompDirectiveDefault, "check": cobra.ShellCompDirectiveNoFileComp} {
		cmd := &cobra.Command{Use: use, Run: func(*cobra.Command, []string) {}}
		c.complete(cmd)
		values, got := cmd.ValidArgsFunction(cmd, nil, "")
		require.Equal(t, want, got, use)
		require.Empty(t, values)
	}
}

// TestCompletion_NoDatabase: what does not answer completes nothing, at once.
func TestCompletion_NoDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "text.db"), []byte("no database"), 0o600))
	for _, db := range []string{"nothing.db", "text.db", ".", "postgres://192.0.2.1/none", "gopher://x"} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // far less than a connection waits
		cmd := exec.CommandContext(ctx, program, "__complete", "--db", db, "mute", "")
		cmd.Dir = dir
		out, err := cmd.Output()
		cancel()
		require.NoError(t, err, db)
		require.Equal(t, ":4\n", string(out), db)
	}
}
