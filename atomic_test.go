package groupkit_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
	"groupkit/store/storetest"
)

// onEveryStore runs a test of Atomic on each kind of store.
func onEveryStore(t *testing.T, test func(t *testing.T, s *grouptest.Fixture)) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) store.Store{
		"memory":           func(*testing.T) store.Store { return memstore.New() },
		"memory run again": func(*testing.T) store.Store { return grouptest.RunTwice(memstore.New()) },
		"memory at random": func(*testing.T) store.Store { return storetest.Rerun(memstore.New()) },
		"bolt":             func(t *testing.T) store.Store { return grouptest.NewBolt(t) },
		"bolt run again":   func(t *testing.T) store.Store { return grouptest.RunTwice(grouptest.NewBolt(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, grouptest.NewFixtureOver(t, open(t), memblob.New(), groupkit.Options{}))
		})
	}
}

func TestEngine_Atomic_AllOrNone(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *grouptest.Fixture) {
		ctx := t.Context()
		other := grouptest.CreateGroup(t, s.Engine, groupkit.NewGroup{})
		before, log := s.State(t)
		wrong := errors.New("not enough gold")
		err := s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
			require.NoError(t, tx.System().AddMember(ctx, s.ID, "ivan"))
			require.NoError(t, tx.System().AddMember(ctx, other, "ivan"))
			require.NoError(t, grouptest.ErrorOf(tx.As("ivan").CreateGroup(ctx, groupkit.NewGroup{Name: "third"})))
			require.NoError(t, tx.As("alice").DeleteGroup(ctx, other))
			return wrong
		})
		require.True(t, err == wrong, "the error of fn as it is, not %v", err) //nolint:errorlint // that is the point
		after, logAfter := s.State(t)
		require.Equal(t, before, after)
		require.Equal(t, log, logAfter)
		joined, err := grouptest.Collect(s.Engine.System().JoinedGroups(ctx, "ivan"))
		require.NoError(t, err)
		require.Empty(t, joined)
		grouptest.RequireVerified(t, s.Engine)
	})
}

func TestEngine_Atomic_LaterSeesEarlier(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *grouptest.Fixture) {
		ctx, third := t.Context(), groupkit.Group{}
		err := s.Engine.Atomic(ctx, func(tx *groupkit.Tx) (err error) {
			alice := tx.As("alice")
			require.NoError(t, alice.AddAdmin(ctx, s.ID, "carol"))
			require.NoError(t, tx.As("carol").MuteGroup(ctx, s.ID), "an admin by now")
			require.ErrorIs(t, tx.As("frank").MaySpeak(ctx, s.ID), groupkit.ErrNotMember)
			require.NoError(t, tx.As("carol").ApproveRequest(ctx, s.ID, "frank"))
			require.ErrorIs(t, tx.As("frank").MaySpeak(ctx, s.ID), groupkit.ErrGroupMuted)
			admins, err := grouptest.Collect(alice.Admins(ctx, s.ID))
			require.NoError(t, err)
			require.Len(t, admins, 3)
			page, err := alice.MembersPage(ctx, s.ID, groupkit.Page{Size: 100})
			require.NoError(t, err)
			g, err := alice.Group(ctx, s.ID)
			require.NoError(t, err)
			require.Len(t, page, g.MemberCount)
			require.NoError(t, alice.IfVersion(g.Version).UnmuteGroup(ctx, s.ID))
			require.ErrorIs(t, alice.IfVersion(g.Version).MuteGroup(ctx, s.ID), groupkit.ErrVersion)
			third, err = tx.As("frank").CreateGroup(ctx, groupkit.NewGroup{Name: "third"})
			require.NoError(t, err)
			events, err := grouptest.Collect(tx.As("frank").Events(ctx, third.ID, 0))
			require.NoError(t, err)
			require.Len(t, events, 2)
			joined, err := grouptest.Collect(tx.As("frank").JoinedGroups(ctx, "frank"))
			require.NoError(t, err)
			require.Len(t, joined, 2)
			return nil
		})
		require.NoError(t, err)
		g, err := s.Engine.As("frank").Group(ctx, third.ID)
		require.NoError(t, err)
		require.Equal(t, third, g)
		replayed(t, s.Engine, s.ID)
		grouptest.RequireVerified(t, s.Engine)
	})
}

// A call that is refused changes nothing; what fn goes on with is done.
func TestEngine_Atomic_RefusalIgnored(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *grouptest.Fixture) {
		ctx := t.Context()
		err := s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
			require.ErrorIs(t, tx.As("carol").DeleteGroup(ctx, s.ID), groupkit.ErrRoleTooLow)
			require.ErrorIs(t, grouptest.ErrorOf(tx.System().AddMembers(ctx, s.ID, grouptest.IDs{"mallory", "carol"})), groupkit.ErrBlacklisted)
			require.ErrorIs(t, grouptest.ErrorOf(tx.System().CreateGroup(ctx, groupkit.NewGroup{ID: s.ID, Name: "n", Owner: "ivan"})), groupkit.ErrGroupExists)
			return tx.System().AddMember(ctx, s.ID, "ivan")
		})
		require.NoError(t, err)
		_, log := s.State(t)
		require.Equal(t, groupkit.MemberJoined, log[len(log)-1].Kind)
		replayed(t, s.Engine, s.ID)
		grouptest.RequireVerified(t, s.Engine)
	})
}

func TestEngine_Atomic_EventsInOrder(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *grouptest.Fixture) {
		ctx := t.Context()
		sub, err := s.Engine.System().FollowAll(ctx, groupkit.Latest())
		require.NoError(t, err)
		defer sub.Close()
		other := grouptest.CreateGroup(t, s.Engine, groupkit.NewGroup{})
		require.NoError(t, s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
			return errors.Join(
				tx.As("alice").MuteGroup(ctx, s.ID),
				tx.As("alice").MuteGroup(ctx, other),
				tx.As("alice").AddAdmin(ctx, s.ID, "carol"),
				tx.As("alice").UnmuteGroup(ctx, other),
				tx.As("alice").UnmuteGroup(ctx, s.ID),
			)
		}))
		got := map[groupkit.GroupID][]groupkit.EventKind{}
		for range 7 {
			e, err := sub.Next(ctx)
			require.NoError(t, err)
			got[e.Group] = append(got[e.Group], e.Kind)
		}
		require.Equal(t, []groupkit.EventKind{groupkit.GroupMuted, groupkit.AdminAdded, groupkit.GroupUnmuted}, got[s.ID])
		require.Equal(t, []groupkit.EventKind{groupkit.GroupCreated, groupkit.MemberJoined, groupkit.GroupMuted, groupkit.GroupUnmuted}, got[other])
	})
}

func TestEngine_Atomic_Panics(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *grouptest.Fixture) {
		ctx := t.Context()
		sub, err := s.Engine.As("alice").Follow(ctx, s.ID, groupkit.Latest())
		require.NoError(t, err)
		defer sub.Close()
		for range 3 {
			require.PanicsWithValue(t, "oops", func() {
				_ = s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
					require.NoError(t, tx.As("alice").MuteGroup(ctx, s.ID))
					panic("oops")
				})
			})
			require.False(t, s.Group(t).Muted)
		}
		require.NoError(t, s.Engine.As("alice").AddAdmin(ctx, s.ID, "carol"), "it goes on")
		e, err := sub.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, groupkit.AdminAdded, e.Kind, "of what was not committed nobody hears")
		grouptest.RequireVerified(t, s.Engine)
	})
}

func TestEngine_Atomic_Can(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *grouptest.Fixture) {
		ctx := t.Context()
		require.NoError(t, s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
			can := tx.As("carol").Can()
			require.ErrorIs(t, can.MuteGroup(ctx, s.ID), groupkit.ErrRoleTooLow)
			require.NoError(t, tx.As("alice").AddAdmin(ctx, s.ID, "carol"))
			require.NoError(t, can.MuteGroup(ctx, s.ID))
			require.NoError(t, tx.As("alice").Can().DeleteGroup(ctx, s.ID))
			g, err := tx.System().Group(ctx, s.ID)
			require.NoError(t, err)
			require.False(t, g.Muted)
			return nil
		}))
		require.Equal(t, 3, s.Group(t).AdminCount)
		grouptest.RequireVerified(t, s.Engine)
	})
}

// What a commit leaves to do is done when Atomic returns.
func TestEngine_Atomic_FinishesDeletions(t *testing.T) {
	for _, broken := range []bool{false, true} {
		onStores(t, broken, func(t *testing.T, s *grouptest.Fixture, blobs store.Blobs) {
			ctx, undo := t.Context(), errors.New("undo")
			other := grouptest.CreateGroup(t, s.Engine, groupkit.NewGroup{ID: "other", Members: grouptest.IDs{"carol"}})
			f, err := s.Engine.As("carol").UploadFile(ctx, other, "b", strings.NewReader("b"))
			require.NoError(t, err)
			err = s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
				require.NoError(t, tx.As("carol").DeleteFile(ctx, other, f.ID))
				require.NoError(t, tx.As("alice").DeleteGroup(ctx, s.ID))
				require.ErrorIs(t, grouptest.ErrorOf(tx.As("alice").Group(ctx, s.ID)), groupkit.ErrGroupNotFound)
				require.ErrorIs(t, grouptest.ErrorOf(tx.System().CreateGroup(ctx, groupkit.NewGroup{ID: s.ID, Name: "n", Owner: "a"})), groupkit.ErrGroupExists)
				joined, err := grouptest.Collect(tx.As("carol").JoinedGroups(ctx, "carol"))
				require.NoError(t, err)
				require.Len(t, joined, 1)
				if broken {
					return undo
				}
				return nil
			})
			left := grouptest.ContentIDs(t, blobs)
			if broken {
				require.ErrorIs(t, err, undo)
				require.Len(t, left, 2)
			} else {
				require.NoError(t, err)
				require.Empty(t, left, "contents of files are gone")
			}
			grouptest.RequireVerified(t, s.Engine)
		})
	}
}

// onStores is onEveryStore for tests that need the contents of files.
func onStores(t *testing.T, broken bool, test func(*testing.T, *grouptest.Fixture, store.Blobs)) {
	t.Run(map[bool]string{false: "committed", true: "undone"}[broken], func(t *testing.T) {
		t.Parallel()
		for name, st := range map[string]store.Store{"memory": memstore.New(), "run again": grouptest.RunTwice(memstore.New())} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				blobs := memblob.New()
				test(t, grouptest.NewFixtureOver(t, st, blobs, groupkit.Options{}), blobs)
			})
		}
	})
}

// A store that fails in the middle of a call leaves half of it in the transaction, so
// that nothing of the transaction can be kept, whatever fn makes of the error.
func TestEngine_Atomic_StorageErrorBreaksIt(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{grouptest.ErrFailing, context.Canceled, store.ErrTooLarge} {
		for puts := range 12 {
			st := &clumsyStore{Store: memstore.New(), err: cause}
			s := grouptest.NewFixtureOver(t, st, memblob.New(), groupkit.Options{})
			before := grouptest.DumpStore(t, st)
			st.after = &puts
			err := s.Engine.Atomic(t.Context(), func(tx *groupkit.Tx) error {
				_ = tx.As("alice").TransferGroup(t.Context(), s.ID, "dave")
				st.after = nil
				_ = tx.As("alice").MuteGroup(t.Context(), s.ID)
				return nil
			})
			if puts >= 0 {
				require.NoError(t, err, "the call needed fewer writes")
				continue
			}
			require.ErrorIs(t, err, cause)
			require.Equal(t, before, grouptest.DumpStore(t, st))
			require.NoError(t, s.Engine.As("alice").MuteGroup(t.Context(), s.ID))
			grouptest.RequireVerified(t, s.Engine)
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

// A key inside Atomic is kept with it, or not at all.
func TestEngine_Atomic_Once(t *testing.T) {
	onEveryStore(t, func(t *testing.T, s *grouptest.Fixture) {
		ctx, undo := t.Context(), errors.New("undo")
		for _, end := range []error{undo, nil, nil} {
			err := s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
				require.NoError(t, tx.System().Once("k").AddMember(ctx, s.ID, "ivan"))
				require.NoError(t, tx.System().Once("k").AddMember(ctx, s.ID, "ivan"))
				require.ErrorIs(t, tx.System().Once("k").AddMember(ctx, s.ID, "judy"), groupkit.ErrKeyReused)
				return end
			})
			require.Equal(t, end, err)
		}
		_, log := s.State(t)
		require.EqualValues(t, "ivan", log[len(log)-1].Users[0])
		grouptest.RequireVerified(t, s.Engine)
	})
}
