package coherence_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A change that fails leaves the answer as it was, and the cache in use. So does a change
// that is committed although its caller gets an error. If its outcome is unknown it can still be
// committed, at any time: what it changes is read from the store from then on.
func TestMaySpeak_AfterFailures(t *testing.T) {
	t.Parallel()
	with := func(f fault) func(*testing.T, *conversation, error) {
		return func(t *testing.T, k *conversation, want error) {
			ctx := context.WithValue(t.Context(), faultKey{}, &f)
			require.ErrorIs(t, speechEnders["mute"].do(ctx, k), want)
		}
	}
	for name, c := range map[string]struct {
		fail       func(t *testing.T, k *conversation, want error)
		want, then error
		cold       bool // what the call changes is not kept any more
	}{
		"run twice":            {fail: with(keptTwice), then: groupkit.ErrMuted},
		"no commit":            {fail: with(lost), want: errLost},
		"unknown, and made":    {with(unknownKept), groupkit.ErrUnknownOutcome, groupkit.ErrMuted, true},
		"unknown, and not":     {with(unknownLost), groupkit.ErrUnknownOutcome, nil, true},
		"never run":            {fail: cancelled, want: context.Canceled},
		"cancelled at the end": {fail: cancelledInTime, then: groupkit.ErrMuted},
		"refused":              {fail: togetherThen(func() error { return errUndone }), want: errUndone},
		"panic":                {fail: togetherThen(func() error { panic("at the end") }), want: errPanic},
		"exit":                 {fail: togetherThen(func() error { runtime.Goexit(); return nil }), want: errExit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newConversation(t, memstore.New())
			k.requireHot(t, nil)
			c.fail(t, k, c.want)
			if c.cold {
				k.requireCold(t, c.then)
			} else {
				k.requireHot(t, c.then)
			}
			requireHeard(t, k)
		})
	}
}

// requireHeard checks that subscribers get the next change, and nothing else.
func requireHeard(t *testing.T, k *conversation) {
	sub, err := k.eng.System().Follow(t.Context(), k.id, groupkit.Latest())
	require.NoError(t, err)
	defer sub.Close()
	require.NoError(t, k.eng.System().SetAnnouncement(t.Context(), k.id, "hear, hear"))
	after := sub.Position().Version
	e, err := sub.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, groupkit.AnnouncementChanged, e.Kind)
	require.Equal(t, after+1, e.Version)
}

func cancelled(t *testing.T, k *conversation, want error) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, speechEnders["mute"].do(ctx, k), want)
}

// cancelledInTime cancels the context after the change is written, before its commit.
func cancelledInTime(t *testing.T, k *conversation, want error) {
	ctx, cancel := context.WithCancel(t.Context())
	writer := k.stallAt(written)
	change := aside(func() error { return speechEnders["mute"].do(ctx, k) })
	writer.wait()
	cancel()
	writer.release()
	require.ErrorIs(t, change(), want)
}

var errPanic, errExit = errors.New("panic"), errors.New("exit")

// togetherThen mutes bob in an Atomic that ends by calling end.
func togetherThen(end func() error) func(*testing.T, *conversation, error) {
	return func(t *testing.T, k *conversation, want error) {
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

// Inside Atomic the engine's own MaySpeak must not read the store: it refuses, unless the
// cache knows the answer, which is that of the committed state.
func TestMaySpeak_Nested(t *testing.T) {
	t.Parallel()
	k := newConversation(t, memstore.New())
	for _, hot := range []bool{false, true} {
		if hot {
			k.requireHot(t, nil)
		}
		require.ErrorIs(t, k.eng.Atomic(t.Context(), func(tx *groupkit.Tx) error {
			require.ErrorIs(t, k.ask(), grouptest.Either(hot, nil, groupkit.ErrNested))
			require.NoError(t, tx.As("alice").MuteGroup(t.Context(), k.id))
			require.ErrorIs(t, k.ask(), groupkit.ErrNested, "it is about to change")
			require.ErrorIs(t, tx.As("bob").MaySpeak(t.Context(), k.id), groupkit.ErrGroupMuted)
			require.NoError(t, aside(k.ask)(), "others see what has been committed")
			return errUndone
		}), errUndone)
		k.requireHot(t, nil)
	}
}

// A panic after the commit does not run the work after the commit a second time.
func TestEngine_PanicAfterTheCommit(t *testing.T) {
	t.Parallel()
	eng, err := groupkit.New(memstore.New(), &jumpyBlobs{Blobs: memblob.New()}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	id, alice := grouptest.CreateGroup(t, eng, groupkit.NewGroup{}), eng.As("alice")
	f, err := alice.UploadFile(t.Context(), id, "note", strings.NewReader("hello"))
	require.NoError(t, err)
	sub, err := alice.Follow(t.Context(), id, groupkit.Latest())
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

// List is empty, so that the engine's own sweep does not delete what the call has left.
func (*jumpyBlobs) List(context.Context, string, int) ([]string, bool, error) { return nil, false, nil }

// When a function in a transaction fails, and the store too, the caller gets the error of
// the store.
func TestEngine_StoreFailsToo(t *testing.T) {
	t.Parallel()
	s := &forgetfulStore{Store: memstore.New()}
	eng, err := groupkit.New(s, memblob.New(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{})
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

// A forgetfulStore loses commits. It fails functions that change nothing as well: they may
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
