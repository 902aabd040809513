package pgstore_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/pgstore"
)

// trips counts round trips: how often a connection reads after it has written.
type trips struct{ count atomic.Int64 }

type countedConn struct {
	net.Conn
	trips *trips
	wrote atomic.Bool
}

func (c *countedConn) Write(p []byte) (int, error) {
	c.wrote.Store(true)
	return c.Conn.Write(p)
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.wrote.Swap(false) {
		c.trips.count.Add(1)
	}
	return n, err
}

// counted opens a store whose round trips are counted, with a pool of one connection.
func counted(t *testing.T, options pgstore.Options) (*pgstore.Store, *trips) {
	config, err := pgxpool.ParseConfig(url(t))
	require.NoError(t, err)
	counter := &trips{}
	config.MaxConns = 1
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &countedConn{Conn: c, trips: counter}, err
	}
	config.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false }
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	options.Name = newName()
	s, err := pgstore.New(t.Context(), pool, &options)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s, counter
}

// TestStore_RoundTrips counts the round trips of transactions whose statements are prepared.
func TestStore_RoundTrips(t *testing.T) {
	t.Parallel()
	s, trips := counted(t, pgstore.Options{Notify: true})
	key, other := []byte("key"), []byte("other")
	fetch := func(r store.Reader) error {
		_, _, err := store.Fetch(r, [][]byte{key, other}, []store.Range{store.Prefix([]byte("k")), {Reverse: true}})
		return err
	}
	update := func(fn func(w store.Writer) error) func() error {
		return func() error { return s.Update(t.Context(), fn) }
	}
	for _, test := range []struct {
		name string
		want int64
		run  func() error
	}{
		{"an Update that reads once", 2, update(func(w store.Writer) error {
			store.Claim(w, key)
			if err := fetch(w); err != nil {
				return err
			}
			if _, err := store.Number(w); err != nil {
				return err
			}
			if _, err := store.Settled(w); err != nil {
				return err
			}
			store.Announce(w, "topic")
			if err := w.Put(key, other); err != nil {
				return err
			}
			return w.Delete(other)
		})},
		{"an Update with a bucket", 2, update(func(w store.Writer) error {
			if err := fetch(w); err != nil {
				return err
			}
			b, err := store.Bucket(w, "bucket")
			if err != nil {
				return err
			}
			return b.Put(key, other)
		})},
		{"an Update that reads twice, the second time what it has written", 3, update(func(w store.Writer) error {
			if err := w.Put(key, other); err != nil {
				return err
			}
			if err := fetch(w); err != nil {
				return err
			}
			return fetch(w)
		})},
		{"an Update that only writes", 1, update(func(w store.Writer) error { return w.Put(key, key) })},
		{"an Update that only reads", 2, update(func(w store.Writer) error { return fetch(w) })},
		{"an Update that does nothing", 0, update(func(store.Writer) error { return nil })},
	} {
		require.NoError(t, test.run()) // prepares the statements
		before := trips.count.Load()
		require.NoError(t, test.run())
		require.Equal(t, test.want, trips.count.Load()-before, test.name)
	}

	// The caller of a View does not wait for its end. The next transaction of the only connection does.
	view := func() {
		require.NoError(t, s.View(t.Context(), fetch))
		require.NoError(t, s.Update(t.Context(), func(w store.Writer) error { return w.Put(key, key) }))
	}
	view()
	before := trips.count.Load()
	view()
	require.Equal(t, int64(1+1+1), trips.count.Load()-before, "the read, the end, and the Update")
}
