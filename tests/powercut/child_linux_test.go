//go:build amd64 || arm64

package powercut_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"groupkit"
	"groupkit/internal/grouptest"
)

// The environment tells a child what to do.
const (
	childDir   = "GROUPKIT_POWERCUT_DIR"
	childLevel = "GROUPKIT_POWERCUT_DURABILITY"
	childSeed  = "GROUPKIT_POWERCUT_SEED"
)

const (
	writers  = 2
	sessions = 3  // from an opening to Close
	calls    = 12 // of a writer in a session
)

// TestPowerCutChild is not a test: it is what the process under the tracer runs. It opens the
// engine a few times, changes groups, and closes it.
func TestPowerCutChild(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		t.Skip("this runs in a child process of another test")
	}
	level, err := strconv.Atoi(os.Getenv(childLevel))
	grouptest.Must(err)
	seed, err := strconv.ParseUint(os.Getenv(childSeed), 10, 64)
	grouptest.Must(err, stopAtCalls())
	w := workload{path: filepath.Join(dir, "groups.db"), level: groupkit.Durability(level)}
	for i := range writers {
		w.writers = append(w.writers, &writer{number: i, rand: rand.New(rand.NewPCG(seed, uint64(i)))})
	}
	for range sessions {
		w.session()
	}
}

// say adds a line to the record, in sequence with the changes of files.
func say(words ...any) {
	line := fmt.Appendln(nil, words...)
	_, err := syscall.Write(notes, line)
	grouptest.Must(err)
}

// open opens an engine in which nothing expires.
func open(path string, level groupkit.Durability, within time.Duration) (*groupkit.Engine, error) {
	return groupkit.Open(path, &groupkit.Options{
		Durability: level, SyncWithin: within, BlockOutsiders: true,
		Clock: func() time.Time { return grouptest.Dawn }, CacheBytes: 64 << 10,
	})
}

// A workload opens a database, changes it from several goroutines, and closes it.
type workload struct {
	path     string
	level    groupkit.Durability
	writers  []*writer
	sessions int // that have begun
}

func (w *workload) session() {
	phase := "open"
	if w.sessions++; w.sessions == 1 {
		phase = "first-opening"
	}
	say("phase", phase)
	eng, err := open(w.path, w.level, 2*time.Millisecond)
	grouptest.Must(err)
	for _, group := range alreadyThere(eng) {
		sayState(eng, group, 0)
	}
	feed, err := eng.System().FollowAll(context.Background(), groupkit.Latest())
	grouptest.Must(err)
	var all, listening sync.WaitGroup
	listening.Go(func() { listen(feed) })
	say("phase", "calls")
	for _, one := range w.writers {
		all.Go(func() { one.work(eng) })
	}
	all.Wait()
	say("phase", "close")
	grouptest.Must(eng.Close())
	say("closed")
	listening.Wait()
}

// alreadyThere returns the groups of a database that no writer has made.
func alreadyThere(eng *groupkit.Engine) (groups []groupkit.GroupID) {
	for g, err := range eng.System().Groups(context.Background()) {
		grouptest.Must(err)
		if g.Custom != madeByWriter {
			groups = append(groups, g.ID)
		}
	}
	return groups
}

// listen notes of which events a subscriber is told.
func listen(feed *groupkit.Follower) {
	for {
		e, err := feed.Next(context.Background())
		if errors.Is(err, groupkit.ErrClosed) {
			return
		}
		grouptest.Must(err)
		say("told", e.Group, e.Version)
	}
}

// sayState notes the state of a group after a number of calls.
func sayState(eng *groupkit.Engine, group groupkit.GroupID, calls int) {
	digest, version, err := digestOf(eng, group)
	grouptest.Must(err)
	say("state", group, calls, version, digest)
}

func digestOf(eng *groupkit.Engine, group groupkit.GroupID) (digest string, version uint64, err error) {
	text, version, err := grouptest.StateOf(context.Background(), eng, group)
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:16], version, err
}

// beforeFiles is the number of calls on a group before its first file. What a new database
// needs must not depend on what the first file makes durable.
const beforeFiles = 4

const madeByWriter = "made by a writer"

// A writer works on one group after another, which no other writer touches.
type writer struct {
	number int
	rand   *rand.Rand
	groups int // how many it has made
	calls  int // on the present group
	users  int
	files  []groupkit.FileID
}

func (w *writer) group() groupkit.GroupID {
	return groupkit.GroupID(fmt.Sprintf("of-%d-%d", w.number, w.groups))
}

func (w *writer) work(eng *groupkit.Engine) {
	for range calls {
		name, do := w.next(eng)
		group := w.group()
		if w.groups == 0 && w.calls < beforeFiles {
			name = "first-calls"
		}
		w.calls++
		say("begin", group, w.calls, name)
		err := do(context.Background())
		if err != nil {
			panic(fmt.Sprint(name, ": ", err))
		}
		say("done", group, w.calls)
		sayState(eng, group, w.calls)
		if name == "delete-group" {
			w.groups, w.calls, w.files = w.groups+1, 0, nil
		}
	}
}

// next draws the next call.
func (w *writer) next(eng *groupkit.Engine) (name string, do func(context.Context) error) {
	system, group := eng.System(), w.group()
	if w.calls == 0 {
		sayState(eng, group, 0)
		return "create-group", func(ctx context.Context) error {
			return grouptest.ErrorOf(system.CreateGroup(ctx, groupkit.NewGroup{ID: group, Name: "Group", Owner: "owner", Custom: madeByWriter, MaxUsers: 5000}))
		}
	}
	switch n := w.rand.IntN(20); {
	case w.calls == beforeFiles || w.calls > beforeFiles && n < 6:
		content := w.content()
		return "upload-file", func(ctx context.Context) error {
			f, err := system.UploadFile(ctx, group, "file", bytes.NewReader(content))
			w.files = append(w.files, f.ID)
			return err
		}
	case n < 10 && len(w.files) > 0:
		i := w.rand.IntN(len(w.files))
		file := w.files[i]
		w.files = append(w.files[:i], w.files[i+1:]...)
		return "delete-file", func(ctx context.Context) error { return system.DeleteFile(ctx, group, file) }
	case n < 12 && w.calls > 8 || w.calls > 14:
		return "delete-group", func(ctx context.Context) error { return system.DeleteGroup(ctx, group) }
	}
	return w.ordinary(system, group)
}

// ordinary draws a call that has to do with no file.
func (w *writer) ordinary(system groupkit.Actor, group groupkit.GroupID) (name string, do func(context.Context) error) {
	w.users++
	user := groupkit.UserID(fmt.Sprintf("user-%d-%d", w.number, w.users))
	switch w.rand.IntN(5) {
	case 0:
		return "add-members", func(ctx context.Context) error {
			return grouptest.ErrorOf(system.AddMembers(ctx, group, grouptest.Users(string(user), 1+w.rand.IntN(60))))
		}
	case 1:
		return "block", func(ctx context.Context) error {
			return grouptest.ErrorOf(system.Block(ctx, group, groupkit.Forever, user))
		}
	case 2:
		return "set-announcement", func(ctx context.Context) error {
			return system.SetAnnouncement(ctx, group, "Hear "+string(user))
		}
	case 3:
		return "update-group", func(ctx context.Context) error {
			return grouptest.ErrorOf(system.UpdateGroup(ctx, group, groupkit.GroupUpdate{Name: new(string(user))}))
		}
	}
	return "add-member", func(ctx context.Context) error { return system.AddMember(ctx, group, user) }
}

func (w *writer) content() []byte {
	content := make([]byte, []int{0, 10, 3000, 70_000, 300_000}[w.rand.IntN(5)])
	for i := range content {
		content[i] = byte(w.rand.Uint32())
	}
	return content
}
