//go:build amd64 || arm64

package powercut_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// unpackFormat1 fills a folder with the database of format 1.
func unpackFormat1(t *testing.T, dir string) {
	packed, err := os.Open("../formats/testdata/format1.tar.gz")
	require.NoError(t, err)
	defer func() { require.NoError(t, packed.Close()) }()
	zip, err := gzip.NewReader(packed)
	require.NoError(t, err)
	for archive := tar.NewReader(zip); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		content, err := io.ReadAll(archive)
		require.NoError(t, err)
		path := filepath.Join(dir, filepath.FromSlash(header.Name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, content, 0o600))
	}
}

// requireTracing skips the test where a process may not trace its children.
func requireTracing(t *testing.T) {
	nothing := tracer{dir: t.TempDir(), record: func(operation) {}}
	if err := nothing.run(os.Environ(), os.Args[0], "-test.run=^$"); err != nil {
		t.Skipf("this machine does not let a process trace its children: %v", err)
	}
}
