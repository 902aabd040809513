package pgstore_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/pgstore"
	"groupkit/store/pgstore/pgtest"
)

// TestOpen_AllAtOnce opens a new app from eight sides: one of them makes the tables.
func TestOpen_AllAtOnce(t *testing.T) {
	t.Parallel()
	at, name := url(t), newName()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			s, err := pgstore.Open(context.Background(), at, &pgstore.Options{Name: name})
			if err != nil {
				t.Error(err)
				return
			}
			err = s.Update(context.Background(), func(w store.Writer) error { return w.Put(fmt.Appendf(nil, "%d", i), nil) })
			if err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s := open(t, pgstore.Options{Name: name})
	require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
		page, _, err := r.Scan(store.Range{})
		require.Len(t, page, 8)
		return err
	}))
}

// TestOpen_HalfMade opens an app whose first process ended, or is, between making the table with the
// version and writing the version.
func TestOpen_HalfMade(t *testing.T) {
	t.Parallel()
	name := newName()
	admin(t, strings.ReplaceAll(pgstore.MakeMeta[0], "APP_", name+"_"))
	s, err := pgstore.Open(t.Context(), url(t), &pgstore.Options{Name: name})
	require.NoError(t, err)
	require.Equal(t, "none", value(t, s, "a"))
	require.NoError(t, s.Close())
}

func TestOpen_Newer(t *testing.T) {
	t.Parallel()
	s := open(t, pgstore.Options{})
	admin(t, "UPDATE "+s.Name()+"_meta SET version = $1", pgstore.Schema+1)
	_, err := pgstore.Open(t.Context(), url(t), &pgstore.Options{Name: s.Name()})
	require.ErrorIs(t, err, store.ErrNewer)
}

func TestOpen_Names(t *testing.T) {
	t.Parallel()
	one, two := open(t, pgstore.Options{}), open(t, pgstore.Options{})
	require.NoError(t, one.Update(t.Context(), func(w store.Writer) error { return w.Put([]byte("a"), []byte("1")) }))
	require.Equal(t, "none", value(t, two, "a"))
	require.Equal(t, "1", value(t, one, "a"))
	for _, name := range []string{"A", "1a", "a-b", "a b", `a"`, "abcdefghijklmnopqrstuvwxyz0123456"} {
		_, err := pgstore.Open(t.Context(), url(t), &pgstore.Options{Name: name})
		require.Error(t, err, "%q", name)
	}
}

// TestOpen_Refused opens what is not there: it fails at once.
func TestOpen_Refused(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"postgres://nobody@127.0.0.1:1/none", url(t) + "&dbname=none", "postgres://:x:"} {
		_, err := pgstore.Open(t.Context(), bad, nil)
		require.Error(t, err, bad)
		require.NotErrorIs(t, err, store.ErrConflict)
	}
}

// TestNew uses a pool of the application, which stays open.
func TestNew(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), url(t))
	require.NoError(t, err)
	defer pool.Close()
	s, err := pgstore.New(t.Context(), pool, &pgstore.Options{Name: newName()})
	require.NoError(t, err)
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		var setting string
		require.NoError(t, sql(t, w).QueryRow(t.Context(), "SHOW enable_seqscan").Scan(&setting))
		require.Equal(t, "off", setting)
		return w.Put([]byte("a"), nil)
	}))
	require.NoError(t, s.Close())
	var setting string
	require.NoError(t, pool.QueryRow(t.Context(), "SHOW enable_seqscan").Scan(&setting))
	require.Equal(t, "on", setting, "the settings of the application's connections stay")
}

func number(t *testing.T, s store.Store) (number uint64) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) (err error) {
		number, err = store.Number(w)
		return err
	}))
	return number
}

// TestOpen_Epoch opens data that comes from another cluster, or from one whose numbers were higher.
func TestOpen_Epoch(t *testing.T) {
	t.Parallel()
	s := open(t, pgstore.Options{})
	last := number(t, s)
	for _, change := range []string{"cluster = 'other'", "highest = 1000000000000", "cluster = ''"} {
		admin(t, "UPDATE "+s.Name()+"_meta SET "+change)
		again := open(t, pgstore.Options{Name: s.Name()})
		next := number(t, again)
		require.Greater(t, next, last)
		require.Less(t, next, uint64(1)<<48)
		if change != "cluster = ''" {
			require.Greater(t, next>>40, last>>40, change)
		} else {
			require.Equal(t, last>>40, next>>40, "nothing says that it is another cluster")
		}
		last = next
	}
	admin(t, "UPDATE "+s.Name()+"_meta SET epoch = 255, cluster = 'other'")
	_, err := pgstore.Open(t.Context(), url(t), &pgstore.Options{Name: s.Name()})
	require.Error(t, err)
}

// TestServer_Restarts restarts a server and crashes it while all write. Everything that Update has
// acknowledged is there, and no increment is lost.
func TestServer_Restarts(t *testing.T) {
	t.Parallel()
	url(t)
	own, err := pgtest.Start(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, own.Stop()) }()
	s, err := pgstore.Open(t.Context(), own.URL("postgres"), nil)
	require.NoError(t, err)
	defer s.Close()
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	const callers = 4
	var made, unknown [callers]int
	for i := range callers {
		all.Go(func() {
			for ctx.Err() == nil {
				err := s.Update(context.Background(), func(w store.Writer) error {
					key := fmt.Appendf(nil, "%d-%06d", i, made[i]+unknown[i])
					if err := w.Put(key, nil); err != nil {
						return err
					}
					_, _, err := w.Get([]byte("a"))
					return err
				})
				switch {
				case err == nil:
					made[i]++
				case isUnknown(err):
					unknown[i]++
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	for _, again := range []func(context.Context) error{own.Restart, own.Crash, own.Restart} {
		before := number(t, s)
		for number(t, s) < before+20 { // the others write meanwhile
		}
		require.NoError(t, again(t.Context()))
	}
	stop()
	all.Wait()
	for i := range callers {
		require.NotZero(t, made[i])
		n := 0
		for from := fmt.Appendf(nil, "%d-", i); from != nil; {
			require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
				page, more, err := r.Scan(store.Range{From: from, To: fmt.Appendf(nil, "%d.", i)})
				n += len(page)
				if from = nil; more {
					from = append(page[len(page)-1].Key, 0)
				}
				return err
			}))
		}
		require.GreaterOrEqual(t, n, made[i])
		require.LessOrEqual(t, n, made[i]+unknown[i])
	}
}

// A connection that is lost while the pool makes it is made again.
func TestStore_lostWhileConnecting(t *testing.T) {
	t.Parallel()
	config, err := pgxpool.ParseConfig(url(t))
	require.NoError(t, err)
	losing := false
	config.MaxConns = 1
	config.AfterConnect = func(context.Context, *pgx.Conn) error {
		if losing {
			losing = false
			return io.ErrUnexpectedEOF
		}
		return nil
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	defer pool.Close()
	s, err := pgstore.New(t.Context(), pool, &pgstore.Options{Name: newName()})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	pool.Reset() // closes the idle connection
	losing = true
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error { return w.Put([]byte("a"), []byte("1")) }))
	require.False(t, losing)
	pool.Reset()
	losing = true
	require.Equal(t, "1", value(t, s, "a"))
}
