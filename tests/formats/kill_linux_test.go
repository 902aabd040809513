package formats_test

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store"
)

func init() { childTasks["full"] = copyOnFullDisk }

// copyOnFullDisk finds no space for more than the size.
func copyOnFullDisk(path string, size int) {
	signal.Ignore(syscall.SIGXFSZ)
	limitFiles(size)
	if err := open(path, nil); !errors.Is(err, store.ErrNoSpace) || !errors.Is(err, groupkit.ErrStorage) {
		must(errors.Join(errors.New("there is space"), err))
	}
}

func limitFiles(size int) {
	var limit syscall.Rlimit
	must(syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit))
	limit.Cur = uint64(size)
	must(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
}

// TestFormat1_Copy_NoSpace has no space for the copy: nothing is left of it, and the file is
// what it was.
func TestFormat1_Copy_NoSpace(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 4096, 1 << 17} {
		path := unpack(t, "format1.tar.gz")
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, child(t, "full", path, size))
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, before, after)
		requireNames(t, path, database, database+".files")
	}
}
