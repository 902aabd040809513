package groupkit_test

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A crossing is a store at which a test stops readers and writers.
type crossing struct {
	store.Store
	views atomic.Int64

	mu    sync.Mutex
	stops map[place]*stop
}

// A place is where one can be stopped.
type place int

const (
	loaded    place = iota // a reader that has its snapshot, and has read nothing yet
	written                // a writer before its commit
	committed              // a writer that has not been told of its commit
)

// A stop is for the next one who passes a place.
type stop struct{ arrived, released chan struct{} }

// stopAt stops the next one who passes the place.
func (c *crossing) stopAt(at place) *stop {
	s := &stop{make(chan struct{}), make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stops[at] = s
	return s
}

func (s *stop) wait() { <-s.arrived }

func (s *stop) release() { close(s.released) }

func (c *crossing) pass(at place) {
	c.mu.Lock()
	s := c.stops[at]
	delete(c.stops, at)
	c.mu.Unlock()
	if s != nil {
		close(s.arrived)
		<-s.released
	}
}

func (c *crossing) Exclusive() bool { return true }

func (c *crossing) View(ctx context.Context, fn func(store.Reader) error) error {
	if ctx.Value(inquiry{}) == nil {
		return c.Store.View(ctx, fn)
	}
	c.views.Add(1)
	return c.Store.View(ctx, func(r store.Reader) error {
		c.pass(loaded)
		return fn(r)
	})
}

func (c *crossing) Update(ctx context.Context, fn func(store.Writer) error) error {
	err := c.Store.Update(ctx, func(w store.Writer) error {
		defer c.pass(written)
		return fn(w)
	})
	c.pass(committed)
	return err
}

// A talk is a group in which bob speaks, and others who are about to change that.
type talk struct {
	*crossing
	eng *groupkit.Engine
	id  groupkit.GroupID
}

func newTalk(t *testing.T, s store.Store) *talk {
	c := &crossing{Store: s, stops: make(map[place]*stop)}
	eng, err := groupkit.New(&fickleStore{Store: c}, memblob.New(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	return &talk{c, eng, group(t, eng, groupkit.NewGroup{ID: "talk", Members: []groupkit.UserID{"bob"}})}
}

// inquiry marks the context of those who ask: the engine reads by itself, too.
type inquiry struct{}

func (k *talk) ask() error {
	return k.eng.As("bob").MaySpeak(context.WithValue(context.Background(), inquiry{}, true), k.id)
}

// requireHot asserts that the answer stands, and comes from memory.
func (k *talk) requireHot(t *testing.T, want error) {
	t.Helper()
	require.ErrorIs(t, k.ask(), want)
	before := k.views.Load()
	require.ErrorIs(t, k.ask(), want)
	require.Equal(t, before, k.views.Load(), "it was read from the store again")
}

// later runs fn and returns how to wait for what it returns.
func aside(fn func() error) (wait func() error) {
	done := make(chan error, 1)
	go func() { done <- fn() }()
	return func() error { return <-done }
}

// silencings are changes that end bob's right to speak.
var silencings = map[string]struct {
	do   func(context.Context, *talk) error
	then error
}{
	"mute": {func(ctx context.Context, k *talk) error {
		_, err := k.eng.As("alice").Mute(ctx, k.id, time.Hour, "bob")
		return err
	}, groupkit.ErrMuted},
	"block": {func(ctx context.Context, k *talk) error {
		_, err := k.eng.As("alice").Block(ctx, k.id, time.Hour, "bob")
		return err
	}, groupkit.ErrBlacklisted},
	"leave":      {func(ctx context.Context, k *talk) error { return k.eng.As("bob").Leave(ctx, k.id) }, groupkit.ErrNotFound},
	"mute group": {func(ctx context.Context, k *talk) error { return k.eng.As("alice").MuteGroup(ctx, k.id) }, groupkit.ErrGroupMuted},
	"delete":     {func(ctx context.Context, k *talk) error { return k.eng.As("alice").DeleteGroup(ctx, k.id) }, groupkit.ErrNotFound},
	"atomic": {func(ctx context.Context, k *talk) error {
		return k.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
			return errors.Join(tx.As("alice").MuteGroup(ctx, k.id), tx.As("alice").RemoveMember(ctx, k.id, "bob"))
		})
	}, groupkit.ErrNotFound},
}

// overStores runs a test on a talk over each store, for each of the silencings.
func overStores(t *testing.T, test func(t *testing.T, k *talk, silence func() error, then error)) {
	t.Parallel()
	for name, s := range silencings {
		t.Run(name+"/memory", func(t *testing.T) {
			t.Parallel()
			k := newTalk(t, memstore.New())
			test(t, k, func() error { return s.do(t.Context(), k) }, s.then)
		})
		t.Run(name+"/bolt", func(t *testing.T) {
			t.Parallel()
			b, err := boltstore.Open(filepath.Join(t.TempDir(), "groups.db"), &boltstore.Options{Durability: boltstore.None})
			require.NoError(t, err)
			k := newTalk(t, b)
			test(t, k, func() error { return s.do(t.Context(), k) }, s.then)
		})
	}
}

// A reader that loaded before a change does not bring back after it what it found.
func TestMaySpeak_Stalled_ReaderOverChange(t *testing.T) {
	overStores(t, func(t *testing.T, k *talk, silence func() error, then error) {
		reader := k.stopAt(loaded)
		answer := aside(k.ask)
		reader.wait()
		require.NoError(t, silence())
		reader.release()
		require.NoError(t, answer(), "the snapshot is an old one")
		k.requireHot(t, then)
	})
}

// A reader that comes while a change waits for its commit finds what was before, and
// leaves nothing of it.
func TestMaySpeak_Stalled_ReaderBeforeCommit(t *testing.T) {
	overStores(t, func(t *testing.T, k *talk, silence func() error, then error) {
		k.requireHot(t, nil)
		writer := k.stopAt(written)
		change := aside(silence)
		writer.wait()
		require.NoError(t, k.ask())
		require.NoError(t, k.ask())
		writer.release()
		require.NoError(t, change())
		k.requireHot(t, then)
	})
}

// A reader that loaded before a change began, and goes on while it waits for its commit.
func TestMaySpeak_Stalled_ReaderIntoChange(t *testing.T) {
	overStores(t, func(t *testing.T, k *talk, silence func() error, then error) {
		reader, writer := k.stopAt(loaded), k.stopAt(written)
		answer := aside(k.ask)
		reader.wait()
		change := aside(silence)
		writer.wait()
		reader.release()
		require.NoError(t, answer())
		writer.release()
		require.NoError(t, change())
		k.requireHot(t, then)
	})
}

// A reader that loaded before a commit, and goes on before its writer has heard of it.
func TestMaySpeak_Stalled_ReaderOverCommit(t *testing.T) {
	overStores(t, func(t *testing.T, k *talk, silence func() error, then error) {
		reader, writer := k.stopAt(loaded), k.stopAt(committed)
		answer := aside(k.ask)
		reader.wait()
		change := aside(silence)
		writer.wait()
		require.ErrorIs(t, k.ask(), then, "it is so since the commit")
		reader.release()
		require.NoError(t, answer())
		require.ErrorIs(t, k.ask(), then)
		writer.release()
		require.NoError(t, change())
		k.requireHot(t, then)
	})
}

// A reader that found no group does not hide the one that has been made meanwhile.
func TestMaySpeak_Stalled_ReaderOverCreation(t *testing.T) {
	t.Parallel()
	k := newTalk(t, memstore.New())
	k.id = "new"
	reader := k.stopAt(loaded)
	answer := aside(k.ask)
	reader.wait()
	group(t, k.eng, groupkit.NewGroup{ID: "new", Members: []groupkit.UserID{"bob"}})
	reader.release()
	require.ErrorIs(t, answer(), groupkit.ErrGroupNotFound)
	k.requireHot(t, nil)
}

// A change that comes to nothing leaves the answer as it was, and the cache at work; so
// does one that is made although its caller hears of an error.
func TestMaySpeak_AfterFailures(t *testing.T) {
	t.Parallel()
	with := func(f fate) func(*testing.T, *talk, error) {
		return func(t *testing.T, k *talk, want error) {
			ctx := context.WithValue(t.Context(), fateKey{}, &f)
			require.ErrorIs(t, silencings["mute"].do(ctx, k), want)
		}
	}
	for name, c := range map[string]struct {
		fail       func(t *testing.T, k *talk, want error)
		want, then error
	}{
		"run twice":            {with(keptTwice), nil, groupkit.ErrMuted},
		"no commit":            {with(lost), errLost, nil},
		"unknown, and made":    {with(unknownKept), groupkit.ErrUnknownOutcome, groupkit.ErrMuted},
		"unknown, and not":     {with(unknownLost), groupkit.ErrUnknownOutcome, nil},
		"never run":            {cancelled, context.Canceled, nil},
		"cancelled at the end": {cancelledInTime, nil, groupkit.ErrMuted},
		"refused":              {togetherThen(func() error { return errUndone }), errUndone, nil},
		"panic":                {togetherThen(func() error { panic("at the end") }), errPanic, nil},
		"exit":                 {togetherThen(func() error { runtime.Goexit(); return nil }), errExit, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newTalk(t, memstore.New())
			k.requireHot(t, nil)
			c.fail(t, k, c.want)
			k.requireHot(t, c.then)
			requireHeard(t, k)
		})
	}
}

// requireHeard asserts that subscribers hear of what comes next, and of nothing else.
func requireHeard(t *testing.T, k *talk) {
	sub, err := k.eng.System().Subscribe(t.Context(), k.id)
	require.NoError(t, err)
	defer sub.Close()
	require.NoError(t, k.eng.System().SetAnnouncement(t.Context(), k.id, "hear, hear"))
	after := sub.After()
	e, err := sub.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, groupkit.AnnouncementChanged, e.Kind)
	require.Equal(t, after+1, e.Version)
}

func cancelled(t *testing.T, k *talk, want error) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, silencings["mute"].do(ctx, k), want)
}

// cancelledInTime ends the context when the change is written, before its commit.
func cancelledInTime(t *testing.T, k *talk, want error) {
	ctx, cancel := context.WithCancel(t.Context())
	writer := k.stopAt(written)
	change := aside(func() error { return silencings["mute"].do(ctx, k) })
	writer.wait()
	cancel()
	writer.release()
	require.ErrorIs(t, change(), want)
}

var errPanic, errExit = errors.New("panic"), errors.New("exit")

// togetherThen mutes bob in an Atomic that ends with end.
func togetherThen(end func() error) func(*testing.T, *talk, error) {
	return func(t *testing.T, k *talk, want error) {
		done := make(chan error)
		go func() {
			err := errExit
			defer func() {
				if recover() != nil {
					err = errPanic
				}
				done <- err
			}()
			err = k.eng.Atomic(context.Background(), func(tx *groupkit.Tx) error {
				_, err := tx.As("alice").Mute(context.Background(), k.id, time.Hour, "bob")
				return errors.Join(err, tx.As("alice").MuteGroup(context.Background(), k.id), end())
			})
		}()
		require.ErrorIs(t, <-done, want)
	}
}

// Inside Atomic the engine's own MaySpeak does not read, and so refuses; what it knows
// without reading it says, of what has been committed.
func TestMaySpeak_Nested(t *testing.T) {
	t.Parallel()
	k := newTalk(t, memstore.New())
	for _, hot := range []bool{false, true} {
		if hot {
			k.requireHot(t, nil)
		}
		require.ErrorIs(t, k.eng.Atomic(t.Context(), func(tx *groupkit.Tx) error {
			require.ErrorIs(t, k.ask(), either(hot, nil, groupkit.ErrNested))
			require.NoError(t, tx.As("alice").MuteGroup(t.Context(), k.id))
			require.ErrorIs(t, k.ask(), groupkit.ErrNested, "it is about to change")
			require.ErrorIs(t, tx.As("bob").MaySpeak(t.Context(), k.id), groupkit.ErrGroupMuted)
			require.NoError(t, aside(k.ask)(), "others see what has been committed")
			return errUndone
		}), errUndone)
		k.requireHot(t, nil)
	}
}

// What panics after the commit has settled the call does not settle it again.
func TestEngine_PanicAfterTheCommit(t *testing.T) {
	t.Parallel()
	eng, err := groupkit.New(memstore.New(), &jumpyBlobs{Blobs: memblob.New()}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	id, alice := group(t, eng, groupkit.NewGroup{}), eng.As("alice")
	f, err := alice.UploadFile(t.Context(), id, "note", strings.NewReader("hello"))
	require.NoError(t, err)
	sub, err := alice.Subscribe(t.Context(), id)
	require.NoError(t, err)
	defer sub.Close()
	require.PanicsWithValue(t, "no content", func() { _ = alice.DeleteFile(t.Context(), id, f.ID) })
	require.NoError(t, alice.SetAnnouncement(t.Context(), id, "gone"))
	for _, kind := range []groupkit.EventKind{groupkit.FileDeleted, groupkit.AnnouncementChanged} {
		e, err := sub.Next(t.Context())
		require.NoError(t, err)
		require.Equal(t, kind, e.Kind)
	}
}

type jumpyBlobs struct{ store.Blobs }

func (*jumpyBlobs) Delete(context.Context, string) error { panic("no content") }

// List shows nothing to the engine's own work, which would delete what the call has left.
func (*jumpyBlobs) List(context.Context, string, int) ([]string, bool, error) { return nil, false, nil }

// Where both have failed, a function in a transaction and the store, it is the store's
// failure that is told, and told as such.
func TestEngine_StoreFailsToo(t *testing.T) {
	t.Parallel()
	s := &forgetfulStore{Store: memstore.New()}
	eng, err := groupkit.New(s, memblob.New(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	id := group(t, eng, groupkit.NewGroup{})
	alone := func() error { return eng.As("bob").Leave(t.Context(), id) }
	inAtomic := func() error {
		return eng.Atomic(t.Context(), func(tx *groupkit.Tx) error { return tx.As("bob").Leave(t.Context(), id) })
	}
	for _, call := range []func() error{alone, inAtomic} {
		s.failing.Store(false)
		require.ErrorIs(t, call(), groupkit.ErrGroupNotFound)
		s.failing.Store(true)
		err := call()
		require.ErrorIs(t, err, groupkit.ErrStorage)
		require.ErrorIs(t, err, errLost)
		require.NotErrorIs(t, err, groupkit.ErrNotFound)
	}
}

// A forgetfulStore loses commits, those of functions that come to nothing too: they may
// have read what is lost.
type forgetfulStore struct {
	store.Store
	failing atomic.Bool
}

func (s *forgetfulStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	if !s.failing.Load() {
		return s.Store.Update(ctx, fn)
	}
	_ = s.Store.Update(ctx, func(w store.Writer) error { return errors.Join(fn(w), errLost) })
	return errLost
}
