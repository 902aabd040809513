package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

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
	opts.CacheBytes = small(opts.CacheBytes)
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
			tried = nested(ctx, s, tx, sub)
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
func nested(ctx context.Context, s *stage, tx *groupkit.Tx, sub *groupkit.Subscription) map[string]error {
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

func TestEngine_Atomic_Can(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *stage) {
		ctx := t.Context()
		require.NoError(t, s.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
			can := tx.As("carol").Can()
			require.ErrorIs(t, can.MuteGroup(ctx, s.id), groupkit.ErrRoleTooLow)
			require.NoError(t, tx.As("alice").AddAdmin(ctx, s.id, "carol"))
			require.NoError(t, can.MuteGroup(ctx, s.id))
			require.NoError(t, tx.As("alice").Can().DeleteGroup(ctx, s.id))
			g, err := tx.System().Group(ctx, s.id)
			require.NoError(t, err)
			require.False(t, g.Muted)
			return nil
		}))
		require.Equal(t, 3, s.group(t).AdminCount)
		verified(t, s.eng)
	})
}

// What a commit leaves to do is done when Atomic returns.
func TestEngine_Atomic_FinishesDeletions(t *testing.T) {
	for _, broken := range []bool{false, true} {
		onStores(t, broken, func(t *testing.T, s *stage, blobs store.Blobs) {
			ctx, undo := t.Context(), errors.New("undo")
			other := group(t, s.eng, groupkit.NewGroup{ID: "other", Members: ids{"carol"}})
			f, err := s.eng.As("carol").UploadFile(ctx, other, "b", strings.NewReader("b"))
			require.NoError(t, err)
			err = s.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
				require.NoError(t, tx.As("carol").DeleteFile(ctx, other, f.ID))
				require.NoError(t, tx.As("alice").DeleteGroup(ctx, s.id))
				require.ErrorIs(t, second(tx.As("alice").Group(ctx, s.id)), groupkit.ErrGroupNotFound)
				require.ErrorIs(t, second(tx.System().CreateGroup(ctx, groupkit.NewGroup{ID: s.id, Name: "n", Owner: "a"})), groupkit.ErrGroupExists)
				joined, err := collect(tx.As("carol").JoinedGroups(ctx, "carol"))
				require.NoError(t, err)
				require.Len(t, joined, 1)
				if broken {
					return undo
				}
				return nil
			})
			left, _, listErr := blobs.List(ctx, "", 10)
			require.NoError(t, listErr)
			if broken {
				require.ErrorIs(t, err, undo)
				require.Len(t, left, 2)
			} else {
				require.NoError(t, err)
				require.Empty(t, left, "contents of files are gone")
			}
			verified(t, s.eng)
		})
	}
}

// onStores is onEveryStore with the contents of files at hand.
func onStores(t *testing.T, broken bool, test func(*testing.T, *stage, store.Blobs)) {
	t.Run(map[bool]string{false: "committed", true: "undone"}[broken], func(t *testing.T) {
		t.Parallel()
		for name, st := range map[string]store.Store{"memory": memstore.New(), "run again": runTwice(memstore.New())} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				blobs := memblob.New()
				test(t, stagedOn(t, st, blobs, groupkit.Options{}), blobs)
			})
		}
	})
}

// A store that fails in the middle of a call leaves half of it in the transaction, so
// that nothing of the transaction can be kept, whatever fn makes of the error.
func TestEngine_Atomic_StorageErrorBreaksIt(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{errFailing, context.Canceled, store.ErrTooLarge} {
		for puts := range 12 {
			st := &clumsyStore{Store: memstore.New(), err: cause}
			s := stagedOn(t, st, memblob.New(), groupkit.Options{})
			before := dumped(t, st)
			st.after = &puts
			err := s.eng.Atomic(t.Context(), func(tx *groupkit.Tx) error {
				_ = tx.As("alice").TransferGroup(t.Context(), s.id, "dave")
				st.after = nil
				_ = tx.As("alice").MuteGroup(t.Context(), s.id)
				return nil
			})
			if puts >= 0 {
				require.NoError(t, err, "the call needed fewer writes")
				continue
			}
			require.ErrorIs(t, err, cause)
			require.Equal(t, before, dumped(t, st))
			require.NoError(t, s.eng.As("alice").MuteGroup(t.Context(), s.id))
			verified(t, s.eng)
		}
	}
}

// A clumsyStore fails a write after so many others.
type clumsyStore struct {
	store.Store
	after *int
	err   error
}

func (s *clumsyStore) Update(ctx context.Context, fn func(store.Writer) error) error {
	return s.Store.Update(ctx, func(w store.Writer) error { return fn(clumsyWriter{w, s}) })
}

type clumsyWriter struct {
	store.Writer
	store *clumsyStore
}

func (w clumsyWriter) slip() error {
	if w.store.after == nil {
		return nil
	}
	if *w.store.after--; *w.store.after < 0 {
		return w.store.err
	}
	return nil
}

func (w clumsyWriter) Put(key, value []byte) error {
	if err := w.slip(); err != nil {
		return err
	}
	return w.Writer.Put(key, value)
}

func (w clumsyWriter) Delete(key []byte) error {
	if err := w.slip(); err != nil {
		return err
	}
	return w.Writer.Delete(key)
}

// pay takes gold, which the application keeps beside the groups.
func pay(tx *groupkit.Tx, u groupkit.UserID, gold byte) error {
	b, err := tx.Bucket("gold")
	if err != nil {
		return err
	}
	has, _, err := b.Get([]byte(u))
	if err != nil || len(has) == 0 || has[0] < gold {
		return errors.Join(err, errPoor)
	}
	return b.Put([]byte(u), []byte{has[0] - gold})
}

var errPoor = errors.New("not enough gold")

func TestTx_Bucket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "game.db")
	for name, open := range map[string]func(t *testing.T) store.Store{
		"memory": func(*testing.T) store.Store { return memstore.New() },
		"bolt":   func(t *testing.T) store.Store { return quickBolt(t) },
		"bolt of the application": func(t *testing.T) store.Store {
			db, err := bolt.Open(path, 0o600, &bolt.Options{NoSync: true})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			st, err := boltstore.New(db)
			require.NoError(t, err)
			return &ownBolt{st, db}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := open(t)
			s := stagedOn(t, st, memblob.New(), groupkit.Options{})
			own, _ := st.(*ownBolt)
			trade(t, s, func() byte {
				if own != nil {
					return own.gold(t, "ivan")
				}
				return goldOf(t, s, "ivan")
			})
		})
	}
}

// trade has ivan pay for his membership, in several ways that fail.
func trade(t *testing.T, s *stage, gold func() byte) {
	ctx := t.Context()
	require.EqualValues(t, 0, gold())
	require.NoError(t, s.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
		b, err := tx.Bucket("gold")
		if err != nil {
			return err
		}
		return b.Put([]byte("ivan"), []byte{70})
	}))
	require.EqualValues(t, 70, gold())
	admit := func(u groupkit.UserID, price byte) error {
		return s.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
			if err := pay(tx, "ivan", price); err != nil {
				return err
			}
			return tx.System().AddMember(ctx, s.id, u)
		})
	}
	before := s.group(t).Version
	require.ErrorIs(t, admit("ivan", 71), errPoor)
	require.ErrorIs(t, admit("mallory", 50), groupkit.ErrBlacklisted)
	require.EqualValues(t, 70, gold(), "neither")
	require.Equal(t, before, s.group(t).Version)
	require.NoError(t, admit("ivan", 50))
	require.EqualValues(t, 20, gold(), "both")
	require.Equal(t, before+1, s.group(t).Version)
	verified(t, s.eng)
}

// goldOf reads as the application does.
func goldOf(t *testing.T, s *stage, u string) (gold byte) {
	require.NoError(t, s.eng.Bucket(t.Context(), "gold", func(r store.Reader) error {
		value, ok, err := r.Get([]byte(u))
		if ok {
			gold = value[0]
		}
		return err
	}))
	return gold
}

// ownBolt is a store in a database of the application's.
type ownBolt struct {
	store.Store
	db *bolt.DB
}

// gold reads by bbolt's own API.
func (b *ownBolt) gold(t *testing.T, u string) (gold byte) {
	require.NoError(t, b.db.View(func(tx *bolt.Tx) error {
		if own := tx.Bucket([]byte("gold")); own != nil {
			if value := own.Get([]byte(u)); value != nil {
				gold = value[0]
			}
		}
		return nil
	}))
	return gold
}

func TestTx_Bucket_OutOfReach(t *testing.T) {
	t.Parallel()
	for name, st := range map[string]store.Store{"memory": memstore.New(), "bolt": quickBolt(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stagedOn(t, st, memblob.New(), groupkit.Options{})
			ctx := t.Context()
			for _, bucket := range []string{"groupkit", ""} {
				require.ErrorIs(t, s.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
					return second(tx.Bucket(bucket))
				}), groupkit.ErrStorage, "%q", bucket)
				require.ErrorIs(t, s.eng.Bucket(ctx, bucket, func(store.Reader) error { return nil }), groupkit.ErrStorage)
			}
			before := dumped(t, st)
			require.NoError(t, s.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
				b, err := tx.Bucket("mine")
				require.NoError(t, err)
				for k := range before {
					require.NoError(t, b.Put([]byte(k), []byte("x")))
				}
				page, _, err := b.Scan(store.Range{})
				require.Len(t, page, len(before))
				return err
			}))
			require.Equal(t, before, dumped(t, st))
			require.NoError(t, s.eng.Bucket(ctx, "mine", func(r store.Reader) error {
				page, _, err := r.Scan(store.Range{})
				require.Len(t, page, len(before))
				return err
			}))
			verified(t, s.eng)
		})
	}
}

func TestEngine_Bucket(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	no := errors.New("no")
	require.True(t, s.eng.Bucket(t.Context(), "gold", func(store.Reader) error { return no }) == no) //nolint:errorlint // as it is
	plain := stagedOn(t, noBuckets{memstore.New()}, memblob.New(), groupkit.Options{})
	err := plain.eng.Atomic(t.Context(), func(tx *groupkit.Tx) error { return second(tx.Bucket("gold")) })
	require.ErrorIs(t, err, store.ErrNotSupported)
	require.ErrorIs(t, err, groupkit.ErrStorage)
}

// noBuckets is a store that has none.
type noBuckets struct{ store.Store }

func (s noBuckets) Update(ctx context.Context, fn func(store.Writer) error) error {
	return s.Store.Update(ctx, func(w store.Writer) error { return fn(struct{ store.Writer }{w}) })
}

// A key inside Atomic is kept with it, or not at all.
func TestEngine_Atomic_Once(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *stage) {
		ctx, undo := t.Context(), errors.New("undo")
		for _, end := range []error{undo, nil, nil} {
			err := s.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
				require.NoError(t, tx.System().Once("k").AddMember(ctx, s.id, "ivan"))
				require.NoError(t, tx.System().Once("k").AddMember(ctx, s.id, "ivan"))
				require.ErrorIs(t, tx.System().Once("k").AddMember(ctx, s.id, "judy"), groupkit.ErrKeyReused)
				return end
			})
			require.Equal(t, end, err)
		}
		_, log := s.whole(t)
		require.EqualValues(t, "ivan", log[len(log)-1].Users[0])
		verified(t, s.eng)
	})
}

func TestEngine_Atomic_Contexts(t *testing.T) {
	t.Parallel()
	s := staged(t, groupkit.Options{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	ran := false
	err := s.eng.Atomic(ended, func(*groupkit.Tx) error { ran = true; return nil })
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, ran)
	require.NoError(t, s.eng.Atomic(t.Context(), func(tx *groupkit.Tx) error {
		require.ErrorIs(t, tx.As("alice").MuteGroup(ended, s.id), context.Canceled)
		return nil
	}))
	require.False(t, s.group(t).Muted)
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
	onEveryStore(t, func(t *testing.T, s *stage) {
		ctx := t.Context()
		other := group(t, s.eng, groupkit.NewGroup{ID: "other"})
		var fns []func()
		for i := range 16 {
			u := groupkit.UserID(fmt.Sprint("user-", i))
			fns = append(fns, func() {
				for range 5 {
					err := s.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
						if err := tx.System().AddMember(ctx, s.id, u); err != nil {
							return errors.Join(tx.System().RemoveMember(ctx, s.id, u), tx.System().RemoveMember(ctx, other, u))
						}
						return tx.System().AddMember(ctx, other, u)
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		atOnce(fns...)
		g, err := s.eng.System().Group(ctx, other)
		require.NoError(t, err)
		require.Equal(t, 1+16, g.MemberCount, "in both, or in none, an odd number of times")
		replayed(t, s.eng, s.id)
		verified(t, s.eng)
	})
}

// A call whose transaction panicked is no longer under way: subscribers hear of the
// next one, and MaySpeak is answered from memory again.
func TestEngine_Atomic_PanicLeavesNothingUnderWay(t *testing.T) {
	t.Parallel()
	reads := &countingStore{Store: memstore.New()}
	s := stagedOn(t, reads, memblob.New(), groupkit.Options{})
	ctx, carol := t.Context(), s.eng.As("carol")
	require.Panics(t, func() {
		_ = s.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
			require.NoError(t, tx.As("alice").SetAnnouncement(ctx, s.id, "hear me"))
			require.NoError(t, second(tx.As("alice").Mute(ctx, s.id, time.Hour, "carol")))
			panic("oops")
		})
	})
	require.NoError(t, carol.MaySpeak(ctx, s.id))
	before := reads.views.Load()
	for range 10 {
		require.NoError(t, carol.MaySpeak(ctx, s.id))
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
