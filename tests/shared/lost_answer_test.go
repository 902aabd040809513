package shared_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/sharedmem"
	"groupkit/store"
	"groupkit/store/memblob"
)

// The answer to a commit is lost. Whether it was made, was not made or would be made later, the
// call is made once, and says so.
func TestEngine_lostAnswer(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for _, verb := range []struct {
		name string
		call func(*groupkit.Engine) error
		done func(*testing.T, *groupkit.Engine)
	}{
		{"join", func(e *groupkit.Engine) error {
			outcome, err := e.As("dora").Join(ctx, "g")
			if err == nil && outcome != groupkit.OutcomeDone && outcome != groupkit.OutcomeJoined {
				return errors.New(outcome.String())
			}
			return err
		}, func(t *testing.T, e *groupkit.Engine) { requireVersion(t, e, "g", 4) }},
		{"create", func(e *groupkit.Engine) error {
			g, err := e.System().CreateGroup(ctx, groupkit.NewGroup{ID: "n", Name: "New", Owner: "olga"})
			if err == nil && g.ID == "" {
				return errors.New("no ID")
			}
			return err
		}, func(t *testing.T, e *groupkit.Engine) { requireVersion(t, e, "n", 2) }},
		{"delete file", func(e *groupkit.Engine) error {
			page, _, err := e.System().FilesFrom(ctx, "g", groupkit.From{})
			if err != nil {
				return err
			}
			return e.System().DeleteFile(ctx, "g", page[0].ID)
		}, func(t *testing.T, e *groupkit.Engine) { requireVersion(t, e, "g", 4) }},
		{"delete group", func(e *groupkit.Engine) error { return e.System().DeleteGroup(ctx, "g") },
			func(t *testing.T, e *groupkit.Engine) {
				require.ErrorIs(t, grouptest.ErrorOf(e.System().Group(ctx, "g")), groupkit.ErrGroupNotFound)
			}},
		{"atomic", func(e *groupkit.Engine) error {
			return e.Atomic(ctx, func(tx *groupkit.Tx) error {
				if _, err := tx.As("dora").Join(ctx, "g"); err != nil {
					return err
				}
				return tx.System().MuteGroup(ctx, "g")
			})
		}, func(t *testing.T, e *groupkit.Engine) { requireVersion(t, e, "g", 5) }},
	} {
		for name, outcome := range map[string]sharedmem.Outcome{
			"made": sharedmem.UnknownMade, "lost": sharedmem.UnknownLost, "late": sharedmem.UnknownLate,
		} {
			for _, numbers := range []bool{true, false} {
				t.Run(fmt.Sprint(verb.name, " ", name, ", numbers: ", numbers), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, sharedmem.Options{Numbers: numbers})
					w.faults.once(outcome)
					w.store.before(3, w.data.Land) // after the engine has looked, before it does anything else
					require.NoError(t, verb.call(w.Engine))
					w.data.Land()
					verb.done(t, w.Engine)
					grouptest.RequireVerified(t, w.Engine)
					require.LessOrEqual(t, len(grouptest.ContentIDs(t, w.blobs)), 2)
				})
			}
		}
	}
}

// An application's own data in Atomic leaves no trace in a log. The engine cannot know what has
// become of it.
func TestEngine_Atomic_lostAnswerWithoutEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sharedmem.Options{})
	w.faults.once(sharedmem.UnknownLost)
	err := w.Atomic(t.Context(), func(tx *groupkit.Tx) error {
		b, err := tx.Bucket("mine")
		if err != nil {
			return err
		}
		return b.Put([]byte("k"), []byte("v"))
	})
	require.ErrorIs(t, err, groupkit.ErrUnknownOutcome)
}

// While the store answers no commit the outcome is unknown, and the call ends.
func TestEngine_lostAnswer_always(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sharedmem.Options{Numbers: true})
	w.faults.always(sharedmem.UnknownLost)
	_, err := w.As("dora").Join(t.Context(), "g")
	require.ErrorIs(t, err, groupkit.ErrUnknownOutcome)
}

// The store ends before it can be found out what became of the change. The error is about the change:
// it may have been made, so it is none of those that say that nothing was changed.
func TestEngine_lostAnswer_notFoundOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sharedmem.Options{Numbers: true})
	w.faults.once(sharedmem.UnknownMade)
	w.store.before(2, func() { _ = w.store.Store.Close() })
	_, err := w.As("dora").Join(t.Context(), "g")
	require.ErrorIs(t, err, groupkit.ErrUnknownOutcome)
	for _, class := range []error{groupkit.ErrStorage, groupkit.ErrClosed, store.ErrClosed} {
		require.NotErrorIs(t, err, class)
	}
	require.ErrorContains(t, err, "closed")
}

// A deletion whose answer was lost for good, repeated with its key, is finished.
func TestActor_DeleteGroup_recalled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sharedmem.Options{Numbers: true})
	ctx, cancel := context.WithCancel(t.Context())
	w.store.before(2, cancel) // the group is deleted, and nothing of it removed
	require.Error(t, w.System().Once("k").DeleteGroup(ctx, "g"))
	report, err := w.Verify(t.Context(), groupkit.VerifyOptions{})
	require.NoError(t, err)
	require.Equal(t, []groupkit.GroupID{"g"}, report.Deletions)
	require.NoError(t, w.System().Once("k").DeleteGroup(t.Context(), "g"))
	grouptest.RequireDeleted(t, grouptest.DumpStore(t, w.store), "g")
	grouptest.RequireVerified(t, w.Engine)
}

// A world is an engine on a shared store that can fail. It has a group "g" at version 3 with a
// file.
type world struct {
	*groupkit.Engine
	data   *sharedmem.Data
	store  *hooked
	blobs  *memblob.Blobs
	faults *faults
}

func newWorld(t *testing.T, o sharedmem.Options) *world {
	f := new(faults)
	o.Fault = f.next
	data, clock := sharedmem.New(o), grouptest.NewClockAt(grouptest.Dawn)
	w := &world{data: data, store: &hooked{Store: data.Open()}, blobs: memblob.New(), faults: f}
	opening := grouptest.NewOpening()
	var err error
	w.Engine, err = groupkit.New(w.store, w.blobs, &groupkit.Options{Clock: clock.Now, Logger: opening.Logger()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	opening.Wait(t)
	_, err = w.System().CreateGroup(t.Context(), groupkit.NewGroup{ID: "g", Name: "G", Owner: "olga", Public: true})
	require.NoError(t, err)
	_, err = w.System().UploadFile(t.Context(), "g", "a.txt", bytes.NewReader([]byte("a")))
	require.NoError(t, err)
	requireVersion(t, w.Engine, "g", 3)
	return w
}

func requireVersion(t *testing.T, e *groupkit.Engine, group groupkit.GroupID, version uint64) {
	g, err := e.System().Group(t.Context(), group)
	require.NoError(t, err)
	require.Equal(t, version, g.Version)
}

// Faults decide how the commits of a store end.
type faults struct {
	mu   sync.Mutex
	left int               // commits until the one that ends otherwise; 0: there is none
	one  sharedmem.Outcome // of this one
	rest sharedmem.Outcome // of those before it, and of all if there is none

	after sharedmem.Outcome // of those after it
}

func (f *faults) once(o sharedmem.Outcome) { f.nth(1, o) }

// nth sets how the n-th commit from now on ends.
func (f *faults) nth(n int, o sharedmem.Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.one = n, o
}

// then sets how the commits after the one of nth end.
func (f *faults) then(o sharedmem.Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after = o
}

// pending reports whether the commit that ends otherwise has not come yet.
func (f *faults) pending() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.left > 0
}

func (f *faults) always(o sharedmem.Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.rest, f.after = 0, o, sharedmem.Made
}

func (f *faults) next(int) sharedmem.Outcome {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left--; f.left == 0 {
		f.rest, f.after = f.after, sharedmem.Made
		return f.one
	}
	f.left = max(f.left, 0)
	return f.rest
}

// A hooked store calls a function before one of its Updates.
type hooked struct {
	*sharedmem.Store
	mu   sync.Mutex
	left int
	then func()
}

// before sets the function for the n-th Update from now on.
func (s *hooked) before(n int, then func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left, s.then = n, then
}

func (s *hooked) Update(ctx context.Context, fn func(store.Writer) error) error {
	s.mu.Lock()
	s.left--
	then := s.then
	due := s.left == 0 && then != nil
	s.mu.Unlock()
	if due {
		then()
	}
	return s.Store.Update(ctx, fn)
}
