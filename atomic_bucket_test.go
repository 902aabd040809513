package groupkit_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

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
		"bolt":   func(t *testing.T) store.Store { return grouptest.NewBolt(t) },
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
			s := grouptest.NewFixtureOver(t, st, memblob.New(), groupkit.Options{})
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
func trade(t *testing.T, s *grouptest.Fixture, gold func() byte) {
	ctx := t.Context()
	require.EqualValues(t, 0, gold())
	require.NoError(t, s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
		b, err := tx.Bucket("gold")
		if err != nil {
			return err
		}
		return b.Put([]byte("ivan"), []byte{70})
	}))
	require.EqualValues(t, 70, gold())
	admit := func(u groupkit.UserID, price byte) error {
		return s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
			if err := pay(tx, "ivan", price); err != nil {
				return err
			}
			return tx.System().AddMember(ctx, s.ID, u)
		})
	}
	before := s.Group(t).Version
	require.ErrorIs(t, admit("ivan", 71), errPoor)
	require.ErrorIs(t, admit("mallory", 50), groupkit.ErrBlacklisted)
	require.EqualValues(t, 70, gold(), "neither")
	require.Equal(t, before, s.Group(t).Version)
	require.NoError(t, admit("ivan", 50))
	require.EqualValues(t, 20, gold(), "both")
	require.Equal(t, before+1, s.Group(t).Version)
	grouptest.RequireVerified(t, s.Engine)
}

// goldOf reads as the application does.
func goldOf(t *testing.T, s *grouptest.Fixture, u string) (gold byte) {
	require.NoError(t, s.Engine.Bucket(t.Context(), "gold", func(r store.Reader) error {
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
	for name, st := range map[string]store.Store{"memory": memstore.New(), "bolt": grouptest.NewBolt(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := grouptest.NewFixtureOver(t, st, memblob.New(), groupkit.Options{})
			ctx := t.Context()
			for _, bucket := range []string{"groupkit", ""} {
				require.ErrorIs(t, s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
					return grouptest.ErrorOf(tx.Bucket(bucket))
				}), groupkit.ErrStorage, "%q", bucket)
				require.ErrorIs(t, s.Engine.Bucket(ctx, bucket, func(store.Reader) error { return nil }), groupkit.ErrStorage)
			}
			before := grouptest.DumpStore(t, st)
			require.NoError(t, s.Engine.Atomic(ctx, func(tx *groupkit.Tx) error {
				b, err := tx.Bucket("mine")
				require.NoError(t, err)
				for k := range before {
					require.NoError(t, b.Put([]byte(k), []byte("x")))
				}
				page, _, err := b.Scan(store.Range{})
				require.Len(t, page, len(before))
				return err
			}))
			require.Equal(t, before, grouptest.DumpStore(t, st))
			require.NoError(t, s.Engine.Bucket(ctx, "mine", func(r store.Reader) error {
				page, _, err := r.Scan(store.Range{})
				require.Len(t, page, len(before))
				return err
			}))
			grouptest.RequireVerified(t, s.Engine)
		})
	}
}

func TestEngine_Bucket(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	no := errors.New("no")
	require.True(t, s.Engine.Bucket(t.Context(), "gold", func(store.Reader) error { return no }) == no) //nolint:errorlint // as it is
	plain := grouptest.NewFixtureOver(t, noBuckets{memstore.New()}, memblob.New(), groupkit.Options{})
	err := plain.Engine.Atomic(t.Context(), func(tx *groupkit.Tx) error { return grouptest.ErrorOf(tx.Bucket("gold")) })
	require.ErrorIs(t, err, store.ErrNotSupported)
	require.ErrorIs(t, err, groupkit.ErrStorage)
}

// noBuckets is a store that has none.
type noBuckets struct{ store.Store }

func (s noBuckets) Update(ctx context.Context, fn func(store.Writer) error) error {
	return s.Store.Update(ctx, func(w store.Writer) error { return fn(struct{ store.Writer }{w}) })
}
