//go:build unix

package groupkit_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/key"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
)

// The tests of this file let a child process do something over a real file and die of
// SIGKILL at its first step, at its second, and so on, until it lives through all of
// them. After each death the parent opens the file and looks.

// A life counts the steps of a process, and ends at the last.
type life struct{ left atomic.Int64 }

func (l *life) step() {
	if l.left.Add(-1) == 0 {
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {} // dead
	}
}

// A mortal store makes a step before every Update. To die after one is to die before the
// next: nothing reaches the disk in between.
type mortal struct {
	store.Store
	life *life
}

func (s mortal) Exclusive() bool { return store.Exclusive(s.Store) }

func (s mortal) Update(ctx context.Context, fn func(store.Writer) error) error {
	s.life.step()
	return s.Store.Update(ctx, fn)
}

// mortalBlobs make a step before and during every change.
type mortalBlobs struct {
	store.Blobs
	life *life
}

func (b mortalBlobs) Put(ctx context.Context, id string, r io.Reader) error {
	b.life.step()
	return b.Blobs.Put(ctx, id, readerFunc(func(p []byte) (int, error) {
		b.life.step()
		return r.Read(p)
	}))
}

func (b mortalBlobs) Delete(ctx context.Context, id string) error {
	b.life.step()
	return b.Blobs.Delete(ctx, id)
}

// The environment tells a child what it is to do, where, and how many steps it lives.
const (
	crashStory = "GROUPKIT_CRASH_STORY"
	crashDir   = "GROUPKIT_CRASH_DIR"
	crashSteps = "GROUPKIT_CRASH_STEPS"
)

// crashStories are what a child does; it is mortal from begin on.
var crashStories = map[string]func(ctx context.Context, s *site, begin func()) error{
	"delete": func(ctx context.Context, s *site, begin func()) error {
		begin()
		return s.System().DeleteGroup(ctx, throng)
	},
	"leave": func(ctx context.Context, s *site, begin func()) error {
		must(second(s.System().CreateGroup(ctx, groupkit.NewGroup{ID: "lonely", Name: "Lonely", Owner: "walter"})))
		must(second(s.As("walter").UploadFile(ctx, "lonely", "a", strings.NewReader("a"))))
		begin()
		return s.As("walter").Leave(ctx, "lonely")
	},
	"forget": func(ctx context.Context, s *site, begin func()) error {
		must(second(s.System().CreateGroup(ctx, groupkit.NewGroup{ID: "second", Name: "Second", Owner: "alice"})))
		begin()
		return s.System().ForgetUser(ctx, "alice", groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed, Blocks: true, Pseudonymize: true})
	},
	"upload": func(ctx context.Context, s *site, begin func()) error {
		begin()
		return second(s.As("m-00001").UploadFile(ctx, throng, "new", strings.NewReader(strings.Repeat("new", 1<<16))))
	},
	"delete file": func(ctx context.Context, s *site, begin func()) error {
		begin()
		for f, err := range s.System().Files(ctx, throng) {
			if err == nil {
				err = s.System().DeleteFile(ctx, throng, f.ID)
			}
			return err
		}
		return nil
	},
	"nothing": func(ctx context.Context, s *site, begin func()) error {
		begin() // mortal while the opening goes on
		for !settled(panicking{}, s) {
		}
		return nil
	},
}

// TestCrashChild is no test, but what a child runs.
func TestCrashChild(t *testing.T) {
	story := os.Getenv(crashStory)
	if story == "" {
		t.Skip("this is for the children of the other tests")
	}
	var steps int64
	must(second(fmt.Sscan(os.Getenv(crashSteps), &steps)))
	l := new(life)
	begin := func() { l.left.Store(steps) }
	if story == "nothing" {
		begin()
	}
	s := onDisk(os.Getenv(crashDir), func(s store.Store, b store.Blobs) (store.Store, store.Blobs) {
		return mortal{s, l}, mortalBlobs{b, l}
	})
	must(crashStories[story](context.Background(), s, begin))
	must(s.Close())
}

// onDisk opens an engine over the file in the folder, around which more may be put.
func onDisk(dir string, around wrapping) *site {
	raw, err := boltstore.Open(filepath.Join(dir, "groups.db"), nil)
	must(err)
	blobs := fileblob.New(filepath.Join(dir, "groups.db.files"))
	s := &site{raw: raw, disk: blobs, clock: newClockAt(dawn)}
	over, contents := store.Store(raw), store.Blobs(blobs)
	if around != nil {
		over, contents = around(raw, blobs)
	}
	opts := throngOptions()
	opts.Clock, opts.OwnerLeave = s.clock.Now, groupkit.OwnerSucceed
	s.Engine, err = groupkit.New(over, contents, &opts)
	must(err)
	return s
}

// settled reports whether the engine has resumed everything that was cut off.
func settled(t require.TestingT, s *site) bool {
	dump := s.dump(t)
	named := 0
	for k := range dump {
		if strings.HasPrefix(k, string(key.Deletions())) || strings.HasPrefix(k, string(key.Uploads())) {
			return false
		}
		if _, kind, _, err := key.CutGroup([]byte(k)); err == nil && kind == key.Files {
			named++
		}
	}
	return len(contents(t, s.disk)) == named
}

// throngOnDisk builds the file that every child begins with.
func throngOnDisk(t *testing.T) string {
	dir := t.TempDir()
	s := onDisk(dir, nil)
	newThrong(t, s, 130)
	require.NoError(t, s.Close())
	return dir
}

// crashed runs a child over a copy of the folder and reports whether it died of the
// signal; otherwise it has done all it had to do.
func crashed(t *testing.T, story, from string, steps int) (dir string, died bool) {
	dir = filepath.Join(t.TempDir(), fmt.Sprint(steps))
	require.NoError(t, os.CopyFS(dir, os.DirFS(from)))
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashChild$")
	cmd.Env = append(os.Environ(), crashStory+"="+story, crashDir+"="+dir, crashSteps+"="+fmt.Sprint(steps))
	out, err := cmd.CombinedOutput()
	if err == nil {
		return dir, false
	}
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	require.True(t, ok && status.Signaled() && status.Signal() == syscall.SIGKILL, "%v\n%s", err, out)
	return dir, true
}

// crashing lets children die at every step of a story. After each death it opens what
// they leave, waits until the opening has resumed everything, and calls look.
func crashing(t *testing.T, story string, atLeast int, look func(*testing.T, *site)) {
	t.Parallel()
	from, died := throngOnDisk(t), true
	for steps := 1; died; steps++ {
		var dir string
		dir, died = crashed(t, story, from, steps)
		s := onDisk(dir, nil)
		until(t, func() bool { return settled(t, s) })
		s.clean(t)
		look(t, s)
		s.clean(t)
		require.NoError(t, s.Close())
		require.True(t, died || steps > atLeast, "the story has %d steps", steps-1)
	}
}

func TestCrash_DeleteGroup(t *testing.T) {
	before := false
	crashing(t, "delete", 10, func(t *testing.T, s *site) {
		g, err := s.System().Group(t.Context(), throng)
		if err == nil && !before { // it died before the first commit
			require.Equal(t, 131, g.MemberCount)
			require.Len(t, contents(t, s.disk), 3)
			return
		}
		before = true
		require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
		requireBuried(t, s.dump(t), throng)
		require.Empty(t, contents(t, s.disk))
		require.Empty(t, every(t, s.System().JoinedGroups(t.Context(), "m-00129")))
		requireLogOf(t, s, throng, 130)
	})
}

func TestCrash_LastMemberLeaves(t *testing.T) {
	gone := false
	crashing(t, "leave", 5, func(t *testing.T, s *site) {
		_, err := s.System().Group(t.Context(), "lonely")
		gone = gone || err != nil
		if gone {
			require.ErrorIs(t, err, groupkit.ErrGroupNotFound)
			requireBuried(t, s.dump(t), "lonely")
			require.Len(t, contents(t, s.disk), 3)
		}
	})
	require.True(t, gone)
}

// TestCrash_Resume lets children die while they resume a deletion that was cut off.
func TestCrash_Resume(t *testing.T) {
	t.Parallel()
	half, died := crashed(t, "delete", throngOnDisk(t), 3) // the tombstone, and a few members
	require.True(t, died)
	for steps := 1; died; steps++ {
		var dir string
		dir, died = crashed(t, "nothing", half, steps)
		s := onDisk(dir, nil)
		until(t, func() bool { return settled(t, s) })
		s.clean(t)
		requireBuried(t, s.dump(t), throng)
		require.Empty(t, contents(t, s.disk))
		require.NoError(t, s.Close())
		require.True(t, died || steps > 8, "the story has %d steps", steps-1)
	}
}

// TestCrash_ForgetUser calls again what was cut off: that finishes it.
func TestCrash_ForgetUser(t *testing.T) {
	crashing(t, "forget", 3, func(t *testing.T, s *site) {
		forget := groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed, Blocks: true, Pseudonymize: true}
		require.NoError(t, s.System().ForgetUser(t.Context(), "alice", forget))
		for k, v := range s.dump(t) {
			require.NotContains(t, k+v, "alice")
		}
		g, err := s.System().Group(t.Context(), throng)
		require.NoError(t, err)
		require.EqualValues(t, "m-00000", g.Owner)
		require.Equal(t, 130, g.MemberCount)
	})
}

// TestCrash_UploadFile finds either the whole file or nothing of it.
func TestCrash_UploadFile(t *testing.T) {
	listed := false
	crashing(t, "upload", 5, func(t *testing.T, s *site) {
		files := every(t, s.System().Files(t.Context(), throng))
		if len(files) == 3 {
			require.False(t, listed)
			require.Len(t, contents(t, s.disk), 3)
			return
		}
		listed = true
		require.Len(t, files, 4)
		require.Len(t, contents(t, s.disk), 4)
		added := slices.IndexFunc(files, func(f groupkit.File) bool { return f.Name == "new" })
		requireContent(t, s, throng, files[added], strings.Repeat("new", 1<<16))
	})
	require.True(t, listed)
}

// TestCrash_DeleteFile finds the file, whole, or nothing of it.
func TestCrash_DeleteFile(t *testing.T) {
	deleted := false
	crashing(t, "delete file", 2, func(t *testing.T, s *site) {
		files := every(t, s.System().Files(t.Context(), throng))
		deleted = deleted || len(files) == 2
		require.Len(t, files, either(deleted, 2, 3))
		require.Len(t, contents(t, s.disk), len(files))
		for _, f := range files {
			requireContent(t, s, throng, f, f.Name)
		}
	})
	require.True(t, deleted)
}

func requireContent(t *testing.T, s *site, group groupkit.GroupID, f groupkit.File, want string) {
	_, r, err := s.System().OpenFile(t.Context(), group, f.ID)
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.True(t, want == string(got), "%d bytes, and %d are wanted", len(got), len(want))
}
