package groupkit_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"groupkit"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
	"groupkit/store/storetest"
)

// onEveryStore runs a test of Atomic on each kind of store.
func onEveryStore(t *testing.T, test func(t *testing.T, s *stage)) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) store.Store{
		"memory":           func(*testing.T) store.Store { return memstore.New() },
		"memory run again": func(*testing.T) store.Store { return runTwice(memstore.New()) },
		"memory at random": func(*testing.T) store.Store { return storetest.Rerun(memstore.New()) },
		"bolt":             func(t *testing.T) store.Store { return quickBolt(t) },
		"bolt run again":   func(t *testing.T) store.Store { return runTwice(quickBolt(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, stagedOn(t, open(t), memblob.New(), groupkit.Options{}))
		})
	}
}

func quickBolt(t testing.TB) store.Store {
	t.Helper()
	s, err := boltstore.Open(filepath.Join(t.TempDir(), "groups.db"), &boltstore.Options{Durability: boltstore.None})
	require.NoError(t, err)
	return s
}

// stagedOn is a stage on a store.
func stagedOn(t testing.TB, st store.Store, blobs store.Blobs, opts groupkit.Options) *stage {
	t.Helper()
	c := newClock()
	opts.Clock = c.Now
	eng, err := groupkit.New(st, blobs, &opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	return act(t, eng, c)
}

func TestEngine_Atomic_AllOrNone(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *stage) {
		ctx := t.Context()
		other := group(t, s.eng, groupkit.NewGroup{})
		before, log := s.whole(t)
		wrong := errors.New("not enough gold")
		err := s.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
			require.NoError(t, tx.System().AddMember(ctx, s.id, "ivan"))
			require.NoError(t, tx.System().AddMember(ctx, other, "ivan"))
			require.NoError(t, second(tx.As("ivan").CreateGroup(ctx, groupkit.NewGroup{Name: "third"})))
			require.NoError(t, tx.As("alice").DeleteGroup(ctx, other))
			return wrong
		})
		require.True(t, err == wrong, "the error of fn as it is, not %v", err) //nolint:errorlint // that is the point
		after, logAfter := s.whole(t)
		require.Equal(t, before, after)
		require.Equal(t, log, logAfter)
		joined, err := collect(s.eng.System().JoinedGroups(ctx, "ivan"))
		require.NoError(t, err)
		require.Empty(t, joined)
		verified(t, s.eng)
	})
}

func TestEngine_Atomic_LaterSeesEarlier(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *stage) {
		ctx, third := t.Context(), groupkit.Group{}
		err := s.eng.Atomic(ctx, func(tx *groupkit.Tx) (err error) {
			alice := tx.As("alice")
			require.NoError(t, alice.AddAdmin(ctx, s.id, "carol"))
			require.NoError(t, tx.As("carol").MuteGroup(ctx, s.id), "an admin by now")
			require.ErrorIs(t, tx.As("frank").MaySpeak(ctx, s.id), groupkit.ErrNotMember)
			require.NoError(t, tx.As("carol").ApproveRequest(ctx, s.id, "frank"))
			require.ErrorIs(t, tx.As("frank").MaySpeak(ctx, s.id), groupkit.ErrGroupMuted)
			admins, err := collect(alice.Admins(ctx, s.id))
			require.NoError(t, err)
			require.Len(t, admins, 3)
			page, err := alice.MembersPage(ctx, s.id, groupkit.Page{Size: 100})
			require.NoError(t, err)
			g, err := alice.Group(ctx, s.id)
			require.NoError(t, err)
			require.Len(t, page, g.MemberCount)
			require.NoError(t, alice.IfVersion(g.Version).UnmuteGroup(ctx, s.id))
			require.ErrorIs(t, alice.IfVersion(g.Version).MuteGroup(ctx, s.id), groupkit.ErrVersion)
			third, err = tx.As("frank").CreateGroup(ctx, groupkit.NewGroup{Name: "third"})
			require.NoError(t, err)
			events, err := collect(tx.As("frank").Events(ctx, third.ID, 0))
			require.NoError(t, err)
			require.Len(t, events, 2)
			joined, err := collect(tx.As("frank").JoinedGroups(ctx, "frank"))
			require.NoError(t, err)
			require.Len(t, joined, 2)
			return nil
		})
		require.NoError(t, err)
		g, err := s.eng.As("frank").Group(ctx, third.ID)
		require.NoError(t, err)
		require.Equal(t, third, g)
		replayed(t, s.eng, s.id)
		verified(t, s.eng)
	})
}

// A call that is refused changes nothing; what fn goes on with is done.
func TestEngine_Atomic_RefusalIgnored(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *stage) {
		ctx := t.Context()
		err := s.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
			require.ErrorIs(t, tx.As("carol").DeleteGroup(ctx, s.id), groupkit.ErrRoleTooLow)
			require.ErrorIs(t, second(tx.System().AddMembers(ctx, s.id, ids{"mallory", "carol"})), groupkit.ErrBlacklisted)
			require.ErrorIs(t, second(tx.System().CreateGroup(ctx, groupkit.NewGroup{ID: s.id, Name: "n", Owner: "ivan"})), groupkit.ErrGroupExists)
			return tx.System().AddMember(ctx, s.id, "ivan")
		})
		require.NoError(t, err)
		_, log := s.whole(t)
		require.Equal(t, groupkit.MemberJoined, log[len(log)-1].Kind)
		replayed(t, s.eng, s.id)
		verified(t, s.eng)
	})
}

func TestEngine_Atomic_EventsInOrder(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *stage) {
		ctx := t.Context()
		sub, err := s.eng.System().SubscribeAll(ctx)
		require.NoError(t, err)
		defer sub.Close()
		other := group(t, s.eng, groupkit.NewGroup{})
		require.NoError(t, s.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
			return errors.Join(
				tx.As("alice").MuteGroup(ctx, s.id),
				tx.As("alice").MuteGroup(ctx, other),
				tx.As("alice").AddAdmin(ctx, s.id, "carol"),
				tx.As("alice").UnmuteGroup(ctx, other),
				tx.As("alice").UnmuteGroup(ctx, s.id),
			)
		}))
		got := map[groupkit.GroupID][]groupkit.EventKind{}
		for range 7 {
			e, err := sub.Next(ctx)
			require.NoError(t, err)
			got[e.Group] = append(got[e.Group], e.Kind)
		}
		require.Equal(t, []groupkit.EventKind{groupkit.GroupMuted, groupkit.AdminAdded, groupkit.GroupUnmuted}, got[s.id])
		require.Equal(t, []groupkit.EventKind{groupkit.GroupCreated, groupkit.MemberJoined, groupkit.GroupMuted, groupkit.GroupUnmuted}, got[other])
	})
}

func TestEngine_Atomic_Panics(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *stage) {
		ctx := t.Context()
		sub, err := s.eng.As("alice").Subscribe(ctx, s.id)
		require.NoError(t, err)
		defer sub.Close()
		for range 3 {
			require.PanicsWithValue(t, "oops", func() {
				_ = s.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
					require.NoError(t, tx.As("alice").MuteGroup(ctx, s.id))
					panic("oops")
				})
			})
			require.False(t, s.group(t).Muted)
		}
		require.NoError(t, s.eng.As("alice").AddAdmin(ctx, s.id, "carol"), "it goes on")
		e, err := sub.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, groupkit.AdminAdded, e.Kind, "of what was not committed nobody hears")
		verified(t, s.eng)
	})
}

// The engine's own calls would wait for the transaction that they are part of.
func TestEngine_Atomic_Nested(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *stage) {
		ctx, eng := t.Context(), s.eng
		sub, err := eng.As("alice").Subscribe(ctx, s.id)
		require.NoError(t, err)
		defer sub.Close()
		require.NoError(t, eng.As("alice").SetAnnouncement(ctx, s.id, "something to hear of"))
		var tried map[string]error
		require.NoError(t, eng.Atomic(ctx, func(tx *groupkit.Tx) error {
			tried = s.nested(ctx, tx, sub)
			for i := range verbs {
				tried[verbs[i].name] = second(verbs[i].do(s))
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
		require.NoError(t, second(eng.System().Group(ctx, s.id)), "and so does the engine")
		verified(t, eng)
	})
}

// nested are all calls that cannot be made inside Atomic but the verbs.
func (s *stage) nested(ctx context.Context, tx *groupkit.Tx, sub *groupkit.Subscription) map[string]error {
	eng, alice := s.eng, s.eng.As("alice")
	_, _, details := alice.GroupDetails(ctx, []groupkit.GroupID{s.id})
	_, _, page := alice.GroupsPage(ctx, 1, "")
	_, _, file := alice.OpenFile(ctx, s.id, s.file)
	return map[string]error{
		"Group": second(alice.Group(ctx, s.id)), "GroupDetails": details, "GroupsPage": page, "OpenFile": file,
		"Role": second(alice.Role(ctx, s.id, "bob")), "MaySpeak": alice.MaySpeak(ctx, s.id),
		"Announcement": second(alice.Announcement(ctx, s.id)), "File": second(alice.File(ctx, s.id, s.file)),
		"MembersPage": second(alice.MembersPage(ctx, s.id, groupkit.Page{})), "Members": second(collect(alice.Members(ctx, s.id))),
		"Admins": second(collect(alice.Admins(ctx, s.id))), "Groups": second(collect(alice.Groups(ctx))),
		"JoinedGroups": second(collect(alice.JoinedGroups(ctx, "alice"))), "Blacklist": second(collect(alice.Blacklist(ctx, s.id))),
		"Mutes": second(collect(alice.Mutes(ctx, s.id))), "AllowList": second(collect(alice.AllowList(ctx, s.id))),
		"Requests": second(collect(alice.Requests(ctx, s.id))), "Invitations": second(collect(alice.Invitations(ctx, s.id))),
		"PendingRequests":    second(collect(alice.PendingRequests(ctx, "alice"))),
		"PendingInvitations": second(collect(alice.PendingInvitations(ctx, "alice"))),
		"Files":              second(collect(alice.Files(ctx, s.id))), "Events": second(collect(alice.Events(ctx, s.id, 0))),
		"Snapshot": second(alice.Snapshot(ctx, s.id)), "Can": alice.Can().MuteGroup(ctx, s.id),
		"Atomic": eng.Atomic(ctx, func(*groupkit.Tx) error { return nil }), "Verify": second(eng.Verify(ctx)),
		"Sweep": second(eng.Sweep(ctx)), "Backup": eng.Backup(ctx, new(strings.Builder)), "Close": eng.Close(),
		"Bucket":    eng.Bucket(ctx, "gold", func(store.Reader) error { return nil }),
		"Subscribe": second(alice.Subscribe(ctx, s.id)), "SubscribeAll": second(eng.System().SubscribeAll(ctx)),
		"Next":            second(sub.Next(ctx)),
		"tx.Subscribe":    second(tx.As("alice").Subscribe(ctx, s.id)),
		"tx.SubscribeAll": second(tx.System().SubscribeAll(ctx)),
		"tx.UploadFile":   second(tx.As("alice").UploadFile(ctx, s.id, "x", strings.NewReader("x"))),
		"tx.ForgetUser":   tx.System().ForgetUser(ctx, "dave", groupkit.ForgetOptions{}),
	}
}

// Only the goroutine of fn is inside: what others ask meanwhile is answered.
func TestEngine_Atomic_OthersRead(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	ctx := t.Context()
	require.NoError(t, s.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
		require.NoError(t, tx.As("alice").MuteGroup(ctx, s.id))
		muted := make(chan bool)
		go func() {
			g, err := s.eng.System().Group(ctx, s.id)
			muted <- g.Muted || err != nil
		}()
		require.False(t, <-muted, "it is not committed yet")
		return nil
	}))
	require.True(t, s.group(t).Muted)
}

func TestEngine_Atomic_UserExists(t *testing.T) {
	t.Parallel()
	var eng *groupkit.Engine
	eng, _ = setup(t, groupkit.Options{UserExists: func(ctx context.Context, user groupkit.UserID) (bool, error) {
		_, err := collect(eng.System().Groups(ctx))
		return true, err
	}})
	id := group(t, eng, groupkit.NewGroup{})
	require.NoError(t, eng.System().AddMember(t.Context(), id, "bob"))
	require.ErrorIs(t, eng.Atomic(t.Context(), func(tx *groupkit.Tx) error {
		return tx.System().AddMember(t.Context(), id, "carol")
	}), groupkit.ErrNested)
}

func TestEngine_Atomic_UseAfterTheEnd(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *stage) {
		ctx := t.Context()
		for _, fnErr := range []error{nil, errors.New("no")} {
			var late *groupkit.Tx
			var bucket store.Writer
			require.Equal(t, fnErr, s.eng.Atomic(ctx, func(tx *groupkit.Tx) (err error) {
				late = tx
				if bucket, err = tx.Bucket("gold"); err == nil {
					err = fnErr
				}
				return err
			}))
			require.Error(t, bucket.Put([]byte("k"), []byte("v")))
			require.ErrorIs(t, late.As("alice").MuteGroup(ctx, s.id), groupkit.ErrClosed)
			require.ErrorIs(t, late.As("alice").Can().MuteGroup(ctx, s.id), groupkit.ErrClosed)
			require.ErrorIs(t, second(late.System().Group(ctx, s.id)), groupkit.ErrClosed)
			require.ErrorIs(t, second(collect(late.System().Members(ctx, s.id))), groupkit.ErrClosed)
			require.ErrorIs(t, second(late.Bucket("gold")), groupkit.ErrClosed)
		}
		require.False(t, s.group(t).Muted)
	})
}
