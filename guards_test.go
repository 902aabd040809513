package groupkit_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/sharedmem"
	"groupkit/store"
	"groupkit/store/memblob"
)

// A pausing runs a function once, in the middle of the first Update that writes a key with the
// prefix: another process is faster.
type pausing struct {
	store.Store
	prefix []byte
	run    func()
	begun  *atomic.Bool
}

func (s pausing) Update(ctx context.Context, fn func(store.Writer) error) error {
	return s.Store.Update(ctx, func(w store.Writer) error {
		spy := &spyingWriter{Writer: w, prefix: s.prefix}
		err := fn(spy)
		if spy.seen && s.begun.CompareAndSwap(false, true) {
			s.run()
		}
		return err
	})
}

type spyingWriter struct {
	store.Writer
	prefix []byte
	seen   bool
}

func (w *spyingWriter) Put(k, v []byte) error {
	w.seen = w.seen || bytes.HasPrefix(k, w.prefix)
	return w.Writer.Put(k, v)
}

func (w *spyingWriter) Delete(k []byte) error {
	w.seen = w.seen || bytes.HasPrefix(k, w.prefix)
	return w.Writer.Delete(k)
}

// Guards are two engines on a store that guards only what is read by its key.
type guards struct {
	*grouptest.Stack // the one
	opts             groupkit.Options
	data             *sharedmem.Data
	contents         *memblob.Blobs
	other            *grouptest.Stack
	begun            atomic.Bool
}

func newGuards(t *testing.T, opts groupkit.Options) *guards {
	g := &guards{opts: opts, data: sharedmem.New(sharedmem.Options{PointsOnly: true}), contents: memblob.New()}
	clock := grouptest.NewClockAt(grouptest.Dawn)
	open := func() *grouptest.Stack {
		s := &grouptest.Stack{Store: g.data.Open(), Blobs: g.contents, Clock: clock}
		s.OpenWhole(t, opts, s.Store, grouptest.KeptBlobs{Blobs: g.contents})
		return s
	}
	g.Stack, g.other = open(), open()
	return g
}

// pause opens the one engine again: its first Update that writes a key with the prefix waits for a
// function.
func (g *guards) pause(t *testing.T, prefix []byte, run func()) {
	s := pausing{g.data.Open(), prefix, run, &g.begun}
	g.OpenWhole(t, g.opts, s, grouptest.KeptBlobs{Blobs: g.contents})
}

func (g *guards) requireSound(t *testing.T) {
	require.True(t, g.begun.Load(), "nothing came between")
	g.RequireVerified(t)
	g.other.RequireVerified(t)
}

// A user at the limit of groups joins one while another is being deleted: the count of groups
// stays the same.
func TestGuards_DeletionAndJoin(t *testing.T) {
	t.Parallel()
	g := newGuards(t, groupkit.Options{Limits: groupkit.Limits{JoinedGroups: 2}})
	for _, id := range []groupkit.GroupID{"dying", "stays"} {
		grouptest.CreateGroup(t, g.Engine, groupkit.NewGroup{ID: id, Members: grouptest.IDs{"bob"}})
	}
	grouptest.CreateGroup(t, g.Engine, groupkit.NewGroup{ID: "next", Owner: "carol", Public: true})
	g.pause(t, key.Standing("dying", "bob", true), func() {
		require.NoError(t, grouptest.ErrorOf(g.other.As("bob").Join(t.Context(), "next")))
	})
	require.NoError(t, g.System().DeleteGroup(t.Context(), "dying"))
	g.requireSound(t)
}

// A key is used again while its expired outcome is swept away: the new outcome stays.
func TestGuards_SweepAndKey(t *testing.T) {
	t.Parallel()
	g := newGuards(t, groupkit.Options{KeyTTL: time.Minute})
	grouptest.CreateGroup(t, g.Engine, groupkit.NewGroup{ID: "guild"})
	speak := func(s *grouptest.Stack) error {
		return s.As("alice").Once("k").SetAnnouncement(t.Context(), "guild", "hello")
	}
	require.NoError(t, speak(g.Stack))
	g.Clock.Advance(time.Hour)
	require.NoError(t, g.System().SetAnnouncement(t.Context(), "guild", "something else"))
	once := key.Once("alice", "k")
	g.pause(t, once, func() { require.NoError(t, speak(g.other)) })
	require.NoError(t, grouptest.ErrorOf(g.Sweep(t.Context())))
	require.Contains(t, g.other.Dump(t), string(once))
	g.requireSound(t)
}

// Two users whom the same call names are forgotten at once: neither name is left.
func TestGuards_TwoForgotten(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*guards) error{
		"left": func(g *guards) error {
			return grouptest.ErrorOf(g.System().RemoveMembers(t.Context(), "guild", grouptest.IDs{"zoe-the-first", "zoe-the-second"}))
		},
		"deleted": func(g *guards) error { return g.System().DeleteGroup(t.Context(), "guild") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuards(t, groupkit.Options{})
			grouptest.CreateGroup(t, g.Engine, groupkit.NewGroup{ID: "guild", Members: grouptest.IDs{"zoe-the-first", "zoe-the-second"}})
			require.NoError(t, prepare(g))
			forget := func(s *grouptest.Stack, user groupkit.UserID) {
				require.NoError(t, s.System().ForgetUser(t.Context(), user, groupkit.ForgetOptions{Pseudonymize: true}))
			}
			g.pause(t, key.Of("guild", key.Events), func() { forget(g.other, "zoe-the-second") })
			forget(g.Stack, "zoe-the-first")
			for k, v := range g.other.Dump(t) {
				require.NotContains(t, k+v, "zoe-the")
			}
			g.requireSound(t)
		})
	}
}

// An upload that got no bytes for hours ends while another process gives it up: the content of
// the file stays.
func TestGuards_Upload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var begun atomic.Bool
		resume, ended := make(chan struct{}), make(chan error)
		data, contents := sharedmem.New(sharedmem.Options{PointsOnly: true}), memblob.New()
		open := func(over store.Store) *groupkit.Engine {
			eng, err := groupkit.New(over, grouptest.KeptBlobs{Blobs: contents}, nil)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, eng.Close()) })
			return eng
		}
		open(pausing{data.Open(), key.AllToGo(), func() { close(resume); require.NoError(t, <-ended) }, &begun})
		time.Sleep(time.Minute) // it takes the lease
		eng := open(data.Open())
		grouptest.CreateGroup(t, eng, groupkit.NewGroup{ID: "guild"})
		go func() {
			_, err := eng.As("alice").UploadFile(t.Context(), "guild", "map.txt", grouptest.During(func() { <-resume }))
			ended <- err
		}()
		time.Sleep(3 * time.Hour)
		require.True(t, begun.Load(), "nothing came between")
		files, err := grouptest.Collect(eng.System().Files(t.Context(), "guild"))
		require.NoError(t, err)
		require.Len(t, files, 1)
		_, content, err := eng.System().OpenFile(t.Context(), "guild", files[0].ID)
		require.NoError(t, err)
		require.NoError(t, content.Close())
		grouptest.RequireVerified(t, eng)
	})
}
