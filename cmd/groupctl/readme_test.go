package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReadme pastes the commands of the README into a shell.
func TestReadme(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, story, ok := strings.Cut(string(readme), "## Serve it over HTTP\n")
	require.True(t, ok)
	blocks := strings.Split(story, "```")
	require.Greater(t, len(blocks), 6)
	require.Equal(t, "sh\ngo run ./cmd/groupctl serve\n", blocks[1])
	commands, ok := strings.CutPrefix(blocks[5], "sh\n")
	require.True(t, ok)
	require.Equal(t, 4, strings.Count(commands, "curl"))

	p := startServer(t)
	shell := exec.CommandContext(t.Context(), "sh", "-e", "-u")
	shell.Stdin = strings.NewReader(commands)
	for _, name := range []string{"BASE", "CLIENT_ID", "CLIENT_SECRET"} {
		require.Contains(t, story, name+"=")
		shell.Env = append(shell.Env, name+"="+p.vars[name])
	}
	shell.Env = append(shell.Env, "PATH="+os.Getenv("PATH"))
	answers, err := shell.Output()
	require.NoError(t, err)
	require.Contains(t, string(answers), `"username":"alice"`)
	require.Contains(t, string(answers), `"groupname":"Night Watch"`)
	require.NotContains(t, string(answers), `"error"`)
}
