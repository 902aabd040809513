package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

func TestMan(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, errs, code := groupctl(t, dir, "man a/b")
	require.Equal(t, exitOK, code, errs)
	require.Empty(t, out+errs)
	_, _, code = groupctl(t, dir, "man again")
	require.Equal(t, exitOK, code)

	pages := make(map[string]bool)
	eachCommand(t, func(_ *testing.T, cmd *cobra.Command) { pages[pageName(cmd)+".1"] = true })
	files, err := os.ReadDir(filepath.Join(dir, "a", "b"))
	require.NoError(t, err)
	require.Len(t, files, len(pages))
	for _, f := range files {
		require.True(t, pages[f.Name()], f.Name())
		page, err := os.ReadFile(filepath.Join(dir, "a", "b", f.Name()))
		require.NoError(t, err)
		again, err := os.ReadFile(filepath.Join(dir, "again", f.Name()))
		require.NoError(t, err)
		require.Equal(t, string(page), string(again))
	}
	mute, err := os.ReadFile(filepath.Join(dir, "a", "b", "groupctl-mute.1"))
	require.NoError(t, err)
	golden(t, "man.mute", string(mute))
	lintPages(t, filepath.Join(dir, "a", "b"), files)

	_, errs, code = groupctl(t, dir, "man a/b/groupctl.1")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "groupctl.1")
}

// lintPages lets groff read the pages with all its warnings.
func lintPages(t *testing.T, dir string, files []os.DirEntry) {
	t.Helper()
	if _, err := exec.LookPath("groff"); err != nil {
		t.Log("groff is not installed")
		return
	}
	for _, f := range files {
		out, err := exec.CommandContext(t.Context(), "groff", "-man", "-ww", "-z", "-Tutf8", filepath.Join(dir, f.Name())).CombinedOutput()
		require.NoError(t, err, string(out))
		require.Empty(t, string(out), f.Name())
	}
}

// TestPage: no text of the help is a command of roff.
func TestPage(t *testing.T) {
	t.Parallel()
	p := new(page)
	p.prose("'quoted'\n.de x\nback\\slash \"--flag\"…\n\n  .verbatim\n'it")
	require.Equal(t, `\&'quoted'
\&.de x
back\eslash \(dq\-\-flag\(dq...
.PP
.nf
  .verbatim
\&'it
.fi
`, p.String())
}
