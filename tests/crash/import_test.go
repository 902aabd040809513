//go:build unix

package crash_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A child process imports an export into a file that has a group already, and dies. Each group is there as a whole
// or not at all, and an import that is run again completes the rest: the export of the file is the same, byte for byte.

const importedFile = "import.jsonl"

var importedGroups = []groupkit.GroupID{"first", "wide", "last"}

// exported returns an export of three groups: small ones, and one that is stored in several steps.
func exported(t *testing.T) []byte {
	s := &grouptest.Stack{Store: memstore.New(), Blobs: memblob.New(), Clock: grouptest.NewClockAt(grouptest.Dawn)}
	opts := grouptest.LargeGroupOptions()
	opts.Limits.JoinedGroups = 5
	s.Open(t, opts, s.Store, s.Blobs)
	system := s.System()
	for i, id := range importedGroups {
		_, err := system.CreateGroup(t.Context(), groupkit.NewGroup{ID: id, Name: "Imported", Owner: "m-00001", Public: i == 0, MaxUsers: 2000})
		require.NoError(t, err)
		require.NoError(t, grouptest.ErrorOf(system.AddMembers(t.Context(), id, grouptest.Users("i", grouptest.Either(id == "wide", 900, 3)))))
		require.NoError(t, grouptest.ErrorOf(system.BlockUsers(t.Context(), id, time.Hour, grouptest.IDs{"blocked"})))
		require.NoError(t, grouptest.ErrorOf(system.Because("asked").Invite(t.Context(), id, "invited")))
		for n := range 2 {
			content := strings.Repeat(fmt.Sprint(id, n), 1<<(10*n))
			require.NoError(t, grouptest.ErrorOf(system.UploadFile(t.Context(), id, "file", strings.NewReader(content))))
		}
	}
	return exportOf(t, s)
}

func exportOf(t require.TestingT, s *grouptest.Stack) []byte {
	var out bytes.Buffer
	require.NoError(t, s.System().Export(context.Background(), &out, groupkit.ExportOptions{Groups: importedGroups, Contents: true}))
	return out.Bytes()
}

func importFrom(ctx context.Context, s *grouptest.Stack, dir string) error {
	file, err := os.Open(filepath.Join(dir, importedFile))
	if err != nil {
		return err
	}
	defer file.Close()
	return grouptest.ErrorOf(s.System().Import(ctx, file, groupkit.ImportOptions{Existing: true}))
}

// importFolder returns a folder with the file that every child starts with, and with the export.
func importFolder(t *testing.T) (dir string, export []byte) {
	dir, export = largeGroupOnDisk(t), exported(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, importedFile), export, 0o600))
	return dir, export
}

// requireImported looks at what a child has left, and imports the rest. It returns the number of groups that the
// child had made.
func requireImported(t *testing.T, s *grouptest.Stack, dir string, export []byte) (made int) {
	lines := strings.SplitAfter(string(export), "\n")
	for i, id := range importedGroups {
		var out bytes.Buffer
		if s.System().Export(t.Context(), &out, groupkit.ExportOptions{Groups: importedGroups[i : i+1]}) != nil {
			require.ErrorIs(t, grouptest.ErrorOf(s.System().Group(t.Context(), id)), groupkit.ErrGroupNotFound)
			continue
		}
		require.Equal(t, i, made, "the groups before are there")
		made++
		for line := range strings.Lines(out.String()) { // but for contents, which come after the group
			if strings.HasPrefix(line, `{"event"`) {
				require.Contains(t, lines, line)
			}
		}
	}
	require.NoError(t, importFrom(t.Context(), s, dir))
	require.Equal(t, string(export), string(exportOf(t, s)))
	return made
}

// TestCrash_Import crashes before each commit and within each content.
func TestCrash_Import(t *testing.T) {
	t.Parallel()
	from, export := importFolder(t)
	made := map[int]bool{}
	crashFrom(t, from, "import", 20, func(t *testing.T, s *grouptest.Stack) {
		made[requireImported(t, s, from, export)] = true
	})
	require.Len(t, made, 1+len(importedGroups))
}

// TestKill_Import kills at any moment, also in the midst of a commit.
func TestKill_Import(t *testing.T) {
	t.Parallel()
	from, export := importFolder(t)
	dice := rand.New(rand.NewPCG(newSeed(t), 0))
	whole, finished := runToEnd(t, "import", from, time.Minute)
	require.True(t, finished)
	died := 0
	for range 4 * *kills {
		dir, killed := killedChild(t, "import", from, time.Duration(dice.Int64N(int64(whole))))
		if killed {
			died++
		}
		s := onDisk(dir, nil)
		grouptest.Eventually(t, func() bool { return settled(t, s) })
		requireImported(t, s, dir, export)
		s.RequireVerified(t)
		require.NoError(t, s.Close())
	}
	require.NotZero(t, died, "every child has ended before it was killed")
}
