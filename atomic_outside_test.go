package groupkit_test

import (
	"context"
	"errors"
	"fmt"
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

// The engine's own calls would wait for the transaction that they are part of.
func TestEngine_Atomic_Nested(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *grouptest.Fixture) {
		ctx, eng := t.Context(), s.Engine
		sub, err := eng.As("alice").Follow(ctx, s.ID, groupkit.Latest())
		require.NoError(t, err)
		defer sub.Close()
		require.NoError(t, eng.As("alice").SetAnnouncement(ctx, s.ID, "something to hear of"))
		var tried map[string]error
		require.NoError(t, eng.Atomic(ctx, func(tx *groupkit.Tx) error {
			tried = nested(ctx, s, tx, sub)
			for i := range grouptest.Verbs {
				tried[grouptest.Verbs[i].Name] = grouptest.ErrorOf(grouptest.Verbs[i].Do(s))
			}
			return nil
		}))
		for name, err := range tried {
			require.ErrorIs(t, err, groupkit.ErrNested, name)
			_, ok := errors.AsType[*groupkit.Error](err)
			require.True(t, ok, name)
		}
		e, err := sub.Next(ctx)
		require.NoError(t, err, "the subscription goes on")
		require.Equal(t, groupkit.AnnouncementChanged, e.Kind)
		require.NoError(t, grouptest.ErrorOf(eng.System().Group(ctx, s.ID)), "and so does the engine")
		grouptest.RequireVerified(t, eng)
	})
}

// nested are all calls that cannot be made inside Atomic but the verbs.
func nested(ctx context.Context, s *grouptest.Fixture, tx *groupkit.Tx, sub *groupkit.Follower) map[string]error {
	eng, alice := s.Engine, s.Engine.As("alice")
	_, _, details := alice.GroupDetails(ctx, []groupkit.GroupID{s.ID})
	_, _, page := alice.GroupsPage(ctx, 1, "")
	_, _, file := alice.OpenFile(ctx, s.ID, s.File)
	return map[string]error{
		"Group": grouptest.ErrorOf(alice.Group(ctx, s.ID)), "GroupDetails": details, "GroupsPage": page, "OpenFile": file,
		"Role": grouptest.ErrorOf(alice.Role(ctx, s.ID, "bob")), "MaySpeak": alice.MaySpeak(ctx, s.ID),
		"Announcement": grouptest.ErrorOf(alice.Announcement(ctx, s.ID)), "File": grouptest.ErrorOf(alice.File(ctx, s.ID, s.File)),
		"MembersPage": grouptest.ErrorOf(alice.MembersPage(ctx, s.ID, groupkit.Page{})), "Members": grouptest.ErrorOf(grouptest.Collect(alice.Members(ctx, s.ID))),
		"Admins": grouptest.ErrorOf(grouptest.Collect(alice.Admins(ctx, s.ID))), "Groups": grouptest.ErrorOf(grouptest.Collect(alice.Groups(ctx))),
		"JoinedGroups": grouptest.ErrorOf(grouptest.Collect(alice.JoinedGroups(ctx, "alice"))), "Blacklist": grouptest.ErrorOf(grouptest.Collect(alice.Blacklist(ctx, s.ID))),
		"Mutes": grouptest.ErrorOf(grouptest.Collect(alice.Mutes(ctx, s.ID))), "AllowList": grouptest.ErrorOf(grouptest.Collect(alice.AllowList(ctx, s.ID))),
		"Requests": grouptest.ErrorOf(grouptest.Collect(alice.Requests(ctx, s.ID))), "Invitations": grouptest.ErrorOf(grouptest.Collect(alice.Invitations(ctx, s.ID))),
		"PendingRequests":    grouptest.ErrorOf(grouptest.Collect(alice.PendingRequests(ctx, "alice"))),
		"PendingInvitations": grouptest.ErrorOf(grouptest.Collect(alice.PendingInvitations(ctx, "alice"))),
		"Files":              grouptest.ErrorOf(grouptest.Collect(alice.Files(ctx, s.ID))), "Events": grouptest.ErrorOf(grouptest.Collect(alice.Events(ctx, s.ID, 0))),
		"Snapshot": grouptest.ErrorOf(alice.Snapshot(ctx, s.ID)), "Can": alice.Can().MuteGroup(ctx, s.ID),
		"Atomic": eng.Atomic(ctx, func(*groupkit.Tx) error { return nil }), "Verify": grouptest.ErrorOf(eng.Verify(ctx, groupkit.VerifyOptions{})),
		"Sweep": grouptest.ErrorOf(eng.Sweep(ctx)), "Backup": grouptest.ErrorOf(eng.Backup(ctx, new(strings.Builder))),
		"Copy": grouptest.ErrorOf(eng.Copy(ctx, memstore.New(), memblob.New(), groupkit.CopyOptions{})), "Close": eng.Close(),
		"Bucket": eng.Bucket(ctx, "gold", func(store.Reader) error { return nil }),
		"Follow": grouptest.ErrorOf(alice.Follow(ctx, s.ID, groupkit.Latest())), "FollowAll": grouptest.ErrorOf(eng.System().FollowAll(ctx, groupkit.Latest())),
		"Next":          grouptest.ErrorOf(sub.Next(ctx)),
		"tx.Follow":     grouptest.ErrorOf(tx.As("alice").Follow(ctx, s.ID, groupkit.Latest())),
		"tx.FollowAll":  grouptest.ErrorOf(tx.System().FollowAll(ctx, groupkit.Latest())),
		"tx.UploadFile": grouptest.ErrorOf(tx.As("alice").UploadFile(ctx, s.ID, "x", strings.NewReader("x"))),
		"tx.ForgetUser": tx.System().ForgetUser(ctx, "dave", groupkit.ForgetOptions{}),
	}
}

// Only the goroutine of fn is inside: what others ask meanwhile is answered.
func TestEngine_Atomic_OthersRead(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ctx := t.Context()
	require.NoError(t, s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
		require.NoError(t, tx.As("alice").MuteGroup(ctx, s.ID))
		muted := make(chan bool)
		go func() {
			g, err := s.Engine.System().Group(ctx, s.ID)
			muted <- g.Muted || err != nil
		}()
		require.False(t, <-muted, "it is not committed yet")
		return nil
	}))
	require.True(t, s.Group(t).Muted)
}

func TestEngine_Atomic_UserExists(t *testing.T) {
	t.Parallel()
	var eng *groupkit.Engine
	eng, _ = grouptest.Setup(t, groupkit.Options{UserExists: func(ctx context.Context, user groupkit.UserID) (bool, error) {
		_, err := grouptest.Collect(eng.System().Groups(ctx))
		return true, err
	}})
	id := grouptest.CreateGroup(t, eng, groupkit.NewGroup{})
	require.NoError(t, eng.System().AddMember(t.Context(), id, "bob"))
	require.ErrorIs(t, eng.Atomic(t.Context(), func(tx *groupkit.Tx) error {
		return tx.System().AddMember(t.Context(), id, "carol")
	}), groupkit.ErrNested)
}

func TestEngine_Atomic_UseAfterTheEnd(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *grouptest.Fixture) {
		ctx := t.Context()
		for _, fnErr := range []error{nil, errors.New("no")} {
			var late *groupkit.Tx
			var bucket store.Writer
			require.Equal(t, fnErr, s.Engine.Atomic(ctx, func(tx *groupkit.Tx) (err error) {
				late = tx
				if bucket, err = tx.Bucket("gold"); err == nil {
					err = fnErr
				}
				return err
			}))
			require.Error(t, bucket.Put([]byte("k"), []byte("v")))
			require.ErrorIs(t, late.As("alice").MuteGroup(ctx, s.ID), groupkit.ErrClosed)
			require.ErrorIs(t, late.As("alice").Can().MuteGroup(ctx, s.ID), groupkit.ErrClosed)
			require.ErrorIs(t, grouptest.ErrorOf(late.System().Group(ctx, s.ID)), groupkit.ErrClosed)
			require.ErrorIs(t, grouptest.ErrorOf(grouptest.Collect(late.System().Members(ctx, s.ID))), groupkit.ErrClosed)
			require.ErrorIs(t, grouptest.ErrorOf(late.Bucket("gold")), groupkit.ErrClosed)
		}
		require.False(t, s.Group(t).Muted)
	})
}

// A call whose transaction panicked is no longer under way: followers get the
// next one, and MaySpeak is answered from memory again.
func TestEngine_Atomic_PanicLeavesNothingUnderWay(t *testing.T) {
	t.Parallel()
	reads := &countingStore{Store: memstore.New()}
	s := grouptest.NewFixtureOver(t, reads, memblob.New(), groupkit.Options{})
	ctx, carol := t.Context(), s.Engine.As("carol")
	require.Panics(t, func() {
		_ = s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
			require.NoError(t, tx.As("alice").SetAnnouncement(ctx, s.ID, "hear me"))
			require.NoError(t, grouptest.ErrorOf(tx.As("alice").Mute(ctx, s.ID, time.Hour, "carol")))
			panic("oops")
		})
	})
	require.NoError(t, carol.MaySpeak(ctx, s.ID))
	before := reads.views.Load()
	for range 10 {
		require.NoError(t, carol.MaySpeak(ctx, s.ID))
	}
	require.Equal(t, before, reads.views.Load())
}

// A countingStore counts what is read from it.
type countingStore struct {
	store.Store
	views atomic.Int64
}

func (s *countingStore) View(ctx context.Context, fn func(store.Reader) error) error {
	s.views.Add(1)
	return s.Store.View(ctx, fn)
}

func (s *countingStore) Exclusive() bool { return true }

func TestEngine_Atomic_Contexts(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	ran := false
	err := s.Engine.Atomic(ended, func(*groupkit.Tx) error { ran = true; return nil })
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, ran)
	require.NoError(t, s.Engine.Atomic(t.Context(), func(tx *groupkit.Tx) error {
		require.ErrorIs(t, tx.As("alice").MuteGroup(ended, s.ID), context.Canceled)
		return nil
	}))
	require.False(t, s.Group(t).Muted)
}

func TestEngine_Atomic_Closed(t *testing.T) {
	t.Parallel()
	eng, err := groupkit.New(memstore.New(), memblob.New(), nil)
	require.NoError(t, err)
	require.NoError(t, eng.Close())
	err = eng.Atomic(t.Context(), func(*groupkit.Tx) error { return nil })
	require.ErrorIs(t, err, groupkit.ErrClosed)
	e, ok := errors.AsType[*groupkit.Error](err)
	require.True(t, ok)
	require.Equal(t, groupkit.OpAtomic, e.Op)
}

// Many transactions over the same two groups: gold is neither made nor lost.
func TestEngine_Atomic_Concurrently(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *grouptest.Fixture) {
		ctx := t.Context()
		other := grouptest.CreateGroup(t, s.Engine, groupkit.NewGroup{ID: "other"})
		var fns []func()
		for i := range 16 {
			u := groupkit.UserID(fmt.Sprint("user-", i))
			fns = append(fns, func() {
				for range 5 {
					err := s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
						if err := tx.System().AddMember(ctx, s.ID, u); err != nil {
							return errors.Join(tx.System().RemoveMember(ctx, s.ID, u), tx.System().RemoveMember(ctx, other, u))
						}
						return tx.System().AddMember(ctx, other, u)
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		grouptest.Concurrently(fns...)
		g, err := s.Engine.System().Group(ctx, other)
		require.NoError(t, err)
		require.Equal(t, 1+16, g.MemberCount, "in both, or in none, an odd number of times")
		replayed(t, s.Engine, s.ID)
		grouptest.RequireVerified(t, s.Engine)
	})
}
