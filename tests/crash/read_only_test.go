//go:build unix

package crash_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// readOnlyChild is the variable with the path of the file that a child opens.
const readOnlyChild = "CRASH_TEST_READ_ONLY"

// nobody is a user who may write to nothing of a test.
const nobody = 65534

// TestReadOnly_Child opens the file of the variable, reads everything, says so, and waits for the end of its input.
func TestReadOnly_Child(t *testing.T) {
	path := os.Getenv(readOnlyChild)
	if path == "" {
		t.Skip("is run by TestOpen_ReadOnly")
	}
	fmt.Println(readAll(path, func() {
		fmt.Println("open")
		_, _ = io.Copy(io.Discard, os.Stdin)
	}))
}

// readAll opens the file read-only and reads all that there is, calls then, and closes.
func readAll(path string, then func()) error {
	ctx := context.Background()
	eng, err := groupkit.Open(path, &groupkit.Options{ReadOnly: true, Durability: groupkit.SyncInterval})
	if err != nil {
		return err
	}
	report, err := eng.Verify(ctx, groupkit.VerifyOptions{})
	if err == nil && !report.Sound() {
		err = fmt.Errorf("%v", report.Violations)
	}
	if err == nil {
		err = eng.System().Export(ctx, io.Discard, groupkit.ExportOptions{Contents: true})
	}
	if err == nil {
		_, err = eng.Backup(ctx, io.Discard)
	}
	if err == nil {
		_, err = eng.Copy(ctx, memstore.New(), memblob.New(), groupkit.CopyOptions{})
	}
	if err == nil {
		err = eng.As("alice").MaySpeak(ctx, "g")
	}
	if err == nil {
		then()
	}
	if closing := eng.Close(); err == nil {
		err = closing
	}
	return err
}

// newReadOnlyFile makes a database with a shared file. What a crash leaves is beside it: a temporary file that
// is a day old, and a free list that is missing.
func newReadOnlyFile(t *testing.T) (path string) {
	dir := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.Mkdir(dir, 0o755))
	path = filepath.Join(dir, "groups.db")
	eng, err := groupkit.Open(path, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, eng.Close()) }()
	require.NoError(t, grouptest.ErrorOf(eng.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "g", Name: "x", Owner: "alice"})))
	require.NoError(t, grouptest.ErrorOf(eng.System().UploadFile(t.Context(), "g", "map.txt", strings.NewReader("here be dragons"))))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	crashed := filepath.Join(dir, "crashed.db")
	require.NoError(t, os.WriteFile(crashed, content, 0o600))
	require.NoError(t, os.CopyFS(crashed+".files", os.DirFS(path+".files")))
	left := filepath.Join(crashed+".files", "tmp", "put-x")
	require.NoError(t, os.MkdirAll(filepath.Dir(left), 0o700))
	require.NoError(t, os.WriteFile(left, []byte("half a fi"), 0o600))
	long := time.Now().Add(-25 * time.Hour)
	require.NoError(t, os.Chtimes(left, long, long))
	return crashed
}

// forbid takes the permission to write from all that is in a folder, and gives everybody that to read.
func forbid(t *testing.T, dir string) {
	set := func(fileMode, dirMode fs.FileMode) {
		require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if e.IsDir() {
				return os.Chmod(path, dirMode)
			}
			return os.Chmod(path, fileMode)
		}))
	}
	set(0o444, 0o555)
	t.Cleanup(func() { set(0o600, 0o700) })
}

// look returns all files of a folder, with their contents and times.
func look(t *testing.T, dir string) map[string]string {
	all := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := e.Info()
		require.NoError(t, err)
		all[path] = fmt.Sprint(info.Mode(), info.ModTime())
		if !e.IsDir() {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			all[path] += string(content)
		}
		return nil
	}))
	return all
}

// An engine that only reads leaves the file and the folder as they are, byte for byte.
func TestOpen_ReadOnly(t *testing.T) {
	t.Parallel()
	path := newReadOnlyFile(t)
	dir := filepath.Dir(path)
	before := look(t, dir)
	require.NoError(t, readAll(path, func() {}))
	require.Equal(t, before, look(t, dir))

	_, err := groupkit.Open(filepath.Join(dir, "none.db"), &groupkit.Options{ReadOnly: true})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, err, groupkit.ErrStorage)
	require.Equal(t, before, look(t, dir))
}

// Data of an older format stays as it is, without a copy.
func TestOpen_ReadOnly_Older(t *testing.T) {
	t.Parallel()
	path := newReadOnlyFile(t)
	s, err := boltstore.Open(path, nil)
	require.NoError(t, err)
	grouptest.ToFormat1(t, s, fileblob.New(path+".files"))
	require.NoError(t, s.Close())
	before := look(t, filepath.Dir(path))
	_, err = groupkit.Open(path, &groupkit.Options{ReadOnly: true})
	require.ErrorIs(t, err, store.ErrOlder)
	require.ErrorContains(t, err, "open it once without ReadOnly")
	require.Equal(t, before, look(t, filepath.Dir(path)))
}

// Several processes read at once, without any permission to write, and nobody can write meanwhile.
func TestOpen_ReadOnly_Processes(t *testing.T) {
	t.Parallel()
	path := newReadOnlyFile(t)
	dir := filepath.Dir(path)
	forbid(t, dir)
	before := look(t, dir)
	one, two := newReader(t, path), newReader(t, path)
	require.Equal(t, "open", one.line(t))
	require.Equal(t, "open", two.line(t))
	require.NoError(t, readAll(path, func() {}), "a third process")
	_, err := groupkit.Open(path, nil)
	require.ErrorIs(t, err, groupkit.ErrStorage)
	if os.Geteuid() == 0 { // whom permissions do not bind
		require.ErrorIs(t, err, store.ErrLocked)
	}
	require.Equal(t, "<nil>", one.end(t))
	require.Equal(t, "<nil>", two.end(t))
	require.Equal(t, before, look(t, dir))
}

// A reader is a process that has the file open.
type reader struct {
	cmd *exec.Cmd
	in  io.Closer
	out *bufio.Reader
	err bytes.Buffer
}

// newReader starts a process. Where permissions do not bind this one, it is another user's.
func newReader(t *testing.T, path string) *reader {
	binary := os.Args[0]
	r := &reader{}
	var as *syscall.SysProcAttr
	if os.Geteuid() == 0 {
		as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		content, err := os.ReadFile(binary)
		require.NoError(t, err)
		dir := t.TempDir() // others may not read that of the binary
		binary = filepath.Join(dir, "test")
		require.NoError(t, os.WriteFile(binary, content, 0o755))
		for _, of := range []string{dir, path} {
			for up := filepath.Dir(of); up != filepath.Clean(os.TempDir()) && up != "/"; up = filepath.Dir(up) {
				require.NoError(t, os.Chmod(up, 0o555))
			}
		}
	}
	r.cmd = exec.Command(binary, "-test.run=^TestReadOnly_Child$")
	r.cmd.Env, r.cmd.SysProcAttr, r.cmd.Stderr = append(os.Environ(), readOnlyChild+"="+path), as, &r.err
	r.cmd.Dir = "/"
	in, err := r.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := r.cmd.StdoutPipe()
	require.NoError(t, err)
	r.in, r.out = in, bufio.NewReader(out)
	require.NoError(t, r.cmd.Start())
	t.Cleanup(func() {
		_ = r.in.Close()
		_ = r.cmd.Wait()
	})
	return r
}

func (r *reader) line(t *testing.T) string {
	line, err := r.out.ReadString('\n')
	require.NoError(t, err, "%s", &r.err)
	return strings.TrimSpace(line)
}

func (r *reader) end(t *testing.T) string {
	require.NoError(t, r.in.Close())
	return r.line(t)
}
