//go:build !js && !wasip1 && !plan9

package groupkit_test

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

// openedAt opens a file, with a group in it if it is new.
func openedAt(t *testing.T, path string) *groupkit.Engine {
	t.Helper()
	eng, err := groupkit.Open(path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	if _, err := eng.System().Group(t.Context(), "guild"); err != nil {
		_, err := eng.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "guild", Name: "Night Watch", Owner: "alice"})
		require.NoError(t, err)
	}
	return eng
}

func upload(t *testing.T, eng *groupkit.Engine, content string) groupkit.FileID {
	t.Helper()
	f, err := eng.As("alice").UploadFile(t.Context(), "guild", "chart.txt", strings.NewReader(content))
	require.NoError(t, err)
	return f.ID
}

func requireUploaded(t *testing.T, eng *groupkit.Engine, files map[groupkit.FileID]string) {
	t.Helper()
	for id, want := range files {
		_, r, err := eng.As("alice").OpenFile(t.Context(), "guild", id)
		require.NoError(t, err)
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.Equal(t, want, string(got))
	}
	grouptest.RequireVerified(t, eng)
}

// A relative path leads to the same place after the working directory has changed.
func TestOpen_ChangedDirectory(t *testing.T) {
	home := t.TempDir()
	t.Chdir(home)
	eng := openedAt(t, "guilds.db")
	files := map[groupkit.FileID]string{upload(t, eng, "before"): "before"}
	t.Chdir(t.TempDir())
	requireUploaded(t, eng, files)
	files[upload(t, eng, "after")] = "after"
	requireUploaded(t, eng, files)
	require.NoError(t, eng.Close())
	left, err := os.ReadDir(".")
	require.NoError(t, err)
	require.Empty(t, left, "nothing was written into the other directory")
	requireUploaded(t, openedAt(t, filepath.Join(home, "guilds.db")), files)
}

// The contents lie beside the file, also where the path is a link to it.
func TestOpen_Link(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("making links needs a privilege there")
	}
	real, links := filepath.Join(t.TempDir(), "guilds.db"), t.TempDir()
	link := filepath.Join(links, "link.db")
	require.NoError(t, os.Symlink(real, link))
	eng := openedAt(t, link) // makes the file that the link leads to
	files := map[groupkit.FileID]string{upload(t, eng, "through the link"): "through the link"}
	require.NoError(t, eng.Close())
	require.FileExists(t, real)
	require.DirExists(t, real+".files")
	require.NoDirExists(t, link+".files")
	eng = openedAt(t, real)
	requireUploaded(t, eng, files)
	files[upload(t, eng, "directly")] = "directly"
	require.NoError(t, eng.Close())
	requireUploaded(t, openedAt(t, link), files)
}

func TestOpen_Folder(t *testing.T) {
	dir := t.TempDir()
	_, err := groupkit.Open(dir, nil)
	require.ErrorIs(t, err, groupkit.ErrCorrupt)
	require.ErrorContains(t, err, dir)
	require.ErrorContains(t, err, "it is a folder, not a file")
}
