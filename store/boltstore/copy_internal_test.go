//go:build unix

package boltstore

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
)

// A halfBackup writes a half, and panics: as after a kill, nothing is cleaned up.
type halfBackup struct{}

func (halfBackup) Backup(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "the first half")
	panic(err)
}

type wholeBackup string

func (b wholeBackup) Backup(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, string(b))
	return err
}

// TestWriteCopy_CutOff checks that half a copy never has the name of a copy, and that the next
// copy takes its place.
func TestWriteCopy_CutOff(t *testing.T) {
	t.Parallel()
	to := filepath.Join(t.TempDir(), "groups.db.format1")
	require.Panics(t, func() { _ = writeCopy(t.Context(), halfBackup{}, to) })
	require.NoFileExists(t, to)
	require.FileExists(t, to+".part")
	require.NoError(t, writeCopy(t.Context(), wholeBackup("new"), to))
	content, err := os.ReadFile(to)
	require.NoError(t, err)
	require.Equal(t, "new", string(content))
	require.NoFileExists(t, to+".part")
}

// A failingBackup fails as a system does whose disk is full.
type failingBackup struct{}

func (failingBackup) Backup(context.Context, io.Writer) error {
	return &os.PathError{Op: "sync", Path: "copy", Err: syscall.ENOSPC}
}

func TestWriteCopy_NoSpace(t *testing.T) {
	t.Parallel()
	to := filepath.Join(t.TempDir(), "groups.db.format1")
	require.ErrorIs(t, writeCopy(t.Context(), failingBackup{}, to), store.ErrNoSpace)
	require.NoFileExists(t, to)
	require.NoFileExists(t, to+".part")
}
