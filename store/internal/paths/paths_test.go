package paths_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store/internal/paths"
)

func TestResolve(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("making links needs a privilege there")
	}
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	at := func(names ...string) string { return filepath.Join(append([]string{root}, names...)...) }
	require.NoError(t, os.MkdirAll(at("real", "deep"), 0o700))
	require.NoError(t, os.WriteFile(at("real", "file"), nil, 0o600))
	for link, target := range map[string]string{
		"folder": "real", "file": filepath.Join("real", "file"), "chain": "file", "absolute": at("real", "file"),
		"dangling": filepath.Join("real", "new"), "chain2": "dangling", "loop": "loop",
	} {
		require.NoError(t, os.Symlink(target, at(link)))
	}
	t.Chdir(root)
	for path, want := range map[string]string{
		"real/file": at("real", "file"), "./real/../real/file": at("real", "file"), at("real", "file"): at("real", "file"),
		"folder/file": at("real", "file"), "file": at("real", "file"), "chain": at("real", "file"), "absolute": at("real", "file"),
		"folder/new": at("real", "new"), "dangling": at("real", "new"), "chain2": at("real", "new"),
		"folder/deep/new/newer": at("real", "deep", "new", "newer"), "nothing": at("nothing"), "": root, "/": "/",
	} {
		got, err := paths.Resolve(path)
		require.NoError(t, err, path)
		require.Equal(t, want, got, path)
	}
	_, err = paths.Resolve("loop")
	require.Error(t, err)
	_, err = paths.Resolve("real/file/below")
	require.Error(t, err, "a file is no folder")
}
