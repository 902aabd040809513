//go:build unix

package crash_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
)

// A task tells a child what to do, and when it is to die.
type task struct {
	Dir   string
	Level groupkit.Durability
	Verb  string          // "" opens and closes the database: the steps of the opening count
	File  groupkit.FileID // of the fixture
	Step  int             // dies there; 0: at no step
	After time.Duration   // dies then, counted from before the opening, if it has a step of 0
}

const taskVariable = "GROUPKIT_CRASH_TASK"

// changes are the calls that the children make: all verbs, and what else changes something.
// Each of them succeeds on the group of the fixture.
func changes() []grouptest.Verb {
	return append([]grouptest.Verb{
		{Name: "Sweep", Op: groupkit.OpSweep, Call: func(ctx context.Context, _ groupkit.Actor, s *grouptest.Fixture) (any, error) {
			s.Clock.Advance(2 * time.Hour)
			return s.Engine.Sweep(ctx)
		}},
		{Name: "Atomic", Op: groupkit.OpAtomic, Call: func(ctx context.Context, _ groupkit.Actor, s *grouptest.Fixture) (any, error) {
			return nil, s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
				if err := tx.As("bob").MuteGroup(ctx, s.ID); err != nil {
					return err
				}
				return tx.As("carol").DeleteFile(ctx, s.ID, s.File)
			})
		}},
	}, grouptest.Verbs...)
}

// TestVerbChild is not a test: it is what a child process runs. It says what it does, so that
// the parent knows what it had said when it died.
func TestVerbChild(t *testing.T) {
	text := os.Getenv(taskVariable)
	if text == "" {
		t.Skip("this runs in a child process of another test")
	}
	var k task
	grouptest.Must(json.Unmarshal([]byte(text), &k))
	began := time.Now()
	if k.Step == 0 && k.After > 0 {
		go dieAt(began.Add(k.After))
	}
	steps := &stepper{last: k.Step}
	if k.Verb == "" {
		steps.begin()
	}
	s := k.open(steps)
	feed, err := s.Engine.System().FollowAll(t.Context(), groupkit.Latest())
	grouptest.Must(err)
	told := make(chan struct{})
	go func() {
		defer close(told)
		for e, err := feed.Next(context.Background()); err == nil; e, err = feed.Next(context.Background()) {
			fmt.Println("told", e.Group, e.Version)
		}
	}()
	for _, v := range changes() {
		if v.Name == k.Verb {
			steps.begin()
			fmt.Println("begin", v.Op)
			_, err := v.Do(s)
			grouptest.Must(err)
			fmt.Println("done", v.Op)
		}
	}
	grouptest.Must(s.Engine.Close())
	<-told
	fmt.Println("closed", steps.taken())
	fmt.Println("took", time.Since(began).Microseconds())
}

// open opens the database of the fixture with steps in its store and contents.
func (k task) open(steps *stepper) *grouptest.Fixture {
	path := filepath.Join(k.Dir, "groups.db")
	raw, err := boltstore.Open(path, &boltstore.Options{Durability: boltstore.Durability(k.Level)})
	grouptest.Must(err)
	s := &grouptest.Fixture{Clock: grouptest.NewClockAt(grouptest.Dawn.Add(time.Minute)), ID: "guild", File: k.File}
	opts := verbOptions()
	opts.Clock = s.Clock.Now
	s.Engine, err = groupkit.New(stepStore{raw, steps}, stepBlobs{fileblob.New(path + ".files"), steps}, &opts)
	grouptest.Must(err)
	return s
}

func verbOptions() groupkit.Options {
	return groupkit.Options{BlockOutsiders: true, CacheBytes: 64 << 10}
}

func dieAt(moment time.Time) {
	for time.Now().Before(moment) { // a sleep would be longer than most of what is done here
	}
	die()
}

func die() {
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
	select {} // dead
}

// A stepper counts the steps of a call, and ends the process at one of them.
type stepper struct {
	countdown
	last int
}

// begin begins to count.
func (s *stepper) begin() { s.left.Store(int64(s.last)) }

// taken returns the number of steps since begin, if the process is to die at none.
func (s *stepper) taken() int64 { return int64(s.last) - s.left.Load() }

// A stepStore has steps before an Update, at the end of its function, and after it.
type stepStore struct {
	*boltstore.Store // with its optional methods
	steps            *stepper
}

func (s stepStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	s.steps.step()
	err := s.Store.Update(ctx, func(w store.Writer) error {
		err := fn(w)
		s.steps.step()
		return err
	})
	s.steps.step()
	return err
}

// stepBlobs have steps before, during and after every change.
type stepBlobs struct {
	*fileblob.Blobs
	steps *stepper
}

func (b stepBlobs) Put(ctx context.Context, id string, r io.Reader) error {
	b.steps.step()
	err := b.Blobs.Put(ctx, id, grouptest.ReaderFunc(func(p []byte) (int, error) {
		b.steps.step()
		return r.Read(p)
	}))
	b.steps.step()
	return err
}

func (b stepBlobs) Delete(ctx context.Context, id string) error {
	b.steps.step()
	err := b.Blobs.Delete(ctx, id)
	b.steps.step()
	return err
}
