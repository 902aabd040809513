//go:build linux

package boltstore_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/boltstore"
)

func init() {
	children["nospace"], children["nowrite"], children["nofile"] = fillUp, openFull, openNewFull
	children["hold"] = hold
}

// fillUp writes until the system allows no larger file, and continues when it does again.
func fillUp(path string) {
	signal.Ignore(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	must(syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit))
	s, err := boltstore.Open(path, nil)
	must(err)
	low := limit
	low.Cur = 20 << 20
	must(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &low))
	n := 0
	write := func() error {
		return s.Update(ctx, func(w store.Writer) error { return w.Put(fmt.Appendf(nil, "%06d", n), make([]byte, 1<<18)) })
	}
	for ; err == nil; n++ {
		err = write()
	}
	n--
	if !errors.Is(err, store.ErrNoSpace) || errors.Is(err, store.ErrCommitUnknown) {
		panic(fmt.Sprintf("after %d: %v", n, err))
	}
	must(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	must(write())
	must(s.Close())
	fmt.Println(n + 1)
}

// openFull opens a file in which only the first page can be written. It prints the number
// of keys.
func openFull(path string) {
	signal.Ignore(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	must(syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit))
	limit.Cur = 4096
	must(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	s, err := boltstore.Open(path, nil)
	must(err)
	must(s.View(ctx, func(r store.Reader) error {
		page, _, err := r.Scan(store.Range{})
		fmt.Println(len(page))
		return err
	}))
	must(s.Close())
}

// openNewFull opens a new file that cannot become larger than a number of bytes, for each
// number, and again when it can.
func openNewFull(path string) {
	signal.Ignore(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	must(syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit))
	for most := uint64(0); most <= 32<<10; most += 1024 {
		low := limit
		low.Cur = most
		must(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &low))
		s, err := boltstore.Open(path, nil)
		if err == nil {
			must(s.Close())
		} else if !errors.Is(err, store.ErrNoSpace) {
			panic(fmt.Sprintf("%d bytes: %v", most, err))
		}
		must(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
		full := err != nil
		s, err = boltstore.Open(path, nil)
		must(err)
		must(s.Update(ctx, func(w store.Writer) error { return w.Put([]byte("a"), nil) }))
		must(s.Close())
		must(os.Remove(path))
		fmt.Print(full, " ")
	}
}

func TestStore_noSpace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	cmd := child("nospace", path)
	out, err := cmd.Output()
	require.NoError(t, err)
	s := openAt(t, path, nil)
	require.Equal(t, fmt.Sprintln(count(t, s)), string(out))
	require.NotEqual(t, "1\n", string(out))
}

// TestOpen_noSpace opens a file without a list of free pages when there is no space to
// write the list.
func TestOpen_noSpace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	before := crashed(t)
	require.NoError(t, os.WriteFile(path, before, 0o600))
	out, err := child("nowrite", path).Output()
	require.NoError(t, err)
	require.True(t, bytes.Equal(before, content(t, path)), "the file has been changed")
	require.Equal(t, fmt.Sprintln(count(t, openAt(t, path, nil))), string(out))
}

// TestOpen_newNoSpace opens a new file on a full device.
func TestOpen_newNoSpace(t *testing.T) {
	out, err := child("nofile", filepath.Join(t.TempDir(), "test.db")).Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "true", "it was full")
}

func TestOpen_lockedFirst(t *testing.T) {
	// A file that another process is writing can contain anything.
	path := filepath.Join(t.TempDir(), "test.db")
	f, err := os.Create(path)
	require.NoError(t, err)
	_, err = f.WriteString("half a page")
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
	_, err = boltstore.Open(path, &boltstore.Options{LockTimeout: -1})
	requireRefusal(t, err, store.ErrLocked, path)
	require.NoError(t, f.Close())
	_, err = boltstore.Open(path, nil)
	requireRefusal(t, err, store.ErrCorrupt, path)
}

// hold keeps the file open until its input ends.
func hold(path string) {
	s, err := boltstore.Open(path, nil)
	must(err)
	fmt.Println("open")
	_, _ = io.Copy(io.Discard, os.Stdin)
	must(s.Close())
}

// TestOpen_namesTheHolder asks who has the file that is locked.
func TestOpen_namesTheHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	s := openAt(t, path, nil)
	_, err := boltstore.Open(path, &boltstore.Options{LockTimeout: -1})
	requireRefusal(t, err, store.ErrLocked, path)
	require.ErrorContains(t, err, "this process has it, waited 0s")
	require.NoError(t, s.Close())

	holder := child("hold", path)
	in, err := holder.StdinPipe()
	require.NoError(t, err)
	out, err := holder.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, holder.Start())
	t.Cleanup(func() { _ = holder.Process.Kill() })
	_, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", holder.Process.Pid))
	require.NoError(t, err)
	want := fmt.Sprintf("process %d (%s) has it, waited 0s", holder.Process.Pid, bytes.TrimSpace(name))

	_, err = boltstore.Open(path, &boltstore.Options{LockTimeout: -1})
	requireRefusal(t, err, store.ErrLocked, path)
	require.ErrorContains(t, err, want)
	_, err = boltstore.Compact(path)
	requireRefusal(t, err, store.ErrLocked, path)
	require.ErrorContains(t, err, fmt.Sprintf("process %d ", holder.Process.Pid))

	require.NoError(t, in.Close())
	require.NoError(t, holder.Wait())
	openAt(t, path, nil)
}
