package pgstore_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/pgstore"
)

var errRefused = errors.New("refused by the function")

func value(t *testing.T, s store.Store, key string) (value string) {
	t.Helper()
	require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
		v, ok, err := r.Get([]byte(key))
		if value = string(v); !ok {
			value = "none"
		}
		return err
	}))
	return value
}

// admin runs a statement on a connection of its own.
func admin(t testing.TB, sql string, args ...any) {
	t.Helper()
	c, err := pgx.Connect(context.Background(), url(t))
	require.NoError(t, err)
	defer func() { _ = c.Close(context.Background()) }()
	_, err = c.Exec(context.Background(), sql, args...)
	require.NoError(t, err)
}

// sql returns the database's transaction of w.
func sql(t *testing.T, w store.Writer) pgx.Tx {
	tx, err := pgstore.SQL(w)
	require.NoError(t, err)
	return tx
}

func TestUpdate_KilledBeforeTheCommit(t *testing.T) {
	t.Parallel()
	s := open(t, pgstore.Options{})
	runs := 0
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		runs++
		if runs == 1 {
			var pid int
			require.NoError(t, sql(t, w).QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid))
			admin(t, "SELECT pg_terminate_backend($1, 10000)", pid)
			_, _, err := w.Get([]byte("a"))
			require.Error(t, err)
			return errRefused // what a lost connection made of it does not count
		}
		return w.Put([]byte("a"), []byte("1"))
	}))
	require.Equal(t, 2, runs)
	require.Equal(t, "1", value(t, s, "a"))
}

// TestUpdate_KilledWhileItWrites kills a transaction that waits for a row with its last statements.
func TestUpdate_KilledWhileItWrites(t *testing.T) {
	t.Parallel()
	s := open(t, pgstore.Options{})
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error { return w.Put([]byte("a"), []byte("1")) }))
	waiting := make(chan int, 1)
	var all sync.WaitGroup
	c, err := pgx.Connect(t.Context(), url(t))
	require.NoError(t, err)
	defer func() { _ = c.Close(context.Background()) }()
	tx, err := c.Begin(t.Context())
	require.NoError(t, err)
	name := s.Name()
	_, err = tx.Exec(t.Context(), "SELECT * FROM "+name+"_records FOR UPDATE")
	require.NoError(t, err)
	runs := 0
	all.Go(func() {
		err := s.Update(context.Background(), func(w store.Writer) error {
			if runs++; runs == 1 {
				var pid int
				if err := sql(t, w).QueryRow(context.Background(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
					return err
				}
				waiting <- pid
			}
			return w.Put([]byte("a"), []byte("2"))
		})
		if err != nil {
			t.Error(err)
		}
	})
	pid := <-waiting
	for blocked := false; !blocked; {
		var by []int32
		require.NoError(t, tx.QueryRow(t.Context(), "SELECT pg_blocking_pids($1)", pid).Scan(&by))
		blocked = len(by) > 0
	}
	admin(t, "SELECT pg_terminate_backend($1, 10000)", pid)
	require.NoError(t, tx.Rollback(t.Context()))
	all.Wait()
	require.Equal(t, 2, runs, "the server had not come to COMMIT, and said so")
	require.Equal(t, "2", value(t, s, "a"))
}

// TestUpdate_CommitUnknown kills the connection within COMMIT, in a trigger that waits.
func TestUpdate_CommitUnknown(t *testing.T) {
	t.Parallel()
	s := open(t, pgstore.Options{})
	name := s.Name()
	admin(t, `CREATE FUNCTION `+name+`_die() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(60); RETURN NULL; END $$`)
	admin(t, `CREATE CONSTRAINT TRIGGER die AFTER INSERT ON `+name+`_records DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION `+name+`_die()`)
	runs := 0
	err := s.Update(t.Context(), func(w store.Writer) error {
		runs++
		return w.Put([]byte("a"), []byte("1"))
	})
	require.ErrorIs(t, err, store.ErrCommitUnknown)
	require.NotErrorIs(t, err, store.ErrConflict)
	require.Equal(t, 1, runs)
	require.Equal(t, "none", value(t, s, "a"))
}

// TestUpdate_FailedStatement drops the error of a statement: the database answers COMMIT with
// ROLLBACK then.
func TestUpdate_FailedStatement(t *testing.T) {
	t.Parallel()
	s := open(t, pgstore.Options{})
	for _, write := range []bool{false, true} {
		runs := 0
		err := s.Update(t.Context(), func(w store.Writer) error {
			runs++
			_, err := sql(t, w).Exec(t.Context(), "SELECT 1/0")
			require.Error(t, err)
			if write {
				return w.Put([]byte("a"), []byte("1"))
			}
			return nil
		})
		require.Error(t, err, "write: %t", write)
		require.NotErrorIs(t, err, store.ErrCommitUnknown)
		require.Equal(t, 1, runs)
		require.Equal(t, "none", value(t, s, "a"))
	}
}

func TestUpdate_Contexts(t *testing.T) {
	t.Parallel()
	s := open(t, pgstore.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Update(ctx, func(w store.Writer) error {
		tx := sql(t, w)
		go cancel()
		_, err := tx.Exec(ctx, "SELECT pg_sleep(60)")
		require.Error(t, err)
		return w.Put([]byte("a"), []byte("1"))
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, "none", value(t, s, "a"))
}

// TestSQL writes to a table of the application in the transaction of an Update.
func TestSQL(t *testing.T) {
	t.Parallel()
	s := open(t, pgstore.Options{})
	table := newName() + "_payments"
	admin(t, "CREATE TABLE "+table+" (who text PRIMARY KEY)")
	count := func() (n int) {
		require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
			return sql(t, w).QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n)
		}))
		return n
	}
	pay := func(end error) error {
		return s.Update(t.Context(), func(w store.Writer) error {
			if err := w.Put([]byte("a"), []byte("1")); err != nil {
				return err
			}
			bucket, err := store.Bucket(w, "app")
			require.NoError(t, err)
			if _, err := sql(t, bucket).Exec(t.Context(), "INSERT INTO "+table+" VALUES ('bob')"); err != nil {
				return err
			}
			return end
		})
	}
	require.Equal(t, errRefused, pay(errRefused))
	require.Zero(t, count())
	require.Equal(t, "none", value(t, s, "a"))
	require.NoError(t, pay(nil))
	require.Equal(t, 1, count())
	require.Equal(t, "1", value(t, s, "a"))
	require.ErrorContains(t, pay(nil), "23505", "the error of the application's statement")

	var kept pgx.Tx
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		kept = sql(t, w)
		require.Error(t, kept.Commit(t.Context()))
		require.Error(t, kept.Rollback(t.Context()))
		point, err := kept.Begin(t.Context())
		require.NoError(t, err)
		_, err = point.Exec(t.Context(), "INSERT INTO "+table+" VALUES ('bob')")
		require.Error(t, err)
		require.NoError(t, point.Rollback(t.Context()))
		return w.Put([]byte("a"), []byte("2"))
	}))
	require.Equal(t, "2", value(t, s, "a"), "a statement that failed within a savepoint")
	_, err := kept.Exec(t.Context(), "DELETE FROM "+table)
	require.Error(t, err)
	require.Equal(t, 1, count())
}

// TestSQL_Conflicts increments a number of the application. It drops the errors: a conflict makes
// the function run again all the same.
func TestSQL_Conflicts(t *testing.T) {
	t.Parallel()
	s := open(t, pgstore.Options{})
	table := newName() + "_number"
	admin(t, "CREATE TABLE "+table+" (n int)")
	admin(t, "INSERT INTO "+table+" VALUES (0)")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 10 {
				err := s.Update(context.Background(), func(w store.Writer) error {
					tx := sql(t, w)
					var n int
					if tx.QueryRow(context.Background(), "SELECT n FROM "+table).Scan(&n) == nil {
						_, _ = tx.Exec(context.Background(), "UPDATE "+table+" SET n = $1", n+1)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		var n int
		require.NoError(t, sql(t, w).QueryRow(t.Context(), "SELECT n FROM "+table).Scan(&n))
		require.Equal(t, 40, n)
		return nil
	}))
}

// TestBlobs_Large streams 10 MiB through readers that hold nothing.
func TestBlobs_Large(t *testing.T) {
	t.Parallel()
	s := open(t, pgstore.Options{})
	b := s.Blobs()
	defer func() { require.NoError(t, b.Close()) }()
	const size = 10<<20 + 7
	require.NoError(t, b.Put(t.Context(), "large", io.LimitReader(pattern{}, size)))
	r, err := b.Get(t.Context(), "large")
	require.NoError(t, err)
	n, err := io.Copy(io.Discard, r)
	require.NoError(t, err)
	require.Equal(t, int64(size), n)
	at, err := r.(io.Seeker).Seek(-9, io.SeekEnd)
	require.NoError(t, err)
	rest, err := io.ReadAll(r)
	require.NoError(t, err)
	want := make([]byte, size-at)
	_, _ = pattern{}.Read(want)
	require.Equal(t, want, rest)
	cut := io.MultiReader(io.LimitReader(pattern{}, 1<<20), failing{io.ErrUnexpectedEOF})
	require.Equal(t, io.ErrUnexpectedEOF, b.Put(t.Context(), "cut", cut), "an end that is none")
	_, err = b.Get(t.Context(), "cut")
	require.ErrorIs(t, err, store.ErrNoBlob)
}

// A pattern is an endless stream of one byte.
type pattern struct{}

func (pattern) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func isUnknown(err error) bool { return errors.Is(err, store.ErrCommitUnknown) }

// TestBlobs_Leftovers deletes a large content while it is read. Its chunks go when it is not read any
// more.
func TestBlobs_Leftovers(t *testing.T) {
	t.Parallel()
	s := open(t, pgstore.Options{})
	b := s.Blobs()
	chunks := func() (n int) {
		require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
			return sql(t, w).QueryRow(t.Context(), "SELECT (SELECT count(*) FROM "+s.Name()+"_chunks) + (SELECT count(*) FROM "+s.Name()+"_leftovers)").Scan(&n)
		}))
		return n
	}
	require.NoError(t, b.Put(t.Context(), "a", io.LimitReader(pattern{}, 1<<20)))
	require.Equal(t, 4, chunks())
	r, err := b.Get(t.Context(), "a")
	require.NoError(t, err)
	require.NoError(t, b.Delete(t.Context(), "a"))
	require.NoError(t, b.Tidy(t.Context()))
	require.Equal(t, 5, chunks(), "it is young")
	admin(t, "UPDATE "+s.Name()+"_leftovers SET used = now() - interval '9 minutes'")
	_, err = io.CopyN(io.Discard, r, 500<<10)
	require.NoError(t, err)
	admin(t, "UPDATE "+s.Name()+"_leftovers SET used = used - interval '9 minutes'")
	require.NoError(t, b.Tidy(t.Context()))
	require.Equal(t, 5, chunks(), "it is being read")
	admin(t, "UPDATE "+s.Name()+"_leftovers SET used = used - interval '2 minutes'")
	require.NoError(t, b.Tidy(t.Context()))
	require.Zero(t, chunks())
	_, err = io.Copy(io.Discard, r)
	require.ErrorIs(t, err, store.ErrNoBlob)
	require.NoError(t, b.Put(t.Context(), "small", io.LimitReader(pattern{}, 9)))
	require.NoError(t, b.Delete(t.Context(), "small"))
	require.Zero(t, chunks(), "a small one goes at once")
	require.NoError(t, b.Close())
}
